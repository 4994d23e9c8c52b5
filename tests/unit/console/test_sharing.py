"""The page of alert sharing: where it stands, whether both sides agree, what a person must do."""

import json

import msgspec

from soc.clock import MINUTE, now
from soc.console.findings import tell
from soc.console.i18n import Texts
from soc.pipeline.health_sharing import sharing_findings
from soc.sharing.book import Book, Entry
from soc.sharing.days import Day
from soc.sharing.outbox import Lane
from soc.sharing.telling import days_told, refused_told, standing
from soc.sharing.terms import read_profile, terms_of
from soc.sharing_receiver import SharingReceiver

TERMS = terms_of(SharingReceiver(url="https://receiver.example/alerts"), read_profile("national"))


def book(**lane):
    made, at = Book({}), now()
    made.put_lane("national", Lane(at, **{"next": 290, "last": at - 30 * MINUTE, **lane}))
    made.put("national", Entry(288, "5c0a7c52-6f0e-4d3b-9a55-0c6f3b7a1e90", "2026-11-23", b"{}", b"", at - 40 * MINUTE))
    made.put(
        "national",
        Entry(280, "6c0a7c52-6f0e-4d3b-9a55-0c6f3b7a1e90", "2026-11-22", b"{}", b"", at, refused="422: no such system"),
    )
    made.put_day(
        "national",
        Day("2026-11-22", 1, 287, 287, 286, 286, 1, alerts=41, events=9120, digest="d", closed=True, told=True),
    )
    made.put_day("national", Day("2026-11-23", 288, 288, 1, alerts=3, events=5))
    made.put_day(
        "national", Day("2026-11-21", 1, 200, 200, 200, 200, alerts=30, events=70, closed=True, told=True, counted=200)
    )
    return made


def overview(made):
    receivers = msgspec.to_builtins(list(standing(made, {}).values()))
    return {"enabled": True, "receivers": receivers, "days": days_told(made, {}), "refused": refused_told(made)}


def given(made):
    async def sharing():
        return overview(made)

    return {"sharing": sharing}


def test_the_page_shows_what_waits_what_was_refused_and_which_day_differs(console, sign_in):
    async def body(world):
        browser = sign_in(world, "kiem")
        text = await browser.text("/sharing")
        assert "422: no such system" in text
        assert "2026-11-22" in text
        twin = json.loads(await browser.text("/sharing.json"))
        assert [row["agreement"] for row in twin["days"]] == ["open", "gap", "agreed"]
        assert (twin["open"], twin["gaps"]) == (1, 1)

    console(body, **given(book()))


def test_a_console_that_shares_nothing_says_so(console, sign_in):
    async def body(world):
        browser = sign_in(world, "kiem")
        assert "[sharing]" in await browser.text("/sharing")

    console(body)


def test_each_thing_that_needs_a_person_is_a_finding_in_both_languages():
    made = book(state="blocked", failing=now() - 60 * MINUTE, detail="401: no", numbers=(288,))
    terms = {"national": TERMS}
    (one,) = standing(made, terms).values()
    found = sharing_findings(one, now())
    assert [finding.id for finding in found] == ["sharing_blocked", "sharing_refused", "sharing_gap"]
    behind = sharing_findings(next(iter(standing(book(), terms).values())), now())[0]
    assert (behind.id, behind.level) == ("sharing_behind", "warning")
    (orphaned,) = sharing_findings(next(iter(standing(made, {}).values())), now())
    full = sharing_findings(next(iter(standing(made, {"national": TERMS._replace(backlog=1)}).values())), now())
    assert "sharing_full" in [finding.id for finding in full]
    for finding in (*found, behind, orphaned, *full):
        for language in ("vi", "en"):
            assert tell(Texts(language, "UTC"), finding.id, finding.values).what


def test_what_goes_well_is_no_finding():
    made = Book({})
    made.put_lane("national", Lane(now()))
    (one,) = standing(made, {"national": TERMS}).values()
    assert sharing_findings(one, now()) == []
