"""One lane and what happened to its sending in, the lane's next state out: the table of a sending's life, and when to try again. Pure.

    idle ──attempt──► sending ──acknowledged, sent──────────► idle
                      ▲     ├──refused─────────────────────► idle       one record alone is put aside for a person, several are parted
              attempt │     ├──partly──────────────────────► idle       what was taken is done, the rest goes into the next sending
                      │     ├──unavailable, lost, restarted─► waiting   the same bytes under the same key, later
                      │     └──unauthorized────────────────► blocked    the same, at the longest interval
    waiting, blocked ─┘

Nothing is sent but from ``sending``, which is committed first with the numbers of the records: a process that dies sends the same
bytes under the same ids again, and the receiver drops what it has. Unlike a report, a summary is not asked after: its receiver
promises to know a repeat by its id (``docs/reference/sharing.md``). One sending at a time to each receiver is its breaker too.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from soc.clock import HOUR, SECOND, Micros
from soc.forward.outbox import Backoff

LaneState = Literal["idle", "sending", "waiting", "blocked"]

EventKind = Literal[
    "attempt",  # it is about to be sent
    "acknowledged",  # the receiver has all of it and said so
    "sent",  # the bytes are at the receiver's machine; its wire knows no acknowledgement
    "partly",  # the receiver named what of it it has
    "refused",  # the receiver will not take it, whatever we do
    "unavailable",  # certainly not taken, may be taken later
    "lost",  # bytes may have left and no complete answer came
    "restarted",  # the process that was sending it is gone
    "unauthorized",  # the receiver does not take us for who we are, or we do not take it for who it is
]

TRANSITIONS: Mapping[tuple[LaneState, EventKind], LaneState] = {
    ("idle", "attempt"): "sending",
    ("waiting", "attempt"): "sending",
    ("blocked", "attempt"): "sending",
    ("sending", "acknowledged"): "idle",
    ("sending", "sent"): "idle",
    ("sending", "partly"): "idle",
    ("sending", "refused"): "idle",
    ("sending", "unavailable"): "waiting",
    ("sending", "lost"): "waiting",
    ("sending", "restarted"): "waiting",
    ("sending", "unauthorized"): "blocked",
}
"""The whole life of a sending. What is not here does not happen."""

MAX_RETRY_AFTER = HOUR
"""The longest wait that a receiver may ask for."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of one attempt.

    Attributes:
        detail: one clause for people; never a secret.
        retry_after: seconds that the receiver asked to wait, or None.
        taken: with ``partly``: ids that it has.
        refused: with ``partly``: id → why it will never take it.
        counted: how many summaries of a day it says that it has, where a day was sent and it says so.
        receipt: its own id of what it took, "" = it gave none.
    """

    kind: EventKind
    detail: str = ""
    retry_after: float | None = None
    taken: tuple[str, ...] = ()
    refused: dict[str, str] = {}
    counted: int | None = None
    receipt: str = ""


class Lane(msgspec.Struct, frozen=True):
    """Where one receiver's sendings stand.

    Attributes:
        since: when its numbering began.
        next: the number that the next record gets.
        start: when the open window began, 0 = none is open.
        day: the last local day whose count is not sealed yet.
        state, numbers, attempts: the sending under way or to be repeated.
        size: how many summaries a sending may have now; halved when a receiver refuses one, doubled when it takes one.
        next_attempt: not before this.
        failures: in a row. ``failing``: since when.
        last: when it last took something. ``detail``: what it said last.
        repeats: how many sendings were made more than once.
        retried: the newest order of a person to try at once that was followed.
    """

    since: Micros
    next: int = 1
    start: Micros = 0
    day: str = ""
    state: LaneState = "idle"
    numbers: tuple[int, ...] = ()
    attempts: int = 0
    size: int = 1000
    next_attempt: Micros = 0
    failures: int = 0
    failing: Micros = 0
    last: Micros = 0
    detail: str = ""
    repeats: int = 0
    retried: Micros = 0


def after(lane: Lane, outcome: Outcome, now: Micros, backoff: Backoff, jitter: float) -> Lane:
    """The lane after what happened.

    Args:
        lane: before it; with ``attempt`` from ``idle`` its numbers are those to be sent.
        outcome: what happened.
        now: the time.
        backoff: of the receiver.
        jitter: a random number in [0, 1).

    Raises:
        ValueError: the table has no such transition: the caller is at fault.
    """
    state = TRANSITIONS.get((lane.state, outcome.kind))
    if state is None:
        raise ValueError(f"nothing leads from {lane.state} by {outcome.kind}")
    if state == "sending":
        return msgspec.structs.replace(
            lane, state=state, attempts=lane.attempts + 1, repeats=lane.repeats + (lane.attempts == 1)
        )
    if state == "idle":
        took = outcome.kind != "refused"
        size = min(1000, 2 * lane.size) if took else max(1, len(lane.numbers) // 2)
        last = now if took else lane.last
        return msgspec.structs.replace(
            lane, state=state, numbers=(), attempts=0, size=size, next_attempt=0, failures=0, failing=0, last=last,
            detail=outcome.detail,
        )  # fmt: skip
    failures = lane.failures + (outcome.kind != "restarted")
    asked = min(round((outcome.retry_after or 0) * SECOND), MAX_RETRY_AFTER)
    wait = backoff.longest if state == "blocked" else backoff.wait(max(1, failures), jitter)
    return msgspec.structs.replace(
        lane,
        state=state,
        next_attempt=now + (0 if outcome.kind == "restarted" else max(wait, asked)),
        failures=failures,
        failing=lane.failing or now,
        detail=outcome.detail,
    )
