"""Cisco ASA messages about people: AAA, administrators and what they typed (ASA Series Syslog Messages)."""

from typing import Any

from soc.normalize.products.cisco_asa_row import IF_IP, IP_PORT, Message, login, row

_CONFIGURATION = ["configuration"]
_COMMAND = login("command", "success", ["change"], _CONFIGURATION)
_IAM: dict[str, Any] = {"event.category": ["iam"], "event.outcome": "success"}
_SESSION = ["authentication", "session"]
_LOGIN_NAMES = (
    "source",
    "source.port",
    "observer.ingress.interface.name",
    "destination",
    "network.protocol",
    "user.name",
)
_AAA_NAMES = ("cisco.asa.aaa", "event.reason", "server", "user.name", "source")
_AUTH_PATH = rf"from {IP_PORT} to {IP_PORT}(?: on interface (\S{{1,64}}))?"
_AUTH_NAMES = (
    *("user.name", "source", "source.port", "destination", "destination.port", "observer.ingress.interface.name"),
)
_ADDRESS = r"([0-9A-Fa-f:.]{3,45})"
"""Where ``console`` may stand too, which is no address."""
_ASDM = ("cisco.asa.session_number", "source")

ADMIN: dict[str, Message] = {
    "109001": row(
        rf"Auth start for user '?([^']{{1,255}}?)'? {_AUTH_PATH}", _AUTH_NAMES, login("auth-start", None, ["start"])
    ),
    "109002": row(
        rf"Auth from {IP_PORT} to {IP_PORT} failed \((.{{1,120}}?)\)",
        ("source", "source.port", "destination", "destination.port", "event.reason"),
        login("auth", "failure", ["start"]),
    ),
    "109005": row(
        rf"Authentication succeeded for user '?([^']{{1,255}}?)'? {_AUTH_PATH}",
        _AUTH_NAMES,
        login("auth", "success", ["start"]),
    ),
    "109006": row(
        rf"Authentication failed for user '?([^']{{1,255}}?)'? {_AUTH_PATH}",
        _AUTH_NAMES,
        login("auth", "failure", ["start"]),
    ),
    "109007": row(
        rf"Authorization permitted for user '?([^']{{1,255}}?)'? {_AUTH_PATH}",
        _AUTH_NAMES,
        login("authorization", "success", ["allowed"]),
    ),
    "109008": row(
        rf"Authorization denied for user '?([^']{{1,255}}?)'? {_AUTH_PATH}",
        _AUTH_NAMES,
        login("authorization", "failure", ["denied"]),
    ),
    "109011": row(
        r"Authen Session Start: user '([^']{0,255})'",
        ("user.name",),
        login("auth-session", "success", ["start"], _SESSION),
    ),
    "109012": row(
        r"Authen Session End: user '([^']{0,255})'", ("user.name",), login("auth-session", None, ["end"], _SESSION)
    ),
    "109025": row(
        rf"Authorization denied \(acl=([^()]{{1,255}})\) for user '([^']{{0,255}})' {_AUTH_PATH}(?: using (\S{{1,16}}))?",
        ("rule.name", *_AUTH_NAMES, "network.transport"),
        login("authorization", "failure", ["denied"]),
    ),
    "109031": row(
        r"NT Domain Authentication Failed: rejecting guest login for (\S{1,255}?)\.?$",
        ("user.name",),
        login("auth", "failure", ["start"]),
    ),
    "111001": row(
        rf"Begin configuration: (?:{_ADDRESS}|\S{{1,255}}) writing to (\S{{1,64}})",
        ("source", "cisco.asa.target"),
        login("configuration-write", None, ["access"], _CONFIGURATION),
    ),
    "111003": row(
        rf"(?:{_ADDRESS}|\S{{1,255}}) Erase configuration",
        ("source",),
        login("configuration-erase", "success", ["deletion"], _CONFIGURATION),
    ),
    "111004": row(
        rf"(?:{_ADDRESS}|\S{{1,255}}) end configuration: (\w{{1,16}})",
        ("source", "event.reason"),
        login("configuration-end", None, ["change"], _CONFIGURATION),
    ),
    "111005": row(
        rf"(?:{_ADDRESS}|\S{{1,255}}) end configuration: (\w{{1,16}})",
        ("source", "event.reason"),
        login("configuration-end", None, ["change"], _CONFIGURATION),
    ),
    "111007": row(
        rf"Begin configuration: (?:{_ADDRESS}|\S{{1,255}}) reading from (\S{{1,64}}?)\.?$",
        ("source", "cisco.asa.target"),
        login("configuration-read", None, ["change"], _CONFIGURATION),
    ),
    "111008": row(
        r"User '([^']{0,255})' executed the '(.{0,500})' command", ("user.name", "process.command_line"), _COMMAND
    ),
    "111009": row(
        r"User '([^']{0,255})' executed cmd: ?(.{0,500})",
        ("user.name", "process.command_line"),
        login("command", "success", ["access"], _CONFIGURATION),
    ),
    "111010": row(
        r"User '([^']{0,255})', running '([^']{0,64})' from IP ([^\s,]{1,255}), executed '(.{0,500})'",
        ("user.name", "process.name", "source", "process.command_line"),
        _COMMAND,
    ),
    "113003": row(
        r"AAA group policy for user (\S{1,255}) is being set to (.{1,255}?)\.?$",
        ("user.name", "user.group.name"),
        login("aaa-policy", None, ["info"]),
    ),
    "113004": row(
        r"AAA user (\S{1,32}) Successful ?: server = *([^\s:]{1,255}|\S{1,255}?) [:,] [Uu]ser = ?(.{0,255})",
        ("cisco.asa.aaa", "server", "user.name"),
        login("aaa", "success", ["start"]),
    ),
    "113005": row(
        r"AAA user (\S{1,32}) Rejected ?: reason = ([^:]{1,120}?) ?: server = *(\S{1,255}) : user = ?(.{0,255}?)"
        r"(?: ?: user IP = (\S{1,64}))?$",
        _AAA_NAMES,
        login("aaa", "failure", ["start"]),
    ),
    "113006": row(
        r"User (.{1,255}?) locked out on exceeding (\d{1,5}) successive failed",
        ("user.name", "cisco.asa.attempts"),
        {**login("lock-out", "failure", ["user", "change"], ["iam"])},
    ),
    "113007": row(
        r"User (.{1,255}?) unlocked by (.{1,255}?)\.?$",
        ("user.target.name", "user.name"),
        {**_IAM, "event.type": ["user", "change"], "event.action": "unlock"},
    ),
    "113008": row(
        r"AAA transaction status ACCEPT ?: user = ?(.{0,255})", ("user.name",), login("aaa", "success", ["start"])
    ),
    "113009": row(
        r"AAA retrieved default group policy ?\(?([^()]{1,255}?)\)? for user =? ?(.{0,255})",
        ("user.group.name", "user.name"),
        login("aaa-policy", None, ["info"]),
    ),
    "113011": row(
        r"AAA retrieved user specific group policy ?\(?([^()]{1,255}?)\)? for user =? ?(.{0,255})",
        ("user.group.name", "user.name"),
        login("aaa-policy", None, ["info"]),
    ),
    "113012": row(
        r"AAA user (\S{1,32}) Successful ?: local database ?: user = ?(.{0,255})",
        ("cisco.asa.aaa", "user.name"),
        login("aaa", "success", ["start"]),
    ),
    "113013": row(
        r"AAA unable to complete the request Error ?: reason = ([^:]{1,120}?) ?: user = ?(.{0,255})",
        ("event.reason", "user.name"),
        login("aaa", "failure", ["start"]),
    ),
    "113014": row(
        r"AAA (\S{1,32}) server not accessible ?: server = *(\S{1,255}) : user = ?(.{0,255})",
        ("cisco.asa.aaa", "server", "user.name"),
        login("aaa", "failure", ["error"]),
    ),
    "113015": row(
        r"AAA user (\S{1,32}) Rejected ?: reason = ([^:]{1,120}?) ?: local database ?: user = ?(.{0,255}?)"
        r"(?: ?: user IP = (\S{1,64}))?$",
        ("cisco.asa.aaa", "event.reason", "user.name", "source"),
        login("aaa", "failure", ["start"]),
    ),
    "113016": row(
        r"AAA credentials rejected ?: reason = ([^:]{1,120}?) ?: server = *(\S{1,255}) : user = ?(.{0,255}?)(?: ?: user IP = (\S{1,64}))?$",
        _AAA_NAMES[1:],
        login("aaa", "failure", ["start"]),
    ),
    "113017": row(
        r"AAA credentials rejected ?: reason = ([^:]{1,120}?) ?: local database ?: user = ?(.{0,255}?)(?: ?: user IP = (\S{1,64}))?$",
        ("event.reason", "user.name", "source"),
        login("aaa", "failure", ["start"]),
    ),
    "113021": row(
        r"Attempted console login failed[.;]? [Uu]ser '?(.{1,255}?)'? did NOT have",
        ("user.name",),
        login("login", "failure", ["start"]),
    ),
    "308001": row(
        r"(?:\S{1,64} )?console enable password incorrect for (\d{1,5}) tries \(from (\S{1,64})\)",
        ("cisco.asa.attempts", "source"),
        login("enable", "failure", ["start"]),
    ),
    "315011": row(
        r"SSH session from (?:(\S{1,255}) )?on interface (\S{1,64}) for user \"?([^\"]{0,255}?)\"? "
        r"(?:disconnected by SSH server, reason: \"?([^\"]{1,120})|terminated normally)",
        ("source", "observer.ingress.interface.name", "user.name", "event.reason"),
        {**login("ssh-session-end", None, ["end"], ["session", "network"]), "network.protocol": "ssh"},
    ),
    "502101": row(
        r"New user added to local dbase: Uname: (.{1,255}?) Priv: (\d{1,3})",
        ("user.target.name", "cisco.asa.privilege"),
        {**_IAM, "event.type": ["user", "creation"], "event.action": "user-added"},
    ),
    "502102": row(
        r"User deleted from local dbase: Uname: (.{1,255}?) Priv: (\d{1,3})",
        ("user.target.name", "cisco.asa.privilege"),
        {**_IAM, "event.type": ["user", "deletion"], "event.action": "user-deleted"},
    ),
    "502103": row(
        r"User priv level changed: Uname: (.{1,255}?) From: (\d{1,3}) To: (\d{1,3})",
        ("user.name", "cisco.asa.privilege_before", "cisco.asa.privilege"),
        {**_IAM, "event.type": ["user", "change"], "event.action": "privilege-changed"},
    ),
    "502111": row(
        r"New group policy added: name: (.{1,255}?) Type: (\S{1,32})",
        ("group.name", "cisco.asa.group_type"),
        {**_IAM, "event.type": ["group", "creation"], "event.action": "group-added"},
    ),
    "502112": row(
        r"Group policy deleted: name: (.{1,255}?) Type: (\S{1,32})",
        ("group.name", "cisco.asa.group_type"),
        {**_IAM, "event.type": ["group", "deletion"], "event.action": "group-deleted"},
    ),
    "605004": row(
        rf"Login denied from {IP_PORT} to {IF_IP}/(\S{{1,16}}) for user \"(.{{0,255}}?)\"",
        _LOGIN_NAMES,
        login("login", "failure", ["start"]),
    ),
    "605005": row(
        rf"Login permitted from {IP_PORT} to {IF_IP}/(\S{{1,16}}) for user \"(.{{0,255}}?)\"",
        _LOGIN_NAMES,
        login("login", "success", ["start"]),
    ),
    "606001": row(
        r"ASDM session number (\d{1,9}) from (\S{1,255}) started",
        _ASDM,
        login("asdm-session", "success", ["start"], ["session", "network"]),
    ),
    "606002": row(
        r"ASDM session number (\d{1,9}) from (\S{1,255}) ended",
        _ASDM,
        login("asdm-session", None, ["end"], ["session", "network"]),
    ),
    "611101": row(
        r"User authentication succeeded:(?: IP address: (\S{1,64}?),)? Uname: (.{0,255})",
        ("source", "user.name"),
        login("login", "success", ["start"]),
    ),
    "611102": row(
        r"User authentication failed:(?: IP address: (\S{1,64}?),)? Uname: (.{0,255})",
        ("source", "user.name"),
        login("login", "failure", ["start"]),
    ),
    "611103": row(r"User logged out: Uname: (.{0,255})", ("user.name",), login("logout", None, ["end"], _SESSION)),
    "746012": row(
        r"user-identity: Add IP-User mapping (\S{1,64}) - (.{1,255}?) Succeeded",
        ("source", "user.name"),
        login("user-mapping", "success", ["start"]),
    ),
    "746013": row(
        r"user-identity: Delete IP-User mapping (\S{1,64}) - (.{1,255}?) Succeeded",
        ("source", "user.name"),
        login("user-mapping", None, ["end"]),
    ),
}
"""By message id."""
