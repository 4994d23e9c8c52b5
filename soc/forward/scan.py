"""Sealed bytes in; where something stands in them that must not leave, and of which kind, out. Never the value.

A second pair of eyes: nothing of ``soc.privacy`` is used, so a mistake there is not made twice. It knows fewer shapes and no context,
and it looks at every leaf of the JSON, undone from what may disguise it (RFC 3986 escapes, HTML entities, Base64, compatible forms).
"""

import binascii
import html
import json
import re
import unicodedata
from base64 import b64decode
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

INSIDE = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16")
)
INSIDE_6 = tuple(ip_network(text) for text in ("fc00::/7", "fe80::/10", "::1/128"))

_MADE = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128}"
    r"|[a-z-]+--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
"""What we make ourselves, as a whole leaf: ids, times, hashes."""

_PHONE = re.compile(
    r"[+08](?<![\w.,/-].)(?:(?<=\+)84[ .-]?|(?<=8)4[ .-]?|(?<=0))(?:[35789](?:[ .-]?\d){8}|2(?:[ .-]?\d){9})(?![\w]|[.,/-]\d)"
)
_CITIZEN = re.compile(r"0(?<![\w.,/-].)[0-9]{2}[ .-]?[0-3](?:[ .-]?\d){8}(?![\w]|[.,/-]\d)")
_DATE = re.compile(r"\d\d[-. ]\d\d[-. ](?:19|20)\d\d")
_MAIL = re.compile(r"@(?<![\s@\[\]<>(),;:\"'/•]@)(?:[^\W_][\w-]{0,62}\.)+[a-z]{2,24}")
_PLATE = re.compile(r"[1-9]\d(?<![\w.]\d\d)[A-HK-NPS-VXYZĐ]\d?[- ]\d{3}\.\d\d(?!\d)")
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{4,}")
_DOOR = re.compile(
    r"(?:password|passwd|pwd|mật khẩu|phpsessid|jsessionid|authorization|api[_-]?key|access_token|set-cookie)[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?!\[)(?=[^\s\"'\[]{0,40}[\d@#!$%^&*])[^\s\"'\[]{3}"
    r"|bearer\s[\w.~+/-]{16}|-----begin [a-z ]{0,20}private key"
)
_QUERY = re.compile(r"\?[\w.-]{1,40}=[^\s\[]{2}")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d)")
_VERSION = re.compile(r"\d\.?\Z")
_IPV6 = re.compile(r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{2,39}(?![\w])")
_HOST = re.compile(r"\.(?<=\w\.)(?:local|lan|internal|intranet|corp|localdomain|noibo)(?![\w-]|\.[a-z])")
_HIDDEN = re.compile(r"[A-Za-z0-9+/_-](?<![A-Za-z0-9+/_-]{2})[A-Za-z0-9+/_-]{15,}={0,2}")
_WORD = re.compile(r"[\w.-]+")
_ZERO = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")


class Hit(NamedTuple):
    """Something that must not leave.

    Attributes:
        where: JSON pointer of the leaf (RFC 6901), or ``byte 1234`` where the bytes are no JSON.
        kind: what it looks like.
    """

    where: str
    kind: str


def scan(
    data: bytes, names: Collection[str] | Mapping[str, Any] = (), exempt: Collection[str] = frozenset()
) -> tuple[Hit, ...]:
    """What must not leave and stands in sealed bytes; () lets them go.

    Args:
        data: JSON in UTF-8; anything else is looked at as text.
        names: internal names, which must stand nowhere, in lower case.
        exempt: names of fields that may hold a person's contact (``soc.forward.profile``).
    """
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return tuple(_of_text(data.decode("utf-8", "replace"), names))
    found: list[Hit] = []
    for where, name, leaf in _leaves(tree, "", ""):
        if name not in exempt and not _MADE.fullmatch(leaf):
            found += (Hit(where, kind) for kind in leaks(leaf, names))
    return tuple(found)


def leaks(text: str, names: Collection[str] | Mapping[str, Any] = ()) -> tuple[str, ...]:
    """The kinds of what must not leave in one text, each once, sorted."""
    kinds = set(_shapes(text))
    if names:
        words = {word for spelling in _spellings(text) for word in _WORD.findall(spelling.casefold())}
        kinds.update("internal-name" for word in words if _named(word, names))
    return tuple(sorted(kinds))


@lru_cache(maxsize=8192)
def _shapes(text: str) -> tuple[str, ...]:
    """The kinds of what is known by its shape. Remembered: most of a report is the same from one version to the next."""
    return tuple({kind for spelling in _spellings(text) for kind in _kinds(spelling)})


def _named(word: str, names: Collection[str] | Mapping[str, Any]) -> bool:
    word = word.strip(".-_")
    return len(word) > 2 and (word in names or word.partition(".")[0] in names)


def _leaves(value: Any, where: str, name: str) -> Iterator[tuple[str, str, str]]:
    """Every text in a tree, keys of mappings too: pointer, name of the field, text."""
    if isinstance(value, str):
        yield where, name, value
    elif isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            pointer = f"{where}/{key.replace('~', '~0').replace('/', '~1')}"
            yield pointer, "", key
            yield from _leaves(item, pointer, key)
    elif isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value)):
            yield from _leaves(item, f"{where}/{number}", name)


