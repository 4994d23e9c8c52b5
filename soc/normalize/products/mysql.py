"""MySQL and MariaDB: error log, general log, MariaDB's server_audit, Percona's and MySQL Enterprise's audit (JSON, XML) → ECS."""

import re
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import number as count
from soc.normalize.formats import csv, json, syslog
from soc.normalize.products.database import base, logon, returned, source, statement, user
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp, iso

PROGRAMS = ("mysqld", "mariadbd", "mysql", "mariadb", "mysqld_safe", "mysql-server_auditing")
_ERROR = (LogSource("mysql", "database", "error"),)
_GENERAL = (LogSource("mysql", "database", "general"),)
_AUDIT = (LogSource("mysql", "database", "audit"),)

_WHEN = r"(\d{4}-\d\d-\d\d[T ] ?\d{1,2}:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?|\d{6} {1,2}\d{1,2}:\d\d:\d\d)"
_ERROR_LINE = re.compile(
    rf"(?:{_WHEN}[ \t]{{1,4}})?(?:(\d{{1,20}}) )?\[(System|Note|Warning|ERROR|Error)\] (?:\[(MY-\d{{6}})\] )?(?:\[(\w{{1,32}})\] )?",
    re.ASCII,
)
_STAMPED = re.compile(rf"{_WHEN}[ \t]{{1,4}}(?:[\da-f]{{4,16}} (?=InnoDB: ))?(?=InnoDB: |mysqld|\d{{1,20}} )", re.ASCII)
_OLD = re.compile(
    r"\d{6} {1,2}\d{1,2}:\d\d:\d\d[ \t]{1,4}(?:\[(?:Note|Warning|ERROR)\] |InnoDB: |mysqld)"
    r"|\d{4}-\d\d-\d\d  ?\d{1,2}:\d\d:\d\d [\da-f]{4,16} InnoDB: ",
    re.ASCII,
)
"""Of MySQL to 5.6 and MariaDB: stamps that nobody else writes, or a thread in hexadecimal figures."""
_GENERAL_LINE = re.compile(
    rf"(?:{_WHEN})?[ \t]{{1,16}}(\d{{1,20}}) (Connect|Query|Quit|Init DB|Prepare|Execute|Close stmt|Field List|Statistics|Change user|Reset stmt|"
    r"Shutdown|Refresh|Kill|Ping|Binlog Dump|Create DB|Drop DB)(?:\t|$)",
    re.ASCII,
)
_DENIED = re.compile(
    r"Access denied for user '([^']{0,128})'@'([^']{0,255})'(?: \(using password: (\w{1,3})\))?(?: to database '([^']{1,64})')?",
    re.ASCII,
)
_ABORTED = re.compile(
    r"Aborted connection (\d{1,20}) to db: '([^']{0,64})' user: '([^']{0,128})' host: '([^']{0,255})' ?\(?([^)]{0,256})",
    re.ASCII,
)
_UNRESOLVED = re.compile(r"IP address '([\da-fA-F.:]{2,45})' (?:could not be resolved|has been resolved)", re.ASCII)
_CONNECT = re.compile(r"([^@\s]{0,128})@(\S{1,255}) (?:on|as anonymous on) ?(\S{0,64})(?: using (.{1,32}))?", re.ASCII)
_SERVER_AUDIT = re.compile(
    r"(?:(\d{8} \d{1,2}:\d\d:\d\d),)?([\w.-]{1,255}),([^,]{0,128}),([^,]{0,255}),(\d{1,20}),(\d{1,20}),([A-Z_]{2,24}),([^,]{0,64}),",
    re.ASCII,
)
_OPERATIONS: Final = frozenset(
    [
        "CONNECT",
        "DISCONNECT",
        "FAILED_CONNECT",
        "QUERY",
        "READ",
        "WRITE",
        "CREATE",
        "ALTER",
        "RENAME",
        "DROP",
        "QUERY_DDL",
        "QUERY_DML",
        "QUERY_DCL",
        "PROXY_CONNECT",
        "CHANGEUSER",
        "QUERY_DML_NO_SELECT",
    ]
)


