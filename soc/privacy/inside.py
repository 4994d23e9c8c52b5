"""What is ours in, a finder of it in plain text out: internal addresses and host names, paths, accounts that an incident names.

Addresses of the world and what we show the world (public addresses, public domains) are never found.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, cast

import ahocorasick

from soc.privacy.found import Found, Kind

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

INTERNAL: tuple[Network, ...] = tuple(
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

_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d)")
_VERSION = re.compile(r"\d\.?\Z")
_DASHED = re.compile(r"\d{1,3}(?:([-_])\d{1,3})(?:\1\d{1,3}){2}(?![\d]|\1\d)")
_REVERSED = re.compile(r"\.in-addr\.arpa")
_NUMBER = re.compile(r"(?:0x[0-9a-f]{8}|(?<=//)\d{8,10})(?![\w.])")
_IPV6 = re.compile(r":[0-9A-Fa-f:.]{1,43}")
_HEX_BEFORE = re.compile(r"[0-9A-Fa-f]{0,4}\Z")
_IPV6_ARPA = re.compile(r"(?:[0-9a-f]\.){32}ip6\.arpa")

_SUFFIX = re.compile(
    r"\.(?:local|lan|internal|intranet|corp|home|localdomain|noibo|priv|private|home\.arpa|dmz|ad)(?![\w-]|\.[a-z]{2,})"
)
_LABELS = re.compile(r"[\w.-]{1,120}\Z")
_WINDOWS = frozenset({"desktop", "laptop", "win", "pc", "may", "mt", "maytinh"})


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ROLES = (
    "srv|svr|sv|server|dc|fw|sw|ws|pc|esx|esxi|nas|san|web|db|sql|mysql|pgsql|ora|oracle|app|ad|gw|mail|mx|smtp|proxy|vpn|vm|host|lap|"
    "laptop|desktop|file|fs|dns|dhcp|ntp|bk|backup|api|lb|waf|ids|ips|siem|log|node|k8s|kafka|redis|ldap|radius|cam|nvr|nb|prn|printer|"
    "dev|test|prod|stg|uat|int|core|dist|acc|rt|rtr|router|switch|ap|pbx|iis|nginx|tomcat|jump|bastion|mgmt|hv|hyperv|may|maychu|maytram"
)
_ROLE = frozenset(_ROLES.split("|"))
_FIRST = _set("srv svr sv dc fw sw esx esxi nas ws rtr nvr maychu maytram")
_HYPHEN = re.compile(r"[-_][a-z0-9]")
_FIRST_PART = re.compile(r"(?<![a-z0-9])[a-z][a-z0-9]*\Z")
_COMPOUND = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+){1,6}(?![\w-])")
_NUMBERED = re.compile(r"[a-z]\d{2,3}(?![\w-])")
_SHORT = re.compile(
    r"(?<![\w.-])(?:srv|svr|dc|web|db|sql|app|fw|sw|esx|esxi|nas|vpn|mail|mx|proxy|file|node|host|vm|pc|ws)\Z"
)
_KEY = re.compile(
    r"(?:host|hostname|computer|computername|devname|workstation|workstationname|machine)[\"']?\s?[:=]\s?[\"']?(?!asset-\d)([a-z0-9][\w-]{1,62})(?![\w.:-])"
)
_BARE = re.compile(r"://(?!asset-\d)([a-z][\w-]{1,62})(?=[/:\s]|\Z)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_ENGLISH = _set(
    "side based only name names level wide class to end ends id ids type types user users log logs file files and or of in on with up out "
    "off rule rules address server servers host hosts"
)

_PATH = re.compile(
    r"(?:[A-Za-z]:\\{1,2}(?!(?i:windows|program files|programdata)\b)|\\\\{1,3}[\w.$-]{1,64}\\{1,2})(?:[^\\/:*?\"<>|\s]{1,128}(?: [^\\/:*?\"<>|\s]{1,64}){0,4}\\{1,2}){0,20}"
    r"[^\\/:*?\"<>|\s,;]{0,128}"
    r"|(?<![\w:/.~=-])~?/(?:home|root|srv|opt|data|mnt|media|backup|u0\d|app|apps|users|export|nfs|var/www|var/lib|var/backups|var/spool)/[^\s\"'<>|;,]{1,400}",
    re.IGNORECASE,
)


def internal(address: Address) -> bool:
    """Whether an address, or an IPv4 address carried inside it, is of an internal network."""
    return any(item in network for item in carried(address) for network in INTERNAL)


def carried(address: Address) -> tuple[Address, ...]:
    """The address and the IPv4 address carried inside it (mapped, 6to4, NAT64)."""
    if not isinstance(address, IPv6Address):
        return (address,)
    inner = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return (address, inner) if inner is not None else (address,)


@dataclass(frozen=True)
class Inside:
    """What the register says is ours.

    Attributes:
        networks: (network, key of the system), beside ``INTERNAL``.
        hosts: name in lower case → key of the system, "" if it serves none or several.
        addresses: of hosts, the same way.
        domains: internal ones, without a leading dot.
        public: addresses that we show the world; they are never internal.
    """

    networks: tuple[tuple[Network, str], ...] = ()
    hosts: Mapping[str, str] = field(default_factory=dict[str, str])
    addresses: Mapping[Address, str] = field(default_factory=dict[Address, str])
    domains: frozenset[str] = frozenset()
    public: frozenset[Address] = frozenset()

    @cached_property
    def automaton(self) -> Any:
        """Finds the names of hosts; None where there are none."""
        names = [name for name in self.hosts if len(name) > 2]
        if not names:
            return None
        made = cast("Any", ahocorasick).Automaton()
        for name in names:
            made.add_word(name, len(name))
        made.make_automaton()
        return made

    def internal(self, address: Address) -> bool:
        """Whether an address must not leave."""
        if address in self.public:
            return False
        if internal(address):
            return True
        return any(one in self.addresses or any(one in net for net, _ in self.networks) for one in carried(address))

    def system_of(self, name: str) -> str:
        """Key of the system that an address or a host name belongs to; "" if none is known."""
        text = name.casefold()
        try:
            address = ip_address(text)
        except ValueError:
            return self.hosts.get(text) or self.hosts.get(text.partition(".")[0], "")
        if address in self.addresses:
            return self.addresses[address]
        holding = [(net.prefixlen, key) for net, key in self.networks if address in net]
        return max(holding)[1] if holding else ""


NOTHING = Inside()


class Places:
    """Finds what is inside in plain text.

    Args:
        inside: what the register says.
        names: further names in lower case → their kind: an incident's own hosts and accounts.
    """

    def __init__(self, inside: Inside = NOTHING, names: Mapping[str, Kind] | None = None) -> None:
        self._inside = inside
        self._names: dict[str, Kind] = {name: kind for name, kind in (names or {}).items() if len(name) > 2}
        self._domains = tuple(sorted(inside.domains))
        words = "|".join(re.escape(name) for name in sorted(self._names, key=lambda name: (-len(name), name)))
        self._words = re.compile(rf"(?<!\w)(?:{words})(?!\w)") if words else None

    def __call__(self, text: str, folded: str) -> Iterator[Found]:
        """What of ours stands in a plain text; ``folded`` is the same in lower case."""
        yield from self._addresses(text, folded)
        yield from self._hosts(text, folded)
        if "\\" in text or "/" in text:
            for match in _PATH.finditer(text):
                if "\\" in match.group() or match.group().count("/") > 1:
                    yield Found(match.start(), match.end(), "path")
        if self._words is not None:
            for match in self._words.finditer(folded):
                yield Found(match.start(), match.end(), self._names[match.group()])
        if self._inside.automaton is not None:
            for last, length in self._inside.automaton.iter(folded):
                start, end = last - length + 1, last + 1
                if not (start and folded[start - 1].isalnum()) and not folded[end : end + 1].isalnum():
                    yield Found(start, end, "internal_host")

    def _addresses(self, text: str, folded: str) -> Iterator[Found]:
        for match in _IPV4.finditer(text):
            if _VERSION.search(text, max(0, match.start() - 2), match.start()):
                continue
            written = match.group()
            turned = _REVERSED.match(folded, match.end())
            if turned:
                written = ".".join(reversed(written.split(".")))
            if self._is(written):
                yield Found(match.start(), match.end(), "internal_address")
        for match in _DASHED.finditer(text):
            if not text[max(0, match.start() - 1) : match.start()].isdigit() and self._is(
                re.sub("[-_]", ".", match.group())
            ):
                yield Found(match.start(), match.end(), "internal_address")
        for match in _NUMBER.finditer(folded) if "0x" in folded or "//" in folded else ():
            value = int(match.group(), 0)
            if value < 1 << 32 and self._inside.internal(IPv4Address(value)):
                yield Found(match.start(), match.end(), "internal_address")
        if text.count(":") > 1:
            for match in _IPV6.finditer(text):
                before = _HEX_BEFORE.search(text, max(0, match.start() - 4), match.start())
                yield from self._ipv6(text, before.start() if before else match.start(), match.end())
        if "ip6.arpa" in folded:
            for match in _IPV6_ARPA.finditer(folded):
                yield Found(match.start(), match.end(), "internal_address")

    def _ipv6(self, text: str, start: int, end: int) -> Iterator[Found]:
        if start and (text[start - 1].isalnum() or text[start - 1] in ":."):
            return
        written = text[start:end].rstrip(".")
        if written.count(":") < 2:
            return
        for shorter in (written, written.rstrip(":"), written.rpartition(":")[0]):
            if self._is(shorter):
                yield Found(start, start + len(shorter), "internal_address")
                return

    def _is(self, written: str) -> bool:
        plain = ".".join(part.lstrip("0") or "0" for part in written.split(".")) if ":" not in written else written
        try:
            address = ip_address(plain)
        except ValueError:
            return False
        return self._inside.internal(address)

    def _hosts(self, text: str, folded: str) -> Iterator[Found]:
        for match in _SUFFIX.finditer(folded):
            yield from self._whole(text, match.start(), match.end())
        for domain in self._domains:
            at = folded.find("." + domain)
            while at >= 0:
                yield from self._whole(text, at, at + 1 + len(domain))
                at = folded.find("." + domain, at + 1)
        done = 0
        for hyphen in _HYPHEN.finditer(folded):
            first = _FIRST_PART.search(folded, max(done, hyphen.start() - 20), hyphen.start())
            match = _COMPOUND.match(folded, first.start()) if first and hyphen.start() >= done else None
            if match is None:
                continue
            done = match.end()
            before = folded[max(0, match.start() - 2) : match.start()]
            if before and (before[-1].isalnum() or before[-1] in "-_.@" or (before[-1] == "/" and before != "//")):
                continue
            if _names_host(re.split("[-_]", match.group())):
                yield Found(match.start(), match.end(), "internal_host")
        for match in _KEY.finditer(folded):
            if not match.group(1).isdigit():
                yield Found(match.start(1), match.end(1), "internal_host")
        for match in _BARE.finditer(folded):
            yield Found(match.start(1), match.end(1), "internal_host")
        for match in _NUMBERED.finditer(folded):
            role = _SHORT.search(folded, max(0, match.start() - 6), match.start() + 1)
            if role:
                yield Found(role.start(), match.end(), "internal_host")

    def _whole(self, text: str, at: int, end: int) -> Iterator[Found]:
        before = _LABELS.search(text, max(0, at - 120), at)
        if before:
            start = before.start() + len(before.group()) - len(before.group().lstrip(".-"))
            yield Found(start, end, "internal_host")


def _names_host(parts: list[str]) -> bool:
    """Whether a word of several parts is made like a host's name: a role in it and a number at its end, or a role first."""
    last = parts[-1]
    if any(_YEAR.fullmatch(part) for part in parts):
        return False
    roles = [part for part in parts if part.rstrip("0123456789") in _ROLE]
    if (
        roles
        and last[-1].isdigit()
        and not (len(parts) == 2 and last.isdigit() and len(last) == 1 and parts[0] not in _FIRST)
    ):
        return True
    if parts[0] in _WINDOWS and any(c.isdigit() for part in parts[1:] for c in part):
        return len("".join(parts[1:])) >= 4
    return parts[0] in _FIRST and not _ENGLISH & set(parts[1:]) and len(parts[1]) > 1


def names_of(hosts: Iterable[str], accounts: Iterable[str]) -> dict[str, Kind]:
    """An incident's own names as ``Places`` wants them.

    A plain word (root, backup) is no account's name here: in a text it is the text's own word.
    """
    names: dict[str, Kind] = {}
    for name in accounts:
        if not name.isalpha():
            names[name.casefold()] = "known_account"
    for name in hosts:
        names[name.casefold()] = "internal_host"
    return names


def address_of(text: str) -> Address | None:
    """The address or the network's first address that a text is; None where it is none."""
    try:
        return ip_network(text.strip(), strict=False).network_address
    except ValueError:
        return None