def _of_text(text: str, names: Collection[str] | Mapping[str, Any]) -> Iterator[Hit]:
    at = 0
    for line in text.splitlines(keepends=True):
        yield from (Hit(f"byte {at}", kind) for kind in leaks(line, names))
        at += len(line.encode())


def _spellings(text: str) -> Iterator[str]:
    """The text as it stands, undone, and what runs of Base64 in it hide."""
    plain = _ZERO.sub("", unicodedata.normalize("NFKC", text))
    yield plain
    undone = html.unescape(unquote(plain)) if "%" in plain or "&" in plain else plain
    if undone != plain:
        yield undone
    if "\n" in undone:
        yield re.sub(r"[ \t]*\r?\n[ \t]*", "", undone)
    for match in _HIDDEN.finditer(undone):
        run = match.group().rstrip("=").replace("-", "+").replace("_", "/")
        if run == run.lower() or run == run.upper() or len(run) % 4 == 1:
            continue
        try:
            shown = b64decode(run + "=" * (-len(run) % 4)).decode()
        except (ValueError, binascii.Error):
            continue
        if shown.isprintable():
            yield shown


def _kinds(text: str) -> Iterator[str]:
    small = text.lower()
    if _PLATE.search(text):
        yield "plate"
    if "eyJ" in text and _JWT.search(text):
        yield "token"
    if _DOOR.search(small):
        yield "secret"
    if "?" in text and _QUERY.search(text):
        yield "query"
    if _HOST.search(small):
        yield "internal-host"
    if "@" in text and _MAIL.search(small):
        yield "mail"
    for kind, pattern in (("phone", _PHONE), ("cccd", _CITIZEN)):
        if any(not _DATE.search(match.group()) and not _is_address(match.group()) for match in pattern.finditer(text)):
            yield kind
    if any(_inside_in(text)):
        yield "internal-address"


def _inside_in(text: str) -> Iterator[bool]:
    for match in _IPV4.finditer(text):
        yield _internal(match.group()) and not _VERSION.search(text[max(0, match.start() - 2) : match.start()])
    for match in _IPV6.finditer(text) if text.count(":") > 1 else ():
        yield _internal(match.group())


def _is_address(written: str) -> bool:
    return written.count(".") == 3 and not written.startswith("0")


def _internal(written: str) -> bool:
    try:
        address = ip_address(".".join(part.lstrip("0") or "0" for part in written.split(".")))
    except ValueError:
        return False
    return any(address in network for network in (INSIDE if address.version == 4 else INSIDE_6))
