"""A FortiGate log's names and values → ECS fields beside the native ones; what depends on the names alone is made once."""

import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, mac, number, put
from soc.normalize.columns import Kind, Row, columns, named
from soc.normalize.ecs import GUARDED
from soc.normalize.file_hash import put_hash
from soc.normalize.products.fortigate_fields import ADDRESSES, MACS, NUMBERS, TEXT
from soc.normalize.products.fortigate_kinds import DECIDING, kind
from soc.normalize.products.fortigate_kinds import Kind as Kinds
from soc.normalize.products.product import Fields
from soc.normalize.products.url_parts import put_url

_NOTHING = frozenset(["", "N/A", "n/a", "(null)"])
"""What FortiOS writes where a field has no value."""

_UNSPECIFIED = frozenset(["0.0.0.0", "::"])  # noqa: S104 - no socket: says that nothing was translated
_MOST_KINDS = 512
_LONGEST_KIND = 512
_UI = re.compile(r"([A-Za-z][\w-]{0,31})\(([^()]{1,64})\)", re.ASCII)
_TLS = re.compile(r"(tls|ssl|dtls)v?-?(\d(?:\.\d)?)", re.ASCII | re.IGNORECASE)

_Get = Callable[[Sequence[str]], tuple[str, ...]]
_Step = Callable[[Fields], None]


def _given(fields: Fields, name: str) -> str:
    """The value of a native field, "" where FortiOS says that there is none."""
    value = fields.get(name, "")
    return "" if value in _NOTHING else value


def _totals(fields: Fields) -> None:
    for unit in ("bytes", "packets"):
        sent, received = fields.get("source." + unit), fields.get("destination." + unit)
        if sent is not None and received is not None:
            fields["network." + unit] = sent + received


def _service(fields: Fields) -> None:
    service = fields["service"]
    if service not in _NOTHING:
        fields.setdefault("network.protocol", service.lower())


def _duration(fields: Fields) -> None:
    seconds = number(fields["duration"])
    if seconds is not None:
        fields["event.duration"] = seconds * 1_000_000_000


def _device(fields: Fields) -> None:
    if fields["devname"]:
        fields["host.name"] = fields["devname"]


def _user(fields: Fields) -> None:
    """Who: the authenticated user; of a tunnel its peer's user; else whom the device saw without asking."""
    user = _given(fields, "user")
    if fields.get("subtype") == "vpn" and (
        not user or user == fields.get("remip")
    ):  # a peer that is known by its address only
        user = _given(fields, "xauthuser") or _given(fields, "eapuser") or user
    unauthenticated = _given(fields, "unauthuser")
    if user or unauthenticated:
        fields["user.name"] = user or unauthenticated
        fields["source.user.name"] = unauthenticated or user


def _rule(fields: Fields) -> None:
    """A UTM log's rule is the signature that found it, its rule set the profile; a traffic log's is the policy."""
    if fields["type"] == "traffic":
        return
    if _given(fields, "attackid"):
        fields["rule.id"] = fields["attackid"]
        name = _given(fields, "attack") or _given(fields, "attackname")
        if name:
            fields["rule.name"] = name
    if fields["type"] == "utm":
        ruleset = _given(fields, "applist") or _given(fields, "profile")
        if ruleset:
            fields["rule.ruleset"] = ruleset


def _web(fields: Fields) -> None:
    """Host and URL; newer versions write the whole URL, older ones its path. Of an event ``hostname`` is a client's name."""
    host = _given(fields, "hostname")
    if fields["type"] == "event":
        if host:
            fields["source.domain"] = host
        host = ""
        if fields.get("subtype") == "rest-api":
            fields["http.request.method"] = fields.get("method", "")
            status = number(fields.get("status"))
            if status is not None:
                fields["http.response.status_code"] = status
                fields["event.outcome"] = "success" if status < 400 else "failure"
    elif host:
        fields["url.domain"] = host
        fields.setdefault("destination.domain", host)
    url = _given(fields, "url")
    if url:
        scheme = "https" if fields.get("service", "").lower() in ("https", "ssl") else "http"
        put_url(fields, url, host, scheme)


def _tunnel(fields: Fields) -> None:
    """Of a tunnel the peer is the source: what the device sent, the peer received."""
    if fields.get("subtype") != "vpn" or "remip" not in fields:
        return
    sent, received = fields.pop("source.bytes", None), fields.pop("destination.bytes", None)
    if received is not None:
        fields["source.bytes"] = received
    if sent is not None:
        fields["destination.bytes"] = sent


def _administrator(fields: Fields) -> None:
    """Where an administrator came from, e.g. ui="https(192.0.2.9)"; the log's own srcip comes first."""
    found = _UI.match(fields["ui"])
    if found is None:
        return
    if "source.ip" not in fields:
        put(fields, "source", found[2])
    by = found[1].lower()
    if by in ("https", "http", "ssh", "telnet"):
        fields["network.protocol"] = by


def _mac(fields: Fields, value: str, name: str) -> None:
    fields[name] = mac(value)


def _hash(name: str) -> _Step:
    return lambda fields: put_hash(fields, fields[name])


def _resolved(fields: Fields) -> None:
    found = [part for part in re.split(r"[,; ]+", fields["ipaddr"][:4096]) if is_ip(part)]
    if found:
        fields["dns.resolved_ip"] = found


