"""SQL Server: the error log, and its audit as Windows event 33205 (``name:value`` lines) → ECS."""

import re
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.formats import syslog
from soc.normalize.products.database import base, logon, source, statement, user
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import iso

_SOURCES = (LogSource("mssql", "database", "errorlog"),)
_LINE = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{2}) (Logon|Server|Backup|spid\d{1,6}s?|Audit) {1,12}",
    re.ASCII,
)
_ERROR = re.compile(r"Error: (\d{1,6}), Severity: (\d{1,2}), State: (\d{1,4})", re.ASCII)
_LOGIN = re.compile(
    r"Login (failed|succeeded) for user '([^']{0,256})'\.? ?(?:Connection made using [^.]{1,64}\. ?)?(?:(?:Reason: )?(.{0,512}?))?"
    r"(?: ?\[CLIENT: ([^\]]{1,64})\])?$",
    re.ASCII | re.DOTALL,
)
_CHANGED = re.compile(
    r"(?:Configuration option|Setting database option) '?([^'.]{1,128}?)'? (?:changed from (\S{1,32}) to (\S{1,32})\.|to \S{1,64} for database )",
    re.ASCII,
)
_TRACE = re.compile(r"SQL Trace (?:ID \d{1,9} was )?(started|stopped).{0,64}? by login \"([^\"]{1,256})\"", re.ASCII)
_CLIENT = re.compile(r"\[CLIENT: ([^\]]{1,64})\]", re.ASCII)


def _login(message: str, fields: Fields) -> bool:
    match = _LOGIN.match(message[:2048].rstrip())
    if match is None:
        return False
    user(fields, match[2])
    source(fields, match[4])
    if match[3]:
        fields["event.reason"] = match[3].strip()
    logon(fields, "failure" if match[1] == "failed" else "success")
    return True


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A line of the error log; None for anything else."""
    match = _LINE.match(text)
    if match is None:
        return None
    message = text[match.end() :]
    base(fields, "mssql", "errorlog", message)
    fields["log.logger"] = match[2]
    if (error := _ERROR.match(message)) is not None:
        fields["event.code"], fields["event.severity"], fields["error.state"] = error[1], int(error[2]), error[3]
        fields["event.type"] = ["error"]
    elif (changed := _CHANGED.match(message)) is not None:
        fields["event.category"], fields["event.type"] = ["database", "configuration"], ["change"]
        fields["event.action"], fields["database.option"] = "configuration-changed", changed[1]
        if changed[2] is not None:
            fields["database.option_before"], fields["database.option_after"] = changed[2], changed[3]
    elif (trace := _TRACE.match(message)) is not None:
        user(fields, trace[2])
        fields["event.category"], fields["event.type"] = ["database", "configuration"], ["change"]
        fields["event.action"] = "trace-" + trace[1]
    elif not _login(message, fields) and (client := _CLIENT.search(message[:2048])) is not None:
        source(fields, client[1])
    return _SOURCES, iso(match[1], zone)


ACTIONS: Final[dict[str, tuple[str, str, str]]] = {
    "LGIS": ("authentication database", "start", "database-login"),
    "LGIF": ("authentication database", "start", "database-login"),
    "DBAS": ("authentication database", "start", "database-login"),
    "DBAF": ("authentication database", "start", "database-login"),
    "LGO": ("session database", "end", "database-logout"),
    "DBL": ("session database", "end", "database-logout"),
    "SL": ("database", "access", "select"),
    "IN": ("database", "change", "insert"),
    "UP": ("database", "change", "update"),
    "DL": ("database", "change", "delete"),
    "EX": ("database", "access", "execute"),
    "CR": ("database configuration", "creation", "create"),
    "AL": ("database configuration", "change", "alter"),
    "DR": ("database configuration", "deletion", "drop"),
    "G": ("database iam", "admin change", "grant"),
    "R": ("database iam", "admin change", "revoke"),
    "D": ("database iam", "admin change", "deny"),
    "APRL": ("database iam", "group change", "add-member"),
    "DPRL": ("database iam", "group change", "drop-member"),
    "PWC": ("iam database", "user change", "change-password"),
    "PWR": ("iam database", "user change", "reset-password"),
    "AUSC": ("configuration database", "change", "audit-changed"),
    "IMP": ("database iam", "admin", "impersonate"),
}
"""Microsoft, "SQL Server Audit Records" and sys.dm_audit_actions: action_id → what it is."""
WINDOWS_IDS: Final = frozenset(["33205", "18456", "18453", "18454", "17806"])
MAKES: Final = frozenset(
    [
        *("user.name", "user.domain", "source.ip", "source.address", "source.domain", "event.reason", "event.category"),
        *(
            "event.type",
            "event.action",
            "event.outcome",
            "database.name",
            "database.statement",
            "host.name",
            "event.kind",
        ),
    ]
)
"""Every name that ``windows_event`` may write."""
WORDS: Final = frozenset(
    [
        *(word for row in ACTIONS.values() for text in row for word in (text, *text.split())),
        *(
            "success",
            "failure",
            "database",
            "configuration",
            "iam",
            "access",
            "change",
            "creation",
            "deletion",
            "admin",
        ),
    ]
)
"""Every text that it may write which is no part of the event's own values."""
_LONGEST = 32768


