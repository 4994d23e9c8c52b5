"""Dead letters as they stand: ``soc.deadletter`` read from the bus in; open letters, groups of equal shape, and retries out (ADR 0018).

A retry is written by whoever owns the stage ``retry``: its topic has one writer, who therefore knows everything that was ever asked.
An attempt of a letter is asked for once. The next is asked for only after the engine has said what became of the one before, which
commits with its outputs; so nothing is processed twice, whoever asks, how often, and whatever was killed in between.
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from soc.audit.chain import Entry, Head, append
from soc.bus.base import Bus, Claim, Message, Positions
from soc.clock import Clock, Micros, now
from soc.errors import RecordError
from soc.model import DeadLetter, decode, encode
from soc.model.deadletter import NOT_RETRIED, shape
from soc.pipeline.table import AUDIT, DEADLETTER, RETRY, RETRYING

BATCH = 2000
"""Letters in one commit."""

END_SECONDS = 1.0
"""Without a record for so long the end is reached, though markers of transactions may lie before it."""

CLAIM_WAIT_SECONDS = 10.0
"""Two who ask at once do so one after the other."""

POLL_SECONDS = 0.1

MAX_GROUPS = 2000
MAX_SOURCES = 20
"""Remembered of a group; a source that is not among them is still counted."""

CHAIN, HEAD = "retry", b"audit"
"""The audit chain of retries, and where its end is in the stage's state."""


Key = tuple[str, str]
"""What a letter is known by: id and stage."""


class Selection(msgspec.Struct, frozen=True):
    """Which open letters are meant: those that fit everything that is given.

    Attributes:
        id: of one letter.
        shape: of one group.
        source: of one source.
    """

    id: str = ""
    shape: str = ""
    source: str = ""

    def fits(self, letter: DeadLetter) -> bool:
        """Whether this letter is meant."""
        return (
            (not self.id or letter.id == self.id)
            and (not self.source or letter.source == self.source)
            and (not self.shape or shape(letter) == self.shape)
        )

    def __str__(self) -> str:
        """As the audit trail names it."""
        if self.id:
            return f"deadletter/{self.id}"
        named = [f"{name}={value}" for name, value in (("group", self.shape), ("source", self.source)) if value]
        return f"deadletters/{' '.join(named) or 'all'}"


class Group(msgspec.Struct):
    """Open letters of one shape.

    Attributes:
        first: when the earliest was received.
        last: when the latest was.
        sources: source → how many, the first ``MAX_SOURCES`` of them.
        sample: the latest letter.
    """

    shape: str
    stage: str
    reason: str
    count: int
    first: Micros
    last: Micros
    sources: dict[str, int]
    sample: DeadLetter


class Asked(msgspec.Struct, frozen=True):
    """What became of a retry.

    Attributes:
        asked: open letters that were asked to be processed again.
        under_way: open letters that were meant and had been asked for before; the engine has still to say what became of them.
        left: open letters that were meant and cannot be retried: what they are missing in is made anew (``soc store rebuild``).
        processed: of those asked, how many are no dead letters any more; None if nobody waited for it.
        failed: of those asked, how many are dead letters again.
    """

    asked: int
    under_way: int
    left: int
    processed: int | None = None
    failed: int | None = None


async def open_letters(bus: Bus, selection: Selection | None = None) -> AsyncIterator[DeadLetter]:
    """The open letters that are meant, each as its newest attempt left it, in no stated order.

    The topic is read twice: first for what became of retries, which is little, then for the letters, of which none is kept.
    """
    chosen = selection or Selection()
    ends = await bus.ends([DEADLETTER])
    newest: dict[Key, int] = {}
    async for letter in _all(bus, DEADLETTER, ends):
        if letter.version > 1:
            newest[letter.key] = max(newest.get(letter.key, 0), letter.version)
    async for letter in _all(bus, DEADLETTER, ends):
        if letter.state == "open" and letter.version >= newest.get(letter.key, 0) and chosen.fits(letter):
            yield letter


async def _all(bus: Bus, topic: str, ends: Positions, begin: Positions | None = None) -> AsyncIterator[DeadLetter]:
    """Every letter on a topic from ``begin`` up to ``ends``; what is none is left out."""
    reader = bus.reader([topic], begin)
    try:
        while not all(reader.positions.get(log, 0) >= end for log, end in ends.items()):
            records = await reader.fetch(BATCH, END_SECONDS)
            if not records:
                return
            for record in records:
                if record.offset < ends.get((record.topic, record.partition, record.log_id), 0):
                    try:
                        letter = decode(record.value, DeadLetter)
                    except RecordError:
                        continue
                    yield letter
    finally:
        await reader.close()


