"""Threat intelligence: feeds as they are, a value looked up, hits and hunts; and what a marking hides from whom."""

import pytest

from soc.clock import DAY, HOUR, MINUTE
from soc.console.auth import User
from soc.console.intel_known import IntelKnown, may_see
from soc.desk import FeedSettings
from soc.intel.hunting import Hunts, Run
from soc.intel.indicator import Attempt, Attempts, FeedContent, Indicator, IndicatorSet, Tlp, Unusable
from soc.intel.matcher import Indicators

NOW = 1_795_334_400_000_000


def known(**more: object) -> IntelKnown:
    some = (
        Indicator("address", "203.0.113.7", "GREEN", 85, expires=NOW + 3 * DAY, note="scanner of last week", known=1),
        Indicator("address", "203.0.113.8", "RED", 85, note="named persons only", known=1),
        Indicator("domain", "bad.example", "AMBER+STRICT", 40, expires=NOW + 400 * DAY, note="for us", known=1),
    )
    content = FeedContent("ncsc", NOW - HOUR, "f.csv", some, "", "", 2, (Unusable("row 4", "10.0.0.1", "not public"),))
    feeds = tuple(
        FeedSettings.model_validate({"name": name, "kind": "csv", "url": "x.csv", "enabled": name != "off"})
        for name in ("ncsc", "fails", "stale", "new", "off")
    )
    attempts = Attempts(
        (
            Attempt("ncsc", NOW - HOUR, got=3),
            Attempt("fails", NOW - MINUTE, "no answer within 60 s", NOW - DAY),
            Attempt("stale", NOW - 20 * HOUR, got=1),
        )
    )
    run = Run(NOW - DAY, 61_000_000, "soc", NOW - 8 * DAY, NOW - DAY, NOW - 3 * DAY, 3, 1_000_000, 2, 1, 0)
    return IntelKnown(Indicators(IndicatorSet((content,))), attempts, Hunts(1, (run,)), feeds, hunt_days=7)._replace(
        **more
    )


def test_the_page_tells_how_every_feed_is(console, sign_in):
    async def body(world):
        browser = sign_in(world, "lan.nt")
        found = await (await browser.get("/intel.json")).json()
        assert {one["name"]: one["state"] for one in found["feeds"]} == {
            "ncsc": "well", "fails": "failing", "stale": "stale", "new": "waiting", "off": "off",
        }  # fmt: skip
        ncsc = found["feeds"][0]
        assert (ncsc["indicators"], ncsc["ending_soon"], ncsc["dropped"], ncsc["first_end"]) == (3, 1, 2, NOW + 3 * DAY)
        assert ncsc["tlp"] == [["GREEN", 1], ["AMBER+STRICT", 1], ["RED", 1]]
        assert (found["hunts"][0]["lines"], found["hunts"][0]["whole"]) == (1_000_000, False)
        text = await browser.text("/intel")
        for part in ("no answer within 60 s", "đang lỗi", "hết thời gian cho phép", "7 ngày"):
            assert part in text

    console(body, intel=known, clock=lambda: NOW)


def test_a_value_is_looked_up_and_what_is_no_value_is_said(console, sign_in):
    async def body(world):
        browser = sign_in(world, "lan.nt")
        (one,) = (await (await browser.get("/intel.json?value=203.0.113[.]7")).json())["found"]
        assert (one["feed"], one["note"], one["in_force"]) == ("ncsc", "scanner of last week", True)
        assert (await (await browser.get("/intel.json?value=198.51.100.1")).json())["found"] == []
        refused = await browser.get("/intel?value=x+y")
        assert refused.status == 400
        assert "không phải giá trị" in await refused.text()

    console(body, intel=known, clock=lambda: NOW)


def test_a_red_value_shows_no_more_than_that_it_is_listed(console, sign_in):
    async def body(world):
        browser = sign_in(world, "lan.nt")
        (one,) = (await (await browser.get("/intel.json?value=203.0.113.8")).json())["found"]
        assert one == {"feed": "ncsc", "tlp": "RED", "hidden": True, "in_force": True}
        for address in ("/intel", "/intel?value=203.0.113.8", "/intel.json"):
            assert "named persons only" not in await browser.text(address)
        assert "không phải" not in (await browser.text("/intel"))

    console(body, intel=known, clock=lambda: NOW)


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("viewer", {"CLEAR", "GREEN", "AMBER"}),
        ("auditor", {"CLEAR", "GREEN", "AMBER"}),
        ("administrator", {"CLEAR", "GREEN", "AMBER"}),
        ("analyst", {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT"}),
        ("approver", {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT"}),
        ("lead", {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"}),
        ("rule_writer", {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"}),
    ],
)
def test_a_marking_is_shown_to_whom_it_names(role: str, seen: set[Tlp]):
    user = User("a", "", (role,), "", ())  # type: ignore[call-arg]
    markings: tuple[Tlp, ...] = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")
    assert {tlp for tlp in markings if may_see(user, tlp)} == seen
    assert not any(may_see(None, tlp) for tlp in markings)
