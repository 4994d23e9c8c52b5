"""Feeds as they are set up and what became of asking them in; findings for the health page and the doctor out."""

from typing import Final

from soc.bus.base import Bus
from soc.clock import HOUR, MINUTE, Micros
from soc.desk import IntelSettings
from soc.errors import RecordError
from soc.intel.indicator import Attempts
from soc.pipeline.context import Contexts
from soc.pipeline.health import Finding, seconds_between

PATIENCE: Final[Micros] = 30 * MINUTE
"""A feed is asked again after 15 minutes: one that did not answer twice is told."""
LATE: Final = 2
"""A feed that was not even asked for so many times its interval, and an hour, is asked by nobody."""


def feed_findings(settings: IntelSettings, attempts: Attempts, now: Micros) -> list[Finding]:
    """Which feeds fail, and which nobody asks."""
    found: list[Finding] = []
    for feed in settings.feeds:
        last = attempts.of(feed.name)
        if not feed.enabled or last is None:
            continue
        if last.error and now - last.since > PATIENCE:
            values = {"for_seconds": seconds_between(last.since, now), "why": last.error}
            found.append(Finding("warning", feed.name, "feed_failing", values))
        if now - last.at > LATE * round(feed.every_hours * HOUR) + HOUR:
            found.append(Finding("warning", feed.name, "feed_stale", {"for_seconds": seconds_between(last.at, now)}))
    return found


class FeedEyes:
    """Looks at what was published of feeds, again and again."""

    def __init__(self, bus: Bus, settings: IntelSettings) -> None:
        self._contexts = Contexts(bus)
        self._settings = settings

    async def __call__(self, now: Micros) -> list[Finding]:
        """The findings of now.

        Raises:
            UnavailableError: the bus is away.
        """
        if not any(feed.enabled for feed in self._settings.feeds):
            return []
        await self._contexts.refresh()
        known = self._contexts.get("feeds")
        try:
            attempts = Attempts.decode(known.data) if known else Attempts()
        except RecordError as error:
            return [Finding("error", "feeds", "bus_problem", {"what": error.reason, "advice": "soc intel feeds"})]
        return feed_findings(self._settings, attempts, now)
