"""The store and a policy in, every clock that somebody must know of out: what the page of duties, its command and its metrics share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from soc.clock import DAY, SECOND, Micros
from soc.duties.clocks import LIVE, Clock, clocks
from soc.duties.kinds import Kind
from soc.duties.policy import Policy
from soc.duties.schedule import PeriodicClock, periodic_clocks
from soc.model import Incident, Report
from soc.store.base import Document, Store
from soc.store.base import Kind as DocumentKind
from soc.store.query import And, Exists, Field, Not, Or, Query
from soc.store.words import normal

REACH = 400 * DAY
"""How far back closed incidents are looked at: a closing report that is not made within a year is another office's matter."""
PAGE = 200
HANDED_OVER, PERIODIC = "hand_over", "periodic/"
"""The act, and what its object begins with, by which the audit says that a periodic report was handed over."""
MAX_INCIDENTS = 5_000
CAMPAIGN = 50
"""Linked incidents of one whose reports are read."""


class Owed(NamedTuple):
    """Everything that is owed, overdue first, then by due time; what has none last.

    Attributes:
        cut: there are more incidents than were looked at: the newest ones were.
    """

    clocks: tuple[Clock, ...]
    periodic: tuple[PeriodicClock, ...]
    cut: bool

    @property
    def overdue(self) -> int:
        """How many are past due."""
        return sum(one.state == "overdue" for one in (*self.clocks, *self.periodic))


def _is(name: str, value: str) -> Query:
    return Field(name, ((False, normal(value)),))


def _any(name: str, values: Iterable[str]) -> Query:
    return Or(tuple(_is(name, value) for value in values))


TOUCHED: Query = And(
    (
        Not(_is("incident.status", "merged")),
        Or(
            (
                _any("incident.status", ("triage", "in_progress", "contained")),
                _is("incident.kind", "incident"),
                _any("incident.severity", ("normal", "serious")),
                Exists("incident.flags"),
                Exists("incident.approvals"),
            )
        ),
    )
)
"""Incidents of which something may be owed: every trigger needs that a person did something about it."""


async def owed(store: Store, policy: Policy, now: Micros, since: Micros | None = None) -> Owed:
    """What is owed now.

    Args:
        store: where incidents and reports are.
        policy: in force.
        now: the time.
        since: periodic reports count from then on; None = only those that are still in time.
    """
    found, cut = await _touched(store, now)
    reports = await reports_of(store, found)
    live = [
        clock
        for incident in found
        for clock in clocks(policy, incident, now, reports.get(incident.id, ()))
        if clock.state in LIVE
    ]
    delivered = await handed_over(store)
    periodic = [one for one in periodic_clocks(policy, now, since, delivered) if one.state in LIVE]
    return Owed(tuple(sorted(live, key=_urgency)), tuple(sorted(periodic, key=_urgency)), cut)


async def handed_over(store: Store) -> frozenset[str]:
    """Keys of the hand-overs of periodic reports that people recorded: lines of the audit say so."""
    lines = await _everything(store, "audit", _is("act", HANDED_OVER))
    return frozenset(str(line.body.get("object", "")).removeprefix(PERIODIC) for line in lines)


def _urgency(clock: Clock | PeriodicClock) -> tuple[bool, Micros]:
    return (clock.due is None, clock.due or 0)


async def _touched(store: Store, now: Micros) -> tuple[list[Incident], bool]:
    found: list[Incident] = []
    after: tuple[Micros, str] | None = None
    while True:
        page = await store.search("incident", TOUCHED, limit=PAGE, after=after, since=now - REACH)
        found += [incident for document in page.documents if (incident := incident_of(document))]
        after = page.after
        if after is None or len(found) >= MAX_INCIDENTS:
            return found, after is not None


async def incidents_of(store: Store, query: Query) -> list[Incident]:
    """Every touched incident that matches, newest first."""
    documents = await _everything(store, "incident", And((TOUCHED, query)))
    return [incident for document in documents if (incident := incident_of(document))]


async def reports_of(store: Store, incidents: Sequence[Incident]) -> dict[str, list[Report]]:
    """Incident id → its reports, those of incidents that were merged into it, and those of its campaign's others."""
    about: dict[str, set[str]] = {incident.id: {incident.id} for incident in incidents}
    for incident in incidents:
        about[incident.id] |= {link.incident_id for link in incident.links[:CAMPAIGN]}
    for start in range(0, len(incidents), PAGE):
        ids = [incident.id for incident in incidents[start : start + PAGE]]
        for document in await _everything(store, "incident", _any("incident.merged_into", ids)):
            about[str(document.body.get("merged_into"))].add(document.id)
    wanted = sorted(set[str]().union(*about.values()))
    by_incident: dict[str, list[Report]] = {}
    for start in range(0, len(wanted), PAGE):
        for document in await _everything(store, "report", _any("incident.id", wanted[start : start + PAGE])):
            report = report_of(document)
            if report is not None:
                by_incident.setdefault(report.incident_id, []).append(report)
    return {id_: [report for of in sorted(ids) for report in by_incident.get(of, ())] for id_, ids in about.items()}


async def _everything(store: Store, kind: DocumentKind, query: Query) -> list[Document]:
    found: list[Document] = []
    after: tuple[Micros, str] | None = None
    while True:
        page = await store.search(kind, query, limit=PAGE, after=after)
        found += page.documents
        after = page.after
        if after is None:
            return found


def incident_of(document: Document) -> Incident | None:
    """The incident of a document; None where it was written by a version that had other fields."""
    try:
        return msgspec.convert(document.body, Incident)
    except msgspec.ValidationError:
        return None


def report_of(document: Document) -> Report | None:
    """The report of a document, without its bytes: they may not be read as text, and nothing here needs them."""
    try:
        return msgspec.convert({**document.body, "payload": b""}, Report)
    except msgspec.ValidationError:
        return None


def next_due(policy: Policy, found: Owed, now: Micros) -> Mapping[Kind, float]:
    """Kind → seconds until the first of them is due (below 0: since it was), infinite where none is owed."""
    seconds: dict[Kind, float] = dict.fromkeys(policy.kinds(), float("inf"))
    for clock in found.clocks:
        if clock.due is not None and not clock.exercise:
            seconds[clock.kind] = min(seconds[clock.kind], (clock.due - now) / SECOND)
    return seconds
