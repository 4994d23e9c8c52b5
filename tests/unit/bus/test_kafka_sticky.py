"""Who gets which partition: every one once, evenly, with as few moves as an even share allows."""

from hypothesis import given
from hypothesis import strategies as st

from soc.bus.kafka_sticky import Held, spread

names = st.lists(st.text("abc0123-", min_size=1, max_size=4), min_size=1, max_size=8, unique=True)


@given(names, names, st.integers(0, 40))
def test_every_partition_goes_to_one_worker_evenly_and_no_more_move_than_must(before, after, partitions):
    had = spread({name: Held(-1, ()) for name in before}, partitions)
    now = spread({name: Held(1 if name in had else -1, had.get(name, ())) for name in after}, partitions)
    assert sorted(one for share in now.values() for one in share) == list(range(partitions))
    sizes = sorted(map(len, now.values()))
    assert sizes[-1] - sizes[0] <= 1
    kept = sum(len({*had.get(name, ())} & {*now[name]}) for name in after)
    rooms = sorted(sizes, reverse=True)
    most = sorted((len(had.get(name, ())) for name in after), reverse=True)
    assert kept == sum(map(min, most, rooms))


@given(names, st.lists(st.integers(0, 9), max_size=12))
def test_of_two_workers_that_say_they_have_a_partition_the_newer_keeps_it(others, partitions):
    workers = {name: Held(3, partitions) for name in others} | {"newer": Held(4, (7,))}
    assert 7 in spread(workers, 10)["newer"]


def test_of_a_single_partition_there_is_one_owner_and_it_stays_when_others_come():
    first = spread({"b": Held(-1, ())}, 1)
    assert first == {"b": [0]}
    assert spread({"a": Held(-1, ()), "b": Held(1, (0,)), "c": Held(-1, ())}, 1) == {"a": [], "b": [0], "c": []}