def _tls_version(fields: Fields) -> None:
    found = _TLS.fullmatch(fields["tlsver"])
    if found is not None:
        fields["tls.version_protocol"] = found[1].lower()
        fields["tls.version"] = found[2] if "." in found[2] else found[2] + ".0"


def _countries(fields: Fields) -> None:
    for side in ("source", "destination"):
        if fields.get(side + ".geo.country_name") == "Reserved":  # a private or otherwise unassigned address
            del fields[side + ".geo.country_name"]


def _domain(fields: Fields) -> None:
    domain = _given(fields, "srcdomain")
    if domain:
        fields.setdefault("source.domain", domain)


def _message(fields: Fields) -> None:
    if "message" not in fields and _given(fields, "logdesc"):
        fields["message"] = fields["logdesc"]


def _interface(fields: Fields) -> None:
    name = _given(fields, "interface") or _given(fields, "intf")
    if name:
        fields.setdefault("observer.ingress.interface.name", name)


_STEPS: tuple[tuple[tuple[str, ...], _Step], ...] = (
    (("remip",), _tunnel),
    (("sentbyte", "sentpkt"), _totals),
    (("service",), _service),
    (("duration",), _duration),
    (("devname",), _device),
    (("user", "unauthuser", "xauthuser", "eapuser"), _user),
    (("attackid", "applist", "profile"), _rule),
    (("hostname", "url"), _web),
    (("ui",), _administrator),
    (("filehash",), _hash("filehash")),
    (("hash",), _hash("hash")),
    (("analyticscksum",), _hash("analyticscksum")),
    (("ipaddr",), _resolved),
    (("tlsver",), _tls_version),
    (("srccountry", "dstcountry"), _countries),
    (("srcdomain",), _domain),
    (("logdesc",), _message),
    (("interface", "intf"), _interface),
)
"""What takes more than a table: (any of these native fields is there) → what is then done, in this order."""

_OF_STEPS = frozenset(["user"])
"""Fields of the table that a step writes instead."""


def _getter(indexes: Sequence[int]) -> _Get:
    """The values at these places, always as a tuple."""
    if len(indexes) > 1:
        return itemgetter(*indexes)
    if indexes:
        only = indexes[0]
        return lambda values: (values[only],)
    return lambda _: ()


def _columns(names: tuple[str, ...], table: Mapping[str, str]) -> list[tuple[int, str]]:
    """Which values go where; of two native names of one ECS field the table's first is written last, and so stays."""
    ranks = {native: rank for rank, native in enumerate(table)}
    wanted = sorted((i for i, name in enumerate(names) if name in table), key=lambda i: -ranks[names[i]])
    return [(i, table[names[i]]) for i in wanted]


def _rows(names: tuple[str, ...]) -> list[Row]:
    """Native names first, so that no key of the line can replace an ECS name."""
    text = {native: ecs for native, ecs in TEXT.items() if native not in _OF_STEPS}
    rows = [Row(Kind.PLAIN, i, name) for i, name in enumerate(names) if name not in GUARDED]
    rows += [Row(Kind.TEXT, i, ecs) for i, ecs in _columns(names, text)]
    rows += [Row(Kind.NAT_PORT if ".nat." in ecs else Kind.NUMBER, i, ecs) for i, ecs in _columns(names, NUMBERS)]
    rows += [
        Row(Kind.NAT_ADDRESS if side.endswith(".nat") else Kind.ADDRESS, i, side + ".ip", named)
        for i, side in _columns(names, dict(reversed(ADDRESSES.items())))
    ]
    rows += [Row(Kind.CALL, i, ecs, _mac) for i, ecs in _columns(names, dict(reversed(MACS.items())))]
    return rows


class Plan:
    """What follows from the names of a log: which values go where, and which steps there are."""

    __slots__ = ("_columns", "_guarded", "_kinds", "_steps", "deciding", "deciding_names", "names", "whole")

    def __init__(self, names: tuple[str, ...]) -> None:
        present = frozenset(names)
        self.names = names
        self._guarded = tuple(name for name in names if name in GUARDED)
        self.whole = "type" in present and bool(present & {"devid", "logid", "devname"})
        self._columns = columns(_rows(names), _NOTHING, _UNSPECIFIED)
        deciding = [i for i, name in enumerate(names) if name in DECIDING]
        self.deciding, self.deciding_names = _getter(deciding), tuple(names[i] for i in deciding)
        self._steps = tuple(step for needs, step in _STEPS if present.intersection(needs))
        self._kinds: dict[tuple[str, ...], Kinds] = {}

    def write(self, values: tuple[str, ...], fields: Fields) -> tuple[LogSource, ...]:
        """Native and ECS fields of one log.

        Returns:
            The Sigma logsources.
        """
        for name in self._guarded:
            fields.pop(name, None)
        self._columns.write(values, fields)
        made, sources = self._kind(values)
        fields.update(made)
        for step in self._steps:
            step(fields)
        return sources

    def _kind(self, values: tuple[str, ...]) -> Kinds:
        key = self.deciding(values)
        known = self._kinds.get(key)
        if known is None:
            known = kind(dict(zip(self.deciding_names, key, strict=True)))
            if len(self._kinds) < _MOST_KINDS and sum(map(len, key)) <= _LONGEST_KIND:
                self._kinds[key] = known
        return known
