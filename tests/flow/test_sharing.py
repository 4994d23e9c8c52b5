"""Alert sharing over real connections: whatever a receiver does, every summary ends there once, with the bytes that were sealed."""

import asyncio
import json
import ssl
from contextlib import asynccontextmanager

import msgspec
import pytest
from sharing_support import (
    alert,
    expired_context,
    fresh,
    json_receiver,
    settings,
    settled,
    syslog_receiver,
    world,
)
from taxii_support import COLLECTION, PASSWORD, USER, taxii

from soc.clock import DAY, SECOND, now
from soc.forward.certificate import server_context
from soc.sharing.book import Book
from soc.sharing.orders import Counted, Orders
from soc.sharing.outbox import TRANSITIONS

PLANS = {
    "nothing": [],
    "busy": [503, 429, 429],
    "too large": [413],
    "refuses us for a while": [401, 403],
    "broken": [500, 502],
    "answer lost": ["lose_answer", "lose_answer"],
    "answer cut": ["half"],
    "stalls": ["stall"],
    "in part": ["partly"],
    "in part, then lost": ["partly", "lose_answer", 503],
}


def receiver(one, directory, **changes):
    return {"url": one.url, "ca_file": str(directory / "ca.pem"), "timeout_seconds": 0.6, **changes}


@asynccontextmanager
async def shared(tmp_path, *others, **fields):
    """A receiver over HTTPS and a world that shares with it, and with others."""
    async with json_receiver(tmp_path) as there:
        made = settings(*others, receiver(there, tmp_path), **fields)
        async with world(tmp_path, made) as place:
            yield there, place


def several(count=6):
    """Alerts of so many different hours, so many different rules: rows that do not fold into one."""
    return [fresh(n, rule_id=f"rule-{n}") for n in range(count)]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_over_https_every_summary_ends_at_the_receiver_once(tmp_path, plan):
    async def main():
        async with json_receiver(tmp_path) as there:
            there.plan = list(plan)
            made = settings(receiver(there, tmp_path), window_seconds=1, max_rows=1)
            async with world(tmp_path, made) as place:
                await place.run_until(lambda book: book.lane("national") is not None)
                await place.publish(*several())
                book = await place.run_until(settled(due=6))
                (day,) = book.days("national")
                assert (day.due, day.sent, day.acknowledged, day.refused) == (6, 6, 6, 0)
            assert sorted(one["number"] for one in there.summaries()) == list(range(1, 7))
            assert sum(one["alerts"] for one in there.summaries()) == 6
            assert there.changed == []

    asyncio.run(main())


def test_over_syslog_every_row_ends_at_the_receiver_once(tmp_path):
    async def main():
        async with syslog_receiver(tmp_path) as there:
            there.plan = ["refuse", "cut", None]
            made = settings(receiver(there, tmp_path, binding="syslog-tls", timeout_seconds=3), max_rows=2)
            async with world(tmp_path, made) as place:
                await place.run_until(lambda book: book.lane("national") is not None)
                await place.publish(*several())
                book = await place.run_until(settled(due=3), seconds=90)
                (day,) = book.days("national")
                assert (day.due, day.sent, day.acknowledged) == (3, 3, 0)
                assert day.agreement(acknowledges=False) == "open"
                assert book.lane("national").repeats == 1
            rows = [key for key in there.messages if key[1]]
            assert (len(rows), len(there.messages) - len(rows), there.changed) == (6, 3, [])

    asyncio.run(main())


TAXII_PLANS = {
    "nothing": [],
    "busy": [503, 429],
    "answer lost": ["lose_answer"],
    "at work": ["pending"],
    "in part": ["partial"],
    "too large": [413],
    "refuses us for a while": [401],
    "reset": ["reset"],
}


@pytest.mark.parametrize("plan", TAXII_PLANS.values(), ids=TAXII_PLANS)
def test_over_a_real_taxii_server_every_object_ends_there_once(tmp_path, plan):
    async def main(server):
        server.plan = list(plan)
        one = {
            "binding": "taxii21", "url": server.url, "collection": COLLECTION, "username": USER, "password": PASSWORD,
            "timeout_seconds": 3,
        }  # fmt: skip
        async with world(tmp_path, settings(one, max_rows=2)) as place:
            await place.run_until(lambda book: book.lane("national") is not None)
            await place.publish(*several(4))
            book = await place.run_until(settled(due=2), seconds=120)
            (day,) = book.days("national")
            assert (day.due, day.acknowledged) == (2, 2)
        kinds = [id_.partition("--")[0] for id_, _ in server.objects]
        assert len({id_ for id_, _ in server.objects}) == len(server.objects)
        assert (kinds.count("note"), kinds.count("sighting"), kinds.count("indicator")) == (2, 4, 1)

    with taxii() as server:
        asyncio.run(main(server))


