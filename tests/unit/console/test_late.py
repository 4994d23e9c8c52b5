"""The page of what was late and why, in both languages; and how a timeline's words become the reader's."""

import json
import re

import msgspec
import pytest
from duties_support import shipped

from soc.clock import DAY, HOUR
from soc.console.history import detail
from soc.console.i18n import LANGUAGES, Texts, catalogue
from soc.console.views.late import said
from soc.forward.late import CAUSES, Cause
from soc.model import Approval
from soc.model.incident import Moment
from soc.store.documents import incident_document, report_document

POLICY = shipped()


async def _late(world, story):
    """An incident whose first notice left two days late, approved without two fields, and whose report of 72 hours is overdue."""
    start = story.NOW - 5 * DAY
    report = story.report("accepted")
    report = msgspec.structs.replace(report, kind="notice_initial", sealed_at=start + 3 * DAY, seq=950)
    given = Approval(
        "notice_initial", report.payload_sha256, "hoa.pv", start + 3 * DAY - HOUR, 9, "national",
        missing=("description", "cause"), missing_reason="chưa biết",
    )  # fmt: skip
    made = msgspec.structs.replace(
        story.incident(), severity="serious", kind="incident", acknowledged_at=start, raised=start, first_seen=start,
        last_seen=start, approvals=(given,), particulars={"late_reason": "Mất điện"}, version=900,
    )  # fmt: skip
    await world.store.write([incident_document(made), report_document(report)])


def test_every_late_report_is_there_with_its_causes_the_overdue_first(console, story, sign_in):
    async def body(world):
        await _late(world, story)
        lan = sign_in(world, "lan.nt")
        tree = json.loads(await lan.text("/late.json"))
        assert tree["overdue"] == sum(row["state"] == "overdue" for row in tree["rows"]) > 0
        states = [row["state"] for row in tree["rows"]]
        assert states == sorted(states, key=lambda state: state != "overdue")
        notice = next(row for row in tree["rows"] if row["kind"] == "notice_initial")
        assert notice["causes"][0] == "given"
        assert {"approved_late", "sent_without"} <= set(notice["causes"])
        assert "lý do được nêu: Mất điện" in notice["why"]
        assert "phê duyệt khi còn thiếu Mô tả sơ bộ về sự cố, Nguyên nhân: chưa biết" in notice["why"]
        page = await lan.text("/late")
        for text in ("Báo cáo trễ hạn", "lý do được nêu: Mất điện", "soc report late", story.incident().number):
            assert text in page, text

    console(body, policy=POLICY)


def test_where_nothing_was_late_the_page_says_so(console, sign_in):
    async def body(world):
        assert "Không có báo cáo nào trễ hạn" in await sign_in(world, "lan.nt").text("/late")

    console(body, policy=POLICY)


def test_without_a_policy_there_is_no_such_page(console, sign_in):
    async def body(world):
        assert (await sign_in(world, "lan.nt").get("/late")).status == 404

    console(body)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cause_can_be_said_in_every_language(language):
    known = catalogue(language)
    assert {key.removeprefix("why.") for key in known if key.startswith("why.")} == CAUSES.keys()
    for key, english in CAUSES.items():
        assert set(re.findall(r"\{(\w+)\}", known[f"why.{key}"])) == set(re.findall(r"\{(\w+)\}", english)), key


def test_a_cause_names_fields_kinds_and_states_as_pages_do():
    texts = Texts("vi", "Asia/Ho_Chi_Minh")
    assert said(Cause("empty", {"fields": "cause, spread"}), texts).endswith("Nguyên nhân, Phạm vi, mức độ lây lan")
    assert said(Cause("waits", {"kinds": "report_72h"}), texts) == "phải có trước: Báo cáo sự cố 72 giờ"
    assert said(Cause("person", {"state": "held", "text": ""}), texts).endswith("chờ người xử lý")


@pytest.mark.parametrize(
    ("act", "kept", "shown"),
    [
        ("approve", "closing abc…", "Báo cáo kết thúc abc…"),
        ("approve", "closing abc… without cause: chưa rõ", "Báo cáo kết thúc abc… thiếu Nguyên nhân: chưa rõ"),
        ("describe", "cause, spread", "Nguyên nhân, Phạm vi, mức độ lây lan"),
        ("classify", "none → serious: nặng", "Chưa phân loại → Nghiêm trọng: nặng"),
        ("close", "true_positive: xong", "Tấn công thật: xong"),
        ("note", "none → serious", "none → serious"),
    ],
    ids=["approve", "approve without", "describe", "classify", "close", "note"],
)
def test_a_timeline_speaks_the_readers_language(act, kept, shown):
    assert detail(Moment(0, "lan", act, kept), Texts("vi", "Asia/Ho_Chi_Minh")) == shown
