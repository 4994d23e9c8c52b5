"""OpenSSH's sshd → log-ons, failures, disconnects, with user and address wherever the line names them."""

import re
from typing import Any

from soc.model.event import LogSource
from soc.normalize.addresses import port, put
from soc.normalize.products import pam
from soc.normalize.products.product import Fields

PROGRAMS = ("sshd", "sshd-session", "sshd-auth")

_SOURCES = (LogSource("linux", "", "sshd"), LogSource("linux", "", "auth"))

_SUCCESS: dict[str, Any] = {
    "event.category": ["authentication"],
    "event.type": ["start"],
    "event.outcome": "success",
    "event.action": "ssh-login",
}
_FAILURE: dict[str, Any] = {**_SUCCESS, "event.outcome": "failure"}
_REFUSED: dict[str, Any] = {
    "event.category": ["network"],
    "event.type": ["connection", "denied"],
    "event.outcome": "failure",
    "event.action": "ssh-connection",
}
_ENDED: dict[str, Any] = {
    "event.category": ["session", "network"],
    "event.type": ["end"],
    "event.action": "ssh-disconnect",
}
_OPENED: dict[str, Any] = {
    "event.category": ["network"],
    "event.type": ["connection", "start"],
    "event.action": "ssh-connection",
}
_SESSION: dict[str, Any] = {"event.category": ["session"], "event.action": "ssh-session", "event.outcome": "success"}
_INFO: dict[str, Any] = {"event.category": ["process"], "event.type": ["info"]}

# User names come from the network and may hold anything, " from " too: the user is greedy, the address is at the end.
_FROM = r"(.{0,512}) from ([^\s]{1,255})(?: port (\d{1,5}))?"
_PATTERNS: tuple[tuple[str, re.Pattern[str], dict[str, Any], tuple[str, ...]], ...] = tuple(
    (start, re.compile(pattern, re.ASCII | re.DOTALL), fields, names)
    for start, pattern, fields, names in (
        (
            "Accepted",
            rf"Accepted (\S{{1,64}}) for {_FROM}(?: ssh2?(?:: (.{{1,512}}))?)?",
            _SUCCESS,
            ("ssh.method", "user", "address", "port", "ssh.signature"),
        ),
        ("Accepted", r"Accepted (\S{1,64}) for (\S{1,256})\s*$", _SUCCESS, ("ssh.method", "user")),
        ("kex_exchange_identification", r"kex_exchange_identification: (.{1,255})", _REFUSED, ("event.reason",)),
        (
            "Failed",
            rf"Failed (\S{{1,64}}) for (?:invalid user |illegal user )?{_FROM}",
            _FAILURE,
            ("ssh.method", "user", "address", "port"),
        ),
        (
            "Postponed",
            rf"Postponed (\S{{1,64}}) for (?:invalid user )?{_FROM}",
            {**_INFO},
            ("ssh.method", "user", "address", "port"),
        ),
        ("Invalid", rf"Invalid user {_FROM}", _FAILURE, ("user", "address", "port")),
        ("Illegal", rf"Illegal user {_FROM}", _FAILURE, ("user", "address", "port")),
        (
            "Connection",
            r"Connection (?:closed|reset) by (?:authenticating|invalid|illegal) user (?:(.{0,512}) )?([^\s]{1,255}) port (\d{1,5})",
            _FAILURE,
            ("user", "address", "port"),
        ),
        (
            "Connection",
            r"Connection (?:closed|reset) by (?:remote host )?([^\s]{1,255})(?: port (\d{1,5}))?",
            _ENDED,
            ("address", "port"),
        ),
        ("Connection", r"Connection from ([^\s]{1,255}) port (\d{1,5})", _OPENED, ("address", "port")),
        (
            "Disconnected",
            r"Disconnected from (?:authenticating|invalid) user (.{0,512}) ([^\s]{1,255}) port (\d{1,5})",
            _FAILURE,
            ("user", "address", "port"),
        ),
        (
            "Disconnected",
            r"Disconnected from user (.{0,512}) ([^\s]{1,255}) port (\d{1,5})",
            _ENDED,
            ("user", "address", "port"),
        ),
        ("Disconnected", r"Disconnected from ([^\s]{1,255})(?: port (\d{1,5}))?", _ENDED, ("address", "port")),
        (
            "Disconnecting",
            r"Disconnecting (?:authenticating|invalid) user (.{0,512}) ([^\s]{1,255}) port (\d{1,5})(?:: (.{0,255}))?",
            _FAILURE,
            ("user", "address", "port", "event.reason"),
        ),
        (
            "Starting",
            r"Starting session: .{1,512}? for (.{1,256}) from ([^\s]{1,255}) port (\d{1,5})",
            {**_SESSION, "event.type": ["start"]},
            ("user", "address", "port"),
        ),
        (
            "Close",
            r"Close session: user (.{1,256}) from ([^\s]{1,255}) port (\d{1,5})",
            {**_SESSION, "event.type": ["end"]},
            ("user", "address", "port"),
        ),
        ("subsystem", r"subsystem request for \S{1,64} by user (\S{1,256})", _INFO, ("user",)),
        (
            "input_userauth_request",
            r"input_userauth_request: invalid user (.{0,512}?)(?: \[preauth\])?$",
            _FAILURE,
            ("user",),
        ),
        ("Address", r"Address ([^\s]{1,255}) maps to ", _INFO, ("address",)),
        ("Nasty", r"Nasty PTR record \".{0,255}\" is set up for ([^\s,]{1,255})", _INFO, ("address",)),
        (
            "srclimit_penalise",
            r"srclimit_penalise: ipv[46]: new ([^\s/]{1,64})/\d{1,3} (?:active|deferred) penalty .{0,64}? for penalty: (.{0,255})",
            _REFUSED,
            ("address", "event.reason"),
        ),
        ("Disconnecting", r"Disconnecting ([^\s]{1,255}) port (\d{1,5})", _ENDED, ("address", "port")),
        ("Received", r"Received disconnect from ([^\s]{1,255})(?: port (\d{1,5})|: )", _ENDED, ("address", "port")),
        (
            "Unable",
            r"Unable to negotiate with ([^\s]{1,255})(?: port (\d{1,5}))?: (.{0,255})",
            _REFUSED,
            ("address", "port", "event.reason"),
        ),
        (
            "Did",
            r"Did not receive identification string from ([^\s]{1,255})(?: port (\d{1,5}))?",
            _REFUSED,
            ("address", "port"),
        ),
        (
            "Bad",
            r"Bad protocol version identification .{0,512} from ([^\s]{1,255})(?: port (\d{1,5}))?",
            _REFUSED,
            ("address", "port"),
        ),
        (
            "banner",
            r"banner exchange: Connection from ([^\s]{1,255}) port (\d{1,5}): (.{0,255})",
            _REFUSED,
            ("address", "port", "event.reason"),
        ),
        (
            "ssh_dispatch_run_fatal",
            r"ssh_dispatch_run_fatal: Connection from (?:(?:authenticating |invalid )?user (.{0,512}) )?([^\s]{1,255}) port (\d{1,5})(?:: (.{0,255}))?",
            _REFUSED,
            ("user", "address", "port", "event.reason"),
        ),
        ("refused", r"refused connect from (?:[^\s]{1,255} \()?([^\s()]{1,255})", _REFUSED, ("address",)),
        ("drop", r"drop connection #\d{1,9} from \[?([^\s\]]{1,255})\]?:(\d{1,5})", _REFUSED, ("address", "port")),
        (
            "Timeout",
            r"Timeout before authentication for (?:connection from )?([^\s]{1,255})(?: port (\d{1,5}))?",
            _REFUSED,
            ("address", "port"),
        ),
        (
            "maximum",
            rf"maximum authentication attempts exceeded for (?:invalid user )?{_FROM}",
            _FAILURE,
            ("user", "address", "port"),
        ),
        (
            "User",
            r"User (.{0,512}) from ([^\s]{1,255}) not allowed because (.{0,255})",
            _FAILURE,
            ("user", "address", "event.reason"),
        ),
        ("User", r"User (.{0,512}) not allowed because (.{0,255})", _FAILURE, ("user", "event.reason")),
        (
            "ROOT",
            r"ROOT LOGIN REFUSED FROM ([^\s]{1,255})(?: port (\d{1,5}))?",
            {**_FAILURE, "user.name": "root"},
            ("address", "port"),
        ),
        (
            "PAM:",
            (
                r"PAM: (?:[Aa]uthentication (?:failure|error)|[Uu]nknown user|"
                r"User (?:not known to the underlying authentication module|account has expired)) for "
                r"(?:invalid user |illegal user )?(.{0,512}) from ([^\s]{1,255})"
            ),
            _FAILURE,
            ("user", "address"),
        ),
        (
            "Authentication",
            r"Authentication refused: (.{0,255})",
            _FAILURE,
            ("event.reason",),
        ),
        (
            "Read",
            r"Read error from remote host ([^\s]{1,255}?)(?: port (\d{1,5}))?: (.{0,255})",
            _ENDED,
            ("address", "port", "event.reason"),
        ),
        ("reverse", r"reverse mapping checking getaddrinfo for [^\s]{1,255} \[([^\s\]]{1,255})\]", _INFO, ("address",)),
    )
)

