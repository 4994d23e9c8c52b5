r"""PostgreSQL's log: stderr with the usual ``log_line_prefix`` values, csvlog, jsonlog, syslog, and pgaudit in any of them → ECS.

Statements and connections: who, on which database, from where, which SQLSTATE, how long.
"""

import re
from typing import Any, Final
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import port as port_of
from soc.normalize.addresses import put
from soc.normalize.formats import csv, json, syslog
from soc.normalize.products.fill import milliseconds
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp, epoch, iso

PROGRAMS = ("postgres", "postgresql", "pgsql", "postmaster")
_SOURCES = (LogSource("postgresql", "database", "postgresql"),)
_AUDIT = (LogSource("postgresql", "database", "pgaudit"),)

_LEVELS: Final = "DEBUG[1-5]?|INFO|NOTICE|WARNING|ERROR|LOG|FATAL|PANIC|DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION"
_WHEN = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?)(?: ([A-Z]{1,5}|[+-]\d{2}(?::?\d{2})?))?|(\d{10}\.\d{3})", re.ASCII
)
_HEAD = re.compile(rf"(.{{0,400}}?)\b({_LEVELS}): {{1,2}}(?:((?=[A-Z]{{0,4}}[0-9])[0-9A-Z]{{5}}): )?", re.ASCII)
_RDS = re.compile(r":[^\s()]{0,255}(?:\(\d{1,5}\))?:[^\s@:]{0,63}@[^\s@:]{0,63}:\[\d{1,10}\]:$", re.ASCII)
_PID = re.compile(r"\[(\d{1,10})(?:-\d{1,10})?\]", re.ASCII)
_NAMED = re.compile(
    r"(user|db|database|app|application|client|host|remote|session|line|txid)=([^,\s\]]{0,255})", re.ASCII
)
_AT = re.compile(r"(?:^|[\s\]:])([^\s@=,:\[\]]{1,63})@([^\s@=,:\[\]]{1,63})(?=[\s\[:,]|$)", re.ASCII)
_REMOTE = re.compile(r"(?:^|\s)(\[local\]|[0-9A-Fa-f.:]{3,45}|[A-Za-z][\w.-]{0,253})\((\d{1,5})\)", re.ASCII)
_SYSLOG_SEQUENCE = re.compile(r"(?:\[\d{1,10}(?:-\d{1,10})?\] ?){1,2}", re.ASCII)

_RECEIVED = re.compile(r"connection received: host=(\S{1,255})(?: port=(\d{1,5}))?", re.ASCII)
_AUTHORIZED = re.compile(
    r"(?:replication )?connection authorized: user=(\S{1,63})(?: database=(\S{1,63}))?(?: application_name=(.{1,64}?))?(?: SSL enabled.{0,200})?$",
    re.ASCII,
)
_AUTHENTICATED = re.compile(
    r'connection authenticated: (?:identity="([^"]{1,255})"|user="([^"]{1,63})") method=(\w{1,32})', re.ASCII
)
_ENDED = re.compile(
    r"disconnection: session time: (\d{1,6}):(\d\d):(\d\d\.\d{3}) user=(\S{1,63}) database=(\S{1,63}) host=(\S{1,255})(?: port=(\d{1,5}))?",
    re.ASCII,
)
_FAILED = re.compile(
    r'(?:password|Peer|Ident|LDAP|GSSAPI|SSPI|certificate|PAM|RADIUS|trust|SCRAM)[\w -]{0,32} failed for user "([^"]{1,63})"',
    re.ASCII | re.IGNORECASE,
)
_NO_ROLE = re.compile(r'role "([^"]{1,63})" (?:does not exist|is not permitted to log in)', re.ASCII)
_HBA = re.compile(
    r'(?:no pg_hba\.conf entry for|pg_hba\.conf rejects) (?:replication )?(?:connection for )?host "([^"]{1,64})", user "([^"]{1,63})"(?:, database "([^"]{1,63})")?',
    re.ASCII,
)
_STATEMENT = re.compile(
    r"(?:duration: ([\d.]{1,16}) ms(?: {1,2}|$))?(?:(?:statement|execute [^:]{1,64}|parse [^:]{1,64}|bind [^:]{1,64}): )?",
    re.ASCII,
)
_SQL = re.compile(r"(?:statement|execute [^:]{1,64}): ", re.ASCII)


def _base(fields: Fields, message: str) -> None:
    fields["event.kind"], fields["message"] = "event", message
    fields["event.module"], fields["event.dataset"] = "postgresql", "postgresql.log"
    fields["event.category"], fields["event.type"] = ["database"], ["info"]


