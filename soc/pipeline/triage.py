"""Triage: episodes and people's actions in; alerts, incidents, answers and audit entries out."""

from collections.abc import Callable, Mapping, Sequence

from soc.bus.base import Message, Record, raw_id
from soc.clock import Micros
from soc.errors import RecordError
from soc.model import Action, DeadLetter, Episode, RuleInfo, decode, encode
from soc.pipeline.loop import Work
from soc.pipeline.pace import Pace
from soc.pipeline.ruleset import RuleSets
from soc.pipeline.table import ACTIONS, ALERTS, ANSWERS, AUDIT, DEADLETTER, INCIDENTS
from soc.telemetry import DEAD_LETTERS
from soc.triage.fold import Triage

MakeFold = Callable[[Callable[[str, str], RuleInfo | None]], Triage]


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
