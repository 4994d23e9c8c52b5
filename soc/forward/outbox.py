"""One report and what happened to it in, the report's next state out: the table of a report's life, and when to try again.

    queued ──attempt──► sending ──accepted──► accepted
      ▲                   │ ├──rejected─────► rejected ──overtaken──► superseded
      │ absent            │ ├──unauthorized─► blocked_auth ──attempt──► sending
      │                   │ ├──unavailable──► retry_wait ────attempt──► sending
      │                   │ └──pending──────► processing ──found, absent, differs, pending: as uncertain
    uncertain ◄──lost, restarted──┘
      │ └──unreachable──► uncertain          stale: an approval that fits no bytes; nothing is sent
      ├──found──► accepted                   rebuilt: whatever is not final becomes uncertain
      ├──differs► rejected
      └──unknowable► held ──resend──► queued

By a person: ``delivered`` leads to out_of_band and ``cancelled`` to cancelled from wherever nothing is under way; ``resend`` also
from rejected.

Nothing is sent but from ``sending``, which is committed first: a process that dies leaves either a report that was never sent
or one in ``sending``, which a restart turns into ``uncertain``, and an uncertain report is looked for before it is sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from soc.clock import HOUR, SECOND, Micros
from soc.model import Receipt, Report, ReportState

EventKind = Literal[
    "attempt",  # it is about to be sent
    "accepted",  # the receiver has it and said so
    "rejected",  # the receiver will not take it, whatever we do
    "unauthorized",  # the receiver does not take us for who we are, or we do not take it for who it is
    "unavailable",  # certainly not taken, may be taken later
    "lost",  # bytes may have left and no complete answer came
    "restarted",  # the process that was sending it is gone, or stopped and replaced
    "rebuilt",  # the state was made anew from an outbox that may lack the latest transitions
    "found",  # asked: the receiver has it
    "absent",  # asked: the receiver has it not
    "unreachable",  # asked: no answer to the question
    "differs",  # asked: the receiver has other bytes under its id
    "pending",  # the receiver took the bytes and is still at work on them
    "unknowable",  # the receiver can neither be asked nor recognizes a repeat, or only a person can take it there
    "overtaken",  # a newer report of its kind took its place
    "delivered",  # a person: it was delivered another way
    "resend",  # a person: do not wait; send the same bytes again, where that is safe, else ask the receiver now
    "cancelled",  # a person: take it back
]

_AT_REST: tuple[ReportState, ...] = (
    *("queued", "retry_wait", "uncertain", "processing", "blocked_auth", "rejected", "held"),
)
"""Where a person may settle a report: nothing of it is under way at this moment."""

_NOT_SENT: tuple[ReportState, ...] = ("queued", "retry_wait", "blocked_auth", "rejected", "held")
"""Where a person may take one back: no receiver is known to have it."""

TRANSITIONS: Mapping[tuple[ReportState, EventKind], ReportState] = {
    ("queued", "attempt"): "sending",
    ("retry_wait", "attempt"): "sending",
    ("blocked_auth", "attempt"): "sending",
    ("sending", "accepted"): "accepted",
    ("sending", "rejected"): "rejected",
    ("sending", "unauthorized"): "blocked_auth",
    ("sending", "unavailable"): "retry_wait",
    ("sending", "lost"): "uncertain",
    ("sending", "restarted"): "uncertain",
    ("queued", "rebuilt"): "uncertain",
    ("sending", "rebuilt"): "uncertain",
    ("retry_wait", "rebuilt"): "uncertain",
    ("blocked_auth", "rebuilt"): "uncertain",
    ("uncertain", "rebuilt"): "uncertain",
    ("uncertain", "found"): "accepted",
    ("uncertain", "absent"): "queued",
    ("uncertain", "unreachable"): "uncertain",
    ("uncertain", "differs"): "rejected",
    ("uncertain", "unknowable"): "held",
    ("sending", "unknowable"): "held",
    ("sending", "pending"): "processing",
    ("processing", "pending"): "processing",
    ("processing", "found"): "accepted",
    ("processing", "absent"): "queued",
    ("processing", "differs"): "rejected",
    ("processing", "unreachable"): "processing",
    ("processing", "unknowable"): "held",
    ("processing", "rebuilt"): "uncertain",
    ("held", "rebuilt"): "held",
    ("held", "resend"): "queued",
    ("rejected", "resend"): "queued",
    ("queued", "resend"): "queued",
    ("retry_wait", "resend"): "queued",
    ("blocked_auth", "resend"): "queued",
    ("uncertain", "resend"): "uncertain",
    ("processing", "resend"): "processing",
    ("rejected", "overtaken"): "superseded",
    **dict.fromkeys(((state, "delivered") for state in _AT_REST), "out_of_band"),
    **dict.fromkeys(((state, "cancelled") for state in _NOT_SENT), "cancelled"),
}
"""The whole life of a report. What is not here does not happen."""

DONE: frozenset[ReportState] = frozenset({"accepted", "stale", "superseded", "cancelled", "out_of_band"})
"""Nothing happens any more, and nothing waits for it."""

_REJECTED: frozenset[ReportState] = frozenset({"rejected"})
FINAL: frozenset[ReportState] = DONE | _REJECTED
"""Nothing happens any more unless a person approves again."""

WAITING_FOR_A_PERSON: frozenset[ReportState] = frozenset({"rejected", "blocked_auth", "held"})

STUCK: frozenset[ReportState] = frozenset({"retry_wait", "uncertain", "processing", "blocked_auth", "rejected", "held"})
"""It was tried and is not through."""

OVERTAKING: frozenset[str] = frozenset({"notice_immediate", "notice_initial"})
"""Kinds that do not wait behind a report that is stuck: the law counts their time in minutes and hours."""

DECISIONS: Mapping[str, EventKind] = {"out_of_band": "delivered", "resend": "resend", "cancel": "cancelled"}
"""What a person's settlement means."""

