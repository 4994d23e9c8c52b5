"""The engine with events in several records: counted once each, never late by waiting, the same after any take-over."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.pipeline.rule_sets_support import T0, base, published

from soc.bus.base import Record
from soc.clock import SECOND, Micros, to_iso
from soc.model import Event, RawRecord, Watermark, decode, encode
from soc.normalize.assemble import QUIET, SLACK, waiting
from soc.normalize.normalizer import Normalizer
from soc.pipeline.balance import Outcomes, compare, key
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.loop import Work
from soc.pipeline.migrate_states import Counts, Pause, engine_states
from soc.pipeline.reload import OneSet
from soc.pipeline.table import DETECTIONS, EVENTS, RAW
from soc.settings import SourceProfile
from soc.sigma.load import load

RULES = OneSet(load(published(base("failed")).bundle))
LATENESS = 60 * SECOND
KINDS = ("SYSCALL", "EXECVE", "CWD", "PROCTITLE", "EOE")


def engine(state: dict[bytes, bytes] | None = None) -> Engine:
    profiles = (SourceProfile(name="audit", product="auditd"), SourceProfile(name="rest", product="linux"))
    normalizer = Normalizer(profiles, timezone="UTC", lateness=LATENESS, future_skew=5 * SECOND)
    found = Engine(EngineParts(normalizer, RULES, 1, LATENESS, 60 * SECOND), 0)
    found.restore(state or {})
    return found


def raw(number: int, text: str, *, source: str = "srv1", profile: str = "audit", at: Micros = T0) -> Record:
    record = RawRecord(text.encode(), at, "file", "/var/log/audit.log", source, profile=profile)
    return Record(RAW, 0, "log", number, source.encode(), encode(record), at)


def audit(serial: int, kind: str, at: Micros = T0) -> str:
    return f"type={kind} msg=audit({at // SECOND}.{at % SECOND // 1000:03}:{serial}): x=1"


def plain(number: int, at: Micros, source: str = "other") -> Record:
    return raw(number, f"<38>1 {to_iso(at)} h app 1 - - x", source=source, profile="rest", at=at)


def commit(state: dict[bytes, bytes], work: Work) -> list[Event]:
    for name, value in work.state.items():
        if value is None:
            state.pop(name, None)
        else:
            state[name] = value
    return [decode(message.value, Event) for message in work.outputs if message.topic == EVENTS]


def counts(state: dict[bytes, bytes]) -> Outcomes:
    whole = Outcomes()
    for name, value in state.items():
        if name.startswith(b"balance/"):
            whole.add(msgspec.msgpack.decode(value, type=Outcomes))
    return whole


def test_parts_are_in_flight_until_their_event_is_whole_and_then_each_is_in_one_bucket():
    state: dict[bytes, bytes] = {}
    stage = engine(state)
    records = [raw(n, audit(1, kind)) for n, kind in enumerate(KINDS)]
    collected = {key(T0, "srv1"): msgspec.msgpack.encode(len(records))}
    assert commit(state, asyncio.run(stage.step(records[:3], T0))) == []
    assert (waiting(state), counts(state).total) == (3, 0)
    (event,) = commit(state, asyncio.run(stage.step(records[3:], T0)))
    assert event.id == "log/0/0"
    assert event.fields["event.original"].count("\n") == len(KINDS) - 1
    assert (counts(state).normalized, counts(state).joined, waiting(state)) == (1, len(KINDS) - 1, 0)
    assert compare([collected], [state], 0).balanced


def test_the_idle_step_ends_a_wait_by_the_wall_clock():
    stage, state = engine(), dict[bytes, bytes]()
    assert commit(state, asyncio.run(stage.step([raw(0, audit(1, "SYSCALL"))], T0))) == []
    assert commit(state, asyncio.run(stage.step([], T0 + QUIET + SLACK - 1))) == []
    assert len(commit(state, asyncio.run(stage.step([], T0 + QUIET + SLACK)))) == 1
    assert waiting(state) == 0


def marks(work: Work) -> list[Micros]:
    return [
        decode(m.value, Watermark).time for m in work.outputs if m.topic == DETECTIONS and m.key.startswith(b"water")
    ]


@pytest.mark.parametrize("heard_before", [True, False], ids=["a source heard before", "a new source"])
def test_a_watermark_goes_no_further_than_the_clocks_stood_when_an_event_began_to_wait(heard_before: bool):
    stage = engine()
    first = [plain(0, T0, "srv1"), plain(1, T0)] if heard_before else [plain(1, T0)]
    assert marks(asyncio.run(stage.step(first, T0))) == [T0]
    later = T0 + 90 * SECOND
    fast = [plain(3, later), plain(4, later, "srv1")]  # appended at once, by a source with a fast clock
    held = [raw(2, audit(1, "SYSCALL")), *(record._replace(appended=T0) for record in fast)]
    assert marks(asyncio.run(stage.step(held, T0 + SECOND))) == []
    work = asyncio.run(stage.step([], T0 + QUIET + SLACK + SECOND))
    assert [event.correlation_time for event in commit({}, work)] == [T0]
    assert marks(work) == [later]


steps = st.lists(
    st.tuples(
        st.sampled_from(("srv1", "srv2")),
        st.integers(1, 3),
        st.sampled_from((*KINDS, "USER_CMD")),
        st.sampled_from((0, 0, SECOND, 3 * SECOND)),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(steps, st.lists(st.integers(0, 30), max_size=5))
def test_killed_between_any_two_units_of_work_nothing_is_lost_and_nothing_doubled(
    rows: list[tuple[str, int, str, Micros]], cuts: list[int]
):
    records: list[Record] = []
    at = T0
    for number, (source, serial, kind, pause) in enumerate(rows):
        at += pause
        records.append(raw(number, audit(serial, kind, at), source=source, at=at))
    whole, cut = _run(records, [], at), _run(records, sorted({c for c in cuts if c < len(records)}), at)
    assert cut[0] == whole[0]
    assert cut[1].total == whole[1].total == len(records)
    assert cut[1].normalized == len(cut[0])


def _run(records: Sequence[Record], cuts: Sequence[int], end: Micros) -> tuple[list[tuple[str, str]], Outcomes]:
    """Every unit of work committed, the engine made anew after each."""
    state: dict[bytes, bytes] = {}
    events: list[Event] = []
    bounds = [0, *cuts, len(records)]
    for start, stop in pairwise(bounds):
        stage = engine(state)
        events += commit(state, asyncio.run(stage.step(records[start:stop], end)) if start < stop else Work())
    events += commit(state, asyncio.run(engine(state).step([], end + QUIET + SLACK)))
    return sorted((event.id, event.fields["event.original"]) for event in events), counts(state)


def test_what_waits_goes_to_the_partition_of_its_source_when_partitions_change():
    state: dict[bytes, bytes] = {}
    records = [raw(0, audit(1, "SYSCALL")), raw(1, "#Fields: date time")]
    commit(state, asyncio.run(engine(state).step(records, T0)))
    moved = engine_states({0: state}, Counts(1, 4), Pause(T0, SECOND, SECOND))
    assert sum(waiting(part) for part in moved) == 1
    (where,) = [part for part in moved if waiting(part)]
    again = engine({**where})
    (event,) = commit({}, asyncio.run(again.step([raw(2, audit(1, "EOE"))], T0)))
    assert event.fields["type"] == ["SYSCALL", "EOE"]
    assert any(name.startswith(b"head/") for name in where)
