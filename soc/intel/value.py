"""A value as a feed or an event writes it in, its one canonical form out: so that equal things are equal texts.

Defanged writing (``hxxp://bad[.]example``) is undone; names become lower-case A-labels (RFC 5891), addresses what ``ipaddress``
writes, URLs what RFC 3986 §6.2.2 and §6.2.3 call normalized, without fragment.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import idna

from soc.intel.indicator import Kind

LONGEST: Final = 2_048
WIDEST: Final = {4: 8, 6: 19}
"""Shortest prefix that is still an indicator: a shorter one is a part of the world."""

_DOTS: Final = re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\[\.|\.\]", re.IGNORECASE)
_SCHEME: Final = re.compile(r"^(?:h(?:xx|XX|tt|TT)p|f(?:x|t)p)(s?)(\[?:\]?//|://|\[://\])", re.IGNORECASE)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_HASHES: Final[dict[int, Kind]] = {32: "md5", 40: "sha1", 64: "sha256"}
_PORTS: Final = {"http": "80", "https": "443", "ftp": "21"}
_WITH_PORT: Final = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}")


class Canonical(NamedTuple):
    """What a value is, and its canonical form."""

    kind: Kind
    value: str


def refang(text: str) -> str:
    """Undo what keeps people from clicking: ``hxxps[:]//bad[.]example`` → ``https://bad.example``."""
    text = _DOTS.sub(".", text.strip().strip("\"'<>“”")).replace("[@]", "@").replace("[at]", "@").replace("[:]", ":")
    found = _SCHEME.match(text)
    if found:
        scheme = "ftp" if text[0] in "fF" else "http"
        text = f"{scheme}{found[1].lower()}://{text[found.end() :]}"
    return text


def address(text: str) -> str:
    """An address; IPv4 in IPv6 (``::ffff:192.0.2.7``) is IPv4.

    Raises:
        ValueError: it is none.
    """
    found = ip_address(text.strip("[]"))
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(IPv6Address(int(found)))  # without a zone: it means something on one host only
    return str(found)


def network(text: str) -> Canonical:
    """A network; one of a single address is an address.

    Raises:
        ValueError: it is none, or so wide that it says nothing.
    """
    found: IPv4Network | IPv6Network = ip_network(text, strict=False)
    if found.num_addresses == 1:
        return Canonical("address", address(str(found.network_address)))
    if found.prefixlen < WIDEST[found.version]:
        raise ValueError(
            f"/{found.prefixlen} is a part of the world: an indicator has at least /{WIDEST[found.version]}"
        )
    return Canonical("network", str(found))


def domain(text: str) -> str:
    """A name in A-labels; ``*.bad.example`` is ``bad.example``, which has its sub-domains in it anyway.

    Raises:
        ValueError: it is no name, or a single label, which would have a whole country in it.
    """
    name = text.strip().rstrip(".").lower().removeprefix("*.").removeprefix(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except idna.IDNAError as error:
            raise ValueError(f"no domain name: {error}") from error
    labels = name.split(".")
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("no domain name")
    if len(labels) < 2:
        raise ValueError("a name of one label has a whole zone in it")
    if labels[-1].isdecimal():
        raise ValueError("no domain name: the last label is a number")
    return name


def host(text: str) -> str:
    """A host of a URL: a name or an address.

    Raises:
        ValueError: it is neither.
    """
    try:
        return address(text)
    except ValueError:
        return domain(text)


def url(text: str) -> str:
    """A URL: scheme and host in lower case, no default port, no fragment, ``/`` for an empty path.

    Raises:
        ValueError: it has no scheme or no host.
    """
    parts = urlsplit(text)
    if not parts.scheme or not parts.hostname:
        raise ValueError("no URL: scheme or host is missing")
    name = parts.hostname
    try:
        name = host(name)
    except ValueError:
        if not all(map(_LABEL.fullmatch, name.lower().split("."))):
            raise
        name = name.lower()  # a name without a dot is a host of somebody's own network
    shown = f"[{name}]" if ":" in name else name
    port = f":{parts.port}" if parts.port is not None and str(parts.port) != _PORTS.get(parts.scheme) else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{shown}{port}{parts.path or '/'}{query}"


def digest(text: str) -> Canonical:
    """A digest; its length tells the algorithm.

    Raises:
        ValueError: it is none of MD5, SHA-1, SHA-256.
    """
    kind = _HASHES.get(len(text))
    if kind is None or not _HEX.fullmatch(text):
        raise ValueError("no MD5, SHA-1 or SHA-256 digest in hexadecimal")
    return Canonical(kind, text.lower())


def mail(text: str) -> str:
    """A mail address in lower case.

    Raises:
        ValueError: it is none.
    """
    local, at, name = text.strip().strip("<>").removeprefix("mailto:").rpartition("@")
    if not at or not local or any(char.isspace() for char in local):
        raise ValueError("no mail address")
    return f"{local.lower()}@{domain(name)}"


def canonical(kind: Kind, text: str) -> Canonical:
    """A value of a known kind; an ``address`` may be a network and the reverse, a digest is what its length says.

    Raises:
        ValueError: it is not of that kind.
    """
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    text = refang(text)
    if kind in ("address", "network"):
        return network(text) if "/" in text else Canonical("address", address(text))
    if kind == "domain":
        return Canonical("domain", domain(text))
    if kind == "url":
        return Canonical("url", url(text))
    if kind == "mail":
        return Canonical("mail", mail(text))
    found = digest(text)
    if found.kind != kind:
        raise ValueError(f"no {kind} digest: its length is that of {found.kind}")
    return found


def guess(text: str) -> Canonical:
    """A value of which nobody said what it is.

    Raises:
        ValueError: it looks like nothing that an indicator can be.
    """
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    text = refang(text)
    if not text:
        raise ValueError("empty")
    if "://" in text:
        return Canonical("url", url(text))
    with_port = _WITH_PORT.fullmatch(text)
    if with_port:
        return Canonical("address", address(with_port[1]))
    for attempt in (
        lambda: network(text) if "/" in text else Canonical("address", address(text)),
        lambda: digest(text),
    ):
        try:
            return attempt()
        except ValueError as error:
            if "part of the world" in str(error):
                raise
    if "@" in text:
        return Canonical("mail", mail(text))
    if "/" in text:
        raise ValueError("neither an address, a network, a name, a URL, a digest nor a mail address")
    return Canonical("domain", domain(text))


def is_version4(text: str) -> bool:
    """Whether a canonical address is IPv4."""
    return isinstance(ip_address(text), IPv4Address)
