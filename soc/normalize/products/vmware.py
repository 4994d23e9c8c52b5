r"""VMware ESXi (hostd, vpxa, vobd, vmkernel, shell) and vCenter (vpxd events, single sign-on) through syslog → who logged on and did what.

Hostd: info hostd[2099] [Originator@6876 sub=Vimsvc.ha-eventmgr opID=x user=vpxuser] Event 12 : User root@192.0.2.5 logged in as y
vpxd 2275 - - Event [348] [1-1] [2026-11-22T08:00:00Z] [vim.event.UserLoginSessionEvent] [info] [EXAMPLE\lan] [dc] [348] [text]
"""

import re
from typing import Any, Final
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import put
from soc.normalize.formats import clf, syslog
from soc.normalize.products.fill import tls_version
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp, iso

PROGRAMS = (
    *(
        "hostd",
        "vpxa",
        "vobd",
        "vmkernel",
        "vmkwarning",
        "vpxd",
        "hostd-probe",
        "esxupdate",
        "shell",
        "esxcfg-dumppart",
        "fdm",
        "rhttpproxy",
    ),
    *(
        "vsphere-ui",
        "sso",
        "vmafdd",
        "vmdird",
        "vmon",
        "vmware-vpxd",
        "vpxd-main",
        "vpxd-svcs",
        "vobd",
        "envoy-access",
        "apiforwarder",
        "applmgmt-audit",
    ),
)
_FIRST = frozenset(["hostd", "vpxa", "vobd", "vmkernel", "vmkwarning", "shell", "fdm", "rhttpproxy"])
_LEAD = re.compile(
    r"(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ?)?(?:(?:(info|verbose|warning|error|trivia|panic|critical|In|Db|Wa|Er|No|Al)"
    r"(?:\(\d{1,3}\))?) )?(?:([A-Za-z][\w-]{0,31})\[([0-9A-F]{1,16})\]:? )?"
    r"\[(?:Originator@6876 )?([^\]]{0,512})\] ?",
    re.ASCII,
)
_PAIR = re.compile(r"(sub|opID|user|opId)=([^\s\]]{1,255})", re.ASCII)
_EVENT = re.compile(r"(?:\[?\d{0,10}\]? ?)?Event (\d{1,12}) : ", re.ASCII)
_VCENTER = re.compile(
    r"(?:\[[\w-]{1,64}\] ?)?Event \[(\d{1,12})\] \[(\d{1,6}-\d{1,6})\] \[([^\]]{20,40})\] \[([\w.]{1,128})\] \[(\w{1,16})\] \[([^\]]{0,256})\] "
    r"\[([^\]]{0,256})\] \[(\d{0,12})\] \[(.{0,8192})\]?$",
    re.ASCII | re.DOTALL,
)
_IN = re.compile(r"User (\S{1,255}?)@([0-9A-Fa-f.:]{2,45}|localhost) logged in(?: as (.{0,255}))?", re.ASCII)
_OUT = re.compile(
    r"User (\S{1,255}?)@([0-9A-Fa-f.:]{2,45}|localhost) logged out(?: \(.{0,512}?user agent: ([^)]{0,255})\))?",
    re.ASCII,
)
_NO_LOGIN = re.compile(
    r"(?:Cannot login (?:user )?|Failed login attempt for |Rejected password for user |Accepted password for user )(\S{1,255}?)(?:@| from )"
    r"([0-9A-Fa-f.:]{2,45})(?:: ?(.{0,255}))?",
    re.ASCII,
)
_SSO = re.compile(
    r'\{"user":"([^"]{1,255})","client":"([^"]{0,64})","timestamp":"[^"]{0,64}","description":"([^"]{0,512})","eventSeverity":"(\w{1,16})","type":"([\w.]{1,128})"\}'
)
_SHELL = re.compile(r"(?:shell\[(\d{1,10})\]: ?)?\[([A-Za-z0-9_.@\\-]{1,64})\]: (.{0,8192})", re.ASCII | re.DOTALL)
_COMMAND = re.compile(
    r'\[shell\.\w{1,32}@6876 subject="([^"]{1,255})" object="[^"]{0,255}" command="([^"\\]{0,4096}(?:\\.[^"\\]{0,4096}){0,64})"(?: result="(\w{1,16})")?',
    re.ASCII,
)
_RUNNING = re.compile(r"User '([^']{1,255})' running command '(.{0,7680})'$", re.ASCII | re.DOTALL)
_GRANTED = re.compile(
    r"User \{Name: ([^,}]{1,255}), Domain: ([^,}]{1,255})\} (?:with role '[^']{1,64}' )?is (not )?authorized for method call '([^']{1,255})'",
    re.ASCII,
)
_ALLOWED = re.compile(r"Authorization Result: User=(\S{1,255}), priv=(\S{1,255}), authorized=(True|False)", re.ASCII)
# vCenter's gateway: stamp, request, status, why, flags, bytes in and out, times, client, protocol, TLS, gateway, upstream
_ENVOY = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([A-Z]{3,16}) (\S{1,8192}) (?:(HTTP/[\d.]{1,3}) )?(\d{1,3}) (\S{1,255}) (\S{1,64}) (\d{1,18}) (\d{1,18}) (.{1,1024})",
    re.ASCII,
)
_UPPER = re.compile(r"\S{20,32} (DEBUG|INFO|WARN|WARNING|ERROR) ", re.ASCII)
_LEVEL = re.compile(r": (DEBUG|INFO|WARN|WARNING|ERROR) ", re.ASCII)
_VOB = re.compile(r"\[(\w{1,64})\] \d{1,20}us: \[((?:vob|esx)\.[\w.]{1,128})\] (.{0,4096})", re.ASCII | re.DOTALL)
_END = re.compile(r"\[?([\da-fA-F.:]{2,45}?)\]?:(\d{1,5})$", re.ASCII)
_SSH = re.compile(
    r"SSH (login has failed|session was opened|session was closed) for '([^'@]{1,255})@([0-9A-Fa-f.:]{2,45})'", re.ASCII
)
_LEVELS: Final = {"In": "info", "Db": "debug", "Wa": "warning", "Er": "error", "No": "notice", "Al": "alert"}
_TYPES: Final[dict[str, tuple[str, str, str, str]]] = {
    "UserLoginSessionEvent": ("authentication session", "start", "user-login", "success"),
    "UserLogoutSessionEvent": ("session", "end", "user-logout", ""),
    "BadUsernameSessionEvent": ("authentication", "start", "user-login", "failure"),
    "NoAccessUserEvent": ("authentication", "start denied", "user-login", "failure"),
    "VmPoweredOnEvent": ("host", "start", "vm-powered-on", "success"),
    "VmPoweredOffEvent": ("host", "end", "vm-powered-off", "success"),
    "VmRemovedEvent": ("host configuration", "deletion", "vm-removed", "success"),
    "VmCreatedEvent": ("host configuration", "creation", "vm-created", "success"),
    "VmClonedEvent": ("host configuration", "creation", "vm-cloned", "success"),
    "VmReconfiguredEvent": ("host configuration", "change", "vm-reconfigured", "success"),
    "VmMigratedEvent": ("host configuration", "change", "vm-migrated", "success"),
    "PermissionAddedEvent": ("iam", "admin creation", "permission-added", "success"),
    "PermissionRemovedEvent": ("iam", "admin deletion", "permission-removed", "success"),
    "PermissionUpdatedEvent": ("iam", "admin change", "permission-updated", "success"),
    "RoleAddedEvent": ("iam", "admin creation", "role-added", "success"),
    "AccountCreatedEvent": ("iam", "user creation", "account-created", "success"),
    "AccountRemovedEvent": ("iam", "user deletion", "account-removed", "success"),
    "AccountUpdatedEvent": ("iam", "user change", "account-updated", "success"),
    "UserPasswordChanged": ("iam", "user change", "password-changed", "success"),
}


