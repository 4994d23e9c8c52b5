"""A set that was loaded once is read back, unless anything about it is not as it was; whatever is wrong, rules are loaded."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from soc.model import Bundle
from soc.pipeline import rule_cache
from soc.pipeline.rule_cache import KEPT, load_cached, user_directory
from soc.sigma.ruleset import RuleSet

RULE = "title: A rule\nid: {}\nlogsource: {{product: x}}\ndetection:\n  s: {{user: an}}\n  condition: s\n"
A = "11111111-1111-4111-8111-111111111111"
B = "22222222-2222-4222-8222-222222222222"


class Compiled(list[Bundle]):
    """The bundles that were compiled."""


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Compiled:
    done, original = Compiled(), rule_cache._compiled

    def compile_and_note(bundle: Bundle) -> RuleSet:
        done.append(bundle)
        return original(bundle)

    monkeypatch.setattr(rule_cache, "_compiled", compile_and_note)
    monkeypatch.setattr(rule_cache, "_WORTH", 1)
    return done


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "rules"


def bundle(text: str = RULE.format(A)) -> Bundle:
    return Bundle((("a.yml", text), ("b.yml", "title: [")))


def sets(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.rules"))


def reasons(logs: Any) -> list[str]:
    return [entry["reason"] for entry in logs]


def test_a_bundle_is_compiled_once(compiled: Compiled, directory: Path) -> None:
    first, second = load_cached(bundle(), directory), load_cached(bundle(), directory)
    assert len(compiled) == 1
    assert list(second.rules) == list(first.rules) == [A]
    assert [str(error) for error in second.refused] == [str(error) for error in first.refused] != []
    assert second.rules[A].condition
    assert second.hash == bundle().hash


def test_another_text_is_compiled_anew(compiled: Compiled, directory: Path) -> None:
    load_cached(bundle(), directory)
    assert list(load_cached(bundle(RULE.format(B)), directory).rules) == [B]
    assert len(compiled) == len(sets(directory)) == 2


def test_another_soc_compiles_anew(compiled: Compiled, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_cached(bundle(), directory)
    rule_cache._compiler.cache_clear()
    monkeypatch.setattr(rule_cache.soc, "__version__", "99")
    load_cached(bundle(), directory)
    rule_cache._compiler.cache_clear()
    assert len(compiled) == 2


def test_nobody_else_can_read_or_write_what_is_kept(compiled: Compiled, directory: Path) -> None:
    load_cached(bundle(), directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in sets(directory)] == [0o600]
    assert len(compiled) == 1


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 4_000])
def test_a_damaged_file_is_told_and_written_anew(compiled: Compiled, directory: Path, damage: bytes) -> None:
    load_cached(bundle(), directory)
    (path,) = sets(directory)
    whole = path.read_bytes()
    path.write_bytes(damage)
    with capture_logs() as logs:
        assert list(load_cached(bundle(), directory).rules) == [A]
    assert reasons(logs) == ["it is damaged"]
    assert path.read_bytes() == whole
    assert len(compiled) == 2


def test_one_turned_bit_is_found(compiled: Compiled, directory: Path) -> None:
    load_cached(bundle(), directory)
    (path,) = sets(directory)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with capture_logs() as logs:
        load_cached(bundle(), directory)
    assert reasons(logs) == ["it is damaged"]
    assert len(compiled) == 2


@pytest.mark.parametrize("place", ["directory", "file"])
def test_what_others_may_write_to_is_not_believed(compiled: Compiled, directory: Path, place: str) -> None:
    load_cached(bundle(), directory)
    (path,) = sets(directory)
    (directory if place == "directory" else path).chmod(0o777)
    with capture_logs() as logs:
        assert list(load_cached(bundle(), directory).rules) == [A]
    assert reasons(logs)[0] == "it belongs to somebody else, or others may write to it"
    assert len(compiled) == 2


def test_what_belongs_to_somebody_else_is_not_believed(
    compiled: Compiled, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_cached(bundle(), directory)
    monkeypatch.setattr(os, "geteuid", lambda: 4_711)
    with capture_logs() as logs:
        load_cached(bundle(), directory)
    assert set(reasons(logs)) == {"it belongs to somebody else, or others may write to it"}
    assert len(compiled) == 2


@pytest.mark.parametrize("link", ["directory", "file"])
def test_a_link_is_not_followed(compiled: Compiled, directory: Path, tmp_path: Path, link: str) -> None:
    load_cached(bundle(), directory)
    (path,) = sets(directory)
    linked = directory if link == "directory" else path
    linked.rename(tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")
    with capture_logs() as logs:
        load_cached(bundle(), directory)
    assert logs
    assert len(compiled) == 2


def test_a_place_that_cannot_be_made_costs_the_cache_only(compiled: Compiled, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with capture_logs() as logs:
        assert list(load_cached(bundle(), tmp_path / "file" / "rules").rules) == [A]
    assert len(logs) == 2
    assert len(compiled) == 1


def test_a_full_disk_leaves_nothing_behind(
    compiled: Compiled, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with capture_logs() as logs:
        assert list(load_cached(bundle(), directory).rules) == [A]
    assert "No space left" in reasons(logs)[0]
    assert list(directory.iterdir()) == []
    assert len(compiled) == 1


def test_the_sets_used_last_are_kept_and_what_was_abandoned_goes(compiled: Compiled, directory: Path) -> None:
    bundles = [bundle(RULE.format(A) + f"# {number}\n") for number in range(KEPT + 2)]
    for number, one in enumerate(bundles[:KEPT]):
        load_cached(one, directory)
        newest = max(sets(directory), key=lambda path: path.stat().st_mtime)
        os.utime(newest, (number, number))
    abandoned = directory / ".begun-long-ago"
    abandoned.write_bytes(b"")
    os.utime(abandoned, (1, 1))
    load_cached(bundles[0], directory)  # used now
    load_cached(bundles[KEPT], directory)
    assert len(sets(directory)) == KEPT
    assert not abandoned.exists()
    before = len(compiled)
    load_cached(bundles[0], directory)
    assert len(compiled) == before, "it was used, so another one went"
    load_cached(bundles[1], directory)
    assert len(compiled) == before + 1, "the one not used for longest went"


def test_few_rules_are_not_worth_a_file(directory: Path) -> None:
    assert list(load_cached(bundle(), directory).rules) == [A]
    assert not directory.exists()


def test_without_a_directory_rules_are_loaded(compiled: Compiled) -> None:
    assert list(load_cached(bundle(), None).rules) == [A]
    assert len(compiled) == 1


def test_what_cannot_be_frozen_is_loaded_each_time(compiled: Compiled, directory: Path) -> None:
    large = bundle(RULE.format(A).replace("user: an", "n|hour: 123456789012345678901234567890"))
    with capture_logs() as logs:
        assert list(load_cached(large, directory).rules) == [A]
    assert len(logs) == 1
    assert sets(directory) == []
    assert len(compiled) == 1


def test_a_users_cache_lies_where_xdg_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_directory() == tmp_path / "soc" / "rules"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert user_directory() == tmp_path / "home" / ".cache" / "soc" / "rules"