async def groups(bus: Bus, selection: Selection | None = None) -> list[Group]:
    """The open letters by shape, the largest group first; of more than ``MAX_GROUPS`` the first that were found."""
    found: dict[str, Group] = {}
    async for letter in open_letters(bus, selection):
        name = shape(letter)
        group = found.get(name)
        if group is None:
            if len(found) >= MAX_GROUPS:
                continue
            group = Group(name, letter.stage, letter.reason, 0, letter.received, letter.received, {}, letter)
            found[name] = group
        group.count += 1
        group.first = min(group.first, letter.received)
        if letter.received >= group.last:
            group.last, group.sample = letter.received, letter
        if letter.source in group.sources or len(group.sources) < MAX_SOURCES:
            group.sources[letter.source] = group.sources.get(letter.source, 0) + 1
    return sorted(found.values(), key=lambda group: (-group.count, group.shape))


async def letters_of(bus: Bus, identifier: str) -> list[DeadLetter]:
    """Every letter of an id as its newest attempt left it, also those that are processed; by stage."""
    ends = await bus.ends([DEADLETTER])
    found: dict[str, DeadLetter] = {}
    async for letter in _all(bus, DEADLETTER, ends):
        if letter.id == identifier and letter.version >= (found[letter.stage].version if letter.stage in found else 0):
            found[letter.stage] = letter
    return [found[stage] for stage in sorted(found)]


async def retry(
    bus: Bus, selection: Selection, actor: str, *, outcome_seconds: float = 0.0, clock: Clock = now
) -> Asked:
    """Ask for the open letters that are meant to be processed again; written in the audit trail.

    Args:
        bus: an open bus.
        selection: which letters.
        actor: who asks.
        outcome_seconds: how long to wait for the outcome at most; 0 does not.
        clock: the time.

    Raises:
        UnavailableError: the bus is away.
    """
    claim = await bus.claim(RETRYING, 0, wait=CLAIM_WAIT_SECONDS)
    try:
        before = await bus.ends([DEADLETTER])
        done, keys = await _ask(bus, claim, selection, Entry(clock(), actor, "retry", str(selection)))
    finally:
        await claim.release()
    return await _outcome(bus, done, keys, before, outcome_seconds) if outcome_seconds and done.asked else done


async def _ask(bus: Bus, claim: Claim, selection: Selection, entry: Entry) -> tuple[Asked, set[Key]]:
    """Write the letters; the entry of the audit trail commits with the first of them."""
    head = decode(claim.state[HEAD], Head) if HEAD in claim.state else Head(CHAIN)
    line, head = append(head, entry)
    audit, state = [Message(AUDIT, CHAIN.encode(), line)], {HEAD: encode(head)}
    before: dict[Key, int] = {}
    async for letter in _all(bus, RETRY, await bus.ends([RETRY])):
        before[letter.key] = max(before.get(letter.key, 0), letter.attempt)
    batch: list[Message] = []
    keys: set[Key] = set()
    under_way = left = 0
    async for letter in open_letters(bus, selection):
        if letter.stage in NOT_RETRIED:
            left += 1
        elif before.get(letter.key, -1) >= letter.attempt:
            under_way += 1
        else:
            batch.append(Message(RETRY, letter.source.encode(), encode(letter)))
            keys.add(letter.key)
        if len(batch) == BATCH:
            await claim.commit([*audit, *batch], state)
            audit, batch = [], []
    if batch:
        await claim.commit([*audit, *batch], state)
    return Asked(len(keys), under_way, left), keys


async def _outcome(bus: Bus, done: Asked, keys: set[Key], before: Positions, seconds: float) -> Asked:
    """What the engine said of these letters since ``before``, once it has of all, or after ``seconds``."""
    deadline = asyncio.get_running_loop().time() + seconds
    answered: set[Key] = set()
    closed: set[str] = set()
    failed: set[str] = set()
    while True:
        ends = await bus.ends([DEADLETTER])
        async for letter in _all(bus, DEADLETTER, ends, before):
            if letter.attempt and letter.key in keys:
                answered.add(letter.key)
            if letter.attempt:
                (failed if letter.state == "open" else closed).add(letter.id)
        before = ends
        if len(answered) == len(keys) or asyncio.get_running_loop().time() > deadline:
            ids = {id_ for id_, _ in answered}
            processed = len(ids & (closed - failed))
            unanswered = len(keys) - len(answered)
            return Asked(done.asked, done.under_way + unanswered, done.left, processed, len(ids & failed))
        await asyncio.sleep(POLL_SECONDS)
