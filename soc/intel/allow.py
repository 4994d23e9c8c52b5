"""What must never be an indicator: one's own networks and names, public resolvers, names that everybody uses.

A feed that lists 8.8.8.8, a file of zero bytes or one's own portal would raise an alert with every second event.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from soc.intel.indicator import Indicator
from soc.intel.value import guess

INTERNAL: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
    *("224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
)
"""Never an address on the Internet (RFC 1122, 1918, 3927, 4193, 4291, 6598)."""

RESOLVERS: Final = frozenset(
    [
        "1.0.0.1",
        "1.1.1.1",
        "8.8.4.4",
        "8.8.8.8",
        "9.9.9.9",
        "149.112.112.112",
        "208.67.220.220",
        "208.67.222.222",
        "2001:4860:4860::8844",
        "2001:4860:4860::8888",
        "2606:4700:4700::1001",
        "2606:4700:4700::1111",
        "2620:fe::9",
        "2620:fe::fe",
    ]
)
"""Of Cloudflare, Google, Quad9 and OpenDNS: malware asks them too, and so does everybody else."""

EMPTY_FILES: Final = frozenset(
    (
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    )
)
"""MD5, SHA-1 and SHA-256 of nothing."""


class Spans:
    """Networks as ranges of numbers that do not overlap; a look-up is one bisection."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._starts: dict[int, list[int]] = {4: [], 6: []}
        self._ends: dict[int, list[int]] = {4: [], 6: []}
        ranges: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for text in networks:
            found = ip_network(text, strict=False)
            ranges[found.version].append((int(found.network_address), int(found.broadcast_address)))
        for version, some in ranges.items():
            starts, ends = self._starts[version], self._ends[version]
            for start, end in sorted(some):
                if ends and start <= ends[-1] + 1:
                    ends[-1] = max(ends[-1], end)
                else:
                    starts.append(start)
                    ends.append(end)

    def touches(self, text: str) -> bool:
        """Whether an address is in one, or a network shares an address with one."""
        found = ip_network(text, strict=False)
        starts, ends = self._starts[found.version], self._ends[found.version]
        first, last = int(found.network_address), int(found.broadcast_address)
        place = bisect_right(starts, last) - 1
        return place >= 0 and ends[place] >= first

    def has(self, text: str) -> bool:
        """Whether an address is in one; False for what is no address."""
        try:
            found = ip_address(text)
        except ValueError:
            return False
        if found.version == 6 and found.ipv4_mapped:
            found = found.ipv4_mapped
        starts, ends = self._starts[found.version], self._ends[found.version]
        place = bisect_right(starts, int(found)) - 1
        return place >= 0 and ends[place] >= int(found)


INTERNAL_SPANS: Final = Spans(INTERNAL)


@dataclass(frozen=True, slots=True)
class AllowList:
    """What is left out of every feed.

    Attributes:
        own: one's own networks.
        own_domains: one's own names; what is under them is one's own too.
        values: canonical value → name of the list that it stands in.
        above: name → a listed or own name under it, which it would have in it.
    """

    own: Spans
    own_domains: frozenset[str]
    values: dict[str, str]
    above: dict[str, str]

    @classmethod
    def of(cls, own: Iterable[str] = (), lists: Iterable[tuple[str, str]] = ()) -> "AllowList":
        """From one's own networks, addresses and names, and (name of a list, value) pairs.

        Values that are none are passed over: of a list that others keep, what can be read counts.
        """
        networks: list[str] = []
        names: set[str] = set()
        values: dict[str, str] = {}
        for text in own:
            try:
                kind, value = guess(text)
            except ValueError:
                continue
            if kind in ("address", "network"):
                networks.append(value)
            elif kind == "domain":
                names.add(value)
        for source, text in lists:
            try:
                kind, value = guess(text)
            except ValueError:
                continue
            if kind == "network":
                networks.append(value)
            values[value] = source
        listed = (value for value in values if "/" not in value and "@" not in value)
        above = {parent: name for name in (*listed, *names) for parent in parents(name)}
        return cls(Spans(networks), frozenset(names), values, above)

    def objection(self, indicator: Indicator) -> str:
        """Why an indicator is left out; "" if it is not."""
        kind, value = indicator.kind, indicator.value
        if kind in ("address", "network"):
            return self._address(value)
        if kind == "domain":
            return self._domain(value)
        if value in EMPTY_FILES:
            return "the digest of an empty file"
        if value in self.values:
            return f"on the list {self.values[value]}"
        if kind == "url":
            name = urlsplit(value).hostname or ""
            return self._own_name(name) or (f"{name} is one's own address" if self.own.has(name) else "")
        if kind == "mail":
            return self._own_name(value.rpartition("@")[2])
        return ""

    def _address(self, value: str) -> str:
        wide = "/" in value
        if INTERNAL_SPANS.touches(value) if wide else INTERNAL_SPANS.has(value):
            return "not an address on the Internet"
        if value in RESOLVERS or (wide and any(Spans([value]).has(one) for one in RESOLVERS)):
            return "a public resolver, or a network with one"
        if value in self.values:
            return f"on the list {self.values[value]}"
        mine = self.own.touches(value) if wide else self.own.has(value)
        return "one's own address or network, or on a list" if mine else ""

    def _domain(self, value: str) -> str:
        if value in self.values:
            return f"on the list {self.values[value]}"
        under = self.above.get(value)
        if under is not None:
            where = f"on the list {self.values[under]}" if under in self.values else "one's own name"
            return f"{under}, which is under it, is {where}"
        return self._own_name(value)

    def _own_name(self, name: str) -> str:
        mine = next((one for one in (name, *parents(name)) if one in self.own_domains), "")
        return f"one's own name {mine}" if mine else ""


def parents(name: str) -> list[str]:
    """The names that have a name in them: of ``a.b.example.com`` those are ``b.example.com`` and ``example.com``."""
    parts = name.split(".")
    return [".".join(parts[start:]) for start in range(1, len(parts) - 1)]
