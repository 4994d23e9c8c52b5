"""A policy and the time in, the clocks of its periodic reports out: the period that ended last and the one that runs."""

from collections.abc import Collection
from typing import Literal

import msgspec

from soc.clock import Micros
from soc.duties.calendar import Every, Period, due_of, periods_around
from soc.duties.policy import Periodic, Policy


class PeriodicClock(msgspec.Struct, frozen=True):
    """One hand-over of one periodic report.

    Attributes:
        report: of the policy. ``period``: ``2026``, ``2026-H1``, ``2026-W47``; ``start`` to ``end``, exclusive, are its data.
        sender, recipient: ids of the policy; the others are their names.
        share: of the time from the period's end to due that is gone.
    """

    report: str
    every: Every
    period: str
    vi: str
    en: str
    sender: str
    sender_vi: str
    sender_en: str
    recipient: str
    recipient_vi: str
    recipient_en: str
    start: Micros
    end: Micros
    due: Micros
    state: Literal["not_triggered", "running", "overdue", "met"]
    share: float | None
    legal_basis: str
    figure: str
    verified: bool
    policy: str
    policy_hash: str

    @property
    def key(self) -> str:
        """What a hand-over is recorded under."""
        return f"{self.report}/{self.period}/{self.recipient}"


def periodic_clocks(
    policy: Policy, now: Micros, since: Micros | None = None, delivered: Collection[str] = ()
) -> tuple[PeriodicClock, ...]:
    """The hand-overs of each periodic report, in the policy's order.

    Args:
        policy: in force.
        now: the time.
        since: periods that ended before are not this installation's; None: what is past due is left out, because nobody said from
            when on it is owed.
        delivered: keys of hand-overs that were made.
    """
    return tuple(
        clock
        for one in policy.periodic
        for covered in periods_around(one.every, one.first_day, now, policy.zone)
        for clock in steps_of(policy, one, covered, now, delivered)
        if clock.state != "overdue" or (since is not None and covered.end > since)
    )


def steps_of(
    policy: Policy, one: Periodic, covered: Period, now: Micros, delivered: Collection[str]
) -> tuple[PeriodicClock, ...]:
    """The hand-overs of one report on one period.

    Each is owed from the first moment after the period, or from its last second where it is due before its data end.
    """
    found: list[PeriodicClock] = []
    for step in one.steps:
        due = due_of(step.before, covered, policy.zone)
        begins = min(covered.end, due)
        state: Literal["not_triggered", "running", "overdue", "met"]
        if f"{one.id}/{covered.name}/{step.recipient}" in delivered:
            state = "met"
        else:
            state = "not_triggered" if now < begins else "running" if now <= due else "overdue"
        sender, recipient = policy.recipients[step.sender], policy.recipients[step.recipient]
        found.append(
            PeriodicClock(
                one.id,
                one.every,
                covered.name,
                one.vi,
                one.en,
                sender.id,
                sender.vi,
                sender.en,
                recipient.id,
                recipient.vi,
                recipient.en,
                covered.start,
                covered.end,
                due,
                state,
                (now - begins) / (due - begins) if due > begins and now >= begins else None,
                one.legal_basis,
                one.figure,
                one.verified,
                policy.id,
                policy.hash,
            )
        )
    return tuple(found)
