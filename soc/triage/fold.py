"""Episodes and people's acts in; alerts, incidents, answers, audit lines and the state to commit out (ADR 0008).

Machine fields follow episodes, human fields follow acts, and the two are disjoint: an episode's revision never changes status, owner,
notes or verdict, with one exception that no person has a stake in: an incident nobody has touched may become part of another.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

import msgspec

from soc.audit.chain import Entry, append
from soc.clock import DAY, HOUR, Micros, to_iso
from soc.model import Action, Alert, Answer, Directive, Episode, Incident, RuleInfo, Silence
from soc.triage import acts, alerts, campaign, rearrange, risk, standing
from soc.triage.acts import RefusedError
from soc.triage.alerts import Card
from soc.triage.documents import Change, Documents
from soc.triage.fingerprint import fingerprint
from soc.triage.grouping import Grouping
from soc.triage.lifecycle import remembered
from soc.triage.repeats import trailing
from soc.triage.roles import in_scope, may
from soc.triage.silences import covering
from soc.triage.summary import refreshed
from soc.triage.surroundings import Surroundings

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
    silences: list[Silence] = field(default_factory=list[Silence])
    directives: list[Directive] = field(default_factory=list[Directive])


class Triage:
    """The fold. What it knows is what was committed: ``restore`` and the batches since give the same as never stopping."""

    def __init__(
        self,
        info: Callable[[str, str], RuleInfo | None],
        *,
        window: Micros,
        shared_entities: Collection[str],
        max_degree: int,
        repeat_window: Micros = 4 * HOUR,
        half_life: Micros = DAY,
        surroundings: Callable[[], Surroundings] = Surroundings,
    ) -> None:
        """A fold without any alerts yet.

        Args:
            info: (rule set hash, rule id) → what is known of the rule.
            window: how far an alert may lie from an incident's interval and still join it.
            shared_entities: values that never join: NAT, proxy, domain controller.
            max_degree: an entity seen in more companies than this never joins.
            repeat_window: how long after one alert the same again is a repeat of it.
            half_life: in which gathered risk halves.
            surroundings: what is known beside the inputs; asked once a batch.
        """
        self._info = info
        self._repeat_window = repeat_window
        self._half_life = half_life
        self._surroundings = surroundings
        self._around = surroundings()
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
        self._documents = Documents(state, self._half_life)
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
        self._around = self._surroundings()
        self._grouping.shared.know(self._around)
        answers: list[Answer] = []
        for is_act, run in groupby(items, lambda item: isinstance(item, Action)):
            if is_act:
                answers += [self._act(item, now) for item in run if isinstance(item, Action)]
            else:
                self._fold((item for item in run if isinstance(item, Episode)), now)
        self._grouping.part(now)
        self._trail()
        self._refresh(now)
        self._campaigns(now)
        if items:
            self._documents.prune(now)
        written = self._documents.finish()
        return Outcome(
            written.alerts,
            written.incidents,
            answers,
            self._audit,
            written.state,
            written.silences,
            written.directives,
        )

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
        alert = self._judged(self._around.enriched(alert), info, is_new=known is None)
        alert = self._placed(known, alert)
        item = documents.put_alert(alert)
        if not alert.duplicate_of:
            self._note_activity(alert)
            self._grouping.place(item, now)
            self._grouping.shared.learn(item, alert)
        if episode.state == "merged":
            self._follow(alert)

    def _judged(self, alert: Alert, info: RuleInfo | None, *, is_new: bool) -> Alert:
        """The alert with its fingerprint, the silence that covers it, and of a new one what is known of others like it."""
        documents, rule_id = self._documents, alert.rule_id
        source = alert.sample[0].source if alert.sample else ""
        alert = msgspec.structs.replace(
            alert, fingerprint=fingerprint(rule_id, alert.type, alert.group, alert.entities, source)
        )
        covered = covering(alert, documents.silences.values())
        if covered != alert.silenced_by:
            alert = msgspec.structs.replace(alert, silenced_by=covered)
            if covered:
                silence = documents.silences[covered]
                documents.put_standing(msgspec.structs.replace(silence, covered=silence.covered + 1))
        if not is_new:
            return alert
        keys = alerts.card(alert).about
        first = documents.families.first_for(alert, self._repeat_window)
        if not first and not covered and alert.state == "live":
            critical = self._around.criticality(alert.systems)
            amount = risk.weight(alert.level, info.risk if info else None, critical)
            alone = [key for key in sorted(keys) if self._grouping.shared.strong(key, alert.first_seen)]
            documents.risks.add(alone, amount, alert.first_seen, documents.state)
        return msgspec.structs.replace(
            alert,
            risk=documents.risks.of(keys, alert.last_seen),
            prevalence=documents.prevalence.seen(rule_id, keys, alert.first_seen),
            seen_before=documents.verdicts.of(rule_id, keys),
        )

    def _placed(self, known: Alert | None, alert: Alert) -> Alert:
        """The alert as a first one or a repeat; who stood in its place or counted it is told."""
        documents = self._documents
        if known is not None and known.state == alert.state == "live":
            if not alert.duplicate_of:
                return alert
            if bool(known.silenced_by) == bool(alert.silenced_by):
                self._count(alert.duplicate_of, 0, alert.last_seen)
                return alert
            # It went on past the window that covered it, or a silence reaches it now: it no longer is what its first one is.
            self._count(alert.duplicate_of, -1, 0)
            alert = msgspec.structs.replace(alert, duplicate_of="", incident_id="")
        elif known is not None and known.state == "live":
            if known.duplicate_of:
                self._count(known.duplicate_of, -1, 0)
                return alert
            documents.put_alert(alert)
            self._promote(known)
            return msgspec.structs.replace(alert, repeats=0, last_repeat=0)
        if alert.state != "live" or alert.revision or (alert.incident_id and not alert.duplicate_of):
            return alert
        first = documents.alert(documents.families.first_for(alert, self._repeat_window))
        if first is None:
            return msgspec.structs.replace(alert, duplicate_of="")
        self._count(first.id, 1, alert.last_seen)
        return trailing(alert, first)

    def _count(self, first_id: str, step: int, last_seen: Micros) -> None:
        """A repeat more or less, or seen again; on a closed alert that is new activity, which reopens nothing."""
        first = self._documents.alert(first_id)
        if first is None:
            return
        first = msgspec.structs.replace(
            first,
            repeats=first.repeats + step,
            last_repeat=max(first.last_repeat, last_seen),
            new_activity=first.new_activity or (first.status == "closed" and last_seen > 0),
        )
        self._documents.put_alert(first)
        self._note_activity(first)
        self._touch(first.incident_id)

    def _note_activity(self, alert: Alert) -> None:
        home = self._documents.incident(alert.incident_id)
        if home is not None:
            active = home.status == "closed" and alert.state == "live"
            self._documents.put_incident(msgspec.structs.replace(home, new_activity=home.new_activity or active))

    def _promote(self, old: Alert) -> None:
        """The first alert is no longer: the next of its repeats takes its place, in its incident too."""
        documents = self._documents
        heirs = documents.families.of(old.id) or [documents.storeroom.earliest(old.id)]
        heir = documents.alert(heirs[0])
        if heir is None:
            return
        heir = msgspec.structs.replace(
            heir, duplicate_of="", repeats=old.repeats - 1, last_repeat=old.last_repeat, incident_id=""
        )
        documents.put_alert(heir)
        documents.storeroom.inherit(old.id, heir.id, documents.state)
        home = documents.incident(old.incident_id)
        if home is not None:
            self._grouping.adopt(heir.id, home)
            heir = documents.alert(heir.id) or heir
        for other_id in heirs[1:]:
            other = documents.alert(other_id)
            if other is not None:
                documents.put_alert(trailing(other, heir))

    def _trail(self) -> None:
        """Repeats follow what became of their first one in this batch."""
        for first in self._documents.moved_firsts():
            for repeat_id in self._documents.families.of(first.id):
                repeat = self._documents.alert(repeat_id)
                if repeat is not None and (after := trailing(repeat, first)) != repeat:
                    self._documents.put_alert(after)

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
            self._documents.put_incident(self._with_systems(refreshed(incident, cards), incident, cards))

    def _campaigns(self, now: Micros) -> None:
        """Link the incidents of one campaign; a drill and what is real never are."""
        documents = self._documents
        for card in documents.touched_cards():
            for mark in campaign.marks(card):
                if self._grouping.shared.ours(mark) or self._grouping.shared.declared(mark):
                    continue
                first = documents.survivor(documents.campaigns.first(card, mark))
                home = documents.incident(card.incident_id)
                if first is None or first.id == card.incident_id or home is None:
                    documents.campaigns.seen(card, mark, card.incident_id, documents.state)
                    continue
                documents.campaigns.seen(card, mark, first.id, documents.state)
                if first.exercise != home.exercise or documents.campaigns.unlinked(first.id, home.id):
                    continue
                if campaign.elsewhere(card, mark, first):
                    self._link(campaign.joined(first, home, card, mark), now)

    def _link(self, both: campaign.Joined | None, now: Micros) -> None:
        if both is None:
            return
        for one, other in ((both.first, both.other), (both.other, both.first)):
            timeline = remembered(one, now, MACHINE, "link", f"{other.number}: {both.reason}")
            self._documents.put_incident(msgspec.structs.replace(one, timeline=timeline))
        detail = f"with {both.first.number}: {both.reason}"
        self._record(Entry(now, MACHINE, "link", f"incident/{both.other.id}", detail))

    def _with_systems(self, incident: Incident, before: Incident, cards: Sequence[Card]) -> Incident:
        """The incident with what was known of the systems it touches when it first touched them."""
        entities = {(field, value) for field, value, _ in incident.entities}
        keys = dict.fromkeys(key for card in cards for key in card.systems)
        known = {hit.key for hit in incident.systems}
        if known.issuperset(keys) and entities <= {(field, value) for field, value, _ in before.entities}:
            return incident
        systems = self._around.systems(incident.systems, keys, sorted(entities), incident.first_seen)
        return msgspec.structs.replace(incident, systems=systems)

    # Acts

    def _act(self, action: Action, now: Micros) -> Answer:
        documents = self._documents
        given = documents.answer(action.id)
        if given is not None:
            return given
        if action.target in {"silence", "directive"}:
            return self._closed_answer(action, *self._standing(action))
        what = ""
        target = self._target(action)
        if target is None:
            answer = self._answer(action, "refused", f"there is no {action.target} {action.target_id}", 0)
        elif not may(action.role, action.kind):
            answer = self._answer(action, "refused", f"the role {action.role} may not {action.kind}", target.revision)
        elif not in_scope(action.units, target.units):
            answer = self._answer(action, "refused", "it is outside of your organizations", target.revision)
        elif (line := documents.storeroom.get(action.target_id)) is not None:
            reason = f"it repeats {line.first}, which stands for it: act on that one"
            answer = self._answer(action, "refused", reason, target.revision)
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
        return self._closed_answer(action, answer, what)

    def _closed_answer(self, action: Action, answer: Answer, what: str = "") -> Answer:
        """Remember the answer, and say in the audit what was done; what was typed (notes, replies) is not in it."""
        self._documents.remember(answer)
        told = answer.reason or what
        detail = answer.outcome + (f": {told}" if told else "")
        if answer.outcome == "accepted":
            detail += f", revision {answer.revision}"
        self._record(Entry(action.at, action.actor, action.kind, f"{action.target}/{action.target_id}", detail))
        return answer

    def _standing(self, action: Action) -> tuple[Answer, str]:
        """An act on a silence or directive, which may be new; the answer, and what was done."""
        documents = self._documents
        table = documents.silences if action.target == "silence" else documents.directives
        known = table.get(action.target_id)
        revision = known.revision if known else 0
        try:
            standing.check(action, known)
            if action.expected_revision != revision:
                return self._answer(action, "conflict", f"it is at revision {revision}", revision), ""
            fresh, what = standing.done(action, known, self._around.register.units_of)
        except RefusedError as refusal:
            return self._answer(action, "refused", str(refusal), revision), ""
        documents.put_standing(fresh)
        return self._answer(action, "accepted", "", fresh.revision), what

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
            return rearrange.merge(action, target, self._grouping, self._documents)
        if action.kind == "detach":
            return rearrange.detach(action, target, self._grouping, self._documents, now)
        if action.kind == "split" and isinstance(target, Incident):
            return rearrange.split(action, target, self._grouping, self._documents, now)
        if action.kind in {"link", "unlink"}:
            return rearrange.link(action, target, self._documents)
        done = acts.perform(action, target)
        if isinstance(target, Alert):
            item = self._documents.put_alert(acts.changed(target, done))
            self._touch(item.incident_id)
            self._judge(target, action.kind)
            if action.kind == "reopen" and not item.duplicate_of:
                self._grouping.place(item, now)
        else:
            incident = acts.changed(target, done)
            self._documents.put_incident(incident)
            self._pass_on(action, target, incident)
        return done.what

    def _judge(self, before: Alert, kind: str) -> None:
        """Remember how alerts of a rule about an entity are closed; a repeat is not judged apart."""
        after = self._documents.alert(before.id)
        if after is None or before.duplicate_of or before.status == after.status:
            return
        verdict, step = (after.verdict, 1) if kind == "close" else (before.verdict, -1)
        if verdict:
            keys = self._documents.card(before.id).about
            at, state = after.closed_at or before.closed_at or after.last_seen, self._documents.state
            self._documents.verdicts.count(before.rule_id, keys, verdict=verdict, step=step, at=at, state=state)

    def _pass_on(self, action: Action, before: Incident, incident: Incident) -> None:
        """Acknowledging or closing an incident does the same to its open alerts; reopening it undoes what its closing did."""
        for alert_id in incident.alerts:
            alert = self._documents.alert(alert_id)
            after = acts.followed(action, alert, before, incident) if alert else None
            if alert is not None and after is not None:
                self._documents.put_alert(after)
                self._judge(alert, action.kind)
                change = Change(after.revision, action.at, action.actor, f"{after.status} with {incident.number}")
                self._documents.note_change(alert_id, change)

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