def _stamp(text: str | None, zone: ZoneInfo) -> Stamp | None:
    """Also ``261122 15:00:00`` and ``20261122 15:00:00``."""
    if not text:
        return None
    text = " ".join(text.split())
    day, _, clock = text.partition(" ")
    if day.isdecimal():
        day = "20" + day if len(day) == 6 else day
        return iso(f"{day[:4]}-{day[4:6]}-{day[6:]} {clock.rjust(8, '0')}", zone)
    return iso(text if "T" in text else f"{day} {clock.rjust(8, '0')}" if "." not in clock else text, zone)


def error(text: str, fields: Fields, zone: ZoneInfo) -> Reading | None:
    """A line of the error log."""
    match = _ERROR_LINE.match(text)
    if match is None:
        return None
    when, thread, level, code, subsystem = match.groups()
    message = text[match.end() :]
    base(fields, "mysql", "error", message)
    fields["log.level"] = level.lower()
    if thread:
        fields["thread_id"] = thread
        if (number := count(thread)) is not None:
            fields["process.thread.id"] = number
    if code:
        fields["event.code"] = code
    if subsystem:
        fields["log.logger"] = subsystem
    if level.lower() == "error":
        fields["event.type"] = ["error"]
    if (denied := _DENIED.match(message)) is not None:
        _refused(denied, fields)
    elif (unresolved := _UNRESOLVED.match(message)) is not None:
        source(fields, unresolved[1])
    elif (aborted := _ABORTED.match(message)) is not None:
        thread, database, name, host, reason = aborted.groups()
        user(fields, name)
        source(fields, host)
        if database not in ("", "unconnected"):
            fields["database.name"] = database
        fields["event.reason"] = reason
        fields["event.category"], fields["event.type"] = ["database", "network"], ["connection", "end"]
        fields["event.action"] = "aborted-connection"
    return _ERROR, _stamp(when, zone)


def _refused(match: re.Match[str], fields: Fields) -> None:
    user(fields, match[1])
    source(fields, match[2])
    if match[3]:
        fields["using_password"] = match[3]
    if match[4]:
        fields["database.name"] = match[4]
    logon(fields, "failure")


def general(text: str, fields: Fields, zone: ZoneInfo) -> Reading | None:
    """A line of the general log."""
    match = _GENERAL_LINE.match(text)
    if match is None:
        return None
    when, thread, command = match.groups()
    argument = text[match.end() :]
    base(fields, "mysql", "general", argument)
    fields["thread_id"], fields["command_type"] = thread, command
    if (number := count(thread)) is not None:
        fields["process.thread.id"] = number
    fields["event.action"] = command.lower()
    if command == "Connect":
        denied, opened = _DENIED.match(argument), _CONNECT.match(argument)
        if denied is not None:
            _refused(denied, fields)
        elif opened is not None:
            user(fields, opened[1])
            source(fields, opened[2])
            if opened[3]:
                fields["database.name"] = opened[3]
            logon(fields, "success")
    elif command == "Quit":
        logon(fields, "", end=True)
    elif command in ("Query", "Execute", "Prepare"):
        statement(fields, argument)
    elif command == "Init DB":
        fields["database.name"] = argument
    return _GENERAL, _stamp(when, zone)


def server_audit(text: str, fields: Fields, zone: ZoneInfo) -> Reading | None:
    """A row of MariaDB's audit plugin: …,operation,database,object,retcode."""
    match = _SERVER_AUDIT.match(text)
    if match is None or match[7] not in _OPERATIONS:
        return None
    when, server, name, host, connection, query, operation, database = match.groups()
    rest, _, code = text[match.end() :].rpartition(",")
    if not code.strip().isdecimal():
        rest, code = text[match.end() :], ""
    base(fields, "mysql", "audit", text)
    for native, value in (
        ("serverhost", server),
        ("username", name),
        ("host", host),
        ("connectionid", connection),
        ("queryid", query),
        ("operation", operation),
        ("database", database),
        ("object", rest),
        ("retcode", code.strip()),
    ):
        if value:
            fields[native] = value
    fields.setdefault("host.name", server)
    user(fields, name)
    source(fields, host)
    if database:
        fields["database.name"] = database
    fields["event.action"] = operation.lower()
    if operation in ("CONNECT", "FAILED_CONNECT", "PROXY_CONNECT", "CHANGEUSER"):
        logon(fields, "failure" if operation == "FAILED_CONNECT" else "success")
    elif operation == "DISCONNECT":
        logon(fields, "", end=True)
    elif operation.startswith("QUERY"):
        inner = rest[1:-1] if rest[:1] == "'" and rest[-1:] == "'" else csv.read(rest)[0]
        statement(fields, inner.replace("\\'", "'"))
    else:
        fields["event.type"] = {"READ": ["access"], "DROP": ["deletion"], "CREATE": ["creation"]}.get(
            operation, ["change"]
        )
    returned(fields, code.strip())
    return _AUDIT, _stamp(when, zone)


