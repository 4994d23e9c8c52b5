"""``soc.events``: one normalized event, a flat mapping of ECS names beside the product's own field names."""

from typing import Any, Literal

import msgspec

from soc.clock import Micros

TimeFlag = Literal["no_time", "no_zone", "no_year", "future_clamped", "stale", "late"]
"""What was done about time. ``no_time``: none was stamped, receive time stands in. ``no_zone``: the profile's zone was
used. ``no_year``: the year nearest to receive time was used. ``future_clamped``: stamped past receive time plus the skew,
set back to it. ``stale``: older than the lateness when received, so it correlates at receive time."""


UNKNOWN = "*"
"""In a logsource of an event: the sender did not say, so it may be anything (see ``soc.detect.detector.may_apply``)."""


class LogSource(msgspec.Struct, frozen=True, array_like=True):
    """A Sigma logsource; ``""`` where a dimension is not declared. On an event one of these per category it belongs to."""

    product: str = ""
    category: str = ""
    service: str = ""


class Event(msgspec.Struct, frozen=True, array_like=True):
    """One normalized event.

    Attributes:
        id: the raw id: the input's own identity, or ``<log_id>/<partition>/<offset>`` of its record in ``soc.raw``.
        source: as in the raw record.
        time: when it happened (``@timestamp``), after clamping.
        correlation_time: what windows and watermarks use: ``time``, or the receive time of a stale live event.
        received: when the collector had it (``event.created``).
        fields: flat: ``{"source.ip": "192.0.2.7", "srcip": "192.0.2.7", "event.original": "..."}``. Values are str, int,
            float, bool, None or lists of these. ``@timestamp``, ``event.created`` and ``event.original`` are among them.
        logsources: every Sigma logsource the event belongs to (a Sysmon 13 is registry_set and registry_event).
        time_flags: what was done about its time.
        clock: its stamp, as corrected by its profile, minus the receive time: what a live source's clock is measured by. None
            where no time was stamped, or the source is not live.
    """

    id: str
    source: str
    time: Micros
    correlation_time: Micros
    received: Micros
    fields: dict[str, Any]
    logsources: tuple[LogSource, ...] = ()
    time_flags: tuple[TimeFlag, ...] = ()
    clock: Micros | None = None
