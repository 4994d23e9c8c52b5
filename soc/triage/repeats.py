"""Alerts in; which of them repeats which out: the first one of a fingerprint stands for all that follow within a time."""

from dataclasses import dataclass

import msgspec

from soc.clock import Micros
from soc.model import Alert

FamilyKey = tuple[str, bool]
"""(fingerprint, silenced): what is silenced never hides what is not."""


@dataclass(frozen=True, slots=True)
class First:
    """What must be known of a first alert to find it.

    Attributes:
        until: when it, or the last repeat of it, was last seen.
        closed_at: None while it is open.
    """

    first_seen: Micros
    until: Micros
    closed_at: Micros | None


class Families:
    """Everything in it follows from the alerts alone, so that a restart builds the same."""

    def __init__(self) -> None:
        self._firsts: dict[FamilyKey, dict[str, First]] = {}
        self._repeats: dict[str, dict[str, Micros]] = {}
        self._places: dict[str, tuple[FamilyKey, str]] = {}

    def set(self, alert: Alert) -> None:
        """Count an alert as what its document says, in place of whatever it counted as."""
        self.drop(alert.id)
        if alert.state != "live" or not alert.fingerprint:
            return
        key = (alert.fingerprint, bool(alert.silenced_by))
        self._places[alert.id] = (key, alert.duplicate_of)
        if alert.duplicate_of:
            self._repeats.setdefault(alert.duplicate_of, {})[alert.id] = alert.first_seen
        else:
            until = max(alert.last_seen, alert.last_repeat)
            closed = alert.closed_at if alert.status == "closed" else None
            self._firsts.setdefault(key, {})[alert.id] = First(alert.first_seen, until, closed)

    def drop(self, alert_id: str) -> None:
        """It is counted on its first one alone."""
        before = self._places.pop(alert_id, None)
        if before is not None:
            key, of = before
            self._remove(key, alert_id, of)

    def of(self, first_id: str) -> list[str]:
        """The live repeats of an alert that are kept whole, in the order in which they would take its place."""
        found = self._repeats.get(first_id, {})
        return sorted(found, key=lambda id_: (found[id_], id_))

    def count(self, first_id: str) -> int:
        """How many live repeats of an alert are kept whole."""
        return len(self._repeats.get(first_id, ()))

    def first_for(self, alert: Alert, window: Micros) -> str:
        """The first alert that ``alert`` repeats, "" if it is one itself.

        An open one takes repeats within ``window`` of it and its repeats; a closed one for ``window`` after it was closed.
        """
        found = self._firsts.get((alert.fingerprint, bool(alert.silenced_by)), {})
        near = [
            (first.closed_at is None, first.first_seen, id_)
            for id_, first in found.items()
            if id_ != alert.id and _near(first, alert, window)
        ]
        return max(near)[2] if near else ""

    def _remove(self, key: FamilyKey, alert_id: str, of: str) -> None:
        if of:
            rows = self._repeats[of]
            del rows[alert_id]
            if not rows:
                del self._repeats[of]
            return
        del self._firsts[key][alert_id]
        if not self._firsts[key]:
            del self._firsts[key]


def _near(first: First, alert: Alert, window: Micros) -> bool:
    if alert.last_seen + window < first.first_seen:
        return False
    if first.closed_at is not None:
        return alert.first_seen <= first.closed_at + window
    return alert.first_seen <= first.until + window


def trailing(repeat: Alert, first: Alert) -> Alert:
    """The repeat as its first one makes it: in the same incident, and seen, closed and reopened with it."""
    because = f"repeat of {first.id}: "
    repeat = msgspec.structs.replace(repeat, duplicate_of=first.id, incident_id=first.incident_id)
    if first.status == "closed" and repeat.status != "closed":
        return msgspec.structs.replace(
            repeat,
            revision=repeat.revision + 1,
            status="closed",
            verdict=first.verdict,
            close_reason=because + first.close_reason,
            closed_at=first.closed_at,
            acknowledged_at=repeat.acknowledged_at or first.acknowledged_at,
            new_activity=False,
        )
    if first.status != "closed" and repeat.status == "closed" and repeat.close_reason.startswith(because):
        return msgspec.structs.replace(
            repeat, revision=repeat.revision + 1, status=first.status, verdict="", close_reason="", closed_at=None
        )
    if first.status == "acknowledged" and repeat.status == "new":
        return msgspec.structs.replace(
            repeat, revision=repeat.revision + 1, status="acknowledged", acknowledged_at=first.acknowledged_at
        )
    return repeat