def _sources(service: str) -> tuple[LogSource, ...]:
    return _KNOWN.get(service, _KNOWN["esxi"])


_KNOWN: Final = {name: (LogSource("vmware", "", name),) for name in ("esxi", "vcenter", "sso", "shell")}


def _set(fields: Fields, row: tuple[str, str, str, str]) -> None:
    fields["event.category"], fields["event.type"] = row[0].split(), row[1].split()
    fields["event.action"] = row[2]
    if row[3]:
        fields["event.outcome"] = row[3]


def _user(fields: Fields, name: str) -> None:
    domain, _, who = name.rpartition("\\")
    fields["user.name"] = who
    if domain:
        fields["user.domain"] = domain


def _said(text: str, fields: Fields) -> None:
    """A sentence of an event: log-ons wherever they are told."""
    for pattern, row in ((_IN, "UserLoginSessionEvent"), (_OUT, "UserLogoutSessionEvent")):
        match = pattern.search(text[:2048])
        if match is not None:
            _user(fields, match[1])
            put(fields, "source", match[2])
            _set(fields, _TYPES[row])
            if match[3]:
                fields["user_agent.original"] = match[3]
            return
    command = _RUNNING.match(text[:8192])
    if command is not None:
        _user(fields, command[1])
        fields["process.command_line"] = command[2]
        _set(fields, ("process", "start", "shell-command", ""))
        return
    match = _NO_LOGIN.search(text[:2048])
    if match is not None:
        _user(fields, match[1])
        put(fields, "source", match[2])
        accepted = text.startswith("Accepted", match.start())
        _set(fields, _TYPES["UserLoginSessionEvent" if accepted else "BadUsernameSessionEvent"])
        if match[3]:
            fields["event.reason"] = match[3]


