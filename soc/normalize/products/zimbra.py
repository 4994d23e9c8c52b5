"""Zimbra's mailbox.log and audit.log, in files or through syslog → who did what from where, and log-ons with their outcome."""

import re
from typing import Final
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip
from soc.normalize.addresses import port as port_of
from soc.normalize.formats import syslog
from soc.normalize.products.mail_parts import RESERVED, account
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import iso

PROGRAMS = ("zimbra", "mailboxd", "zimbramailbox", "zimbra-audit", "zimbra-mailbox", "zmmailboxd")
_SOURCES = (LogSource("zimbra", "", "mailbox"),)
_AUDIT = (LogSource("zimbra", "", "audit"),)
_LINE = re.compile(
    r"(?:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) )?(TRACE|DEBUG|INFO|WARN|ERROR|FATAL) {1,2}\[([^\]]{0,1024})\] \[([^\]]{0,2048})\] "
    r"([A-Za-z0-9_.-]{1,64}) - ",
    re.ASCII,
)
_CONTEXT = re.compile(r"(?:^|;)([A-Za-z]{1,24})=([^;]{0,1024})", re.ASCII)
_COMMAND = re.compile(r"(?:^|; ?)([A-Za-z]{1,32})=([^;]{0,2048})", re.ASCII)
_FAILED = re.compile(
    r"(?:authentication failed for \[([^\]]{1,255})\]|account - Auth(?:entication)? fail)", re.IGNORECASE
)


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A line of the log's own form, with its stamp; None for anything else."""
    match = _LINE.match(text)
    if match is None or (match[1] is None and "process.name" not in fields):
        return None
    when, level, thread, context, category = match.groups()
    message = text[match.end() :]
    fields["event.kind"], fields["message"] = "event", message
    fields["event.module"], fields["event.dataset"] = (
        "zimbra",
        "zimbra.audit" if category == "security" else "zimbra.mailbox",
    )
    fields["log.level"], fields["log.logger"] = level.lower(), category
    fields["process.thread.name"] = thread
    fields["event.category"], fields["event.type"] = ["email"], ["info"]
    _who(dict(_CONTEXT.findall(context)), fields)
    if "http" in thread[:64] and "://" in thread:
        fields["url.original"] = thread[max(thread.find("http://"), thread.find("https://")) :]
    if category == "security" or message.startswith("cmd="):
        _command(dict(_COMMAND.findall(message[:8192])), fields)
    elif (failed := _FAILED.search(message[:1024])) is not None:
        if failed[1]:
            account(fields, failed[1])
        _logon(fields, success=False)
    return (_AUDIT if category == "security" else _SOURCES), (iso(when, zone) if when else None)


def _who(context: dict[str, str], fields: Fields) -> None:
    """``name``: the mailbox; ``aname``: the administrator who acts on it; ``oip``: the client behind a proxy."""
    fields.update({f"zimbra.{name}": value for name, value in context.items() if value})
    actor = context.get("aname") or context.get("name")
    if actor:
        account(fields, actor)
    if context.get("aname") and context.get("name") and context["aname"] != context["name"]:
        fields["user.target.name"] = context["name"]
    origin = context.get("oip", "").partition(",")[0].strip()
    address = origin or context.get("ip", "")
    if is_ip(address):
        fields["source.ip"] = address
    if origin and is_ip(context.get("ip", "")):
        fields["server.ip"] = context["ip"]
    if origin and (port := port_of(context.get("oport"))) is not None:
        fields["source.port"] = port
    if not origin and (port := port_of(context.get("port"))) is not None:
        fields["source.port"] = port
    if agent := context.get("ua"):
        fields["user_agent.original"] = agent


_CHANGES: Final = (
    ("Create", "creation"),
    ("Add", "change"),
    ("Delete", "deletion"),
    ("Remove", "change"),
    ("Modify", "change"),
    ("Set", "change"),
    ("Rename", "change"),
)


def _command(said: dict[str, str], fields: Fields) -> None:
    fields.update({name: value for name, value in said.items() if name not in RESERVED})
    command = said.get("cmd", "")
    if command:
        fields["event.action"] = command
    name = said.get("account") or said.get("name") or ""
    if error := said.get("error"):
        fields["event.reason"] = error
        fields["event.outcome"] = "failure"
    if command in ("Auth", "AdminAuth", "PreAuth", "DelegateAuth"):
        if name:
            account(fields, name)
        if protocol := said.get("protocol"):
            fields["network.protocol"] = protocol.lower()
        _logon(fields, success=not error)
    elif command:
        change = next((kind for start, kind in _CHANGES if command.startswith(start)), "")
        fields["event.category"], fields["event.type"] = ["iam"], ["admin", change] if change else ["admin"]
        fields.setdefault("event.outcome", "success")
        if name and name != fields.get("user.name"):
            fields["user.target.name"] = name


def _logon(fields: Fields, *, success: bool) -> None:
    fields["event.category"], fields["event.type"] = ["authentication"], ["start"]
    fields["event.outcome"] = "success" if success else "failure"
    fields.setdefault("event.action", "Auth")


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line, with or without a syslog header."""
    reading = line(text, fields, zone, day)
    if reading is not None:
        return reading
    found = syslog.read(text, fields, zone, day)
    reading = line(found[0], fields, zone, day) if found is not None else None
    if found is None or reading is None:
        raise refuse("zimbra: no line of mailbox.log or audit.log")
    return reading[0], reading[1] or found[2]


_NATIVE: Final = (*("id", "mid", "port", "soapId", "via", "msg", "anon", "accId", "tid", "resourceId"),)
PRODUCT = Product(
    "zimbra",
    "Zimbra mailbox.log and audit.log, in files or through syslog",
    parse,
    fields={
        **{f"zimbra.{name}": "" for name in _NATIVE},
        "zimbra.name": "user.name, user.target.name",
        "zimbra.aname": "user.name",
        "zimbra.ip": "source.ip, server.ip",
        "zimbra.oip": "source.ip",
        "zimbra.oport": "source.port",
        "zimbra.ua": "user_agent.original",
        "cmd": "event.action",
        "account": "user.name, user.target.name",
        "name": "user.target.name",
        "protocol": "network.protocol",
        "error": "event.reason, event.outcome",
        "invalidate": "",
    },
)
