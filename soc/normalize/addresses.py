r"""Text → whether it is an IP address, and pieces of ``address:port`` and ``DOMAIN\user`` as logs write them."""

from functools import lru_cache
from ipaddress import ip_address

_LONGEST = 45
"""The longest text form of an address (an IPv4-mapped IPv6 address)."""


@lru_cache(maxsize=65536)
def is_bounded_ip(text: str) -> bool:
    """As ``is_ip``, for text whose length an expression has already bounded: it is remembered whatever it is."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_ip(text: str) -> bool:
    """Whether ``ipaddress.ip_address`` takes it, without a zone index; memoized, because addresses repeat."""
    return len(text) <= _LONGEST and is_bounded_ip(text)


def port(text: str | None) -> int | None:
    """A port or other small number, or None."""
    if text and len(text) <= 9 and text.isascii() and text.isdecimal():
        return int(text)
    return None


def number(text: str | None) -> int | None:
    """A count (bytes, packets) that fits 63 bits, or None."""
    if text and len(text) <= 18 and text.isascii() and text.isdecimal():
        return int(text)
    return None


def put(fields: dict[str, object], side: str, text: str) -> None:
    """Write an address position: ``<side>.ip`` if it is an address, ``<side>.address`` and ``.domain`` if it is a name.

    Args:
        fields: written to.
        side: ``source``, ``destination``, ``source.nat`` ...
        text: what stood there; nothing is written for "" and "-".
    """
    if not text or text == "-":
        return
    if is_ip(text):
        fields[side + ".ip"] = text
    else:
        fields[side + ".address"] = text
        fields[side + ".domain"] = text
