"""Oracle Database's audit: syslog (``ACTION:[7] 'CONNECT'``, also unified), audit trail rows as JSON, XML records on one line → ECS."""

import re
from typing import Any, Final
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.formats import json, syslog
from soc.normalize.products.database import base, logon, returned, source, statement, user
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import bsd, iso

MARK: Final = " Audit["
_SOURCES = (LogSource("oracle", "database", "audit"),)
_TAG = re.compile(r"Oracle (?:Unified )?Audit\[(\d{1,10})\]: {0,2}", re.ASCII)
_HEAD = re.compile(r"LENGTH ?: ?['\"]", re.ASCII)
_NAME = re.compile(r"([A-Z][A-Z$_ ]{1,30}?) ?:(?:\[(\d{1,8})\])? ?([\"'])", re.ASCII)
_FILE = re.compile(
    r"([A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}(?: [+-]\d\d:\d\d)?)\s{1,4}(?=LENGTH ?:)", re.ASCII
)
_MOST_PAIRS = 200
_ADDRESS = re.compile(r"\(HOST=([^)]{1,255})\)(?:\(PORT=(\d{1,5})\))?", re.ASCII)
_ELEMENT = re.compile(r"<([A-Za-z_]{2,40})>([^<]{0,16384})</", re.ASCII)
_ACTIONS: Final = {
    "1": "CREATE TABLE", "2": "INSERT", "3": "SELECT", "6": "UPDATE", "7": "DELETE", "12": "DROP TABLE", "15": "ALTER TABLE",
    "17": "GRANT OBJECT", "18": "REVOKE OBJECT", "43": "ALTER USER", "49": "ALTER SYSTEM", "51": "CREATE USER", "53": "DROP USER",
    "85": "TRUNCATE TABLE", "100": "LOGON", "101": "LOGOFF", "102": "LOGOFF BY CLEANUP", "103": "SESSION REC", "104": "SYSTEM AUDIT",
    "114": "GRANT ROLE", "115": "REVOKE ROLE", "108": "SYSTEM GRANT", "109": "SYSTEM REVOKE",
}  # fmt: skip
"""Oracle, AUDIT_ACTIONS: number → name."""
_USERS: Final = ("DATABASE USER", "DBUSER", "USERID", "DBUSERNAME", "DB_User", "USERNAME", "dbusername")
_HOSTS: Final = ("USERHOST", "CLIENT TERMINAL", "Userhost", "HOST", "userhost")
_CODES: Final = ("RETURNCODE", "STATUS", "RETCODE", "RETURN_CODE", "Returncode", "return_code")
_TEXTS: Final = ("SQLTEXT", "SQL_TEXT", "Sql_Text", "sql_text")


