"""An incident, its reports and the time in, its clocks out: what is owed to whom, since when, until when, and what it lacks.

A clock is computed, never kept: T0 and due are functions of the incident, so a wall clock that jumps moves neither, a restart
forgets nothing, and a reclassification counts from the same T0. What is late is shown as late.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec

from soc.clock import Micros, to_micros
from soc.duties.fields import FIELDS, FORMAT, PAPER, Answers, Field, Gap
from soc.duties.kinds import CLAIMS, DELIVERED, HARMLESS, UNSENT, Kind, delivered_at, paper_only, sent_to
from soc.duties.offset import due_at
from soc.duties.policy import Duty, Policy, Recipient
from soc.duties.trigger import Facts
from soc.model import Incident, Report

ClockState = Literal["not_triggered", "running", "met", "late", "overdue", "void"]
"""``running``: owed, and in time. ``overdue``: owed, and past due. ``met``, ``late``: delivered, in time or not. ``void``: nothing is
owed any more (merged, or found harmless before anything was sent). ``not_triggered``: not owed."""

LIVE: frozenset[str] = frozenset({"running", "overdue"})
"""What somebody still has to do."""

_JUDGED = frozenset({"classify", "unconfirm"})
"""Acts by which an incident becomes less than it was."""
_PEOPLE_SAW = ("acknowledged_at", "confirmed_at", "contained_at", "closed_at")


class Clock(msgspec.Struct, frozen=True):
    """One duty to one recipient, as it stands.

    Attributes:
        duty, kind, vi, en: of the policy.
        recipient, recipient_vi, recipient_en: "" where nobody may get it: a drill.
        t0, due: None while it is not owed; ``due`` also for what is made on demand.
        share: of the time between them that is gone; over 1 past due; None without both.
        missing: required fields that are empty now.
        waits_for: kinds that the recipient must have taken first.
        delivered: when the recipient got it. ``covered_by``: number of the incident of the same campaign whose report covers this one.
        report_id, report_state: the report that answers it, as far as it came.
        exercise: of a drill: watermarked, no real recipient.
        paper: no automatic channel: only a paper register's number is kept here.
        found_late: the incident had gone on for long when T0 came; the report says why.
        figure: ``law`` or ``house``. ``verified``: somebody with authority compared it with the text.
        policy, policy_hash: what it was computed by.
    """

    incident_id: str
    number: str
    duty: str
    kind: Kind
    vi: str
    en: str
    recipient: str
    recipient_vi: str
    recipient_en: str
    t0: Micros | None
    due: Micros | None
    state: ClockState
    share: float | None
    missing: tuple[str, ...]
    waits_for: tuple[str, ...]
    delivered: Micros | None
    covered_by: str
    report_id: str
    report_state: str
    exercise: bool
    paper: bool
    found_late: bool
    overtakes: bool
    second_person: bool
    legal_basis: str
    figure: str
    verified: bool
    policy: str
    policy_hash: str


def t0(policy: Policy, incident: Incident) -> Micros | None:
    """The start of the incident's clocks; None while no person has seen it (``acknowledged``).

    It is the policy's, or an earlier one that a person set with a reason; one that lies later is ignored. Confirming, containing or
    closing is a sign that a person saw it too, so taking an acknowledgement back later does not move it.
    """
    seen = [incident.raised] if policy.strict else [getattr(incident, name) for name in _PEOPLE_SAW]
    return min((time for time in (*seen, incident.t0) if time is not None), default=None)


def clocks(policy: Policy, incident: Incident, now: Micros, sent: Sequence[Report]) -> tuple[Clock, ...]:
    """Every clock of an incident, in the policy's order; those that are not owed too.

    Args:
        policy: in force.
        incident: as it is.
        now: the time.
        sent: its reports as the outbox has them, those of incidents that were merged into it, and those of the incidents it is
            linked with (for duties once per campaign).
    """
    started = t0(policy, incident)
    detected = (
        incident.raised if started is None else started
    )  # classified before anybody acknowledged: the strict reading
    case = _Case(policy, incident, tuple(sent), detected, _answers(policy, incident))
    return tuple(
        _Look(case, duty, recipient).clock(now)
        for duty in policy.duties
        for recipient in _recipients(policy, duty, incident)
    )


def gaps(policy: Policy, incident: Incident, kind: str) -> tuple[Gap, ...]:
    """Required fields of a kind of report that are empty now, in the policy's order.

    Of several duties of one kind those that are owed count; while none is, all of them: a field is missing from the first minute.
    """
    if paper_only(incident):
        name = PAPER + kind
        return (
            ()
            if paper_of(policy, incident, kind)
            else (Gap(Field(name, "Số, giờ của văn bản giấy", "Paper register", "person")),)
        )
    duties = policy.of_kind(kind)
    owed = [duty for duty in duties if duty.when(_facts(policy, incident, (), outdated=False))]
    answers = _answers(policy, incident)
    names = dict.fromkeys(name for duty in owed or duties for name in duty.required)
    return tuple(gap for name in names if (gap := answers.gap(name)))


def missing(policy: Policy, incident: Incident, kind: str) -> tuple[str, ...]:
    """Names of ``gaps``."""
    return tuple(gap.field.name for gap in gaps(policy, incident, kind))


def values(policy: Policy, incident: Incident, kind: str) -> dict[str, str]:
    """What the fields of a kind of report say, required ones first; "" where nothing is known. Not redacted."""
    answers = _answers(policy, incident)
    duties = policy.of_kind(kind)
    names = [name for duty in duties for name in duty.required] + [name for duty in duties for name in duty.optional]
    return {name: answers.text(name) for name in dict.fromkeys(names)}


def paper_of(policy: Policy, incident: Incident, kind: str) -> tuple[str, Micros] | None:
    """Number and time of a paper by which a kind of report was delivered, typed as ``12/M-SOC 23/11/2026 14:05``; else None."""
    words = incident.particulars.get(PAPER + kind, "").split()
    if len(words) < 3:
        return None
    at = typed_time(" ".join(words[-2:]), policy)
    return None if at is None else (" ".join(words[:-2]), at)


def typed_time(text: str, policy: Policy) -> Micros | None:
    """A time that a person typed (``23/11/2026 14:05``, seconds or not, or ISO 8601), in the policy's zone; None if it is none."""
    text = text.strip()
    for form in (FORMAT, FORMAT.removesuffix(":%S")):
        try:
            return to_micros(datetime.strptime(text, form).replace(tzinfo=policy.zone).astimezone(UTC))
        except (ValueError, OverflowError):
            continue
    try:
        moment = datetime.fromisoformat(text)
        return to_micros((moment if moment.tzinfo else moment.replace(tzinfo=policy.zone)).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class _Case:
    """What all clocks of an incident share."""

    policy: Policy
    incident: Incident
    sent: tuple[Report, ...]
    detected: Micros
    answers: Answers


class _Look:
    """One duty towards one recipient."""

    def __init__(self, case: _Case, duty: Duty, recipient: Recipient | None) -> None:
        self.case, self.duty, self.recipient = case, duty, recipient
        self.policy, self.incident, self.detected = case.policy, case.incident, case.detected
        self.there = recipient.id if recipient else ""
        linked = {link.incident_id for link in self.incident.links}
        self.own = sent_to((report for report in case.sent if report.incident_id not in linked), self.there)
        self.outdated = _outdated(self.policy, self.incident, self.own)
        self.facts = _facts(self.policy, self.incident, self.own, outdated=bool(self.outdated))

    def clock(self, now: Micros) -> Clock:
        owed = self._owed()
        anchored = self._anchor()
        report = self._answer(anchored)
        paper = paper_of(self.policy, self.incident, self.duty.kind) if paper_only(self.incident) else None
        delivered = paper[1] if paper else (delivered_at(report) if report else None)
        covered_by = ""
        if delivered is None:
            covered_by, delivered = self._covered()
        start = anchored if owed or delivered is not None else None
        due = None if start is None else due_at(start, self.duty.due, self.policy.zone)
        state = self._state(owed, delivered, due, now)
        return Clock(
            incident_id=self.incident.id,
            number=self.incident.number,
            duty=self.duty.id,
            kind=self.duty.kind,
            vi=self.duty.vi,
            en=self.duty.en,
            recipient=self.there,
            recipient_vi=self.recipient.vi if self.recipient else "",
            recipient_en=self.recipient.en if self.recipient else "",
            t0=start,
            due=due,
            state=state,
            share=_share(start, due, now if delivered is None else delivered),
            missing=self._missing() if state in LIVE else (),
            waits_for=self._waits_for() if state in LIVE else (),
            delivered=delivered,
            covered_by=covered_by,
            report_id=report.id if report else "",
            report_state=report.state if report else "",
            exercise=self.incident.exercise,
            paper=paper_only(self.incident),
            found_late=_found_late(self.policy, self.incident, self.detected),
            overtakes=self.duty.overtakes,
            second_person=self.duty.second_person,
            legal_basis=self.duty.legal_basis,
            figure=self.duty.figure,
            verified=self.duty.verified,
            policy=self.policy.id,
            policy_hash=self.policy.hash,
        )

    def _owed(self) -> bool:
        return self.duty.when(self.facts)

    def _void(self) -> bool:
        """Merged, or found harmless: only what was sent is corrected, nothing else is owed."""
        return self.incident.status == "merged" or (
            self.duty.kind != "correction" and self.incident.verdict in HARMLESS
        )

    def _anchor(self) -> Micros:
        incident, anchor = self.incident, self.duty.counts_from
        if anchor == "closed" and incident.closed_at is not None:
            return incident.closed_at
        if anchor == "pdp_detected":
            typed = typed_time(incident.particulars.get("pdp_detected_at", ""), self.policy)
            return self.detected if typed is None else typed
        if anchor == "last_report":
            times = [at for report in self.own if (at := delivered_at(report)) is not None]
            return max(times, default=self.detected)
        if anchor == "outdated":
            return _outdated_since(incident, self.outdated, self.detected)
        return self.detected

    def _answer(self, anchored: Micros) -> Report | None:
        """The report that answers this duty: the first one delivered, else the latest one on its way."""
        if self.duty.counts_from == "last_report":
            return None  # the next one is always owed
        since = self._since(anchored)
        found = [report for report in self.own if report.kind == self.duty.kind and report.sealed_at >= since]
        delivered = [report for report in found if report.state in DELIVERED]
        if delivered:
            return min(delivered, key=lambda report: delivered_at(report) or 0)
        return found[-1] if found else None

    def _since(self, anchored: Micros) -> Micros:
        """Reports sealed before this answer what was so then, not this duty: before it turned out, or before a reopening."""
        if self.duty.counts_from == "outdated" or (self.duty.kind == "update" and self.duty.counts_from == "closed"):
            return anchored
        if self.duty.counts_from == "closed":
            return max((moment.at for moment in self.incident.timeline if moment.act == "reopen"), default=0)
        return 0

    def _covered(self) -> tuple[str, Micros | None]:
        """The linked incident whose report of this kind the recipient has, where one a campaign is enough."""
        if not self.duty.one_per_campaign or not self.incident.campaign:
            return "", None
        numbers = {link.incident_id: link.number for link in self.incident.links}
        times = [
            (at, numbers[report.incident_id])
            for report in self.case.sent
            if report.incident_id in numbers
            and report.kind == self.duty.kind
            and report.recipient == self.there
            and (at := delivered_at(report)) is not None
        ]
        if not times:
            return "", None
        at, number = min(times)
        return number, at

    def _state(self, owed: bool, delivered: Micros | None, due: Micros | None, now: Micros) -> ClockState:
        if delivered is not None:
            return "met" if due is None or delivered <= due else "late"
        if self._void():
            return "void" if owed else "not_triggered"
        if not owed:
            return "not_triggered"
        return "running" if due is None or now <= due else "overdue"

    def _missing(self) -> tuple[str, ...]:
        if paper_only(self.incident):
            return (PAPER + self.duty.kind,)
        return tuple(gap.field.name for name in self.duty.required if (gap := self.case.answers.gap(name)))

    def _waits_for(self) -> tuple[str, ...]:
        """Kinds that come first and that are owed to the same recipient, and not delivered."""
        kinds: list[str] = []
        for kind in self.duty.after:
            owed = any(one.when(self.facts) and self.there in one.recipients for one in self.policy.of_kind(kind))
            had = any(report.kind == kind and report.state in DELIVERED for report in self.own)
            on_paper = paper_only(self.incident) and paper_of(self.policy, self.incident, kind) is not None
            if owed and not had and not on_paper:
                kinds.append(kind)
        return tuple(kinds)


def _answers(policy: Policy, incident: Incident) -> Answers:
    return Answers(incident, policy.standing, t0(policy, incident), policy.zone)


def _recipients(policy: Policy, duty: Duty, incident: Incident) -> list[Recipient | None]:
    """Who would get it; of a drill only who accepts drills, and where nobody does one clock without a recipient."""
    all_of_them = [policy.recipients[id_] for id_ in duty.recipients]
    if not incident.exercise:
        return list(all_of_them)
    return [one for one in all_of_them if one.accepts_exercises] or [None]


def _facts(policy: Policy, incident: Incident, own: Iterable[Report], *, outdated: bool) -> Facts:
    """What triggers ask about."""
    reports = [report for report in own if report.state not in UNSENT]
    return {
        "severity": incident.severity,
        "kind": incident.kind,
        "status": incident.status,
        "verdict": incident.verdict or "undecided",
        "level": incident.level,
        "system_level": max((system.level for system in incident.systems), default=0),
        "flags": frozenset(incident.flags),
        "systems": frozenset(system.key for system in incident.systems),
        "units": frozenset(incident.units),
        "filled": frozenset(name for name, text in incident.particulars.items() if text.strip()),
        "sent": frozenset(report.kind for report in reports),
        "exercise": incident.exercise,
        "campaign": bool(incident.campaign),
        "reported": any(report.state in DELIVERED for report in reports) or _on_paper(policy, incident),
        "outdated": outdated,
    }


def _on_paper(policy: Policy, incident: Incident) -> bool:
    return paper_only(incident) and any(paper_of(policy, incident, kind) for kind in policy.kinds())


def _outdated(policy: Policy, incident: Incident, own: Sequence[Report]) -> tuple[Report, ...]:
    """Reports to one recipient that say what is not so any more: their duty was there when they were approved, and is not now."""
    if incident.status == "merged":
        return ()
    harmless = incident.verdict in HARMLESS
    facts = _facts(policy, incident, own, outdated=False)
    return tuple(
        report
        for report in own
        if report.kind in CLAIMS
        and (
            harmless
            or (not any(duty.when(facts) for duty in policy.of_kind(report.kind)) and _judged_since(incident, report))
        )
    )


def _judged_since(incident: Incident, report: Report) -> bool:
    """Whether somebody judged the incident anew after the report was approved: one that was sent without a duty is not outdated by that.

    It counts from the approval, because what is sealed later says what was approved. Without a timeline nobody can tell: then yes.
    """
    given = (one.at for one in incident.approvals if one.payload_sha256 == report.payload_sha256)
    approved = min((*given, report.sealed_at))
    return not incident.timeline or any(one.act in _JUDGED and one.at >= approved for one in incident.timeline)


def _outdated_since(incident: Incident, reports: Sequence[Report], detected: Micros) -> Micros:
    """When it turned out: when it was closed as harmless, else the latest reclassification, else when the latest of them was sealed."""
    if incident.verdict in HARMLESS and incident.closed_at is not None:
        return incident.closed_at
    acts = [moment.at for moment in incident.timeline if moment.act in _JUDGED]
    sealed = [report.sealed_at for report in reports]
    return max([*acts, *sealed], default=detected)


def _found_late(policy: Policy, incident: Incident, detected: Micros) -> bool:
    latest = due_at(incident.first_seen, policy.late_discovery, policy.zone)
    return latest is not None and detected > latest


def _share(start: Micros | None, due: Micros | None, now: Micros) -> float | None:
    if start is None or due is None or due <= start:
        return None
    return max(0.0, (now - start) / (due - start))


def label(name: str, language: str) -> str:
    """A field's label in a language, as pages and messages say it."""
    if name.startswith(PAPER):
        kind = name.removeprefix(PAPER)
        return f"Số và giờ của văn bản giấy ({kind})" if language == "vi" else f"Number and time of the paper ({kind})"
    return getattr(FIELDS[name], "vi" if language == "vi" else "en")


Clocks = Callable[[Incident, Micros, Sequence[Report]], tuple[Clock, ...]]
"""``clocks`` with a policy bound: what pages are given."""
