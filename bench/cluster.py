"""The whole path on a real broker and a real Elasticsearch beside each stage alone: lines per CPU-second, bytes, and where the time goes.

    python bench/cluster.py [--lines 20000] [--corpus DIR] [--scenario mixed|busy] [--out FILE]      the path and each stage
    python bench/cluster.py --scaling [--lines 40000]                one engine worker, two, one source whole and sharded

Raw lines stand in Kafka before anything runs. Then come the engine, correlate, triage and index one after another, each alone until
nothing is left for it (its servers' time is read too), and under another prefix all of them at once. CPU seconds, not wall time:
processes are charged what they take beyond starting with nothing to read, less what they take while there is nothing to do. ``where`` is from samples of the CPU clock every 5 ms (``workers.py``).
The corpus (``SOC_CORPUS``) holds ``sigma/rules`` and ``windows_50k.ndjson``; without it the shipped rules and made-up events are used.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import normalize
from workers import Share, Workers, cpu_seconds

from soc.app import publish_rules
from soc.bus.base import Bus, Message, partition_of
from soc.bus.kafka import KafkaBus
from soc.model import RawRecord, encode
from soc.pipeline.shards import shard_keys
from soc.pipeline.table import ALERTS, DETECTIONS, EPISODES, EVENTS, INCIDENTS, RAW, topology
from soc.settings import Settings, load

BATCH = 2000
STAGES = ("engine", "correlate", "triage", "index")
TOPICS = (RAW, EVENTS, DETECTIONS, EPISODES, ALERTS, INCIDENTS)
DRAIN_SECONDS = 900.0
IDLE_SECONDS = 6.0
HELD = 0.5
"""Of a core, for a worker that is measured as if it had a machine of its own: what is left of two cores is the broker's."""
SECOND = 1_000_000
Line = tuple[str, bytes]
"""(source, bytes)."""


