"""Records of the Linux audit system, one or all of an event → process starts, file and network access, log-ons, account changes.

auditd's own names are kept, as Sigma's rules for service ``auditd`` use them: ``type`` lists the types of the event's records,
``a0`` … are the arguments of EXECVE where there is one (those of the system call are then ``auditd.syscall.a0`` …), and
``name`` holds every PATH. In an enriched log ``SYSCALL``, ``UID`` … hold the interpreted values.
"""

from typing import Any, cast
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, port, put
from soc.normalize.formats import audit, syslog
from soc.normalize.formats.audit import AuditRecord
from soc.normalize.products.auditd_types import ARCHITECTURES, CALLS, NUMBERS, TYPES
from soc.normalize.products.product import Fields, Product, Reading, refuse

_AUDITD = (LogSource("linux", "", "auditd"),)
_EXECUTED = (*_AUDITD, LogSource("linux", "process_creation", ""))
_CONNECTED = (*_AUDITD, LogSource("linux", "network_connection", ""))
_CREATED = (*_AUDITD, LogSource("linux", "file_event", ""))

_NOBODY = frozenset(("", "?", "(null)", "(none)", "unset", "4294967295", "-1"))
"""What stands where nothing is known; 4294967295 is the login id of who never logged in."""
_OUTCOMES = {
    "yes": "success",
    "no": "failure",
    "success": "success",
    "failed": "failure",
    "1": "success",
    "0": "failure",
}
_MOST = 100
"""Values of one name that are kept in the event; the text has all."""
_ARGUMENTS = ("a0", "a1", "a2", "a3")
_OWN_NAMES = frozenset(("type", "msg", "node"))

FIELDS = {
    "type": "event.code",
    "auid": "user.audit.id",
    "AUID": "user.audit.name",
    "uid": "user.id",
    "UID": "user.name",
    "euid": "user.effective.id",
    "EUID": "user.effective.name",
    "gid": "user.group.id",
    "GID": "user.group.name",
    "pid": "process.pid",
    "ppid": "process.parent.pid",
    "exe": "process.executable",
    "comm": "process.name",
    "cwd": "process.working_directory",
    "tty": "process.tty.name",
    "terminal": "process.tty.name",
    "ses": "process.session_leader.entity_id",
    "exit": "process.exit_code",
    "success": "event.outcome",
    "res": "event.outcome",
    "key": "rule.name",
    "acct": "user.name",
    "id": "user.id",
    "addr": "source.ip",
    "hostname": "source.domain",
    "rport": "source.port",
    "src": "source.ip",
    "dst": "destination.ip",
    "laddr": "destination.ip",
    "lport": "destination.port",
    "cmd": "process.command_line",
    "proctitle": "process.title",
    "name": "file.path",
    "inode": "file.inode",
    "mode": "file.mode",
    "ouid": "file.uid",
    "ogid": "file.gid",
    "saddr": "destination.ip, destination.port",
    "unit": "service.name",
    "grantors": "",
    "op": "event.reason",
    "arch": "host.architecture",
    **dict.fromkeys(
        ("syscall", "SYSCALL", "ARCH", "a0", "a1", "a2", "a3", "argc", "items", "item", "suid", "fsuid", "egid"), ""
    ),
    **dict.fromkeys(
        ("sgid", "fsgid", "SUID", "FSUID", "EGID", "SGID", "FSGID", "nametype", "dev", "rdev", "cap_fp", "cap_fi"), ""
    ),
    **dict.fromkeys(
        ("cap_fe", "cap_fver", "cap_frootid", "OUID", "OGID", "subj", "obj", "SADDR", "scontext", "tcontext"), ""
    ),
    **dict.fromkeys(
        ("tclass", "permissive", "seresult", "seperms", "sig", "code", "compat", "ip", "old-auid", "old-ses"), ""
    ),
    **dict.fromkeys(
        ("reason", "dev", "prom", "old_prom", "table", "family", "entries", "data", "major", "minor", "path"), ""
    ),
    **dict.fromkeys(
        ("apparmor", "operation", "profile", "requested_mask", "denied_mask", "fsuid", "kind", "fp", "cipher"), ""
    ),
    **dict.fromkeys(
        ("ksize", "mac", "pfs", "direction", "spid", "suid", "old", "audit_enabled", "list", "dir", "perm"), ""
    ),
}
"""auditd's fields ("Audit Event Fields" of audit-userspace) → ECS."""


