"""Bytes in the Vietnamese encodings that Python has no codec for, TCVN3 (ABC) and VNI → text in NFC.

TCVN3 is the third form of TCVN 5712:1993 (VN3): one byte a letter, ASCII below 0x80; capitals with a tone have no byte of their
own (they are written in fonts of capitals). VNI for Windows writes a letter and then its marks as a second byte.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping

_TCVN3 = {
    **dict(zip(range(0xA1, 0xAF), "ĂÂÊÔƠƯĐăâêôơưđ", strict=True)),
    **dict(zip(range(0xB5, 0xBA), "àảãáạ", strict=True)),
    **dict(zip(range(0xBB, 0xBF), "ằẳẵắ", strict=True)),
    **dict(zip(range(0xC6, 0xCD), "ặầẩẫấậè", strict=True)),
    **dict(zip(range(0xCE, 0xD9), "ẻẽéẹềểễếệìỉ", strict=True)),
    **dict(zip(range(0xDC, 0xE0), "ĩíịò", strict=True)),
    **dict(zip(range(0xE1, 0xF0), "ỏõóọồổỗốộờởỡớợù", strict=True)),
    **dict(zip(range(0xF1, 0xFF), "ủũúụừửữứựỳỷỹýỵ", strict=True)),
    0xA0: "\xa0",
}
_TCVN3_TABLE = {byte: _TCVN3.get(byte, "\ufffe") for byte in range(0x80, 256)}
"""U+FFFE, which is no character, is a byte that stands for nothing."""

_GRAVE, _ACUTE, _HOOK, _TILDE, _DOT = "\u0300", "\u0301", "\u0309", "\u0303", "\u0323"
_CIRCUMFLEX, _BREVE = "\u0302", "\u0306"
_TONES = {0xF8: _GRAVE, 0xF9: _ACUTE, 0xFB: _HOOK, 0xF5: _TILDE, 0xEF: _DOT}
_HATS = {0xE2: "", 0xE0: _GRAVE, 0xE1: _ACUTE, 0xE5: _HOOK, 0xE3: _TILDE, 0xE4: _DOT}
_BREVES = {0xEA: "", 0xE8: _GRAVE, 0xE9: _ACUTE, 0xFA: _HOOK, 0xFC: _TILDE, 0xEB: _DOT}
_ALONE = {
    0xED: "í",
    0xEC: "ì",
    0xE6: "ỉ",
    0xF3: "ĩ",
    0xF2: "ị",
    0xEE: "ỵ",
    0xF1: "đ",
    0xF4: "ơ",
    0xF6: "ư",
    0xA0: "\xa0",
}


def _vni() -> dict[str, str]:
    """One or two characters of Latin-1 → a letter; a mark's byte is 0x20 lower behind a capital."""
    found = {chr(byte): letter for byte, letter in _ALONE.items()}
    for letters, marks, more in (("aeouyôö", _TONES, ""), ("aeo", _HATS, _CIRCUMFLEX), ("a", _BREVES, _BREVE)):
        for letter in letters:
            base = {"ô": "ơ", "ö": "ư"}.get(letter, letter)
            for byte, tone in marks.items():
                found[letter + chr(byte)] = unicodedata.normalize("NFC", base + more + tone)
    for key, value in list(found.items()):
        if key != "\xa0":
            found[key.upper()] = value.upper()
    return found


_VNI: Mapping[str, str] = _vni()
_VNI_UNITS = re.compile("|".join(map(re.escape, sorted(_VNI, key=len, reverse=True))) + r"|[\x80-\xff]")


def tcvn3(data: bytes) -> str:
    """Decode TCVN3.

    Raises:
        UnicodeDecodeError: a byte stands for nothing.
    """
    text = data.decode("latin-1").translate(_TCVN3_TABLE)
    at = text.find("\ufffe")
    if at >= 0:
        raise UnicodeDecodeError("tcvn3", data, at, at + 1, "stands for nothing")
    return text


def vni(data: bytes) -> str:
    """Decode VNI for Windows.

    Raises:
        UnicodeDecodeError: a byte is neither a letter nor a mark that its letter can bear.
    """

    def letter(match: re.Match[str]) -> str:
        known = _VNI.get(match[0])
        if known is None:
            raise UnicodeDecodeError("vni", data, match.start(), match.end(), "stands for nothing")
        return known

    return _VNI_UNITS.sub(letter, data.decode("latin-1"))


def windows_1258(data: bytes) -> str:
    """Decode windows-1258, whose tones are characters of their own: they are joined to their letters.

    Raises:
        UnicodeDecodeError: a byte stands for nothing.
    """
    return unicodedata.normalize("NFC", data.decode("cp1258"))


DECODERS: Mapping[str, Callable[[bytes], str]] = {
    "tcvn3": tcvn3,
    "vni": vni,
    **dict.fromkeys(("cp1258", "windows-1258"), windows_1258),
}
"""By a profile's ``encoding``, in lower case with hyphens."""
