"""Compiling in another process: the same rules come back, and what ends that process ends only that."""

import asyncio
from pathlib import Path

import pytest
from unit.pipeline.rule_sets_support import base, counting

from soc.errors import RuleError
from soc.model import Bundle
from soc.pipeline import compile_aside
from soc.sigma.load import load

BUNDLE = Bundle(
    (("count.yml", counting("many", "r0", 2)), *((f"{n:03}.yml", base(f"r{n}")) for n in range(compile_aside.FEW)))
)


def test_the_rules_are_those_that_this_process_would_make_and_stand_in_the_cache(tmp_path: Path):
    found = asyncio.run(compile_aside.compile_aside(BUNDLE, tmp_path / "cache"))
    expected = load(BUNDLE)
    assert (found.hash, found.infos, found.correlations) == (expected.hash, expected.infos, expected.correlations)
    assert set(found.rules) == set(expected.rules)
    assert len(list((tmp_path / "cache").glob("*.rules"))) == 1


def test_a_compiler_that_dies_rejects_the_set_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compile_aside, "encode", lambda _: b"\x00")
    with pytest.raises(RuleError, match="compiling it ended with 1: not a bundle"):
        asyncio.run(compile_aside.compile_aside(BUNDLE, tmp_path / "cache"))


def test_a_compiler_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compile_aside, "SECONDS", 0.01)
    with pytest.raises(RuleError, match="not compiled within"):
        asyncio.run(compile_aside.compile_aside(BUNDLE, tmp_path / "cache"))