def wrong(tmp_path):
    """A certificate by an authority that we do not know."""
    (tmp_path / "other").mkdir()
    server_context(tmp_path, "127.0.0.1")
    return server_context(tmp_path / "other", "127.0.0.1")


@pytest.mark.parametrize("bad", [wrong, expired_context], ids=["of another authority", "expired"])
@pytest.mark.parametrize("serve", [json_receiver, syslog_receiver], ids=["https", "syslog"])
def test_nothing_leaves_to_a_receiver_whose_certificate_does_not_fit(tmp_path, bad, serve):
    async def main():
        async with serve(tmp_path, bad(tmp_path)) as there:
            wire = "syslog-tls" if serve is syslog_receiver else "https-json"
            async with world(tmp_path, settings(receiver(there, tmp_path, binding=wire))) as place:
                await place.run_until(lambda book: book.lane("national") is not None)
                await place.publish(fresh(1))
                book = await place.run_until(lambda book: book.lane("national").state == "blocked")
                assert book.lane("national").detail.startswith("certificate: ")
                assert len(book.entries("national")) == 1
            assert not getattr(there, "records", None)
            assert not getattr(there, "messages", None)

    asyncio.run(main())


def test_a_syslog_receiver_that_wants_a_certificate_and_gets_none_has_got_nothing(tmp_path):
    context = server_context(tmp_path, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(tmp_path / "ca.pem")

    async def main():
        async with syslog_receiver(tmp_path, context) as there:
            made = settings(receiver(there, tmp_path, binding="syslog-tls", timeout_seconds=3))
            async with world(tmp_path, made) as place:
                await place.run_until(lambda book: book.lane("national") is not None)
                await place.publish(fresh(1))
                book = await place.run_until(lambda book: book.lane("national").failures > 1)
                assert (len(book.entries("national")), there.messages) == (1, {})

    asyncio.run(main())


def test_what_a_receiver_will_never_take_is_put_aside_counted_and_tried_again_on_order(tmp_path):
    async def main():
        async with shared(tmp_path, max_rows=1) as (there, place):
            await place.run_until(lambda book: book.lane("national") is not None)
            there.plan = [422] * 5
            await place.publish(fresh(1))
            book = await place.run_until(lambda book: any(entry.refused for entry in book.entries("national")))
            assert book.days("national")[0].refused == 1
            await place.publish(fresh(2, rule_id="other"))
            book = await place.run_until(lambda book: book.days("national")[0].sent == 1)
            place.orders = Orders({"national": now()})
            book = await place.run_until(settled(due=2))
            assert (book.days("national")[0].refused, len(there.summaries())) == (0, 2)

    asyncio.run(main())


def test_the_days_count_is_sent_when_all_of_it_was_and_says_whether_both_sides_agree(tmp_path):
    async def main():
        async with shared(tmp_path, max_rows=1) as (there, place):
            await place.run_until(lambda book: book.lane("national") is not None)
            await place.publish(*several(3))
            await place.run_until(settled(due=3))
            place.ahead = DAY
            book = await place.run_until(lambda book: any(day.told for day in book.days("national")))
            day = book.days("national")[-1]
            (said,) = there.days()
            assert (said["due"], said["sent"], said["acknowledged"], said["alerts"]) == (3, 3, 3, 3)
            assert (said["first"], said["last"], said["digest"]) == (day.first, day.last, day.digest)
            assert (day.counted, day.agreement(acknowledges=True)) == (3, "agreed")

    asyncio.run(main())


def test_a_receiver_that_counted_fewer_makes_a_gap_until_it_says_otherwise(tmp_path):
    async def main():
        async with shared(tmp_path) as (there, place):
            await place.run_until(lambda book: book.lane("national") is not None)
            await place.publish(fresh(1))
            await place.run_until(settled())
            there.records.clear()
            place.ahead = DAY
            book = await place.run_until(lambda book: any(day.told for day in book.days("national")))
            day = book.days("national")[-1]
            assert (day.counted, day.agreement(acknowledges=True)) == (0, "gap")
            place.orders = Orders(counted=(Counted("national", day.day, 1, "cli:hoa", 7),))
            book = await place.run_until(lambda book: book.days("national")[-1].counted == 1)
            assert book.days("national")[-1].agreement(acknowledges=True) == "agreed"

    asyncio.run(main())


def test_one_dead_receiver_does_not_hold_up_another(tmp_path):
    async def main():
        async with json_receiver(tmp_path) as there:
            dead = {"name": "dead", "url": "https://127.0.0.1:9/alerts", "timeout_seconds": 0.3}
            async with world(tmp_path, settings(dead, receiver(there, tmp_path))) as place:
                await place.run_until(lambda book: book.lane("national") is not None)
                await place.publish(fresh(1))
                book = await place.run_until(
                    lambda book: settled()(book) and book.lane("dead").failures > 2 and book.entries("dead")
                )
                assert book.days("dead")[0].sent == 0

    asyncio.run(main())


class KilledError(Exception):
    """The process is gone."""


class Wrapped:
    """A claim whose process is killed before or after its n-th commit, or whose commits are counted."""

    def __init__(self, claim, at, after):
        self._claim, self._left, self._after = claim, at, after

    def __getattr__(self, name):
        return getattr(self._claim, name)

    async def commit(self, *args):
        self._left -= 1
        if self._left == 0 and not self._after:
            raise KilledError
        made = await self._claim.commit(*args)
        if self._left == 0:
            raise KilledError
        return made


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 9))
def test_killed_at_any_commit_every_summary_ends_at_the_receiver_once_with_the_same_bytes(tmp_path, at, after):
    async def main():
        async with json_receiver(tmp_path) as there:
            there.plan = [None, "lose_answer", 503]
            async with world(tmp_path, settings(receiver(there, tmp_path), max_rows=1, window_seconds=1)) as place:
                await place.run_until(lambda book: book.lane("national") is not None)
                await place.publish(*several(3))
                sharer = place.sharer(lambda claim: Wrapped(claim, at, after))
                try:
                    await place.run_until(settled(due=3), sharer)
                except* KilledError:
                    pass
                book = await place.run_until(settled(due=3))
                (day,) = book.days("national")
                assert (day.due, day.acknowledged) == (3, 3)
            assert sorted(one["number"] for one in there.summaries()) == [1, 2, 3]
            assert sum(one["alerts"] for one in there.summaries()) == 3
            assert there.changed == []

    asyncio.run(main())