def _ssh(text: str, fields: Fields) -> None:
    """``SSH login has failed for 'root@192.0.2.5'.``, a session opened or closed: what the host's watcher tells of its shell."""
    match = _SSH.search(text[:2048])
    if match is None:
        return
    how, who, address = match.groups()
    _user(fields, who)
    put(fields, "source", address)
    fields["network.protocol"] = "ssh"
    row = (
        "BadUsernameSessionEvent"
        if "failed" in how
        else "UserLogoutSessionEvent"
        if "closed" in how
        else "UserLoginSessionEvent"
    )
    _set(fields, _TYPES[row])


def _told(message: str, program: str, fields: Fields) -> str:
    """A message of a form that is known whole: which service's it is, or nothing."""
    if (sso := _SSO.search(message[:4096])) is not None:
        _sso(sso, fields)
        return "sso"
    if (command := _COMMAND.match(message)) is not None:
        _user(fields, command[1])
        fields["process.command_line"] = command[2].replace('\\"', '"')
        outcome = {"success": "success", "failure": "failure"}.get(command[3], "")
        _set(fields, ("process", "start", "shell-command", outcome))
        return "shell"
    if (allowed := _ALLOWED.search(message[:1024])) is not None:
        name, _, domain = allowed[1].partition("@")
        fields["user.name"] = name
        if domain:
            fields["user.domain"] = domain
        if (level := _LEVEL.search(message[: allowed.start()])) is not None:
            fields["log.level"] = level[1].lower()
        _set(fields, ("iam", "admin", "authorization", "success" if allowed[3] == "True" else "failure"))
        return "vcenter"
    if (granted := _GRANTED.search(message[:2048])) is not None:
        fields["user.name"], fields["user.domain"] = granted[1], granted[2]
        fields["vmware.method"] = granted[4]
        if (level := _UPPER.match(message)) is not None:
            fields["log.level"] = level[1].lower()
        _set(fields, ("iam", "info", "authorization", "failure" if granted[3] else "success"))
        return "sso"
    if program == "shell" and (shell := _SHELL.match(message)) is not None:
        _user(fields, shell[2])
        fields["process.command_line"] = shell[3]
        _set(fields, ("process", "start", "shell-command", ""))
        return "shell"
    if (vob := _VOB.match(message.lstrip())) is not None:
        fields["log.logger"], fields["event.code"], fields["event.action"] = vob[1], vob[2], vob[2]
        fields["message"] = vob[3]
        _said(vob[3], fields)
        _ssh(vob[3], fields)
        return "esxi"
    return ""


