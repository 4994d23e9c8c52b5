"""The page of receipts and the download of a dossier: what is counted, who gets it, what the audit says first."""

import json

import msgspec
from duties_support import shipped

from soc.clock import MINUTE
from soc.errors import UnavailableError
from soc.model import Receipt
from soc.pipeline.dossier import Made
from soc.store.documents import report_document

POLICY = shipped()


async def _sent(world, story):
    """Two reports of the same day: one acknowledged, one that a person must deliver."""
    at = story.NOW - 60 * MINUTE
    receipt = Receipt(
        "R-77", "2026-11-22", 202, "https://nhan.example/", 1, at + MINUTE, peer="cd" * 32,
        objects=(("incident--1", "success"), ("sighting--2", "unknown reference")),
    )  # fmt: skip
    base = story.report()
    history = (("queued", at, ""), ("sending", at, ""))
    taken = msgspec.structs.replace(
        base, id="r-taken", seq=950, state="accepted", sealed_at=at, attempts=1, receipt=receipt, payload=b"\xff\x00",
        history=(*history, ("accepted", at + MINUTE, "")), withheld=(("user.name", "account", 2),), recipient="owner",
    )  # fmt: skip
    held = msgspec.structs.replace(
        taken,
        id="r-held",
        state="held",
        receipt=None,
        history=(*history, ("held", at, "")),
        detail="package is written",
    )
    await world.store.write([report_document(taken), report_document(held)])


def test_the_page_counts_by_receiver_and_day_and_names_each_difference(console, story, sign_in):
    async def body(world):
        await _sent(world, story)
        lan = sign_in(world, "lan.nt")
        tree = json.loads(await lan.text("/receipts.json"))
        row = next(one for one in tree["rows"] if one["recipient"] == "owner")
        assert (row["acknowledged"], row["open"]) == (1, 1)
        assert [one["needs"] for one in row["differences"]] == ["person"]
        page = await lan.text("/receipts")
        for said in (
            "Đối chiếu xác nhận nhận báo cáo",
            "Cần người xử lý",
            "package is written",
            story.incident().number,
        ):
            assert said in page, said

    console(body, policy=POLICY)


def test_a_day_shows_every_receipt_in_full(console, story, sign_in):
    async def body(world):
        await _sent(world, story)
        lan = sign_in(world, "lan.nt")
        day = json.loads(await lan.text("/receipts.json"))["rows"][0]["day"]
        tree = json.loads(await lan.text(f"/receipts.json?day={day}"))
        one = next(one for one in tree["receipts"] if one["report"] == "r-taken")
        assert one["receipt"]["receipt_id"] == "R-77"
        assert one["refused"] == [["sighting--2", "unknown reference"]]
        page = await lan.text(f"/receipts?day={day}")
        for said in ("R-77", "cd" * 32, "nhận 1/2", "unknown reference"):
            assert said in page, said
        lan.cookies["soc_language"] = "en"
        assert "1 of 2 taken" in await lan.text(f"/receipts?day={day}")

    console(body, policy=POLICY)


def test_a_day_that_is_none_and_a_day_without_reports_are_told_so(console, story, sign_in):
    async def body(world):
        lan = sign_in(world, "lan.nt")
        assert (await lan.get("/receipts?day=monday")).status == 400
        assert (await lan.get("/receipts?day=9999-12-31")).status == 400
        assert "Chưa có báo cáo nào" in await lan.text("/receipts?day=2020-01-01")

    console(body, policy=POLICY)


def test_a_dossier_is_made_for_who_may_export_and_he_is_named(console, story, sign_in):
    asked = []

    async def made(incident, actor, whole):
        asked.append((incident.number, actor, whole))
        return Made(b"PK", "ab" * 32, "")

    async def body(world):
        case = story.incident()
        hoa, minh = sign_in(world, "hoa.pv"), sign_in(world, "lan.nt")
        answer = await hoa.get(f"/incidents/{case.id}/dossier")
        assert (answer.status, await answer.read()) == (200, b"PK")
        assert f'filename="{case.number}.zip"' in answer.headers["Content-Disposition"]
        assert asked == [(case.number, "hoa.pv", False)]
        assert (await minh.get(f"/incidents/{case.id}/dossier")).status == 403
        assert (await hoa.get("/incidents/nothing/dossier")).status == 404

    console(body, policy=POLICY, dossier=made)


def test_a_dossier_that_cannot_be_recorded_is_not_handed_out(console, story, sign_in):
    async def away(incident, actor, whole):
        raise UnavailableError("the brokers are away")

    async def body(world):
        answer = await sign_in(world, "hoa.pv").get(f"/incidents/{story.incident().id}/dossier")
        assert answer.status == 503

    console(body, policy=POLICY, dossier=away)
