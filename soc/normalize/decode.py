r"""Bytes → text that JSON can hold, and back: no byte is lost, none is guessed at in silence.

UTF-8 is taken as it is. Else the profile's own encoding, if it has one that fits. Else each byte that is no UTF-8 becomes
its visible escape ``\xNN``; so that this can be undone, a literal ``\x`` in such a line is written ``\x5cx``. Lone
surrogates, which Python's ``surrogateescape`` would give, cannot be encoded as JSON and are never produced.
"""

import re

from soc.normalize.vietnamese import DECODERS

_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


def decode(data: bytes, encoding: str) -> tuple[str, bool]:
    """The text, and whether escapes had to be made.

    Args:
        data: any bytes.
        encoding: what the source is said to write beside UTF-8, a codec of Python's or one of ``soc.normalize.vietnamese``;
            ``utf-8`` for nothing else.
    """
    try:
        return data.decode(), False
    except UnicodeDecodeError:
        pass
    name = encoding.lower().replace("_", "-")
    if name not in ("utf-8", "utf8"):
        ours = DECODERS.get(name)
        try:
            text = data.decode(encoding) if ours is None else ours(data)
            text.encode()  # some codecs (utf-7, unicode_escape) can give lone surrogates
        except UnicodeError:
            pass
        else:
            return text, False
    return data.replace(b"\\x", b"\\x5cx").decode(errors="backslashreplace"), True


def restore(text: str) -> bytes:
    """The bytes of a text that ``decode`` had to escape."""
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), text.encode())
