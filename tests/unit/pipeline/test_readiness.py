"""What is told of a register and its log sources."""

from soc.assets.entries import Entries, LogSource, System, Unit
from soc.assets.register import EMPTY, Register
from soc.clock import MINUTE
from soc.pipeline.readiness import gaps
from soc.pipeline.source_report import SourceReport

NOW = 1_790_000_000_000_000


def told(entries: Entries, *reports: SourceReport) -> set[tuple[str, str]]:
    return {(gap.what, gap.detail.split(" ")[0]) for gap in gaps(Register(entries), reports, NOW)}


def with_sources(*sources: LogSource) -> Entries:
    return Entries(systems=(System("s", "S"),), log_sources=sources)


def test_no_register_is_a_finding():
    assert [gap.what for gap in gaps(EMPTY, (), NOW)] == ["no_register"]


def test_a_source_is_silent_past_its_own_rhythm_else_past_the_learned_one():
    entries = with_sources(
        LogSource("s", "a", every=300), LogSource("s", "b", every=3600), LogSource("s", "c"), LogSource("s", "d")
    )
    last = NOW - 10 * MINUTE
    found = told(
        entries,
        SourceReport("a", last),
        SourceReport("b", last),
        SourceReport("c", last, silent_seconds=600),
        SourceReport("d", last),
    )
    assert {item for item in found if item[0].startswith("source")} == {("source_silent", "a"), ("source_silent", "c")}


def test_a_system_without_expected_sources_and_one_that_nothing_leads_to_are_told():
    assert {what for what, _ in told(with_sources())} >= {"no_log_source", "not_found"}


def test_an_owner_that_no_longer_exists_is_told_with_its_successor():
    units = (Unit("old", "Old", valid_to="2025-06-30", successors=("new",)), Unit("new", "New"))
    found = gaps(Register(Entries(units, (System("s", "S", owner="old", operator="new"),))), (), NOW)
    assert [gap.detail for gap in found if gap.what == "unit_ended"] == [
        "owner old ended on 2025-06-30; successor: new"
    ]


def test_what_is_declared_not_to_exist_is_not_missing():
    found = told(Entries(systems=(System("s", "S", without=("domains", "networks")),)))
    assert ("field_missing", "purpose") in found
    assert not {("field_missing", "domains"), ("field_missing", "networks")} & found
