r"""A CEF message (ArcSight Common Event Format, implementation standard revision 25) → its header and its extension.

``CEF:Version|Device Vendor|Device Product|Device Version|Device Event Class ID|Name|Severity|Extension``. In the header ``|``
and ``\`` are escaped, in the extension ``=`` and ``\`` and line ends. A value ends where a blank and the next ``key=`` stand.
"""

import re

_FIELD = r"([^|\\]{0,1023}(?:\\.[^|\\]{0,1023}){0,64})"
_HEADER = re.compile(rf"CEF: ?\d{{1,2}}(?:\.\d{{1,2}})?\|{_FIELD}\|{_FIELD}\|{_FIELD}\|{_FIELD}\|", re.DOTALL)
_NAME = re.compile(rf"{_FIELD}\|{_FIELD}(?:\||$)", re.DOTALL)
_SEVERITY = r"\d{1,3}|Unknown|Low|Medium|High|Very-High"
# senders that do not escape a pipe in Name: the field behind it is a severity, which can be told
_NAME_WITH_PIPES = re.compile(rf"(.{{0,1023}}?)\|({_SEVERITY})(?:\||$)", re.DOTALL | re.IGNORECASE)
_SEVERITIES = re.compile(_SEVERITY, re.IGNORECASE | re.ASCII)

_KEY = re.compile(r"(?:^|[ \t\n])([A-Za-z_][\w.:@/\[\]-]{0,127})=", re.ASCII)
_HEADER_ESCAPE = re.compile(r"\\([|\\])")
_ESCAPE = re.compile(r"\\([=|\\nr\"])")
_ONLY_MARKS = re.compile(r"\\([=|])")
_WELL_ESCAPED = re.compile(r"[^\\]*(?:\\[=|\\nr\"][^\\]*)*", re.DOTALL)
_BARE_PATH = re.compile(r"(?:^|[\s\"'(])[A-Za-z]:\\(?![\\=|])")
_MEANING = {"n": "\n", "r": "\r"}

_ONE_LINE = frozenset(
    [
        *(
            "suser",
            "duser",
            "suid",
            "duid",
            "sntdom",
            "dntdom",
            "shost",
            "dhost",
            "sproc",
            "dproc",
            "fname",
            "filePath",
        ),
        *("oldFileName", "oldFilePath", "deviceProcessName", "deviceNtDomain", "sourceUserName", "destinationUserName"),
    ]
)
r"""Names of users, hosts and files: no line end stands in them, so ``CORP\nam`` is a domain and a user."""


def _meant(match: re.Match[str]) -> str:
    return _MEANING.get(match[1], match[1])


def _value(key: str, text: str) -> str:
    """A value with its escapes undone, as far as the sender wrote escapes at all."""
    text = text.rstrip(" \t\r\n")
    # a backslash before any other letter is no escape, and behind a drive letter none is meant either
    if _WELL_ESCAPED.fullmatch(text) is None or _BARE_PATH.search(text) is not None:
        return _ONLY_MARKS.sub(r"\1", text)
    if key in _ONE_LINE and "\\\\" not in text:
        return _ONLY_MARKS.sub(r"\1", text)
    return _ESCAPE.sub(_meant, text)


def extension(text: str) -> dict[str, str]:
    """The pairs of an extension; of a key that comes twice the first. Blanks before the next key are not of the value."""
    parts = _KEY.split(text)
    found: dict[str, str] = {}
    for key, value in zip(parts[1::2], parts[2::2], strict=True):
        if key not in found:
            found[key] = _value(key, value) if "\\" in value else value.rstrip(" \t\r\n")
    return found


def read(text: str, start: int = 0) -> tuple[tuple[str, str, str, str, str, str], dict[str, str]] | None:
    """Read a message.

    Args:
        text: the line.
        start: where ``CEF:`` stands in it.

    Returns:
        ((vendor, product, version, event class id, name, severity), extension), or None: no header of CEF.
    """
    head = _HEADER.match(text, start)
    if head is None:
        return None
    tail = _NAME.match(text, head.end())
    if tail is None or _SEVERITIES.fullmatch(tail[2]) is None:
        tail = _NAME_WITH_PIPES.match(text, head.end()) or tail
    if tail is None:
        return None
    raw = (*head.groups(), tail[1], tail[2])
    if any("\\" in part for part in raw):
        raw = tuple(_HEADER_ESCAPE.sub(r"\1", part) for part in raw)
    vendor, product, version, code, name, severity = raw
    return (vendor, product, version, code, name, severity), extension(text[tail.end() :])
