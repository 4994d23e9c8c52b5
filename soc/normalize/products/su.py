"""su → who became whom, and who failed to."""

import re
from typing import Any

from soc.model.event import LogSource
from soc.normalize.products import pam
from soc.normalize.products.product import Fields

PROGRAMS = ("su", "su-l")

_SOURCES = (LogSource("linux", "", "su"), LogSource("linux", "", "auth"))
_USER = r"([^\s:()]{1,256})"
_SUCCESS: dict[str, Any] = {
    "event.category": ["authentication"],
    "event.type": ["start"],
    "event.action": "su",
    "event.outcome": "success",
}
_FAILURE: dict[str, Any] = {**_SUCCESS, "event.outcome": "failure"}
# (pattern, fields, whether the target comes first)
_FORMS = tuple(
    (re.compile(pattern, re.ASCII), fields, target_first)
    for pattern, fields, target_first in (
        (rf"\(to {_USER}\) {_USER} on (\S{{1,64}})", _SUCCESS, True),
        (rf"FAILED SU \(to {_USER}\) {_USER} on (\S{{1,64}})", _FAILURE, True),
        (rf"Successful su for {_USER} by {_USER}()", _SUCCESS, True),
        (rf"FAILED su for {_USER} by {_USER}()", _FAILURE, True),
        (rf"(?:BAD|FAILED) SU {_USER} to {_USER} on (\S{{1,64}})", _FAILURE, False),
        (rf"{_USER} to {_USER} on (\S{{1,64}})", _SUCCESS, False),
        (rf"\+ \S{{1,64}} {_USER}:{_USER}()", _SUCCESS, False),
        (rf"- \S{{1,64}} {_USER}:{_USER}()", _FAILURE, False),
    )
)


def read(message: str, fields: Fields) -> tuple[LogSource, ...]:
    """Read one message of su: ``user.name`` is who asked, ``user.effective.name`` whom they asked to be."""
    fields["event.module"] = "su"
    fields["event.dataset"] = "su.auth"
    fields["event.kind"] = "event"
    fields["message"] = message
    for pattern, static, target_first in _FORMS:
        match = pattern.match(message)
        if match is not None:
            first, second, tty = match.groups()
            target, caller = (first, second) if target_first else (second, first)
            fields.update(static)
            fields["user.name"] = caller
            fields["user.effective.name"] = target
            if tty:
                fields["process.tty.name"] = tty
            return _SOURCES
    if not pam.read(message, fields):
        fields["event.category"], fields["event.type"] = ["process"], ["info"]
    return _SOURCES
