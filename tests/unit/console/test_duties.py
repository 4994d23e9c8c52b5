"""The page of duties, the clocks of an incident and periodic reports, in both languages and as JSON."""

import hashlib
import json

import msgspec
from duties_support import shipped

from soc.clock import DAY, HOUR, MINUTE
from soc.model import Approval, Report
from soc.pipeline.periodic import make
from soc.store.documents import incident_document, report_document

POLICY = shipped()


async def _classify(world, story, **changes):
    """The story's incident as somebody classified it, and the report that the story sent went somewhere else."""
    fields = {
        "severity": "serious",
        "acknowledged_at": story.T0 + 30 * MINUTE,
        "version": 900,
        "status": "triage",
        **changes,
    }
    case = msgspec.structs.replace(story.incident(), **fields)
    elsewhere = msgspec.structs.replace(story.report(), seq=900, recipient="elsewhere")
    await world.store.write([incident_document(case), report_document(elsewhere)])
    return case


def test_the_page_lists_what_is_owed_with_time_left_and_what_is_missing(console, story, sign_in):
    async def body(world):
        case = await _classify(world, story)
        lan = sign_in(world, "lan.nt")
        tree = json.loads(await lan.text("/duties.json"))
        (row,) = tree["clocks"]
        assert (row["kind"], row["state"], row["due"]) == ("notice_initial", "running", story.T0 + 30 * MINUTE + DAY)
        assert {
            "field": "current_state",
            "label": "Hiện trạng sự cố",
            "href": f"/incidents/{case.id}?field=current_state#describe",
        } in row["missing"]
        page = await lan.text("/duties")
        for said in (
            case.number,
            "Thông báo ban đầu trong 24 giờ",
            "Hiện trạng sự cố",
            "chưa được người có thẩm quyền đối chiếu",
            "Còn 23 giờ 50 phút",
            "Trung tâm An ninh mạng quốc gia",
        ):
            assert said in page, said

    console(body, policy=POLICY)


def test_overdue_comes_first_and_is_counted(console, story, sign_in):
    async def body(world):
        await _classify(world, story, t0=story.T0 - 2 * DAY, kind="incident", confirmed_at=story.T0 + 30 * MINUTE)
        lan = sign_in(world, "lan.nt")
        tree = json.loads(await lan.text("/duties.json"))
        assert [(row["kind"], row["state"]) for row in tree["clocks"]] == [
            ("notice_initial", "overdue"),
            ("report_72h", "running"),
        ]
        assert (tree["overdue"], tree["soon"]) == (
            1,
            1 + sum(one["due"] <= story.NOW + DAY for one in tree["periodic"]),
        )
        assert "Quá hạn" in await lan.text("/duties")

    console(body, policy=POLICY)


def test_the_clocks_of_an_incident_show_every_state(console, story, sign_in):
    async def body(world):
        case = await _classify(world, story)
        sent = Report("r1", 1, case.id, "notice_initial", "national", "queued", b"{}", "", story.NOW, "hoa.pv")
        await world.store.write([report_document(sent)])
        lan = sign_in(world, "lan.nt")
        tree = json.loads(await lan.text(f"/incidents/{case.id}/clocks.json"))
        assert (tree["live"], tree["clocks"][0]["report_state"]) == (1, "queued")
        page = await lan.text(f"/incidents/{case.id}/clocks")
        assert "<progress" in page
        assert "nghĩa vụ chưa phát sinh" in page
        assert (await lan.get("/incidents/nothing/clocks")).status == 404

    console(body, policy=POLICY)


def test_a_drill_is_marked_and_has_no_recipient(console, story, sign_in):
    async def body(world):
        await _classify(world, story, exercise=True, approvals=(Approval("notice_initial", "", "hoa.pv", story.T0, 1),))
        lan = sign_in(world, "lan.nt")
        assert "DIỄN TẬP" in await lan.text("/duties")
        (row,) = json.loads(await lan.text("/duties.json"))["clocks"]
        assert (row["kind"], row["recipient"], row["exercise"]) == ("notice_initial", "", True)

    console(body, policy=POLICY)


def test_the_pages_speak_english_too(console, story, sign_in):
    async def body(world):
        await _classify(world, story)
        lan = sign_in(world, "lan.nt")
        lan.cookies["soc_language"] = "en"
        page = await lan.text("/duties")
        assert "First notice within 24 hours" in page
        assert "not compared with the law by anybody with authority" in page

    console(body, policy=POLICY)


def test_without_a_policy_there_is_no_page(console, sign_in):
    async def body(world):
        assert (await sign_in(world, "lan.nt").get("/duties")).status == 404

    console(body)


def test_a_periodic_report_is_a_page_a_twin_and_an_audited_file(console, story, sign_in):
    async def body(world):
        async def periodic(report, period):
            return await make(world.store, POLICY, report, period, organization="SOC Tây Ninh", now=story.NOW)

        from dataclasses import replace

        from soc.console.context import CONSOLE

        world.app._state[CONSOLE] = replace(world.app[CONSOLE], periodic=periodic)
        lan, hoa = sign_in(world, "lan.nt"), sign_in(world, "hoa.pv")
        asked = "kind=weekly&period=2026-W47"
        assert json.loads(await lan.text(f"/duties/periodic.json?{asked}"))["report"]["preliminary"]
        assert "soc report list --of incident" in await lan.text(f"/duties/periodic?{asked}")
        assert (await lan.get("/duties/periodic?kind=monthly&period=2026")).status == 404
        assert (await lan.get(f"/duties/periodic/file?{asked}")).status == 403
        assert [entry.act for entry in world.desk.recorded if entry.act == "export"] == []
        file = await hoa.get(f"/duties/periodic/file?{asked}")
        assert file.status == 200
        assert "attachment" in file.headers["Content-Disposition"]
        assert [entry.object for entry in world.desk.recorded if entry.act == "export"] == ["periodic/weekly/2026-W47"]
        sha256 = hashlib.sha256(await file.read()).hexdigest()
        assert [entry.detail for entry in world.desk.recorded if entry.act == "export"] == [
            f"periodic report, sha256 {sha256}"
        ]
        assert story.NOW - story.T0 < HOUR

    console(body, policy=POLICY)
