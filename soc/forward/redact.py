"""Entities and free text of an incident in; what may leave the house out, and a count of what may not, by field and rule.

Default deny: an entity of a kind that is not named here does not leave at all. Internal addresses and host names become
``asset-1``, ``asset-2`` …, numbered in the order in which the incident came to know them, so that a report can still say
that two alerts concern the same machine (the 2017 forms ask that internal addresses be left out; national.md §6.4).
"""

import re
import unicodedata
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import msgspec

INTERNAL = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",  # RFC 1918
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",  # RFC 6598, behind a carrier's NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # RFC 3927
        "fc00::/7",  # RFC 4193
        "fe80::/10",  # RFC 4291
        "::1/128",
    )
)
"""Addresses that mean something inside only. Documentation networks are not here: the world's addresses leave."""

_NAT64 = ip_network("64:ff9b::/96")

_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d)")
_IPV6 = re.compile(r"(?<![0-9A-Fa-f:.])(?=[0-9A-Fa-f.]*:)[0-9A-Fa-f:.]{2,45}(?![0-9A-Fa-f:])")
_HOST_KINDS = frozenset({"host.name", "host.hostname"})
_PLAIN_WORD = re.compile(r"[^\W\d_]*")


class Withheld(msgspec.Struct, frozen=True):
    """What did not leave, never its value.

    Attributes:
        field: where it stood: an entity's kind, or ``text``.
        rule: ``internal-address``, ``host-name``, ``account``, ``not-listed``.
        count: how many different values (entities) or occurrences (text).
    """

    field: str
    rule: str
    count: int


def internal(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address, or an IPv4 address carried inside it, is of an internal network."""
    inner: IPv4Address | None = None
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return any(item in network for item in (address, inner) if item is not None for network in INTERNAL)


def nfc(text: str) -> str:
    """Text in Unicode normalization form C, so that equal words are equal bytes."""
    return unicodedata.normalize("NFC", text)


class Redactor:
    """Redacts one report; what it withheld is counted in ``withheld``."""

    def __init__(self, entities: Iterable[tuple[str, str, int]]) -> None:
        """Know an incident's entities, so that their names are found in free text too."""
        self._assets: dict[str, str] = {}
        self._counts: dict[tuple[str, str], int] = {}
        names: dict[str, str] = {}
        for kind, value, _ in entities:
            if kind in _HOST_KINDS:
                names[nfc(value).casefold()] = "host-name"
            elif kind.startswith("user.") and not _PLAIN_WORD.fullmatch(value):
                # A plain word (root, backup) is left in a rule's title: it is the title's word, not an account's name.
                names[nfc(value).casefold()] = "account"
        self._names = {name: rule for name, rule in names.items() if len(name) > 2}
        words = "|".join(re.escape(name) for name in sorted(self._names, key=lambda name: (-len(name), name)))
        self._words = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """What was withheld so far, sorted."""
        return tuple(Withheld(field, rule, count) for (field, rule), count in sorted(self._counts.items()))

    def entity(self, kind: str, value: str) -> tuple[str, bool] | None:
        """The value as it leaves and whether it stands for something internal; None if it does not leave."""
        if kind.endswith(".ip"):
            try:
                address = ip_address(value)
            except ValueError:
                return self._deny(kind, "not-listed")
            if not internal(address):
                return str(address), False
            self._count(kind, "internal-address")
            return self._asset(str(address)), True
        if kind in _HOST_KINDS:
            self._count(kind, "host-name")
            return self._asset(nfc(value).casefold()), True
        return self._deny(kind, "account" if kind.startswith("user.") else "not-listed")

    def text(self, text: str) -> str:
        """Free text without internal addresses and without the incident's host and account names."""
        text = _IPV4.sub(self._address, nfc(text))
        text = _IPV6.sub(self._address, text)
        return self._words.sub(self._name, text) if self._words else text

    def _address(self, match: re.Match[str]) -> str:
        found = match.group()
        spelling = ".".join(part.lstrip("0") or "0" for part in found.split(".")) if ":" not in found else found
        try:
            address = ip_address(spelling.rstrip("."))
        except ValueError:
            return found
        if not internal(address):
            return found
        self._count("text", "internal-address")
        return self._asset(str(address))

    def _name(self, match: re.Match[str]) -> str:
        name = match.group().casefold()
        rule = self._names.get(name, "account")
        self._count("text", rule)
        return self._asset(name) if rule == "host-name" else "account"

    def _asset(self, value: str) -> str:
        return self._assets.setdefault(value, f"asset-{len(self._assets) + 1}")

    def _deny(self, kind: str, rule: str) -> None:
        self._count(kind, rule)

    def _count(self, field: str, rule: str) -> None:
        self._counts[field, rule] = self._counts.get((field, rule), 0) + 1
