"""Correlate: detections, watermarks and changes of rules in; episodes out, and what they feed to correlations above them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec

from soc.bus.base import Message, Record, raw_id
from soc.clock import Micros
from soc.correlate.correlator import Correlator
from soc.correlate.episode import single
from soc.errors import RecordError
from soc.model import DeadLetter, Detection, Episode, RulesChange, Watermark, decode, encode
from soc.pipeline.changeover import Changeover
from soc.pipeline.loop import Work
from soc.pipeline.pace import Pace
from soc.pipeline.ruleset import RuleSets
from soc.pipeline.table import DEADLETTER, DETECTIONS, EPISODES
from soc.sigma.ruleset import RuleSet
from soc.telemetry import DEAD_LETTERS, EVICTED, LATE, OUTDATED, UNFIT

RULE_SET = b"rule_set"
IN_USE = b"rule_sets"


@dataclass(frozen=True, slots=True)
class CorrelateSettings:
    """The bounds every partition works within; see ``settings.CorrelationSettings``."""

    lateness: Micros
    raw_partitions: int
    max_groups: int
    max_events_per_group: int


class InUse(msgspec.Struct, array_like=True):
    """Which rule sets are in use, as it is kept in the state beside the hash of the newest.

    Attributes:
        hashes: in the order in which they were published.
        said: raw partition → the set that it is read with from here on.
    """

    hashes: list[str]
    said: dict[int, str]


_Item = Detection | Watermark | RulesChange
_ITEM = cast("type[_Item]", _Item)
"""What stands on ``soc.detections``, told apart by its tag."""


class Correlate:
    """Correlation over one detections partition.

    A detection is applied only with the rule set it was made with. Several sets are in use from the first word of a new one
    until every raw partition is read with it; rules that are the same in both go on where they were (ADR 0017).
    """

    def __init__(
        self, sets: RuleSets, settings: CorrelateSettings, told: Callable[[str], None] = lambda _: None
    ) -> None:
        """Start with nothing.

        Args:
            sets: the published ones.
            settings: the bounds.
            told: called with the hash of the newest set in use, when it changes.
        """
        self._sets = sets
        self._settings = settings
        self._told = told
        self._state: dict[bytes, bytes] = {}
        self._said: dict[int, str] = {}
        self._past: dict[str, RuleSet] = {}
        self._change: Changeover | None = None
        self._correlator: Correlator | None = None
        self._pace = Pace()

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Keep the state until the first step, which may ask for the rule sets that it was written under."""
        self._state = dict(state)

    async def step(self, records: Sequence[Record], now: Micros) -> Work:  # noqa: ARG002 - event time alone counts here
        """Process one batch."""
        await self._pace.wait(records)
        work = Work()
        if self._correlator is None:
            await self._resume()
        items = _items(records, work)
        await self._admit([item.rule_set for item in items if not isinstance(item, Watermark)], work)
        self._apply([item for item in items if not isinstance(item, RulesChange)], work)
        said = {item.raw_partition: item.rule_set for item in items if isinstance(item, RulesChange)}
        if said:
            self._said |= said
            self._retire(work)
        self._pace.note(records, work.outputs)
        return work

    async def _resume(self) -> None:
        """Go on with the sets that were in use."""
        newest = self._state.get(RULE_SET, b"").decode()
        if not newest:
            return
        known = decode(self._state[IN_USE], InUse) if IN_USE in self._state else InUse([newest], {})
        self._said = known.said
        self._use([(await self._sets.get(one)).without_rules() for one in known.hashes])

    async def _admit(self, named: Sequence[str], work: Work) -> None:
        """Take up the sets that this batch names for the first time.

        Raises:
            LogMismatchError: one of them is not on the bus.
        """
        in_use = self._change.hashes if self._change else []
        if set(named) <= set(in_use):
            return
        await self._sets.refresh()  # one that was in use before may have been published again
        hashes = dict.fromkeys([*in_use, *named])
        sets = [(await self._sets.get(one)).without_rules() for one in hashes]
        sets.sort(key=lambda one: self._sets.order(one.hash))
        floor = self._floor()
        self._past = {one.hash: one for one in sets if self._sets.order(one.hash) < floor}
        wanted = [one for one in sets if self._sets.order(one.hash) >= floor]
        if [one.hash for one in wanted] != in_use:
            self._use(wanted)
            self._note(work)

    def _retire(self, work: Work) -> None:
        """Let the sets go that no raw partition is or will be read with."""
        change, floor = self._change, self._floor()
        if change is None:
            return
        kept = [one for one in change.sets if self._sets.order(one.hash) >= floor]
        if kept and len(kept) < len(change.sets):
            self._use(kept)
            self._apply([], work)  # deletes what is kept of the versions that went
        self._note(work)

    def _floor(self) -> int:
        """The oldest set that a raw partition may be read with; 0 while one has not said."""
        said = [self._said.get(partition) for partition in range(self._settings.raw_partitions)]
        return min((self._sets.order(one) if one else 0 for one in said), default=0)

    def _use(self, sets: Sequence[RuleSet]) -> None:
        self._change = Changeover(sets)
        if self._correlator is not None:
            self._correlator.adopt(self._change.rules)
        else:
            bounds = self._settings
            self._correlator = Correlator(
                self._change.rules,
                lateness=bounds.lateness,
                raw_partitions=bounds.raw_partitions,
                max_groups=bounds.max_groups,
                max_events_per_group=bounds.max_events_per_group,
            )
            self._correlator.restore(self._state)
            self._state = {}
        self._told(self._change.newest.hash)

    def _note(self, work: Work) -> None:
        if self._change is not None:
            work.state[RULE_SET] = self._change.newest.hash.encode()
            work.state[IN_USE] = encode(InUse(self._change.hashes, dict(sorted(self._said.items()))))

    def _apply(self, items: Sequence[Detection | Watermark], work: Work) -> None:
        if self._correlator is None or self._change is None:
            return
        newest = self._change.newest.hash
        if any(isinstance(item, Detection) and item.rule_set != newest for item in items):
            items = self._translated(items, self._change, work)
        outcome = self._correlator.apply(items)
        for episode in outcome.episodes:
            _publish(episode, self._change, work)
        work.state.update(outcome.state)
        for what, counts in (("events", outcome.evicted), ("groups", outcome.evicted_groups)):
            for rule, count in counts.items():
                EVICTED.labels(what, self._change.id_of(rule)).inc(count)
        for rule, count in outcome.unfit.items():
            UNFIT.labels(self._change.id_of(rule)).inc(count)
        if outcome.late:
            LATE.labels("correlate").inc(sum(outcome.late.values()))

    def _translated(
        self, items: Sequence[Detection | Watermark], change: Changeover, work: Work
    ) -> list[Detection | Watermark]:
        """The items as the correlator knows them, each detection under its own version of the rule."""
        found: list[Detection | Watermark] = []
        for item in items:
            if isinstance(item, Watermark):
                found.append(item)
            elif not item.target:
                _publish(single(item, item.rule_set), change, work)
            elif (known := change.inward(item, self._past)) is not None:
                found.append(known)
            else:
                OUTDATED.inc()
        return found


def _publish(episode: Episode, change: Changeover, work: Work) -> None:
    published, fed = change.outward(episode)
    work.outputs.append(Message(EPISODES, published.id.encode(), encode(published)))
    work.outputs.extend(Message(DETECTIONS, key, encode(detection)) for key, detection in fed)


def _items(records: Sequence[Record], work: Work) -> list[_Item]:
    items: list[_Item] = []
    for record in records:
        try:
            items.append(decode(record.value, _ITEM))
        except RecordError as error:
            work.outputs.append(_dead_letter(record, error))
    return items


def _dead_letter(record: Record, error: RecordError) -> Message:
    DEAD_LETTERS.labels("correlate").inc()
    key = record.key.decode("utf-8", "replace")
    letter = DeadLetter(raw_id(record), "correlate", error.reason, record.value, key, "", "", record.appended)
    return Message(DEADLETTER, record.key, encode(letter))
