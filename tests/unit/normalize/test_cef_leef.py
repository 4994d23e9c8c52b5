r"""CEF and LEEF: what is encoded as the format says is read back; what senders write instead is read as they meant it."""

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from soc.normalize.formats import cef, leef
from soc.normalize.formats.java_time import device_time, formatted
from soc.normalize.products import device

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DAY = 20779  # 2026-11-22
HEADER = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
KEYS = st.from_regex(r"[A-Za-z][A-Za-z0-9_.\[\]-]{0,10}", fullmatch=True).filter(lambda key: not key.endswith("Label"))
VALUES = st.text(alphabet=st.sampled_from("aZ9 =|\\\n\r\"'é:/,;"), max_size=16).filter(
    # a blank at the end is taken for padding, and a drive letter for a path whose backslashes are none of CEF's
    lambda text: (
        text == text.strip(" ") and not re.search(r"[A-Za-z]:[\n\r\\]", text) and not text.endswith(("\r", "\n"))
    )
)


def _header(*parts: str) -> str:
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def _value(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("=", "\\=")
    return text.replace("\n", "\\n").replace("\r", "\\r")


@settings(max_examples=300, deadline=None)
@given(st.tuples(HEADER, HEADER, HEADER, HEADER, HEADER), st.integers(0, 10), st.dictionaries(KEYS, VALUES, max_size=5))
def test_what_is_encoded_as_cef_is_read_back(
    names: tuple[str, str, str, str, str], severity: int, pairs: dict[str, str]
):
    line = f"CEF:0|{_header(*names, str(severity))}|" + " ".join(f"{key}={_value(text)}" for key, text in pairs.items())
    read = cef.read(line)
    assert read == ((*names, str(severity)), pairs)


@settings(max_examples=300, deadline=None)
@given(
    st.tuples(HEADER, HEADER, HEADER, HEADER),
    st.sampled_from(["\t", "^", "|", "\x05", "~"]),
    st.dictionaries(KEYS, st.text(alphabet="aZ9 =\\\"'é:/,;", max_size=16), min_size=2, max_size=5),
)
def test_what_is_encoded_as_leef_is_read_back(names: tuple[str, str, str, str], delimiter: str, pairs: dict[str, str]):
    assume(delimiter != "^" or "^" not in "".join(names))
    body = delimiter.join(f"{key}={text}" for key, text in pairs.items())
    declared = delimiter if delimiter.isprintable() and delimiter != "\t" else f"x{ord(delimiter):02x}"
    assert leef.read(f"LEEF:2.0|{_header(*names)}|{declared}|{body}") == (names, pairs)
    if delimiter == "\t":
        assert leef.read(f"LEEF:1.0|{_header(*names)}|{body}") == (names, pairs)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"msg=a \= b \\ c \| d act=x", {"msg": "a = b \\ c | d", "act": "x"}),
        (r"msg=first\nsecond\rthird", {"msg": "first\nsecond\rthird"}),
        ("request=http://h.example/?a=1&b=2 act=x", {"request": "http://h.example/?a=1&b=2", "act": "x"}),
        ("msg=a | b | c dst=192.0.2.1", {"msg": "a | b | c", "dst": "192.0.2.1"}),
        ("msg=two  blanks inside   src=1", {"msg": "two  blanks inside", "src": "1"}),
        ("a.b=1 c[0]=2 d_e=3 f-g=4 h:i=5", {"a.b": "1", "c[0]": "2", "d_e": "3", "f-g": "4", "h:i": "5"}),
        (r"fname=C:\temp\new.txt act=x", {"fname": r"C:\temp\new.txt", "act": "x"}),
        (r"fname=C:\\temp\\new.txt act=x", {"fname": r"C:\temp\new.txt", "act": "x"}),
        (r"suser=CORP\nam duser=CORP\\nam", {"suser": r"CORP\nam", "duser": r"CORP\nam"}),
        ("act=1 act=2", {"act": "1"}),
        ("a= b=2", {"a": "", "b": "2"}),
        ("cs1=Ra ngoài cs1Label=Policy Name", {"cs1": "Ra ngoài", "cs1Label": "Policy Name"}),
        ("no pair at all", {}),
        ("", {}),
    ],
)
def test_extensions_are_read_as_senders_write_them(written: str, read: dict[str, str]):
    assert cef.extension(written) == read


