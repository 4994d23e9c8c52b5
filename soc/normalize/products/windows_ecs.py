"""A Windows event whose shipper moved its values to ECS names → the native names as well, where Sigma's Windows rules look.

Winlogbeat's and Elastic Agent's pipelines for Sysmon, Security and PowerShell rename what they know (``winlog.event_data.Image``
becomes ``process.executable``) and Elastic Defend never had native names. What the event has under a native name stays.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, cast

from soc.model.event import UNKNOWN, LogSource

_PROCESS: Final = {
    "Image": ("process.executable",),
    "CommandLine": ("process.command_line",),
    "CurrentDirectory": ("process.working_directory",),
    "ProcessId": ("process.pid",),
    "ProcessGuid": ("process.entity_id",),
    "ParentImage": ("process.parent.executable",),
    "ParentCommandLine": ("process.parent.command_line",),
    "ParentProcessId": ("process.parent.pid",),
    "ParentProcessGuid": ("process.parent.entity_id",),
    "OriginalFileName": ("process.pe.original_file_name",),
    "Company": ("process.pe.company",),
    "Description": ("process.pe.description",),
    "Product": ("process.pe.product",),
    "FileVersion": ("process.pe.file_version",),
    "IntegrityLevel": ("process.Ext.token.integrity_level_name",),
}
_LIBRARY: Final = {
    "ImageLoaded": ("dll.path", "file.path"),
    "OriginalFileName": ("dll.pe.original_file_name", "file.pe.original_file_name"),
    "Company": ("dll.pe.company", "file.pe.company"),
    "Description": ("dll.pe.description", "file.pe.description"),
    "Product": ("dll.pe.product", "file.pe.product"),
    "FileVersion": ("dll.pe.file_version", "file.pe.file_version"),
    "Signature": ("dll.code_signature.subject_name", "file.code_signature.subject_name"),
    "SignatureStatus": ("dll.code_signature.status", "file.code_signature.status"),
    "Signed": ("dll.code_signature.signed", "file.code_signature.signed"),
}
_NETWORK: Final = {
    "DestinationIp": ("destination.ip",),
    "DestinationPort": ("destination.port",),
    "DestinationHostname": ("destination.domain",),
    "SourceIp": ("source.ip",),
    "SourcePort": ("source.port",),
    "SourceHostname": ("source.domain",),
    "Protocol": ("network.transport",),
}
_SOURCE: Final = {"SourceImage": ("process.executable",), "SourceCommandLine": ("process.command_line",)}
_ACTOR: Final = {name: _PROCESS[name] for name in ("Image", "CommandLine", "ProcessId", "ProcessGuid", "ParentImage")}
_FILE: Final = {**_ACTOR, "TargetFilename": ("file.path",), "SourceFilename": ("file.Ext.original.path",)}
_REGISTRY: Final = {**_ACTOR, "TargetObject": ("registry.path",), "Details": ("registry.data.strings",)}

NATIVE: Final[dict[str, Mapping[str, tuple[str, ...]]]] = {
    "process_creation": _PROCESS,
    "process_termination": _ACTOR,
    "process_tampering": _ACTOR,
    "process_access": _SOURCE,
    "create_remote_thread": _SOURCE,
    "network_connection": {**_ACTOR, **_NETWORK},
    "dns_query": {**_ACTOR, "QueryName": ("dns.question.name",)},
    "image_load": {**_ACTOR, **_LIBRARY},
    "driver_load": _LIBRARY,
    "pipe_created": {**_ACTOR, "PipeName": ("file.name",)},
    "create_stream_hash": _FILE,
    "file_event": _FILE,
    "file_change": _FILE,
    "file_delete": _FILE,
    "file_delete_detected": _FILE,
    "file_executable_detected": _FILE,
    "file_rename": _FILE,
    "file_access": {**_ACTOR, "FileName": ("file.path",)},
    "registry_event": _REGISTRY,
    "registry_set": _REGISTRY,
    "registry_add": _REGISTRY,
    "registry_delete": _REGISTRY,
    "registry_rename": _REGISTRY,
    "ps_script": {"ScriptBlockText": ("powershell.file.script_block_text",), "Path": ("file.path",)},
}
"""Sigma category → native name → the ECS names it may have been moved to."""

MARKS: Final = frozenset(names[0] for moved in NATIVE.values() for names in moved.values())
"""ECS names of which an event has at least one if its shipper moved values."""

_HASHES: Final = (
    ("MD5", "hash.md5"),
    ("SHA1", "hash.sha1"),
    ("SHA256", "hash.sha256"),
    ("IMPHASH", "pe.imphash"),
)


def add_native_names(fields: dict[str, Any], sources: tuple[LogSource, ...]) -> None:
    """The native names of the event's categories, from the ECS names; ``User`` and ``Hashes`` are put together."""
    categories = {source.category for source in sources if source.category in NATIVE}
    for category in categories:
        for native, names in NATIVE[category].items():
            if native not in fields:
                value = next((fields[name] for name in names if fields.get(name) not in (None, "")), None)
                if value is not None:
                    fields[native] = value
        if "Hashes" not in fields:
            hashes = _hashes(fields, "process" if category == "process_creation" else "dll", "file")
            if hashes:
                fields["Hashes"] = hashes
    if categories and "User" not in fields:
        name, domain = fields.get("user.name"), fields.get("user.domain")
        if isinstance(name, str):
            fields["User"] = f"{domain}\\{name}" if isinstance(domain, str) and domain else name


