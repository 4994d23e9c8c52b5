"""The table of a report's life, and when the next attempt is."""

from typing import get_args

import pytest
from forward_made import T0, report
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.clock import SECOND
from soc.forward.outbox import (
    DECISIONS,
    DONE,
    FINAL,
    HISTORY_KEPT,
    MAX_RETRY_AFTER,
    TRANSITIONS,
    Backoff,
    EventKind,
    Happened,
    next_report,
)
from soc.model import Receipt, ReportState

STATES, EVENTS = get_args(ReportState), get_args(EventKind)
BACKOFF = Backoff(2 * SECOND, 900 * SECOND)


def step(before, kind, now=T0, jitter=0.0, **fields):
    return next_report(before, Happened(kind, **fields), now, BACKOFF, jitter)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_what_is_in_the_table_happens_and_nothing_else(state, event):
    before = report(state)
    if (state, event) in TRANSITIONS:
        after = step(before, event)
        assert (after.state, after.seq) == (TRANSITIONS[state, event], 2)
        assert (after.payload, after.payload_sha256, after.id) == (before.payload, before.payload_sha256, before.id)
        assert after.history[-1][:2] == (after.state, T0)
    else:
        with pytest.raises(ValueError, match="nothing leads"):
            step(before, event)


def test_only_final_states_end_and_bytes_leave_from_sending_alone():
    by_itself = {key[0] for key in TRANSITIONS if key[1] not in {*DECISIONS.values(), "overtaken"}}
    assert {state for state in STATES if not any(key[0] == state for key in TRANSITIONS)} == DONE
    assert set(STATES) - by_itself == FINAL
    assert {after for (_, event), after in TRANSITIONS.items() if event == "attempt"} == {"sending"}
    answers = {"accepted", "rejected", "unauthorized", "unavailable", "lost", "restarted"}
    assert {state for state, event in TRANSITIONS if event in answers} == {"sending"}


def test_an_uncertain_report_is_never_sent_before_it_was_asked_for():
    assert ("uncertain", "attempt") not in TRANSITIONS
    assert {event for state, event in TRANSITIONS if state == "uncertain"} == {
        "found",
        "absent",
        "unreachable",
        "differs",
        "rebuilt",
        "unknowable",
        "delivered",
        "resend",
    }
    assert TRANSITIONS["uncertain", "resend"] == "uncertain"  # a person makes it asked for at once, not sent


def test_a_report_that_may_have_arrived_unseen_goes_out_again_by_a_persons_word_alone():
    assert {event for state, event in TRANSITIONS if state == "held"} - {"rebuilt"} == set(DECISIONS.values())


def test_nobody_takes_back_what_a_receiver_may_be_reading():
    assert not {("sending", "cancelled"), ("uncertain", "cancelled"), ("accepted", "cancelled")} & set(TRANSITIONS)


def test_who_took_over_asks_when_the_one_before_can_send_nothing_more():
    assert step(report("sending"), "restarted", retry_after=20).next_attempt == T0 + 20 * SECOND
    assert step(report("queued"), "rebuilt", retry_after=20).next_attempt == T0 + 20 * SECOND


def test_a_report_that_did_not_arrive_is_queued_again_and_waits_its_turn():
    after = step(report("uncertain", attempts=1), "absent")
    assert (after.state, after.next_attempt) == ("queued", T0 + BACKOFF.shortest)


@settings(max_examples=100)
@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_lies_between_the_shortest_and_the_longest(attempts, jitter):
    wait = BACKOFF.wait(attempts, jitter)
    assert BACKOFF.shortest <= wait <= min(BACKOFF.longest, BACKOFF.shortest * 2 ** min(attempts, 20))


def test_waits_double_up_to_the_longest():
    tops = [BACKOFF.wait(n, 1.0) // SECOND for n in range(12)]
    assert tops == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_retry_after_is_honoured_where_it_is_longer_and_bounded():
    sending = report("sending", attempts=1)
    assert step(sending, "unavailable", retry_after=60).next_attempt == T0 + 60 * SECOND
    assert step(sending, "unavailable", retry_after=0).next_attempt == T0 + 2 * SECOND
    assert step(sending, "unavailable", retry_after=1e9).next_attempt == T0 + MAX_RETRY_AFTER


def test_a_lost_answer_is_asked_after_at_once_and_a_refused_name_at_the_longest_interval():
    assert step(report("sending"), "lost").next_attempt == 0
    assert step(report("sending"), "unauthorized").next_attempt == T0 + BACKOFF.longest


def test_a_receipt_gets_the_attempt_the_time_and_how_it_was_learned():
    receipt = Receipt("R-1", "2026-11-22T08:00:00Z", 201, "https://receiver.example/reports", 0, 0)
    accepted = step(report("sending", attempts=3), "accepted", receipt=receipt).receipt
    assert (accepted.attempt, accepted.at, accepted.verified) == (3, T0, False)
    assert step(report("uncertain", attempts=2), "found", receipt=receipt).receipt.verified


def test_an_attempt_is_counted():
    assert step(report("queued"), "attempt").attempts == 1


def test_the_history_is_bounded_and_keeps_how_it_began():
    report_ = report("uncertain", history=(("queued", T0, "sealed"),))
    for n in range(HISTORY_KEPT + 50):
        report_ = step(report_, "unreachable", now=T0 + n)
    assert len(report_.history) == HISTORY_KEPT
    assert report_.history[0] == ("queued", T0, "sealed")
    assert report_.history[-1][1] == T0 + HISTORY_KEPT + 49
