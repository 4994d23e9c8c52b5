"""The watermark of a raw partition: the slowest active source, never backwards, idle when nobody speaks."""

from hypothesis import given
from hypothesis import strategies as st

from soc.clock import SECOND, Micros
from soc.model import Event
from soc.pipeline.watermarks import IDLE_EVERY, Watermarks

IDLE = 60 * SECOND


def event(source: str, time: Micros) -> Event:
    return Event("id", source, time, time, time, {})


def test_the_slowest_active_source_holds_the_watermark():
    marks = Watermarks(0, idle=IDLE)
    marks.observe(event("fast", 100 * SECOND), 100 * SECOND)
    marks.observe(event("slow", 40 * SECOND), 100 * SECOND)
    mark, _ = marks.emit(100 * SECOND, caught_up=False)
    assert mark is not None
    assert (mark.time, mark.idle) == (40 * SECOND, False)


def test_a_silent_source_holds_nobody_back():
    marks = Watermarks(0, idle=IDLE)
    marks.observe(event("silent", 40 * SECOND), 40 * SECOND)
    marks.observe(event("alive", 200 * SECOND), 200 * SECOND)
    mark, _ = marks.emit(200 * SECOND, caught_up=False)
    assert mark is not None
    assert mark.time == 200 * SECOND


def test_when_every_source_is_silent_the_partition_says_up_to_when_it_has_seen_everything():
    marks = Watermarks(0, idle=IDLE)
    marks.observe(event("a", SECOND), SECOND)
    marks.emit(SECOND, caught_up=False)
    mark, _ = marks.emit(SECOND + 2 * IDLE, caught_up=True)
    assert mark is not None
    assert (mark.time, mark.idle) == (SECOND + 2 * IDLE, True)
    assert marks.emit(3 * SECOND + 2 * IDLE, caught_up=True)[0] is None, "too soon"
    later, _ = marks.emit(SECOND + 2 * IDLE + IDLE_EVERY, caught_up=True)
    assert later is not None
    assert later.time == mark.time + IDLE_EVERY


def test_a_partition_that_is_behind_does_not_pass_wall_time_for_event_time():
    marks = Watermarks(0, idle=IDLE)
    assert marks.emit(5 * IDLE, caught_up=False)[0] is None
    assert marks.emit(5 * IDLE, caught_up=True)[0] is not None


def test_no_more_than_one_watermark_a_second():
    marks = Watermarks(0, idle=IDLE)
    marks.observe(event("a", 10 * SECOND), 10 * SECOND)
    assert marks.emit(10 * SECOND, caught_up=False)[0] is not None
    marks.observe(event("a", 11 * SECOND), 10 * SECOND + 1)
    assert marks.emit(10 * SECOND + 1, caught_up=False)[0] is None


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 500), st.integers(0, 90)), max_size=40),
    st.integers(0, 40),
)
def test_it_never_goes_back_and_a_restart_changes_nothing(steps: list[tuple[str, int, int]], cut: int):
    straight, restarted = Watermarks(0, idle=IDLE), Watermarks(0, idle=IDLE)
    state: dict[bytes, bytes] = {}
    now, last = 0, 0
    for index, (source, time, pause) in enumerate(steps):
        now += (pause + 1) * SECOND
        for marks in (straight, restarted):
            marks.observe(event(source, time * SECOND), now)
        mark, _ = straight.emit(now, caught_up=False)
        again, changes = restarted.emit(now, caught_up=False)
        assert mark == again
        for state_key, value in changes.items():
            if value is None:
                state.pop(state_key, None)
            else:
                state[state_key] = value
        if mark is not None:
            assert mark.time >= last
            last = mark.time
            if index == cut:
                restarted = Watermarks(0, idle=IDLE)
                restarted.restore(state)
