"""Whatever lies among the rule files, the good ones are loaded, and each bad one is told with file, line and reason."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soc.model import Bundle, Unread
from soc.pipeline import rule_files
from soc.pipeline.rule_files import read_files
from soc.pipeline.ruleset import read_bundle
from soc.settings import RuleSettings
from soc.sigma.load import load

IDS = [f"{n}{n}{n}{n}{n}{n}{n}{n}-1111-4111-8111-111111111111" for n in "123456789"]


def rule(number: int, user: str = "an") -> str:
    return (
        f"title: Rule {number}\nid: {IDS[number]}\nlogsource: {{product: x}}\n"
        f"detection:\n  selection:\n    user: {user}\n  condition: selection\n"
    )


def found(root: Path) -> tuple[list[str], list[Unread]]:
    unread: list[Unread] = []
    return [path.removeprefix(f"{root}/") for path, _ in read_files(root, unread)], unread


def test_bad_files_of_every_kind_stop_no_good_one(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(rule(0))
    (tmp_path / "b.yaml").write_bytes(b"\xef\xbb\xbf" + rule(1).encode())
    (tmp_path / "broken.yml").write_text("title: [\n")
    (tmp_path / "deep.yml").write_text("[" * 300_000)
    (tmp_path / "bomb.yml").write_text("a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    ))  # fmt: skip
    (tmp_path / "empty.yml").write_text("")
    (tmp_path / "large.yml").write_text(rule(2) + "# words\n" * 700_000)
    (tmp_path / "latin.yml").write_bytes(rule(3, "josé").encode("latin-1"))
    (tmp_path / "tabs.yml").write_text("title: x\n\tid: y\n")
    (tmp_path / "twice.yml").write_text(rule(0, "other"))
    (tmp_path / "utf16.yml").write_bytes(rule(4).encode("utf-16"))
    (tmp_path / "z.yml").write_text(rule(5))
    rules = load(read_bundle(RuleSettings(paths=(str(tmp_path),))))
    assert set(rules.rules) == {IDS[0], IDS[1], IDS[2], IDS[5]}
    told = {Path(error.path).name: (error.line, error.reason) for error in rules.refused}
    assert {name: line for name, (line, _) in told.items()} == {
        "bomb.yml": 1,
        "broken.yml": 2,
        "deep.yml": 1,
        "latin.yml": 6,
        "tabs.yml": 2,
        "twice.yml": 2,
        "utf16.yml": 1,
    }
    assert "not UTF-8" in told["latin.yml"][1]
    assert "not UTF-8" in told["utf16.yml"][1]
    assert "already that of another rule" in told["twice.yml"][1]


def test_a_set_with_an_unread_file_is_another_set(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(rule(0))
    before = read_bundle(RuleSettings(paths=(str(tmp_path),)))
    (tmp_path / "b.yml").write_bytes(b"\xff")
    after = read_bundle(RuleSettings(paths=(str(tmp_path),)))
    assert after.files == before.files
    assert after.hash != before.hash
    assert Bundle(after.files, after.pipelines).hash == before.hash, "sets of before this was told keep their hash"


def test_files_come_in_the_order_of_their_names_and_hidden_ones_not_at_all(tmp_path: Path) -> None:
    for name in ("b/2.yml", "b/1.yaml", "a.yml", "c.txt", ".git/x.yml", "..data/a.yml", "._a.yml", "b/.x.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a: 1\n")
    assert found(tmp_path) == (["a.yml", "b/1.yaml", "b/2.yml"], [])


def test_a_single_file_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / ".rule").write_text("a: 1\n")
    assert list(read_files(tmp_path / ".rule", [])) == [(str(tmp_path / ".rule"), "a: 1\n")]


def test_the_current_folder_gives_plain_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.yml").write_text("a: 1\n")
    monkeypatch.chdir(tmp_path)
    assert list(read_files(Path(), [])) == [("b/a.yml", "a: 1\n")]


def test_links_are_followed_each_folder_once_and_circles_end(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (tmp_path / "rules").mkdir()
    real.mkdir()
    (real / "a.yml").write_text("a: 1\n")
    (real / "up").symlink_to(tmp_path / "rules")
    (tmp_path / "rules" / "linked").symlink_to(real)
    (tmp_path / "rules" / "once more").symlink_to(real)
    (tmp_path / "rules" / "self.yml").symlink_to(tmp_path / "rules" / "self.yml")
    (tmp_path / "rules" / "gone.yml").symlink_to(tmp_path / "nothing")
    names, unread = found(tmp_path / "rules")
    assert names == ["linked/a.yml"]
    assert sorted(Path(told.path).name for told in unread) == ["gone.yml", "self.yml"]
    assert all(told.reason for told in unread)


def test_what_is_no_plain_file_or_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_files, "MAX_BYTES", 1024**2)
    os.mkfifo(tmp_path / "pipe.yml")
    (tmp_path / "large.yml").write_bytes(b"#" * (1024**2 + 1))
    (tmp_path / "fits.yml").write_bytes(b"#" * 1024**2)
    names, unread = found(tmp_path)
    assert names == ["fits.yml"]
    assert [(Path(told.path).name, told.reason) for told in unread] == [
        ("large.yml", "larger than 1 MB"),
        ("pipe.yml", "no plain file"),
    ]


def test_a_folder_or_file_without_rights_is_told_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("closed/a.yml", "open/a.yml", "open/closed.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a: 1\n")
    monkeypatch.setattr(os, "scandir", _denied(os.scandir))  # root may read everything
    monkeypatch.setattr(os, "open", _denied(os.open))
    names, unread = found(tmp_path)
    assert names == ["open/a.yml"]
    assert unread == [
        Unread(f"{tmp_path}/closed/", 0, "the folder cannot be read: Permission denied"),
        Unread(f"{tmp_path}/open/closed.yml", 0, "cannot be read: Permission denied"),
    ]


def _denied(original: Any) -> Any:
    def call(path: Any, *rest: Any) -> Any:
        if "closed" in Path(path).name:
            raise PermissionError(13, "Permission denied", str(path))
        return original(path, *rest)

    return call


@pytest.fixture(autouse=True)
def _no_descriptor_is_left_open() -> Iterator[None]:
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert len(list(Path("/proc/self/fd").iterdir())) == before