_ACCOUNT = re.compile(r"([^\s\[]{0,128})\[[^\]]{0,128}\] @ (\S{0,255}) ?\[([^\]]{0,64})\]", re.ASCII)


def _record(found: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading:
    """A record of Percona's audit log, names in lower case."""
    get = found.get
    text = str(get("sqltext") or "")
    base(fields, "mysql", "audit", text)
    name = str(get("name") or get("command_class") or "")
    account = _ACCOUNT.match(str(get("user") or ""))
    user(fields, account[1] if account is not None else str(get("user") or get("priv_user") or ""))
    source(
        fields, str(get("ip") or "") or (account[3] or account[2] if account is not None else str(get("host") or ""))
    )
    if get("db"):
        fields["database.name"] = str(get("db"))
    fields["event.action"] = name.lower()
    if name in ("Connect", "Change user"):
        logon(fields, "")
    elif name == "Quit":
        logon(fields, "", end=True)
    else:
        statement(fields, text)
    status = get("status")
    returned(fields, status if isinstance(status, str | int) else None)
    when = str(get("timestamp") or "")
    return _AUDIT, iso(when.removesuffix(" UTC") + "Z" if when.endswith(" UTC") else when, zone)


def read_object(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """Percona's ``audit_record`` or an object of MySQL Enterprise Audit; None if it is neither."""
    record = event.get("audit_record")
    if isinstance(record, dict):
        fields.update(json.flatten(event))
        return _record(cast("dict[str, Any]", record), fields, zone)
    if "connection_id" not in event or "class" not in event or not isinstance(event.get("event"), str):
        return None
    flat = json.flatten(event)
    fields.update({name: value for name, value in flat.items() if name != "event"})
    get = flat.get
    base(fields, "mysql", "audit", str(get("general_data.query") or ""))
    fields["mysql.audit.event"] = event["event"]
    user(fields, str(get("login.user") or get("account.user") or ""))
    source(fields, str(get("login.ip") or get("account.host") or ""))
    if get("connection_data.db"):
        fields["database.name"] = str(get("connection_data.db"))
    fields["event.action"] = str(event["event"])[:64]
    if event.get("class") == "connection":
        logon(fields, "", end=event["event"] == "disconnect")
    else:
        statement(fields, str(get("general_data.query") or get("query") or ""))
    status = get("connection_data.status", get("general_data.status"))
    returned(fields, status if isinstance(status, str | int) else None)
    when = event.get("timestamp")
    # MySQL, "Audit Log File Formats": the stamp is UTC and has no zone
    return _AUDIT, iso(when if "Z" in when or "+" in when else when + "Z", zone) if isinstance(when, str) else None


_XML = re.compile(r"\s{0,16}<AUDIT_RECORD\b", re.ASCII)
_XML_VALUE = re.compile(r'\b([A-Z_]{2,32})="([^"]{0,16384})"|<([A-Z_]{2,32})>([^<]{0,16384})</', re.ASCII)
_ENTITIES: Final = (
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", '"'),
    ("&apos;", "'"),
    ("&#39;", "'"),
    ("&#10;", "\n"),
    ("&amp;", "&"),
)


def xml(text: str, fields: Fields, zone: ZoneInfo) -> Reading | None:
    """An ``AUDIT_RECORD`` on one line, values as attributes (old style) or as elements (new style)."""
    if _XML.match(text) is None:
        return None
    found: dict[str, Any] = {}
    for name, value, element, content in _XML_VALUE.findall(text):
        text_ = value or content
        for entity, character in _ENTITIES:
            text_ = text_.replace(entity, character)
        found.setdefault((name or element).lower(), text_)
    if "timestamp" not in found:
        return None
    fields.update({name: value for name, value in found.items() if name not in ("message", "tags")})
    return _record(found, fields, zone)


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A line of a file that shows whose it is: the error log, the general log, server_audit, XML."""
    if not text[:1].isdigit():
        return xml(text, fields, zone)
    return server_audit(text, fields, zone) or general(text, fields, zone) or error(text, fields, zone)


def shape(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """As ``line``, for lines of unknown origin: others write ``stamp [ERROR]`` too, so a thread or an error number must stand there."""
    match = _ERROR_LINE.match(text)
    old = _OLD.match(text)
    if old is not None and match is None:
        return _unlevelled(text, fields, zone)
    return None if match is not None and not (match[2] or match[4] or old) else line(text, fields, zone, day)


def _unlevelled(text: str, fields: Fields, zone: ZoneInfo) -> Reading | None:
    """What the server says without a level; None if it is none."""
    stamped = _STAMPED.match(text)
    if stamped is None and not text.startswith(("InnoDB: ", "Version: '", "ERROR: ")):
        return None
    at = stamped.end() if stamped is not None else 0
    base(fields, "mysql", "error", text[at:])
    return _ERROR, _stamp(stamped[1], zone) if stamped is not None else None


def body(message: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """The message of a syslog line."""
    found = (
        server_audit(message.strip(), fields, zone) or error(message, fields, zone) or general(message, fields, zone)
    )
    if found is None and message[:1].isdigit():
        return line(message, fields, zone, day)
    return found


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line in any of the forms."""
    decoded = json.decode_object(text) if text.startswith("{") else None
    reading = read_object(decoded[0], fields, zone) if decoded is not None else line(text, fields, zone, day)
    if reading is not None:
        return reading
    reading = _unlevelled(text, fields, zone)
    if reading is not None:
        return reading
    found = syslog.read(text, fields, zone, day)
    if found is not None:
        decoded = json.decode_object(found[0])
        reading = read_object(decoded[0], fields, zone) if decoded is not None else body(found[0], fields, zone, day)
        if reading is not None:
            return reading[0], reading[1] or found[2]
    raise refuse("mysql: no line of a log that is known")


PRODUCT = Product(
    "mysql",
    "MySQL and MariaDB: error and general log, server_audit, Percona and Enterprise audit",
    parse,
    fields={
        "thread_id": "",
        "command_type": "event.action",
        "using_password": "",
        "serverhost": "host.name",
        "username": "user.name",
        "host": "source.ip, source.domain",
        "connectionid": "",
        "queryid": "",
        "operation": "event.action",
        "database": "database.name",
        "object": "database.statement",
        "retcode": "event.outcome, error.code",
        **{
            f"audit_record.{name}": ""
            for name in ("record", "connection_id", "os_login", "os_user", "proxy_user", "priv_user", "version")
        },
        "audit_record.name": "event.action",
        "audit_record.command_class": "",
        "audit_record.status": "event.outcome, error.code",
        "audit_record.sqltext": "database.statement",
        "audit_record.user": "user.name",
        "audit_record.host": "",
        "audit_record.ip": "source.ip",
        "audit_record.db": "database.name",
        "audit_record.timestamp": "@timestamp",
        "class": "",
        "connection_id": "",
        "account.user": "user.name",
        "account.host": "source.domain",
        "login.user": "user.name",
        "login.os": "",
        "login.ip": "source.ip",
        "login.proxy": "",
        "connection_data.connection_type": "",
        "connection_data.status": "event.outcome, error.code",
        "connection_data.db": "database.name",
        "general_data.command": "",
        "general_data.sql_command": "",
        "general_data.query": "database.statement",
        "general_data.status": "event.outcome, error.code",
    },
)
