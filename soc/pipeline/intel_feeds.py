"""Feeds of indicators: pulled when they are due, merged with what is in force, published; and what became of each attempt.

Indicators are published under ``indicators``, attempts under ``feeds``: a feed that fails changes no indicator. One process of an
installation pulls: whoever comes second sees that the first has been there.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from soc.assets.register import Register
from soc.bus.base import Bus
from soc.clock import HOUR, SECOND, Clock, Micros
from soc.desk import FeedSettings, IntelSettings
from soc.errors import BusError, RecordError, SettingsError, UnavailableError
from soc.intel.allow import AllowList
from soc.intel.indicator import Attempt, Attempts, IndicatorSet
from soc.intel.merge import Merged, merge, replaced
from soc.model import encode
from soc.pipeline.context import Contexts, amend
from soc.pipeline.intel_fetch import Fetched, fetch, read_file, text_of
from soc.pipeline.waiting import pause
from soc.telemetry import INTEL_FAILURES, INTEL_INDICATORS, INTEL_SUCCESS

log = structlog.get_logger()

LOOK_SECONDS: Final = 20.0
AGAIN: Final = 15 * 60 * SECOND
"""After a failure a feed is asked again this soon, or when it is due if that is sooner."""
LARGEST: Final = 12 * 1024 * 1024
"""Of a publication, encoded: a record of the brokers has 16 MiB."""


def allow_list(settings: IntelSettings, register: Register | None) -> tuple[AllowList, tuple[str, ...]]:
    """What is left out of every feed, and one's own networks, addresses and names.

    Raises:
        SettingsError: a list cannot be read.
    """
    own = (*settings.own, *(own_of(register) if register is not None else ()))
    lists: list[tuple[str, str]] = []
    for path in settings.allow:
        try:
            text = text_of(read_file(Path(path)))
        except RecordError as error:
            raise SettingsError([f"[intel] allow: {path}: {error.reason}"]) from error
        name = Path(path).name
        lists += [(name, cell) for row in text.splitlines() if (cell := _value(row))]
    return AllowList.of(own, lists), own


def _value(row: str) -> str:
    """The value of a line of a list: the last cell, as lists of popular names are ``rank,name``."""
    return "" if row.lstrip().startswith("#") else row.replace(";", ",").rpartition(",")[2].strip()


def own_of(register: Register) -> Iterable[str]:
    """Networks, addresses and names of every system of the register."""
    for system in register.systems():
        yield from (*system.public_addresses, *system.networks, *system.domains)
        for host in register.hosts_of(system.key):
            yield from host.addresses


@dataclass(frozen=True, slots=True)
class Taking:
    """How something that was fetched or given by hand is taken in.

    Attributes:
        feed: name. ``level``: as in its settings.
        actor: who does it, for the audit.
    """

    feed: str
    settings: IntelSettings
    actor: str
    level: str = ""


async def take_in(bus: Bus, fetched: Fetched, taking: Taking, now: Micros) -> Merged:
    """Merge what came with what is in force and publish it.

    Raises:
        SettingsError: there would be too many, or a list cannot be read.
        UnavailableError: what is in force cannot be read now.
        RecordError: what is published is no set of indicators.
    """
    contexts = Contexts(bus)
    await contexts.catch_up()
    known = contexts.get("register")
    allow, own = allow_list(taking.settings, Register.decode(known.data) if known else None)
    came: list[Merged] = []

    def change(data: bytes | None) -> tuple[bytes, str]:
        published = IndicatorSet.decode(data) if data else IndicatorSet()
        merged = merge(
            published.feed(taking.feed),
            fetched.pages,
            allow,
            name=taking.feed,
            origin=fetched.origin,
            now=now,
            whole=fetched.whole,
            level=taking.level,
            cursor=fetched.cursor,
        )
        came.append(merged)
        fresh = replaced(published, merged.content, own)
        return _bounded(fresh, taking.settings.max_indicators), _words(merged)

    await amend(bus, "indicators", change, actor=taking.actor, at=now)
    return came[-1]


def _bounded(fresh: IndicatorSet, most: int) -> bytes:
    if fresh.count > most:
        raise SettingsError([f"{fresh.count:,} indicators would be in force; [intel] max_indicators is {most:,}"])
    data = fresh.encode()
    if len(data) > LARGEST:
        raise SettingsError(
            [f"{fresh.count:,} indicators take {len(data) >> 20} MiB; at most {LARGEST >> 20} can be published"]
        )
    return data


def _words(merged: Merged) -> str:
    content = merged.content
    return (
        f"{content.name}: {len(content.indicators):,} indicators, {len(merged.added):,} new, {merged.removed:,} gone, "
        f"{content.dropped:,} left out"
    )


async def forget(bus: Bus, feed: str, actor: str, now: Micros) -> int:
    """Take a feed and all its indicators out; how many those were.

    Raises:
        SettingsError: there is no such feed.
    """
    gone: list[int] = []

    def change(data: bytes | None) -> tuple[bytes, str]:
        published = IndicatorSet.decode(data) if data else IndicatorSet()
        content = published.feed(feed)
        if content is None:
            names = ", ".join(one.name for one in published.feeds) or "none"
            raise SettingsError([f"no feed is called {feed!r}; there are: {names}"])
        gone.append(len(content.indicators))
        left = tuple(one for one in published.feeds if one.name != feed)
        return IndicatorSet(left, published.own).encode(), f"{feed} forgotten"

    await amend(bus, "indicators", change, actor=actor, at=now)
    return gone[-1]


async def pull(
    bus: Bus, settings: IntelSettings, feed: FeedSettings, *, actor: str, now: Micros, zone: str
) -> Merged | None:
    """Ask a feed once, take in what it gives, and note the attempt; None if it has nothing new.

    Raises:
        UnavailableError, RecordError, SettingsError: as ``fetch`` and ``take_in``; the attempt is noted all the same.
    """
    contexts = Contexts(bus)
    await contexts.catch_up()
    current = contexts.get("indicators")
    content = IndicatorSet.decode(current.data).feed(feed.name) if current else None
    try:
        fetched = await fetch(feed, content.cursor if content else "", now, zone=zone)
        merged = None
        if not fetched.unchanged:
            merged = await take_in(bus, fetched, Taking(feed.name, settings, actor, feed.level), now)
    except (UnavailableError, RecordError, SettingsError) as error:
        INTEL_FAILURES.labels(feed.name).inc()
        await _note(bus, Attempt(feed.name, now, str(error)[:500]), actor)
        raise
    INTEL_SUCCESS.labels(feed.name).set(now / SECOND)
    got = sum(len(page.indicators) for page in fetched.pages)
    await _note(bus, Attempt(feed.name, now, got=got), actor)
    return merged


async def _note(bus: Bus, attempt: Attempt, actor: str) -> None:
    def change(data: bytes | None) -> tuple[bytes, str]:
        attempts = Attempts.decode(data) if data else Attempts()
        before = attempts.of(attempt.feed)
        since = (before.since or attempt.at) if attempt.error and before else attempt.at if attempt.error else 0
        noted = Attempt(attempt.feed, attempt.at, attempt.error, since, attempt.got)
        return encode(attempts.with_(noted)), f"{attempt.feed}: {attempt.error or f'{attempt.got} indicators'}"

    await amend(bus, "feeds", change, actor=actor, at=attempt.at)


def due(feed: FeedSettings, attempts: Attempts, now: Micros) -> bool:
    """Whether a feed is to be asked now."""
    if not feed.enabled:
        return False
    last = attempts.of(feed.name)
    if last is None:
        return True
    wait = round(feed.every_hours * HOUR)
    return now - last.at >= (min(wait, AGAIN) if last.error else wait)


@dataclass
class Puller:
    """Pulls every feed when it is due.

    Attributes:
        contexts: followed by the process; tells when each feed was last asked, by whomever.
        zone: IANA zone of times in tables that name none.
    """

    bus: Bus
    contexts: Contexts
    settings: IntelSettings
    zone: str
    clock: Clock
    _told: str = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not stop.is_set():
            for feed in self.settings.feeds:
                if not stop.is_set() and due(feed, self._attempts(), self.clock()):
                    await self._pull(feed)
                    await self.contexts.refresh()
            self._tell()
            await pause(stop, LOOK_SECONDS)

    def _attempts(self) -> Attempts:
        known = self.contexts.get("feeds")
        return Attempts.decode(known.data) if known else Attempts()

    async def _pull(self, feed: FeedSettings) -> None:
        try:
            merged = await pull(self.bus, self.settings, feed, actor="soc", now=self.clock(), zone=self.zone)
        except (UnavailableError, RecordError, SettingsError, BusError) as error:
            log.warning("feed_not_pulled", feed=feed.name, error=str(error))
            return
        if merged is None:
            log.info("feed_unchanged", feed=feed.name)
            return
        log.info("feed_pulled", feed=feed.name, indicators=len(merged.content.indicators), new=len(merged.added))

    def _tell(self) -> None:
        """Metrics of what is in force; parsed once a publication."""
        current = self.contexts.get("indicators")
        if current is not None and current.hash != self._told:
            self._told = current.hash
            for content in IndicatorSet.decode(current.data).feeds:
                INTEL_INDICATORS.labels(content.name).set(len(content.indicators))
