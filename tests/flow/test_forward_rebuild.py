"""The forwarder's state lost or rolled back: nothing is sent before it was rebuilt, and then nothing twice and nothing never."""

import asyncio
import shutil

import pytest
from forward_support import made, world

from soc.audit.chain import verify
from soc.clock import now
from soc.errors import LogMismatchError
from soc.forward import forwarder as forwarder_module
from soc.forward.bindings.https_json import HttpsJson
from soc.forward.ledger import RESTORED, Ledger
from soc.forward.outbox import Happened
from soc.forward.rebuild import rebuild
from soc.forward.sealing import Recipient


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(forwarder_module, "IDLE_SECONDS", 0.05)


TOPICS = "incidents", "outbox", "audit"


async def rebuilt(place):
    claim = await place.bus.claim("forward", 0)
    try:
        return await rebuild(
            place.bus, claim, topics=TOPICS, organization=made.ORGANIZATION, recipients=[Recipient(made.RECIPIENT)],
            seconds=0.1, clock=now,
        )  # fmt: skip
    finally:
        await claim.release()


async def lose_state(place):
    """Delete every entry: on brokers, a state topic that is gone."""
    claim = await place.bus.claim("forward", 0)
    await claim.commit([], dict.fromkeys(claim.state))
    await claim.release()


class Unanswered(HttpsJson):
    """Its questions get no answer."""

    async def verify(self, report):
        return Happened("unreachable", "test")


def states(reports):
    return [report.state for report in reports]


async def three_reports(place):
    """One accepted, one that the receiver took and whose answer was lost, one that never arrived; an approval not seen yet."""
    await place.publish(made.approved(made.incident()))
    await place.run_until(lambda reports: states(reports) == ["accepted"])
    place.standin.control("lose_answer", 1)
    url = place.standin.url
    await place.publish(made.approved(made.incident(2)))
    await place.run_until(lambda reports: states(reports)[1:] == ["uncertain"], place.forwarder(binding=Unanswered))
    place.url = "https://127.0.0.1:1/reports"
    await place.publish(made.approved(made.incident(3)))
    await place.run_until(
        lambda reports: len(reports) == 3 and reports[1].state == "uncertain" and reports[2].state == "retry_wait"
    )
    place.url = url
    await place.publish(made.approved(made.incident(4)))


def test_a_forwarder_whose_state_is_gone_sends_nothing_and_says_what_to_do(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            await place.publish(made.approved(made.incident()))
            await place.run_until(lambda reports: states(reports) == ["accepted"])
            await lose_state(place)
            with pytest.raises(
                LogMismatchError, match=r"soc\.outbox has transition 3 .* accepted.*soc forward rebuild"
            ):
                await place.forwarder().run()
            assert place.standin.posts == 1

    asyncio.run(main())


def test_a_rebuilt_forwarder_asks_for_what_was_not_final_and_ends_with_every_report_once(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            await three_reports(place)
            arrived = len(place.standin.received)
            await lose_state(place)
            rows = await rebuilt(place)
            assert [(row.was, row.state) for row in rows] == [
                ("accepted", "accepted"), ("uncertain", "uncertain"), ("retry_wait", "uncertain"), ("approved", "uncertain"),
            ]  # fmt: skip
            posts = place.standin.posts
            reports = await place.run_until(lambda found: states(found) == ["accepted"] * 4)
            assert len(place.standin.received) == 4
            assert place.standin.posts == posts + 4 - arrived
            assert len({report.receipt.receipt_id for report in reports}) == 4

    asyncio.run(main())


def test_the_audit_chain_goes_on_where_it_ended_and_a_second_rebuild_changes_no_report_but_its_count(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            await three_reports(place)
            await lose_state(place)
            first, second = await rebuilt(place), await rebuilt(place)
            assert [row.state for row in first] == [row.state for row in second]
            async for _, state in place.bus.states("forward"):
                assert verify(await place.read("audit"), Ledger(state).counters.audit) is None

    asyncio.run(main())


def test_reports_on_one_incident_wait_behind_the_one_that_is_asked_for(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            place.url = "https://127.0.0.1:1/reports"
            first = made.approved(made.incident())
            await place.publish(first, made.approved(first, "closing"))
            await place.run_until(lambda reports: states(reports) == ["retry_wait", "queued"])
            await lose_state(place)
            await rebuilt(place)
            place.url = place.standin.url
            await place.run_until(lambda reports: states(reports) == ["accepted"] * 2)
            assert [b'"kind":"initial"' in data for data in place.standin.received.values()] == [True, False]

    asyncio.run(main())


def test_an_older_copy_of_the_log_sends_nothing_before_it_was_rebuilt_and_nothing_twice_then(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            await place.publish(made.approved(made.incident()))
            await place.run_until(lambda reports: states(reports) == ["accepted"])
            log = tmp_path / "bus" / "forward-0.db"
            shutil.copyfile(log, tmp_path / "copy.db")
            await place.publish(made.approved(made.incident(2)))
            await place.run_until(lambda reports: states(reports) == ["accepted"] * 2)
            shutil.copyfile(tmp_path / "copy.db", log)
            await place.bus.declare_restored("forward", 0, {RESTORED: b""})
            with pytest.raises(LogMismatchError, match="declared restored"):
                await place.forwarder().run()
            rows = await rebuilt(place)
            assert [(row.was, row.state) for row in rows] == [("accepted", "accepted"), ("approved", "uncertain")]
            posts = place.standin.posts
            await place.run_until(lambda reports: states(reports) == ["accepted"] * 2)
            assert place.standin.posts == posts

    asyncio.run(main())


def test_a_log_that_was_deleted_is_not_begun_anew_and_what_it_had_sent_is_not_sent_again(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            await place.publish(made.approved(made.incident()))
            await place.run_until(lambda reports: states(reports) == ["accepted"])
            view = await place.bus.claim("index", 0)
            while await view.fetch(1000, 0.0):
                pass
            await view.commit()
            await view.release()
            for suffix in ("", "-wal", "-shm"):
                (tmp_path / "bus" / f"forward-0.db{suffix}").unlink(missing_ok=True)
            posts = place.standin.posts
            with pytest.raises(LogMismatchError, match=r"lost and made anew.*declare-restored"):
                await asyncio.wait_for(place.forwarder().run(), 20)
            with pytest.raises(LogMismatchError, match="lost and made anew"):
                await rebuilt(place)
            await place.bus.declare_restored("forward", 0, {RESTORED: b""})
            with pytest.raises(LogMismatchError, match="declared restored"):
                await place.forwarder().run()
            assert [(row.was, row.state) for row in await rebuilt(place)] == [("approved", "uncertain")]
            await place.run_until(lambda reports: states(reports) == ["accepted"])
            assert place.standin.posts == posts

    asyncio.run(main())
