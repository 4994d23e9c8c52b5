"""Native Windows fields in; the same event's ECS fields beside them, and its Sigma logsources, out."""

from functools import lru_cache
from typing import Any, cast

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, port
from soc.normalize.products.hint import hinted
from soc.normalize.products.product import Fields
from soc.normalize.products.windows_logsource import (
    CATEGORIES,
    ECS,
    MORE_SERVICES,
    REGISTRY_ACTIONS,
    SERVICES,
    service_of,
)
from soc.normalize.products.windows_shapes import add_sysmon_names, likely_provider

TEXT: dict[str, str] = {
    "Computer": "host.name",
    "Provider_Name": "event.provider",
    "CommandLine": "process.command_line",
    "CurrentDirectory": "process.working_directory",
    "ParentCommandLine": "process.parent.command_line",
    "TargetFilename": "file.path",
    "TargetObject": "registry.path",
    "DestinationHostname": "destination.domain",
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

_HOW: dict[str, tuple[int, str, str]] = {
    **{native: (0, ecs, "") for native, ecs in TEXT.items()},
    **{native: (1, whose + ".executable", whose + ".name") for native, whose in EXECUTABLES.items()},
    **{native: (2, side + ".ip", "") for native, side in ADDRESSES.items()},
    **{native: (3, ecs, "") for native, ecs in PORTS.items()},
}
"""Native name → how it is read, its ECS name, and the one of an executable's last part."""
CHECKED = frozenset(("source.ip", "destination.ip", "process.pid", "event.original", *PORTS.values()))
"""ECS names whose values are checked here; as a sender's own they might be anything."""
_LOOPBACK_TEXTS = frozenset(("-", "", "LOCAL", "::", "0.0.0.0"))  # noqa: S104 - not bound to, recognized as "no address"
_NOBODY = ("-", "", None)
"""A tuple: what is asked may be a list, which no set takes."""


@lru_cache(maxsize=4096)
def kind_of(channel: str, provider: str, code: str, registry: str) -> tuple[tuple[LogSource, ...], dict[str, Any]]:
    """What channel (or provider) and id alone say; remembered, because there are few."""
    service = service_of(channel, provider, code)
    categories = CATEGORIES.get((service, code), ())
    chosen = REGISTRY_ACTIONS.get(registry)
    if chosen is not None and len(categories) == 3:  # Sysmon 12: add, delete, event
        categories = (chosen, categories[2])
    product = "linux" if "linux-sysmon" in (channel or provider).lower() else "windows"
    sources = tuple(LogSource(product, category, service) for category in categories)
    if not sources:
        sources = (LogSource(product, "", service),)
    sources += tuple(LogSource(product, "", name) for name in MORE_SERVICES.get(service, ()))
    static: dict[str, Any] = {
        "event.kind": "event",
        "event.code": code,
        "event.module": "sysmon" if service == "sysmon" else "windows",
        "event.dataset": "windows." + (service or "other"),
        "winlog.channel": channel,
        **ECS.get((service, code), {}),
    }
    return sources, static


Kind = tuple[str, tuple[LogSource, ...], dict[str, Any]]
"""The event's id as text, its logsources, and the ECS fields that all events of its kind have."""

_CHANNEL, _CODE = 256, 32
"""Characters of channel (or provider) and id that are looked at."""


@lru_cache(maxsize=4096)
def _common(channel: str, code: str | int) -> Kind:
    text = str(code)
    return text, *kind_of(channel, "", text, "")


def by_channel(fields: Fields) -> Kind | None:
    """The kind of an event that names a channel and an id; None for any other."""
    channel, code = fields.get("Channel"), fields.get("EventID")
    if not isinstance(channel, str) or not 0 < len(channel) <= _CHANNEL:
        return None
    if code.__class__ is not int and not (isinstance(code, str) and len(code) <= _CODE):  # a memo takes True for 1
        return None
    kind = _common(channel, cast("str | int", code))
    if kind[0] == "12":
        action = fields.get("EventType")
        return "12", *kind_of(channel, "", "12", action.lower()[:_CODE] if isinstance(action, str) else "")
    return kind


@lru_cache(maxsize=16384)
def _base(path: str) -> str:
    return path.rpartition("\\" if "\\" in path else "/")[2] or path


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


class _Shape:
    """What the names of an event ask to be done; events of one kind have the same names, so it is found once.

    Attributes:
        mapped: (native, *how), in the event's order: where two give one ECS name, the last holds.
        host: some name gives ``host.name`` where ``Computer`` does not.
        pid, user, audited: some name may give the process id, a user, an outcome.
    """

    __slots__ = ("audited", "host", "mapped", "pid", "user")

    def __init__(self, names: tuple[str, ...]) -> None:
        known = frozenset(names)
        self.mapped = [(name, *_HOW[name]) for name in names if name in _HOW]
        self.host = not known.isdisjoint(("Hostname", "host"))
        self.pid = not known.isdisjoint(("ProcessId", "NewProcessId"))
        self.user = not known.isdisjoint(("TargetUserName", "User", "SubjectUserName", "AccountName"))
        self.audited = not known.isdisjoint(("EventType", "winlog.keywords"))


_shapes: dict[tuple[str, ...], _Shape] = {}
_SHAPES, _NAMES = 2048, 8192
"""Shapes remembered, and characters of names in one that is."""


def _shape(event: dict[str, Any]) -> _Shape:
    names = tuple(event)
    shape = _shapes.get(names)
    if shape is None:
        shape = _Shape(names)
        if sum(map(len, names)) <= _NAMES:
            if len(_shapes) >= _SHAPES:
                _shapes.clear()
            _shapes[names] = shape
    return shape


def add_ecs(event: dict[str, Any], fields: Fields) -> tuple[LogSource, ...]:
    """Map an event whose native names are on top.

    Args:
        event: the native fields.
        fields: hold them already, perhaps beside those of a syslog header; what they mean in ECS is written here.

    Returns:
        The logsources of the event.
    """
    shape = _shape(event)
    for native, how, ecs, last in shape.mapped:
        value = event[native]
        if value.__class__ is not str:
            if how == 3 and isinstance(value, int) and 0 <= value <= 65535:  # see _HOW
                fields[ecs] = value
            continue
        if value in ("-", ""):
            continue
        if how == 0:
            fields[ecs] = value
        elif how == 1:
            fields[ecs] = value
            fields[last] = _base(value) if len(value) < 1024 else value
        elif how == 2:
            address = value.removeprefix("::ffff:")
            if address not in _LOOPBACK_TEXTS and is_ip(address):
                fields[ecs] = address
        else:
            number = port(value)
            if number is not None:
                fields[ecs] = number
    code, sources, static = by_channel(fields) or _by_more(fields)
    fields.update(static)
    if shape.host and "host.name" not in fields:
        host = fields.get("Hostname", fields.get("host"))
        if isinstance(host, str):
            fields["host.name"] = host
    if shape.pid:
        _pid(fields)
    if shape.user:
        _user(fields)
    if code == "4688":
        add_sysmon_names(fields)
    if "event.outcome" not in static and (shape.audited or code in _STATUS_IDS):
        _outcome(code, fields)
    return sources


def _by_more(fields: Fields) -> Kind:
    """Where there is no channel, the provider says it, or fields and id, or what the sender says of itself."""
    code = str(fields.get("EventID", fields.get("EventId", "")))
    channel = fields.get("Channel")
    if isinstance(channel, list) and channel:
        channel = cast("list[Any]", channel)[0]
    provider = fields.get("Provider_Name")
    if not channel and not provider:
        provider = likely_provider(fields, code)
    registry = fields.get("EventType")
    sources, static = kind_of(
        channel[:_CHANNEL] if isinstance(channel, str) else "",
        provider[:_CHANNEL] if isinstance(provider, str) and not channel else "",
        code[:_CODE],
        registry.lower()[:_CODE] if code == "12" and isinstance(registry, str) else "",
    )
    if not channel and not provider:
        sources = hinted(fields, "windows")
    return code, sources, static


@lru_cache(maxsize=16384)
def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


def _pid(fields: Fields) -> None:
    """Sysmon writes decimal, Security ``0x1a4``."""
    pid = fields.get("ProcessId", fields.get("NewProcessId"))
    if isinstance(pid, str):
        pid = _hexadecimal(pid) if pid.startswith("0x") and len(pid) <= 12 else port(pid)
    if isinstance(pid, int):
        fields["process.pid"] = pid


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


MAKES: frozenset[str] = frozenset(
    [
        *TEXT.values(),
        *(whose + end for whose in EXECUTABLES.values() for end in (".executable", ".name")),
        *(side + ".ip" for side in ADDRESSES.values()),
        *PORTS.values(),
        *kind_of("", "", "", "")[1],
        *(name for fields in ECS.values() for name in fields),
        *("host.name", "process.pid", "user.name", "user.domain", "event.outcome"),
    ]
)
"""Every name that ``add_ecs`` may write, but for the Sysmon names of a 4688, which are native ones."""

WORDS: frozenset[str] = frozenset(
    word.casefold()
    for value in (
        *(value for fields in ECS.values() for value in fields.values()),
        *kind_of("", "", "", "")[1].values(),
        *("windows." + service for service in (*SERVICES.values(), "sysmon")),
        *("sysmon", "success", "failure", "NT AUTHORITY\\SYSTEM"),
    )
    for word in (cast("list[str]", value) if isinstance(value, list) else (value,))
    if word
)
"""Every text that it may write which is no part of the event's own values, numbers aside; case-folded."""
