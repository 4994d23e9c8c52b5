r"""A LEEF message (IBM QRadar Log Event Extended Format 1.0 and 2.0) → its header and its attributes.

``LEEF:1.0|Vendor|Product|Version|EventID|`` and pairs parted by tabs; ``LEEF:2.0`` has one more field, the character that parts
them, as itself or as ``xHH``; empty or left out it is the tab. Some devices write 1.0 with bars (PAN-OS up to 9). A value is whatever stands behind the first ``=``: the format
knows no escape in it.
"""

import re

_FIELD = r"([^|\\]{0,1023}(?:\\.[^|\\]{0,1023}){0,64})"
_HEADER = re.compile(rf"LEEF: ?([12])(?:\.\d)?\|{_FIELD}\|{_FIELD}\|{_FIELD}\|{_FIELD}(?:\||$)", re.DOTALL)
_HEADER_ESCAPE = re.compile(r"\\([|\\])")
_DELIMITER = re.compile(r"(?:(?:0?x|\\x|\\u)([0-9A-Fa-f]{2,4})|(\\t)|([^\w\s=\\]?))\|", re.ASCII)
_BLANKS = re.compile(r"(?:^|[ \t])([A-Za-z_][\w.-]{0,127})=", re.ASCII)
_BARS = re.compile(r"(?:^|\|)([A-Za-z_][\w.-]{0,127})=", re.ASCII)

_RELAYED_TAB = "#011"
"""What a syslog relay makes of a tab (rsyslog, EscapeControlCharactersOnReceive)."""


def _delimiter(version: str, text: str, start: int) -> tuple[str, int]:
    if version != "2":
        return "\t", start
    if text.startswith("||", start):
        return "|", start + 2
    match = _DELIMITER.match(text, start)
    if match is None:
        return "\t", start
    if match[1]:
        return chr(int(match[1], 16)), match.end()
    return (match[3] or "\t"), match.end()


def attributes(text: str, delimiter: str) -> dict[str, str]:
    """The pairs; of a key that comes twice the first."""
    if delimiter == "\t" and "\t" not in text:
        if _RELAYED_TAB in text:
            delimiter = _RELAYED_TAB
        else:  # a relay made blanks of the tabs, or the device writes bars: a value ends before the next key
            bars = _BARS.split(text)
            parts = bars if len(bars) > 7 and _BLANKS.search(bars[2]) is None else _BLANKS.split(text)
            pairs = list(zip(parts[1::2], parts[2::2], strict=True))
            return {key: value.rstrip() for key, value in reversed(pairs)}
    found: dict[str, str] = {}
    for part in text.split(delimiter):
        key, mark, value = part.partition("=")
        key = key.strip()
        if mark and key and key not in found:
            found[key] = value.rstrip("\r\n")
    return found


def read(text: str, start: int = 0) -> tuple[tuple[str, str, str, str], dict[str, str]] | None:
    """Read a message.

    Args:
        text: the line.
        start: where ``LEEF:`` stands in it.

    Returns:
        ((vendor, product, version, event id), attributes), or None: no header of LEEF.
    """
    head = _HEADER.match(text, start)
    if head is None:
        return None
    delimiter, at = _delimiter(head[1], text, head.end())
    vendor, product, version, code = (_HEADER_ESCAPE.sub(r"\1", part) for part in head.groups()[1:])
    return (vendor, product, version, code), attributes(text[at:], delimiter)
