"""Alerts in; what alert sharing tells of them out: counts by rule, technique, system, attacker's address and hour. Nothing raw.

Sharing of alert data is a standing duty (Decree 333/2026, Article 7.2) and never holds up a report. Counts name no person, no account
and no machine of ours.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from soc.clock import HOUR, to_iso
from soc.forward.profile import DEFAULT, Profile
from soc.forward.redact import Redactor
from soc.model import Alert
from soc.privacy.inside import NOTHING, Inside

SCHEMA = "soc-alerts/1"

ATTACKER = frozenset({"source.ip", "client.ip", "threat.indicator.ip"})
"""Kinds of entities that are an attacker's address, where it is one of the world."""


def alert_summary(alerts: Iterable[Alert], profile: Profile = DEFAULT, inside: Inside = NOTHING) -> dict[str, Any]:
    """Counts over alerts, the same for the same alerts in any order.

    Args:
        alerts: of a span of time; those that stand for another (``duplicate_of``) count too, silenced ones do not.
        profile: by what the recipient may get them counted (``sharing``).
        inside: what the register says is ours; an address in it is no attacker's.

    Returns:
        ``alerts`` and ``events`` in total, ``silenced`` that were left out, and for each key of the profile a list of
        ``{"value", "alerts", "events"}``, the most first.
    """
    totals: dict[str, Counter[str]] = {name: Counter() for name in profile.sharing.by}
    events: dict[str, Counter[str]] = {name: Counter() for name in profile.sharing.by}
    told = silenced = seen = 0
    redactor = Redactor((), inside)
    for alert in alerts:
        if alert.silenced_by:
            silenced += 1
            continue
        told, seen = told + 1, seen + alert.count
        for name, values in _keys(alert, inside).items():
            if name in totals:
                for value in values:
                    totals[name][value] += 1
                    events[name][value] += alert.count
    rows = {
        f"by_{name}": [
            {"value": redactor.text(value, f"by_{name}"), "alerts": count, "events": events[name][value]}
            for value, count in sorted(counter.items(), key=lambda item: (-item[1], item[0]))
        ]
        for name, counter in totals.items()
    }
    return {"schema": SCHEMA, "alerts": told, "events": seen, "silenced": silenced, **rows}


def _keys(alert: Alert, inside: Inside) -> Mapping[str, Iterable[str]]:
    hour = alert.last_seen - alert.last_seen % HOUR
    return {
        "rule": (alert.rule_id,),
        "technique": sorted({tag for tag in alert.tags if tag.startswith("attack.t")}),
        "system": sorted(set(alert.systems)),
        "attacker": sorted(
            {value for kind, value in alert.entities if kind in ATTACKER and _of_the_world(value, inside)}
        ),
        "hour": (to_iso(hour),),
    }


def _of_the_world(value: str, inside: Inside) -> bool:
    try:
        address = ip_address(value)
    except ValueError:
        return False
    return not inside.internal(address) and address not in inside.public
