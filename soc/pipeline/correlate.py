"""Correlate: detections and watermarks in; episodes out, and what they feed to correlations above them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec

from soc.bus.base import Message, Record, raw_id
from soc.clock import Micros
from soc.correlate.correlator import Correlator
from soc.detect.feed import feed_episode
from soc.errors import RecordError
from soc.model import DeadLetter, Detection, Watermark, decode, encode
from soc.pipeline.loop import Work
from soc.pipeline.pace import Pace
from soc.pipeline.ruleset import RuleSets
from soc.pipeline.table import DEADLETTER, DETECTIONS, EPISODES
from soc.sigma.ruleset import RuleSet
from soc.telemetry import DEAD_LETTERS, EVICTED, LATE


@dataclass(frozen=True, slots=True)
class CorrelateSettings:
    """The bounds every partition works within; see ``settings.CorrelationSettings``."""

    lateness: Micros
    raw_partitions: int
    max_groups: int
    max_events_per_group: int


_ITEM = cast("type[Detection | Watermark]", Detection | Watermark)
"""What stands on ``soc.detections``, told apart by its tag."""


class Correlate:
    """Correlation over one detections partition.

    A detection is applied only with the rule set it was made with: when the set changes within the stream, a new
    correlator takes over the state of the rules that stayed the same.
    """

    def __init__(self, sets: RuleSets, settings: CorrelateSettings) -> None:
        self._sets = sets
        self._settings = settings
        self._state: dict[bytes, bytes] = {}
        self._rules: RuleSet | None = None
        self._correlator: Correlator | None = None
        self._pace = Pace()

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Keep the state until the first detection says which rule set it belongs to."""
        self._state = dict(state)

    async def step(self, records: Sequence[Record], now: Micros) -> Work:  # noqa: ARG002 - event time alone counts here
        """Process one batch, run by run of equal rule sets."""
        await self._pace.wait(records)
        work = Work()
        if self._rules is None and b"rule_set" in self._state:
            await self._change(self._restored_set(), work)
        for rule_set, items in self._runs(records, work):
            if rule_set and (self._rules is None or self._rules.hash != rule_set):
                await self._change(rule_set, work)
            self._apply(items, work)
        if not records:
            self._apply([], work)
        self._pace.note(records, work.outputs)
        return work

    async def _change(self, rule_set: str, work: Work) -> None:
        self._rules = (await self._sets.get(rule_set)).without_rules()
        bounds = self._settings
        self._correlator = Correlator(
            self._rules,
            lateness=bounds.lateness,
            raw_partitions=bounds.raw_partitions,
            max_groups=bounds.max_groups,
            max_events_per_group=bounds.max_events_per_group,
        )
        self._correlator.restore(self._state)
        self._keep({b"rule_set": rule_set.encode()}, work)

    def _apply(self, items: Sequence[Detection | Watermark], work: Work) -> None:
        if self._correlator is None or self._rules is None:
            return
        outcome = self._correlator.apply(items)
        for episode in outcome.episodes:
            muted = episode.rule not in self._rules.alerting
            published = msgspec.structs.replace(episode, muted=True) if muted else episode
            work.outputs.append(Message(EPISODES, episode.id.encode(), encode(published)))
            for key, detection in feed_episode(episode, self._rules):
                work.outputs.append(Message(DETECTIONS, key, encode(detection)))
        self._keep(outcome.state, work)
        for what, counts in (("events", outcome.evicted), ("groups", outcome.evicted_groups)):
            for rule, count in counts.items():
                EVICTED.labels(what, rule).inc(count)
        if outcome.late:
            LATE.labels("correlate").inc(sum(outcome.late.values()))

    def _keep(self, changes: Mapping[bytes, bytes | None], work: Work) -> None:
        work.state.update(changes)
        for key, value in changes.items():
            if value is None:
                self._state.pop(key, None)
            else:
                self._state[key] = value

    def _runs(self, records: Sequence[Record], work: Work) -> Iterator[tuple[str, list[Detection | Watermark]]]:
        """Consecutive detections of one rule set; watermarks belong to whichever run they stand in."""
        run: list[Detection | Watermark] = []
        rule_set = self._restored_set()
        for record in records:
            try:
                item = decode(record.value, _ITEM)
            except RecordError as error:
                work.outputs.append(_dead_letter(record, error))
                continue
            if isinstance(item, Detection) and item.rule_set != rule_set:
                if run:
                    yield rule_set, run
                    run = []
                rule_set = item.rule_set
            run.append(item)
        if run:
            yield rule_set, run

    def _restored_set(self) -> str:
        return self._rules.hash if self._rules else self._state.get(b"rule_set", b"").decode()


def _dead_letter(record: Record, error: RecordError) -> Message:
    DEAD_LETTERS.labels("correlate").inc()
    key = record.key.decode("utf-8", "replace")
    letter = DeadLetter(raw_id(record), "correlate", error.reason, record.value, key, "", "", record.appended)
    return Message(DEADLETTER, record.key, encode(letter))