_BY_WORD: dict[str, tuple[tuple[re.Pattern[str], dict[str, Any], tuple[str, ...]], ...]] = {
    word: tuple((pattern, fields, names) for start, pattern, fields, names in _PATTERNS if start == word)
    for word in {row[0] for row in _PATTERNS}
}
_REPEATED = re.compile(r"message repeated \d{1,9} times: \[ ?(.*)\]\s*$", re.ASCII | re.DOTALL)


def read(message: str, fields: Fields) -> tuple[LogSource, ...]:
    """Read one message of sshd; one that names nobody is kept as information."""
    fields["event.module"] = "sshd"
    fields["event.dataset"] = "sshd.auth"
    fields["event.kind"] = "event"
    fields["message"] = message
    if message.startswith("message repeated "):
        repeated = _REPEATED.match(message)
        if repeated is not None:
            message = repeated[1]
    for prefix in ("error: ", "fatal: ", "warning: "):
        message = message.removeprefix(prefix)
    word = message.partition(" ")[0].rstrip(":") if not message.startswith("PAM:") else "PAM:"
    for pattern, static, names in _BY_WORD.get(word, ()):
        match = pattern.match(message)
        if match is not None:
            fields.update(static)
            _write(names, match.groups(), fields)
            return _SOURCES
    if not pam.read(message, fields):
        fields.update(_INFO)
    return _SOURCES


def _write(names: tuple[str, ...], groups: tuple[str | None, ...], fields: Fields) -> None:
    for name, value in zip(names, groups, strict=True):
        if not value:
            continue
        if name == "user":
            fields["user.name"] = value
        elif name == "address":
            put(fields, "source", value.rstrip(":,"))
        elif name == "port":
            number = port(value)
            if number is not None:
                fields["source.port"] = number
        else:
            fields[name] = value
