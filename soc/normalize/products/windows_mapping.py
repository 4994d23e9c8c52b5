"""Native Windows fields in; the same event's ECS fields beside them, and its Sigma logsources, out."""

from functools import lru_cache
from typing import Any, cast

from soc.model.event import LogSource
from soc.normalize.columns import Kind as Column
from soc.normalize.columns import Row, columns
from soc.normalize.products import mssql
from soc.normalize.products import windows_values as values
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
from soc.normalize.products.windows_people import MAKES as PEOPLE
from soc.normalize.products.windows_people import NAMES, add_people
from soc.normalize.products.windows_shapes import add_joined_names, add_sysmon_names, likely_provider
from soc.normalize.products.windows_values import Writer
from soc.normalize.transports import TRANSPORTS

TEXT: dict[str, str] = {
    "Computer": "host.name",
    "SourceName": "event.provider",
    "ProviderName": "event.provider",
    "Provider_Name": "event.provider",
    "CommandLine": "process.command_line",
    "CurrentDirectory": "process.working_directory",
    "ParentCommandLine": "process.parent.command_line",
    "DestinationHostname": "destination.domain",
    "DestinationPortName": "network.protocol",
    "SourceHostname": "source.domain",
    "QueryName": "dns.question.name",
    "ProcessGuid": "process.entity_id",
    "SourceProcessGuid": "process.entity_id",
    "SourceProcessGUID": "process.entity_id",
    "ParentProcessGuid": "process.parent.entity_id",
    "Workstation": "source.domain",
    "WorkstationName": "source.domain",
    "ClientName": "source.domain",
    "ServiceName": "service.name",
    "ScriptBlockText": "powershell.file.script_block_text",
    "PipeName": "file.name",
    "RelativeTargetName": "file.name",
    "RuleName": "rule.name",
    "Threat ID": "rule.id",
    "Message": "message",
}
"""Native name → ECS, as text."""

EXECUTABLES: dict[str, str] = {
    "Image": "process",
    "NewProcessName": "process",
    "ProcessName": "process",
    "Process Name": "process",
    "Application": "process",
    "SourceImage": "process",
    "ParentImage": "process.parent",
    "ParentProcessName": "process.parent",
}
"""Native name → whose executable it is; ``.name`` is the last part of its path."""

WRITERS: dict[str, tuple[Writer, str]] = {
    "IpAddress": (values.address, "source.ip"),
    "SourceIp": (values.address, "source.ip"),
    "SourceAddress": (values.address, "source.ip"),
    "ClientAddress": (values.address, "source.ip"),
    "DestinationIp": (values.address, "destination.ip"),
    "DestAddress": (values.address, "destination.ip"),
    "IpPort": (values.number, "source.port"),
    "SourcePort": (values.number, "source.port"),
    "DestinationPort": (values.number, "destination.port"),
    "DestPort": (values.number, "destination.port"),
    "ProcessId": (values.pid, "process.pid"),
    "SourceProcessId": (values.pid, "process.pid"),
    "NewProcessId": (values.pid, "process.pid"),
    "ParentProcessId": (values.pid, "process.parent.pid"),
    "Protocol": (values.transport, "network.transport"),
    "Initiated": (values.direction, "network.direction"),
    "Direction": (values.direction, "network.direction"),
    "TargetFilename": (values.file, "file"),
    "ImageLoaded": (values.library, "file"),
    "Path": (values.threat_file, "file"),
    "Threat Name": (values.threat, "rule.name"),
    "TargetObject": (values.registry_key, ""),
    "Details": (values.registry_data, "registry.data"),
    "QueryResults": (values.answers, "dns.answers.data"),
    "QueryStatus": (values.response, "dns.response_code"),
    "ContextInfo": (values.engine_text, "process.command_line"),
    "Data": (values.engine_text, "process.command_line"),
    "param3": (values.engine_text, "process.command_line"),
    "Signed": (values.signed, "file.code_signature.signed"),
    "Severity": (values.level, "log.level"),
    "Level": (values.level, "log.level"),
}
"""Native name → what writes it, and the ECS name (or what it begins with)."""

