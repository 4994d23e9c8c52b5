"""The alerts of an incident in; whether they tell of an effect (sự cố) or of attempts only (sự kiện), and by what, out: for a person to judge.

An attempt that was blocked, or that has no effect by its nature (a scan, guessing), is an event. Whose technique belongs to a tactic
that follows a success (MITRE ATT&CK Enterprise: execution and everything after it) is an effect, unless every event of it that is
known was refused.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

from soc.model import Alert

EFFECTS: Final = frozenset(
    {
        *("execution", "persistence", "privilege-escalation", "stealth", "defense-evasion", "defense-impairment"),
        *("lateral-movement", "collection", "command-and-control", "exfiltration", "impact"),
    }
)
"""Tactics of somebody who is inside already."""
REFUSED: Final = frozenset(
    {"deny", "denied", "block", "blocked", "drop", "dropped", "reject", "rejected", "quarantine", "quarantined"}
)
"""What a device says it did with an attempt (``event.action``)."""


class Proposal(msgspec.Struct, frozen=True):
    """What the alerts speak for.

    Attributes:
        kind: ``incident``: an effect was seen; ``event``: attempts only.
        reason: ``effect``, ``success``, ``refused`` or ``attempts``: a word for each is in the catalogue.
        alerts: ids of the alerts that it rests on.
        tactics: of them.
    """

    kind: Literal["event", "incident"]
    reason: Literal["effect", "success", "refused", "attempts"]
    alerts: tuple[str, ...]
    tactics: tuple[str, ...]


def proposed(alerts: Iterable[Alert]) -> Proposal | None:
    """What they speak for; None where none counts: alerts that are retracted, or closed as false, do not."""
    counted = [alert for alert in alerts if alert.state == "live" and alert.verdict != "false_positive"]
    if not counted:
        return None
    effects = [alert for alert in counted if _tactics(alert) & EFFECTS and not _all_refused(alert)]
    if effects:
        return _made("incident", "effect", effects)
    entered = [alert for alert in counted if "initial-access" in _tactics(alert) and _succeeded(alert)]
    if entered:
        return _made("incident", "success", entered)
    refused = [alert for alert in counted if _all_refused(alert)]
    return _made("event", "refused" if len(refused) == len(counted) else "attempts", counted)


def _made(
    kind: Literal["event", "incident"], reason: Literal["effect", "success", "refused", "attempts"], by: list[Alert]
) -> Proposal:
    tactics = sorted({tactic for alert in by for tactic in _tactics(alert)})
    return Proposal(kind, reason, tuple(alert.id for alert in by), tuple(tactics))


def _tactics(alert: Alert) -> set[str]:
    """Its tactics: tags of ATT&CK that are no technique (``attack.t1110``), group or software."""
    names = {tag.removeprefix("attack.").replace("_", "-") for tag in alert.tags if tag.startswith("attack.")}
    return {name for name in names if name[:1] not in "tgs" or not name[1:2].isdigit()}


def _fields(alert: Alert) -> list[Mapping[str, Any]]:
    return [member.fields for member in alert.sample if member.fields]


def _all_refused(alert: Alert) -> bool:
    known = _fields(alert)
    return bool(known) and all(_refused(fields) for fields in known)


def _refused(fields: Mapping[str, Any]) -> bool:
    return fields.get("event.outcome") == "failure" or str(fields.get("event.action", "")).casefold() in REFUSED


def _succeeded(alert: Alert) -> bool:
    return any(fields.get("event.outcome") == "success" for fields in _fields(alert))
