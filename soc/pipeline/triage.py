"""Triage: episodes and people's actions in; alerts, incidents, answers and audit entries out."""

from collections.abc import Callable, Mapping, Sequence

from soc.assets import directory, geography, register
from soc.assets.directory import Directory
from soc.assets.geography import Geography
from soc.assets.register import Register
from soc.bus.base import Message, Record, raw_id
from soc.clock import Micros
from soc.errors import RecordError
from soc.intel.matcher import NO_INDICATORS, Indicators
from soc.model import Action, DeadLetter, Episode, RuleInfo, decode, encode
from soc.pipeline.context import Contexts, Known
from soc.pipeline.loop import Work
from soc.pipeline.pace import Pace
from soc.pipeline.ruleset import RuleSets
from soc.pipeline.table import ACTIONS, ALERTS, ANSWERS, AUDIT, DEADLETTER, DIRECTIVES, INCIDENTS, SILENCES
from soc.telemetry import DEAD_LETTERS
from soc.triage.fold import Triage
from soc.triage.surroundings import Surroundings

MakeFold = Callable[[Callable[[str, str], RuleInfo | None]], Triage]


class Around:
    """What is published beside the inputs, as the fold asks for it: the same object until something new is published."""

    def __init__(self, contexts: Contexts) -> None:
        self._register = Known(contexts, "register", Register.decode, register.EMPTY)
        self._directory = Known(contexts, "directory", Directory.decode, directory.EMPTY)
        self._geography = Known(contexts, "geography", Geography.decode, geography.EMPTY)
        self._indicators = Known(contexts, "indicators", Indicators.decode, NO_INDICATORS)
        self._current = Surroundings()

    def __call__(self) -> Surroundings:
        """What is known now."""
        listed = self._indicators()
        found = Surroundings(
            self._register(), self._directory(), self._geography(), None if listed is NO_INDICATORS else listed
        )
        if found != self._current:
            self._current = found
        return self._current


class TriageStage:
    """The fold over its single partition."""

    def __init__(self, sets: RuleSets, make_fold: MakeFold) -> None:
        self._sets = sets
        self._fold = make_fold(sets.info)
        self._pace = Pace()

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Take up every alert and incident."""
        self._fold.restore(state)

    async def step(self, records: Sequence[Record], now: Micros) -> Work:
        """Fold one batch; one with a person's act in it at once."""
        if not any(record.topic == ACTIONS for record in records):
            await self._pace.wait(records)
        work = Work()
        items: list[Episode | Action] = []
        for record in records:
            try:
                items.append(decode(record.value, Action if record.topic == ACTIONS else Episode))
            except RecordError as error:
                work.outputs.append(_dead_letter(record, error))
        await self._learn_rules(items)
        outcome = self._fold.apply([item for item in items if isinstance(item, Action) or not item.muted], now)
        for alert in outcome.alerts:
            work.outputs.append(Message(ALERTS, alert.id.encode(), encode(alert)))
        for incident in outcome.incidents:
            work.outputs.append(Message(INCIDENTS, incident.id.encode(), encode(incident)))
        for silence in outcome.silences:
            work.outputs.append(Message(SILENCES, silence.id.encode(), encode(silence)))
        for directive in outcome.directives:
            work.outputs.append(Message(DIRECTIVES, directive.id.encode(), encode(directive)))
        for answer in outcome.answers:
            work.outputs.append(Message(ANSWERS, answer.action_id.encode(), encode(answer)))
        for entry in outcome.audit:
            work.outputs.append(Message(AUDIT, b"triage", entry))
        work.state.update(outcome.state)
        self._pace.note(records, work.outputs)
        return work

    async def _learn_rules(self, items: Sequence[Episode | Action]) -> None:
        """Fetch the rule sets that this batch's episodes name, so that the fold finds their titles."""
        for rule_set in {item.rule_set for item in items if isinstance(item, Episode)}:
            await self._sets.get(rule_set)


def _dead_letter(record: Record, error: RecordError) -> Message:
    DEAD_LETTERS.labels("triage").inc()
    key = record.key.decode("utf-8", "replace")
    letter = DeadLetter(raw_id(record), "triage", error.reason, record.value, key, "", "", record.appended)
    return Message(DEADLETTER, record.key, encode(letter))
