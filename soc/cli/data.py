"""``soc normalize`` and ``soc detect``: one process, no bus; raw lines in, JSON out."""

import gc
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soc.cli.output import config_option, print_json, print_json_lines, print_rows, settings_of
from soc.clock import now, to_iso
from soc.errors import SettingsError
from soc.model import Episode, Event, RawRecord, RuleInfo
from soc.settings import RuleSettings, Settings, SourceProfile

if TYPE_CHECKING:
    from soc.detect.detector import Match
    from soc.tooling.offline import Offline

AHEAD_BYTES = 500_000
"""A larger input pays for building every index before its first line (a quarter of a second)."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), required=False)
@config_option
@click.option("--source", default="auto", show_default=True, help="A source profile of the settings, or a product.")
@click.option(
    "--input-format",
    default="lines",
    show_default=True,
    help="lines, or ndjson:FIELD: each line is a JSON object, and FIELD of it is the raw text.",
)
@click.option("--list", "list_products", is_flag=True, help="Name the products and profiles, and end.")
def normalize(file: Path | None, config: Path | None, source: str, input_format: str, *, list_products: bool) -> None:
    """Print one normalized event for each line of FILE (- is standard input; .gz is unpacked).

    One JSON line for each line, in order: a line that cannot be parsed prints its reason and the raw text, and one that is a
    part of an event in several lines prints {"joined_into": "line-<number of its first line>"}.

    \b
    Example:
      soc normalize --source sshd /var/log/auth.log
    """
    from soc.normalize.normalizer import products
    from soc.pipeline.sources import make_normalizer, read_mappings
    from soc.tooling.normalizing import extract, field_of, outcomes
    from soc.tooling.reading import lines, open_input

    settings = settings_of(config)
    if list_products:
        rows = [{"name": name, "description": text} for name, text in products(read_mappings(settings)).items()]
        rows += [{"name": p.name, "description": f"profile of the settings: {p.product}"} for p in settings.sources]
        print_rows(rows, None)
        return
    if file is None:
        raise click.UsageError("FILE is missing; write - for standard input")
    settings, profile = _with_profile(settings, source)
    normalizer = make_normalizer(settings)
    field = field_of(input_format)
    with open_input(file) as stream:
        records = (
            RawRecord(line, now(), "file", str(file), str(file), profile=profile, cut=cut)
            for line, cut in lines(stream)
        )
        taken = ((record, "") for record in records) if not field else (extract(record, field) for record in records)
        for outcome in outcomes(normalizer, taken):
            print_json(outcome)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@config_option
@click.option(
    "--rules",
    "rules",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="[default: the rules that ship with soc]",
)
@click.option("--source", default="auto", show_default=True, help="A source profile of the settings, or a product.")
def detect(file: Path, config: Path | None, rules: tuple[Path, ...], source: str) -> None:
    """Print the detections and episodes that FILE's lines give (- is standard input; .gz is unpacked).

    Ends with one JSON line of statistics on standard error; each refused rule is a line before it.

    \b
    Example:
      soc detect --rules rules/ --source windows-json events.ndjson.gz
    """
    from soc.cli.progress import Progress
    from soc.pipeline.rule_cache import load_cached, user_directory
    from soc.pipeline.ruleset import read_bundle
    from soc.pipeline.sources import make_normalizer
    from soc.telemetry import configure_logging
    from soc.tooling.offline import Offline
    from soc.tooling.reading import blocks, open_input

    settings, profile = _with_profile(settings_of(config), source)
    configure_logging("warning", "auto")
    with _without_collection():
        bundle = read_bundle(RuleSettings(paths=tuple(map(str, rules))) if rules else settings.rules)
        ruleset = load_cached(bundle, user_directory())
        ahead = not file.is_file() or file.stat().st_size > AHEAD_BYTES
        offline = Offline(ruleset, make_normalizer(settings), profile=profile, ahead=ahead)
    for refused in ruleset.refused:
        click.echo(f"refused: {refused}", err=True)
    if not ruleset.infos:
        click.echo(
            "soc: no rule is in use, so nothing can be detected: see --rules, or [rules] of the settings", err=True
        )
    started, number = time.perf_counter(), 0
    with open_input(file) as stream, Progress(stream, file) as progress:
        for lines, cut in blocks(stream):
            found = [
                _detection(event, match.rule, ruleset.infos[match.rule])
                for event, match in _matches(offline, lines, number, str(file), profile, cut=cut)
            ]
            number += len(lines)
            if found:
                progress.wipe()
                print_json_lines(found)
            progress.show(number)
    print_json_lines([_detection(event, match.rule, ruleset.infos[match.rule]) for event, match in offline.end(now())])
    print_json_lines(_episode(episode, ruleset.infos[episode.rule]) for episode in offline.finish())
    seconds = time.perf_counter() - started
    statistics = {
        "events": offline.events,
        "dead_letters": offline.dead_letters,
        "joined": offline.joined,
        "seconds": round(seconds, 3),
        "events_per_second": round(offline.events / seconds) if seconds else 0,
        "rules_loaded": len(ruleset.infos),
        "rules_refused": len(ruleset.refused),
        "detections": offline.detections,
        "episodes": offline.episodes,
    }
    sys.stdout.flush()
    import msgspec

    click.echo(msgspec.json.encode(statistics).decode(), err=True)


@contextmanager
def _without_collection() -> Generator[None]:
    """For making what lives as long as the process: its objects are never garbage, and are not looked at again."""
    gc.disable()
    try:
        yield
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
    finally:
        gc.enable()


def _matches(
    offline: "Offline", lines: list[bytes], before: int, file: str, profile: str, *, cut: bool
) -> "Iterator[tuple[Event, Match]]":
    is_idle = offline.is_idle
    for number, line in enumerate(lines, before + 1):
        if cut or not is_idle(line):
            record = RawRecord(line, now(), "file", file, file, profile=profile, cut=cut)
            yield from offline.feed(record, f"line-{number}", record.received)


def _detection(event: Event, rule: str, info: RuleInfo) -> dict[str, Any]:
    return {
        "rule.id": rule,
        "rule.title": info.title,
        "rule.level": info.level,
        "event.id": event.id,
        "event": event.fields,
    }


def _episode(episode: Episode, info: RuleInfo) -> dict[str, Any]:
    bodies = [member.fields for member in episode.sample if member.fields]
    return {
        "rule.id": episode.rule,
        "rule.title": info.title,
        "rule.level": info.level,
        "event": bodies[-1] if bodies else {},
        "episode": {
            "id": episode.id,
            "type": episode.type,
            "group": dict(episode.group),
            "start": to_iso(episode.start),
            "end": to_iso(episode.end),
            "count": episode.count,
            "members": episode.members,
        },
    }


def _with_profile(settings: Settings, source: str) -> tuple[Settings, str]:
    """The settings with a profile for ``--source``: one of theirs, or one made for a product on the spot.

    Files are taken at their stamps' word (``live = false``): what is old in them is not late.
    """
    from soc.normalize.normalizer import products
    from soc.pipeline.sources import read_mappings

    shipped = products(read_mappings(settings))
    for profile in settings.sources:
        if profile.name == source:
            return settings, source
    if source != "auto" and source not in shipped:
        known = ", ".join(dict.fromkeys(["auto", *shipped, *(profile.name for profile in settings.sources)]))
        raise SettingsError([f"--source: {source!r} is neither a product nor a profile; known: {known}"])
    made = SourceProfile(name=f"--source {source}", product=source, live=False)
    return settings.model_copy(update={"sources": (*settings.sources, made)}), made.name


COMMANDS = (normalize, detect)