def _remote(fields: Fields, host: str | None, port: str | None = None) -> None:
    if host and host not in ("[local]", "local"):
        put(fields, "source", host)
        if (found := port_of(port)) is not None:
            fields["source.port"] = found


def _prefix(text: str, fields: Fields) -> None:
    """What the prefix of a line tells, in the orders that its documentation and packagers propose."""
    if (pid := _PID.search(text)) is not None:
        fields["process.pid"] = int(pid[1])
    for name, value in _NAMED.findall(text):
        if not value or value.startswith("["):  # [unknown], [local]
            continue
        if name == "user":
            fields["user.name"] = value
        elif name in ("db", "database"):
            fields["database.name"] = value
        elif name in ("app", "application"):
            fields["application_name"] = value
        elif name in ("client", "host", "remote"):
            host, mark, port = value.partition("(")
            _remote(fields, host, port.rstrip(")") if mark else None)
    if (at := _AT.search(text)) is not None:
        for name, value in (("user.name", at[1]), ("database.name", at[2])):
            if value != "[unknown]":
                fields.setdefault(name, value)
    if (remote := _REMOTE.search(text)) is not None:
        host = remote[1]
        _remote(
            fields, host if host.startswith("::") else host.removeprefix(":"), remote[2]
        )  # "UTC:192.0.2.5(5):lan@db:"


def said(level: str, message: str, fields: Fields) -> tuple[LogSource, ...]:
    """The message itself: connections, log-ons, statements, pgaudit, errors."""
    fields["log.level"] = level.lower()
    if message.startswith("AUDIT: "):
        return _audit(message[7:], fields)
    if level in ("ERROR", "FATAL", "PANIC"):
        fields["event.type"], fields["event.outcome"] = ["error"], "failure"
    for pattern, write in _MESSAGES:
        match = pattern.match(message) if level != "STATEMENT" else None
        if match is not None:
            write(match, fields)
            return _SOURCES
    match = _STATEMENT.match(message)
    if level == "STATEMENT":
        fields["database.statement"] = message
    elif match is not None and match.end():
        milliseconds(fields, match[1], "event.duration")
        if _SQL.search(message[: match.end()]) is not None:
            fields["database.statement"] = message[match.end() :]
            fields["event.type"], fields["event.action"] = ["access"], "statement"
    return _SOURCES


def _received(match: re.Match[str], fields: Fields) -> None:
    _remote(fields, match[1], match[2])
    fields["event.category"], fields["event.type"] = ["database", "network"], ["connection", "start"]
    fields["event.action"] = "connection-received"


def _authorized(match: re.Match[str], fields: Fields) -> None:
    fields["user.name"] = match[1]
    if match[2]:
        fields["database.name"] = match[2]
    _logon(fields, "success")


def _authenticated(match: re.Match[str], fields: Fields) -> None:
    fields["user.name"] = match[1] or match[2]
    fields["event.category"], fields["event.type"] = ["authentication", "database"], ["info"]
    fields["event.action"] = "authenticated"


def _ended(match: re.Match[str], fields: Fields) -> None:
    hours, minutes, seconds, user, database, host, port = match.groups()
    fields["event.duration"] = round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1e9)
    fields["user.name"], fields["database.name"] = user, database
    _remote(fields, host, port)
    fields["event.category"], fields["event.type"] = ["database", "session"], ["end"]
    fields["event.action"] = "disconnection"


def _failed(match: re.Match[str], fields: Fields) -> None:
    fields["user.name"] = match[1]
    _logon(fields, "failure")


def _hba(match: re.Match[str], fields: Fields) -> None:
    _remote(fields, match[1])
    fields["user.name"] = match[2]
    if match[3]:
        fields["database.name"] = match[3]
    _logon(fields, "failure")


def _logon(fields: Fields, outcome: str) -> None:
    fields["event.category"], fields["event.type"] = ["authentication", "database"], ["start"]
    fields["event.action"], fields["event.outcome"] = "database-login", outcome


_MESSAGES: Final[tuple[tuple[re.Pattern[str], Any], ...]] = (
    (_RECEIVED, _received),
    (_AUTHORIZED, _authorized),
    (_AUTHENTICATED, _authenticated),
    (_ENDED, _ended),
    (_FAILED, _failed),
    (_NO_ROLE, _failed),
    (_HBA, _hba),
)
_AUDITED: Final = (
    "audit_type",
    "statement_id",
    "substatement_id",
    "class",
    "command",
    "object_type",
    "object_name",
    "statement",
    "parameter",
)
_CLASSES: Final[dict[str, tuple[str, str]]] = {
    "READ": ("database", "access"),
    "WRITE": ("database", "change"),
    "FUNCTION": ("database", "access"),
    "ROLE": ("database iam", "admin change"),
    "DDL": ("database configuration", "change"),
}


