"""sudo → who ran what as whom, and who was refused; TTY, PWD, USER, COMMAND keep their names."""

import re
from typing import Any

from soc.model.event import LogSource
from soc.normalize.products import pam
from soc.normalize.products.product import Fields

_SOURCES = (LogSource("linux", "", "sudo"), LogSource("linux", "", "auth"))
_HEAD = re.compile(r" *([^\s:]{1,256}) : ", re.ASCII)

_RAN: dict[str, Any] = {
    "event.category": ["process"],
    "event.type": ["start"],
    "event.action": "sudo",
    "event.outcome": "success",
}
_REFUSED: dict[str, Any] = {
    "event.category": ["authentication", "process"],
    "event.type": ["start", "denied"],
    "event.action": "sudo",
    "event.outcome": "failure",
}


def read(message: str, fields: Fields) -> tuple[LogSource, ...]:
    """Read one message of sudo."""
    fields["event.module"] = "sudo"
    fields["event.dataset"] = "sudo.auth"
    fields["event.kind"] = "event"
    fields["message"] = message
    head = _HEAD.match(message)
    if head is None:
        if not pam.read(message, fields):
            fields["event.category"], fields["event.type"] = ["process"], ["info"]
        return _SOURCES
    fields["user.name"] = head[1]
    rest = message[head.end() :]
    # what stands before the first KEY= is why it was refused; nothing stands there if it was not
    reason, _, _ = rest.partition(" ; ")
    if "=" in reason and reason.split("=", 1)[0].isupper():
        fields.update(_RAN)
    elif reason.startswith("(command continued)"):
        # sudoers(5), Log format: a long command goes on in further lines
        fields["event.category"], fields["event.type"] = ["process"], ["info"]
        fields["process.command_line"] = reason.removeprefix("(command continued)").strip()
        return _SOURCES
    else:
        fields.update(_REFUSED)
        fields["event.reason"] = reason[:255]
        rest = rest[len(reason) + 3 :]
    native = _pairs(rest)
    fields.update(native)
    if native.get("USER"):
        fields["user.effective.name"] = native["USER"]
    if native.get("PWD"):
        fields["process.working_directory"] = native["PWD"]
    if native.get("TTY"):
        fields["process.tty.name"] = native["TTY"]
    command = native.get("COMMAND")
    if command:
        fields["process.command_line"] = command
        fields["process.executable"] = command.partition(" ")[0]
    return _SOURCES


_KEYS = ("TTY", "CHROOT", "PWD", "USER", "GROUP", "TSID", "ENV")


def _pairs(rest: str) -> dict[str, str]:
    """``KEY=value ; KEY=value ; COMMAND=the rest``: the command is last and may hold anything."""
    native: dict[str, str] = {}
    while rest:
        key, equals, after = rest.partition("=")
        if not equals:
            break
        if key == "COMMAND":
            native[key] = after
            break
        if key not in _KEYS:
            break
        value, _, rest = after.partition(" ; ")
        native[key] = value
    return native
