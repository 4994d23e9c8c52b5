"""Real lines labelled by hand: address, user, outcome and time are right in at least 99 of 100, wherever the lines are."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEAST = 0.99


def _scorer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("label_score", ROOT / "bench" / "label_score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["label_score"] = module
    spec.loader.exec_module(module)
    return module


def _places() -> list[Path]:
    """Where labelled lines may be: SOC_LABELLED_LINES, else the corpus, unpacked or packed."""
    given = os.environ.get("SOC_LABELLED_LINES")
    if given:
        return [Path(given)]
    corpus = Path(os.environ.get("SOC_CORPUS") or ROOT.parent / "shared" / "corpus")
    places = [*corpus.glob("**/crowdsec"), corpus / "logs.tar.gz"]
    return [place for place in places if place.exists()]


def test_there_are_at_least_200_labels_and_no_text_of_a_line_among_them():
    labels = _scorer().labels()
    assert len(labels) >= 200
    names = {"product", "source.ip", "user.name", "event.outcome", "time"}
    assert all(len(key) == 64 and set(row) == names for key, row in labels.items())
    assert {row["product"] for row in labels.values()} >= {"sshd", "apache", "web", "netfilter"}


def test_labelled_lines_are_normalized_right():
    scorer = _scorer()
    lines = (line for place in _places() for line in scorer.lines_under(place))
    result = scorer.score(lines, scorer.labels())
    if not result.found:
        pytest.skip(
            "labelled real lines (sshd, nginx, Apache, iptables) not covered: none under SOC_CORPUS or SOC_LABELLED_LINES"
        )
    print(f"labelled lines found: {result.found}, right: {result.shares}")
    wrong = {name: share for name, share in result.shares.items() if share < LEAST}
    assert not wrong, result.mistakes[:20]


def test_a_wrong_label_is_seen():
    import hashlib

    scorer = _scorer()
    line = b'192.0.2.5 - - [08/Jun/2026:06:49:01 +0700] "GET / HTTP/1.1" 200 803'
    right = {
        "product": "web",
        "source.ip": "192.0.2.5",
        "user.name": None,
        "event.outcome": "success",
        "time": "2026-06-07T23:49:01.000Z",
    }
    key = hashlib.sha256(line).hexdigest()
    assert set(scorer.score([line], {key: right}).shares.values()) == {1.0}
    result = scorer.score([line], {key: {**right, "source.ip": "192.0.2.6"}})
    assert result.shares["source.ip"] == 0.0
    assert result.mistakes