OWNED: dict[str, str] = {
    "OriginalFileName": "pe.original_file_name",
    "Company": "pe.company",
    "Description": "pe.description",
    "Product": "pe.product",
    "FileVersion": "pe.file_version",
    "Signature": "code_signature.subject_name",
    "SignatureStatus": "code_signature.status",
}
"""Native name → ECS, behind ``file`` where the event names one, else behind ``process``."""

_OF_FILES = ("ImageLoaded", "TargetFilename")
CHECKED = frozenset(
    [
        *("source.ip", "destination.ip", "process.pid", "process.parent.pid", "event.original", "event.code"),
        *("source.port", "destination.port"),
    ]
)
"""ECS names whose values are checked here; as a sender's own they might be anything."""


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


_AUDIT = {
    "AUDIT_SUCCESS": "success",
    "AUDIT_FAILURE": "failure",
    "Audit Success": "success",
    "Audit Failure": "failure",
}
"""EventType as NXLog writes it, keyword as Winlogbeat does → outcome."""
_STATUS_IDS = frozenset(("4768", "4769", "4776"))
_OBJECTS = frozenset(("4656", "4657", "4658", "4660", "4663", "4670", "4907"))


_NOTHING = frozenset(["", "-"])


class _Shape:
    """What the names of an event ask to be done; events of one kind have the same names, so it is found once.

    Attributes:
        columns: what its values are: texts in the event's order (where two give one ECS name, the last holds), paths, the rest.
        host: some name gives ``host.name`` where ``Computer`` does not.
        user, audited: some name may give a user, an outcome.
    """

    __slots__ = ("audited", "columns", "host", "user")

    def __init__(self, names: tuple[str, ...]) -> None:
        known = frozenset(names)
        owner = "process" if known.isdisjoint(_OF_FILES) else "file"
        rows = [Row(Column.TEXT, name, TEXT[name]) for name in names if name in TEXT]
        if "Image" in known or owner == "file":
            rows += [Row(Column.TEXT, name, f"{owner}.{OWNED[name]}") for name in names if name in OWNED]
        rows += [
            Row(Column.PATH, name, EXECUTABLES[name] + ".executable", EXECUTABLES[name] + ".name")
            for name in names
            if name in EXECUTABLES
        ]
        writers = [(name, *WRITERS[name]) for name in names if name in WRITERS]
        if "Details" in known:  # only a value has any
            writers = [(name, values.registry_value if name == "TargetObject" else w, e) for name, w, e in writers]
        if not known.isdisjoint(("ScriptBlockId", "ScriptBlockText")):  # the script's own path
            writers = [(name, values.file if name == "Path" else w, e) for name, w, e in writers]
        writers += [(name, values.hashes, owner) for name in ("Hashes", "Hash") if name in known]
        rows += [
            Row(Column.DECIMAL if writer is values.pid else Column.ANY, name, ecs, writer)
            for name, writer, ecs in writers
        ]
        self.columns = columns(rows, _NOTHING)
        self.host = not known.isdisjoint(("Hostname", "host"))
        self.user = not known.isdisjoint(NAMES)
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
    shape.columns.write_named(event, fields)
    code, sources, static = by_channel(fields) or _by_more(fields)
    fields.update(static)
    if shape.host and "host.name" not in fields:
        host = fields.get("Hostname", fields.get("host"))
        if isinstance(host, str):
            fields["host.name"] = host
    dataset = static["event.dataset"]
    security = dataset == "windows.security"
    if dataset == DEFENDER:
        add_joined_names(fields)
    if shape.user:
        add_people(code, fields, security=security)
    if security:
        _security(code, fields)
    if code == "4688":
        add_sysmon_names(fields)
    if (security or shape.audited) and "event.outcome" not in static:
        _outcome(code, fields, security=security)
    if code in mssql.WINDOWS_IDS and not security:
        mssql.windows_event(code, fields)
    return sources


def _security(code: str, fields: Fields) -> None:
    """What only some ids of the Security log tell."""
    if code == "4688":
        fields.pop("process.pid", None)
        values.pid(fields, fields.get("NewProcessId"), "process.pid")
        values.pid(fields, fields.get("ProcessId"), "process.parent.pid")  # the creator's, as 4688 has it
    elif code in ("5140", "5145"):
        _share(fields)
    elif code in _OBJECTS:
        name, kind = fields.get("ObjectName"), fields.get("ObjectType")
        if isinstance(name, str) and kind == "File":
            values.file(fields, name, "file")
        elif isinstance(name, str) and (kind == "Key" or code == "4657"):
            value = fields.get("ObjectValueName")
            whole = isinstance(value, str) and value not in ("-", "")
            if whole:
                values.registry_value(fields, f"{name}\\{value}", "")
            else:
                values.registry_key(fields, name, "")


