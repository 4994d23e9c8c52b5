r"""``key=value key="quoted \" value"`` → a dictionary, in one pass of one unrolled expression."""

import re

# A key is at most 64 long and follows a separator, so that a long run of key characters costs its length and not its
# square. The quoted form is unrolled (no alternation under a star). A quote that is never closed makes the value empty, and
# what follows is read on.
_PLAIN = re.compile(r'(?:^|[\s,;>])([A-Za-z_][\w.-]{0,63})=(?:"([^"]*)"|([^\s"]*))', re.ASCII)
_PAIR = re.compile(
    r'(?:^|[\s,;>])([A-Za-z_][\w.-]{0,63})=(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s"]*))', re.ASCII | re.DOTALL
)
_COMMA = re.compile(
    r'(?:^|[,>])[ \t]?([A-Za-z_][\w.-]{0,63})=(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^,"]*))', re.ASCII | re.DOTALL
)
_ESCAPED = re.compile(r'\\(["\\])')


def triples(text: str) -> list[tuple[str, str, str]]:
    """The pairs in their order, repeats too: (key, value if it was quoted, value if it was bare), escapes undone."""
    if "\\" not in text:
        return _PLAIN.findall(text)
    return [
        (key, _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted, bare)
        for key, quoted, bare in _PAIR.findall(text)
    ]


def pairs(text: str) -> dict[str, str]:
    """The pairs; of a key that comes twice the first is kept, as the sender's own header fields come first.

    Args:
        text: the line; what is no pair is passed over.
    """
    found = triples(text)
    found.reverse()
    return {key: quoted or bare for key, quoted, bare in found}


def comma_pairs(text: str) -> dict[str, str]:
    """As ``pairs``, of a line whose pairs are separated by commas: a bare value may hold blanks."""
    found = _COMMA.findall(text)
    found.reverse()
    return {key: _ESCAPED.sub(r"\1", quoted) if quoted else bare.strip() for key, quoted, bare in found}
