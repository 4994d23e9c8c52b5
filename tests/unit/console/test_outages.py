"""While brokers or store are away the pages say so, in both languages; an act is not taken, and nobody waits for ever."""

import asyncio

import pytest

from soc.clock import HOUR
from soc.console import guards
from soc.console.context import Outages
from soc.errors import UnavailableError


def english(visitor):
    visitor.cookies["soc_language"] = "en"
    return visitor


@pytest.mark.parametrize("path", ["/alerts", "/incidents", "/search", "/reports", "/deadletters"])
def test_a_page_that_shows_the_store_says_that_it_is_away_and_since_when(console, sign_in, story, path):
    async def body(world) -> None:
        visitor = sign_in(world, "lan.nt")
        answer = await visitor.get(path)
        assert answer.status == 503
        text = await answer.text()
        assert "Kho tìm kiếm không truy cập được từ" in text
        assert '<a class="button" href="/health">' in text
        assert "Alerts go on and nothing is lost" in await english(visitor).text(path)
        assert (await visitor.get("/health")).status == 200

    console(body, outages=lambda: Outages(store=story.NOW - HOUR))


def test_who_is_not_signed_in_is_asked_to_sign_in_first(console, story):
    async def body(world) -> None:
        answer = await world.client.get("/alerts", allow_redirects=False)
        assert answer.status == 303

    console(body, outages=lambda: Outages(store=story.NOW))


def test_while_the_brokers_are_away_pages_show_what_was_known_and_say_so(console, sign_in, story):
    async def body(world) -> None:
        visitor = sign_in(world, "lan.nt")
        assert "Kafka không truy cập được từ" in await visitor.text("/alerts")
        assert "acts are not taken until the brokers are back" in await english(visitor).text("/alerts")

    console(body, outages=lambda: Outages(bus=story.NOW - HOUR))


def test_an_act_that_cannot_be_taken_is_said_not_to_be(console, sign_in, story):
    async def refuse(_action) -> None:
        raise UnavailableError("the brokers are away")

    async def body(world) -> None:
        visitor = sign_in(world, "lan.nt")
        answer = await visitor.act("/alerts/202611-a2/act", "acknowledge")
        assert answer.status == 503
        assert "Thao tác của bạn chưa được nhận" in await answer.text()

    console(body, act=refuse, outages=lambda: Outages(bus=story.NOW - HOUR))


def test_a_page_is_given_up_when_the_store_does_not_answer(console, sign_in, monkeypatch):
    async def body(world) -> None:
        async def hang(*_given, **_more) -> None:
            await asyncio.sleep(60)

        monkeypatch.setattr(world.store, "search", hang)
        visitor = english(sign_in(world, "lan.nt"))
        answer = await visitor.get("/search?q=line")
        assert answer.status == 503
        assert "The store answers late or not at all" in await answer.text()

    monkeypatch.setattr(guards, "SLOW_PAGE_SECONDS", 0.2)
    console(body, outages=lambda: Outages(slow=True))
