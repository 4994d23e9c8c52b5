"""Reports in, what was sent to each receiver on each day and what he acknowledged out, every difference by name: the daily reconcile.

A report is of the day on which its bytes were first about to leave, in the policy's zone; one that was never tried is of the day on which
it was sealed. Nothing is of two days, so the sums over days are the sums of all.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from soc.clock import DAY, Micros, to_datetime, to_micros
from soc.forward.outbox import HISTORY_KEPT, WAITING_FOR_A_PERSON
from soc.forward.owed import report_of
from soc.model import Report, ReportState
from soc.store.base import Store
from soc.store.query import All

REACH = 31 * DAY
"""So long before a day the reports of that day may have been sealed; one that was not tried for longer is an old duty, not a receipt."""
PAGE = 200

_TAKEN_BACK: frozenset[ReportState] = frozenset({"superseded", "cancelled"})


class Difference(msgspec.Struct, frozen=True):
    """A report that the receiver has not acknowledged.

    Attributes:
        since: when it came into its state.
        needs: ``person``, ``time`` (it is tried on), or ``nothing`` (taken back, or replaced by a newer one).
    """

    report: str
    incident: str
    kind: str
    state: ReportState
    since: Micros
    needs: str
    detail: str


class Reconciled(msgspec.Struct, frozen=True):
    """One receiver on one day.

    Attributes:
        day: ISO 8601, in the policy's zone.
        sealed: reports of the day. ``sent``: of them those whose bytes were to leave at least once.
        acknowledged: the receiver gave a receipt. ``other_way``: a person delivered it and gave a number.
        open: neither, and somebody or something is still to bring it to an end.
        differences: those that are not acknowledged and were not delivered another way.
    """

    recipient: str
    day: str
    sealed: int
    sent: int
    acknowledged: int
    other_way: int
    open: int
    differences: tuple[Difference, ...]


def day_of(report: Report, zone: ZoneInfo) -> date:
    """Of which day a report is."""
    at = report.sealed_at
    if len(report.history) < HISTORY_KEPT:  # beyond, the first attempt may be forgotten, and it was soon after sealing
        at = min((time for state, time, _ in report.history if state == "sending"), default=at)
    return to_datetime(at).astimezone(zone).date()


def reconciled(reports: Iterable[Report], zone: ZoneInfo) -> tuple[Reconciled, ...]:
    """What was sent to whom on which day, and what of it was acknowledged; the latest day first.

    An approval that fitted no bytes (``stale``) made no report and counts nowhere.
    """
    groups: dict[tuple[date, str], list[Report]] = {}
    for report in reports:
        if report.state != "stale":
            groups.setdefault((day_of(report, zone), report.recipient), []).append(report)
    return tuple(
        _reconciled(recipient, day, found)
        for (day, recipient), found in sorted(groups.items(), key=lambda item: (-item[0][0].toordinal(), item[0][1]))
    )


def _reconciled(recipient: str, day: date, reports: Sequence[Report]) -> Reconciled:
    differences = tuple(_difference(one) for one in reports if one.state not in {"accepted", "out_of_band"})
    return Reconciled(
        recipient,
        day.isoformat(),
        len(reports),
        sum(report.attempts > 0 for report in reports),
        sum(report.state == "accepted" for report in reports),
        sum(report.state == "out_of_band" for report in reports),
        sum(one.needs != "nothing" for one in differences),
        differences,
    )


def _difference(report: Report) -> Difference:
    needs = "person" if report.state in WAITING_FOR_A_PERSON else "time"
    if report.state in _TAKEN_BACK:
        needs = "nothing"
    since = report.history[-1][1] if report.history else report.sealed_at
    return Difference(report.id, report.incident_id, report.kind, report.state, since, needs, report.detail)


def bounds(day: date, zone: ZoneInfo) -> tuple[Micros, Micros]:
    """When reports of a day may have been sealed: from, and before."""
    end = to_micros(datetime.combine(day + timedelta(days=1), datetime.min.time(), zone))
    return end - DAY - REACH, end


async def reports_between(store: Store, since: Micros, until: Micros) -> list[Report]:
    """Every report that was sealed in an interval, without its bytes, newest first."""
    found: list[Report] = []
    after: tuple[Micros, str] | None = None
    while True:
        page = await store.search("report", All(), limit=PAGE, after=after, since=since, until=until)
        found += [report for document in page.documents if (report := report_of(document))]
        after = page.after
        if after is None:
            return found


def gauged(
    rows: Iterable[Reconciled], recipients: Iterable[str], today: date
) -> dict[tuple[str, str], tuple[int, int, int]]:
    """(receiver, ``today``, ``yesterday`` or ``earlier``) → sent, acknowledged or delivered another way, open: what metrics say.

    Every receiver has all three, so that a number that falls back to 0 is told.
    """
    spans = ("today", "yesterday", "earlier")
    sums = {(name, span): (0, 0, 0) for name in recipients for span in spans}
    for row in rows:
        age = (today - date.fromisoformat(row.day)).days
        key = (row.recipient, spans[min(2, max(0, age))])
        sent, had, still = sums.get(key, (0, 0, 0))
        sums[key] = (sent + row.sent, had + row.acknowledged + row.other_way, still + row.open)
    return sums
