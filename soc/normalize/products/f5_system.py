"""What an F5 BIG-IP says of itself through syslog (tmm, mcpd, apmd, tmsh, its web console): audits, log-ons, sessions, handshakes.

``notice tmsh[28791]: 01420002:5: AUDIT - pid=28791 user=root folder=/ module=(tmos)# status=[Command OK] cmd_data=list``: the number
of the message and its level stand before every text ("BIG-IP Log Messages" in F5's techdocs).
"""

import re
from typing import Final

from soc.model.event import LogSource
from soc.normalize.addresses import put
from soc.normalize.formats import clf
from soc.normalize.products.product import Fields
from soc.normalize.products.url_parts import put_url

_NUMBER = re.compile(r"([0-9a-f]{8}):([0-7]): ", re.ASCII)
_LEVELS: Final = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_ACCESS = "[ssl_acc] "
_FLOW = re.compile(
    r"(?P<how>packet:|for) (?P<transport>[A-Za-z]{3,5}) (?P<src>[0-9A-Fa-f.:%]{3,48}?)[:.](?P<spt>\d{1,5}) -> "
    r"(?P<dst>[0-9A-Fa-f.:%]{3,48}?)[:.](?P<dpt>\d{1,5})(?!\S)",
    re.ASCII,
)
_ACL = re.compile(r"(\w{4,16}) ACL: ([^\s:]{1,255})", re.ASCII)
_SESSION = re.compile(r"(/[^\s:]{1,255}):[\w-]{1,64}:([0-9a-f]{8}): ", re.ASCII)
_LOGON = re.compile(
    r"authenticate with '([^'\s]{1,255})' (successful|failed)"
    r"|Username '([^'\s]{1,255})'"
    r"|session\.logon\.last\.username is ([^\s']{1,255})",
    re.ASCII,
)
_CLIENT = re.compile(
    r"(?:client IP|session\.user\.clientip is) ([0-9A-Fa-f.:]{3,45})(?: .{0,128}?\bVIP ([0-9A-Fa-f.:]{3,45}))?",
    re.ASCII,
)
_RULE = re.compile(r"Following rule '([^']{1,255})' from item '[^']{0,255}' to ending '([^']{1,64})'")
_RESULT = re.compile(r"Access policy result: (\S{1,64})")
_BYTES = re.compile(r"bytes in: (\d{1,18}), bytes out: (\d{1,18})", re.ASCII)
_COMMAND = re.compile(
    r"AUDIT - (?:pid=(\d{1,10}) )?user=(\S{1,255}) .{0,512}?status=\[([^\]]{1,255})\](?: cmd_data=(.{1,8192}))?$",
    re.ASCII | re.DOTALL,
)
_CHANGE = re.compile(
    r"AUDIT - (?:client \S{1,64}, )?user (\S{1,255}) - (?!RAW)(?:.{0,8192}\[Status=([^\]]{1,128})\])?", re.DOTALL
)
_PAM = re.compile(r"RAW: \S{1,64}\(pam_audit\): (?:User|user)=([^\s(]{1,255})\S{0,255} (.{1,1024})", re.ASCII)
_HOST = re.compile(r"host=([0-9A-Fa-f.:]{3,45})(?!\S)", re.ASCII)
_SOURCES = (LogSource("f5", "", "system"),)
_WEB = (LogSource("f5", "webserver", "console"),)


