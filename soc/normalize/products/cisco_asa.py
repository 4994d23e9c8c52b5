"""Cisco ASA, FTD, FWSM and PIX (``%ASA-level-id: text``) → events, read by message id; any other id still gives an event."""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_bounded_ip, number
from soc.normalize.columns import Columns, Kind, Row, columns, named
from soc.normalize.formats import device_header
from soc.normalize.products import cisco_ftd
from soc.normalize.products.cisco_asa_messages import FAMILIES, MESSAGES, OLDER, OLDER_FAMILIES
from soc.normalize.products.cisco_asa_row import Message
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.url_parts import put_url

# %ASA-4-106023:, EMBLEM's %ASA-session-5-106100: and %ASA--4-106023:, %FTD<Up>-4-313005:, a text without the colon
MARK = re.compile(r"%(?:ASA|FTD|FWSM|PIX)(?:<\w{1,16}>)?-(?:[A-Za-z]{1,16}-|-)?([0-7])-(\d{6}):? ?", re.ASCII)

_SOURCES = (LogSource("cisco", "firewall", "asa"),)
_COMMANDS = (*_SOURCES, LogSource("cisco", "", "aaa"))
"""What an administrator typed (111008 ...): SigmaHQ's rules look for commands in the records of AAA."""
_ADDRESSES = frozenset(("source", "destination", "source.nat", "destination.nat", "server"))
_NUMBERS = frozenset(
    [
        "source.port",
        "destination.port",
        "source.nat.port",
        "destination.nat.port",
        "network.bytes",
        "source.bytes",
        "destination.bytes",
        "cisco.asa.hit_count",
    ]
)
_NOTHING = frozenset([""])
_LONGEST_DURATION = 32
_LOWER = frozenset(("network.transport", "network.direction"))
_USERS = frozenset(("user.name", "source.user.name", "destination.user.name", "user.target.name"))
_PROTOCOLS = {
    "1": "icmp",
    "2": "igmp",
    "6": "tcp",
    "17": "udp",
    "47": "gre",
    "50": "esp",
    "51": "ah",
    "58": "ipv6-icmp",
    "89": "ospf",
    "103": "pim",
    "132": "sctp",
    "icmp6": "ipv6-icmp",
    "TCP": "tcp",
    "UDP": "udp",
    "tcp": "tcp",
    "udp": "udp",
    "inbound": "inbound",
    "outbound": "outbound",
}
"""What stands where a transport or a direction is expected → ECS; anything else in lower case."""
_LEVELLED: dict[str, dict[str, Any]] = {
    str(severity): {"event.severity": severity, "log.level": level}
    for severity, level in enumerate(
        ["emergency", "alert", "critical", "error", "warning", "notification", "informational", "debugging"]
    )
}
_STATIC: dict[str, Any] = {
    "event.module": "cisco",
    "event.dataset": "cisco.asa",
    "observer.vendor": "Cisco",
    "observer.product": "asa",
    "observer.type": "firewall",
}
_FTD = {
    "430001": (*_SOURCES, LogSource("cisco", "firewall", "ips")),
    "430005": (*_SOURCES, LogSource("cisco", "antivirus", "malware")),
}
_DIRECTED = frozenset(("302013", "302015", "302017", "302020"))
_VERDICTS = {
    "permitted": (["connection", "allowed"], "success"),
    "est-allowed": (["connection", "allowed"], "success"),
    "denied": (["connection", "denied"], "failure"),
    "dropped": (["connection", "denied"], "failure"),
}
_INFO: dict[str, Any] = {**_STATIC, "event.kind": "event", "event.category": ["network"], "event.type": ["info"]}


class _Plan(NamedTuple):
    """A row made ready: all groups are written at once, and the few that are no plain text are put right.

    Attributes:
        pattern: matched at the start of the message.
        columns: what its groups are.
        users: fields of those that are people.
        ended: whether ``event.reason`` is that of a connection's end.
        names: of its groups.
        fields: set for each such message.
    """

    pattern: re.Pattern[str]
    columns: Columns
    users: tuple[str, ...]
    ended: bool
    names: frozenset[str]
    fields: dict[str, Any]


def _rows(names: tuple[str, ...]) -> list[Row]:
    """The row of each group, a duration's last."""
    rows: list[Row] = []
    for place, name in enumerate(names):
        if name in _ADDRESSES:
            before = names[place - 1] if place else ""
            rows.append(Row(Kind.ADDRESS, place, name + ".ip", partial(_no_address, before=before)))
        elif name in _NUMBERS:
            rows.append(Row(Kind.NUMBER, place, name))
        elif name in _LOWER:
            rows.append(Row(Kind.WORD, place, name, _PROTOCOLS))
        elif name != "event.duration":
            rows.append(Row(Kind.TEXT, place, name))
    rows += [Row(Kind.CALL, place, name, _duration) for place, name in enumerate(names) if name == "event.duration"]
    return rows