def _audit(row: str, fields: Fields) -> tuple[LogSource, ...]:
    """pgaudit: ``SESSION,1,1,READ,SELECT,TABLE,public.t,select 1,<none>``."""
    for name, value in zip(_AUDITED, csv.read(row, most=len(_AUDITED)), strict=False):
        if value:
            fields["pgaudit." + name] = value
    fields["event.dataset"] = "postgresql.pgaudit"
    category, kind = _CLASSES.get(fields.get("pgaudit.class", ""), ("database", "info"))
    fields["event.category"], fields["event.type"] = category.split(), kind.split()
    for native, ecs in (("command", "event.action"), ("statement", "database.statement")):
        if (value := fields.get("pgaudit." + native)) is not None:
            fields[ecs] = value
    return _AUDIT


_ZONES = {
    "CET": "+0100",
    "CEST": "+0200",
    "EET": "+0200",
    "EEST": "+0300",
    "MSK": "+0300",
    "WET": "+0000",
    "WEST": "+0100",
    "ICT": "+0700",
    "HKT": "+0800",
    "SGT": "+0800",
    "JST": "+0900",
    "KST": "+0900",
    "AEST": "+1000",
    "AEDT": "+1100",
    "NZST": "+1200",
    "NZDT": "+1300",
    "PKT": "+0500",
    "EST": "-0500",
    "EDT": "-0400",
    "CDT": "-0500",
    "MST": "-0700",
    "MDT": "-0600",
    "AKST": "-0900",
    "AKDT": "-0800",
    "HST": "-1000",
    "SST": "-1100",
    "PST": "-0800",
    "PDT": "-0700",
    "UTC": "Z",
    "GMT": "Z",
    "Z": "Z",
}
"""The abbreviations of ``log_timezone`` that name one offset in PostgreSQL's default set (``timezonesets/Default``); CST, IST
and BST are others' too."""


def _stamp(match: re.Match[str], zone: ZoneInfo) -> Stamp | None:
    if match[3]:
        return epoch(match[3])
    where = match[2] or ""
    if where[:1] in ("+", "-") and len(where) == 3:
        where += "00"
    return iso(match[1] + (where if where[:1] in ("+", "-") else _ZONES.get(where, "")), zone)


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A line of stderr's log: a stamp, a prefix, a level. None for anything else."""
    when = _WHEN.match(text)
    if when is None:
        return None
    head = _HEAD.match(text, when.end())
    if head is None or not _is_prefix(head[1]):
        return None
    if not text.startswith(":  ", head.end(2)) and not _RDS.match(head[1]):
        return None  # PostgreSQL writes two blanks, others one
    message = text[head.end() :]
    _base(fields, message)
    _prefix(head[1], fields)
    if head[3]:
        fields["event.code"] = head[3]
    return said(head[2], message, fields), _stamp(when, zone)


def _is_prefix(text: str) -> bool:
    """Whether what stands between stamp and level bears a mark of PostgreSQL's prefixes: ``[pid]`` or ``name=``."""
    return _PID.search(text) is not None or _NAMED.search(text) is not None


