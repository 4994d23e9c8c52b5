"""ESET PROTECT's events (JSON in syslog) → findings, blocked connections and files, what administrators did."""

import re
from typing import Any, Final
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.formats import json, syslog
from soc.normalize.products.antivirus import account, digest, finding, path
from soc.normalize.products.fill import Table, address, fill, ip, lower, port, target, text
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import MONTHS, Stamp, iso

_FOUND = (LogSource("eset", "antivirus", "protect"),)
_OTHER = (LogSource("eset", "application", "protect"),)
_WHEN = re.compile(r"(\d{1,2})-([A-Z][a-z]{2})-(\d{4}) (\d\d:\d\d:\d\d)$", re.ASCII)
_NAMED = re.compile(r"\buser '([^']{1,256})'")


def _rule_id(fields: Fields, value: Any, ecs: str) -> None:
    """ESET names its own rules in this field; those of an administrator have a number."""
    if isinstance(value, str) and not value.isdecimal():
        text(fields, value, "rule.name" if "rule_name" not in fields and "rulename" not in fields else ecs)
    else:
        text(fields, value, ecs)


_TABLE: Final[Table] = {
    "hostname": (text, "host.name"),
    "ipv4": (ip, "host.ip"),
    "ipv6": (ip, "host.ip"),
    "os_name": (text, "host.os.full"),
    "severity": (lower, "log.level"),
    "source_address": (address, "source"),
    "source_port": (port, "source.port"),
    "target_address": (address, "destination"),
    "target_port": (port, "destination.port"),
    "protocol": (lower, "network.transport"),
    "threat_name": (text, "rule.name"),
    "rule_name": (text, "rule.name"),
    "command_line": (text, "process.command_line"),
    "rule_id": (_rule_id, "rule.id"),
    "eiconsolelink": (text, "event.url"),
    "cause": (text, "event.reason"),
    "rulename": (text, "rule.name"),
    "action": (text, "event.action"),
    "action_taken": (text, "event.action"),
    "event": (text, "event.reason"),
    "detail": (text, "message"),
    "scanner_id": (text, "rule.category"),
    "process_name": (text, "process.executable"),
    "processname": (text, "process.executable"),
    "application": (text, "process.executable"),
    "process_path": (text, "process.executable"),
    "result": (lower, "event.outcome"),
}
_KINDS: Final[dict[str, tuple[str, str]]] = {
    "FirewallAggregated_Event": ("network intrusion_detection", "connection denied"),
    "HipsAggregated_Event": ("intrusion_detection process", "denied"),
    "FilteredWebsites_Event": ("network web", "denied"),
    "BlockedFiles_Event": ("file malware", "denied"),
    "Audit_Event": ("iam", "admin"),
    "EnterpriseInspectorAlert_Event": ("intrusion_detection", "info"),
    "ESET Inspect Alert": ("intrusion_detection", "info"),
}
_OUTCOMES: Final = {"success": "success", "failure": "failure", "failed": "failure"}
_DIRECTIONS: Final = {"in": "inbound", "out": "outbound", "both": "unknown", "false": "outbound", "true": "inbound"}


def _stamp(value: Any, zone: ZoneInfo) -> Stamp | None:
    """``22-Nov-2026 08:00:00``, in UTC (ESET, "Events exported to JSON format")."""
    match = _WHEN.match(value) if isinstance(value, str) else None
    if match is None or match[2] not in MONTHS:
        return iso(value, zone) if isinstance(value, str) else None
    return iso(f"{match[3]}-{MONTHS[match[2]]:02d}-{int(match[1]):02d}T{match[4]}Z", zone)


