"""Makes the support modules beside the contract suites importable and gives each test the bus under test, once per adapter."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bus_support import ADAPTERS, Harness


@pytest.fixture(params=sorted(ADAPTERS))
def harness(request, tmp_path) -> Harness:
    """An empty installation of one adapter; ``open`` it as often as there are processes in the test."""
    return ADAPTERS[request.param](str(tmp_path / "bus"))
