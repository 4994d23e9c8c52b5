"""Any text in; at most 160 characters that a short message carries in its basic alphabet out.

The alphabet is the GSM 7-bit default alphabet (3GPP TS 23.038, 6.2.1), of which only what is also ASCII is used here;
characters of its extension table count twice and are replaced.
"""

import unicodedata

SHORT = 160
_ALPHABET = frozenset("@$_!\"#%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz \n")
_REPLACED = str.maketrans("đĐ[]{}|\\~^–—’‘“”`\t", "dD()()//----''\"\"' ") | {ord("…"): "...", ord("€"): "EUR"}


def folded(text: str) -> str:
    """The text without diacritics, in the basic alphabet; what has no likeness there becomes ``?``."""
    apart = unicodedata.normalize("NFD", text).translate(_REPLACED)
    return "".join(char if char in _ALPHABET else "?" for char in apart if not unicodedata.combining(char))


def short(head: str, middle: str, tail: str) -> str:
    """One short message; what is too long is cut in the middle part, so that number and link stay whole.

    Args:
        head: what it is about: level and number.
        middle: the title; cut where there is no room.
        tail: where to look.
    """
    head, middle, tail = folded(head).strip(), folded(middle).strip(), folded(tail).strip()
    room = SHORT - len(head) - len(tail) - (2 if tail else 1)
    if len(middle) > room:
        middle = middle[: max(0, room - 3)].rstrip() + "..." if room > 3 else ""
    return " ".join(part for part in (head, middle, tail) if part)[:SHORT]
