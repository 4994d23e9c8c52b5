"""Engine, correlate and triage without a bus: lines in, CPU seconds and bytes of each stage out, as JSON.

    python bench/stages.py [--lines 60000] [--batch 2000] [--scenario mixed|busy|pipeline] [--profile STAGE]

Each stage is given what the one before it wrote, in batches, until nothing more comes; what a real bus costs is in ``cluster.py``.
Rules and lines are those of ``cluster.py`` (``SOC_CORPUS``); ``pipeline`` are the lines of ``pipeline.py``.
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cluster
import pipeline

from soc.app import micros, spare_the_collector
from soc.bus.base import Message, Record, partition_of
from soc.model import RawRecord, encode
from soc.pipeline import pace
from soc.pipeline.correlate import Correlate, CorrelateSettings
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.loop import StageLogic
from soc.pipeline.reload import OneSet
from soc.pipeline.ruleset import PublishedRules, read_bundle, to_published
from soc.pipeline.sources import make_normalizer
from soc.pipeline.table import DETECTIONS, EPISODES, RAW
from soc.pipeline.triage import TriageStage
from soc.settings import RuleSettings, Settings
from soc.sigma.load import load
from soc.triage.fold import Triage

PARTITIONS = 2
SHIPPED = str(Path(__file__).resolve().parents[1] / "rules")
IDLE_STEPS = 24


class OnePublished:
    """The rule sets of a bus that has only one."""

    def __init__(self, published: PublishedRules) -> None:
        self._published = published

    async def get(self, _: str) -> PublishedRules:
        """The set."""
        return self._published

    async def refresh(self) -> None:
        """There is never another."""

    def order(self, _: str) -> int:
        """It is the first."""
        return 1

    def info(self, _: str, rule: str):
        """One of its rules."""
        return self._published.infos.get(rule)


class Run:
    """One stage over some partitions: what it read and wrote, in numbers, and its outputs by topic and partition."""

    def __init__(self, logics: Sequence[StageLogic], batch: int, rate: int) -> None:
        self._logics, self._batch, self._rate = logics, batch, rate
        self.seconds = 0.0
        self.records = 0
        self.bytes: dict[str, list[int]] = {}
        self.written: dict[str, list[list[Record]]] = {}
        self.clock = int(time.time() * 1_000_000)

    async def over(self, inputs: Sequence[Sequence[Record]], loops: str = "") -> None:
        """Feed each partition its input; what the stage writes to the topic ``loops`` comes back as input."""
        waiting = [list(records) for records in inputs]
        idle = 0
        while idle < IDLE_STEPS:
            idle = 0 if any(waiting) else idle + 1
            self.clock += 1_000_000 * self._batch // self._rate if any(waiting) else 1_000_000
            for partition, logic in enumerate(self._logics):
                some, waiting[partition] = waiting[partition][: self._batch], waiting[partition][self._batch :]
                began = time.process_time()
                work = await logic.step(some, self.clock)
                self.seconds += time.process_time() - began
                self.records += len(some)
                self._count("state", [(key, value or b"") for key, value in work.state.items()])
                for message in work.outputs:
                    self._count(message.topic, [(message.key, message.value)])
                    record = self._append(message)
                    if message.topic == loops:
                        waiting[record.partition].append(record)

    def _append(self, message: Message) -> Record:
        parts = self.written.setdefault(message.topic, [[] for _ in range(PARTITIONS)])
        to = message.partition if message.partition >= 0 else partition_of(message.key, PARTITIONS)
        record = Record(message.topic, to, "bench", len(parts[to]), message.key, message.value, self.clock)
        parts[to].append(record)
        return record

    def _count(self, what: str, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        found = self.bytes.setdefault(what, [0, 0, 0])
        for key, value in pairs:
            size = len(key) + len(value)
            found[0], found[1], found[2] = found[0] + 1, found[1] + size, max(found[2], size)

    def compressed(self) -> dict[str, float]:
        """What share of its bytes a topic would have if batches of 500 records were compressed, at zlib's quickest."""
        found: dict[str, float] = {}
        for topic, parts in self.written.items():
            whole = small = 0
            for records in parts:
                for first in range(0, len(records), 500):
                    joined = b"".join(record.key + record.value for record in records[first : first + 500])
                    whole, small = whole + len(joined), small + len(zlib.compress(joined, 1))
            found[topic] = round(small / whole, 2)
        return found

    def told(self, lines: int) -> dict[str, Any]:
        """The numbers, by line that went into the engine."""
        return {
            "cpu_seconds": round(self.seconds, 2),
            "read": self.records,
            "lines_per_cpu_second": round(lines / self.seconds),
            "compressed": self.compressed(),
            "written": {
                what: {"records": n, "bytes_a_line": round(size / lines, 1), "largest": largest}
                for what, (n, size, largest) in self.bytes.items()
            },
        }


