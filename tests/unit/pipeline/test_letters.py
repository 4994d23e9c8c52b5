"""Dead letters on a real bus: kept, grouped, asked for again, and processed once with their origin's time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.pipeline.letters_support import LINE, PARTITIONS, RIGHT, WRONG, Installation, line
from unit.pipeline.rule_sets_support import T0

from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.clock import HOUR, MINUTE, SECOND
from soc.model import DeadLetter, Detection, Event, decode, encode
from soc.pipeline.auditing import verify_audit
from soc.pipeline.balance import Outcomes, key
from soc.pipeline.letters import Asked, Selection, groups, letters_of, retry
from soc.pipeline.loop import FETCH_LIMIT
from soc.pipeline.table import DEADLETTER, DETECTIONS, EVENTS, RAW, topology

Body = Callable[[Installation], Awaitable[None]]


@pytest.fixture
def installed(tmp_path: Path) -> Callable[[Body], None]:
    def run(body: Body) -> None:
        async def inside() -> None:
            installation = Installation(EmbeddedBus(tmp_path / "bus", topology(PARTITIONS)))
            await body(installation)
            await installation.bus.close()

        asyncio.run(inside())

    return run


def test_what_is_retried_after_its_profile_was_mended_has_its_first_id_and_receive_time(installed):
    async def body(one: Installation) -> None:
        await one.collect(LINE)
        await one.run(WRONG)
        (letter,) = await one.open()
        assert await retry(one.bus, Selection(), "tester") == Asked(1, 0, 0)
        await one.run(RIGHT, now=T0 + HOUR)
        (event,) = await one.values(EVENTS, Event)
        assert (event.id, event.received, event.source) == (letter.id, letter.received, letter.source)
        assert await one.open() == []
        assert [found.state for found in await letters_of(one.bus, letter.id)] == ["processed"]

    installed(body)


def test_a_retried_line_that_a_rule_matches_is_detected_and_marked_late_where_it_is(installed):
    async def body(one: Installation) -> None:
        for at in (T0, T0 + 7 * HOUR):
            await one.collect(line(at), received=at)
            await one.run(WRONG, now=at)
        await retry(one.bus, Selection(), "tester")
        await one.run(RIGHT, now=T0 + 7 * HOUR + 2 * MINUTE)
        found = await one.values(DETECTIONS, Detection)
        assert {(detection.time, detection.late) for detection in found} == {(T0, True), (T0 + 7 * HOUR, False)}

    installed(body)


def test_asking_twice_before_and_after_it_was_processed_changes_nothing(installed):
    async def body(one: Installation) -> None:
        await one.collect(LINE, LINE)
        await one.run(WRONG)
        assert await retry(one.bus, Selection(), "tester") == Asked(2, 0, 0)
        assert await retry(one.bus, Selection(), "tester") == Asked(0, 2, 0)
        await one.run(RIGHT)
        assert await retry(one.bus, Selection(), "tester") == Asked(0, 0, 0)
        await one.run(RIGHT)
        assert len(await one.values(EVENTS, Event)) == 2
        assert (await one.sums()).normalized == 2

    installed(body)


def test_one_that_fails_again_stays_one_open_letter_and_can_be_retried_again(installed):
    async def body(one: Installation) -> None:
        await one.collect(LINE)
        await one.run(WRONG)
        for attempt in (1, 2):
            await retry(one.bus, Selection(), "tester")
            await one.run(WRONG)
            (letter,) = await one.open()
            assert letter.attempt == attempt
            assert (await one.sums()).dead == 1
        await retry(one.bus, Selection(), "tester")
        await one.run(RIGHT)
        assert await one.open() == []
        assert len(await one.values(EVENTS, Event)) == 1

    installed(body)


def test_the_balance_moves_from_dead_to_normalized_in_the_minute_it_was_received_in(installed):
    async def body(one: Installation) -> None:
        await one.collect(LINE, LINE, source="a")
        await one.collect(b"no line of any product that there is", source="b", received=T0 + MINUTE)
        await one.run(WRONG)
        assert (await one.sums()).dead == 3
        await retry(one.bus, Selection(source="a"), "tester")
        await one.run(RIGHT, now=T0 + HOUR)
        sums = await one.sums()
        assert sums.off == ()
        assert (sums.raw, sums.normalized, sums.dead) == (3, 2, 1)
        states = [state async for _, state in one.bus.states("engine")]
        moved = [decode(state[key(T0, "a")], Outcomes) for state in states if key(T0, "a") in state]
        assert sum(part.normalized for part in moved) == 2

    installed(body)


def test_a_retried_line_may_be_discarded_by_a_policy_that_there_is_now(installed):
    async def body(one: Installation) -> None:
        await one.collect(LINE)
        await one.run(WRONG)
        await retry(one.bus, Selection(), "tester")
        await one.run(RIGHT, discard="failed password")
        sums = await one.sums()
        assert (sums.dead, sums.discarded, sums.policies, sums.off) == (0, 1, {"all": 1}, ())
        assert await one.open() == []

    installed(body)


def test_a_kill_before_the_commit_repeats_the_retry_and_doubles_nothing(installed):
    async def body(one: Installation) -> None:
        await one.collect(LINE)
        await one.run(WRONG)
        await retry(one.bus, Selection(), "tester")
        for partition in range(PARTITIONS):  # read, and gone before anything was committed
            claim = await one.bus.claim("engine", partition)
            await claim.fetch(FETCH_LIMIT, 0.0)
            await claim.release()
        await one.run(RIGHT)
        assert len(await one.values(EVENTS, Event)) == 1
        assert (await one.sums()).off == ()

    installed(body)


def test_bytes_that_are_no_raw_record_are_retried_as_what_they_are(installed):
    async def body(one: Installation) -> None:
        claim = await one.bus.claim("collect", 0)
        await claim.commit([Message(RAW, b"odd", b"\xc1 no record")])
        await claim.release()
        await one.run(RIGHT)
        (letter,) = await one.open()
        assert (letter.stage, letter.data) == ("decode", b"\xc1 no record")
        await retry(one.bus, Selection(id=letter.id), "tester")
        await one.run(RIGHT)
        assert [again.attempt for again in await one.open()] == [1]
        assert (await one.sums()).dead == 1

    installed(body)


def test_letters_of_equal_shape_are_one_group_with_its_sources_and_times(installed):
    async def body(one: Installation) -> None:
        for source, number in (("a", 1), ("a", 22), ("b", 333)):
            await one.collect(b"vpn: tunnel %d is up" % number, source=source, received=T0 + number * SECOND)
        await one.collect(b"another thing altogether", source="b")
        await one.run(WRONG)
        first, second = await groups(one.bus)
        assert (first.count, first.sources, first.stage) == (3, {"a": 2, "b": 1}, "normalize")
        assert (first.first, first.last) == (T0 + SECOND, T0 + 333 * SECOND)
        assert first.sample.data == b"vpn: tunnel 333 is up"
        assert second.count == 1
        assert [group.count for group in await groups(one.bus, Selection(source="b"))] == [1, 1]
        assert await retry(one.bus, Selection(shape=first.shape), "tester") == Asked(3, 0, 0)

    installed(body)


def test_letters_of_later_stages_are_named_and_left(installed):
    async def body(one: Installation) -> None:
        claim = await one.bus.claim("index", 0)
        letter = DeadLetter("log/0/1", "index", "the store: no", b"x", "a", "", "", T0)
        await claim.commit([Message(DEADLETTER, b"a", encode(letter))])
        await claim.release()
        assert await retry(one.bus, Selection(), "tester") == Asked(0, 0, 1)

    installed(body)


def test_who_waits_is_told_how_many_were_processed_and_how_many_failed_again(installed):
    async def body(one: Installation) -> None:
        await one.collect(LINE, b"\x00\x01\x02")
        await one.run(WRONG)

        async def soon() -> None:
            await asyncio.sleep(0.3)
            await one.run(RIGHT)

        running = asyncio.create_task(soon())
        asked = await retry(one.bus, Selection(), "tester", outcome_seconds=30)
        await running
        assert (asked.asked, asked.processed, asked.failed) == (2, 2 - len(await one.open()), len(await one.open()))

    installed(body)


def test_every_retry_is_in_the_audit_trail(installed):
    async def body(one: Installation) -> None:
        await one.collect(LINE)
        await one.run(WRONG)
        await retry(one.bus, Selection(source="bastion"), "tester")
        chains = {chain.chain: chain for chain in await verify_audit(one.bus)}
        assert (chains["retry"].lines, chains["retry"].fault) == (1, "")

    installed(body)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(("collect", "ask", "wrong", "right")), max_size=8))
def test_in_whatever_order_lines_come_profiles_change_and_people_ask_every_line_is_one_event_or_one_open_letter(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
):
    async def scenario() -> None:
        bus = EmbeddedBus(tmp_path_factory.mktemp("bus"), topology(PARTITIONS))
        one = Installation(bus)
        for step in ["collect", *steps, "wrong"]:
            match step:
                case "collect":
                    await one.collect(LINE, b"\x00 of no product", source=f"s{len(steps) % 3}")
                case "ask":
                    await retry(bus, Selection(), "tester")
                case _:
                    await one.run(WRONG if step == "wrong" else RIGHT)
        sums = await one.sums()
        events = [event.id for event in await one.values(EVENTS, Event)]
        letters = [letter.id for letter in await one.open()]
        assert len(set(events)) == len(events) == sums.normalized
        assert len(set(letters)) == len(letters) == sums.dead
        assert not set(events) & set(letters)
        assert sums.raw == len(events) + len(letters)
        assert sums.off == ()
        await bus.close()

    asyncio.run(scenario())