def read(message: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """The message of a syslog line of one of VMware's programs."""
    message = message.lstrip()
    program = str(fields.get("process.name", "")).rpartition("/")[2].lower()
    fields["event.kind"], fields["message"] = "event", message
    fields["event.module"], fields["event.dataset"] = "vmware", "vmware." + (program[:32] or "log")
    fields["event.category"], fields["event.type"] = ["host"], ["info"]
    match = _VCENTER.match(message)
    if match is not None:
        return _known("vcenter"), _vcenter(match, fields, zone)
    if service := _told(message, program, fields):
        return _known(service), None
    lead = _LEAD.match(message)
    stamp: Stamp | None = None
    rest = message
    if lead is not None and (lead[2] or lead[3] or "sub=" in lead[5]):
        stamp = _lead(lead, fields, zone)
        rest = message[lead.end() :]
        fields["message"] = rest
    if (
        "envoy" in (program[:5], str(lead[3])[:5] if lead is not None else "")
        and (request := _ENVOY.match(rest)) is not None
    ):
        return _WEB, _envoy(request, fields, zone)
    if (event := _EVENT.match(rest)) is not None:
        fields["event.id"] = event[1]
        rest = rest[event.end() :]
        fields["message"] = rest
    _said(rest, fields)
    return _known("esxi" if program not in ("vpxd", "vpxd-main") else "vcenter"), stamp


_known = _sources
_WEB = (LogSource("vmware", "webserver", "vcenter"),)


def _envoy(match: re.Match[str], fields: Fields, zone: ZoneInfo) -> Stamp | None:
    """A request to vCenter's gateway; who asked is the first address with a port, the gateway's own the second."""
    when, method, target, version, status, detail, _, received, sent, rest = match.groups()
    fields["event.category"], fields["event.type"] = ["web"], ["access"]
    clf.request_line(f"{method} {target} {version}" if version else f"{method} {target}", fields)
    code = int(status)
    if code:
        fields["http.response.status_code"] = code
        fields["event.outcome"] = "success" if code < 400 else "failure"  # RFC 9110 §15
        if code >= 400:
            fields["event.type"] = ["access", "error"]
    fields["envoy.response_code_details"] = detail
    fields["http.request.body.bytes"], fields["http.response.body.bytes"] = int(received), int(sent)
    words = rest.split(" ")
    ends = [found for found in map(_END.match, words) if found is not None]
    for side, end in zip(("source", "destination"), ends, strict=False):
        put(fields, side, end[1])
        fields[side + ".port"] = int(end[2])
    for word in words:
        tls_version(word, fields)
    return iso(when, zone)


def _lead(match: re.Match[str], fields: Fields, zone: ZoneInfo) -> Stamp | None:
    when, level, program, thread, options = match.groups()
    if level:
        fields["log.level"] = _LEVELS.get(level, level)
    if program:
        fields["process.thread.name"] = f"{program}[{thread}]"
        if "process.pid" not in fields and thread.isdecimal() and len(thread) <= 10:
            fields["process.pid"] = int(thread)
    for name, value in _PAIR.findall(options):
        if name == "sub":
            fields["log.logger"] = value
        elif name == "user":
            account, _, session = value.partition(":")
            _user(fields, account)
            domain, slash, who = session.rpartition("\\")
            if slash:  # vCenter's account, and for whom it works
                fields["source.user.name"], fields["source.user.domain"] = who, domain
        else:
            fields["opID"] = value
    return iso(when, zone) if when else None


def _vcenter(match: re.Match[str], fields: Fields, zone: ZoneInfo) -> Stamp | None:
    number, _, when, kind, level, name, where, _, text = match.groups()
    text = text.removesuffix("]")
    fields["event.id"], fields["event.code"], fields["log.level"] = number, kind, level
    fields["message"] = text
    if where:
        fields["vmware.datacenter"] = where
    short = kind.rpartition(".")[2]
    row = _TYPES.get(short)
    _said(text, fields)
    if row is not None:
        _set(fields, row)
    else:
        fields.setdefault("event.action", short)
    if name and "user.name" not in fields:
        _user(fields, name)
    if level == "error" and "event.outcome" not in fields:
        fields["event.outcome"] = "failure"
    return iso(when, zone)


_SSO_TYPES: Final = {
    "com.vmware.sso.LoginSuccess": "UserLoginSessionEvent",
    "com.vmware.sso.LoginFailure": "BadUsernameSessionEvent",
    "com.vmware.sso.Logout": "UserLogoutSessionEvent",
    "com.vmware.sso.PrincipalManagement": "AccountUpdatedEvent",
}


def _sso(match: re.Match[str], fields: Fields) -> None:
    user, client, description, severity, kind = match.groups()
    name, at, domain = user.partition("@")
    fields["user.name"] = name
    if at:
        fields["user.domain"] = domain
    put(fields, "source", client)
    fields["message"], fields["event.code"], fields["log.level"] = description, kind, severity.lower()
    row = _SSO_TYPES.get(kind)
    if row is not None:
        _set(fields, _TYPES[row])


def body(message: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """As ``read``, for programs whose name others use too: None unless the message has VMware's form."""
    if not (
        _COMMAND.match(message.lstrip())
        or _ALLOWED.search(message[:1024])
        or _VCENTER.match(message.lstrip())
        or _SSO.search(message[:4096])
        or _VOB.match(message.lstrip())
        or "sub=" in message[:256]
        or _ENVOY.match(message)
        or _GRANTED.search(message[:2048])
        or _RUNNING.match(message)
        or _SHELL.match(message)
    ):
        return None
    return read(message, fields, zone, day)


MARK = "[Originator@6876 "
_FILE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z (?:info|verbose|warning|error|trivia|panic|critical|(?:In|Db|Wa|Er|No|Al)\(\d{1,3}\)) "
    r"([A-Za-z][\w-]{0,31})\[",
    re.ASCII,
)


def file(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line of vpxd.log, hostd.log or envoy-access.log themselves; None for anything else."""
    match = _FILE.match(text)
    if match is None:
        return None
    fields["process.name"] = match[1]
    return read(text, fields, zone, day)


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """A syslog line."""
    reading = file(text, fields, zone, day)
    if reading is not None:
        return reading
    found = syslog.read(text, fields, zone, day)
    reading = read(found[0], fields, zone, day) if found is not None else None
    if found is None or reading is None:
        raise refuse("vmware: no syslog header")
    return reading[0], reading[1] or found[2]


def lines() -> dict[str, Any]:
    """Program → reader, for recognition."""
    return {name: read if name in _FIRST and name != "shell" else body for name in PROGRAMS}


PRODUCT = Product(
    "vmware",
    "VMware ESXi and vCenter through syslog: log-ons, tasks, events, shell commands",
    parse,
    fields={
        "event type": "event.code, event.action",
        "event id": "event.id",
        "createdTime": "@timestamp",
        "severity": "log.level",
        "userName": "user.name, user.domain",
        "datacenter": "vmware.datacenter",
        "fullFormattedMessage": "message, source.ip",
        "sub": "log.logger",
        "opID": "",
        "user": "user.name",
        "client": "source.ip",
        "description": "message",
        "eventSeverity": "log.level",
        "type": "event.code",
        "vob id": "event.code",
    },
)
