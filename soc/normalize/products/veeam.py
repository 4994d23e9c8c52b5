"""Veeam Backup & Replication's syslog events (structured data, or pairs in brackets in the message) → jobs, restores, changes.

<14>1 2026-11-22T08:00:00Z bk1 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=190 JobName="x" Result="Success" ...]
"""

import re
from typing import Final
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import put
from soc.normalize.formats import syslog
from soc.normalize.products.product import Fields, Product, Reading, refuse

PROGRAMS = ("veeam_mp", "veeam", "veeam_vbr", "veeam_backup")
_SOURCES = (LogSource("veeam", "application", "backup"),)
_PAIR = re.compile(
    r'([A-Za-z][\w.-]{0,63})=(?:"([^"\\]{0,8192}(?:\\.[^"\\]{0,8192}){0,64})"|([^\s\]"]{1,255}))', re.ASCII
)
_FULL = re.compile(r'fullName=\\?"([^"\\]{1,255}(?:\\{1,2}[^"\\]{1,255})?)\\?"', re.ASCII)
"""Of ``UserFullInfo``, XML whose quotes Veeam does not escape."""
_CODES: Final[dict[str, tuple[str, str, str]]] = {
    "110": ("process", "start", "backup-job-started"),
    "190": ("process", "end", "backup-job-finished"),
    "150": ("process", "end", "backup-task-finished"),
    "210": ("process", "start", "restore-session-started"),
    "290": ("process", "end", "restore-session-finished"),
    "10010": ("file", "creation", "restore-point-created"),
    "10050": ("file", "deletion", "restore-point-removed"),
    "23050": ("configuration", "creation", "job-created"),
    "23080": ("configuration", "deletion", "job-deleted"),
    "23090": ("configuration", "change", "job-settings-updated"),
    "24150": ("configuration", "change", "license-changed"),
    "28200": ("configuration", "deletion", "repository-deleted"),
    "31200": ("iam", "user creation", "user-or-group-added"),
    "31210": ("iam", "user deletion", "user-or-group-deleted"),
    "31400": ("iam", "admin change", "multifactor-authentication-changed"),
    "40205": ("authentication", "start", "multifactor-authentication"),
    "41600": ("malware", "info", "malware-activity-detected"),
}
"""Veeam, "Event Reference": event id → what it is; other ids are kept as code."""
_RESULTS: Final = {
    "success": "success",
    "0": "success",
    "warning": "unknown",
    "1": "unknown",
    "failed": "failure",
    "error": "failure",
    "2": "failure",
}


def body(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """The message (the structured data is in ``fields`` where the header had any); None if it names no event."""
    pairs = {name: quoted or plain for name, quoted, plain in _PAIR.findall(message[:32768])}
    for name in [name for name in fields if name.startswith("log.syslog.structured_data.")]:
        value = fields[name]
        if isinstance(value, str):
            pairs.setdefault(name.rpartition(".")[2], value)
    code = pairs.get("instanceId", "")
    if not code:
        return None
    fields.update({name: value.replace('\\"', '"') for name, value in pairs.items() if name not in ("message", "tags")})
    fields["event.kind"], fields["event.code"] = "event", code
    fields["event.module"], fields["event.dataset"] = "veeam", "veeam.vbr"
    category, kind, action = _CODES.get(code, ("process", "info", ""))
    fields["event.category"], fields["event.type"] = category.split(), kind.split()
    if category == "malware":
        fields["event.kind"] = "alert"
    if action:
        fields["event.action"] = action
    fields["message"] = pairs.get("Description", message)
    for name in ("JobResult", "Result", "SessionResult", "TaskResult", "Status"):
        outcome = _RESULTS.get(pairs.get(name, "").lower())
        if outcome is not None:
            fields["event.outcome"] = outcome
            break
    user = pairs.get("UserName") or pairs.get("Initiator") or pairs.get("InitiatorName") or pairs.get("User") or ""
    if not user and (full := _FULL.search(message[:32768])) is not None:
        user = full[1]
    if user:
        domain, _, name = user.rpartition("\\")
        fields["user.name"] = name
        if domain:
            fields["user.domain"] = domain
    for name in ("SourceIp", "ClientIp", "IpAddress"):
        if name in pairs:
            put(fields, "source", pairs[name])
            break
    return _SOURCES


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """A syslog line."""
    found = syslog.read(text, fields, zone, day)
    sources = body(found[0], fields) if found is not None else None
    if found is None or sources is None:
        raise refuse("veeam: no event")
    return sources, found[2]


PRODUCT = Product(
    "veeam",
    "Veeam Backup & Replication events through syslog",
    parse,
    fields={
        "instanceId": "event.code, event.action",
        "Description": "message",
        **dict.fromkeys(("JobResult", "Result", "SessionResult", "TaskResult", "Status"), "event.outcome"),
        **dict.fromkeys(("UserName", "User", "Initiator", "InitiatorName"), "user.name, user.domain"),
        **dict.fromkeys(("SourceIp", "ClientIp", "IpAddress"), "source.ip"),
        **dict.fromkeys(
            ("categoryId", "enterpriseId", "JobID", "JobName", "JobSessionID", "JobType", "OibID", "OriginalOibID"), ""
        ),
        **dict.fromkeys(
            ("VmRef", "VmName", "ServerName", "DateTime", "IsCorrupted", "Platform", "StorageSize", "RepositoryID"), ""
        ),
        **dict.fromkeys(
            ("IsFull", "Version", "SourceType", "TaskName", "ObjectID", "SessionID", "TargetRepositoryName"), ""
        ),
    },
)
