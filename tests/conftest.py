"""What tests of several parts share: the development corpus, found and unpacked once."""

import gzip
import os
import tarfile
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

settings.register_profile("soc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("soc")  # tests assert results, not times

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that two at a time end together; what needs real servers gets a second try.

    A broker and a search server beside other tests on two cores are late at times. Who needed the second try stands as RERUN in
    the summary, to be looked into.
    """
    items.sort(key=lambda item: not item.path.is_relative_to(ROOT / "tests" / "faults"))
    for item in items:
        if item.get_closest_marker("live") is not None:
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their place: both processes must collect the same names, and bytes may hold a time of day."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def _logging_of_its_own() -> None:
    """Commands that run in this process set logging up for all of it; a test sees everything that is said."""
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``sigma/rules`` ..., ``logs/`` and ``windows_50k.ndjson``: SOC_CORPUS itself, or what is packed in it."""
    place = Path(os.environ.get("SOC_CORPUS") or ROOT.parent / "shared" / "corpus")
    if (place / "sigma").is_dir() and (place / "windows_50k.ndjson").is_file():
        return place
    packed = {name: place / name for name in ("sigma-rules.tar.gz", "logs.tar.gz", "windows_50k.ndjson.gz")}
    if not all(path.is_file() for path in packed.values()):
        message = f"not covered: SigmaHQ's rules, 50,000 Windows events, real log lines: no corpus in {place.name}"
        if os.environ.get("SOC_REQUIRE_LIVE"):
            pytest.fail(message)
        pytest.skip(f"{message} (set SOC_CORPUS)")
    folder = tmp_path_factory.mktemp("corpus")
    for name, target in (("sigma-rules.tar.gz", "sigma"), ("logs.tar.gz", "logs")):
        with tarfile.open(packed[name]) as archive:
            archive.extractall(folder / target, filter="data")
    (folder / "windows_50k.ndjson").write_bytes(gzip.decompress(packed["windows_50k.ndjson.gz"].read_bytes()))
    return folder
