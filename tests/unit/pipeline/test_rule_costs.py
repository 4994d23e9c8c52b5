"""A rule that takes much time is named in metrics, log and status; so is one that did not see all of a value."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from soc.detect.costs import Cost, RuleCosts
from soc.model import Bundle
from soc.pipeline.rule_costs import NAMED, CostWatch
from soc.sigma.load import load

RULE = """
title: A costly one
name: costly
logsource: {product: x}
detection: {s: {a: b}, condition: s}
"""
RULES = load(Bundle((("f.yml", RULE),)))


class Given(RuleCosts):
    """Costs as a test says."""

    now: dict[str, Cost]

    def __init__(self) -> None:
        super().__init__(RULES)
        self.now = {}

    def by_rule(self) -> dict[str, Cost]:
        return dict(self.now)


def value(metric: str, rule: str) -> float:
    return REGISTRY.get_sample_value(f"soc_rule_{metric}_total", {"rule": rule}) or 0.0


def test_a_rule_that_takes_more_than_a_fifth_of_the_time_is_heavy_until_it_takes_less() -> None:
    watch, costs = CostWatch(), Given()
    before = value("seconds", "costly")
    with capture_logs() as logs:
        watch.look(costs, 1_000.0)
        costs.now["costly"] = Cost(13.0)
        watch.look(costs, 1_060.0)
        assert watch.heavy == {"costly": pytest.approx(13 / 60)}
        costs.now["costly"] = Cost(26.0)
        watch.look(costs, 1_120.0)
    assert [(one["event"], one["title"]) for one in logs] == [("rule_heavy", "A costly one")], "said once"
    assert value("seconds", "costly") - before == pytest.approx(26)
    costs.now["costly"] = Cost(27.0)
    watch.look(costs, 1_180.0)
    assert watch.heavy == {}


def test_a_rule_that_costs_little_has_no_series_of_its_own() -> None:
    watch, costs = CostWatch(), Given()
    watch.look(costs, 0.0)
    costs.now["cheap"] = Cost(0.5)
    watch.look(costs, 60.0)
    assert REGISTRY.get_sample_value("soc_rule_seconds_total", {"rule": "cheap"}) is None


def test_values_that_were_cut_are_counted_for_the_rule() -> None:
    watch, costs = CostWatch(), Given()
    before = value("cut_values", "cutting")
    watch.look(costs, 0.0)
    costs.now["cutting"] = Cost(cut=3)
    watch.look(costs, 60.0)
    costs.now["cutting"] = Cost(cut=5)
    watch.look(costs, 120.0)
    assert value("cut_values", "cutting") - before == 5


def test_what_another_rule_set_cost_is_not_charged_again() -> None:
    watch, costs = CostWatch(), Given()
    costs.now["costly"] = Cost(40.0)
    watch.look(costs, 0.0)
    following = Given()
    following.now["costly"] = Cost(30.0)
    watch.look(following, 60.0)
    assert watch.heavy == {"costly": pytest.approx(0.5)}, "it begins at nothing"


def test_the_rules_that_are_told_by_name_are_bounded() -> None:
    watch, costs = CostWatch(), Given()
    before = value("cut_values", "other")
    watch.look(costs, 0.0)
    costs.now = {f"bounded-{i:03d}": Cost(cut=1) for i in range(NAMED + 7)}
    watch.look(costs, 60.0)
    assert value("cut_values", "other") - before == 7


def test_it_looks_until_it_is_told_to_stop() -> None:
    async def scenario() -> int:
        watch, stop, looks = CostWatch(), asyncio.Event(), 0

        def costs() -> RuleCosts:
            nonlocal looks
            looks += 1
            stop.set()
            return Given()

        await asyncio.wait_for(watch.follow(costs, stop), 10)
        return looks

    assert asyncio.run(scenario()) == 1