COLUMNS: Final = (
    *(
        "log_time",
        "user_name",
        "database_name",
        "process_id",
        "connection_from",
        "session_id",
        "session_line_num",
        "command_tag",
    ),
    *(
        "session_start_time",
        "virtual_transaction_id",
        "transaction_id",
        "error_severity",
        "sql_state_code",
        "message",
        "detail",
    ),
    *("hint", "internal_query", "internal_query_pos", "context", "query", "query_pos", "location", "application_name"),
    *("backend_type", "leader_pid", "query_id"),
)
"""PostgreSQL, "Using CSV-Format Log Output"; before version 13 there are 23, before 14 24."""
_ROW = re.compile(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [A-Z+\-0-9:]{1,6},(?:"|,)', re.ASCII)


def row(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A row of csvlog; None for anything else."""
    if _ROW.match(text) is None:
        return None
    values = csv.read(text, most=len(COLUMNS))
    if len(values) < 23 or (
        values[11] not in ("LOG", "ERROR", "FATAL", "PANIC", "WARNING", "NOTICE", "INFO") and values[11][:5] != "DEBUG"
    ):
        return None
    found = {name: value for name, value in zip(COLUMNS, values, strict=False) if value}
    fields.update(found)
    sources = _structured(found, fields, "process_id", "user_name", "database_name", "sql_state_code")
    host, _, port = found.get("connection_from", "").rpartition(":")
    _remote(fields, host or port, port if host else None)
    when = _WHEN.match(text)
    return sources, _stamp(when, zone) if when is not None else None


def _structured(found: dict[str, str], fields: Fields, *names: str) -> tuple[LogSource, ...]:
    message = found.get("message", "")
    _base(fields, message)
    for name, ecs in zip(names[1:], ("user.name", "database.name", "event.code"), strict=True):
        if name in found:
            fields[ecs] = found[name]
    pid = found.get(names[0], "")
    if pid.isascii() and pid.isdecimal() and len(pid) <= 10:
        fields["process.pid"] = int(pid)
    sources = said(found.get("error_severity", "LOG"), message, fields)
    if (query := found.get("query") or found.get("statement")) is not None:
        fields.setdefault("database.statement", query)
    if "detail" in found:
        fields["event.reason"] = found["detail"]
    return sources


def read_object(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """An object of jsonlog (PostgreSQL 15); None if it is none."""
    when = event.get("timestamp")
    if not isinstance(when, str) or "error_severity" not in event or "session_id" not in event:
        return None
    flat = json.flatten(event)
    fields.update(flat)
    found = {name: str(value) for name, value in flat.items() if value is not None and value != ""}
    sources = _structured(found, fields, "pid", "user", "dbname", "state_code")
    _remote(fields, found.get("remote_host"), found.get("remote_port"))
    match = _WHEN.match(when)
    return sources, _stamp(match, zone) if match is not None else iso(when, zone)


def body(message: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """The message of a syslog line: ``[5-1]``, then the prefix, perhaps with a stamp of its own."""
    sequence = _SYSLOG_SEQUENCE.match(message)
    text = message[sequence.end() :] if sequence is not None else message
    reading = line(text, fields, zone, day)
    if reading is not None:
        return reading
    head = _HEAD.match(text)
    if head is None:
        return None
    rest = text[head.end() :]
    _base(fields, rest)
    _prefix(head[1], fields)
    if head[3]:
        fields["event.code"] = head[3]
    return said(head[2], rest, fields), None


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line in any of the forms."""
    decoded = json.decode_object(text) if text.startswith("{") else None
    reading = read_object(decoded[0], fields, zone) if decoded is not None else None
    reading = reading or row(text, fields, zone, day) or line(text, fields, zone, day)
    if reading is not None:
        return reading
    when = _WHEN.match(text)
    head = _HEAD.match(text, when.end()) if when is not None else None
    if when is not None and head is not None:  # a prefix that shows nothing of itself
        _base(fields, text[head.end() :])
        _prefix(head[1], fields)
        return said(head[2], text[head.end() :], fields), _stamp(when, zone)
    found = syslog.read(text, fields, zone, day)
    reading = body(found[0], fields, zone, day) if found is not None else None
    if found is None or reading is None:
        raise refuse("postgresql: neither csvlog, jsonlog nor a line with a level")
    return reading[0], reading[1] or found[2]


PRODUCT = Product(
    "postgresql",
    "PostgreSQL: stderr, csvlog, jsonlog, syslog, pgaudit",
    parse,
    fields={
        **dict.fromkeys(COLUMNS, ""),
        **dict.fromkeys(
            ("pid", "user", "dbname", "remote_host", "remote_port", "line_num", "ps", "session_start", "vxid", "txid"),
            "",
        ),
        **dict.fromkeys(
            ("statement", "cursor_position", "internal_position", "func_name", "file_name", "file_line_num"), ""
        ),
        **{"pgaudit." + name: "" for name in _AUDITED},
        "log_time": "@timestamp",
        "timestamp": "@timestamp",
        "user_name": "user.name",
        "user": "user.name",
        "database_name": "database.name",
        "dbname": "database.name",
        "process_id": "process.pid",
        "pid": "process.pid",
        "connection_from": "source.ip, source.port",
        "remote_host": "source.ip",
        "remote_port": "source.port",
        "error_severity": "log.level",
        "sql_state_code": "event.code",
        "state_code": "event.code",
        "detail": "event.reason",
        "query": "database.statement",
        "statement": "database.statement",
        "pgaudit.command": "event.action",
        "pgaudit.statement": "database.statement",
    },
)
