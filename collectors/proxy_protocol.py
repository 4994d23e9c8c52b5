"""The PROXY protocol, versions 1 and 2: the first bytes of a connection in, the sender that a proxy announces out; no socket.

After "The PROXY protocol, versions 1 & 2" (HAProxy, proxy-protocol.txt). Whose header is believed is the listener's to decide:
anybody can write one, so only connections from an allow-list come here, and for them a header is required (§5: a receiver
must not guess whether there is one).
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # §2.2
LONGEST_V1 = 107  # §2.1, with its CR LF
_HEAD_V2 = 16
_V1 = re.compile(
    rb"PROXY (?:(?P<family>TCP[46]) (?P<source>[0-9A-Fa-f.:]{2,39}) (?P<target>[0-9A-Fa-f.:]{2,39})"
    rb" (?P<port>0|[1-9][0-9]{0,4}) (?:0|[1-9][0-9]{0,4})|UNKNOWN(?: [^\r\n]*)?)\r\n"
)
_INET, _INET6 = 1, 2
_ADDRESSES_LENGTH = {0: 0, _INET: 12, _INET6: 36, 3: 216}  # §2.2: unspecified, IPv4, IPv6, UNIX


class ProxyError(Exception):
    """The connection does not begin with a correct header; it says why, without any of its bytes."""


class Announced(NamedTuple):
    """One header.

    Attributes:
        length: how many bytes it took; what follows is the sender's.
        peer: the sender's address and port; None where the header names none that could be a source of logs (LOCAL: the proxy
            speaks for itself, a health check; UNKNOWN or unspecified; a UNIX socket of the proxy's own machine). The
            connection's own peer is then the sender (§2.1, §2.2).
    """

    length: int
    peer: tuple[str, int] | None


class Believed:
    """The networks whose headers are believed.

    Args:
        networks: addresses and networks, IPv4 or IPv6.

    Raises:
        ValueError: one is no network.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(text, strict=False) for text in networks]

    def __contains__(self, host: str) -> bool:
        """Whether a peer, as the kernel names it, may announce others; an IPv4 address mapped into IPv6 is that IPv4 address."""
        if not self._networks:
            return False
        address: IPv4Address | IPv6Address = ip_address(host.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def parse_header(data: bytes) -> Announced | None:
    """Read the header at the beginning of a connection.

    Returns:
        None while it is not whole; it never needs more than 16 + 65,535 bytes.

    Raises:
        ProxyError: there is none, or it is not correct.
    """
    if data.startswith(SIGNATURE):
        return _version_2(data)
    if SIGNATURE.startswith(data) or b"PROXY ".startswith(data):
        return None
    if not data.startswith(b"PROXY "):
        raise ProxyError("no PROXY header")
    return _version_1(data)


def _version_1(data: bytes) -> Announced | None:
    end = data.find(b"\r\n", 0, LONGEST_V1)
    if end < 0:
        if len(data) >= LONGEST_V1:
            raise ProxyError("a header of version 1 without an end")
        return None
    found = _V1.fullmatch(data, 0, end + 2)
    if found is None:
        raise ProxyError("a header of version 1 that cannot be read")
    if found["family"] is None:
        return Announced(end + 2, None)
    try:
        source, target = ip_address(found["source"].decode()), ip_address(found["target"].decode())
    except ValueError as error:
        raise ProxyError("a header of version 1 with a wrong address") from error
    if source.version != target.version or source.version != int(found["family"][3:]) or int(found["port"]) > 65535:
        raise ProxyError("a header of version 1 with addresses of another family, or a wrong port")
    return Announced(end + 2, (_written(source), int(found["port"])))


def _version_2(data: bytes) -> Announced | None:
    if len(data) < _HEAD_V2:
        return None
    version, command, family = data[12] >> 4, data[12] & 0x0F, data[13] >> 4
    if version != 2 or command > 1:
        raise ProxyError("a header of another version, or with an unknown command")
    if family not in _ADDRESSES_LENGTH or data[13] & 0x0F > 2:
        raise ProxyError("a header of version 2 with an unknown family of addresses")
    length = int.from_bytes(data[14:16], "big")
    if command == 1 and length < _ADDRESSES_LENGTH[family]:
        raise ProxyError("a header of version 2 that is shorter than its addresses")
    end = _HEAD_V2 + length
    if len(data) < end:
        return None
    if command == 0 or family not in (_INET, _INET6):
        return Announced(end, None)
    # what follows the addresses are TLVs (§2.2.1): nothing here needs them
    if family == _INET:
        return Announced(end, (str(IPv4Address(data[16:20])), int.from_bytes(data[24:26], "big")))
    return Announced(end, (_written(IPv6Address(data[16:32])), int.from_bytes(data[48:50], "big")))


def _written(address: IPv4Address | IPv6Address) -> str:
    """As peers are named everywhere: IPv4 mapped into IPv6 as IPv4."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
