"""Makes the support modules beside the contract suites importable and gives each test the bus under test, once per adapter."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bus_support import ADAPTERS, OTHERWISE_ON_KAFKA, Harness, KafkaHarness

LIVE = {KafkaHarness.name: pytest.mark.live}


def pytest_collection_modifyitems(config, items) -> None:
    """What says the same in other words for Kafka runs there in those words only (tests/live)."""
    otherwise = [
        item
        for item in items
        if getattr(item, "originalname", "") in OTHERWISE_ON_KAFKA
        and getattr(item, "callspec", None)
        and item.callspec.params.get("harness") == KafkaHarness.name
    ]
    if otherwise:
        config.hook.pytest_deselected(items=otherwise)
        items[:] = [item for item in items if item not in set(otherwise)]


@pytest.fixture(params=[pytest.param(name, marks=LIVE.get(name, ())) for name in sorted(ADAPTERS)])
def harness(request, tmp_path) -> Harness:
    """An empty installation of one adapter; ``open`` it as often as there are processes in the test."""
    return ADAPTERS[request.param](str(tmp_path / "bus"))
