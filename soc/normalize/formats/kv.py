r"""``key=value key="quoted \" value"`` → a dictionary, in one pass of one unrolled expression."""

import re

# A key is at most 64 long and follows a separator, so that a long run of key characters costs its length and not its
# square. The quoted form is unrolled (no alternation under a star). A quote that is never closed makes the value empty, and
# what follows is read on.
_PLAIN = re.compile(r'(?:^|[\s,;>])([A-Za-z_][\w.-]{0,63})=(?:"([^"]*)"|([^\s"]*))', re.ASCII)
_PAIR = re.compile(
    r'(?:^|[\s,;>])([A-Za-z_][\w.-]{0,63})=(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s"]*))', re.ASCII | re.DOTALL
)
_ESCAPED = re.compile(r'\\(["\\])')


def pairs(text: str) -> dict[str, str]:
    """The pairs; of a key that comes twice the first is kept, as the sender's own header fields come first.

    Args:
        text: the line; what is no pair is passed over.
    """
    if "\\" not in text:
        found = _PLAIN.findall(text)
        found.reverse()
        return {key: quoted or bare for key, quoted, bare in found}
    found = _PAIR.findall(text)
    found.reverse()
    return {key: _ESCAPED.sub(r"\1", quoted) if quoted else bare for key, quoted, bare in found}
