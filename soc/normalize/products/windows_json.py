"""Windows and Sysmon events as JSON (NXLog, Winlogbeat, native) → the native names exactly as they came, ECS beside them.

Exporters nest and rename the native names (``windows_shapes``): they are lifted to the top as well, where Sigma's rules look.
"""

from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, port
from soc.normalize.formats import json, syslog
from soc.normalize.products.hint import hinted
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.windows_logsource import CATEGORIES, ECS, MORE_SERVICES, REGISTRY_ACTIONS, service_of
from soc.normalize.products.windows_shapes import add_provider, add_sysmon_names, is_plain, likely_provider, unnest
from soc.normalize.time import Stamp, iso

TEXT: dict[str, str] = {
    "Computer": "host.name",
    "Provider_Name": "event.provider",
    "CommandLine": "process.command_line",
    "CurrentDirectory": "process.working_directory",
    "ParentCommandLine": "process.parent.command_line",
    "TargetFilename": "file.path",
    "TargetObject": "registry.path",
    "QueryName": "dns.question.name",
    "ProcessGuid": "process.entity_id",
    "ParentProcessGuid": "process.parent.entity_id",
    "WorkstationName": "source.domain",
    "ServiceName": "service.name",
    "Protocol": "network.transport",
    "ScriptBlockText": "powershell.file.script_block_text",
}
"""Native name → ECS, as text."""

EXECUTABLES: dict[str, str] = {
    "Image": "process",
    "NewProcessName": "process",
    "ProcessName": "process",
    "Application": "process",
    "SourceImage": "process",
    "ParentImage": "process.parent",
    "ParentProcessName": "process.parent",
}
"""Native name → whose executable it is; ``.name`` is the last part of its path."""

ADDRESSES: dict[str, str] = {
    "IpAddress": "source",
    "SourceIp": "source",
    "SourceAddress": "source",
    "ClientAddress": "source",
    "DestinationIp": "destination",
    "DestAddress": "destination",
}
"""Native name → side. ``::ffff:192.0.2.1``, as Kerberos events write it, is the IPv4 address."""

PORTS: dict[str, str] = {
    "IpPort": "source.port",
    "SourcePort": "source.port",
    "DestinationPort": "destination.port",
    "DestPort": "destination.port",
}
"""Native name → ECS, as an integer."""

_HOW: dict[str, tuple[int, str]] = {
    **{native: (0, ecs) for native, ecs in TEXT.items()},
    **{native: (1, ecs) for native, ecs in EXECUTABLES.items()},
    **{native: (2, ecs) for native, ecs in ADDRESSES.items()},
    **{native: (3, ecs) for native, ecs in PORTS.items()},
}
_CHECKED = frozenset(("source.ip", "destination.ip", "process.pid", "event.original", *PORTS.values()))
"""ECS names whose values are checked here; as a sender's own they might be anything."""
_LOOPBACK_TEXTS = frozenset(("-", "", "LOCAL", "::", "0.0.0.0"))  # noqa: S104 - not bound to, recognized as "no address"
_NOBODY = frozenset(("-", "", None))


@lru_cache(maxsize=4096)
def _kind(channel: str, provider: str, code: str, registry: str) -> tuple[tuple[LogSource, ...], dict[str, Any]]:
    """What channel (or provider) and id alone say; remembered, because there are few."""
    service = service_of(channel, provider, code)
    categories = CATEGORIES.get((service, code), ())
    chosen = REGISTRY_ACTIONS.get(registry)
    if chosen is not None and len(categories) == 3:  # Sysmon 12: add, delete, event
        categories = (chosen, categories[2])
    sources = tuple(LogSource("windows", category, service) for category in categories)
    if not sources:
        sources = (LogSource("windows", "", service),)
    sources += tuple(LogSource("windows", "", name) for name in MORE_SERVICES.get(service, ()))
    static: dict[str, Any] = {
        "event.kind": "event",
        "event.code": code,
        "event.module": "sysmon" if service == "sysmon" else "windows",
        "event.dataset": "windows." + (service or "other"),
        "winlog.channel": channel,
        **ECS.get((service, code), {}),
    }
    return sources, static


@lru_cache(maxsize=16384)
def _base(path: str) -> str:
    return path.rpartition("\\")[2] or path


def _user(fields: Fields) -> None:
    """Who: the target of a log-on, else the user of a Sysmon event, else the subject."""
    name = fields.get("TargetUserName")
    domain = fields.get("TargetDomainName")
    if name in _NOBODY:
        user = fields.get("User")
        if isinstance(user, str) and user not in _NOBODY:
            domain, _, name = user.rpartition("\\")
        else:
            name = fields.get("SubjectUserName")
            domain = fields.get("SubjectDomainName")
            if name in _NOBODY:
                name = fields.get("AccountName")
                domain = fields.get("Domain")
    if isinstance(name, str) and name not in _NOBODY:
        fields["user.name"] = name
        if isinstance(domain, str) and domain not in _NOBODY:
            fields["user.domain"] = domain


