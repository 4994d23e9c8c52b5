"""Episodes and people's acts in; alerts, incidents, answers, audit lines and the state to commit out (ADR 0008).

Machine fields follow episodes, human fields follow acts, and the two are disjoint: an episode's revision never changes status, owner,
notes or verdict, with one exception that no person has a stake in: an incident nobody has touched may become part of another.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import msgspec

from soc.audit.chain import Entry, append
from soc.clock import Micros, to_iso
from soc.model import Action, Alert, Answer, Episode, Incident, RuleInfo
from soc.triage import acts, alerts
from soc.triage.acts import RefusedError
from soc.triage.documents import Change, Documents
from soc.triage.grouping import MAX_ALERTS, Grouping
from soc.triage.roles import may
from soc.triage.summary import refreshed

_Verdict = Literal["accepted", "conflict", "refused"]

MACHINE = "soc"
"""The actor of what nobody did by hand."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one batch came to; documents appear once each, as they are at its end.

    Attributes:
        audit: lines of the chain ``triage``, in order (``soc.audit.chain``).
        state: what to commit with the rest; None deletes.
    """

    alerts: list[Alert]
    incidents: list[Incident]
    answers: list[Answer]
    audit: list[bytes]
    state: dict[bytes, bytes | None]


class Triage:
    """The fold. What it knows is what was committed: ``restore`` and the batches since give the same as never stopping."""

    def __init__(
        self,
        info: Callable[[str, str], RuleInfo | None],
        *,
        window: Micros,
        shared_entities: Collection[str],
        max_degree: int,
    ) -> None:
        """A fold without any alerts yet.

        Args:
            info: (rule set hash, rule id) → what is known of the rule.
            window: how far an alert may lie from an incident's interval and still join it.
            shared_entities: values that never join: NAT, proxy, domain controller.
            max_degree: an entity seen in more companies than this never joins.
        """
        self._info = info
        self._window = window
        self._shared_entities = tuple(shared_entities)
        self._max_degree = max_degree
        self._audit: list[bytes] = []
        self.restore({})

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Take up the committed state in place of whatever was here.

        Raises:
            RecordError: the state is not one of this version or an older one.
        """
        self._documents = Documents(state)
        self._grouping = Grouping(
            self._documents,
            window=self._window,
            shared_entities=self._shared_entities,
            max_degree=self._max_degree,
        )

    def apply(self, items: Sequence[Episode | Action], now: Micros) -> Outcome:
        """Fold one batch.

        Episodes between two acts are folded in the order of time, whatever order they came in; acts keep their places.
        """
        self._audit = []
        answers: list[Answer] = []
        for is_act, run in groupby(items, lambda item: isinstance(item, Action)):
            if is_act:
                answers += [self._act(item, now) for item in run if isinstance(item, Action)]
            else:
                self._fold((item for item in run if isinstance(item, Episode)), now)
        self._refresh(now)
        written = self._documents.finish()
        return Outcome(written.alerts, written.incidents, answers, self._audit, written.state)

    # Episodes

    def _fold(self, episodes: Iterable[Episode], now: Micros) -> None:
        for episode in sorted(episodes, key=lambda item: (item.start, item.id, item.revision)):
            self._episode(episode, now)

    def _episode(self, episode: Episode, now: Micros) -> None:
        documents = self._documents
        known = documents.alert(episode.id)
        if known is not None and episode.revision <= known.episode_revision:
            return
        info = self._info(episode.rule_set, episode.rule)
        alert = alerts.revised(known, episode, info) if known else alerts.raised(episode, info, now)
        item = documents.put_alert(alert)
        home = documents.incident(alert.incident_id)
        if home is not None:
            active = home.status == "closed" and item.live
            documents.put_incident(msgspec.structs.replace(home, new_activity=home.new_activity or active))
        self._grouping.place(item, now)
        if episode.state == "merged":
            self._follow(alert)

    def _follow(self, alert: Alert) -> None:
        """Where a merged alert leads, its survivor is: in the same incident, and nobody is left with an emptied one."""
        documents = self._documents
        survivor = documents.alert(alert.merged_into)
        home = documents.incident(alert.incident_id)
        if survivor is None or home is None or not documents.is_open(home.id) or documents.detached(survivor.id):
            return
        if not survivor.incident_id:
            if survivor.status != "closed":
                self._grouping.adopt(survivor.id, home)
            return
        emptied = home.revision == 0 and not any(documents.card(alert_id).live for alert_id in home.alerts)
        into = documents.incident(survivor.incident_id)
        if emptied and into is not None and into.id != home.id and documents.is_open(into.id):
            self._grouping.merge(home, into)

    def _refresh(self, now: Micros) -> None:
        """Bring the incidents that the batch touched up to date, and say in the audit what the machine did to them."""
        for incident in self._documents.touched():
            if incident.status == "merged":
                if incident.revision == 0:
                    self._record(
                        Entry(now, MACHINE, "merge", f"incident/{incident.id}", f"into {incident.merged_into}")
                    )
                continue
            if incident.version == 0:
                self._record(Entry(now, MACHINE, "open", f"incident/{incident.id}", incident.number))
            cards = [self._documents.card(alert_id) for alert_id in incident.alerts]
            self._documents.put_incident(refreshed(incident, cards))

    # Acts

    def _act(self, action: Action, now: Micros) -> Answer:
        documents = self._documents
        given = documents.answer(action.id)
        if given is not None:
            return given
        target = self._target(action)
        if target is None:
            answer = self._answer(action, "refused", f"there is no {action.target} {action.target_id}", 0)
        elif not may(action.role, action.kind):
            answer = self._answer(action, "refused", f"the role {action.role} may not {action.kind}", target.revision)
        elif action.expected_revision != target.revision:
            answer = self._answer(action, "conflict", self._since(action, target), target.revision)
        else:
            try:
                what = self._perform(action, target, now)
            except RefusedError as refusal:
                answer = self._answer(action, "refused", str(refusal), target.revision)
            else:
                revision = target.revision + 1
                documents.note_change(action.target_id, Change(revision, action.at, action.actor, what))
                answer = self._answer(action, "accepted", "", revision)
        documents.remember(answer)
        detail = answer.outcome + (f": {answer.reason}" if answer.reason else f", revision {answer.revision}")
        self._record(Entry(action.at, action.actor, action.kind, f"{action.target}/{action.target_id}", detail))
        return answer

    def _target(self, action: Action) -> Alert | Incident | None:
        if action.target == "alert":
            return self._documents.alert(action.target_id)
        return self._documents.incident(action.target_id)

    def _perform(self, action: Action, target: Alert | Incident, now: Micros) -> str:
        """Do it; returns what was done, for the history.

        Raises:
            RefusedError: it is not possible.
        """
        if isinstance(target, Incident) and target.status == "merged":
            into = self._documents.incident(target.merged_into)
            raise RefusedError(f"it is part of {into.number if into else target.merged_into} now")
        if action.kind == "merge":
            return self._merge(action, target)
        if action.kind == "detach":
            return self._detach(target, now)
        done = acts.perform(action, target)
        if isinstance(target, Alert):
            item = self._documents.put_alert(acts.changed(target, done))
            self._touch(item.incident_id)
            if action.kind == "reopen":
                self._grouping.place(item, now)
        else:
            incident = acts.changed(target, done)
            self._documents.put_incident(incident)
            self._pass_on(action, target, incident)
        return done.what

    def _pass_on(self, action: Action, before: Incident, incident: Incident) -> None:
        """Acknowledging or closing an incident does the same to its open alerts; reopening it undoes what its closing did."""
        for alert_id in incident.alerts:
            alert = self._documents.alert(alert_id)
            after = acts.followed(action, alert, before, incident) if alert else None
            if after is not None:
                self._documents.put_alert(after)
                change = Change(after.revision, action.at, action.actor, f"{after.status} with {incident.number}")
                self._documents.note_change(alert_id, change)

    def _merge(self, action: Action, target: Alert | Incident) -> str:
        if not isinstance(target, Incident):
            raise RefusedError("only incidents are merged")
        into = self._documents.incident(acts.text(action, "into"))
        if into is None or into.id == target.id:
            raise RefusedError("into must be the id of another incident")
        if not self._documents.is_open(target.id) or not self._documents.is_open(into.id):
            raise RefusedError("both incidents must be open")
        if len(target.alerts) + len(into.alerts) > MAX_ALERTS:
            raise RefusedError(f"together they would have more than {MAX_ALERTS} alerts")
        self._grouping.merge(msgspec.structs.replace(target, revision=target.revision + 1), into)
        return f"merged into {into.number}"

    def _detach(self, target: Alert | Incident, now: Micros) -> str:
        if not isinstance(target, Alert):
            raise RefusedError("an alert is detached, not an incident")
        home = self._documents.incident(target.incident_id)
        if home is None:
            raise RefusedError("it is in no incident")
        if home.alerts == (target.id,):
            raise RefusedError(f"it is the only alert of {home.number}")
        if not self._documents.is_open(home.id):
            raise RefusedError(f"{home.number} is {home.status}")
        detached = msgspec.structs.replace(target, revision=target.revision + 1)
        self._documents.put_alert(detached)
        self._grouping.detach(detached, home, now)
        return f"detached from {home.number}"

    def _touch(self, incident_id: str) -> None:
        incident = self._documents.incident(incident_id)
        if incident is not None:
            self._documents.put_incident(incident)

    def _since(self, action: Action, target: Alert | Incident) -> str:
        """What changed since the revision that the person saw, and by whom."""
        if action.expected_revision > target.revision:
            return f"revision {action.expected_revision} is not known: it is at {target.revision}"
        changes = [
            change for change in self._documents.changes(target.id) if change.revision > action.expected_revision
        ]
        told = "; ".join(f"{change.what} by {change.actor} at {to_iso(change.at)}" for change in changes)
        return f"changed since revision {action.expected_revision}: {told or 'longer ago than is kept'}"

    @staticmethod
    def _answer(action: Action, outcome: _Verdict, reason: str, revision: int) -> Answer:
        return Answer(action.id, outcome, reason, action.target, action.target_id, revision)

    def _record(self, entry: Entry) -> None:
        line, self._documents.counters.audit = append(self._documents.counters.audit, entry)
        self._audit.append(line)
