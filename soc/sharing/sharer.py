"""Alert sharing at work: alerts and incidents in from the bus, sendings out to each receiver, each committed before its side effect.

    fetch ─► learn ─► windows and days that are over are sealed ─► commit
    per receiver: sending (committed) ─► the wire ─► what came of it (committed)

It is a role of its own with its own claim, connections and outbox: reports neither wait for it nor share anything with it.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, TypeVar, cast

import structlog

from soc.bus.base import Claim, Record
from soc.clock import SECOND, Clock
from soc.errors import BusFullError, CommitUnknownError, FencedError, LogMismatchError, RecordError, UnavailableError
from soc.model import Alert, Incident, decode
from soc.privacy.inside import Inside
from soc.sharing.bindings.base import Binding
from soc.sharing.book import Book
from soc.sharing.delivery import begin, came_of, follow, restarted
from soc.sharing.orders import Orders
from soc.sharing.sealer import Rules, Sealer
from soc.sharing.telling import Standing, standing
from soc.sharing.terms import Terms
from soc.telemetry import RECLAIMS, SHARING_ATTEMPTS, SHARING_BACKLOG, SHARING_GAP, SHARING_OLDEST, SHARING_REFUSED

log = structlog.get_logger()
T = TypeVar("T")

STAGE = "share"
FETCH_LIMIT = 2000
IDLE_SECONDS = 0.5
"""The longest wait for alerts before looking at what is over and whether to stop."""
AWAY_SECONDS = 2.0
FULL_SECONDS = 1.0


class Destination(NamedTuple):
    """One receiver: what is agreed with it, its wire, and how long an attempt may take."""

    terms: Terms
    binding: Binding
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Topics:
    """What is read."""

    alerts: str
    incidents: str


class Sharer:
    """The one that shares alerts in an installation: one sending at a time to each receiver.

    Args:
        claim: claims the stage's only partition; called again after a commit whose outcome is not known.
        rules: for every receiver.
        destinations: to whom.
        topics: what is read.
        inside: what the register says is ours, now.
        orders: what people ordered, now.
        clock: the time.
        jitter: random numbers in [0, 1).
    """

    def __init__(
        self,
        claim: Callable[[], Awaitable[Claim]],
        *,
        rules: Rules,
        destinations: Sequence[Destination],
        topics: Topics,
        inside: Callable[[], Inside],
        orders: Callable[[], Orders],
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._make_claim = claim
        self._rules = rules
        self._destinations = destinations
        self._topics = topics
        self._inside = inside
        self._orders = orders
        self._clock = clock
        self._jitter = jitter
        self._committing = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Share until ``stop`` is set; what is being sent then is brought to its answer first.

        Raises:
            FencedError: another one has taken over.
            LogMismatchError: the alerts are not the log that was read before.
        """
        while not stop.is_set():
            try:
                claim = await self._make_claim()
                try:
                    await self._own(claim, stop)
                finally:
                    await claim.release()
            except (CommitUnknownError, BusFullError, UnavailableError) as error:
                RECLAIMS.labels(STAGE, type(error).__name__).inc()
                log.warning("sharing_starts_over", error=str(error), again_in=AWAY_SECONDS)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), AWAY_SECONDS)

    async def _own(self, claim: Claim, stop: asyncio.Event) -> None:
        """Work for as long as the claim lives, from what is committed."""
        book, now = Book(claim.state), self._clock()
        sealer = Sealer(book, self._rules, [one.terms for one in self._destinations], self._inside, now)
        for one in self._destinations:
            restarted(book, one.terms, now)
        work = _Work(claim, book, sealer, stop, asyncio.Event())
        await self._commit(work)
        try:
            async with asyncio.TaskGroup() as tasks:
                for one in self._destinations:
                    tasks.create_task(self._serve(work, one), name=one.terms.name)
                await self._read_on(work)
        except BaseExceptionGroup as group:
            raise _first(group) from None  # what ended the claim is told as itself

    async def _read_on(self, work: "_Work") -> None:
        """Learn what alerts are, seal what is over, until told to stop."""
        while not work.stop.is_set():
            records = await work.claim.fetch(FETCH_LIMIT, IDLE_SECONDS)
            now = self._clock()
            incidents = _each(records, self._topics.incidents, Incident)
            work.sealer.read(incidents, _each(records, self._topics.alerts, Alert), now)
            work.sealer.seal(now)
            orders = self._orders()
            for one in self._destinations:
                follow(work.book, one.terms, orders)
            if await self._commit(work, read=bool(records)):
                work.changed.set()
                work.changed.clear()
            for name, told in standing(work.book, self._terms()).items():
                _measure(name, told)

    def _terms(self) -> Mapping[str, Terms]:
        return {one.terms.name: one.terms for one in self._destinations}

    async def _serve(self, work: "_Work", one: Destination) -> None:
        """Send to one receiver, one thing after another, until told to stop."""
        terms = one.terms
        while not work.stop.is_set():
            sending = begin(work.book, terms, self._rules, self._clock())
            if sending is None:
                lane = work.book.lane(terms.name)
                left = ((lane.next_attempt if lane else 0) - self._clock()) / SECOND
                with suppress(TimeoutError):
                    await asyncio.wait_for(work.changed.wait(), min(IDLE_SECONDS, max(0.01, left or IDLE_SECONDS)))
                continue
            until = _awake() + one.seconds
            await self._commit(work)
            outcome = await one.binding.send(sending, lambda until=until: _awake() < until)
            came_of(work.book, terms, outcome, self._clock(), self._jitter())
            SHARING_ATTEMPTS.labels(terms.name, outcome.kind).inc()
            log.info(
                "shared", receiver=terms.name, outcome=outcome.kind, records=len(sending.ids), first=sending.number,
                detail=outcome.detail,
            )  # fmt: skip
            await self._commit(work)

    async def _commit(self, work: "_Work", *, read: bool = False) -> bool:
        """Commit what changed and how far was read; wait while the bus is full. Whether anything had changed."""
        async with self._committing:
            changes: dict[bytes, bytes | None] = {}
            while True:
                changes |= work.book.take()  # while the bus was full more may have been learned
                if not changes and not read:
                    return False
                try:
                    await work.claim.commit((), changes)
                except BusFullError as error:
                    if work.stop.is_set():
                        raise
                    log.warning("bus_full", stage=STAGE, error=str(error))
                    await asyncio.sleep(FULL_SECONDS)
                    continue
                return bool(changes)


class _Work(NamedTuple):
    """One claim and what is known under it; ``changed`` is set for a moment when there may be something to send."""

    claim: Claim
    book: Book
    sealer: Sealer
    stop: asyncio.Event
    changed: asyncio.Event


def _measure(name: str, told: Standing) -> None:
    SHARING_BACKLOG.labels(name).set(told.waiting)
    SHARING_OLDEST.labels(name).set(told.oldest / SECOND)
    SHARING_REFUSED.labels(name).set(told.refused)
    SHARING_GAP.labels(name).set(len(told.gaps))


def _each(records: Sequence[Record], topic: str, type_: type[T]) -> list[T]:
    found: list[T] = []
    for record in records:
        if record.topic == topic:
            try:
                found.append(decode(record.value, type_))
            except RecordError as error:
                log.warning("not_read", topic=topic, offset=record.offset, reason=error.reason)
    return found


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What to tell of several errors of one claim: the loss of the claim rather than what followed from it."""
    errors = list(_leaves(group))
    return next((error for error in errors if isinstance(error, FencedError | LogMismatchError)), errors[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(one)
    else:
        yield error


def _awake() -> float:
    """Seconds of a clock that goes on while the process or the machine is stopped."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