@pytest.mark.parametrize("state", sorted({state for state, _ in TRANSITIONS}))
def test_from_every_state_of_the_table_a_restart_sends_what_was_being_sent(tmp_path, state):
    async def main():
        async with json_receiver(tmp_path) as there:
            there.plan = [503] * 400
            async with world(tmp_path, settings(receiver(there, tmp_path))) as place:
                await place.run_until(lambda book: book.lane("national") is not None)
                await place.publish(fresh(1))
                await place.run_until(lambda book: bool(book.entries("national")))
                claim = await place.bus.claim("share", 0)
                book = Book(claim.state)
                lane = book.lane("national")
                numbers = () if state == "idle" else (1,)
                book.put_lane("national", msgspec.structs.replace(lane, state=state, numbers=numbers, next_attempt=0))
                await claim.commit((), book.take())
                await claim.release()
                there.plan = []
                await place.run_until(settled())
            assert [one["number"] for one in there.summaries()] == [1]

    asyncio.run(main())


def test_an_alert_that_grows_is_told_as_what_came_since(tmp_path):
    async def main():
        async with shared(tmp_path) as (there, place):
            await place.run_until(lambda book: book.lane("national") is not None)
            one = fresh(1, count=5)
            await place.publish(one)
            await place.run_until(settled())
            await place.publish(msgspec.structs.replace(one, count=9, version=2))
            await place.run_until(settled(due=2))
            told = there.summaries()
            assert [(each["alerts"], each["events"]) for each in told] == [(1, 5), (0, 4)]

    asyncio.run(main())


def test_what_is_sealed_is_what_arrives_byte_by_byte(tmp_path):
    async def main():
        async with json_receiver(tmp_path) as there:
            there.plan = [503] * 400
            async with world(tmp_path, settings(receiver(there, tmp_path))) as place:
                await place.run_until(lambda book: book.lane("national") is not None)
                await place.publish(fresh(1), alert(2, raised=now() + SECOND))
                book = await place.run_until(lambda book: bool(book.entries("national")))
                sealed = [json.loads(entry.payload) for entry in book.entries("national")]
                there.plan = []
                await place.run_until(settled())
            assert there.summaries()[: len(sealed)] == sealed

    asyncio.run(main())
