"""What became of sending the audit's heads off this host: a small file beside the data, read by the health page and the doctor."""

from pathlib import Path

import msgspec

from soc.clock import Micros
from soc.desk import AuditSettings

SENT = "audit-sent.json"
LATE = 2
"""Intervals without a sending after which the installation says so."""


class Sent(msgspec.Struct, frozen=True):
    """What became of sending, as it is kept beside the data.

    Attributes:
        at: when every target last had the heads; 0 never.
        tried: when it was last tried.
        since: when this installation first had a target.
        targets: target → "" or why it failed the last time.
    """

    at: Micros = 0
    tried: Micros = 0
    since: Micros = 0
    targets: dict[str, str] = {}


def targets_of(settings: AuditSettings) -> tuple[str, ...]:
    """The targets that are set, as people name them."""
    named = (("directory", settings.directory), ("url", settings.url), ("syslog", settings.syslog))
    return tuple(f"{name} {value}" for name, value in named if value)


def last_sent(data_dir: Path) -> Sent:
    """What became of the last sending; of none if there was none."""
    try:
        return msgspec.json.decode((data_dir / SENT).read_bytes(), type=Sent)
    except (OSError, msgspec.DecodeError):
        return Sent()