def read_object(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """One object; None if it names neither its kind nor when it occurred."""
    kind = event.get("event_type")
    if not isinstance(kind, str) or "occured" not in event:
        return None
    fields.update({name: value for name, value in json.flatten(event).items() if name != "message"})
    fill(fields, _TABLE)
    fields["event.kind"] = "event" if kind == "Audit_Event" else "alert"
    fields["event.module"], fields["event.dataset"], fields["event.code"] = "eset", "eset.protect", kind[:64]
    categories, types = _KINDS.get(kind, ("malware", "info"))
    fields["event.category"], fields["event.type"] = categories.split(), types.split()
    outcome = _OUTCOMES.get(str(fields.get("event.outcome", "")), "")
    fields.pop("event.outcome", None)
    if outcome:
        fields["event.outcome"] = outcome
    executable = fields.get("process.executable")
    if isinstance(executable, str):
        fields["process.name"] = executable.rpartition("\\" if "\\" in executable else "/")[2] or executable
    for name in ("username", "account", "user"):
        if isinstance(event.get(name), str):
            account(fields, event[name])
            break
    digest(fields, str(event.get("hash") or ""))
    where = event.get("object_uri")
    if isinstance(where, str) and where:
        plain = where.removeprefix("file:///").replace("%20", " ")
        if where.startswith(("http://", "https://", "ftp://")):
            target(fields, where, "url.original")
        else:
            path(fields, plain)
    direction = _DIRECTIONS.get(str(event.get("direction", event.get("inbound", ""))).lower())
    if direction is not None:
        fields["network.direction"] = direction
    if kind == "Audit_Event":
        _logon(event, fields)
    if kind == "Threat_Event":
        handled = event.get("threat_handled")
        finding(fields, name=str(event.get("threat_name") or ""), action=str(event.get("action_taken") or ""))
        if str(handled).lower() in ("true", "false"):
            fields["event.outcome"] = "success" if str(handled).lower() == "true" else "failure"
        return _FOUND, _stamp(event["occured"], zone)
    if "denied" in types:
        fields["event.outcome"] = "failure"
    return (_FOUND if "malware" in categories else _OTHER), _stamp(event["occured"], zone)


def _logon(event: dict[str, Any], fields: Fields) -> None:
    """``Login attempt`` and ``Logout`` of the console; who it was stands in the detail where ``user`` is empty."""
    action = str(event.get("action") or "").lower()
    if not action.startswith(("login", "logout", "log out")):
        return
    fields["event.category"] = ["authentication"]
    fields["event.type"] = ["start"] if action.startswith("login") else ["end"]
    named = _NAMED.search(str(event.get("detail") or "")[:4096])
    if named is not None and "user.name" not in fields:
        account(fields, named[1])


def parse(line: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line: the object, alone or as the message of a syslog line."""
    decoded = json.decode_object(line)
    header = None
    if decoded is None:
        found = syslog.read(line, fields, zone, day)
        if found is not None:
            decoded, header = json.decode_object(found[0].lstrip("\ufeff ")), found[2]
    reading = read_object(decoded[0], fields, zone) if decoded is not None else None
    if reading is None:
        raise refuse("eset: no event of ESET PROTECT")
    return reading[0], reading[1] or header


_KEPT: Final = (
    *(
        "event_type",
        "source_uuid",
        "group_name",
        "group_description",
        "threat_type",
        "threat_flags",
        "scan_id",
        "engine_version",
    ),
    *(
        "object_type",
        "need_restart",
        "circumstances",
        "firstseen",
        "source_address_type",
        "target_address_type",
        "aggregate_count",
    ),
    *(
        "operation",
        "target",
        "description",
        "domain",
        "eialarmid",
        "eventdesc",
        "computer_severity_score",
        "severity_score",
    ),
)
PRODUCT = Product(
    "eset",
    "ESET PROTECT events as JSON in syslog",
    parse,
    fields={
        **dict.fromkeys(_KEPT, ""),
        **{
            name: {"source": "source.ip", "destination": "destination.ip"}.get(ecs, ecs)
            for name, (_, ecs) in _TABLE.items()
        },
        "occured": "@timestamp",
        "threat_name": "threat.software.name, rule.name",
        "threat_handled": "event.outcome",
        "object_uri": "file.path, url.original",
        "hash": "file.hash.sha1",
        **dict.fromkeys(("username", "account", "user"), "user.name, user.domain"),
        "direction": "network.direction",
        "inbound": "network.direction",
    },
)
