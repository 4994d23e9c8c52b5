"""Postfix and Dovecot → who connected, logged on, sent what to whom, and how it ended."""

import re
from typing import Any, Final
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import number, put
from soc.normalize.addresses import port as port_of
from soc.normalize.formats import syslog
from soc.normalize.products.fill import seconds
from soc.normalize.products.mail_parts import PEER, account, pairs, peer, write_peer
from soc.normalize.products.product import Fields, Product, Reading, refuse

PROGRAMS = (
    *(
        "smtpd",
        "smtp",
        "lmtp",
        "qmgr",
        "oqmgr",
        "cleanup",
        "pickup",
        "local",
        "virtual",
        "pipe",
        "bounce",
        "anvil",
        "postscreen",
    ),
    *(
        "error",
        "discard",
        "tlsproxy",
        "dnsblog",
        "scache",
        "verify",
        "trivial-rewrite",
        "master",
        "postfix-script",
        "flush",
    ),
)
"""The last part of the program's name; ``postfix`` stands before it (``postfix/smtpd``, ``postfix/submission/smtpd``)."""
POLICY = ("postgrey", "policyd-spf")
DOVECOT = ("dovecot", "imap-login", "pop3-login", "managesieve-login", "submission-login", "lmtp-login")

_SOURCES = (LogSource("linux", "", "postfix"), LogSource("linux", "", "syslog"))
_DOVECOT = (LogSource("linux", "", "dovecot"), LogSource("linux", "", "auth"))

_QUEUE = re.compile(
    r"([0-9A-F]{6,15}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,20}z[0-9A-Za-z]{1,12}|NOQUEUE): ", re.ASCII
)
_CONNECT = re.compile(rf"(connect|disconnect) from {PEER}", re.ASCII)
_LOST = re.compile(
    rf"((?:lost connection|timeout|too many errors|SSL_accept error)[a-z :]{{0,24}}(?: [A-Z-]{{1,24}})?) from {PEER}",
    re.ASCII,
)
_SASL = re.compile(rf"warning: {PEER}: SASL ([A-Za-z0-9_-]{{1,32}}) authentication failed:? ?(.{{0,512}})", re.ASCII)
_REJECT = re.compile(
    rf"(?:NOQUEUE: |[0-9A-Za-z]{{6,32}}: )?(reject|reject_warning|milter-reject|discard|hold|filter|redirect|warn): (\S{{1,32}}) from {PEER}: "
    r"(?:(\d{3}) )?(.{0,2048})",
    re.ASCII,
)
_TLS = re.compile(
    rf"(\w{{1,16}}) TLS connection established (from|to) {PEER}: (\S{{1,16}}) with cipher (\S{{1,64}})", re.ASCII
)
_SCREEN = re.compile(
    r"(CONNECT from|DISCONNECT|PASS NEW|PASS OLD|DENYLISTED|ALLOWLISTED|BLACKLISTED|WHITELISTED|HANGUP after \S{1,16} from|"
    r"PREGREET \d{1,6} after \S{1,16} from|DNSBL rank \d{1,6} for) \[([^\]]{1,64})\]:(\d{1,5})(?: to \[([^\]]{1,64})\]:(\d{1,5}))?",
    re.ASCII,
)
_HEADER = re.compile(
    rf"(?:warning|reject|info|hold|discard|redirect|filter|prepend|replace|milter-reject): (?:END-OF-MESSAGE|header|body|mime header|nested header) .{{0,4096}}? from {PEER}; (from=<.{{0,2048}})",
    re.ASCII,
)
_HOST_SAID = re.compile(rf"host {PEER} (?:said|refused to talk to me): ((\d{{3}})[ -].{{0,2048}})", re.ASCII)
_ANVIL = re.compile(
    r"statistics: max (\w{1,24} \w{1,16}) (\d{1,9})(?:/(\d{1,6}s))? for \([\w.:\[\]-]{1,128}?:([\da-fA-F.]{7,15}|[\da-fA-F:]{2,45})\)",
    re.ASCII,
)
_GREY = re.compile(r"(?:[0-9A-Za-z]{6,32}: )?action=(\w{1,16})(?:, |$)", re.ASCII)
_SPF = re.compile(
    r"(?:(?:Action: )?prepend(?:: Text:)? )?Received-SPF: (\w{1,16}) .{0,512}?(identity=.{0,1024})", re.ASCII
)
_SPF_PAIR = re.compile(r"([a-z-]{2,16})=([^;\s]{0,512})", re.ASCII)
_STATUS: Final = {
    "sent": "success",
    "bounced": "failure",
    "deferred": "failure",
    "expired": "failure",
    "undeliverable": "failure",
    "deliverable": "success",
}


