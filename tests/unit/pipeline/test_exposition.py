"""The metrics seen from outside the stages: every line is one that Prometheus takes, and names follow its conventions."""

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from soc.pipeline.exposition import exposition
from soc.pipeline.health import Collector, Finding, Health, StageLag

HEALTH = Health(
    ok=False,
    at="2026-11-22T08:00:00.000Z",
    lags=(StageLag("engine", 7, 1.5), StageLag("index", 0, 0.0)),
    processes=({"counters": {'odd "name"\\': {"received": 5, "connections": 2}, "udp": {"received": 12_345_678}}},),
    findings=(Finding("error", "forward", "report_stale", {"count": 1}),),
    silent_sources=("192.0.2.1",),
    rules={},
    reports={"accepted": 3},
)


def samples(health: Health = HEALTH) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(exposition(health))
    return {(s.name, tuple(s.labels.items())): s.value for family in families for s in family.samples}


def test_everything_is_there_as_it_was():
    found = samples()
    assert found["soc_lag_records", (("stage", "engine"),)] == 7
    assert found["soc_lag_seconds", (("stage", "engine"),)] == 1.5
    assert found["soc_reports", (("state", "accepted"),)] == 3
    assert found["soc_reports", (("state", "rejected"),)] == 0
    assert found["soc_findings", (("level", "error"),)] == 1
    assert found["soc_sources_silent", ()] == 1


def test_a_counter_of_a_listener_is_exact_and_its_name_may_be_anything():
    found = samples()
    assert found["soc_input_received_total", (("listener", "udp"),)] == 12_345_678
    assert found["soc_input_connections", (("listener", 'odd "name"\\'),)] == 2


def test_while_the_brokers_are_away_only_what_is_known_is_there():
    away = msgspec.structs.replace(HEALTH, lags=(), away={"bus": 1}, own_unshipped=1500)
    found = samples(away)
    assert (found["soc_bus_available", ()], found["soc_store_reachable", ()]) == (0, 1)
    assert found["soc_collector_own_unshipped_records", ()] == 1500
    assert found["soc_input_received_total", (("listener", "udp"),)] == 12_345_678
    assert not [name for name, _ in found if name.startswith(("soc_lag", "soc_reports", "soc_sources"))]


def test_every_collector_of_the_cluster_is_there():
    found = samples(msgspec.structs.replace(HEALTH, collectors=(Collector("edge1 (1)", 2.5, 40),)))
    assert found["soc_collector_unshipped_records", (("host", "edge1 (1)"),)] == 40
    assert found["soc_collector_silent_seconds", (("host", "edge1 (1)"),)] == 2.5


def test_a_source_over_its_share_is_named_with_what_was_refused_and_how_often_it_waited():
    process = {"counters": {}, "noisy": {"192.0.2.66": 40}, "slowed": {"192.0.2.67": 3}}
    found = samples(msgspec.structs.replace(HEALTH, processes=(process,)))
    assert found["soc_input_source_refused_total", (("source", "192.0.2.66"),)] == 40
    assert found["soc_input_source_waits_total", (("source", "192.0.2.67"),)] == 3


def test_silent_sources_and_wrong_clocks_are_named_with_how_much():
    findings = (
        Finding("warning", "192.0.2.31", "source_silent", {"silent_seconds": 2280, "usual_seconds": 60}),
        Finding("warning", "192.0.2.21", "clock_zone", {"offset_seconds": 25200.0, "offset": -25200.0}),
    )
    found = samples(msgspec.structs.replace(HEALTH, findings=findings))
    assert found["soc_source_silent_seconds", (("source", "192.0.2.31"),)] == 2280
    assert found["soc_source_clock_offset_seconds", (("source", "192.0.2.21"),)] == -25200
