"""The settings' profiles and mapping files → the normalizer that reads this installation's lines."""

from pathlib import Path

from soc.clock import SECOND
from soc.errors import SettingsError
from soc.normalize.mapping import MappingFile, parse_all
from soc.normalize.normalizer import Normalizer
from soc.settings import Settings

_LARGEST = 1024 * 1024


def read_mappings(settings: Settings) -> list[MappingFile]:
    """Every mapping file that the settings name; of a folder every ``*.toml`` in it.

    Raises:
        SettingsError: every file that cannot be read, and every mistake in those that can.
    """
    mistakes: list[str] = []
    files: list[tuple[str, str]] = []
    for name in settings.mappings:
        path = Path(name)
        found = sorted(path.rglob("*.toml")) if path.is_dir() else [path]
        if path.is_dir() and not found:
            mistakes.append(f"mappings: {name}: no *.toml in this folder")
        for file in found:
            try:
                if file.stat().st_size > _LARGEST:
                    mistakes.append(f"mappings: {file}: larger than {_LARGEST} bytes")
                else:
                    files.append((str(file), file.read_text(encoding="utf-8")))
            except (OSError, UnicodeDecodeError) as error:
                mistakes.append(f"mappings: {file}: cannot be read: {error}")
    try:
        mappings = parse_all(files)
    except SettingsError as error:
        mistakes += error.mistakes
        mappings = []
    if mistakes:
        raise SettingsError(mistakes)
    return mappings


def make_normalizer(settings: Settings) -> Normalizer:
    """The normalizer that the settings describe.

    Raises:
        SettingsError: every mistake in profiles and mapping files.
    """
    return Normalizer(
        settings.sources,
        timezone=settings.timezone,
        lateness=round(settings.correlation.lateness_seconds * SECOND),
        future_skew=round(settings.correlation.future_skew_seconds * SECOND),
        mappings=read_mappings(settings),
    )
