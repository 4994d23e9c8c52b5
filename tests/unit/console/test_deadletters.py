"""The page of dead letters: groups of equal shape, letters with their bytes, and the form that asks for them again."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from soc.clock import SECOND
from soc.errors import UnavailableError
from soc.model import DeadLetter
from soc.model.deadletter import shape
from soc.store.documents import deadletter_document

T0 = 1_795_309_200 * SECOND


def letter(number: int, source: str = "192.0.2.50", **more: Any) -> DeadLetter:
    data = f'vpn: tunnel {number} is "up"'.encode()
    return DeadLetter(f"log/0/{number}", "normalize", "no known line", data, source, "udp", f"{source}:514", T0, **more)


class Asks:
    """Stands in for the retry: remembers what it was asked."""

    def __init__(self, asked: int = 3) -> None:
        self.calls: list[tuple[Mapping[str, str], str]] = []
        self.asked = asked

    async def __call__(self, chosen: Mapping[str, str], actor: str) -> Mapping[str, Any]:
        self.calls.append((chosen, actor))
        return {"asked": self.asked, "under_way": 1, "left": 0}


def test_letters_of_one_shape_are_one_row_with_their_sources_and_a_way_to_ask_for_them_again(console, sign_in):
    async def body(world):
        letters = [letter(1), letter(2), letter(3, "192.0.2.51")]
        await world.store.write([deadletter_document(one) for one in letters])
        analyst = sign_in(world, "lan.nt")
        data = await (await analyst.get("/deadletters.json")).json()
        (group,) = [one for one in data["groups"] if one["shape"] == shape(letters[0])]
        assert (group["count"], group["reason"]) == (3, "no known line")
        assert group["sources"] == [["192.0.2.50", 2], ["192.0.2.51", 1]]
        html = await analyst.text("/deadletters")
        assert f'name="shape" value="{shape(letters[0])}"' in html
        of_group = await (await analyst.get(f"/deadletters.json?group={shape(letters[0])}")).json()
        assert [one["id"] for one in of_group["letters"]] == ["log/0/3", "log/0/2", "log/0/1"]

    console(body)


def test_a_letter_that_was_processed_since_is_under_another_tab(console, sign_in):
    async def body(world):
        processed = msgspec.structs.replace(letter(1), attempt=1, state="processed")
        await world.store.write([deadletter_document(letter(1)), deadletter_document(processed)])
        analyst = sign_in(world, "lan.nt")

        async def ids(state: str) -> set[str]:
            return {
                one["id"] for one in (await (await analyst.get(f"/deadletters.json?state={state}")).json())["letters"]
            }

        assert "log/0/1" not in await ids("open")
        assert await ids("processed") == {"log/0/1"}

    console(body)


@pytest.mark.parametrize(
    ("fields", "chosen"),
    [
        ({"shape": "0a1b"}, {"id": "", "shape": "0a1b", "source": ""}),
        ({"id": "log/0/1"}, {"id": "log/0/1", "shape": "", "source": ""}),
        ({"all": "1"}, {"id": "", "shape": "", "source": ""}),
    ],
)
def test_asking_is_told_to_who_asks_and_says_what_became_of_it(console, sign_in, fields, chosen):
    asks = Asks()

    async def body(world):
        analyst = sign_in(world, "lan.nt")
        answer = await analyst.post("/deadletters/retry", fields)
        assert asks.calls == [(chosen, "lan.nt")]
        assert answer.status == 303
        shown = await analyst.text(answer.headers["Location"])
        assert "Đã yêu cầu xử lý lại: 3." in shown
        assert "còn đang xử lý: 1." in shown

    console(body, retry=asks)


def test_who_may_not_and_who_chose_nothing_are_refused_and_nothing_is_asked(console, sign_in):
    asks = Asks()

    async def body(world):
        viewer, analyst = sign_in(world, "minh"), sign_in(world, "lan.nt")
        assert (await viewer.post("/deadletters/retry", {"all": "1"})).status == 403
        assert 'action="/deadletters/retry"' not in await viewer.text("/deadletters")
        assert (await analyst.post("/deadletters/retry", {})).status == 400
        assert (await analyst.post("/deadletters/retry", {"all": "1", "csrf": "forged"})).status == 403
        assert asks.calls == []

    console(body, retry=asks)


def test_while_the_brokers_are_away_the_page_says_that_nothing_was_asked(console, sign_in):
    async def away(chosen: Mapping[str, str], actor: str) -> Mapping[str, Any]:
        raise UnavailableError("the brokers are away")

    async def body(world):
        analyst = sign_in(world, "lan.nt")
        assert (await analyst.post("/deadletters/retry", {"all": "1"})).status == 503

    console(body, retry=away)
