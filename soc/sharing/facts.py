"""An alert in, the little that alert sharing remembers of it out: what a summary may count, and why it is not told at all.

Nothing raw is taken over: no group, no member, no entity but an attacker's address of the world.
"""

import re
from collections.abc import Container
from ipaddress import ip_address

import msgspec

from soc.clock import HOUR, Micros
from soc.forward.redact import nfc
from soc.model import Alert
from soc.privacy.inside import Inside

ATTACKER = frozenset({"source.ip", "client.ip", "threat.indicator.ip"})
"""Kinds of entities that are an attacker's address, where it is one of the world."""

MOST_ATTACKERS = 20
"""Addresses that are kept of one alert; how many more there were is counted."""
MOST_SYSTEMS = 20
MOST_TITLE = 200
_TECHNIQUE = re.compile(r"attack\.t\d{4}(?:\.\d{3})?")


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of one alert.

    Attributes:
        rule, title, level, techniques: of its rule.
        systems: keys of the register's systems that it touches.
        attackers: (address, TLP of what is known about it or "").
        more: how many attackers are not listed.
        hour: in which it was last seen, as the beginning of that hour.
        count: of its events.
        raised: when triage first saw it.
        incident: it belongs to, "" = none.
        out: why it is not told: ``retracted`` ``merged`` ``silenced`` ``false_positive``; "" = it is.
        changed: when its last change was read.
    """

    rule: str
    title: str
    level: str
    techniques: tuple[str, ...]
    systems: tuple[str, ...]
    attackers: tuple[tuple[str, str], ...]
    more: int
    hour: Micros
    count: int
    raised: Micros
    incident: str
    out: str
    changed: Micros


def facts_of(alert: Alert, inside: Inside, at: Micros) -> Facts:
    """What is remembered of an alert.

    Args:
        alert: its current document.
        inside: what the register says is ours; an address in it is no attacker's.
        at: when it was read.
    """
    marked = {hit.value: hit.tlp for hit in alert.indicators}
    found = {
        address: marked.get(value, "") for kind, value in alert.entities if (address := _world(kind, value, inside))
    }
    attackers = sorted(found.items())
    return Facts(
        alert.rule_id,
        nfc(alert.title_vi or alert.title)[:MOST_TITLE],
        alert.level,
        tuple(sorted({tag for tag in alert.tags if _TECHNIQUE.fullmatch(tag)})),
        tuple(sorted(set(alert.systems)))[:MOST_SYSTEMS],
        tuple(attackers[:MOST_ATTACKERS]),
        max(0, len(attackers) - MOST_ATTACKERS),
        alert.last_seen - alert.last_seen % HOUR,
        alert.count,
        alert.raised,
        alert.incident_id,
        _out(alert),
        at,
    )


def why_not(facts: Facts, exercises: Container[str], levels: Container[str]) -> str:
    """Why an alert is not told to a receiver, one word; "" if it is told.

    Args:
        facts: of the alert.
        exercises: incidents that are drills.
        levels: the severities that the receiver gets.
    """
    if facts.incident and facts.incident in exercises:
        return "exercise"
    return facts.out or ("" if facts.level in levels else "level")


def of_the_world(value: str, inside: Inside) -> bool:
    """Whether an address is neither internal nor ours."""
    try:
        address = ip_address(value)
    except ValueError:
        return False
    return not inside.internal(address) and address not in inside.public


def _out(alert: Alert) -> str:
    if alert.state != "live":
        return alert.state
    if alert.silenced_by:
        return "silenced"
    return "false_positive" if alert.verdict == "false_positive" else ""


def _world(kind: str, value: str, inside: Inside) -> str:
    """An attacker's address in its usual spelling, or ""."""
    return str(ip_address(value)) if kind in ATTACKER and of_the_world(value, inside) else ""