def _plan(row: Message) -> _Plan:
    names = row.names
    return _Plan(
        row.pattern,
        columns(_rows(names), _NOTHING),
        tuple(name for name in names if name in _USERS),
        "network.bytes" in names and "event.reason" in names,
        frozenset(names),
        {**_STATIC, "event.kind": "event", **row.fields},
    )


def _compiled(rows: dict[str, Message]) -> dict[str, _Plan]:
    return {key: _plan(row) for key, row in rows.items()}


@lru_cache(maxsize=4096)
def _nanoseconds(text: str) -> int | None:
    """``0:01:20`` or ``1h:02m:03s``."""
    parts = [number(part.rstrip("dhms")) for part in text.split(":")]
    if len(parts) != 3 or None in parts:  # hours, minutes, seconds
        return None
    hours, minutes, seconds = (part or 0 for part in parts)
    return (hours * 3600 + minutes * 60 + seconds) * 1_000_000_000


def _duration(fields: Fields, text: str, name: str) -> None:
    found = _nanoseconds(text) if len(text) <= _LONGEST_DURATION else None
    if found is not None:
        fields[name] = found


def _no_address(fields: Fields, value: str, name: str, *, before: str) -> None:
    """A name, or an address behind the rest of an interface's name that holds a colon (``dst v2:inside:192.0.2.9``)."""
    rest, colon, last = value.rpartition(":")
    if colon and before.endswith("interface.name") and is_bounded_ip(last):
        fields[before] = f"{fields.get(before, '')}:{rest}"
        fields[name] = last
    else:
        named(fields, value, name)


_BY_ID = _compiled(MESSAGES)
_BY_FAMILY = _compiled(FAMILIES)
_OLDER = _compiled(OLDER)
_OLDER_FAMILIES = _compiled(OLDER_FAMILIES)


def _user(name: str, fields: Fields) -> None:
    r"""``LOCAL\\lan``, ``EXAMPLE\\lan, 12:staff`` (a security group tag behind it), ``12:staff`` (nothing but the tag)."""
    value: str = fields.pop(name)
    person, comma, tag = value.partition(", ")
    if not comma and value[0].isdigit() and _TAG.match(value):
        person, tag = "", value
    if tag:
        fields[name.replace("user.name", "security_group_tag") if name != "user.name" else "cisco.asa.tag"] = tag
    if name != "user.name" and "\\" not in person and _FQDN.fullmatch(person):  # users have their domain in front
        fields[name.replace("user.name", "domain")] = person
        return
    domain, _, login = person.rpartition("\\")
    domain = domain.removeprefix("LOCAL\\").rstrip("\\")
    mail = _MAIL.fullmatch(login)
    if mail is not None and domain in ("", "LOCAL"):
        login, domain = mail.groups()
        fields[name.removesuffix("name") + "email"] = mail[0]
    if domain:
        fields[name.removesuffix("name") + "domain"] = domain
    if login:
        fields[name] = login


def _write(plan: _Plan, groups: tuple[str | None, ...], fields: Fields) -> None:
    plan.columns.write(groups, fields)
    if plan.ended and "event.reason" in fields:
        fields["event.reason"], _, initiator = fields["event.reason"].partition(" from ")
        if initiator:
            fields["cisco.asa.initiator"] = initiator.strip()
    for name in plan.users:
        if name in fields:
            _user(name, fields)


_FQDN = re.compile(r"(?=.{4,255}$)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", re.ASCII)
_MAIL = re.compile(r"([^\s@]{1,64})@([A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,8})", re.ASCII)
_TAG = re.compile(r"\d{1,5}:[^\\]{0,255}$|\d{1,5}$", re.ASCII)
_SWAPPED = (
    ("source.ip", "destination.ip"),
    ("source.address", "destination.address"),
    ("source.domain", "destination.domain"),
    ("source.port", "destination.port"),
    ("source.nat.ip", "destination.nat.ip"),
    ("source.nat.address", "destination.nat.address"),
    ("source.nat.domain", "destination.nat.domain"),
    ("source.nat.port", "destination.nat.port"),
    ("source.user.name", "destination.user.name"),
    ("source.user.domain", "destination.user.domain"),
    ("source.user.email", "destination.user.email"),
    ("observer.ingress.interface.name", "observer.egress.interface.name"),
)