def _share(fields: Fields) -> None:
    r"""A file in a share: ``ShareLocalPath`` (``\??\C:\data``) and ``RelativeTargetName``."""
    where, name = fields.get("ShareLocalPath"), fields.get("RelativeTargetName")
    if isinstance(name, str) and name not in ("-", ""):
        local = where.removeprefix("\\??\\").rstrip("\\") if isinstance(where, str) else ""
        values.file(fields, f"{local}\\{name}" if local else name, "file")


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


DEFENDER = "windows.windefend"
"""The dataset whose native names have blanks."""

_SUCCESS, _FAILURE = 0x20000000000000, 0x10000000000000
"""Bits of Keywords: audit success, audit failure (Microsoft, StandardEventKeywords)."""


@lru_cache(maxsize=1024)
def _audited(text: str) -> str:
    try:
        keywords = int(text, 0)
    except ValueError:
        return ""
    return "success" if keywords & _SUCCESS else "failure" if keywords & _FAILURE else ""


def _outcome(code: str, fields: Fields, *, security: bool) -> None:
    if code in _STATUS_IDS:
        status = fields.get("Status")
        if isinstance(status, str):
            fields["event.outcome"] = "success" if values.hexadecimal(status[:12]) == 0 else "failure"
            return
    kind = fields.get("EventType", fields.get("winlog.keywords"))
    for word in cast("list[Any]", kind) if isinstance(kind, list) else (kind,):
        if isinstance(word, str) and word in _AUDIT:
            fields["event.outcome"] = _AUDIT[word]
            return
    if security:
        keywords = fields.get("Keywords")
        found = (
            _audited(str(keywords))
            if isinstance(keywords, int) or (isinstance(keywords, str) and len(keywords) < 24)
            else ""
        )
        if found or (found := _AUDIT.get(keywords, "") if isinstance(keywords, str) else ""):
            fields["event.outcome"] = found


_SPLIT = ("path", "name", "directory", "extension")
_HASHED = (*values.HASHES.values(), "pe.imphash")
MAKES: frozenset[str] = frozenset(
    [
        *TEXT.values(),
        *(whose + end for whose in EXECUTABLES.values() for end in (".executable", ".name")),
        *(ecs for _, ecs in WRITERS.values()),
        *(f"file.{end}" for end in _SPLIT),
        *(
            "dll.path",
            "dll.name",
            "network.iana_number",
            "dns.resolved_ip",
            "registry.data.strings",
            "registry.data.type",
        ),
        *("registry.path", "registry.hive", "registry.key", "registry.value"),
        *(f"{owner}.{end}" for owner in ("process", "file") for end in (*OWNED.values(), *_HASHED)),
        *PEOPLE,
        *mssql.MAKES,
        *kind_of("", "", "", "")[1],
        *(name for fields in ECS.values() for name in fields),
        *("host.name", "event.outcome"),
    ]
)
"""Every name that ``add_ecs`` may write, but for the Sysmon names of a 4688, which are native ones."""

WORDS: frozenset[str] = frozenset(
    word.casefold()
    for value in (
        *(value for fields in ECS.values() for value in fields.values()),
        *kind_of("", "", "", "")[1].values(),
        *("windows." + service for service in (*SERVICES.values(), "sysmon")),
        *("sysmon", "success", "failure", "NT AUTHORITY\\SYSTEM", "HKLM", "HKU"),
        *mssql.WORDS,
        *TRANSPORTS.values(),
        *values.DIRECTIONS.values(),
        *values.LEVELS.values(),
        *values.RESPONSES.values(),
        *values.REGISTRY_TYPES.values(),
    )
    for word in (cast("list[str]", value) if isinstance(value, list) else (value,))
    if word
)
"""Every text that it may write which is no part of the event's own values, numbers aside; case-folded."""
