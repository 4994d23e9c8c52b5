"""The desk where people's acts are handed in, over the embedded bus and a triage that accepts everything."""

import asyncio
import secrets
from contextlib import asynccontextmanager

import pytest

from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.errors import BusFullError, CommitUnknownError, FencedError, UnavailableError
from soc.model import Action, Answer, decode, encode
from soc.pipeline import acts
from soc.pipeline.acts import ActionDesk
from soc.pipeline.loop import Work, run_stage
from soc.pipeline.table import ACTIONS, ANSWERS, topology


class Accepting:
    """Answers every act, counting how often it came."""

    def __init__(self, seen):
        self.seen = seen

    def restore(self, state):
        pass

    async def step(self, records, at):
        work = Work()
        for record in records:
            action = decode(record.value, Action)
            self.seen.append(action.id)
            answer = Answer(action.id, "accepted", "", "alert", action.target_id, len(self.seen))
            work.outputs.append(Message(ANSWERS, action.id.encode(), encode(answer)))
        return work


def act():
    return Action(secrets.token_hex(8), now(), "lan", "analyst", "acknowledge", "alert", "202611-a", 0)


@asynccontextmanager
async def desk(bus, open_claim=None, seconds=0.0):
    stop = asyncio.Event()
    one = ActionDesk(bus, open_claim or (lambda wait: bus.claim("console", 0, wait=min(wait, 60))), 0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(one.run(stop))
        await asyncio.sleep(seconds)
        try:
            yield one
        finally:
            stop.set()


@asynccontextmanager
async def centre(tmp_path, monkeypatch):
    monkeypatch.setattr(acts, "TAKE_SECONDS", 30.0)
    monkeypatch.setattr(acts, "ANSWER_SECONDS", 30.0)
    monkeypatch.setattr(acts, "AWAY_SECONDS", 0.05)
    monkeypatch.setattr(acts, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(acts, "FIRST_WAIT_SECONDS", 0.0)
    bus, stop, seen = EmbeddedBus(tmp_path, topology(1)), asyncio.Event(), []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_stage(bus, "triage", 0, lambda: Accepting(seen), clock=now, stop=stop))
        try:
            yield bus, seen
        finally:
            stop.set()
    await bus.close()


class Failing:
    """A claim whose next commits fail."""

    def __init__(self, claim, errors):
        self._claim, self._errors = claim, errors

    def __getattr__(self, name):
        return getattr(self._claim, name)

    async def commit(self, outputs=(), state=None):
        if not self._errors:
            return await self._claim.commit(outputs, state)
        error = self._errors.pop(0)
        if isinstance(error, CommitUnknownError):
            await self._claim.commit(outputs, state)
        raise error


def test_acts_handed_in_together_are_all_answered(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, seen), desk(bus) as one:
            mine = [act() for _ in range(20)]
            answers = await asyncio.gather(*(one.act(action) for action in mine))
            assert [answer.action_id for answer in answers] == [action.id for action in mine]
            assert sorted(seen) == sorted(action.id for action in mine)

    asyncio.run(main())


def test_a_commit_of_unknown_outcome_is_made_again_with_the_same_id(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, seen):
            errors = [CommitUnknownError("test")]

            async def claim(wait):
                return Failing(await bus.claim("console", 0), errors)

            async with desk(bus, claim) as one:
                action = act()
                assert (await one.act(action)).outcome == "accepted"
                await asyncio.sleep(0.1)
                assert seen == [action.id] * 2, "triage knows a repeated id"

    asyncio.run(main())


def test_a_bus_that_is_back_in_time_is_not_noticed(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, seen):
            errors = [UnavailableError("away")]

            async def claim(wait):
                return Failing(await bus.claim("console", 0), errors)

            async with desk(bus, claim) as one:
                assert (await one.act(act())).outcome == "accepted"
                assert len(seen) == 1

    asyncio.run(main())


def test_while_the_bus_is_away_the_answer_is_that_it_was_not_taken_and_it_is_not_taken_later(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, seen):
            away = True

            async def claim(wait):
                if away:
                    raise UnavailableError("no broker answers")
                return await bus.claim("console", 0)

            async with desk(bus, claim, seconds=0.1) as one:
                monkeypatch.setattr(acts, "TAKE_SECONDS", 0.3)
                with pytest.raises(UnavailableError, match="the act was not taken: no broker answers"):
                    await one.act(act())
                monkeypatch.setattr(acts, "TAKE_SECONDS", 30.0)
                away = False
                action = act()
                assert (await one.act(action)).outcome == "accepted"
                assert seen == [action.id]

    asyncio.run(main())


def test_a_commit_without_an_answer_is_told_as_unknown(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, _):

            class Hanging(Failing):
                async def commit(self, outputs=(), state=None):
                    await asyncio.sleep(60)

            async def claim(wait):
                return Hanging(await bus.claim("console", 0), [])

            stop = asyncio.Event()
            one = ActionDesk(bus, claim, 0)
            running = asyncio.ensure_future(one.run(stop))
            await asyncio.sleep(0.5)
            monkeypatch.setattr(acts, "TAKE_SECONDS", 2.0)
            with pytest.raises(CommitUnknownError, match="not known whether the act was taken"):
                await one.act(act())
            running.cancel()
            await asyncio.wait({running})

    asyncio.run(main())


def test_a_full_bus_takes_nothing_and_says_so(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, seen):

            async def claim(wait):
                return Failing(await bus.claim("console", 0), [BusFullError("no room")])

            async with desk(bus, claim) as one:
                with pytest.raises(BusFullError, match="no room"):
                    await one.act(act())
                assert (await one.act(act())).outcome == "accepted"
                assert len(seen) == 1

    asyncio.run(main())


def test_a_desk_that_another_one_fenced_says_so_does_not_fence_it_back_and_goes_on_when_it_ends(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, seen), desk(bus, seconds=0.2) as first:
            assert await first.act(act())
            async with desk(bus, seconds=0.2) as double:
                why = r"another console runs under number 0; give every host its own \[kafka\]"
                with pytest.raises(FencedError, match=why):
                    await first.act(act())
                monkeypatch.setattr(acts, "TAKE_SECONDS", 0.5)
                with pytest.raises(UnavailableError, match=why):
                    await first.act(act())
                monkeypatch.setattr(acts, "TAKE_SECONDS", 30.0)
                assert await double.act(act())
            assert await first.act(act())
            assert len(seen) == 3

    asyncio.run(main())


def test_what_waits_is_bounded(tmp_path, monkeypatch):
    async def main():
        bus = EmbeddedBus(tmp_path, topology(1))
        one = ActionDesk(bus, lambda _: bus.claim("console", 0), 0)
        for _ in range(acts.QUEUE):
            one._queue.put_nowait(None)
        with pytest.raises(UnavailableError, match="not taken: 200 wait already"):
            await one.act(act())
        await bus.close()

    asyncio.run(main())


def test_actions_go_to_their_topic_under_the_id_of_what_they_are_about(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, _), desk(bus) as one:
            action = act()
            await one.act(action)
            (record,) = await bus.reader([ACTIONS]).fetch(10, 1.0)
            assert (record.key, decode(record.value, Action)) == (b"202611-a", action)

    asyncio.run(main())