def lines(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """An auditd record, or the records of one event joined by LF; None if the first line is no record."""
    records: list[AuditRecord] = []
    for number, line in enumerate(text.split("\n")):
        record = audit.read(line)
        if record is None:
            header: dict[str, Any] = {}
            found = syslog.read(line, header, zone, day)
            if found is not None:
                record = audit.read(found[0].removeprefix("audit: "))
                if record is not None and number == 0:
                    fields.update(header)
                    fields.pop("process.name", None)
                    fields.pop("process.pid", None)
        if record is None and number == 0:
            return None
        if record is not None:
            records.append(record)
    first = records[0]
    if first.node:
        fields["host.name"] = first.node
    return _event(records, fields), (first.stamp, ())


def body(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """A record behind the kernel's own syslog header (``audit: type=1400 audit(...)``); None if it is none."""
    record = audit.read(message.partition("] ")[2] if message.startswith("[") else message)
    if record is None and "audit: " in message:
        record = audit.read(message.partition("audit: ")[2])
    return None if record is None else _event([record], fields)


def _event(records: list[AuditRecord], fields: Fields) -> tuple[LogSource, ...]:
    native = _native(records)
    kinds = list(dict.fromkeys(record.kind for record in records))
    main = next((kind for kind in kinds if kind in TYPES), kinds[0])
    fields["event.kind"] = "event"
    fields["event.module"], fields["event.dataset"] = "auditd", "auditd.log"
    fields["event.category"], fields["event.type"] = ["process"], ["info"]
    fields["event.code"] = main
    fields["event.sequence"] = int(records[0].serial) & (2**63 - 1)
    fields["message"] = records[0].body.replace("\x1d", " ")
    call = _call(native)
    if "SYSCALL" in kinds and call:
        native.setdefault("SYSCALL", call)
    if call and main in ("SYSCALL", "PATH", "CWD", "SOCKADDR", "EXECVE", "PROCTITLE"):
        fields.update(CALLS.get(call, {"event.action": call}))
    elif main == "EXECVE":
        fields.update(CALLS["execve"])
    else:
        fields.update(TYPES.get(main, {}))
    _process(native, fields)
    _outcome(native, fields, kinds)
    _user(native, fields, main)
    _source(native, fields)
    sources = _paths(records, native, fields)
    if "EXECVE" in kinds or (call in ("execve", "execveat") and "SYSCALL" in kinds):
        sources = _EXECUTED
    if "saddr" in native and _peer(native, fields, call) and call == "connect":
        fields["Initiated"] = "true"
        sources = _CONNECTED
    if len(records) == 1 and main == "PATH":
        fields["event.category"], fields["event.type"] = ["file"], ["info"]
    fields.update(native)
    fields["type"] = kinds[0] if len(kinds) == 1 else kinds
    return sources


def _native(records: list[AuditRecord]) -> dict[str, Any]:
    """Every name with its value, or its values if several records give it different ones."""
    only = records[0]
    if len(records) == 1 and only.kind != "EXECVE":
        native: dict[str, Any] = dict(only.pairs)
        if len(native) == len(only.pairs) and not _OWN_NAMES & native.keys():
            return _keyed(native)
    native = {}
    executed = any(record.kind == "EXECVE" for record in records)
    for record in records:
        if record.kind == "EXECVE":
            args = audit.arguments(record.pairs)
            native.update((f"a{number}", value) for number, value in enumerate(args[:_MOST]))
            native["process.args"] = args[:_MOST]
            native["process.args_count"] = len(args)
            native["process.command_line"] = " ".join(args)
        aligned = record.kind == "PATH"
        for name, value in record.pairs:
            if name in _OWN_NAMES:
                continue
            if record.kind == "EXECVE" and name[0] == "a" and name != "argc":
                continue
            if executed and record.kind == "SYSCALL" and name in _ARGUMENTS:
                native["auditd.syscall." + name] = value
                continue
            _put(native, name, value, aligned=aligned)
    return _keyed(native)


def _keyed(native: dict[str, Any]) -> dict[str, Any]:
    """The keys of the rules that asked for the record: none, one, or several parted by 0x01."""
    if native.get("key") == "(null)":
        del native["key"]
    elif "\x01" in native.get("key", ""):
        native["key"] = native["key"].split("\x01")
    return native


def _put(native: dict[str, Any], name: str, value: str, *, aligned: bool) -> None:
    known = native.get(name)
    if known is None:
        native[name] = value
    elif isinstance(known, list):
        values = cast("list[str]", known)
        if len(values) < _MOST and (aligned or value not in values):
            values.append(value)
    elif aligned or known != value:
        native[name] = [known, value]


def _first(native: dict[str, Any], name: str) -> str:
    value: str | list[str] | None = native.get(name)
    if isinstance(value, list):
        value = value[0]
    return "" if value is None or value in _NOBODY else value


def _call(native: dict[str, Any]) -> str:
    named = _first(native, "SYSCALL") or _first(native, "syscall")
    if named.isdecimal():
        return NUMBERS.get(_first(native, "arch"), {}).get(named, "")
    return named


def _process(native: dict[str, Any], fields: Fields) -> None:
    for name, to in (("pid", "process.pid"), ("ppid", "process.parent.pid")):
        number = port(_first(native, name))
        if number is not None:
            fields[to] = number
    for name, to in (("exe", "process.executable"), ("comm", "process.name"), ("cwd", "process.working_directory")):
        if value := _first(native, name):
            fields[to] = value
    if tty := _first(native, "tty") or _first(native, "terminal"):
        fields["process.tty.name"] = tty
    if title := _first(native, "proctitle"):
        fields["process.title"] = title
        native.setdefault("process.command_line", title)
    if command := _first(native, "cmd"):
        native.setdefault("process.command_line", command)
    if (code := _first(native, "exit")) and code.removeprefix("-").isdecimal() and len(code) <= 12:
        fields["process.exit_code"] = int(code)
    if architecture := ARCHITECTURES.get(_first(native, "arch")) or _first(native, "ARCH"):
        fields["host.architecture"] = architecture
    if unit := _first(native, "unit"):
        fields["service.name"] = unit
    if "key" in native:
        fields["rule.name"] = native["key"]
    if reason := _first(native, "op"):
        fields["event.reason"] = reason


def _outcome(native: dict[str, Any], fields: Fields, kinds: list[str]) -> None:
    said = _OUTCOMES.get(_first(native, "success") or _first(native, "res") or _first(native, "result"))
    if said is not None:
        fields["event.outcome"] = said
    if _first(native, "seresult") == "denied" or _first(native, "apparmor") == "DENIED" or "SECCOMP" in kinds:
        fields["event.outcome"] = "failure"
        fields["event.type"] = ["access", "denied"]


_GROUPS = frozenset(("ADD_GROUP", "DEL_GROUP", "GRP_MGMT", "GRP_CHAUTHTOK"))


def _user(native: dict[str, Any], fields: Fields, main: str) -> None:
    """Who did it, and who was meant where a record names an account."""
    for name, to in (("auid", "user.audit"), ("uid", "user"), ("euid", "user.effective"), ("gid", "user.group")):
        if value := _first(native, name):
            fields[to + ".id"] = value
        if value := _first(native, name.upper()):
            fields[to + ".name"] = value
    if fields.get("user.id") == "0":
        fields.setdefault("user.name", "root")
    account = _first(native, "acct")
    if "iam" in fields["event.category"]:
        if account:
            fields["user.target.name"] = account
        number, name = _first(native, "id"), _first(native, "ID")
        whom = (
            "group" if main in _GROUPS else "user.target"
        )  # audit-lib's audit_log_acct_message: id is the gid of a group
        if number:
            fields[whom + ".id"] = number
        if name:
            fields.setdefault(whom + ".name", name)
    elif main == "USER_CMD":
        if audited := fields.get("user.audit.name"):
            fields.setdefault("user.name", audited)
    elif account or main.startswith(("USER_", "CRED_")):
        # the process that says it (sshd) is not who logs in
        fields.pop("user.id", None)
        fields.pop("user.name", None)
        if account:
            fields["user.name"] = account
        elif named := _first(native, "ID"):
            fields["user.name"] = named
        if number := _first(native, "id"):
            fields["user.id"] = number


def _source(native: dict[str, Any], fields: Fields) -> None:
    address, name = _first(native, "addr"), _first(native, "hostname")
    if address:
        put(fields, "source", address)
    if name and is_ip(name) and "source.ip" not in fields:
        fields["source.ip"] = name
    elif name and not is_ip(name):
        fields["source.domain"] = name
        fields.setdefault("source.address", name)
    if (number := port(_first(native, "rport"))) is not None:
        fields["source.port"] = number
    for field, side in (("src", "source"), ("dst", "destination")):
        if is_ip(value := _first(native, field)):
            fields[side + ".ip"] = value
    if is_ip(here := _first(native, "laddr")):
        fields["destination.ip"] = here
    if (number := port(_first(native, "lport"))) is not None:
        fields["destination.port"] = number


def _paths(records: list[AuditRecord], native: dict[str, Any], fields: Fields) -> tuple[LogSource, ...]:
    """The file that was meant: the one made or deleted, else the last named that is no directory above it."""
    rows = [dict(record.pairs) for record in records if record.kind == "PATH"]
    named = [row for row in rows if row.get("name", "") not in _NOBODY]
    if "event.category" in fields and fields["event.category"] == ["process"] and fields["event.type"] == ["start"]:
        return _AUDITD
    made = [row for row in named if row.get("nametype") in ("CREATE", "DELETE")]
    plain = [row for row in named if row.get("nametype") != "PARENT"]
    chosen = (made or plain or named or [{}])[-1]
    path = chosen.get("name", "")
    if not path:
        return _AUDITD
    if not path.startswith("/") and (base := _first(native, "cwd")).startswith("/"):
        path = f"{base.rstrip('/')}/{path.removeprefix('./')}"
    fields["file.path"] = path
    for name, to in (("inode", "file.inode"), ("mode", "file.mode"), ("ouid", "file.uid"), ("ogid", "file.gid")):
        if chosen.get(name, "") not in _NOBODY:
            fields[to] = chosen[name]
    if chosen.get("nametype") == "CREATE":
        fields["event.category"], fields["event.type"] = ["file"], ["creation"]
        return _CREATED
    return _AUDITD


def _peer(native: dict[str, Any], fields: Fields, call: str) -> bool:
    """The other end of a connection; whether it is one of the network."""
    found = audit.socket_address(_first(native, "saddr"))
    if found is None:
        return False
    fields["auditd.saddr.family"] = found.family
    if found.family == "unix":
        if found.address:
            fields["file.path"] = found.address
        return False
    if not found.address:
        return False
    side = "source" if call in ("accept", "accept4", "recvfrom", "recvmsg") else "destination"
    fields[side + ".ip"] = found.address
    fields[side + ".port"] = found.port
    return True


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """A line of a profile with product ``auditd``."""
    reading = lines(text, fields, zone, day)
    if reading is None:
        raise refuse("auditd: no record, which begins with type=... msg=audit(...)")
    return reading


PRODUCT = Product(
    "auditd",
    "Linux audit: records in files or through syslog, put together by event; plain and enriched",
    parse,
    fields=FIELDS,
)
