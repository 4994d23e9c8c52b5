"""Which files of the folders that the settings name are rules, and which are field maps."""

from pathlib import Path

import pytest

from soc.errors import SettingsError
from soc.pipeline.ruleset import read_bundle
from soc.settings import RuleSettings, content_dir


def written(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"title: {name}\n", encoding="utf-8")
    return root


def test_a_folder_pipelines_beside_rules_holds_field_maps_and_those_that_ship_apply_too(tmp_path: Path) -> None:
    root = written(tmp_path, "pipelines/lists.yml", "a.yml", "deep/pipelines/b.yaml", "notes.txt")
    bundle = read_bundle(RuleSettings(paths=(str(root),)))
    assert [path for path, _ in bundle.files] == [str(root / "a.yml"), str(root / "deep/pipelines/b.yaml")]
    shipped = {str(path) for path in (content_dir("rules") / "pipelines").glob("*.yml")}
    assert {path for path, _ in bundle.pipelines} == {str(root / "pipelines/lists.yml")} | shipped


def test_no_field_map_that_ships_is_read_as_a_rule() -> None:
    bundle = read_bundle(RuleSettings())
    assert bundle.files
    assert bundle.pipelines
    assert not {path for path, _ in bundle.files} & {path for path, _ in bundle.pipelines}


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        read_bundle(RuleSettings(paths=(str(tmp_path / "none"),)))
