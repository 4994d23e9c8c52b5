"""Lines of Linux-PAM modules (``pam_unix(sshd:auth): ...``), which sshd, sudo, su and others write alike."""

import re
from typing import Any

from soc.normalize.addresses import put
from soc.normalize.products.product import Fields

_MODULE = re.compile(r"(?:(?:PAM )?\d{1,3} more|pam_(\w{1,32})\(([^:()\s]{1,64}):(\w{1,32})\):) ", re.ASCII)
_PAIR = re.compile(r"(?<!\S)([a-z]{1,16})=([^;\s]*)", re.ASCII)
_SESSION = re.compile(
    r"session (opened|closed) for user ([^\s(]{1,256})(?:\(uid=(\d{1,10})\))?(?: by ([^\s(]{0,256})(?:\(uid=(\d{1,10})\))?)?",
    re.ASCII,
)
_CHANGED = re.compile(r"password changed for ([^\s]{1,256})", re.ASCII)
_LOCKED = re.compile(
    r"(?:Consecutive login failures for user|user) ([^\s]{1,256}) (?:account temporarily|.{0,64}?) ?locked", re.ASCII
)
# pam_access, pam_listfile, pam_sss, pam_winbind, pam_tally2, pam_faillock: (pattern, outcome)
_OTHERS = tuple(
    (re.compile(pattern, re.ASCII), outcome)
    for pattern, outcome in (
        (r"access denied for user [`']([^'\s]{1,256})' from [`']([^'\s]{1,255})'", "failure"),
        (r"[Aa]ccess denied for user [`']?([^:'\s]{1,256})'?()(?::|$)", "failure"),
        (r"Refused user ([^\s]{1,256}) for ()", "failure"),
        (r"user ([^\s]{1,256}) \(\d{1,10}\) tally \d{1,6}, deny \d{1,6}()", "failure"),
        (r"user '([^']{1,256})' granted access()", "success"),
        (r"user '([^']{1,256})' denied access()", "failure"),
        (r"()User unknown()$", "failure"),
    )
)
_UNMET = re.compile(r'requirement ".{1,255}?" not met by user "([^"\s]{1,256})"', re.ASCII)
_UNKNOWN = re.compile(r"check pass; user unknown", re.ASCII)
_FAILURES = ("authentication failure", "conversation failed", "auth could not")
_MORE = re.compile(r"\d{1,3} more authentication failure", re.ASCII)

_FAILED: dict[str, Any] = {
    "event.category": ["authentication"],
    "event.type": ["start"],
    "event.outcome": "failure",
    "event.action": "authentication-failure",
}
_PASSWORD: dict[str, Any] = {
    "event.category": ["iam"],
    "event.type": ["user", "change"],
    "event.outcome": "success",
    "event.action": "changed-password",
}


def read(message: str, fields: Fields) -> bool:
    """Write what a PAM line says; False if it is none (then nothing is written)."""
    module = _MODULE.match(message) if message.startswith(("pam_", "PAM ")) or message[:1].isdigit() else None
    if module is None:
        return False
    rest = message[module.end() :]
    session = _SESSION.match(rest)
    if session is not None:
        return _session(session, fields)
    if rest.startswith("password changed for ") and (changed := _CHANGED.match(rest)) is not None:
        fields.update(_PASSWORD)
        fields["user.name"] = fields["user.target.name"] = changed[1]
    elif (locked := _LOCKED.match(rest)) is not None:
        fields.update(_FAILED)
        fields["user.name"] = locked[1]
    elif (unmet := _UNMET.match(rest)) is not None:
        fields["event.category"], fields["event.type"] = ["authentication"], ["info"]
        fields["event.outcome"], fields["user.name"] = "failure", unmet[1]
    elif rest.startswith("authentication success"):
        fields.update(_FAILED)
        fields["event.action"], fields["event.outcome"] = "authentication-success", "success"
    elif rest.startswith(_FAILURES) or _MORE.match(rest) or _UNKNOWN.match(rest):
        fields.update(_FAILED)
    else:
        fields["event.category"], fields["event.type"] = ["authentication"], ["info"]
        _other(rest, fields)
    kv = {key: value for key, value in _PAIR.findall(rest[:4000]) if value}
    if "rhost" in kv:
        put(fields, "source", kv["rhost"])
    if "user" in kv:
        fields["user.name"] = kv["user"]
    if "ruser" in kv:
        fields["source.user.name"] = kv["ruser"]
    if "tty" in kv:
        fields["process.tty.name"] = kv["tty"]
    if module[1]:
        fields["pam.module"], fields["pam.service"], fields["pam.type"] = module[1], module[2], module[3]
    return True


def _other(rest: str, fields: Fields) -> None:
    """What the modules that only let in or refuse say."""
    for pattern, outcome in _OTHERS:
        match = pattern.match(rest)
        if match is None:
            continue
        fields["event.outcome"] = outcome
        if outcome == "failure":
            fields.update(_FAILED)
        if match[1]:
            fields["user.name"] = match[1]
        if match[2]:
            put(fields, "source", match[2])
        return


def _session(session: re.Match[str], fields: Fields) -> bool:
    what, user, uid, by, by_uid = session.groups()
    opened = what == "opened"
    fields["event.category"] = ["authentication", "session"] if opened else ["session"]
    fields["event.type"] = ["start"] if opened else ["end"]
    fields["event.action"] = "session-" + what
    if opened:
        fields["event.outcome"] = "success"
    fields["user.name"] = user
    if uid:
        fields["user.id"] = uid
    if by:
        fields["source.user.name"] = by
    if by_uid:
        fields["source.user.id"] = by_uid
    return True
