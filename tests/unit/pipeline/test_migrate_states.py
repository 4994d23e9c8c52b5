"""Re-keying: every state key lands where the records of its key land, and time neither goes back nor makes anything late."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.bus.base import partition_of
from soc.clock import MINUTE, SECOND
from soc.correlate.correlator import Correlator
from soc.correlate.snapshot import decode_progress, encode, group_key, piece_key, rule_key, sealed_key
from soc.correlate.watermark import NEVER
from soc.detect.detector import Match
from soc.detect.feed import Sampler, feed
from soc.errors import LogMismatchError
from soc.model import Bundle, Detection, Event, Watermark
from soc.pipeline.balance import Outcomes, key
from soc.pipeline.migrate_states import (
    Counts,
    Pause,
    correlate_states,
    engine_states,
    group_record_key,
    raw_floor,
    record_keys,
)
from soc.pipeline.ruleset import PublishedRules
from soc.pipeline.source_watch import SourceWatch, read_sources
from soc.pipeline.watermarks import SourceClock, Watermarks
from soc.sigma.correlation import CorrelationCondition, CorrelationRule
from soc.sigma.ruleset import RuleSet

PAUSE = Pause(now=1_000_000 * SECOND, idle=60 * SECOND, hold=15 * MINUTE)
SOURCES = st.lists(st.text("abc/é:", min_size=1, max_size=6), min_size=1, max_size=12, unique=True)
PARTITIONS = st.integers(1, 7)


def rule(identifier: str, digest: str = "") -> CorrelationRule:
    condition = CorrelationCondition("gte", 3)
    return CorrelationRule(identifier, "event_count", ("base",), ("source.ip",), {}, MINUTE, condition, digest=digest)


def published(*rules: CorrelationRule, name: str = "set") -> PublishedRules:
    feeds = {"base": tuple(one.id for one in rules)}
    known = {one.id: one for one in rules}
    return PublishedRules(name, Bundle(()), {}, known, frozenset(known), {}, feeds, ())


def engine_state(sources: list[str], partitions: int) -> dict[int, dict[bytes, bytes]]:
    """What an engine would have kept of some sources, each heard a second after the one before."""
    states: dict[int, dict[bytes, bytes]] = {p: {} for p in range(partitions)}
    for number, source in enumerate(sources):
        state = states[partition_of(source.encode(), partitions)]
        state[b"clock/" + source.encode()] = msgspec.msgpack.encode(SourceClock(number * SECOND, number * SECOND))
        state[key(number * MINUTE, source)] = msgspec.msgpack.encode(Outcomes(number, 1, 0))
    for partition, state in states.items():
        state[b"watermark"] = msgspec.msgpack.encode(Watermark(partition, (10 + partition) * SECOND))
    return states


@given(SOURCES, PARTITIONS, PARTITIONS)
def test_every_source_is_known_where_its_lines_will_come(sources, old, new):
    found = engine_states(engine_state(sources, old), Counts(old, new), PAUSE)
    for source in sources:
        places = [p for p, state in enumerate(found) if b"clock/" + source.encode() in state]
        assert places == [partition_of(source.encode(), new)]


@given(SOURCES, PARTITIONS, PARTITIONS)
def test_what_was_learned_of_a_source_is_where_its_lines_will_come_whole(sources, old, new):
    before = {p: {} for p in range(old)}
    for number, source in enumerate(sources):
        for partition in {partition_of(source.encode(), old), number % old}:
            watch = SourceWatch()
            for minute in range(3):
                watch.observe(source, (number + minute * (partition + 1)) * MINUTE, None, "")
            before[partition].update(watch.changes())
    found = engine_states(before, Counts(old, new), PAUSE)
    assert read_sources(found) == read_sources(before.values())
    for source in sources:
        places = [p for p, state in enumerate(found) if b"source/" + source.encode() in state]
        assert places == [partition_of(source.encode(), new)]


@given(SOURCES, PARTITIONS, PARTITIONS)
def test_the_sums_of_the_balance_stay(sources, old, new):
    before = engine_state(sources, old)
    found = engine_states(before, Counts(old, new), PAUSE)

    def sums(states):
        rows = [(k, v) for state in states for k, v in state.items() if k.startswith(b"balance/")]
        assert len({k for k, _ in rows}) == len(rows)
        return dict(rows)

    assert sums(found) == sums(before.values())


def test_counts_of_one_source_in_two_partitions_are_added():
    minute = key(0, "wan")
    states = {p: {minute: msgspec.msgpack.encode(Outcomes(2, 1, 3))} for p in range(2)}
    found = engine_states(states, Counts(2, 3), PAUSE)
    rows = [state[minute] for state in found if minute in state]
    assert [msgspec.msgpack.decode(row, type=Outcomes) for row in rows] == [Outcomes(4, 2, 6)]


@given(st.integers(2, 6), PARTITIONS, PARTITIONS)
def test_a_sharded_source_is_known_wherever_one_of_its_shards_will_come(shards, old, new):
    keys = [b"wan#%d" % shard for shard in range(shards)]
    heard = {partition_of(one, old) for one in keys}
    states = {p: {b"clock/wan": msgspec.msgpack.encode(SourceClock(p, p))} for p in heard}
    counts = Counts(old, new, shards)
    found = engine_states(states, counts, PAUSE)
    assert {partition_of(one, new) for one in keys} <= {p for p, s in enumerate(found) if b"clock/wan" in s}
    assert set(keys) <= set(record_keys(b"wan", frozenset(heard), counts))


def test_who_was_active_holds_time_for_a_while_and_who_was_silent_does_not():
    stopped = 500 * SECOND
    clocks = {b"clock/live": SourceClock(stopped, stopped), b"clock/gone": SourceClock(7, stopped - 61 * SECOND)}
    states = {0: {name: msgspec.msgpack.encode(clock) for name, clock in clocks.items()}}
    states[0][b"watermark"] = msgspec.msgpack.encode(Watermark(0, 400 * SECOND))
    (found,) = engine_states(states, Counts(1, 1), PAUSE)
    marks = Watermarks(0, idle=PAUSE.idle)
    marks.restore(found)
    within, after = PAUSE.now + PAUSE.hold - 1, PAUSE.now + PAUSE.hold
    mark, _ = marks.emit(within, caught_up=True)
    assert mark == Watermark(0, stopped)
    mark, _ = marks.emit(after + 10 * SECOND, caught_up=True)
    assert mark == Watermark(0, after + 10 * SECOND, idle=True)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=5), PARTITIONS)
def test_no_engine_partition_begins_behind_what_all_had_said_nor_before_what_any_had_said(times, new):
    states = {p: {b"watermark": msgspec.msgpack.encode(Watermark(p, t))} for p, t in enumerate(times)}
    found = engine_states(states, Counts(len(times), new), PAUSE)
    marks = [msgspec.msgpack.decode(state[b"watermark"], type=Watermark) for state in found]
    assert marks == [Watermark(p, min(times)) for p in range(new)]


def test_a_partition_that_never_spoke_leaves_time_unknown():
    states = {0: {b"watermark": msgspec.msgpack.encode(Watermark(0, 5))}, 1: {}}
    assert raw_floor(states, 2) is None
    assert all(b"watermark" not in state for state in engine_states(states, Counts(2, 3), PAUSE))


def test_state_of_the_engine_that_is_not_known_is_refused():
    with pytest.raises(LogMismatchError, match="engine keeps state"):
        engine_states({0: {b"novel/x": b""}}, Counts(1, 2), PAUSE)


EVENT_FIELDS = {"source.ip": "203.0.113.7"}


def detection(target: str, group: tuple[str, ...], number: int) -> Detection:
    at = number * SECOND
    return Detection("base", "set", target, group, None, f"e{number}", "s", at, at, at)


def test_a_group_goes_where_its_detections_are_sent():
    one = rule("guessing")
    event = Event("e1", "s", 1, 1, 1, EVENT_FIELDS)
    rules = RuleSet("set", {}, {one.id: one}, {}, (), frozenset(), {}, {"base": (one.id,)})
    ((sent, found),) = feed(event, [Match("base", tuple)], rules, Sampler())
    assert group_record_key(found.target, found.group) == sent


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 30)), max_size=25), PARTITIONS, PARTITIONS)
def test_every_key_of_a_group_lands_where_its_detections_land(matches, old, new):
    sets = published(rule("a"), rule("b", digest="other"))
    states = correlated(sets, matches, old)
    found = correlate_states(states, new, None, [sets])
    assert found.left_out == 0
    assert sum(len(kept(s)) for s in found.states) == sum(len(kept(s)) for s in states.values())
    homes = {
        group_key(rule_key(digest), (str(v),)): (name, v)
        for name, digest in (("a", "a"), ("b", "other"))
        for v in range(31)
    }
    for partition, state in enumerate(found.states):
        for name in kept(state):
            target, value = homes[name[1:25]]
            assert partition_of(group_record_key(target, (str(value),)), new) == partition


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 4)), min_size=1, max_size=25),
    st.integers(0, 25),
    PARTITIONS,
    PARTITIONS,
)
def test_episodes_are_the_same_whether_partitions_changed_in_between_or_not(matches, cut, old, new):
    sets = published(rule("a"), rule("b"))
    cut = min(cut, len(matches))
    undisturbed = run(sets, matches, 1, {})
    first = run(sets, matches[:cut], old, {})
    moved = correlate_states(dict(enumerate(first.states)), new, None, [sets])
    second = run(sets, matches[cut:], new, dict(enumerate(moved.states)), start=cut)
    assert {**first.episodes, **second.episodes} == undisturbed.episodes


class Ran(msgspec.Struct):
    states: list[dict[bytes, bytes]]
    episodes: dict[str, tuple[str, int, int, int]]


def run(sets, matches, partitions, states, start=0) -> Ran:
    """Every detection to the correlator of its partition; states and the last word on each episode."""
    correlators = []
    for p in range(partitions):
        one = Correlator(
            sets.without_rules(), lateness=MINUTE, raw_partitions=1, max_groups=99, max_events_per_group=99
        )
        one.restore(states.get(p, {}))
        correlators.append(one)
    ran = Ran([dict(states.get(p, {})) for p in range(partitions)], {})
    for number, (target, value) in enumerate(matches, start):
        p = partition_of(group_record_key(target, (str(value),)), partitions)
        outcome = correlators[p].apply([detection(target, (str(value),), number)])
        for name, change in outcome.state.items():
            ran.states[p].pop(name, None) if change is None else ran.states[p].update({name: change})
        ran.episodes |= {e.id: (e.state, e.start, e.end, e.count) for e in outcome.episodes}
    return ran


def correlated(sets, matches, partitions) -> dict[int, dict[bytes, bytes]]:
    return dict(enumerate(run(sets, matches, partitions, {}).states))


def kept(state) -> list[bytes]:
    return [name for name in state if name not in {b"w", b"rule_set"}]


def progress(levels: list[int]) -> bytes:
    return encode(({0: levels[0]}, levels))


def test_time_goes_on_from_what_every_partition_had_passed():
    states = {0: {b"w": progress([90, 80])}, 1: {b"w": progress([90])}, 2: {}}
    found = correlate_states(states, 4, 95, [])
    assert [decode_progress(s[b"w"]) for s in found.states] == [({0: 95, 1: 95, 2: 95, 3: 95}, [90, 80])] * 4


def test_time_that_was_never_known_stays_unknown():
    found = correlate_states({0: {b"w": progress([NEVER])}}, 2, None, [])
    assert [decode_progress(s[b"w"]) for s in found.states] == [({}, [NEVER])] * 2


def test_the_newest_rule_set_that_was_applied_anywhere_goes_on_everywhere():
    states = {0: {b"rule_set": b"old"}, 1: {b"rule_set": b"new"}}
    found = correlate_states(states, 3, None, [published(name="old"), published(name="new"), published(name="unused")])
    assert [s[b"rule_set"] for s in found.states] == [b"new"] * 3


def test_ids_of_members_follow_the_group_that_their_own_record_does_not_name():
    group = group_key(rule_key("a"), ("7",))
    piece = msgspec.msgpack.encode((("7",), []))
    states = {0: {piece_key(group, 0): piece, sealed_key(group, 0): msgspec.msgpack.encode(["e1"])}}
    found = correlate_states(states, 5, None, [published(rule("a"))])
    home = partition_of(group_record_key("a", ("7",)), 5)
    assert [len(kept(s)) for s in found.states] == [2 if p == home else 0 for p in range(5)]


def test_groups_of_rules_that_no_published_set_knows_are_left_out_and_counted():
    group = group_key(rule_key("gone"), ("7",))
    found = correlate_states({0: {piece_key(group, 0): msgspec.msgpack.encode((("7",), []))}}, 2, None, [])
    assert found.left_out == 1
    assert not any(map(kept, found.states))


def test_a_group_in_two_partitions_is_refused():
    group = group_key(rule_key("a"), ("7",))
    states = {p: {piece_key(group, p): msgspec.msgpack.encode((("7",), []))} for p in range(2)}
    with pytest.raises(LogMismatchError, match="partitions 0 and 1"):
        correlate_states(states, 3, None, [published(rule("a"))])


def test_state_of_correlate_that_is_not_known_is_refused():
    with pytest.raises(LogMismatchError, match="correlate keeps state"):
        correlate_states({0: {b"novel": b""}}, 2, None, [])


def test_which_set_a_raw_partition_was_read_with_stays_behind_and_the_newest_goes_on():
    engines = engine_states({0: {b"rules": b"old"}, 1: {b"rules": b"new"}}, Counts(2, 3), PAUSE)
    assert engines == [{}, {}, {}]
    states = {0: {b"rule_set": b"new", b"rule_sets": msgspec.msgpack.encode((["old", "new"], {0: "new", 1: "old"}))}}
    found = correlate_states(states, 2, None, [published(name="old"), published(name="new")])
    assert found.states == [{b"rule_set": b"new"}] * 2
    assert found.left_out == 0
