"""Damaged input for a bounded time: parsers raise nothing but RecordError, framers give the same frames however bytes are cut.

The corpus that is kept is every hand-made sample line (tests/data/normalize) and what once broke something (tests/data/fuzz: one input
a line, as Python writes bytes). A run is deterministic; ``SOC_FUZZ_SEED`` and ``SOC_FUZZ_SECONDS`` make it another or a longer one, as
``make soak`` does. What is found is printed as the line to be kept.
"""

import ast
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from ecs_support import hold_to_ecs

from collectors.framing import SyslogFramer
from collectors.gelf import GelfFramer
from collectors.journal_export import JournalExportParser
from collectors.relp import RelpSession
from soc.errors import RecordError
from soc.model import Event, RawRecord, codec
from soc.normalize.normalizer import Normalizer, products
from soc.settings import SourceProfile

DATA = Path(__file__).resolve().parents[1] / "data"
SECONDS = float(os.environ.get("SOC_FUZZ_SECONDS", "12"))
SEED = int(os.environ.get("SOC_FUZZ_SEED", "1"))
RECEIVED = 1_795_334_410_000_000
SLOWEST = 1.0
"""CPU-seconds for one line of at most ``LONGEST`` bytes: a hundred times what the longest lines need."""
LONGEST = 20_000
NAMES = sorted(products())
NORMALIZER = Normalizer(
    [SourceProfile(name=name, product=name) for name in NAMES],
    timezone="Asia/Ho_Chi_Minh",
    lateness=600_000_000,
    future_skew=5_000_000,
)
TOKENS = (
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\r\n", b"\n", b"\t", b'"', b"'", b"\\", b"\\x", b"=", b"|", b"]", b"[", b"<", b">"),
    *(b"<999>", b"<0>1 ", b"- - - ", b"99999999999999999999", b"-1", b"0x", b"1e999", b"::ffff:192.0.2.1", b"%ASA-6-", b"CEF:0|"),
    *(b"LEEF:2.0|", b"{", b"}", b'{"message":"', b"1.", b"Feb 30 25:61:61", b"0000-00-00", b" NULL ", b"\xc4\x90\xe1\xbb\x93ng"),
)  # fmt: skip


def _kept(name: str) -> list[bytes]:
    path = DATA / "fuzz" / name
    return [ast.literal_eval(line) for line in path.read_text(encoding="ascii").splitlines() if line.startswith("b")]


def _samples() -> Iterator[bytes]:
    for path in sorted((DATA / "normalize").glob("*.yaml")):
        for sample in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield str(sample["line"]).encode()


LINES = [*_kept("lines.txt"), *_samples()]
STREAMS = _kept("streams.txt")


def _damaged(dice: random.Random, seeds: list[bytes]) -> bytes:
    """A kept input with up to four pieces changed: cut, doubled, swapped for another's, bits turned, or something put in."""
    data = dice.choice(seeds)
    for _ in range(dice.randint(0, 4)):
        start = dice.randint(0, len(data))
        end = min(len(data), start + dice.choice((0, 1, 2, 8, 64)))
        piece = data[start:end]
        match dice.randrange(6):
            case 0:
                piece = b""
            case 1:
                piece *= dice.choice((2, 3, 50))
            case 2:
                other = dice.choice(seeds)
                at = dice.randint(0, len(other))
                piece = other[at : at + dice.choice((4, 32, 200))]
            case 3:
                piece = bytes(byte ^ (1 << dice.randrange(8)) for byte in piece)
            case 4:
                piece = dice.choice(TOKENS) * dice.choice((1, 1, 1, 40))
            case _:
                piece = re.sub(rb"[0-9]", lambda _: b"%d" % dice.randrange(10), piece)
        data = data[:start] + piece + data[end:]
    return data[:LONGEST]


def _until(seconds: float, dice: random.Random, seeds: list[bytes], one: Callable[[bytes, random.Random], None]) -> int:
    """As many inputs as fit into the time, the kept ones first."""
    for seed in seeds:
        one(seed, dice)
    ends, count = time.monotonic() + seconds, len(seeds)
    while time.monotonic() < ends:
        data = _damaged(dice, seeds)
        try:
            one(data, dice)
        except Exception as error:
            raise AssertionError(f"keep this line in tests/data/fuzz: {data!r}") from error
        count += 1
    return count


def _normalize(data: bytes, dice: random.Random) -> None:
    for name in ("auto", dice.choice(NAMES)):
        record = RawRecord(data, RECEIVED, "l", "192.0.2.1:5", "s", profile=name)
        started = time.process_time()
        try:
            event = NORMALIZER.normalize(record, "id", RECEIVED)
        except RecordError:
            continue
        assert time.process_time() - started < SLOWEST
        assert isinstance(event, Event)
        hold_to_ecs(event.fields)
        assert codec.decode(codec.encode(event), Event) == event
        msgspec.json.encode(event.fields)


def test_damaged_lines_of_every_product_give_an_event_in_ecs_terms_or_a_record_error():
    assert _until(SECONDS, random.Random(SEED), LINES, _normalize) > len(LINES)


FRAMERS: dict[str, Callable[[], Any]] = {
    "syslog": lambda: SyslogFramer(480),
    "relp": lambda: RelpSession(480),
    "gelf": lambda: GelfFramer(480),
    "journal": lambda: JournalExportParser(480),
}


@pytest.mark.parametrize("name", sorted(FRAMERS))
def test_damaged_streams_give_the_same_frames_wherever_they_are_cut(name: str):
    def one(data: bytes, dice: random.Random) -> None:
        whole = FRAMERS[name]()
        expected = [*whole.receive(data), *whole.finish()]
        pieces = FRAMERS[name]()
        found: list[Any] = []
        at = 0
        while at < len(data):
            step = dice.choice((1, 2, 3, 7, 100))
            found += pieces.receive(data[at : at + step])
            at += step
        found += pieces.finish()
        assert found == expected

    assert _until(SECONDS / 4, random.Random(SEED), [*STREAMS, *LINES[:50]], one) > len(STREAMS)
