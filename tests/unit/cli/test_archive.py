"""``soc archive …`` from the outside: what it prints, says and ends with."""

import asyncio
import json
from pathlib import Path

import pytest
from cli_support import run_cli

from soc.app import open_bus
from soc.bus.base import Message
from soc.clock import SECOND, Micros, to_iso
from soc.model import RawRecord, encode
from soc.pipeline.archive import archive_rest
from soc.pipeline.table import RAW
from soc.roles import archive_parts
from soc.settings import load

START: Micros = 1_764_547_200 * SECOND


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An installation whose archive has two segments."""
    path = tmp_path / "soc.toml"
    path.write_text(f'data_dir = "{tmp_path / "data"}"\ntimezone = "UTC"\n[bus]\npartitions = 1\n', encoding="utf-8")
    settings = load(path, {})

    async def main() -> None:
        bus = open_bus(settings, lambda: START)
        claim = await bus.claim("collect", 0)
        raws = [RawRecord(b"line %d" % n, START + n, "tcp", "192.0.2.1:1", f"fw-{n % 2}") for n in range(10)]
        await claim.commit([Message(RAW, raw.source.encode(), encode(raw)) for raw in raws])
        await claim.release()
        await archive_rest(bus, archive_parts(settings), clock=lambda: START)
        await bus.close()

    asyncio.run(main())
    return path


def segment(config: Path, number: int) -> Path:
    return sorted((config.parent / "data" / "archive").rglob("*.zst"))[number]


def test_a_whole_archive_verifies(config: Path):
    done = run_cli("archive", "verify", "--config", str(config))
    told = json.loads(done.out)
    assert (done.code, done.err, told["segments"], told["faults"]) == (0, "", 2, [])
    assert [(chain["from"], chain["to"]) for chain in told["chains"]] == [(1, 2)]


def test_the_broken_segment_is_named(config: Path):
    broken = segment(config, 1)
    broken.write_bytes(broken.read_bytes()[:-1])
    done = run_cli("archive", "verify", "--config", str(config))
    assert done.code == 1
    assert broken.name in done.err


def test_the_last_segment_is_missed(config: Path):
    segment(config, 1).unlink()
    done = run_cli("archive", "verify", "--config", str(config))
    assert (done.code, json.loads(done.out)["faults"][0]["reason"]) == (1, "it is missing")


def test_an_archive_that_was_cut_back_since_its_head_was_kept_does_not_verify(config: Path):
    head = config.parent / "head.json"
    head.write_bytes(run_cli("archive", "verify", "--config", str(config)).out)
    assert run_cli("archive", "verify", "--config", str(config), "--head", str(head)).code == 0
    head.write_bytes(head.read_bytes().replace(b'"to":2,"hash":"', b'"to":2,"hash":"0'))
    other = run_cli("archive", "verify", "--config", str(config), "--head", str(head))
    head.write_bytes(head.read_bytes().replace(b'"to":2', b'"to":4'))
    longer = run_cli("archive", "verify", "--config", str(config), "--head", str(head))
    head.write_text("something else")
    wrong = run_cli("archive", "verify", "--config", str(config), "--head", str(head))
    reasons = [[fault["reason"] for fault in json.loads(done.out)["faults"]] for done in (other, longer)]
    assert reasons == [["it is not the one that was there when the head was kept"], ["it is missing", "it is missing"]]
    assert (other.code, longer.code, wrong.code) == (1, 1, 2)


def test_without_the_installation_it_is_said_what_cannot_be_seen(config: Path):
    elsewhere = config.parent / "other.toml"
    archive = config.parent / "data" / "archive"
    elsewhere.write_text(f'data_dir = "{config.parent / "other"}"\n[archive]\npath = "{archive}"\n', encoding="utf-8")
    done = run_cli("archive", "verify", "--config", str(elsewhere))
    assert "what is missing at the ends of chains is not seen" in done.err
    assert not (config.parent / "other").exists(), "looking makes nothing"


def test_segments_are_listed_by_time_and_source(config: Path):
    everything = run_cli("archive", "list", "--config", str(config))
    one = run_cli("archive", "list", "--config", str(config), "--source", "fw-1", "--from", to_iso(START))
    none = run_cli("archive", "list", "--config", str(config), "--to", to_iso(START))
    rows = [json.loads(line) for line in everything.out.splitlines()]
    assert [(row["hour"], row["source"], row["number"]) for row in rows] == [
        ("2025-12-01T00:00:00.000Z", "fw-0", 1),
        ("2025-12-01T00:00:00.000Z", "fw-1", 2),
    ]
    assert [json.loads(line)["source"] for line in one.out.splitlines()] == ["fw-1"]
    assert none.out == b""


def test_the_status_tells_place_size_and_how_far_back_it_reaches(config: Path):
    told = json.loads(run_cli("archive", "status", "--config", str(config)).out)
    size = sum(segment(config, number).stat().st_size for number in range(2))
    assert (told["segments"], told["bytes"], told["open_records"]) == (2, size, 0)
    assert (told["place"], told["since"]) == (str(config.parent / "data" / "archive"), "2025-12-01T00:00:00.000Z")
    assert told["days_covered"] > 300


def test_a_text_is_found_whatever_the_case_of_its_letters(config: Path):
    window = ["--from", "2025-12-01", "--to", "2025-12-02"]
    done = run_cli("archive", "search", "--config", str(config), *window, "--pattern", "LINE 7")
    (row,) = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, row["source"], row["event"]["event.original"]) == (0, "fw-1", "line 7")


def test_a_damaged_segment_is_named_and_the_others_are_searched(config: Path):
    broken = segment(config, 0)
    broken.write_bytes(b"rubbish")
    done = run_cli("archive", "search", "--config", str(config), "--from", "2025-12-01", "--to", "2025-12-02")
    assert (done.code, len(done.out.splitlines())) == (1, 5)
    assert broken.name in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "2025-12-02", "--to", "2025-12-01"], "is not after"),
        (["--from", "yesterday", "--to", "2025-12-01"], "is no time"),
        (["--from", "2025-12-01", "--to", "2025-12-02", "a AND"], "QUERY"),
    ],
    ids=["order", "time", "query"],
)
def test_wrong_words_end_with_2(config: Path, arguments: list[str], said: str):
    done = run_cli("archive", "search", "--config", str(config), *arguments)
    assert (done.code, said in done.err) == (2, True)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('path = "a"\nurl = "s3://b"', "path and url are both set"),
        ('url = "https://b"', "names no bucket"),
        ('endpoint = "s3.example"', "is no address"),
        ('access_key = "a"', "belong together"),
        ("days = 0", "greater than 0"),
    ],
    ids=["two places", "url", "endpoint", "keys", "days"],
)
def test_check_lists_what_is_wrong_with_the_settings(tmp_path: Path, setting: str, said: str):
    path = tmp_path / "soc.toml"
    path.write_text(f"[archive]\n{setting}\n", encoding="utf-8")
    done = run_cli("check", "--config", str(path))
    assert (done.code, said in done.err) == (2, True), done.err


def test_check_tells_where_the_archive_is_and_that_there_is_none(config: Path):
    with_one = run_cli("check", "--config", str(config))
    assert f"archive: {config.parent / 'data' / 'archive'}, 1 days in it\n" in with_one.err
    config.write_text(config.read_text() + "[archive]\nenabled = false\n")
    without = run_cli("check", "--config", str(config))
    assert "no archive: [archive] enabled is false, raw lines are kept for 30 days" in without.err


def test_check_ends_with_3_where_the_bucket_cannot_be_reached(config: Path):
    place = (
        'url = "s3://b"\nendpoint = "http://127.0.0.1:9"\naccess_key = "a"\nsecret_key = "hush"\ntimeout_seconds = 1\n'
    )
    config.write_text(config.read_text() + f"[archive]\n{place}")
    done = run_cli("check", "--config", str(config))
    assert (done.code, "archive: s3://b: " in done.err) == (3, True)
    assert b"hush" not in done.out