def test_a_cef_value_with_an_escaped_equals_sign_and_a_pipe():
    read = cef.read(r"CEF:0|V|P|1|7|a name|5|request=https://h.example/a?x\=1|2 msg=k\=v | w=x act=blocked")
    assert read is not None
    assert read[1]["request"] == "https://h.example/a?x=1|2"
    assert read[1]["msg"] == "k=v |"
    assert (read[1]["w"], read[1]["act"]) == ("x", "blocked")


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("CEF:0|V|P|1|7|n|5|", ("V", "P", "1", "7", "n", "5")),
        ("CEF: 0|V|P|1|7|n|5", ("V", "P", "1", "7", "n", "5")),
        ("CEF:1|V|P|1|7|n|Very-High|a=1", ("V", "P", "1", "7", "n", "Very-High")),
        (r"CEF:0|V\|W|P|1\\2|7|n|5|", ("V|W", "P", "1\\2", "7", "n", "5")),
        ("CEF:0|V|P|1|7|a | bare | pipe|5|a=1", ("V", "P", "1", "7", "a | bare | pipe", "5")),
        ("CEF:0||||||5|", ("", "", "", "", "", "5")),
    ],
)
def test_cef_headers(line: str, header: tuple[str, ...]):
    read = cef.read(line)
    assert read is not None
    assert read[0] == header


@pytest.mark.parametrize("line", ["CEF:0|V|P|1|7", "CEF:x|V|P|1|7|n|5|", "LEEF:1.0|V|P|1", "CEF 0|V|P|1|7|n|5|"])
def test_a_header_that_is_cut_is_none(line: str):
    assert cef.read(line) is None
    assert leef.read(line) is None


@pytest.mark.parametrize(
    "body",
    [
        "|a=1\tb=x y",
        "|^|a=1^b=x y",
        "|x5E|a=1^b=x y",
        "|0x5e|a=1^b=x y",
        "||a=1\tb=x y",
        "|x09|a=1\tb=x y",
        r"|\t|" + "a=1\tb=x y",
        "||| a=1|b=x y",
        "|a=1#011b=x y",
        "|a=1 b=x y",
    ],
)
def test_leef_2_with_any_delimiter_or_none(body: str):
    assert leef.read("LEEF:2.0|V|P|1|7" + body) == (("V", "P", "1", "7"), {"a": "1", "b": "x y"})


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("2026-11-22 15:00:01", "yyyy-MM-dd HH:mm:ss", 1_795_334_401_000_000),
        ("Nov 22 2026 15:00:01", "MMM dd yyyy HH:mm:ss", 1_795_334_401_000_000),
        ("Nov 22 2026 08:00:01.250 +0000", "MMM dd yyyy HH:mm:ss.SSS Z", 1_795_334_401_250_000),
        ("Nov 22 2026 15:00:01.250 GMT+07:00", "MMM dd yyyy HH:mm:ss.SSS z", 1_795_334_401_250_000),
        ("2026-11-22T08:00:01Z", "yyyy-MM-dd'T'HH:mm:ssX", 1_795_334_401_000_000),
        ("22/11/26 03:00:01 PM", "dd/MM/yy hh:mm:ss a", 1_795_334_401_000_000),
        ("yesterday", "yyyy-MM-dd", None),
        ("2026", "yyyyyyyy QQ", None),
        ("2026 2026", "yyyy yyyy", None),
    ],
)
def test_a_stamp_is_read_by_its_pattern(text: str, pattern: str, expected: int | None):
    stamp = formatted(text, pattern, ZONE)
    assert (None if stamp is None else stamp[0]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1795334401250", 1_795_334_401_250_000),
        ("1795334401", 1_795_334_401_000_000),
        ("Nov 22 2026 15:00:01", 1_795_334_401_000_000),
        ("Nov 22 15:00:01", 1_795_334_401_000_000),
        ("Nov 22 2026 08:00:01.250 UTC", 1_795_334_401_250_000),
        ("Nov 22 2026 15:00:01 GMT+07:00", 1_795_334_401_000_000),
        ("2026-11-22T08:00:01.25Z", 1_795_334_401_250_000),
        ("soon", None),
        ("", None),
    ],
)
def test_stamps_of_cef_are_read(text: str, expected: int | None):
    stamp = device_time(text, ZONE, DAY)
    assert (None if stamp is None else stamp[0]) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.text(alphabet="yMdHhmsSaZzX' -:T", max_size=20))
def test_any_pattern_gives_a_stamp_or_none(text: str, pattern: str):
    stamp = formatted(text, pattern, ZONE)
    assert stamp is None or isinstance(stamp[0], int)


def test_a_senders_field_of_an_ecs_name_is_not_taken_for_it():
    fields: dict[str, object] = {}
    line = "CEF:0|V|P|1|7|n|5|event.outcome=maybe source.ip=nowhere other.name=x cs1=1 cs1Label=event.severity"
    assert device.message(line, fields, ZONE, DAY) is not None
    assert "event.outcome" not in fields
    assert "source.ip" not in fields
    assert (fields["other.name"], fields["event.severity"]) == ("x", 5)
