"""Vietnamese legacy encodings, on words as people write them: TCVN3, VNI, windows-1258; and what is none of them."""

import unicodedata

import pytest

from soc.errors import SettingsError
from soc.model.event import Event
from soc.model.record import RawRecord
from soc.normalize.decode import decode, restore
from soc.normalize.normalizer import Normalizer
from soc.normalize.vietnamese import DECODERS, tcvn3, vni
from soc.settings import SourceProfile, parse

WORDS = [
    ("Tây Ninh", b"T\xa9y Ninh", b"Ta\xe2y Ninh"),
    ("đăng nhập thất bại", b"\xae\xa8ng nh\xcbp th\xcat b\xb9i", b"\xf1a\xeang nha\xe4p tha\xe1t ba\xefi"),
    ("người dùng", b"ng\xad\xeai d\xefng", b"ng\xf6\xf4\xf8i du\xf8ng"),
    ("Ủy ban nhân dân tỉnh", None, b"U\xdby ban nha\xe2n da\xe2n t\xe6nh"),
    ("Đường Cách Mạng Tháng Tám", b"\xa7\xad\xeang C\xb8ch M\xb9ng Th\xb8ng T\xb8m", b"\xd1\xf6\xf4\xf8ng Ca\xf9ch Ma\xefng Tha\xf9ng Ta\xf9m"),
    ("kế toán trưởng", b"k\xd5 to\xb8n tr\xad\xebng", b"ke\xe1 toa\xf9n tr\xf6\xf4\xfbng"),
    ("quyết định số", b"quy\xd5t \xae\xdenh s\xe8", b"quye\xe1t \xf1\xf2nh so\xe1"),
    ("Nguyễn Thị Mỹ Lệ", b"Nguy\xd4n Th\xde M\xfc L\xd6", b"Nguye\xe3n Th\xf2 My\xf5 Le\xe4"),
    ("mặt bằng, mẫu đơn", b"m\xc6t b\xbbng, m\xc9u \xae\xacn", b"ma\xebt ba\xe8ng, ma\xe3u \xf1\xf4n"),
    ("sửa chữa, kỳ, kỷ, ký, kỵ", b"s\xf6a ch\xf7a, k\xfa, k\xfb, k\xfd, k\xfe", b"s\xf6\xfba ch\xf6\xf5a, ky\xf8, ky\xfb, ky\xf9, k\xee"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "data"), [(text, data) for text, data, _ in WORDS if data is not None])
def test_words_in_tcvn3_are_read(text: str, data: bytes):
    assert tcvn3(data) == text == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(("text", "data"), [(text, data) for text, _, data in WORDS])
def test_words_in_vni_are_read(text: str, data: bytes):
    assert vni(data) == text == unicodedata.normalize("NFC", text)


TONES = "\u0300\u0301\u0303\u0309\u0323"
LETTERS = "aàảãáạăằẳẵắặâầẩẫấậeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵđ"


@pytest.mark.parametrize("name", ["tcvn3", "vni"])
def test_every_letter_of_vietnamese_has_bytes(name: str):
    singles = [bytes([first]) for first in range(256)]
    units = singles if name == "tcvn3" else singles + [bytes([a, b]) for a in range(256) for b in range(0x80, 256)]
    read: dict[str, list[bytes]] = {}
    for unit in units:
        try:
            text = DECODERS[name](unit)
        except UnicodeDecodeError:
            continue
        if len(text) == 1:
            read.setdefault(text, []).append(unit)
    assert not set(LETTERS) - read.keys()
    if name == "vni":
        assert not set(LETTERS.upper()) - read.keys()
    else:  # capitals with a tone are written with a font of capitals
        assert all(len(read[letter]) == 1 for letter in LETTERS + "ĂÂÊÔƠƯĐ")


@pytest.mark.parametrize("text", [text for text, _, _ in WORDS])
def test_words_in_windows_1258_have_their_tones_joined(text: str):
    written = b""
    for (
        letter
    ) in text:  # as Windows writes it: hats and horns in the letter, a tone behind it where there is no such letter
        parts = unicodedata.normalize("NFD", letter)
        tone = "".join(part for part in parts if part in TONES)
        base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in TONES))
        try:
            written += letter.encode("cp1258")
        except UnicodeEncodeError:
            written += (base + tone).encode("cp1258")
    assert decode(written, "windows-1258") == (text, False)


@pytest.mark.parametrize("name", ["tcvn3", "vni"])
def test_a_byte_that_stands_for_nothing_leaves_the_line_escaped_and_restorable(name: str):
    data = b"x \x80\xff y"
    text, escaped = decode(data, name)
    assert escaped
    assert restore(text) == data


def test_utf_8_is_taken_as_it_is_whatever_the_profile_says():
    assert decode("đăng nhập".encode(), "tcvn3") == ("đăng nhập", False)


def test_a_profile_names_the_encoding_and_the_event_holds_the_words():
    profile = SourceProfile(name="old", product="syslog", encoding="TCVN3")
    normalizer = Normalizer((profile,), timezone="Asia/Ho_Chi_Minh", lateness=600_000_000, future_skew=5_000_000)
    line = b"<13>Nov 22 15:00:00 srv1 portal: ng\xad\xeai d\xefng lan \xae\xa8ng nh\xcbp th\xcat b\xb9i"
    record = RawRecord(line, 1_795_334_410_000_000, "udp", "192.0.2.1:514", "192.0.2.1", profile="old")
    event = normalizer.normalize(record, "id", 0)
    assert isinstance(event, Event)
    assert event.fields["message"] == "người dùng lan đăng nhập thất bại"
    assert "tags" not in event.fields


def test_an_encoding_that_nobody_knows_is_refused_with_those_there_are():
    with pytest.raises(SettingsError, match="tcvn3, vni"):
        parse('[[sources]]\nname = "a"\nencoding = "viscii"\n', {})
