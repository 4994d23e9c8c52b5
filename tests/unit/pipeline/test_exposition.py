"""The metrics seen from outside the stages: every line is one that Prometheus takes, and names follow its conventions."""

from prometheus_client.parser import text_string_to_metric_families

from soc.pipeline.exposition import exposition
from soc.pipeline.health import Finding, Health, StageLag

HEALTH = Health(
    ok=False,
    at="2026-11-22T08:00:00.000Z",
    lags=(StageLag("engine", 7, 1.5), StageLag("index", 0, 0.0)),
    processes=({"counters": {'odd "name"\\': {"received": 5, "connections": 2}, "udp": {"received": 12_345_678}}},),
    findings=(Finding("error", "x", "y", "z"),),
    silent_sources=("192.0.2.1",),
    rules={},
    reports={"accepted": 3},
)


def samples() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(exposition(HEALTH))
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
