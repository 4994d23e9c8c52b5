"""A periodic report: each figure is the count of the query it carries, inside the period and not beside it."""

import asyncio

import msgspec
import pytest
from duties_support import HOURS, incident, local, report, shipped
from msgspec.structs import replace

from soc.clock import SECOND
from soc.duties.layout import html, markdown
from soc.errors import SettingsError
from soc.pipeline import periodic
from soc.pipeline.periodic import count, make
from soc.store.documents import incident_document, report_document
from soc.store.embedded import EmbeddedStore
from soc.store.query import parse

POLICY = shipped()
FIRST, LAST = local("2025-12-15 00:00:00"), local("2026-12-15 00:00:00") - SECOND


def raised(number, at, **changes):
    case = incident(
        raised=at,
        first_seen=at - HOURS,
        acknowledged_at=at,
        tags=("attack.t1110", "attack.credential-access"),
        **changes,
    )
    return replace(case, id=f"202611-inc{number}", number=f"INC-2026-{number:06d}")


CASES = (
    raised(1, FIRST - 1, severity="serious"),
    raised(2, FIRST, severity="serious"),
    raised(3, LAST, kind="incident", confirmed_at=LAST, severity="normal"),
    raised(4, LAST + SECOND, severity="serious"),
    raised(5, FIRST + HOURS, exercise=True),
    raised(6, FIRST + HOURS, status="merged", merged_into="202611-inc2"),
    raised(7, FIRST + 2 * HOURS, status="closed", verdict="false_positive"),
)


@pytest.fixture
def over(tmp_path):
    """Ask a store that holds the cases."""

    def run(ask):
        async def inside():
            store = EmbeddedStore(tmp_path / "store.db")
            try:
                await store.write(
                    [
                        *map(incident_document, CASES),
                        report_document(report("notice_initial", FIRST + 30 * HOURS, incident_id="202611-inc2")),
                    ]
                )
                return await ask(store)
            finally:
                await store.close()

        return asyncio.run(inside())

    return run


def yearly(store, now=LAST + HOURS, name="2026"):
    return make(store, POLICY, "year", name, organization="Trung tâm <Giám sát>", now=now)


def figures(made, section):
    return {one.id: one.value for one in next(s for s in made.sections if s.id == section).figures}


def test_a_year_counts_what_was_raised_from_its_first_to_its_last_second(over):
    made = over(yearly)
    found = figures(made, "incidents")
    assert (found["all"], found["serious"], found["normal"], found["incidents"]) == (3, 1, 1, 1)
    assert (found["exercises"], found["false_positive"], found["closed"], found["open"]) == (1, 1, 1, 2)
    assert figures(made, "reports")["reports_accepted"] == 1
    assert not made.preliminary


def test_each_figure_is_made_again_by_the_query_it_carries(over):
    async def ask(store):
        made = await yearly(store)
        for section in made.sections:
            for figure in section.figures:
                found = await store.search(figure.kind, parse(figure.query), limit=10_000)
                assert len(found.documents) == figure.value, figure
        return made

    ranked = {s.id: s.figures for s in over(ask).sections if s.ranked}
    assert [(one.vi, one.value) for one in ranked["systems"]] == [("Cổng dịch vụ công trực tuyến", 3)]
    assert [one.vi for one in ranked["techniques"]] == ["T1110"]


def test_deadlines_that_were_kept_and_missed_are_listed_by_incident(over):
    rows = over(yearly).timely
    assert [(one.number[-1], one.kind, one.state) for one in rows if one.kind != "update"] == [
        ("2", "notice_initial", "late"),
        ("3", "report_72h", "running"),
    ]


def test_a_count_beyond_what_a_search_counts_is_exact(over, monkeypatch):
    monkeypatch.setattr(periodic, "EXACT", 2)
    assert over(lambda store: count(store, "incident", "")) == len(CASES)


def test_a_period_that_has_not_ended_says_so(over):
    made = over(lambda store: yearly(store, now=LAST))
    assert made.preliminary
    assert "TẠM TÍNH" in markdown(made)


@pytest.mark.parametrize(("report_", "name"), [("monthly", "2026"), ("year", "2026-H1"), ("weekly", "2026")])
def test_a_report_or_period_that_does_not_exist_is_refused(over, report_, name):
    with pytest.raises(SettingsError, match=r"periodic report|--period"):
        over(lambda store: make(store, POLICY, report_, name, organization="SOC", now=LAST))


def test_the_layout_is_that_of_an_administrative_document_and_escapes_what_it_shows(over):
    made = over(yearly)
    page, text = html(made), markdown(made)
    for said in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "BÁO CÁO",
        "Nơi nhận",
        "từ 15/12/2025 đến 14/12/2026",
        "Chủ quản hệ thống thông tin",
        "chưa được người có thẩm quyền đối chiếu",
    ):
        assert said in page
        assert said in text
    assert "<GIÁM SÁT>" not in page
    assert "&lt;GIÁM SÁT&gt;" in page
    assert msgspec.json.decode(msgspec.json.encode(made))["period"] == "2026"