def _hashes(fields: Mapping[str, Any], *owners: str) -> str:
    """As Sysmon writes them: ``MD5=…,SHA256=…,IMPHASH=…``; of the first owner that has any."""
    for owner in owners:
        values = ((kind, fields.get(f"{owner}.{name}")) for kind, name in _HASHES)
        found = [f"{kind}={value.upper()}" for kind, value in values if isinstance(value, str)]
        if found:
            return ",".join(found)
    return ""


_OPERATIONS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("process", "start", ("process_creation",)),
    ("process", "end", ("process_termination",)),
    ("file", "creation", ("file_event",)),
    ("file", "deletion", ("file_delete",)),
    ("registry", "deletion", ("registry_delete", "registry_event")),
    ("registry", "creation", ("registry_add", "registry_event")),
    ("registry", "change", ("registry_set", "registry_event")),
    ("library", "start", ("image_load",)),
    ("driver", "start", ("driver_load",)),
    ("network", "start", ("network_connection",)),
)
"""ECS ``event.category`` and ``event.type`` → Sigma categories, of an event that is no log's but an agent's own."""


def agent_sources(fields: Mapping[str, Any], sources: tuple[LogSource, ...]) -> tuple[LogSource, ...]:
    """With the Sigma categories that an agent's ECS event is of, where its product is known and its category is not."""
    source = sources[0]
    if source.product not in ("windows", "linux", "macos") or source.category != UNKNOWN:
        return sources
    kinds, types = _words(fields.get("event.category")), _words(fields.get("event.type"))
    for kind, what, categories in _OPERATIONS:
        if kind in kinds and what in types:
            return _of(source, categories)
    return sources


@lru_cache(maxsize=256)
def _of(source: LogSource, categories: tuple[str, ...]) -> tuple[LogSource, ...]:
    """The same tuple for the same event kinds: the detector knows it by its identity."""
    return tuple(LogSource(source.product, category, source.service) for category in categories)


def _words(value: Any) -> frozenset[str]:
    words = cast("list[Any]", value) if isinstance(value, list) else [value]
    return frozenset(str(word) for word in words)


_PARAMETERS: Final = ("param1", "param2", "param3")


def add_agent_values(fields: dict[str, Any]) -> None:
    """What Winlogbeat has under its own names and nothing has said yet: the level, who wrote the event, PowerShell's values.

    ``winlog.user`` is the account of the event's header (``Security UserID``). Sysmon's is the service's own, and says nothing
    of whom its events are about.
    """
    level = fields.get("winlog.level")
    if isinstance(level, str) and level and "log.level" not in fields:
        fields["log.level"] = level.lower()
    if "user.name" not in fields and "user.id" not in fields and fields.get("event.module") != "sysmon":
        for native, ecs in (("name", "user.name"), ("domain", "user.domain"), ("identifier", "user.id")):
            value = fields.get("winlog.user." + native)
            if isinstance(value, str) and value not in ("", "-"):
                fields[ecs] = value
    if fields.get("event.dataset") == "windows.powershell-classic" and "Data" not in fields:
        values = [fields[name] for name in _PARAMETERS if isinstance(fields.get(name), str)]
        if values:
            fields["Data"] = values
