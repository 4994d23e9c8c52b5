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


@lru_cache(maxsize=8192)
def _rfc7042(text: str) -> str:
    return text.replace(":", "-").upper()


def mac(text: str) -> str:
    """``00:00:5e:00:53:23`` or Cisco's ``0000.5e00.5323`` as ECS has it (RFC 7042 §2.1: ``00-00-5E-00-53-23``); else as it came."""
    if len(text) == 14 and text[4] == text[9] == ".":
        text = f"{text[:2]}:{text[2:4]}:{text[5:7]}:{text[7:9]}:{text[10:12]}:{text[12:]}"
    return _rfc7042(text) if len(text) == 17 else text


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
    elif "%" in text and is_ip(text.partition("%")[0]):  # RFC 4007 §11: the zone says something on that host only
        fields[side + ".ip"] = text.partition("%")[0]
    else:
        fields[side + ".address"] = text
        fields[side + ".domain"] = text
