"""One hunt: new indicators in; what came before they were known looked through, and alerts of it published, out.

Lines come from the archive and the bus, newest day first, and events that only the store still has come from there. An event with a
new indicator is marked as a live one would be; the rules on indicators make episodes of it, which go through the same comparison and
the same fold as a replay's (ADR 0019): an alert that stands stays one alert, a new one is marked late, and a second hunt publishes nothing.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

from soc.archive.place import Place
from soc.archive.reading import Window
from soc.audit.chain import Entry
from soc.bus.base import Bus
from soc.clock import DAY, SECOND, Clock, Micros, to_iso
from soc.errors import RecordError
from soc.intel.hunting import Hunts, Quarry, Run, Sieve, asked_of_the_store
from soc.intel.matcher import Indicators
from soc.model import Alert, Event, encode
from soc.model.event import LogSource
from soc.normalize.assemble import Assembler, Whole
from soc.normalize.normalizer import Discarded, Normalizer
from soc.pipeline.context import amend
from soc.pipeline.raw_lines import RawLines
from soc.pipeline.replay import publish_episodes, standing_alerts
from soc.sigma.ruleset import RuleSet
from soc.store.base import Document, Store
from soc.store.query import Field, Or
from soc.store.words import normal
from soc.tooling.offline import Offline
from soc.tooling.standing import Compared, compare

MARKED: Final = "threat_indicator"
"""Logsource category of rules that ask for the mark of an indicator."""
PIECE: Final = 500
"""Lines between two looks at the clock."""
AT_ONCE, PAGES, PAGE = 50, 40, 500
"""Of the store: values asked for at once, and at most so many pages of so many events each time."""
SETTLED: Final[Micros] = 60 * SECOND
"""So long after indicators were published every engine has taken them up, and its alerts stand."""

Progress = Callable[[int], None]
"""Told how many lines were read."""


@dataclass(frozen=True, slots=True)
class HuntParts:
    """What a hunt works with.

    Attributes:
        place: where segments are.
        store: where events are; None leaves them out.
        max_groups, max_events_per_group: as in ``settings.CorrelationSettings``.
    """

    bus: Bus
    place: Place
    store: Store | None
    normalizer: Normalizer
    rules: RuleSet
    clock: Clock
    max_groups: int = 100_000
    max_events_per_group: int = 10_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far and how hard it looks.

    Attributes:
        start, end: lines received then.
        seconds: after so long it ends with what it has; 0 = never.
        share: of the time it works; the rest it sleeps, where others of its process wait for their turn.
        stop: ends it without a result.
    """

    start: Micros
    end: Micros
    seconds: float = 0
    share: float = 1
    stop: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Hunted:
    """What a hunt came to.

    Attributes:
        reached: lines received before that were left out: the time was up; the window's start if none were.
        events: (event, values found in it), at most ``SHOWN`` of them; ``found``: how many there were.
        compared: what was published, or would be.
    """

    reached: Micros
    lines: int = 0
    found: int = 0
    events: list[tuple[Event, tuple[str, ...]]] = field(default_factory=list[tuple[Event, tuple[str, ...]]])
    compared: Compared = field(default_factory=Compared)
    damaged: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    stopped: bool = False


SHOWN: Final = 1_000


class _Look:
    """One hunt under way."""

    def __init__(self, parts: HuntParts, quarry: Quarry, bounds: Bounds, progress: Progress) -> None:
        self.parts, self.bounds, self.progress = parts, bounds, progress
        self.fresh, self.all = Indicators(quarry.fresh), Indicators(quarry.all)
        self.sieve = Sieve(quarry.fresh)
        self.quarry = quarry
        self.seen: set[str] = set()
        self.done = Hunted(bounds.start)
        self.offline = Offline(
            parts.rules,
            parts.normalizer,
            singles=True,
            max_groups=parts.max_groups,
            max_events_per_group=parts.max_events_per_group,
        )
        self._began = self._rested = time.monotonic()

    async def lines(self) -> None:
        """Through the raw lines, the newest day first; a day is looked at whole or not at all."""
        end = self.bounds.end
        while end > self.bounds.start and not self.bounds.stop.is_set():
            start = max(self.bounds.start, end - DAY)
            if self._is_over():
                self.done.reached = end
                return
            await self._day(Window(start, end))
            end = start
        self.done.stopped = self.bounds.stop.is_set()

    async def _day(self, window: Window) -> None:
        normalizer = self.parts.normalizer
        assembler = Assembler(normalizer)
        reading = RawLines(self.parts.bus, self.parts.place, (window,))
        async for one in reading.lines():
            self.done.lines += 1
            if self.done.lines % PIECE == 0:
                self.progress(self.done.lines)
                await self._rest()
                if self.bounds.stop.is_set():
                    return
            data = one.raw.data
            alone = normalizer.joining(one.raw) is None and not data.startswith(b"#")
            if not alone or self.sieve.may(data):
                for whole in assembler.take(one.raw, one.id, b"", one.appended):
                    self._whole(whole)
        for whole in assembler.flush():
            self._whole(whole)
        self.done.damaged += reading.looked.damaged

    def _whole(self, whole: Whole) -> None:
        try:
            event = self.parts.normalizer.normalize(whole.record, whole.id, self.parts.clock(), whole.head)
        except RecordError:
            return  # it is a dead letter already: the engine said so when it came
        if not isinstance(event, Discarded):
            self._event(event)

    def _event(self, event: Event) -> None:
        hits = self.fresh.find(event.fields, event.correlation_time)
        if not hits or event.id in self.seen:
            return
        self.seen.add(event.id)
        self.done.found += 1
        marked = self.all.mark(event)
        if len(self.done.events) < SHOWN:
            self.done.events.append((marked, tuple(dict.fromkeys(hit.indicator.value for hit in hits))))
        self.offline.feed_event(marked)

    async def stored(self) -> None:
        """Through events that the store has; those that a line gave are not looked at twice."""
        store = self.parts.store
        if store is None:
            return
        for fields, some in asked_of_the_store(self.quarry.fresh, AT_ONCE):
            query = Or(tuple(Field(name, ((False, normal(text)),)) for name in fields for text in some))
            after, pages = None, 0
            while pages < PAGES and not self.bounds.stop.is_set() and not self._is_over():
                page = await store.search(
                    "event", query, limit=PAGE, after=after, since=self.bounds.start, until=self.bounds.end
                )
                for document in page.documents:
                    event = event_of(document)
                    if event.received < self.bounds.end:
                        self._event(event)
                after, pages = page.after, pages + 1
                if after is None:
                    break
                await self._rest()

    def _is_over(self) -> bool:
        return bool(self.bounds.seconds) and time.monotonic() - self._began > self.bounds.seconds

    async def _rest(self) -> None:
        now = time.monotonic()
        worked = now - self._rested
        await asyncio.sleep(worked * (1 / self.bounds.share - 1))
        self._rested = time.monotonic()


