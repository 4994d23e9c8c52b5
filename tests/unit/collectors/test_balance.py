"""The balance: exact sums per source and minute, bounded in age and in forged sources."""

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.balance import KEPT, MAX_SOURCES, Balance, key_of
from soc.clock import MINUTE
from soc.model import decode

batches = st.lists(
    st.dictionaries(
        st.tuples(st.integers(100, 112), st.sampled_from(["a", "b/c", "đ", ""])), st.integers(1, 9), max_size=5
    ),
    max_size=12,
)


@settings(max_examples=100)
@given(batches, st.integers(0, 12))
def test_the_balance_is_the_sum_of_its_batches_wherever_it_is_restored(
    parts: list[dict[tuple[int, str], int]], restart: int
) -> None:
    state: dict[bytes, bytes] = {}
    balance = Balance()
    expected: dict[bytes, int] = {}
    for index, counts in enumerate(parts):
        if index == restart:
            balance = Balance(state.items())
        plan = balance.plan(counts, 112 * MINUTE)
        balance.plan(counts, 112 * MINUTE)  # a plan that is never applied changes nothing
        balance.apply(plan)
        for key, value in plan.changes().items():
            assert value is not None
            state[key] = value
        for (minute, source), count in counts.items():
            expected[key_of(minute, source)] = expected.get(key_of(minute, source), 0) + count
    assert {key: decode(value, int) for key, value in state.items()} == expected
    assert balance.total() == sum(expected.values())


def test_counts_older_than_a_week_are_deleted() -> None:
    balance = Balance()
    for minute in range(10):
        balance.apply(balance.plan({(minute, "a"): 1}, minute * MINUTE))
    plan = balance.plan({(20_000, "a"): 1}, 5 * MINUTE + KEPT)
    assert {key for key, value in plan.changes().items() if value is None} == {
        key_of(minute, "a") for minute in range(5)
    }
    balance.apply(plan)
    assert balance.total() == 6


def test_forged_sources_without_end_are_counted_under_the_empty_source() -> None:
    balance = Balance()
    plan = balance.plan({(1, f"s{n}"): 1 for n in range(MAX_SOURCES + 50)}, 0)
    balance.apply(plan)
    assert len(plan.totals) == MAX_SOURCES + 1
    assert plan.totals[1, ""] == 50
    assert balance.plan({(1, "new"): 1}, 0).totals == {(1, ""): 51}
