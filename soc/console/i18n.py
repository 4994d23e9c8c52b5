"""Catalogues in, strings of one language out; and times in the installation's zone, as each language writes them."""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, cast
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from soc.clock import Micros, to_datetime, to_micros

LANGUAGES = ("vi", "en")
DEFAULT = "vi"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every string of a language by its dotted key, from all files of its folder.

    Raises:
        ValueError: two files have the same key.
    """
    found: dict[str, str] = {}
    folder = files("soc.console").joinpath("locale", language)
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        strings = _flat(tomllib.loads(file.read_text(encoding="utf-8")), "")
        if twice := sorted(found.keys() & strings.keys()):
            raise ValueError(f"{file.name}: {', '.join(twice)} are in another file of {language} already")
        found |= strings
    return found


def _flat(tree: Mapping[str, Any], prefix: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            out |= _flat(cast("dict[str, Any]", value), f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = str(value)
    return out


class Texts:
    """The strings of one language and the times of one zone, as templates use them."""

    def __init__(self, language: str, timezone: str) -> None:
        self.language = language if language in LANGUAGES else DEFAULT
        self.zone = ZoneInfo(timezone)
        self._texts = catalogue(self.language)

    def __call__(self, key: str, /, **values: object) -> str:
        """The string of a key, its ``{name}`` replaced.

        Raises:
            KeyError: there is none: a mistake in a template.
        """
        text = self._texts[key]
        return text.format(**values) if values else text

    def named(self, group: str, value: object) -> str:
        """The name of a value of a fixed set (``level``, ``status`` ...); the value itself where it is not in the set."""
        return self._texts.get(f"{group}.{value}", str(value))

    def local(self, micros: Micros) -> str:
        """A time in the zone, to the second."""
        moment = _moment(micros)
        return "" if moment is None else moment.astimezone(self.zone).strftime(self._texts["time.format"])

    def when(self, micros: Micros | None) -> Markup:
        """A ``<time>``: local, with UTC to the millisecond in its title."""
        moment = None if micros is None else _moment(micros)
        if moment is None or micros is None:
            return Markup("–")
        exact = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Markup('<time datetime="{0}" title="{0} UTC">{1}</time>').format(exact, escape(self.local(micros)))

    def offset(self, micros: Micros) -> str:
        """The zone's offset at a time, for column headings: ``UTC+07:00``."""
        moment = _moment(micros)
        text = moment.astimezone(self.zone).strftime("%z") if moment else "+0000"
        return f"UTC{text[:3]}:{text[3:5]}"

    def title(self, item: Mapping[str, Any]) -> str:
        """The title of an alert or incident in this language, where it has one."""
        return str((self.language == "vi" and item.get("title_vi")) or item.get("title") or "")

    def at(self, text: str) -> Markup:
        """A time that comes as ISO 8601 text; the text itself where it is none."""
        try:
            return self.when(to_micros(datetime.fromisoformat(text)))
        except ValueError:
            return escape(text)

    def number(self, value: object) -> str:
        """A whole number in groups of three digits."""
        return f"{value:,}".replace(",", self._texts["number.group"]) if isinstance(value, int) else str(value)

    def span(self, micros: Micros) -> str:
        """A length of time in its two largest units."""
        seconds = max(0, micros) // 1_000_000
        days, rest = divmod(seconds, 86400)
        hours, rest = divmod(rest, 3600)
        minutes, seconds = divmod(rest, 60)
        units = [(days, "time.d"), (hours, "time.h"), (minutes, "time.m"), (seconds, "time.s")]
        shown = [f"{count} {self._texts[unit]}" for count, unit in units if count][:2]
        return " ".join(shown) or f"0 {self._texts['time.s']}"


def _moment(micros: Micros) -> datetime | None:
    try:
        return to_datetime(micros)
    except OverflowError:
        return None
