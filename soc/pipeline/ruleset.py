"""Rule sets on ``soc.rules``: published once, found by hash, so that every stage works with exactly the same rules.

A published set carries what stages behind the engine need (correlations, titles, who feeds whom) ready-made: only the
engine compiles the base rules.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from soc.bus.base import Bus, Message, Reader, Record
from soc.clock import Micros
from soc.errors import LogMismatchError, RecordError, RuleError, SettingsError
from soc.model import Bundle, RuleInfo, Unread, decode, encode
from soc.pipeline.acceptance import Difference, difference, digests_of, objection
from soc.pipeline.rule_files import read_files
from soc.pipeline.table import RULES
from soc.settings import RuleSettings, content_dir
from soc.sigma.correlation import CorrelationRule
from soc.sigma.ruleset import RuleSet

T = TypeVar("T")


class RefusedRule(msgspec.Struct, frozen=True):
    """A rule that cannot be used, as people are told of it."""

    path: str
    line: int
    reason: str


class PublishedRules(msgspec.Struct, frozen=True):
    """A rule set as it stands on ``soc.rules``; the fields are those of ``RuleSet`` but for the compiled rules.

    Attributes:
        digests: ``acceptance.digests_of`` it, so that two sets can be compared without compiling either.
    """

    hash: str
    bundle: Bundle
    infos: dict[str, RuleInfo]
    correlations: dict[str, CorrelationRule]
    alerting: frozenset[str]
    muted: dict[str, tuple[str, ...]]
    feeds: dict[str, tuple[str, ...]]
    refused: tuple[RefusedRule, ...]
    digests: dict[str, str] = {}

    def without_rules(self) -> RuleSet:
        """The set as correlate and triage need it: everything but compiled base rules."""
        refused = tuple(RuleError(rule.path, rule.line, rule.reason) for rule in self.refused)
        return RuleSet(self.hash, {}, self.correlations, self.infos, refused, self.alerting, self.muted, self.feeds)


def to_published(bundle: Bundle, rules: RuleSet) -> PublishedRules:
    """What is published of a set that was loaded from a bundle."""
    return PublishedRules(
        rules.hash,
        bundle,
        dict(rules.infos),
        dict(rules.correlations),
        rules.alerting,
        {rule: tuple(by) for rule, by in rules.muted.items()},
        {rule: tuple(to) for rule, to in rules.feeds.items()},
        tuple(RefusedRule(error.path, error.line, error.reason) for error in rules.refused),
        digests_of(rules),
    )


def read_bundle(settings: RuleSettings) -> Bundle:
    """The texts of every rule file and field map that the settings name; files that cannot be read are told in it.

    Field maps are those that ship with soc, and what lies in the folder ``pipelines`` of each path.

    Raises:
        SettingsError: a path that is not there.
    """
    shipped = content_dir("rules")
    roots = [Path(path) for path in settings.paths] or [shipped]
    roots += [Path(path) for path in settings.extra_paths]
    mistakes = [f"rules: {root} does not exist" for root in roots if not root.exists()]
    if mistakes:
        raise SettingsError(mistakes)
    unread: list[Unread] = []
    pipelines = dict(read_files(shipped / "pipelines", unread))
    files: dict[str, str] = {}
    for root in roots:
        maps = tuple(f"{folder / 'pipelines'}{os.sep}" for folder in (shipped, root))
        for path, text in read_files(root, unread):
            (pipelines if path.startswith(maps) else files)[path] = text
    return Bundle(tuple(sorted(files.items())), tuple(sorted(pipelines.items())), tuple(sorted(set(unread))))


def sharing(published: PublishedRules, other: PublishedRules | None) -> PublishedRules:
    """The same set; what it has in common with another one is the same objects, not equal ones."""
    if other is None:
        return published
    texts = {path: (path, text) for path, text in (*other.bundle.files, *other.bundle.pipelines)}

    def same(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple(texts[pair[0]] if texts.get(pair[0]) == pair else pair for pair in pairs)

    bundle = published.bundle
    return msgspec.structs.replace(
        published,
        bundle=msgspec.structs.replace(bundle, files=same(bundle.files), pipelines=same(bundle.pipelines)),
        infos=_same(published.infos, other.infos),
        correlations=_same(published.correlations, other.correlations),
        digests=_same(published.digests, other.digests),
    )


def _same(values: Mapping[str, T], others: Mapping[str, T]) -> dict[str, T]:
    return {
        sys.intern(rule): others[rule] if rule in others and others[rule] == value else value
        for rule, value in values.items()
    }


class Publication(NamedTuple):
    """What publishing came to.

    Attributes:
        current: the set that is current now.
        before: hash of the one that was, "" if there was none.
        changed: how the two differ.
        refused: of the set that was to be published.
        rejected: why that set was not published; "" if it was, or was current already.
    """

    current: PublishedRules
    before: str
    changed: Difference
    refused: tuple[RefusedRule, ...]
    rejected: str = ""


async def replace_current(bus: Bus, published: PublishedRules, before: PublishedRules | None) -> Publication:
    """Make a set the current one, unless it must not take effect: that changes nothing.

    Args:
        bus: where to.
        published: the new set.
        before: the current one.
    """
    refused = published.refused
    reason = objection(published.hash, published.bundle, published.infos, len(refused), first=before is None)
    if reason and before is not None:
        return Publication(before, before.hash, Difference((), (), ()), refused, reason)
    await publish(bus, published)
    changed = difference(before.digests if before else {}, published.digests)
    return Publication(published, before.hash if before else "", changed, refused)


async def publish(bus: Bus, published: PublishedRules) -> None:
    """Make a set the current one; publishing the current one again changes nothing."""
    claim = await bus.claim("rules", 0)
    try:
        if claim.state.get(b"current") != published.hash.encode():
            message = Message(RULES, published.hash.encode(), encode(published))
            await claim.commit([message], {b"current": published.hash.encode()})
    finally:
        await claim.release()


KEPT = 20
"""Sets in memory; older ones are read again when they are asked for."""
AT_ONCE = 2
"""Records read at once: a set with all of SigmaHQ is more than ten megabytes."""


class RuleSets:
    """Published sets by hash, read from the bus as they are asked for; what two sets have in common is kept once.

    Attributes:
        rejected: hash → why it cannot be used, of the sets published since the last one that can.
    """

    def __init__(self, bus: Bus) -> None:
        self.rejected: dict[str, str] = {}
        self._bus = bus
        self._known: dict[str, PublishedRules] = {}
        self._order: dict[str, int] = {}
        self._published = 0
        self._latest = ""
        self._since: Micros = 0
        self._positions: dict[tuple[str, int, str], int] = {}

    async def refresh(self) -> None:
        """Read what has been published since the last time."""
        reader = self._bus.reader([RULES], self._positions)
        try:
            await self._read(reader)
        finally:
            await reader.close()

    async def watch(self, seconds: float) -> AsyncGenerator[None]:
        """Keep reading over one reader: gives the word after each look, one every ``seconds``.

        Raises:
            UnavailableError: the bus is away; watch anew.
        """
        reader = self._bus.reader([RULES], self._positions)
        try:
            while True:
                await self._read(reader)
                yield
                await asyncio.sleep(seconds)
        finally:
            await reader.close()

    async def _read(self, reader: Reader) -> None:
        while records := await reader.fetch(AT_ONCE, 0.0):
            self._take(records)

    def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            place = record.topic, record.partition, record.log_id
            if record.offset < self._positions.get(place, 0):
                continue  # two readers may be under way
            self._positions[place] = record.offset + 1
            name = record.key.decode("utf-8", "replace")
            if name not in self._known:
                try:
                    published = decode(record.value, PublishedRules)
                except RecordError as error:
                    self.rejected[name] = f"it cannot be read: {error.reason}"
                    continue
                first = not self._known
                if reason := objection(name, published.bundle, published.infos, len(published.refused), first=first):
                    self.rejected[name] = reason
                    continue
                self._known[name] = sharing(published, self.current)
            self._latest = name
            self.rejected.clear()
            self._published += 1
            self._order[name] = self._published
            self._since = record.appended
            for old in self.newest_first()[KEPT:]:
                del self._known[old.hash]

    async def _read_again(self, name: str) -> None:
        """Find a set that was left out of memory, if the topic still has it."""
        reader = self._bus.reader([RULES])
        try:
            while name not in self._known and (records := await reader.fetch(AT_ONCE, 0.0)):
                for record in records:
                    if record.key == name.encode():
                        self._known[name] = sharing(decode(record.value, PublishedRules), self.current)
        finally:
            await reader.close()

    def order(self, hash: str) -> int:  # noqa: A002
        """Which of the sets read so far was published later has the greater number; 0 is not known."""
        return self._order.get(hash, 0)

    def newest_first(self) -> list[PublishedRules]:
        """The sets read so far that can be used; the current one comes first."""
        return sorted(self._known.values(), key=lambda one: self._order[one.hash], reverse=True)

    async def latest(self) -> PublishedRules:
        """The set published last, of those that can be used.

        Raises:
            LogMismatchError: none was ever published here.
        """
        await self.refresh()
        if not self._latest:
            reasons = "".join(f"; {name} is rejected: {reason}" for name, reason in self.rejected.items())
            raise LogMismatchError(
                f"{RULES} has no rules: start `soc run` without --role once, it publishes them{reasons}"
            )
        return self._known[self._latest]

    async def get(self, hash: str) -> PublishedRules:  # noqa: A002
        """The set with a hash.

        Raises:
            LogMismatchError: detections name a set that is not on the bus; applying another would give other alerts.
        """
        if hash not in self._known:
            await self.refresh()
        if hash not in self._known and hash in self._order:
            await self._read_again(hash)
        if hash not in self._known:
            raise LogMismatchError(f"{RULES} has no rule set {hash}: it was trimmed or lost; restore the rules log")
        return self._known[hash]

    @property
    def current(self) -> PublishedRules | None:
        """The set published last among those read so far."""
        return self._known.get(self._latest)

    @property
    def current_since(self) -> Micros:
        """When that was; 0 without one."""
        return self._since

    def info(self, rule_set: str, rule: str) -> RuleInfo | None:
        """A rule of a set read so far, else of any set read so far, newest first."""
        published = self._known.get(rule_set)
        if published and rule in published.infos:
            return published.infos[rule]
        for other in reversed(self._known.values()):
            if rule in other.infos:
                return other.infos[rule]
        return None
