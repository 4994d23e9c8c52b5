"""An alert and the silences that stand in; which of them covers it out.

A covered alert is kept and marked, and nobody is called for it. It opens no incident, links none and makes none graver; where there is an
incident about the same, it comes along, so that whoever works on that sees the noise too.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from soc.clock import Micros
from soc.model import Alert, Silence
from soc.triage.entities import canonical, key

_WHOLE = {"level", "rule.id", "system", "unit"}


def covering(alert: Alert, silences: Iterable[Silence]) -> str:
    """The id of the silence that covers an alert, "" if none does; of several the one made first.

    All of the alert must lie within the silence, in event time: what goes on after a maintenance window is no maintenance.
    """
    found = [silence for silence in silences if within(silence, alert.first_seen, alert.last_seen)]
    fitting = [silence for silence in found if all(_fits(alert, field, value) for field, value in silence.matchers)]
    return min(fitting, key=lambda silence: (silence.made, silence.id)).id if fitting else ""


def within(silence: Silence, first: Micros, last: Micros) -> bool:
    """Whether a span of time lies within a silence, which an early end cuts short."""
    ends = silence.ends if silence.ended_at is None else min(silence.ends, silence.ended_at)
    return bool(silence.matchers) and silence.starts <= first and last < ends


def _fits(alert: Alert, field: str, value: str) -> bool:
    if field in _WHOLE:
        named = {"level": (alert.level,), "rule.id": (alert.rule_id,), "system": alert.systems, "unit": alert.units}
        return value in named[field]
    if field == "rule.title":
        return value.casefold() in {alert.title.casefold(), alert.title_vi.casefold()}
    values = [text for name, text in (*alert.group, *alert.entities) if name == field]
    network = _network(value)
    if network is not None:
        return any(_in(text, network) for text in values)
    wanted = key((field, canonical(field, value) or value))
    return any(key((field, canonical(field, text) or text)) == wanted for text in values)


def _network(value: str) -> IPv4Network | IPv6Network | None:
    if "/" not in value:
        return None
    try:
        return ip_network(value, strict=False)
    except ValueError:
        return None


def _in(text: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address) in network
