"""What a product module gives: a name, a line of description, the function that reads its lines and its vendor's fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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

Line = Callable[[str, Fields, ZoneInfo, int], Reading | None]
"""As ``Parse``, but None (or RecordError, or fields half filled in) says: not what this product writes, ask the next one."""

Body = Callable[[str, Fields], tuple[LogSource, ...] | None]
"""(message after a syslog header, fields) → logsources, or None: not what this product writes."""


ObjectReader = Callable[[dict[str, Any], Fields, ZoneInfo], Reading | None]
"""(decoded JSON object as the sender nested it, fields, zone) → reading, or None: not an object of this product."""


@dataclass(frozen=True, slots=True)
class Device:
    """The header of a CEF or LEEF message, as written, escapes undone.

    Attributes:
        vendor: Device Vendor.
        product: Device Product.
        version: Device Version.
        code: CEF: Device Event Class ID; LEEF: Event ID.
        name: CEF: Name; LEEF: "".
        severity: CEF: Severity, a number from 0 to 10 or a word; LEEF: "".
    """

    vendor: str
    product: str
    version: str
    code: str
    name: str = ""
    severity: str = ""


DeviceReader = Callable[[Device, dict[str, str], Fields, ZoneInfo, int], Reading | None]
"""(header, extensions under the names they came with, fields, zone, day of receipt) → reading.

``fields`` holds what the generic mapping of the format made of it; the reader adds to and corrects that. None: leave it so.
"""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What can be said of a line for far less than its full reading costs, and what the full reading would add.

    Attributes:
        read: (line) → the fields as the sender wrote them and the event's logsources; None where only the full reading can
            say. What it returns is what the full reading finds, but for the names in ``makes``; such a line is an event.
        makes: every name that the full reading may write or change beside the sender's own.
        words: case-folded, every text that it may write and that need not stand in the line. Numbers and stamps aside;
            and but for those, what it writes is a part of one of the sender's values, or such parts joined by a backslash.
    """

    read: Callable[[bytes], tuple[Fields, tuple[LogSource, ...]] | None]
    makes: frozenset[str]
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Product:
    """One product that `soc normalize --list` shows.

    Attributes:
        name: as a source profile names it.
        description: one line.
        parse: reads one line.
        first_look: None where there is no cheaper way than ``parse``.
        multiline: what the first line of an entry holds, where entries have several lines; a profile's own setting wins.
        headed: ``parse`` is given the directives that its source declared (``#Fields: ...``) as lines before the line.
        fields: every field that the vendor documents → the ECS name its value is also written to, several joined by ``, ``;
            ``""``: kept under its own name only. The reference of products is made from it (docs/generate_products.py).
    """

    name: str
    description: str
    parse: Parse
    first_look: FirstLook | None = None
    headed: bool = False
    multiline: str = ""
    fields: Mapping[str, str] = field(default_factory=dict[str, str])


def refuse(reason: str) -> RecordError:
    """The error of a line that cannot be read: equal failures have equal reasons, so no part of the line is in it."""
    return RecordError("normalize", reason)