def windows_lines(corpus: Path | None, count: int, chosen: random.Random) -> list[bytes]:
    """Windows events as JSON: of the corpus where there is one, spread over the whole of it."""
    path = corpus / "windows_50k.ndjson" if corpus else None
    if path is None or not path.exists():
        return [normalize.windows(chosen, int(time.time()) * SECOND).encode() for _ in range(count)]
    every = path.read_bytes().splitlines()
    return [every[number * len(every) // count] for number in range(count)]


def guessing(chosen: random.Random, at: int) -> bytes:
    """An sshd line that feeds correlations: refused passwords from 40 addresses."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // SECOND))
    user, address, port = chosen.randrange(50), chosen.randrange(40), chosen.randrange(1024, 65536)
    pid = chosen.randrange(99999)
    return f"<38>1 {stamp} bastion sshd {pid} - - Failed password for user{user} from 203.0.113.{address} port {port} ssh2".encode()


def make_lines(scenario: str, count: int, corpus: Path | None) -> list[Line]:
    """Lines of eight sources, in turns.

    ``mixed``: a quarter each Windows events, refused ssh passwords, FortiGate traffic, nginx requests. ``busy``: every second one
    is a refused password, so that half of all lines feed correlations; the rest is FortiGate traffic.
    """
    chosen = random.Random(7)
    started = int(time.time()) * SECOND - 600 * SECOND
    windows = iter(windows_lines(corpus, count // 4 + 1, chosen)) if scenario == "mixed" else iter(())
    lines: list[Line] = []
    for number in range(count):
        at = started + number * 600 * SECOND // count
        kind = number % 4 if scenario == "mixed" else number % 2 + 1
        match kind:
            case 0:
                line = next(windows)
            case 1:
                line = guessing(chosen, at)
            case 2:
                line = normalize.fortigate(chosen, at).encode()
            case _:
                line = normalize.nginx(chosen, at).encode()
        lines.append((f"192.0.2.{number % 8}", line))
    return lines


def balanced(lines: Sequence[Line], partitions: int) -> list[Line]:
    """The same lines from sources whose keys fall evenly on the partitions."""
    names: list[list[str]] = [[] for _ in range(partitions)]
    number = 0
    while min(map(len, names)) < 4:
        name = f"192.0.2.{number}"
        names[partition_of(name.encode(), partitions)].append(name)
        number += 1
    return [(names[n % partitions][n // partitions % 4], line) for n, (_, line) in enumerate(lines)]


async def write_raw(bus: Bus, lines: Sequence[Line], keys: Sequence[bytes] = ()) -> dict[str, int]:
    """Lines into ``soc.raw`` as the shipper writes them, under their source or in turns under ``keys``; their bytes."""
    claim = await bus.claim("collect", 0)
    received = int(time.time() * SECOND)
    size = 0
    try:
        for first in range(0, len(lines), BATCH):
            messages: list[Message] = []
            for number, (source, line) in enumerate(lines[first : first + BATCH]):
                value = encode(RawRecord(line, received, "bench", f"{source}:514", source))
                key = keys[number % len(keys)] if keys else source.encode()
                messages.append(Message(RAW, key, value))
                size += len(value)
            await claim.commit(messages)
    finally:
        await claim.release()
    return {"line_bytes": sum(len(line) for _, line in lines), "record_bytes": size}


async def drained(bus: Bus, stages: Sequence[str], workers: Workers) -> None:
    """Wait until none of the stages has anything left to read, twice in a row."""
    deadline = time.monotonic() + DRAIN_SECONDS
    quiet = 0
    while quiet < 2:
        workers.check()
        behind = {lag.stage: lag.records for lag in await bus.lag() if lag.records and lag.stage in stages}
        quiet = 0 if behind else quiet + 1
        if time.monotonic() > deadline:
            raise RuntimeError(f"not drained after {DRAIN_SECONDS:.0f} s: {behind}")
        await asyncio.sleep(0.5)  # more often would be a load of its own


async def topic_bytes(bus: Bus) -> dict[str, dict[str, int]]:
    """Records and bytes of keys and values of every topic, and of every stage's state."""
    found: dict[str, dict[str, int]] = {}
    for topic in TOPICS:
        reader = bus.reader([topic])
        records = size = largest = 0
        try:
            while some := await reader.fetch(5000, 0.0):
                records += len(some)
                sizes = [len(record.key) + len(record.value) for record in some]
                size, largest = size + sum(sizes), max(largest, *sizes)
        finally:
            await reader.close()
        found[topic] = {"records": records, "bytes": size, "largest": largest}
    for stage in STAGES[:3]:
        size = records = 0
        async for _, state in bus.states(stage):
            records += len(state)
            size += sum(len(key) + len(value) for key, value in state.items())
        found[f"state of {stage}"] = {"records": records, "bytes": size}
    return found


class Servers:
    """A broker and an Elasticsearch node, started or given."""

    def __init__(self, place: Path) -> None:
        sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
        from live import elasticsearch_server, kafka_server  # noqa: PLC0415 - the servers belong to the tests

        self.missing = kafka_server.missing()
        self._kafka = kafka_server.Broker(place / "kafka", compiler="normal")
        self._elasticsearch = elasticsearch_server.ElasticsearchServer(
            place / "elasticsearch", heap="1g", compiler="normal"
        )

    def __enter__(self) -> Self:
        before = children()
        self._kafka.start()
        self.kafka_pid = (children() - before).pop()
        self._elasticsearch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._kafka.stop()
        self._elasticsearch.stop()

    @property
    def bootstrap(self) -> str:
        """Of the broker."""
        return self._kafka.bootstrap

    @property
    def url(self) -> str:
        """Of Elasticsearch."""
        return self._elasticsearch.url

    def document_bytes(self, prefix: str) -> dict[str, int]:
        """Bytes of an index by document, by kind, after a flush and a merge."""
        for call in (f"{prefix}-*/_flush", f"{prefix}-*/_forcemerge?max_num_segments=1"):
            urllib.request.urlopen(urllib.request.Request(f"{self.url}/{call}", method="POST"), timeout=300).close()
        with urllib.request.urlopen(f"{self.url}/_cat/indices/{prefix}-*?format=json&bytes=b", timeout=60) as answer:
            rows = json.load(answer)
        found: dict[str, list[int]] = {}
        for row in rows:
            sums = found.setdefault(row["index"].removeprefix(f"{prefix}-").split("s-", 1)[0], [0, 0])
            sums[0], sums[1] = sums[0] + int(row["pri.store.size"]), sums[1] + int(row["docs.count"])
        return {kind: size // max(1, count) for kind, (size, count) in found.items()}

    def topic_disk(self, topic: str) -> int:
        """Bytes of a topic's segments: as compressed."""
        return sum(path.stat().st_size for path in self._kafka.data.glob(f"{topic}-[0-9]*/*.log"))

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far."""
        return {"kafka": cpu_seconds(self.kafka_pid), "elasticsearch": cpu_seconds(self._elasticsearch.pid)}


def children() -> set[int]:
    """Pids of this process's children."""
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def settings_for(
    place: Path, servers: Servers, name: str, corpus: Path | None, partitions: int
) -> tuple[Settings, Path]:
    """An installation of its own on the servers."""
    paths = [str(corpus / "sigma" / "rules")] if corpus else []
    shipped = [str(Path(__file__).resolve().parents[1] / "rules")] if corpus else []
    config = place / f"{name}.toml"
    config.write_text(
        f'data_dir = "{place / name}"\nlisteners = []\n'
        f'[kafka]\nservers = ["{servers.bootstrap}"]\nprefix = "{name}."\npartitions = {partitions}\ninstances = 2\n'
        f'[elasticsearch]\nurls = ["{servers.url}"]\nprefix = "{name}"\n'
        f"[rules]\npaths = {json.dumps(paths)}\nextra_paths = {json.dumps(shipped)}\n"
        '[log]\nlevel = "error"\n'
    )
    return load(config, {}), config


async def start_costs(
    servers: Servers, place: Path, corpus: Path | None, partitions: int, *, stages: Sequence[str], workers: int = 1
) -> dict[str, float]:
    """CPU seconds that the processes of each stage take until they are ready, with nothing to read."""
    settings, config = settings_for(place, servers, f"empty{workers}", corpus, partitions)
    await publish_rules(settings)
    bus = KafkaBus(settings.kafka, topology(partitions, settings.kafka.instances))
    try:
        await bus.lag()
        with Workers(config, settings.data_dir, stages, workers) as running:
            await running.ready()
            costs = running.cpu()
            running.stop()
    finally:
        await bus.close()
    return costs


async def run_stages(
    servers: Servers,
    settings: Settings,
    config: Path,
    stages: Sequence[str],
    *,
    starting: dict[str, float],
    workers: int = 1,
    cores: float = 0.0,
) -> dict[str, Any]:
    """Some stages, each in its own processes, until they have nothing left to read; ``starting`` is not charged to the lines.

    By the time a process says that it is ready it has read its first batch. With ``cores`` each has that much of one from then on.
    """
    bus = KafkaBus(settings.kafka, topology(settings.kafka.partitions, settings.kafka.instances))
    try:
        await bus.lag()
        base = servers.cpu()
        with ExitStack() as held, Workers(config, settings.data_dir, stages, workers) as running:
            shares = [held.enter_context(Share(str(n), cores)) for n in range(workers * len(stages) if cores else 0)]
            await running.ready()
            if shares:
                running.hold(shares)
            began = time.perf_counter()
            await drained(bus, stages, running)
            wall = time.perf_counter() - began
            after, ended = running.cpu(), servers.cpu()
            idle = await idle_shares(bus, stages, running, servers)
            # It merges what was written for a while: that is the lines' cost, and it does next to nothing by itself.
            ended["elasticsearch"], idle["elasticsearch"] = servers.cpu()["elasticsearch"], 0.0
            where = running.stop()
    finally:
        await bus.close()
    gross = {
        **{stage: after[stage] - starting[stage] for stage in stages},
        **{name: ended[name] - base[name] for name in base},
    }
    return {
        "cpu_seconds": {name: round(max(0.01, seconds - idle[name] * wall), 2) for name, seconds in gross.items()},
        "idle": {name: round(share, 3) for name, share in idle.items()},
        "wall_seconds": round(wall, 1),
        "where": where,
    }


async def idle_shares(bus: Bus, stages: Sequence[str], workers: Workers, servers: Servers) -> dict[str, float]:
    """CPU seconds a second of everything while there is nothing to do but to be asked: it is not the lines' cost."""
    before, began = {**workers.cpu(), **servers.cpu()}, time.perf_counter()
    while time.perf_counter() - began < IDLE_SECONDS:
        await drained(bus, stages, workers)
    after, spent = {**workers.cpu(), **servers.cpu()}, time.perf_counter() - began
    return {name: (after[name] - before[name]) / spent for name in after}


def rates(found: dict[str, Any], lines: int, stages: Sequence[str]) -> dict[str, Any]:
    """The same with lines per CPU-second: of each process, and of the whole with and without the servers."""
    seconds: dict[str, float] = found["cpu_seconds"]
    ours = sum(seconds[stage] for stage in stages)
    per = {name: round(lines / value) for name, value in seconds.items() if value >= 0.05}
    return {
        **found,
        "lines_per_cpu_second": {**per, "soc": round(lines / ours), "all": round(lines / sum(seconds.values()))},
    }


async def the_path(
    servers: Servers, place: Path, corpus: Path | None, lines: Sequence[Line], partitions: int
) -> dict[str, Any]:
    """Each stage alone, then all of them at once."""
    result: dict[str, Any] = {}
    starting = await start_costs(servers, place, corpus, partitions, stages=STAGES)
    for name in ("alone", "whole"):
        settings, config = settings_for(place, servers, name, corpus, partitions)
        await publish_rules(settings)
        bus = KafkaBus(settings.kafka, topology(partitions, settings.kafka.instances))
        try:
            result["input"] = await write_raw(bus, lines)
        finally:
            await bus.close()
        if name == "whole":
            whole = await run_stages(servers, settings, config, STAGES, starting=starting)
            result["whole"] = rates(whole, len(lines), STAGES)
            result["store_bytes"] = servers.document_bytes(name)
            bus = KafkaBus(settings.kafka, topology(partitions, settings.kafka.instances))
            try:
                result["topics"] = await topic_bytes(bus)
                for topic in TOPICS:
                    result["topics"][topic]["disk"] = servers.topic_disk(f"{name}.{topic}")
            finally:
                await bus.close()
            continue
        result["alone"] = {}
        for stage in STAGES:
            alone = await run_stages(servers, settings, config, [stage], starting=starting)
            result["alone"][stage] = rates(alone, len(lines), [stage])
            print(stage, json.dumps(result["alone"][stage]["cpu_seconds"]), file=sys.stderr, flush=True)
    return result


async def scaling(servers: Servers, place: Path, corpus: Path | None, lines: Sequence[Line]) -> dict[str, Any]:
    """One and two engine workers on two partitions: equal sources, one dominant source, the same sharded.

    First as fast as the machine lets them, which two workers and a broker share; then each worker on ``HELD`` of a core, as if each had
    a machine of its own and the broker another. The lines are shuffled: their kinds come in turns and cost differently, and every
    second line would be no equal half. The first run only warms the broker up.
    """
    lines = random.Random(1).sample(list(lines), len(lines))
    even, dominant = balanced(lines, 2), [("192.0.2.1", line) for _, line in lines]
    keys = shard_keys("192.0.2.1", 2, 2)
    cases: dict[str, tuple[list[Line], int, Sequence[bytes], float]] = {
        "warm_up": (even, 2, (), 0),
        "one_worker": (even, 1, (), 0),
        "two_workers": (even, 2, (), 0),
        "dominant_source": (dominant, 2, (), 0),
        "dominant_source_sharded": (dominant, 2, keys, 0),
        "one_worker_held": (even, 1, (), HELD),
        "two_workers_held": (even, 2, (), HELD),
        "dominant_source_held": (dominant, 2, (), HELD),
        "dominant_source_sharded_held": (dominant, 2, keys, HELD),
    }
    result: dict[str, Any] = {"held_cores": HELD}
    with Share("probe", HELD):  # says at once where it is not allowed
        pass
    starting = {n: await start_costs(servers, place, corpus, 2, stages=["engine"], workers=n) for n in (1, 2)}
    for name, (chosen, workers, spread, cores) in cases.items():
        settings, config = settings_for(place, servers, name.replace("_", ""), corpus, 2)
        await publish_rules(settings)
        bus = KafkaBus(settings.kafka, topology(2, settings.kafka.instances))
        try:
            await write_raw(bus, chosen, spread)
        finally:
            await bus.close()
        run = await run_stages(
            servers, settings, config, ["engine"], starting=starting[workers], workers=workers, cores=cores
        )
        found = rates(run, len(chosen), ["engine"])
        del found["where"]
        result[name] = {**found, "lines_per_second": round(len(chosen) / found["wall_seconds"])}
        print(name, json.dumps(result[name]), file=sys.stderr, flush=True)
    del result["warm_up"]
    one, two = result["one_worker"], result["two_workers"]
    result["two_over_one_wall"] = round(one["wall_seconds"] / two["wall_seconds"], 2)
    held = [result[f"{name}_held"]["wall_seconds"] for name in ("one_worker", "two_workers")]
    result["two_over_one_wall_held"] = round(held[0] / held[1], 2)
    per = [case["lines_per_cpu_second"]["engine"] for case in (one, two)]
    result["two_over_one_per_cpu_second"] = round(per[1] / per[0], 2)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--corpus", type=Path, default=os.environ.get("SOC_CORPUS"))
    parser.add_argument("--scenario", choices=("mixed", "busy"), default="mixed")
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--out", type=Path, help="also keep the result in this file, under its scenario")
    given = parser.parse_args()
    lines = make_lines(given.scenario, given.lines, given.corpus)
    with tempfile.TemporaryDirectory(prefix="soc-bench-") as directory, Servers(Path(directory)) as servers:
        place = Path(directory)
        if given.scaling:
            found = asyncio.run(scaling(servers, place, given.corpus, lines))
        else:
            found = asyncio.run(the_path(servers, place, given.corpus, lines, given.partitions))
    name = "scaling" if given.scaling else given.scenario
    about: dict[str, Any] = {"scenario": name, "lines": given.lines, "partitions": given.partitions}
    about |= {"corpus": given.corpus is not None, "load_average": round(os.getloadavg()[0], 1), "cores": os.cpu_count()}
    print(json.dumps({**about, **found}, indent=2))
    if given.out:
        kept = json.loads(given.out.read_text()) if given.out.exists() else {}
        given.out.write_text(json.dumps({**kept, name: {**about, **found}}, indent=1) + "\n")


if __name__ == "__main__":
    main()
