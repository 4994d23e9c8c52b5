"""A Windows event in the shape that its exporter gave it → flat, with the native names on top, where Sigma's rules look.

Known shapes: the event's own XML as JSON by several converters (``Event.System``, ``EventData``, named ``Data`` lists, attributes as
``@Name``, ``#attributes``, ``_attributes``), nested or with dotted names; Winlogbeat and Elastic Agent (``winlog.event_data``); NXLog;
EvtxECmd (``Payload``); chainsaw (``document.data``); Hayabusa (``AllFieldInfo``); Wazuh (``data.win``); Get-WinEvent (``Id``).
"""

import re
from collections.abc import Iterator
from typing import Any, cast

from soc.normalize.formats import json

_INNER = re.compile(
    r"(?:document\.data\.|data\.win\.)?(?:Event\.)?"
    r"(?:EventData\.Data|EventData|System|UserData(?:\.[^.]+(?=\.))?|winlog\.event_data|winlog\.user_data|Details|AllFieldInfo"
    r"|ExtraFieldInfo|eventdata|system|Payload\.EventData\.Data|Payload\.EventData)\.(.+)"
)
"""What comes before a native name."""
_MARKUP = re.compile(r"[._](?:#attributes|_attributes|attributes)(?=\.)|\.(?=@)")
"""How converters say that a name is an XML attribute of what stands before."""
_TEXT_ENDS = (".#text", ".Value", "._text")
_NATIVE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("EventID", ("EventId", "winlog.event_id", "EventCode", "eventID", "Id", "event.code", "event_id")),
    ("Channel", ("winlog.channel", "LogName", "channel", "log_name")),
    (
        "Provider_Name",
        ("winlog.provider_name", "Provider.Name", "providerName", "ProviderName", "SourceName", "Provider"),
    ),
    ("Computer", ("winlog.computer_name", "computer", "MachineName", "computer_name")),
    ("TimeCreated", ("TimeCreated.SystemTime", "systemTime", "Timestamp")),
)
"""Native name → what exporters call it, the surest first."""
_IDS = ("EventID", "EventId", "EventCode", "Id", "winlog.event_id")
_ORIGINS = (
    "Channel",
    "Provider_Name",
    "SourceName",
    "ProviderName",
    "LogName",
    "winlog.channel",
    "winlog.provider_name",
)
_OF_SYSMON = (
    *(
        "UtcTime",
        "ProcessGuid",
        "SourceProcessGuid",
        "SourceProcessGUID",
        "Image",
        "SourceImage",
        "ImageLoaded",
        "TargetImage",
    ),
    *("TargetObject", "TargetFilename", "PipeName", "QueryName", "Hashes"),
)
_DOTTED = ("Event.System.EventID", "System.EventID", "Event.System.Channel", "System.Channel")
_NAMES = ("@Name", "Name", "_Name", "-Name")
_TEXTS = ("#text", "_text", "Value", "text", "content", "_")


def is_windows(event: dict[str, Any]) -> bool:
    """Whether a decoded object is a Windows event, in one of the shapes collectors give it."""
    if any(name in event for name in _IDS):
        if any(name in event for name in _ORIGINS):
            return True
        if "EventID" in event and likely_provider(event, str(event["EventID"])):
            return True
    if any(name in event for name in _DOTTED):
        return True
    winlog = event.get("winlog")
    if isinstance(winlog, dict):
        return "event_id" in winlog or "channel" in winlog
    outer = _inside(event, "document", "data") or _inside(event, "data", "win") or event
    system = outer.get("System") or outer.get("Event") or outer.get("system")
    return isinstance(system, dict) and any(name in system for name in ("EventID", "System", "eventID"))


def _inside(event: dict[str, Any], outer: str, inner: str) -> dict[str, Any] | None:
    value = event.get(outer)
    if not isinstance(value, dict):
        return None
    found = cast("dict[str, Any]", value).get(inner)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def likely_provider(event: dict[str, Any], code: str) -> str:
    """Who wrote an event that names neither channel nor provider, by its id and fields; "" if that is anybody's guess."""
    if not code.isdecimal() or len(code) > 4:
        return ""
    number = int(code)
    if 1 <= number <= 29 or number == 255:
        return "Microsoft-Windows-Sysmon" if any(name in event for name in _OF_SYSMON) else ""
    if number in (4103, 4104):
        return "Microsoft-Windows-PowerShell"
    if 4608 <= number <= 5450 or number == 1102:  # the ids of security auditing
        return "Microsoft-Windows-Security-Auditing"
    return "Service Control Manager" if number == 7045 else ""


def is_plain(event: dict[str, Any]) -> bool:
    """Whether a flat event has its native names on top already."""
    return "EventID" in event and "Channel" in event