def windows_event(code: str, fields: Fields) -> None:
    """What SQL Server wrote to the Application log: 33205, an audit record; 18456 and its like, a log-on."""
    data: Any = fields.get("Data")
    items = cast("list[Any]", data) if isinstance(data, list) else [data, fields.get("Message")]
    texts = [text for text in items if isinstance(text, str)]
    if code != "33205":
        message = next(
            (text for text in (fields.get("Message"), *texts) if isinstance(text, str) and text.startswith("Login ")),
            "",
        )
        if message:
            _login(message, fields)
        elif code != "17806" and texts:
            user(fields, texts[0][:256])
            logon(fields, "failure" if code == "18456" else "success")
            if (client := _CLIENT.search(" ".join(texts[1:4])[:2048])) is not None:
                source(fields, client[1])
        return
    record = next((text for text in texts if "action_id:" in text[:_LONGEST]), "")
    found = _record(record[:_LONGEST])
    if not found:
        return
    user(fields, found.get("server_principal_name") or found.get("session_server_principal_name"))
    source(fields, found.get("client_ip"))
    if found.get("database_name"):
        fields["database.name"] = found["database_name"]
    statement(fields, found.get("statement", ""))
    action = ACTIONS.get(found.get("action_id", "").strip())
    if action is not None:
        fields["event.category"], fields["event.type"] = action[0].split(), action[1].split()
        fields["event.action"] = action[2]
    succeeded = found.get("succeeded", "").strip().lower()
    if succeeded in ("true", "false", "1", "0"):
        fields["event.outcome"] = "success" if succeeded in ("true", "1") else "failure"


def _record(text: str) -> dict[str, str]:
    """``name:value`` lines; a statement may have several."""
    found: dict[str, str] = {}
    last = ""
    for item in text.replace("\r", "").split("\n"):
        name, colon, value = item.partition(":")
        name = name.strip()
        if colon and name.replace("_", "").isalnum() and name.islower() and last != "statement":
            found.setdefault(name, value.strip())
            last = name
        elif last == "statement" and not item.startswith("additional_information:"):
            found["statement"] += "\n" + item
        else:
            last = ""
    return found


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line of the error log, with or without a syslog header."""
    reading = line(text, fields, zone, day)
    if reading is not None:
        return reading
    found = syslog.read(text, fields, zone, day)
    if found is None:
        raise refuse("mssql: no line of the error log")
    reading = line(found[0], fields, zone, day)
    if reading is None:
        base(fields, "mssql", "errorlog", found[0])
        if not _login(found[0], fields):
            raise refuse("mssql: no line of the error log")
        return _SOURCES, found[2]
    return reading


_AUDIT: Final = (
    *(
        "audit_schema_version",
        "event_time",
        "sequence_number",
        "permission_bitmask",
        "is_column_permission",
        "session_id",
    ),
    *(
        "server_principal_id",
        "database_principal_id",
        "target_server_principal_id",
        "target_database_principal_id",
        "object_id",
    ),
    *(
        "user_defined_event_id",
        "transaction_id",
        "class_type",
        "duration_milliseconds",
        "response_rows",
        "affected_rows",
    ),
    *(
        "session_server_principal_name",
        "server_principal_sid",
        "database_principal_name",
        "target_server_principal_name",
    ),
    *(
        "target_server_principal_sid",
        "target_database_principal_name",
        "server_instance_name",
        "schema_name",
        "object_name",
    ),
    *("additional_information", "user_defined_information", "application_name", "connection_id", "host_name"),
)
PRODUCT = Product(
    "mssql",
    "SQL Server's error log (its audit and log-ons in the Application log are read as windows-json)",
    parse,
    fields={
        "LogDate": "@timestamp",
        "ProcessInfo": "log.logger",
        "Error": "event.code",
        "Severity": "event.severity",
        "State": "error.state",
        "CLIENT": "source.ip",
        **dict.fromkeys(_AUDIT, ""),
        "server_principal_name": "user.name, user.domain",
        "client_ip": "source.ip",
        "database_name": "database.name",
        "statement": "database.statement",
        "action_id": "event.action, event.category, event.type",
        "succeeded": "event.outcome",
    },
)
