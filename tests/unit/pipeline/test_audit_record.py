"""The console's audit chain and what is kept on disk while the brokers are away: no line is lost, none is doubled."""

import asyncio

import pytest
from unit.pipeline.test_acts import Failing, centre, desk

from soc.audit.chain import Entry
from soc.bus.embedded import EmbeddedBus
from soc.errors import BusFullError, CommitUnknownError, UnavailableError
from soc.pipeline import acts, audit_kept
from soc.pipeline.audit_kept import Kept, waiting
from soc.pipeline.audit_record import record
from soc.pipeline.auditing import committed_heads, lines, verify_audit
from soc.pipeline.table import topology


def entry(number: int) -> Entry:
    return Entry(number, "lan.nt", "sign_in", f"user/{number}")


async def written(bus: EmbeddedBus) -> list[tuple[str, int]]:
    import json

    return [(key.decode(), json.loads(line)["at"]) async for key, line in lines(bus)]


def test_lines_that_are_recorded_together_are_one_whole_chain(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, _), desk(bus) as one:
            await asyncio.gather(*(one.record(entry(number)) for number in range(30)))
            (chain,) = await verify_audit(bus)
            assert (chain.chain, chain.lines, chain.fault) == ("console/0", 30, "")

    asyncio.run(main())


def test_a_chain_goes_on_after_a_restart_of_the_console(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, _):
            for number in range(3):
                async with desk(bus) as one:
                    await one.record(entry(number))
            (chain,) = await verify_audit(bus)
            assert (chain.lines, chain.fault) == (3, "")

    asyncio.run(main())


def test_a_commit_of_unknown_outcome_that_was_made_is_not_made_again(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, _):
            errors = [CommitUnknownError("test")]

            async def claim(wait):
                return Failing(await bus.claim("console", 0), errors)

            async with desk(bus, claim) as one:
                await one.record(entry(1))
                await one.record(entry(2))
            assert await written(bus) == [("console/0", 1), ("console/0", 2)]
            assert not (await verify_audit(bus))[0].fault

    asyncio.run(main())


@pytest.mark.parametrize("error", [UnavailableError("away"), BusFullError("full")])
def test_what_cannot_be_recorded_is_told_and_leaves_the_chain_whole(tmp_path, monkeypatch, error):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, _):
            monkeypatch.setattr(acts, "TAKE_SECONDS", 0.3)
            errors = [error] * (1 if isinstance(error, BusFullError) else 50)

            async def claim(wait):
                return Failing(await bus.claim("console", 0), errors)

            async with desk(bus, claim) as one:
                with pytest.raises((UnavailableError, BusFullError)):
                    await one.record(entry(1))
                errors.clear()
                await asyncio.sleep(0.2)
                await one.record(entry(2))
            assert await written(bus) == [("console/0", 2)]
            assert not (await verify_audit(bus))[0].fault

    asyncio.run(main())


def test_a_command_and_the_console_have_chains_of_their_own(tmp_path, monkeypatch):
    async def main():
        async with centre(tmp_path, monkeypatch) as (bus, _), desk(bus) as one:
            await asyncio.gather(one.record(entry(1)), record(bus, entry(2), entry(3)))
            assert {name: head.seq for name, head in (await committed_heads(bus)).items()} == {
                "console/0": 1,
                "context": 2,
            }

    asyncio.run(main())


async def joined(directory) -> None:
    for _ in range(1000):
        if not waiting(directory):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nothing joined the chain")


class Chain:
    """Stands in for the console's desk: away or not."""

    def __init__(self) -> None:
        self.away = False
        self.taken: list[int] = []

    async def record(self, entry: Entry) -> None:
        if self.away:
            raise UnavailableError("the brokers are away")
        self.taken.append(entry.at)


def test_sign_ins_while_the_brokers_are_away_are_on_disk_and_join_the_chain_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(audit_kept, "AGAIN_SECONDS", 0.02)

    async def main():
        chain, stop = Chain(), asyncio.Event()
        kept = Kept(chain.record, tmp_path)
        await kept.record(entry(1))
        chain.away = True
        await kept.record(entry(2))
        await kept.record(entry(3))
        assert (chain.taken, waiting(tmp_path)) == ([1], 2)
        later = Kept(chain.record, tmp_path)  # the console was killed and started again
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(later.run(stop))
            await asyncio.sleep(0.1)
            assert waiting(tmp_path) == 2
            chain.away = False
            await later.record(entry(4))
            await joined(tmp_path)
            stop.set()
        assert chain.taken == [1, 2, 3, 4]

    asyncio.run(main())


def test_a_kept_line_that_was_damaged_is_told_in_the_chain(tmp_path, monkeypatch):
    monkeypatch.setattr(audit_kept, "AGAIN_SECONDS", 0.02)
    (tmp_path / audit_kept.NAME).write_bytes(b"{broken\n")

    async def main():
        said: list[Entry] = []

        async def take(entry: Entry) -> None:
            said.append(entry)

        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Kept(take, tmp_path).run(stop))
            await joined(tmp_path)
            stop.set()
        assert [one.act for one in said] == ["kept_line_damaged"]

    asyncio.run(main())


def test_a_disk_that_somebody_fills_with_sign_ins_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(audit_kept, "MAX_LINES", 2)

    async def main():
        chain = Chain()
        chain.away = True
        kept = Kept(chain.record, tmp_path)
        for number in range(2):
            await kept.record(entry(number))
        with pytest.raises(UnavailableError, match="nothing more is kept"):
            await kept.record(entry(3))

    asyncio.run(main())


def test_many_lines_are_verified_and_progress_is_told(tmp_path):
    async def main():
        bus = EmbeddedBus(tmp_path, topology(1))
        for start in range(0, 20_000, 5000):
            await record(bus, *(entry(number) for number in range(start, start + 5000)))
        told: list[int] = []
        (chain,) = await verify_audit(bus, None, told.append)
        assert (chain.lines, chain.fault) == (20_000, "")
        assert told[:2] == [1000, 2000]
        await bus.close()

    asyncio.run(main())
