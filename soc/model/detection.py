"""``soc.detections``: one match of one rule on one event, addressed to what wants it; between them watermarks, and changes of rules."""

from typing import Any

import msgspec

from soc.clock import Micros


class Detection(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """One match, for one consumer.

    A base rule that raises alerts is written once with ``target`` empty; one that feeds correlations is written once per
    referencing correlation, keyed by (correlation, group), so that all that one correlation must see together meets in
    one partition. A correlation's own episode feeds its parents the same way (``child_revision`` > 0).

    Attributes:
        rule: id of the rule that matched (for a child correlation: the correlation's id).
        rule_set: hash of the bundle it was matched with; correlate applies it only with that bundle.
        target: id of the correlation it feeds; ``""`` = it raises an alert of its own.
        group: values of the target's group-by fields in its order, as text; () without group-by.
        value: the counted field's value for ``value_*`` correlations, else None.
        event_id: the raw id; for a child correlation the child's episode id (an upsert by it).
        source: the event's source.
        time: correlation time; for a child correlation the *end* of its interval.
        start: equal to ``time`` but for a child correlation: the start of its interval.
        received: receive time of the event.
        late: older than the watermark minus lateness when the engine saw it.
        fields: the event's fields; None on a slim detection (beyond the bounded sample).
        matched: (field, value) pairs that made the rule match, for highlighting; bounded.
        child_revision: 0 for an event; else the child's episode revision, later ones replace earlier.
        retracted: the child's episode is no longer live.
    """

    rule: str
    rule_set: str
    target: str
    group: tuple[str, ...]
    value: str | int | float | None
    event_id: str
    source: str
    time: Micros
    start: Micros
    received: Micros
    late: bool = False
    fields: dict[str, Any] | None = None
    matched: tuple[tuple[str, str], ...] = ()
    child_revision: int = 0
    retracted: bool = False


class Watermark(msgspec.Struct, frozen=True, array_like=True, tag="w"):
    """How far event time has come in one raw partition: nothing older than ``time`` is expected from it.

    Written by the engine to every detections partition, at most once a second per raw partition. Being a record, replay
    repeats it.

    Attributes:
        raw_partition: which input it speaks for.
        time: the minimum over that partition's active sources of the newest correlation time; without active sources,
            the time up to which everything received has been processed, said again every few seconds.
        idle: no source of the partition is active.
    """

    raw_partition: int
    time: Micros
    idle: bool = False


class RulesChange(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """From here on one raw partition is read with this rule set.

    Written by the engine to every detections partition, in the unit of work that begins under the set and before any
    detection made with it.

    Attributes:
        raw_partition: which input it speaks for.
        rule_set: hash of the bundle.
    """

    raw_partition: int
    rule_set: str