def _first(found: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((str(found[name]) for name in names if found.get(name) not in (None, "")), "")


def _event(found: dict[str, Any], fields: Fields, message: str) -> None:
    fields.update({name: value for name, value in found.items() if name not in ("message", "tags")})
    base(fields, "oracle", "audit", message)
    name = _first(found, ("ACTION_NAME", "Action_Name", "action_name"))
    said = _first(found, ("ACTION", "Action", "action"))
    action = name or _ACTIONS.get(said, said)
    code = said if said.isdecimal() else _first(found, ("ACTION NUMBER",))
    if code.isdecimal():
        fields["event.code"] = code
    word = action[:2048].strip().partition(" ")[0].upper()
    account = _first(found, _USERS)
    if account == "/":  # authenticated by the operating system
        account = _first(found, ("CLIENT USER",))
    user(fields, account)
    if terminal := _first(found, ("CLIENT USER", "OS$USERID", "OS_USERNAME", "OS_User", "os_username")):
        fields["source.user.name"] = terminal
    comment = _first(found, ("COMMENT$TEXT", "AUTHENTICATION_TYPE", "Comment_Text", "authentication_type"))
    address = _ADDRESS.search(comment[:4096])
    if address is not None:
        source(fields, address[1], address[2])
    elif direct := _first(found, ("CLIENT ADDRESS",)):
        source(fields, direct)
    elif "CLIENT TERMINAL" not in found or "USERHOST" in found:
        source(fields, _first(found, _HOSTS))
    text = _first(found, _TEXTS)
    if word in ("LOGON", "CONNECT"):
        logon(fields, "")
    elif word in ("LOGOFF", "DISCONNECT"):
        logon(fields, "", end=True)
    else:
        statement(fields, text or (action if " " in action.strip() and not said.isdecimal() and not name else ""))
        if "database.statement" not in fields and action:
            _known(action, fields)
    returned(fields, _first(found, _CODES))
    if schema := _first(found, ("OBJECT_SCHEMA", "OBJ$CREATOR", "SCHEMA")):
        fields["database.schema"] = schema


def _known(action: str, fields: Fields) -> None:
    statement(fields, action)
    del fields["database.statement"]


def _pairs(text: str) -> dict[str, str]:
    """``NAME:[length] "value"``: the length holds, because a statement has quotes of its own; where it does not fit, the next quote."""
    found: dict[str, str] = {}
    at = 0
    while len(found) < _MOST_PAIRS:
        match = _NAME.search(text, at)
        if match is None:
            break
        start, quote = match.end(), match[3]
        end = start + int(match[2]) if match[2] else -1
        if end < 0 or not text.startswith(quote, end):
            end = text.find(quote, start)
            if end < 0:
                break
        found.setdefault(match[1].strip(), text[start:end])
        at = end + 1
    return found


def body(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """The message of a syslog line, with or without Oracle's tag; None if it is none of Oracle's audit."""
    tag = _TAG.match(message)
    rest = message[tag.end() :] if tag is not None else message
    if _HEAD.match(rest) is None:
        return None
    found = _pairs(rest[:65536])
    if "LENGTH" not in found or len(found) < 3:
        return None
    if tag is not None:
        fields["process.name"], fields["process.pid"] = "Oracle Audit", int(tag[1])
    _event(found, fields, message)
    return _SOURCES


def record(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A record of an audit file, its lines joined: a stamp, then the pairs; None for anything else."""
    match = _FILE.match(text)
    if match is None:
        return None
    sources = body(text[match.end() :], fields)
    return None if sources is None else (sources, bsd(match[1], zone, day))


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A syslog line whose message is tagged as Oracle's audit."""
    found = syslog.read(text, fields, zone, day)
    if found is None or _TAG.match(found[0]) is None:
        return None
    sources = body(found[0], fields)
    return None if sources is None else (sources, found[2])


def read_object(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """A row of UNIFIED_AUDIT_TRAIL or DBA_AUDIT_TRAIL; None if it names no action."""
    flat = json.flatten(event)
    if not any(name in flat for name in ("ACTION_NAME", "action_name", "ACTION")):
        return None
    _event(flat, fields, "")
    when = _first(flat, ("EVENT_TIMESTAMP_UTC", "event_timestamp_utc"))
    if when:
        return _SOURCES, iso(when if when.endswith("Z") or "+" in when else when + "Z", zone)
    when = _first(flat, ("EVENT_TIMESTAMP", "event_timestamp", "TIMESTAMP", "EXTENDED_TIMESTAMP"))
    return _SOURCES, iso(when, zone)


def xml(text: str, fields: Fields, zone: ZoneInfo) -> Reading | None:
    """An ``AuditRecord`` of an operating system's XML audit file."""
    if not text.startswith("<AuditRecord>"):
        return None
    found: dict[str, Any] = dict(_ELEMENT.findall(text[:262144]))
    if not found:
        return None
    _event(found, fields, "")
    return _SOURCES, iso(str(found.get("Extended_Timestamp", "")), zone)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line in any of the forms."""
    decoded = json.decode_object(text) if text.startswith("{") else None
    reading = read_object(decoded[0], fields, zone) if decoded is not None else xml(text, fields, zone)
    reading = reading or record(text, fields, zone, day)
    if reading is not None:
        return reading
    found = syslog.read(text, fields, zone, day)
    sources = body(found[0], fields) if found is not None else None
    if found is None or sources is None:
        raise refuse("oracle: no audit record")
    return sources, found[2]


_KEPT: Final = (
    *(
        "LENGTH",
        "PRIVILEGE",
        "DBID",
        "SESSIONID",
        "ENTRYID",
        "STATEMENT",
        "TERMINAL",
        "PRIV$USED",
        "SESID",
        "CLIENTID",
        "STMTID",
    ),
    *(
        "TYPE",
        "CURUSER",
        "OBJNAME",
        "OBJ$NAME",
        "PDB_GUID",
        "AUDIT_TYPE",
        "INSTANCE_ID",
        "CLIENT_PROGRAM_NAME",
        "UNIFIED_AUDIT_POLICIES",
    ),
    *(
        "SYSTEM_PRIVILEGE_USED",
        "OBJECT_NAME",
        "SQL_BINDS",
        "SCN",
        "EXECUTION_ID",
        "ADDITIONAL_INFO",
        "TARGET_USER",
        "ROLE",
    ),
)
PRODUCT = Product(
    "oracle",
    "Oracle Database audit: syslog (traditional and unified), JSON rows, XML records",
    parse,
    fields={
        **dict.fromkeys(_KEPT, ""),
        **dict.fromkeys(("DATABASE USER", "DBUSER", "USERID", "DBUSERNAME"), "user.name"),
        **dict.fromkeys(("CLIENT USER", "OS$USERID", "OS_USERNAME"), "source.user.name"),
        **dict.fromkeys(("USERHOST", "COMMENT$TEXT", "AUTHENTICATION_TYPE"), "source.ip, source.domain, source.port"),
        "CLIENT TERMINAL": "",
        **dict.fromkeys(("RETURNCODE", "STATUS", "RETCODE", "RETURN_CODE"), "event.outcome, error.code"),
        **dict.fromkeys(("SQLTEXT", "SQL_TEXT"), "database.statement"),
        **dict.fromkeys(("ACTION", "ACTION_NAME"), "event.action, event.code"),
        **dict.fromkeys(("OBJECT_SCHEMA", "OBJ$CREATOR", "SCHEMA"), "database.schema"),
        **dict.fromkeys(("EVENT_TIMESTAMP", "EVENT_TIMESTAMP_UTC", "Extended_Timestamp"), "@timestamp"),
    },
)
