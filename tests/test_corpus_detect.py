"""All of SigmaHQ and 50,000 real Windows events: everything is loaded or refused with a place and a reason, and runs."""

import time
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from soc.detect.detector import Detector
from soc.detect.naive import NaiveDetector
from soc.model import Bundle, LogSource
from soc.normalize.products.windows_logsource import CATEGORIES, SERVICES
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet

pytestmark = pytest.mark.corpus

HERE = Path(__file__).resolve().parents[1]
NAIVE_SECONDS = 15
"""How long the naive evaluator may take; it decides how many events are compared with all rules."""


@cache
def bundle(corpus: Path) -> Bundle:
    rules = tuple((str(p.relative_to(corpus)), p.read_text("utf-8")) for p in sorted((corpus / "sigma").rglob("*.yml")))
    pipelines = tuple((p.name, p.read_text("utf-8")) for p in sorted((HERE / "rules" / "pipelines").glob("*.yml")))
    return Bundle(rules, pipelines)


@cache
def rule_set(corpus: Path) -> RuleSet:
    return load(bundle(corpus))


@cache
def logsources(channel: str, code: str) -> tuple[LogSource, ...]:
    service = SERVICES.get(channel.lower(), "")
    return tuple(LogSource("windows", category, service) for category in CATEGORIES.get((service, code), ("",)))


def decoded(line: bytes) -> tuple[dict[str, Any], tuple[LogSource, ...]]:
    fields = msgspec.json.decode(line)
    return fields, logsources(str(fields.get("Channel")), str(fields.get("EventID")))


def test_every_rule_is_loaded_or_refused_with_file_line_and_reason(corpus: Path) -> None:
    rules = rule_set(corpus)
    files = len(bundle(corpus).files)
    assert files >= 3_780
    assert len(rules.rules) + len(rules.refused) == files
    unexpected = [str(e) for e in rules.refused if "has no value list" not in e.reason]
    assert unexpected == [], "only placeholders without a list may be refused"
    assert all(error.path and error.line and error.reason for error in rules.refused)


def test_the_sample_runs_and_finds_what_the_naive_evaluator_finds(corpus: Path) -> None:
    rules = rule_set(corpus)
    detector = Detector(rules)
    lines = (corpus / "windows_50k.ndjson").read_bytes().splitlines()
    assert len(lines) == 50_000
    found = [detector.detect_fields(*decoded(line)) for line in lines]
    assert sum(map(len, found)) > 1_000
    assert len({rule for hits in found for rule in hits}) > 50

    naive = NaiveDetector(bundle(corpus), rules.rules)
    # Events that something matched are the telling ones; between them, any. On long ones (script blocks) the naive
    # evaluator takes a minute each: those are compared with rsigma instead (bench/detect.py).
    telling = [i for i, hits in enumerate(found) if hits]
    order = [i for pair in zip(telling[::7], range(0, len(lines), 61), strict=False) for i in pair]
    order = [i for i in order if len(lines[i]) < 4_000]
    end, compared = time.monotonic() + NAIVE_SECONDS, 0
    for i in order:
        assert sorted(naive.detect_fields(*decoded(lines[i]))) == sorted(found[i]), f"event {i}"
        compared += 1
        if time.monotonic() > end:
            break
    assert compared > 20