def _set(fields: Fields, category: str, types: str, action: str = "", outcome: str = "") -> None:
    fields["event.category"], fields["event.type"] = category.split(), types.split()
    if action:
        fields["event.action"] = action
    if outcome:
        fields["event.outcome"] = outcome


def read(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """A line of one of Postfix's programs; None if the header names another program of that name."""
    program = fields.get("process.name")
    if not isinstance(program, str) or not program.startswith("postfix"):
        return None
    fields["event.kind"], fields["message"] = "event", message
    fields["event.module"], fields["event.dataset"] = "postfix", "postfix." + program.rpartition("/")[2][:32]
    fields["network.protocol"] = "smtp"
    _set(fields, "email", "info")
    if message.startswith("NOQUEUE: ") or ": reject" in message[:48] or ": milter-" in message[:48]:
        match = _REJECT.match(message)
        if match is not None:
            _rejected(match, fields)
            return _SOURCES
    for pattern, write in _PATTERNS:
        match = pattern.match(message)
        if match is not None:
            write(match, fields)
            return _SOURCES
    match = _QUEUE.match(message)
    if match is not None and match[1] != "NOQUEUE":
        fields["email.local_id"] = match[1]
        _queued(message[match.end() :], fields)
    return _SOURCES


def _connection(match: re.Match[str], fields: Fields) -> None:
    write_peer(fields, "source", match[2], match[3], match[4])
    _set(fields, "network", "connection start" if match[1] == "connect" else "connection end", match[1])


def _lost(match: re.Match[str], fields: Fields) -> None:
    write_peer(fields, "source", match[2], match[3], match[4])
    _set(fields, "network", "connection end", "lost-connection")
    fields["event.reason"] = match[1]


def _refused(match: re.Match[str], fields: Fields) -> None:
    write_peer(fields, "source", match[1], match[2], match[3])
    _set(fields, "authentication", "start", "sasl-login", "failure")
    fields["sasl_method"] = match[4]
    reason, _, user = match[5].partition(", sasl_username=")
    if reason:
        fields["event.reason"] = reason
    if user:
        fields["sasl_username"] = user
        account(fields, user)


def _rejected(match: re.Match[str], fields: Fields) -> None:
    kind, command, name, address, digits, code, rest = match.groups()
    write_peer(fields, "source", name, address, digits)
    denied = kind in ("reject", "milter-reject", "discard")
    _set(fields, "email", "denied" if denied else "info", kind, "failure" if denied else "")
    fields["smtp.command"] = command
    if code:
        fields["event.code"] = code
    reason, _, pairs_text = rest.rpartition("; ")
    fields["event.reason"] = reason or rest
    _mail(pairs(pairs_text), fields)


def _encrypted(match: re.Match[str], fields: Fields) -> None:
    write_peer(fields, "source" if match[2] == "from" else "destination", match[3], match[4], match[5])
    _set(fields, "network", "connection protocol", "tls-established")
    version = match[6]
    if version.startswith("TLSv"):
        fields["tls.version_protocol"] = "tls"
        fields["tls.version"] = version[4:] if "." in version else version[4:] + ".0"
    fields["tls.cipher"] = match[7]


def _screened(match: re.Match[str], fields: Fields) -> None:
    what, address, digits, local, local_port = match.groups()
    write_peer(fields, "source", None, address, digits)
    if local:
        write_peer(fields, "destination", None, local, local_port)
    word = what.partition(" ")[0].lower()
    ended = word in ("disconnect", "hangup")
    _set(
        fields,
        "network",
        "connection end" if ended else "connection start" if word == "connect" else "connection",
        word,
    )


def _mail(found: dict[str, str], fields: Fields) -> None:
    """What every program calls alike."""
    fields.update({name: value for name, value in found.items() if name != "message-id"})
    sender, to = found.get("from"), found.get("to")
    if sender:
        fields["email.from.address"] = [sender]
    if to:
        fields["email.to.address"] = [to]
    if helo := found.get("helo"):
        fields["smtp.helo"] = helo


def _queued(rest: str, fields: Fields) -> None:
    """What was said of a queued message."""
    if rest.startswith("removed"):
        _set(fields, "email", "info end", "removed")
        return
    if rest.startswith("client="):
        peer(fields, "source", rest[7:])
        found = pairs(rest)
        _set(fields, "email", "info start", "received")
        user = found.get("sasl_username")
        if user:
            fields["sasl_method"], fields["sasl_username"] = found.get("sasl_method", ""), user
            account(fields, user)
            _set(fields, "authentication email", "start", "sasl-login", "success")
        return
    if rest.startswith(("message-id=", "resent-message-id=")):
        fields["email.message_id"] = rest.partition("=")[2].strip("<>")
        return
    header = _HEADER.match(rest)
    if header is not None:
        write_peer(fields, "source", header[1], header[2], header[3])
        _mail(pairs(header[4]), fields)
        fields["event.action"] = rest.partition(":")[0]
        return
    host = _HOST_SAID.match(rest)
    if host is not None:
        write_peer(fields, "destination", host[1], host[2], host[3])
        fields["event.reason"], fields["event.code"] = host[4], host[5]
        return
    said, _, reason = rest.partition(" (")
    found = pairs(said)
    _mail(found, fields)
    if "size" in found and (size := number(found["size"])) is not None:
        fields["email.size"] = size
    relay = found.get("relay")
    if relay and relay != "none" and not peer(fields, "destination", relay):
        put(fields, "destination", relay)
    seconds(fields, found.get("delay"), "event.duration")
    if "dsn" in found:
        fields["event.code"] = found["dsn"]
    status = found.get("status")
    if status is not None:
        outcome = _STATUS.get(status, "")
        _set(fields, "email", "info" if outcome == "success" else "error" if outcome else "info", status, outcome)
        if reason:
            fields["event.reason"] = reason.removesuffix(")")
    if uid := found.get("uid"):
        fields["user.id"] = uid


def _counted(match: re.Match[str], fields: Fields) -> None:
    what, count, _, address = match.groups()
    put(fields, "source", address)
    fields["event.action"], fields["anvil.count"] = f"max-{what.replace(' ', '-')}", count


def read_policy(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """A line of a policy server beside Postfix (postgrey, policyd-spf); None if it is none of theirs."""
    grey, spf = _GREY.match(message), _SPF.match(message)
    if grey is None and spf is None:
        return None
    fields["event.kind"], fields["message"] = "event", message
    fields["event.module"], fields["event.dataset"] = "postfix", "postfix.policy"
    fields["network.protocol"] = "smtp"
    _set(fields, "email", "info")
    name: str | None = None
    sender: str | None = None
    to: str | None = None
    if grey is not None:
        found = pairs(message)
        fields.update(found)
        fields["event.action"] = grey[1]
        put(fields, "source", found.get("client_address", "").partition("/")[0])
        name, sender, to = found.get("client_name"), found.get("sender"), found.get("recipient")
        if "reason" in found:
            fields["event.reason"] = found["reason"]
    elif spf is not None:
        kv = dict(_SPF_PAIR.findall(spf[2]))
        fields["event.action"] = "spf-" + spf[1].lower()
        put(fields, "source", kv.get("client-ip", ""))
        sender = kv.get("envelope-from", "").strip("<>")
        if "helo" in kv:
            fields["smtp.helo"] = kv["helo"]
    if name and name != "unknown":
        fields["source.domain"] = name
    if sender:
        fields["email.from.address"] = [sender]
    if to:
        fields["email.to.address"] = [to]
    return _SOURCES


_PATTERNS: Final[tuple[tuple[re.Pattern[str], Any], ...]] = (
    (_CONNECT, _connection),
    (_SASL, _refused),
    (_LOST, _lost),
    (_TLS, _encrypted),
    (_SCREEN, _screened),
    (_ANVIL, _counted),
)

_LOGIN = re.compile(
    r"(?:(imap|pop3|managesieve|submission|lmtp)-login: )?(?:Info: )?(Login|Logged in|Disconnected|Aborted login|Login aborted|Maximum number of connections)"
    r"(?:(?:: Disconnected)?:? ?[^:(<]{0,128})?(?: ?\(([^)]{0,255})\))?: (?=user=|rip=|method=)(.{0,2048})",
    re.ASCII,
)
_PASSDB = re.compile(
    r"auth(?:-worker(?:\(\d{1,10}\))?)?(?:\([^)]{0,64}\))?: (?:Info: )?(?:conn (?:unix:)?[^:]{0,128}: [^:]{0,64}: )?"
    r"(?:[a-z-]{1,24})\(([^,)]{1,255}),([^,)]{1,64})(?:,[^)]{0,64})?\): (.{0,512})",
    re.ASCII,
)
_NO_LOGON: Final = (
    "password mismatch",
    "unknown user",
    "invalid password",
    "pam_authenticate() failed",
    "invalid credentials",
)
_SESSION = re.compile(
    r"(imap|pop3|lmtp|managesieve)\(([^)]{1,255})\)(?:<[^>]{0,64}>){0,2}: (?:Info: )?(.{0,1024})", re.ASCII
)


def read_dovecot(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """A line of Dovecot."""
    fields["event.kind"], fields["message"] = "event", message
    fields["event.module"], fields["event.dataset"] = "dovecot", "dovecot.log"
    _set(fields, "process", "info")
    match = _LOGIN.match(message)
    if match is not None:
        _login(match, fields)
        return _DOVECOT
    match = _PASSDB.match(message)
    if match is not None:
        account(fields, match[1])
        put(fields, "source", match[2])
        fields["event.reason"] = match[3]
        failed = match[3].lower().startswith(_NO_LOGON)
        _set(fields, "authentication", "start" if failed else "info", "mail-login", "failure" if failed else "")
        return _DOVECOT
    match = _SESSION.match(message)
    if match is not None:
        fields["network.protocol"] = match[1]
        account(fields, match[2])
        ended = match[3].startswith(("Logged out", "Disconnected", "Connection closed"))
        _set(fields, "session" if ended else "email", "end" if ended else "info", "mail-logout" if ended else "")
    return _DOVECOT


def _login(match: re.Match[str], fields: Fields) -> None:
    protocol, what, reason, rest = match.groups()
    program = fields.get("process.name")
    if protocol is None and isinstance(program, str) and program.endswith("-login"):
        protocol = program.removesuffix("-login")
    if protocol:
        fields["network.protocol"] = protocol
    found = pairs(rest)
    fields.update(found)
    if user := found.get("user"):
        account(fields, user)
    for side, host, where in (("source", "rip", "rport"), ("destination", "lip", "lport")):
        put(fields, side, found.get(host, ""))
        if (port := port_of(found.get(where))) is not None:
            fields[side + ".port"] = port
    if what in ("Login", "Logged in"):
        _set(fields, "authentication session", "start", "mail-login", "success")
        return
    if reason:
        fields["event.reason"] = reason
    failed = reason is not None and ("auth failed" in reason or "tried to use" in reason)
    if failed or what == "Maximum number of connections":
        _set(fields, "authentication", "start", "mail-login", "failure")
    else:
        _set(fields, "network", "connection end", "disconnect")


FIELDS: Final = {
    "queue id": "email.local_id",
    "client": "source.ip, source.domain, source.port",
    "sasl_method": "",
    "sasl_username": "user.name",
    "sasl_sender": "",
    "message-id": "email.message_id",
    "from": "email.from.address",
    "to": "email.to.address",
    "orig_to": "",
    "size": "email.size",
    "nrcpt": "",
    "uid": "user.id",
    "relay": "destination.ip, destination.domain, destination.port",
    "conn_use": "",
    "delay": "event.duration",
    "delays": "",
    "dsn": "event.code",
    "status": "event.action, event.outcome",
    "proto": "",
    "helo": "smtp.helo",
    "user": "user.name",
    "method": "",
    "rip": "source.ip",
    "rport": "source.port",
    "lip": "destination.ip",
    "lport": "destination.port",
    "mpid": "",
    "session": "",
}


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """A syslog line of either."""
    found = syslog.read(text, fields, zone, day)
    if found is None:
        raise refuse("postfix: no syslog header")
    sources = read_dovecot(found[0], fields) if found[1].lower() in DOVECOT else read(found[0], fields)
    if sources is None:
        raise refuse("postfix: another program's line")
    return sources, found[2]


PRODUCT = Product("postfix", "Postfix and Dovecot: connections, log-ons, deliveries, refusals", parse, fields=FIELDS)
