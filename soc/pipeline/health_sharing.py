"""Alert sharing as it stands on the bus in; what of it is not as it should be, for the health page and the doctor, out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from soc.bus.base import Bus
from soc.clock import HOUR, MINUTE, SECOND, Micros
from soc.pipeline.health import Finding, seconds_between
from soc.sharing.seen import standings
from soc.sharing.telling import Standing
from soc.sharing.terms import Terms

BEHIND = 15 * MINUTE
"""A summary that waits longer is told: it is tried again within minutes."""
LONG = 24 * HOUR
"""A duty that nobody fulfilled for a day is an error."""


class SharingEyes:
    """Looks at alert sharing on one open bus, after whatever else there is to see beside.

    Args:
        bus: an open bus.
        terms: of the receivers that the settings name; a mistake in them is told where alert sharing itself starts.
        first: what is looked at before.
    """

    def __init__(
        self,
        bus: Bus,
        terms: Callable[[], Mapping[str, Terms]],
        first: Callable[[Micros], Awaitable[Sequence[Finding]]],
    ) -> None:
        self._bus = bus
        self._terms = terms
        self._first = first

    async def __call__(self, now: Micros) -> Sequence[Finding]:
        """What is not as it should be."""
        found = list(await self._first(now))
        for one in await standings(self._bus, self._terms()):
            found += sharing_findings(one, now)
        return found


def sharing_findings(one: Standing, now: Micros) -> list[Finding]:
    """What is not as it should be with one receiver."""
    where = f"share {one.receiver}"
    found: list[Finding] = []
    if not one.set_up:
        if one.waiting:
            found.append(Finding("warning", where, "sharing_orphaned", {"count": one.waiting}))
        return found
    if one.state == "blocked":
        values = {"for_seconds": seconds_between(one.failing, now), "why": one.detail}
        found.append(Finding("error", where, "sharing_blocked", dict(values)))
    elif one.oldest and now - one.oldest > BEHIND:
        level = "error" if now - one.oldest > LONG else "warning"
        values = {"count": one.waiting, "for_seconds": (now - one.oldest) / SECOND, "why": one.detail or "–"}
        found.append(Finding(level, where, "sharing_behind", dict(values)))
    if one.full:
        found.append(Finding("warning", where, "sharing_full", {"megabytes": round(one.bytes / 1024**2)}))
    if one.refused:
        found.append(Finding("error", where, "sharing_refused", {"count": one.refused, "why": one.detail or "–"}))
    if one.gaps:
        found.append(Finding("error", where, "sharing_gap", {"days": ", ".join(one.gaps)}))
    return found
