"""``soc normalize`` and ``soc detect``: one process, no bus; raw lines in, JSON out."""

import gzip
import json
import re
import sys
import time
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

import click

from soc.cli.output import config_option, print_json, print_rows, settings_of
from soc.clock import now, to_iso
from soc.errors import RecordError, SettingsError
from soc.model import Episode, Event, RawRecord, RuleInfo
from soc.settings import RuleSettings, Settings, SourceProfile

MAX_LINE = 16 * 1024 * 1024
"""Bytes of a line that are kept; the rest of a longer one is cut, and the record says so."""
MAX_DOCUMENT = 256 * 1024 * 1024
"""Bytes of a pretty-printed JSON file that are read as one; the rest is read line by line."""
_WHITE = re.compile(r"[\s,]*")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), required=False)
@config_option
@click.option("--source", default="auto", show_default=True, help="A source profile of the settings, or a product.")
@click.option("--list", "list_products", is_flag=True, help="Name the products and profiles, and end.")
def normalize(file: Path | None, config: Path | None, source: str, *, list_products: bool) -> None:
    """Print one normalized event for each line of FILE (- is standard input; .gz is unpacked).

    A line that cannot be parsed prints its reason and the raw text, in its place.

    \b
    Example:
      soc normalize --source sshd /var/log/auth.log
    """
    from soc.app import make_normalizer
    from soc.normalize.normalizer import Discarded, products

    settings = settings_of(config)
    if list_products:
        rows = [{"name": name, "description": text} for name, text in products().items()]
        rows += [{"name": p.name, "description": f"profile of the settings: {p.product}"} for p in settings.sources]
        print_rows(rows, None)
        return
    if file is None:
        raise click.UsageError("FILE is missing; write - for standard input")
    settings, profile = _with_profile(settings, source)
    normalizer = make_normalizer(settings)
    with _open(file) as stream:
        for number, (line, cut) in enumerate(_lines(stream), 1):
            record = RawRecord(line, now(), "file", str(file), str(file), profile=profile, cut=cut)
            try:
                event = normalizer.normalize(record, f"line-{number}", record.received)
            except RecordError as error:
                print_json({"error": error.reason, "stage": error.stage, "event.original": _text(line)})
                continue
            if isinstance(event, Discarded):
                print_json({"discarded": event.profile, "event.original": _text(line)})
            else:
                print_json(event.fields)


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
    from soc.app import make_normalizer, spare_the_collector
    from soc.pipeline.ruleset import read_bundle
    from soc.sigma.load import load
    from soc.tooling.offline import Offline

    settings, profile = _with_profile(settings_of(config), source)
    ruleset = load(read_bundle(RuleSettings(paths=tuple(map(str, rules))) if rules else settings.rules))
    for refused in ruleset.refused:
        click.echo(f"refused: {refused}", err=True)
    if not ruleset.infos:
        click.echo(
            "soc: no rule is in use, so nothing can be detected: see --rules, or [rules] of the settings", err=True
        )
    offline = Offline(ruleset, make_normalizer(settings))
    spare_the_collector()
    started = time.perf_counter()
    with _open(file) as stream:
        for number, (line, cut) in enumerate(_lines(stream), 1):
            record = RawRecord(line, now(), "file", str(file), str(file), profile=profile, cut=cut)
            for event, match in offline.feed(record, f"line-{number}", record.received):
                print_json(_detection(event, match.rule, ruleset.infos[match.rule]))
    for episode in offline.finish():
        print_json(_episode(episode, ruleset.infos[episode.rule]))
    seconds = time.perf_counter() - started
    statistics = {
        "events": offline.events,
        "dead_letters": offline.dead_letters,
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

    for profile in settings.sources:
        if profile.name == source:
            return settings, source
    if source != "auto" and source not in products():
        known = ", ".join(dict.fromkeys(["auto", *products(), *(profile.name for profile in settings.sources)]))
        raise SettingsError([f"--source: {source!r} is neither a product nor a profile; known: {known}"])
    made = SourceProfile(name=f"--source {source}", product=source, live=False)
    return settings.model_copy(update={"sources": (*settings.sources, made)}), made.name


@contextmanager
def _open(file: Path) -> Generator[IO[bytes]]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            yield stream  # type: ignore[misc]
    except (OSError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SettingsError([f"{file}: cannot be read: {error}"]) from error


def _lines(stream: IO[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Lines without their ends, a longer one cut; an empty line is none. JSON written over several lines is one each object."""
    first = stream.readline(MAX_LINE)
    if first.strip(b" \t\r\n\xef\xbb\xbf") in (b"{", b"[", b"[{"):
        whole = first + stream.read(MAX_DOCUMENT)
        objects = _objects(whole)
        yield from ((line, False) for line in objects) if objects is not None else _lines_of(BytesIO(whole), b"")
        first = b""
    yield from _lines_of(stream, first)


def _objects(document: bytes) -> list[bytes] | None:
    """The objects of a pretty-printed file, one after another or in one array, each on one line; None if it is not JSON."""
    text, decoder, found = document.decode("utf-8-sig", "replace"), json.JSONDecoder(), list[Any]()
    at = _WHITE.match(text).end()  # type: ignore[union-attr]
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            found += cast("list[Any]", value) if isinstance(value, list) else [value]
            at = _WHITE.match(text, at).end()  # type: ignore[union-attr]
    except (ValueError, RecursionError):
        return None
    return [json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") for value in found]


def _lines_of(stream: IO[bytes], first: bytes) -> Iterator[tuple[bytes, bool]]:
    while line := first or stream.readline(MAX_LINE):
        first = b""
        cut = len(line) == MAX_LINE and not line.endswith(b"\n")
        if cut:
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
        line = line.rstrip(b"\r\n")
        if line:
            yield line, cut


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")


COMMANDS = (normalize, detect)
