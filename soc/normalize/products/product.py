"""What a product module gives: a name, a line of description and the function that reads its lines."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from soc.errors import RecordError
from soc.model.event import LogSource
from soc.normalize.time import Stamp

Fields = dict[str, Any]
"""The event's flat fields, filled in as they are read."""

Reading = tuple[tuple[LogSource, ...], Stamp | None]
"""The Sigma logsources of the event, and when it happened as the line says."""

Parse = Callable[[str, Fields, ZoneInfo, int], Reading]
"""(line, fields, zone of stamps without one, day of receipt) → reading. Raises RecordError: not a line of this product."""

Body = Callable[[str, Fields], tuple[LogSource, ...] | None]
"""(message after a syslog header, fields) → logsources, or None: not what this product writes."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product that `soc normalize --list` shows.

    Attributes:
        name: as a source profile names it.
        description: one line.
        parse: reads one line.
    """

    name: str
    description: str
    parse: Parse


def refuse(reason: str) -> RecordError:
    """The error of a line that cannot be read: equal failures have equal reasons, so no part of the line is in it."""
    return RecordError("normalize", reason)