def read(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """The message of a syslog line; None: not numbered as BIG-IP's are, nor a request to its console."""
    if message.startswith(_ACCESS):
        if clf.read(message[len(_ACCESS) :], fields) is None:
            return None
        asked = str(fields.get("url.original", ""))
        if asked.startswith("/"):
            put_url(fields, asked)
        _base(fields, "console", ("web", "access"), "")
        return _WEB
    match = _NUMBER.match(message)
    if match is None:
        return None
    text = message[match.end() :]
    fields["event.code"], fields["message"] = match[1], text
    fields.setdefault("log.level", _LEVELS[int(match[2])])
    _base(fields, "system", ("host", "info"), "")
    session = _SESSION.match(text)
    if session is not None:
        _access(text[session.end() :], session[1], fields)
    elif text.startswith("AUDIT - "):
        _audit(text, fields)
    elif (flow := _FLOW.search(text[:1024])) is not None:
        _flow(flow, fields)
        handshake = "failure" if "failed" in text[: flow.start()] else ""
        _base(fields, "system", ("network", "connection error" if handshake else "connection"), handshake)
    return _SOURCES


def _base(fields: Fields, dataset: str, kind: tuple[str, str], outcome: str, action: str = "") -> None:
    fields["event.kind"], fields["event.module"], fields["event.dataset"] = "event", "f5", "f5." + dataset
    fields["event.category"], fields["event.type"] = kind[0].split(), kind[1].split()
    fields["observer.vendor"], fields["observer.product"] = "F5", "BIG-IP"
    if outcome:
        fields["event.outcome"] = outcome
    if action:
        fields["event.action"] = action


def _flow(match: re.Match[str], fields: Fields) -> None:
    put(fields, "source", match["src"])
    put(fields, "destination", match["dst"])
    fields["source.port"], fields["destination.port"] = int(match["spt"]) & 0xFFFF, int(match["dpt"]) & 0xFFFF
    fields["network.transport"] = match["transport"].lower()


def _name(written: str, fields: Fields) -> None:
    name, _, domain = written.partition("@")
    fields["user.name"] = name or written
    if domain:
        fields["user.domain"] = domain


def _access(text: str, profile: str, fields: Fields) -> None:
    """A session of the Access Policy Manager."""
    fields["rule.ruleset"], fields["message"] = profile, text
    _base(fields, "apm", ("session", "info"), "")
    if (acl := _ACL.match(text)) is not None:
        denied = acl[1] in ("discard", "reject")
        fields["rule.name"] = acl[2]
        kind = ("network", "connection denied" if denied else "connection allowed")
        _base(fields, "apm", kind, "failure" if denied else "success", acl[1])
        if (flow := _FLOW.search(text[:1024])) is not None:
            _flow(flow, fields)
    elif (logon := _LOGON.search(text[:1024])) is not None:
        _name(logon[1] or logon[3] or logon[4], fields)
        outcome = {"successful": "success", "failed": "failure"}.get(logon[2] or "", "")
        _base(
            fields, "apm", ("authentication", "start" if outcome else "info"), outcome, "user-login" if outcome else ""
        )
    elif (client := _CLIENT.search(text[:1024])) is not None:
        put(fields, "source", client[1])
        if client[2]:
            put(fields, "destination", client[2])
            _base(fields, "apm", ("session", "start"), "", "session-started")
    elif (ending := _RULE.search(text[:1024]) or _RESULT.search(text[:1024])) is not None:
        result = ending[ending.re.groups]
        if ending.re is _RULE:
            fields["rule.name"] = ending[1]
        denied = "deny" in result.lower()
        outcome = "failure" if denied else "success"
        _base(fields, "apm", ("authentication", "info denied" if denied else "info allowed"), outcome, "access-policy")
    elif (counted := _BYTES.search(text[:1024])) is not None:
        fields["source.bytes"], fields["destination.bytes"] = int(counted[1]), int(counted[2])
    elif "Session deleted" in text[:256]:
        _base(fields, "apm", ("session", "end"), "", "session-ended")


def _audit(text: str, fields: Fields) -> None:
    """A command of tmsh, a change of the configuration, or a log-on as BIG-IP's own PAM module tells it."""
    if (logon := _PAM.search(text[:2048])) is not None:
        _name(logon[1], fields)
        if (host := _HOST.search(logon[2])) is not None:
            put(fields, "source", host[1])
        failed = "failed to login" in logon[2]
        if " end=" in logon[2] and not failed:
            _base(fields, "audit", ("authentication session", "end"), "", "user-logout")
        else:
            _base(fields, "audit", ("authentication", "start"), "failure" if failed else "success", "user-login")
    elif (command := _COMMAND.match(text)) is not None:
        _name(command[2], fields)
        if command[1]:
            fields["process.pid"] = int(command[1])
        if command[4]:
            fields["process.command_line"] = command[4]
        _base(fields, "audit", ("process", "start"), "success" if command[3] == "Command OK" else "failure", "command")
    elif (change := _CHANGE.match(text)) is not None:
        _name(change[1].rstrip(","), fields)
        outcome = "" if not change[2] else "success" if change[2] == "Command OK" else "failure"
        _base(fields, "audit", ("configuration", "change"), outcome, "configuration-changed")