def _swap(fields: Fields) -> None:
    """Of an outbound connection the ASA names the far end first; here the source is who opened it."""
    for one, other in _SWAPPED:
        a, b = fields.pop(one, None), fields.pop(other, None)
        if b is not None:
            fields[one] = b
        if a is not None:
            fields[other] = a


class _Candidate(NamedTuple):
    """A row that may fit.

    Attributes:
        plan: how it is read.
        fields: what any message of this level and id that it fits is given.
        finish: what depends on more than one group, in order.
    """

    plan: _Plan
    fields: Fields
    finish: tuple[Callable[[Fields], None], ...]


@lru_cache(maxsize=4096)
def _candidates(level: str, code: str) -> tuple[_Candidate, ...]:
    """The rows to try: the id's, an older form of it, its family's."""
    family = code[:3]
    plans = (_BY_ID.get(code) or _BY_FAMILY.get(family), _OLDER.get(code) or _OLDER_FAMILIES.get(family))
    said = {**_LEVELLED[level], "event.code": code, "message": ""}
    return tuple(
        _Candidate(plan, {**said, **plan.fields}, _finishing(code, plan)) for plan in plans if plan is not None
    )


def _finishing(code: str, plan: _Plan) -> tuple[Callable[[Fields], None], ...]:
    asked = (
        ("cisco.asa.verdict" in plan.names, _judge),
        ("network.direction" in plan.names and code in _DIRECTED, _turn),
        ("source.user.name" in plan.names, _person),
        ("source.bytes" in plan.names, _add_up),
        (code.startswith("338"), _listed),
        (code.startswith(("3040", "71600")), _url),
    )
    return tuple(finish for is_asked, finish in asked if is_asked)


def _read(level: str, code: str, message: str, fields: Fields) -> None:
    for plan, said, finishing in _candidates(level, code):
        match = plan.pattern.match(message)
        if match is not None:
            fields.update(said)
            fields["message"] = message
            _write(plan, match.groups(), fields)
            for finish in finishing:
                finish(fields)
            return
    _unread(level, code, message, fields)


def _unread(level: str, code: str, message: str, fields: Fields) -> None:
    """What can be said of a message whose text is not known."""
    fields.update(_LEVELLED[level])
    fields["event.code"] = code
    fields["message"] = message
    fields.update(_INFO)


def _judge(fields: Fields) -> None:
    """The verdict of an access list."""
    verdict = fields.get("cisco.asa.verdict")
    if verdict in _VERDICTS:
        fields["event.type"], fields["event.outcome"] = _VERDICTS[verdict]


def _turn(fields: Fields) -> None:
    if fields.get("network.direction") == "outbound":
        _swap(fields)


def _person(fields: Fields) -> None:
    """Who the person is, where only the one at the source is named."""
    person = fields.get("source.user.name")
    if person is not None and "user.name" not in fields:
        fields["user.name"] = person
        if "source.user.domain" in fields:
            fields["user.domain"] = fields["source.user.domain"]


def _add_up(fields: Fields) -> None:
    sent, received = fields.get("source.bytes"), fields.get("destination.bytes")
    if sent is not None and received is not None:
        fields["network.bytes"] = sent + received


def _url(fields: Fields) -> None:
    if "url.original" in fields:
        put_url(fields, fields["url.original"])


def _listed(fields: Fields) -> None:
    """A host on the botnet filter's list is known by the name that was looked up."""
    name = fields.get("threat.indicator.name", "")
    for side in ("source", "destination"):
        if (
            fields.get(side + ".ip") == fields.get("cisco.asa.matched")
            and _FQDN.fullmatch(name)
            and not is_bounded_ip(name)
        ):
            fields.setdefault(side + ".domain", name)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line with any header before the mark."""
    mark = MARK.search(text)
    if mark is None:
        raise refuse("cisco-asa: no %ASA-level-id: mark")
    start = mark.start()
    stamp = None
    if 0 < start <= device_header.LONGEST:
        head, stamp = device_header.read(text[:start], zone, day)
        fields.update(head)
    message = text[mark.end() :]
    level, code = mark.groups()
    if code.startswith("4300"):
        _unread(level, code, message, fields)
        cisco_ftd.read(code, message, fields)
        return _FTD.get(code, _SOURCES), stamp
    _read(level, code, message, fields)
    return (_COMMANDS if code.startswith("111") else _SOURCES), stamp


def sfims(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """A line of the program ``SFIMS``: a Firepower sensor's connection event of before version 6.3."""
    if not cisco_ftd.read("", message, fields):
        return None
    fields.update(_STATIC)
    fields["message"] = message
    return _SOURCES


PRODUCT = Product(
    "cisco-asa",
    "Cisco ASA and FTD: %ASA-level-id messages, read by message id",
    parse,
    fields=cisco_ftd.FIELDS,
)