def add_provider(fields: dict[str, Any]) -> None:
    """``Provider_Name``, as rules call it, from what NXLog and others call it."""
    provider = fields.get("SourceName", fields.get("ProviderName"))
    if isinstance(provider, str):
        fields["Provider_Name"] = provider


def add_sysmon_names(fields: dict[str, Any]) -> None:
    """What Security 4688 tells, also under the names that Sysmon 1 and so SigmaHQ's process_creation rules have for it.

    Nothing that is there is changed. ``ProcessId`` stays the creator's, as 4688 has it.
    """
    for native, name in (
        ("NewProcessName", "Image"),
        ("ParentProcessName", "ParentImage"),
        ("MandatoryLabel", "IntegrityLevel"),
        ("SubjectLogonId", "LogonId"),
    ):
        value = fields.get(native)
        if isinstance(value, str) and value not in ("-", ""):
            fields.setdefault(name, value)
    if "User" in fields:
        return
    if fields.get("SubjectUserSid") == "S-1-5-18":  # 4688 names the machine's account there, Sysmon does not
        fields["User"] = "NT AUTHORITY\\SYSTEM"
        return
    name, domain = fields.get("SubjectUserName"), fields.get("SubjectDomainName")
    if isinstance(name, str) and name not in ("-", ""):
        fields["User"] = f"{domain}\\{name}" if isinstance(domain, str) and domain not in ("-", "") else name


def add_joined_names(fields: dict[str, Any]) -> None:
    """Defender's names have blanks ("Threat Name"); Sigma's rules write them without, and find them so as well."""
    for name in [name for name in fields if " " in name]:
        fields.setdefault(name.replace(" ", ""), fields[name])


def unnest(event: dict[str, Any]) -> dict[str, Any]:
    """Any shape → flat, every name as it came, native names on top beside them. What is on top already stays."""
    payload = event.get("Payload")
    if isinstance(payload, str) and payload.startswith("{"):  # EvtxECmd
        decoded = json.decode_object(payload)
        if decoded is not None:
            event = {**event, "Payload": decoded[0]}
    flat = json.flatten(event)
    data: dict[str, Any] = dict(_named(event, 0))
    system: dict[str, Any] = {}
    for name, value in flat.items():
        inner = _native(name)
        if inner:
            (system if ".system." in f".{name.lower()}" else data).setdefault(inner, value)
    for native, others in _NATIVE:
        for other in others:
            if other.startswith("winlog.") and flat.get(other) is not None:
                system.setdefault(native, flat[other])
    lifted = {**data, **system}
    own, cleared = system.get("Channel"), data.get("Channel")
    if isinstance(own, str) and isinstance(cleared, str) and own != cleared:
        lifted["Channel"] = [own, cleared]  # the log that was cleared (104): rules ask for it under this name
    for name, value in lifted.items():
        flat.setdefault(name, value)
    for native, others in _NATIVE:
        if native in flat:
            continue
        value = next((flat[other] for other in others if flat.get(other) is not None), None)
        if value is not None and not isinstance(value, list):
            flat[native] = value
    return flat


def _native(name: str) -> str:
    """The native name at the end of a dotted one; "" if there is none."""
    found = _INNER.fullmatch(name)
    if found is None:
        return ""
    inner = _MARKUP.sub("", found[1]) if found[1][0] not in "@#_" else ""
    for end in _TEXT_ENDS:
        inner = inner.removesuffix(end)
    inner = inner.replace("@", ".")
    if name.startswith("data.win.eventdata."):  # Wazuh writes ``commandLine`` for ``CommandLine``
        inner = inner[:1].upper() + inner[1:]
    if inner in _TEXTS or not inner:  # ``EventData.Data.#text``: values without names
        return "Data" if ".Data." in name and not name.endswith("Name") else ""
    return "" if inner == "Name" or inner.endswith("Name.Name") else inner


def _named(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """(name, text) of each item of a list like ``<Data Name="Image">…</Data>`` became."""
    if depth > 6:
        return
    if isinstance(value, dict):
        for inner in cast("dict[str, Any]", value).values():
            if isinstance(inner, (dict, list)):
                yield from _named(inner, depth + 1)
        return
    for item in value:
        if not isinstance(item, dict):
            continue
        pairs = cast("dict[str, Any]", item)
        attributes = pairs.get("#attributes", pairs.get("_attributes", pairs.get("$", pairs)))
        if not isinstance(attributes, dict):
            continue
        named = cast("dict[str, Any]", attributes)
        name = next((named[key] for key in _NAMES if key in named), None)
        if isinstance(name, str) and name:
            text = next((pairs[key] for key in _TEXTS if key in pairs), None)
            if not isinstance(text, (dict, list)):
                yield name, text
