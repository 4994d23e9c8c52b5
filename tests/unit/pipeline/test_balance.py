"""The balance of promise 1: every record of every source and minute in exactly one bucket."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from soc.clock import MINUTE
from soc.pipeline.balance import KEEP_MINUTES, Balance, Outcomes, by_source, compare, key, parse_key

sources = st.text(min_size=1, max_size=12)


def collected(counts: dict[tuple[int, str], int]) -> dict[bytes, bytes]:
    return {key(minute * MINUTE, source): msgspec.msgpack.encode(n) for (minute, source), n in counts.items()}


def test_a_record_in_each_bucket_balances():
    balance = Balance()
    balance.bucket(5 * MINUTE, "fw").normalized += 2
    balance.bucket(5 * MINUTE + 1, "fw").dead += 1
    balance.bucket(6 * MINUTE, "fw").discarded += 4
    state = balance.changes()
    sums = compare([collected({(5, "fw"): 3, (6, "fw"): 4})], [state], 0)  # type: ignore[list-item]
    assert sums.balanced
    assert (sums.raw, sums.normalized, sums.dead, sums.discarded) == (7, 2, 1, 4)


def test_a_lost_and_a_doubled_record_are_both_found_even_though_the_totals_agree():
    balance = Balance()
    balance.bucket(5 * MINUTE, "a").normalized += 1
    balance.bucket(5 * MINUTE, "b").normalized += 3
    sums = compare([collected({(5, "a"): 2, (5, "b"): 2})], [balance.changes()], 0)  # type: ignore[list-item]
    assert not sums.balanced
    assert [(item.source, item.missing) for item in sums.off] == [("a", 1), ("b", -1)]


def test_records_in_flight_are_not_balanced_yet():
    sums = compare([collected({(5, "a"): 2})], [], 2)
    assert not sums.balanced
    assert sums.off[0].missing == 2


def test_partitions_of_one_source_add_up():
    halves = []
    for _ in range(2):
        half = Balance()
        half.bucket(MINUTE, "a").normalized += 1
        halves.append(half.changes())
    assert compare([collected({(1, "a"): 2})], halves, 0).balanced


@given(st.integers(0, 10**9), sources)
def test_a_state_key_names_its_minute_and_source_even_with_slashes(minute: int, source: str):
    assert parse_key(key(minute * MINUTE, source)) == (minute, source)


def test_a_restored_balance_goes_on_counting():
    first = Balance()
    first.bucket(MINUTE, "a").normalized += 5
    second = Balance()
    second.restore({k: v for k, v in first.changes().items() if v is not None})
    second.bucket(MINUTE, "a").normalized += 1
    (value,) = second.changes().values()
    assert msgspec.msgpack.decode(value, type=Outcomes) == Outcomes(6)  # type: ignore[arg-type]


def test_minutes_older_than_a_week_are_dropped_when_time_goes_on():
    balance = Balance()
    balance.bucket(MINUTE, "a").normalized += 1
    balance.changes()
    balance.bucket((2 + KEEP_MINUTES) * MINUTE, "a").normalized += 1
    assert balance.changes()[key(MINUTE, "a")] is None


def test_sources_past_the_bound_of_a_minute_are_compared_together():
    balance = Balance()
    balance.bucket(MINUTE, "known").normalized += 1
    balance.bucket(MINUTE, "forged-1").normalized += 1
    balance.bucket(MINUTE, "forged-2").dead += 1
    state = {k: v for k, v in balance.changes().items() if v is not None}
    assert compare([collected({(1, "known"): 1, (1, ""): 2})], [state], 0).balanced
    assert not compare([collected({(1, "known"): 1, (1, ""): 3})], [state], 0).balanced


def test_a_retried_letter_moves_between_buckets_in_two_partitions_and_the_sum_stays():
    dead, moved = Balance(), Balance()
    dead.bucket(MINUTE, "a").dead += 1
    bucket = moved.bucket(MINUTE, "a")
    bucket.dead -= 1
    bucket.normalized += 1
    sums = compare([collected({(1, "a"): 1})], [dead.changes(), moved.changes()], 0)  # type: ignore[list-item]
    assert sums.balanced
    assert (sums.normalized, sums.dead) == (1, 0)


def test_what_was_discarded_is_named_by_its_policy_over_all_partitions():
    halves = []
    for policy in ("heartbeat", "debug"):
        half = Balance()
        half.bucket(MINUTE, "a").discard("heartbeat")
        half.bucket(MINUTE, "a").discard(policy)
        halves.append(half.changes())
    sums = compare([collected({(1, "a"): 4})], halves, 0)
    assert (sums.discarded, sums.policies, sums.balanced) == (4, {"heartbeat": 3, "debug": 1}, True)


def test_parts_of_an_assembled_event_are_in_the_balance():
    balance = Balance()
    balance.bucket(MINUTE, "a").normalized += 1
    balance.bucket(MINUTE, "a").joined += 2
    assert compare([collected({(1, "a"): 3})], [balance.changes()], 0).balanced  # type: ignore[list-item]


def test_counts_of_an_older_version_are_read():
    state = {key(MINUTE, "a"): msgspec.msgpack.encode([3, 1, 0])}
    assert compare([collected({(1, "a"): 4})], [state], 0).balanced


def test_sources_are_told_of_one_by_one_for_the_asked_hours_only():
    balance = Balance()
    balance.bucket(1 * MINUTE, "a").normalized += 9
    balance.bucket(5 * MINUTE, "a").normalized += 2
    balance.bucket(6 * MINUTE, "a").dead += 1
    balance.bucket(6 * MINUTE, "b").discard("debug")
    raw = collected({(1, "a"): 9, (5, "a"): 2, (6, "a"): 3, (6, "b"): 1})
    a, b = by_source([raw], [balance.changes()], 5)  # type: ignore[list-item]
    assert (a.source, a.raw, a.normalized, a.dead, a.unsettled) == ("a", 5, 2, 1, 2)
    assert (b.source, b.discarded, b.policies, b.unsettled) == ("b", 1, {"debug": 1}, 0)
