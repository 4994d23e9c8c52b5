"""What the finders give: where something stands in a text and of which kind it is, never the value itself."""

from typing import Literal, NamedTuple

Kind = Literal[
    "cccd",  # citizen identity number, 12 digits
    "cmnd",  # the older identity number, 9 digits
    "passport",
    "tax_code",
    "bank_account",
    "card",
    "phone",
    "mail",
    "plate",
    "person",
    "coordinates",
    "account",
    "password",
    "token",
    "cookie",
    "query",
    "internal_address",  # these four only where somebody says what is internal (soc.privacy.inside)
    "internal_host",
    "path",
    "known_account",
]


class Found(NamedTuple):
    """One identifier or secret in a text.

    Attributes:
        start, end: offsets in the text as it was given, in characters.
        kind: what it is.
    """

    start: int
    end: int
    kind: Kind


def merged(found: list[Found]) -> tuple[Found, ...]:
    """In order and without overlap: of two that overlap one remains, over both, with the kind of the longer one."""
    result: list[Found] = []
    for item in sorted(found):
        last = result[-1] if result else None
        if last is None or item.start >= last.end:
            result.append(item)
            continue
        longer = item if item.end - item.start > last.end - last.start else last
        result[-1] = Found(last.start, max(last.end, item.end), longer.kind)
    return tuple(result)