def lines_of(scenario: str, count: int, corpus: Path | None) -> list[cluster.Line]:
    """Lines with their sources."""
    if scenario == "pipeline":
        return [("127.0.0.1", line.encode()) for line in pipeline.lines(count)]
    return cluster.make_lines(scenario, count, corpus)


async def measure(
    lines: Sequence[cluster.Line], corpus: Path | None, batch: int, rate: int, profile: str
) -> dict[str, Any]:
    """Every stage over what the one before it wrote."""
    sigma = (str(corpus / "sigma" / "rules"),) if corpus else ()
    bundle = read_bundle(RuleSettings(paths=(*sigma, SHIPPED)))
    rules = load(bundle)
    sets: Any = OnePublished(to_published(bundle, rules))
    settings = Settings()
    lateness = micros(settings.correlation.lateness_seconds)
    parts = EngineParts(make_normalizer(settings), OneSet(rules), PARTITIONS, lateness, 60_000_000)
    bounds = CorrelateSettings(lateness, PARTITIONS, 100_000, 10_000)
    spare_the_collector()
    pace.PACE_SECONDS = 0  # what is not there yet is not waited for
    received = int(time.time() * 1_000_000)
    raw: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    for source, line in lines:
        value = encode(RawRecord(line, received, "bench", f"{source}:514", source))
        partition = partition_of(source.encode(), PARTITIONS)
        raw[partition].append(
            Record(RAW, partition, "0123456789abcdef", len(raw[partition]), source.encode(), value, received)
        )

    def make_fold(info: Any) -> Triage:
        return Triage(info, window=3600_000_000, shared_entities=(), max_degree=25)

    runs = {
        "engine": Run([Engine(parts, partition) for partition in range(PARTITIONS)], batch, rate),
        "correlate": Run([Correlate(sets, bounds) for _ in range(PARTITIONS)], batch, rate),
        "triage": Run([TriageStage(sets, make_fold)], batch, rate),
    }
    inputs: list[list[Record]] = raw
    for name, run in runs.items():
        for partition in range(len(run._logics)):  # noqa: SLF001 the bench's own class
            run._logics[partition].restore({})  # noqa: SLF001
        profiler = cProfile.Profile() if profile == name else None
        if profiler:
            profiler.enable()
        await run.over(inputs, DETECTIONS if name == "correlate" else "")
        if profiler:
            profiler.disable()
            pstats.Stats(profiler).sort_stats("tottime").print_stats(28)
        if name == "engine":
            inputs = run.written[DETECTIONS]
        elif name == "correlate":
            inputs = [[record for part in run.written[EPISODES] for record in part]]
    return {name: run.told(len(lines)) for name, run in runs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=60_000)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument(
        "--rate", type=int, default=5_000, help="records a second on a partition: how fast the clock goes"
    )
    parser.add_argument("--scenario", choices=("mixed", "busy", "pipeline"), default="mixed")
    parser.add_argument("--corpus", type=Path, default=os.environ.get("SOC_CORPUS"))
    parser.add_argument("--profile", choices=("", "engine", "correlate", "triage"), default="")
    given = parser.parse_args()
    lines = lines_of(given.scenario, given.lines, given.corpus)
    found = asyncio.run(measure(lines, given.corpus, given.batch, given.rate, given.profile))
    size = sum(len(line) for _, line in lines) / len(lines)
    print(
        json.dumps(
            {"scenario": given.scenario, "lines": len(lines), "batch": given.batch, "line_bytes": round(size), **found},
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
