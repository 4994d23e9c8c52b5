"""Two incidents that become one, or one that becomes two, in; the human fields of what comes of it out.

A merge or a split never makes a clock start later, never loses a task, a note or a piece of evidence, and never mixes a drill
with what is real.
"""

from typing import get_args

from soc.clock import Micros
from soc.model import Flag, Incident, Severity
from soc.triage.arguments import RefusedError
from soc.triage.campaign import kept_links
from soc.triage.lifecycle import FIRST_MOMENTS, LATEST_MOMENTS, MAX_FIELDS, MAX_PARTICULARS

_TLP = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")
_SEVERITY: tuple[Severity, ...] = get_args(Severity)


def mergeable(source: Incident, into: Incident) -> None:
    """Whether one may become part of the other.

    Raises:
        RefusedError: one is a drill and the other is not.
    """
    if source.exercise != into.exercise:
        raise RefusedError("one of them is a drill and the other is not: they are never merged")


def absorbed(into: Incident, source: Incident) -> dict[str, object]:
    """The human fields of ``into`` once ``source`` is part of it: the earliest times, the gravest judgement, everything that hangs on it."""
    acknowledged = _earliest(into.acknowledged_at, source.acknowledged_at)
    explicit = into.t0 is not None or source.t0 is not None
    earlier = source if into.t0 is None or (source.t0 is not None and source.t0 < into.t0) else into
    timeline = tuple(sorted((*source.timeline, *into.timeline), key=lambda moment: moment.at))
    if len(timeline) > FIRST_MOMENTS + LATEST_MOMENTS:
        timeline = (*timeline[:FIRST_MOMENTS], *timeline[-LATEST_MOMENTS:])
    return {
        "status": "triage" if into.status == "new" and acknowledged is not None else into.status,
        "acknowledged_at": acknowledged,
        "confirmed_at": _earliest(into.confirmed_at, source.confirmed_at),
        "kind": "incident" if "incident" in {into.kind, source.kind} else "event",
        "t0": _earliest(into.t0, source.t0, acknowledged) if explicit else None,
        "t0_reason": earlier.t0_reason,
        "severity": max(into.severity, source.severity, key=_SEVERITY.index),
        "flags": tuple(flag for flag in get_args(Flag) if flag in into.flags or flag in source.flags),
        "tlp": max(into.tlp, source.tlp, key=_TLP.index),
        "keep_secret": into.keep_secret or source.keep_secret,
        "owner": into.owner or source.owner,
        "notes": tuple(sorted((*source.notes, *into.notes), key=lambda note: note.at)),
        "tasks": (*into.tasks, *(task for task in source.tasks if task not in into.tasks)),
        "evidence": (*into.evidence, *(item for item in source.evidence if item not in into.evidence)),
        "particulars": _both(into.particulars, source.particulars),
        "timeline": timeline,
        "links": kept_links(into, source),
        "campaign": into.campaign or source.campaign,
    }


def parted(incident: Incident) -> dict[str, object]:
    """The human fields that an incident begins with when it was split off another: its clock began with that one's.

    What it is (kind, severity, flags) is judged anew; how far it may travel is not.
    """
    seen = incident.acknowledged_at is not None
    return {
        "status": "triage" if seen else "new",
        "owner": incident.owner,
        "acknowledged_at": incident.acknowledged_at,
        "t0": incident.t0,
        "t0_reason": incident.t0_reason,
        "exercise": incident.exercise,
        "tlp": incident.tlp,
        "keep_secret": incident.keep_secret,
    }


def _earliest(*times: Micros | None) -> Micros | None:
    return min((time for time in times if time is not None), default=None)


def _both(kept: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    """Particulars of the survivor, and of the other what it does not say, as far as there is room."""
    found = dict(kept)
    room = MAX_PARTICULARS - sum(map(len, found.values()))
    for name, value in other.items():
        if name not in found and len(found) < MAX_FIELDS and len(value) <= room:
            found[name] = value
            room -= len(value)
    return found