MAX_RETRY_AFTER = HOUR
"""The longest wait that a receiver may ask for: a duty with a deadline does not wait for a date that somebody mistyped."""

HISTORY_KEPT = 200
"""Transitions kept in a report; the first one and the latest. All of them are in ``soc.outbox``."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened to a report.

    Attributes:
        detail: one clause for people; never a secret.
        retry_after: seconds that the receiver asked to wait, or None; with ``restarted`` and ``rebuilt`` how long the one that
            was sending may still do so.
        receipt: with ``accepted`` and ``found``; its attempt and time are filled in here.
    """

    kind: EventKind
    detail: str = ""
    retry_after: float | None = None
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between attempts: full jitter between ``shortest`` and a bound that doubles up to ``longest``."""

    shortest: Micros = 2 * SECOND
    longest: Micros = 900 * SECOND

    def wait(self, attempts: int, jitter: float) -> Micros:
        """How long to wait after so many attempts.

        Args:
            attempts: made so far, at least 1 for a wait that grows.
            jitter: a random number in [0, 1).
        """
        bound = min(self.longest, self.shortest * 2 ** min(attempts, 40))
        return self.shortest + round(jitter * max(0, bound - self.shortest))


def next_report(report: Report, happened: Happened, now: Micros, backoff: Backoff, jitter: float) -> Report:
    """The report after what happened.

    Raises:
        ValueError: the table has no such transition: the caller is at fault.
    """
    state = TRANSITIONS.get((report.state, happened.kind))
    if state is None:
        raise ValueError(f"report {report.id}: nothing leads from {report.state} by {happened.kind}")
    attempts = report.attempts + (happened.kind == "attempt")
    receipt = happened.receipt
    if receipt is not None:
        receipt = msgspec.structs.replace(receipt, attempt=attempts, at=now, verified=happened.kind == "found")
    return msgspec.structs.replace(
        report,
        seq=report.seq + 1,
        state=state,
        attempts=attempts,
        next_attempt=_next_attempt(state, attempts, happened, now=now, backoff=backoff, jitter=jitter),
        detail=happened.detail,
        receipt=receipt or report.receipt,
        history=_told(report, state, now, happened),
    )


def _next_attempt(
    state: ReportState, attempts: int, happened: Happened, *, now: Micros, backoff: Backoff, jitter: float
) -> Micros:
    """When the next thing is due; 0 = at once, or never if the state is final.

    An uncertain report is asked after at once the first time: only a failed question waits, and who took over, until the
    one before can send nothing more. A refusal for who we are is tried again at the longest interval: the cure is often at
    the other end, and nobody may be there to press a button.
    """
    if state == "blocked_auth":
        return now + backoff.longest
    if happened.kind in {"unavailable", "absent", "unreachable", "pending"}:
        asked = min(round((happened.retry_after or 0) * SECOND), MAX_RETRY_AFTER)
        return now + max(backoff.wait(attempts, jitter), asked)
    if happened.kind in {"restarted", "rebuilt"}:
        return now + round((happened.retry_after or 0) * SECOND)
    return 0


def _told(report: Report, state: ReportState, now: Micros, happened: Happened) -> tuple[tuple[str, Micros, str], ...]:
    history = (*report.history, (state, now, happened.detail))
    return history if len(history) <= HISTORY_KEPT else (history[0], *history[-HISTORY_KEPT + 1 :])