def event_of(document: Document) -> Event:
    """The event that a document of the store was made of (``soc.store.documents.event_document``)."""
    body = cast("Any", document.body)
    fields = {key: value for key, value in document.fields.items() if key not in _OWN}
    return Event(
        document.id,
        str(document.fields.get("source", "")),
        document.time,
        int(body.get("correlation_time", document.time)),
        int(body.get("received", document.time)),
        fields,
        tuple(LogSource(one["product"], one["category"], one["service"]) for one in body.get("logsources", ())),
        tuple(document.fields.get("event.time_flags", ())),
    )


_OWN: Final = frozenset(("event.id", "source", "event.time_flags"))


async def hunt(
    parts: HuntParts,
    quarry: Quarry,
    bounds: Bounds,
    *,
    actor: str,
    dry_run: bool = False,
    progress: Progress = lambda _: None,
) -> Hunted:
    """Look for new indicators in what came before them, and publish the alerts that are new.

    Args:
        parts: what it works with.
        quarry: what it looks for.
        bounds: where.
        actor: who asks, for the audit trail.
        dry_run: publish nothing.
        progress: see ``Progress``.

    Raises:
        UnavailableError: archive, bus or store are away; nothing was published.
    """
    if not quarry.fresh.count:
        return Hunted(bounds.start)
    look = await asyncio.to_thread(_Look, parts, quarry, bounds, progress)
    done = look.done
    await look.lines()
    await look.stored()
    if bounds.stop.is_set():
        done.stopped = True
        return done
    wanted = rules_on_indicators(parts.rules)
    episodes = [one for one in look.offline.finish() if one.rule in wanted]
    if not episodes:
        return done
    first, last = min(one.start for one in episodes), max(one.end for one in episodes)
    alerts = await standing_alerts(parts.bus, lambda alert: _meets(alert, first, last))
    done.compared = compare(episodes, alerts, {})
    if not dry_run and done.compared.publish:
        what = f"{to_iso(bounds.start)}/{to_iso(bounds.end)}"
        detail = f"{quarry.fresh.count} indicators, {len(done.compared.publish)} episodes, rules {parts.rules.hash}"
        entry = Entry(parts.clock(), actor, "hunt", what, detail)
        await publish_episodes(parts.bus, [one.episode for one in done.compared.publish], entry)
    return done


def _meets(alert: Alert, start: Micros, end: Micros) -> bool:
    return alert.first_seen <= end and start <= alert.last_seen


def rules_on_indicators(rules: RuleSet) -> frozenset[str]:
    """Ids of the rules that look at nothing but what indicators marked: those of their logsource, and what counts only those."""
    found = {rule.id for rule in rules.rules.values() if rule.logsource.category == MARKED}
    left = dict(rules.correlations)
    while more := {key for key, one in left.items() if one.rules and found.issuperset(one.rules)}:
        found |= more
        left = {key: one for key, one in left.items() if key not in more}
    return frozenset(found)


def run_of(hunted: Hunted, quarry: Quarry, bounds: Bounds, *, actor: str, began: Micros, now: Micros) -> Run:
    """What is remembered of a hunt."""
    compared = hunted.compared
    return Run(
        began,
        now - began,
        actor,
        bounds.start,
        bounds.end,
        hunted.reached,
        quarry.fresh.count,
        hunted.lines,
        hunted.found,
        sum(one.act != "merged" for one in compared.publish),
        compared.standing,
    )


def window_of(newest: Micros, days: float, now: Micros) -> tuple[Micros, Micros]:
    """(start, end) of what is to be looked through: the lines of so many days that were received before live events met the newest."""
    return now - round(days * DAY), min(now, newest + SETTLED) if newest else now


async def remember(bus: Bus, run: Run, until: Micros, now: Micros) -> None:
    """Write down that a hunt ended; ``until`` as in ``Hunts.ended``."""

    def change(data: bytes | None) -> tuple[bytes, str]:
        hunts = Hunts.decode(data) if data else Hunts()
        said = f"{run.indicators} indicators, {run.lines} lines, {run.events} events, {run.alerts} alerts"
        return encode(hunts.ended(run, until)), said

    await amend(bus, "hunts", change, actor=run.actor, at=now)