_AUDIT = {
    "AUDIT_SUCCESS": "success",
    "AUDIT_FAILURE": "failure",
    "Audit Success": "success",
    "Audit Failure": "failure",
}
"""EventType as NXLog writes it, keyword as Winlogbeat does → outcome."""
_STATUS_IDS = frozenset(("4768", "4769", "4776"))


def _stamp(event: dict[str, Any], zone: ZoneInfo) -> Stamp | None:
    """The event's own time: TimeCreated, Sysmon's UtcTime (UTC), EventTime (the host's zone if none), the shipper's."""
    for name in ("TimeCreated", "UtcTime", "EventTime", "@timestamp", "timestamp"):
        value = event.get(name)
        if isinstance(value, str) and (stamp := iso(value + "Z" if name == "UtcTime" else value, zone)) is not None:
            return stamp
    return None


def read(event: dict[str, Any], fields: Fields, zone: ZoneInfo, *, flat: bool) -> Reading:
    """Read a decoded event; the native names end up in ``fields`` with their values as they came.

    Args:
        event: the object.
        fields: written to; what a syslog header has put there stays.
        zone: of stamps without one.
        flat: nothing in it is nested.
    """
    plain = flat and is_plain(event)
    if not plain:
        event = unnest(event)
    if fields:
        header = dict(fields)
        fields.update(event)
        fields.update(header)
    else:
        fields.update(event)
    if "Provider_Name" not in fields:
        add_provider(fields)
    stamp = _stamp(event, zone)
    how_of = _HOW
    for native in [name for name in event if name in how_of]:
        value = event[native]
        kind, ecs = how_of[native]
        if value.__class__ is not str:
            if kind == 3 and isinstance(value, int) and 0 <= value <= 65535:  # see _HOW
                fields[ecs] = value
            continue
        if value in ("-", ""):
            continue
        if kind == 0:
            fields[ecs] = value
        elif kind == 1:
            fields[ecs + ".executable"] = value
            fields[ecs + ".name"] = _base(value) if len(value) < 1024 else value
        elif kind == 2:
            address = value.removeprefix("::ffff:")
            if address not in _LOOPBACK_TEXTS and is_ip(address):
                fields[ecs + ".ip"] = address
        else:
            number = port(value)
            if number is not None:
                fields[ecs] = number
    sources = _finish(fields)
    if not plain:  # a sender that knows ECS (Winlogbeat) has said it better
        fields.update((name, value) for name, value in event.items() if name not in _CHECKED)
    return sources, stamp


def _finish(fields: Fields) -> tuple[LogSource, ...]:
    code = str(fields.get("EventID", fields.get("EventId", "")))
    channel = fields.get("Channel")
    if isinstance(channel, list) and channel:
        channel = cast("list[Any]", channel)[0]
    provider = fields.get("Provider_Name")
    if not channel and not provider:
        provider = likely_provider(fields, code)
    registry = fields.get("EventType")
    sources, static = _kind(
        channel[:256] if isinstance(channel, str) else "",
        provider[:256] if isinstance(provider, str) and not channel else "",
        code[:32],
        registry.lower()[:32] if code == "12" and isinstance(registry, str) else "",
    )
    if not channel and not provider:
        sources = hinted(fields, "windows")
    fields.update(static)
    if "host.name" not in fields:
        host = fields.get("Hostname", fields.get("host"))
        if isinstance(host, str):
            fields["host.name"] = host
    pid = fields.get("ProcessId", fields.get("NewProcessId"))
    if isinstance(pid, int):
        fields["process.pid"] = pid
    elif isinstance(pid, str):
        number = _pid(pid)
        if number is not None:
            fields["process.pid"] = number
    _user(fields)
    if code == "4688":
        add_sysmon_names(fields)
    if "event.outcome" not in static:
        _outcome(code, fields)
    return sources


@lru_cache(maxsize=16384)
def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


def _pid(text: str) -> int | None:
    """Sysmon writes decimal, Security ``0x1a4``."""
    return _hexadecimal(text) if text.startswith("0x") and len(text) <= 12 else port(text)


def _outcome(code: str, fields: Fields) -> None:
    if code in _STATUS_IDS:
        status = fields.get("Status")
        if isinstance(status, str):
            fields["event.outcome"] = "success" if _hexadecimal(status[:12]) == 0 else "failure"
        return
    kind = fields.get("EventType", fields.get("winlog.keywords"))
    for word in cast("list[Any]", kind) if isinstance(kind, list) else (kind,):
        if isinstance(word, str) and word in _AUDIT:
            fields["event.outcome"] = _AUDIT[word]


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line: the JSON object, alone or as the message of a syslog line."""
    decoded = json.decode_object(text)
    header: Stamp | None = None
    if decoded is None:
        found = syslog.read(text, fields, zone, day)
        decoded = json.decode_object(found[0]) if found is not None else None
        header = found[2] if found is not None else None
    if decoded is None:
        raise refuse("windows-json: no JSON object")
    sources, stamp = read(decoded[0], fields, zone, flat=decoded[1])
    return sources, stamp or header


PRODUCT = Product(
    "windows-json", "Windows and Sysmon events as JSON: NXLog, Winlogbeat, evtx_dump and other shapes", parse
)
