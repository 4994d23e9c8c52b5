"""Measures the Elasticsearch store on a real node, beside the same fields without our terms, in one run; prints one JSON object.

    python bench/store.py [--documents 60000] [--compiler normal] [--heap 1g] [--profile]

Events are those of made-up sshd, FortiGate and Windows lines through the Normalizer. *Ours* is ``Store.write``; *bare* is the
official client's bulk with the same fields, ECS types and ids, and no terms to search everything by. Both go in turns, batch by
batch, so that a busy machine slows both alike. CPU is that of this process and of the server's, in milliseconds a document;
``busy`` is how many processors both together kept busy, so documents a second and processor can be told.
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from elasticsearch import AsyncElasticsearch
from normalize import MAKERS, START

from soc.model.record import RawRecord
from soc.normalize.normalizer import Normalizer
from soc.settings import ElasticsearchSettings, SourceProfile
from soc.store.base import Document
from soc.store.documents import event_document
from soc.store.elasticsearch import ElasticsearchStore, connect

ROOT = Path(__file__).resolve().parents[1]
BATCH = 2000
"""As many as a stage's unit of work has at most."""
KINDS = ("sshd", "fortigate", "windows-json")
OURS, BARE = "benchours", "benchbare"


def documents(count: int, seed: int) -> list[Document]:
    """As many events as documents, a third of each kind, all different."""
    r = random.Random(seed)
    profiles = tuple(SourceProfile(name=name, product=MAKERS[name][0], timezone="UTC") for name in KINDS)
    normalizer = Normalizer(profiles, timezone="UTC", lateness=600_000_000, future_skew=5_000_000)
    made: list[Document] = []
    for n in range(count):
        name = KINDS[n % len(KINDS)]
        at = START + n * 200
        line = MAKERS[name][1](r, at).encode()
        record = RawRecord(line, at + 200, "bench", "192.0.2.1:514", "192.0.2.1", profile=name)
        event = normalizer.normalize(record, f"{seed:08x}/0/{n}", at + 400)
        assert event is not None
        made.append(event_document(event))
    return made


class Meter:
    """Seconds, and CPU seconds of both processes, between ``start`` and ``stop``, added up."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.documents = 0
        self.seconds = self.client = self.server = 0.0

    def _now(self) -> tuple[float, float, float]:
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        server = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), time.process_time(), server

    async def measure(self, work: Awaitable[object], count: int) -> None:
        """Add what ``work`` on ``count`` documents takes."""
        before = self._now()
        await work
        seconds, client, server = (after - old for after, old in zip(self._now(), before, strict=True))
        self.seconds, self.client, self.server = self.seconds + seconds, self.client + client, self.server + server
        self.documents += count

    def told(self) -> dict[str, float]:
        """The figures."""
        cpu = self.client + self.server
        return {
            "documents_per_second": round(self.documents / self.seconds),
            "client_ms": round(1000 * self.client / self.documents, 3),
            "server_ms": round(1000 * self.server / self.documents, 3),
            "busy": round(cpu / self.seconds, 2),
        }


async def _bare(client: AsyncElasticsearch, batch: Sequence[Document]) -> None:
    """What one would do without a store of ours: the fields as they are, through the client's own serializer."""
    operations: list[dict[str, object]] = []
    for document in batch:
        operations += [{"index": {"_index": f"{BARE}-events", "_id": document.id}}, dict(document.fields)]
    answer = await client.bulk(operations=operations)
    assert not answer["errors"]


async def _prepare(store: ElasticsearchStore, client: AsyncElasticsearch) -> None:
    await store.clear()
    shipped = json.loads((ROOT / "deploy" / "elasticsearch" / "index-template.json").read_text(encoding="utf-8"))
    mappings = shipped["template"]["mappings"]
    mappings["properties"] = {n: t for n, t in mappings["properties"].items() if not n.startswith("soc.")}
    await client.indices.create(index=f"{BARE}-events", mappings=mappings, settings=shipped["template"]["settings"])


async def run(url: str, pid: int, count: int, warm: int, profile: bool) -> dict[str, object]:
    """Warm up, then measure in turns."""
    store = connect(ElasticsearchSettings(urls=(url,), prefix=OURS))
    client = AsyncElasticsearch(url, request_timeout=60)
    ours, bare = Meter(pid), Meter(pid)
    profiler = cProfile.Profile()
    try:
        await _prepare(store, client)
        ways: tuple[tuple[Meter, Callable[[list[Document]], Awaitable[object]]], ...] = (
            (ours, store.write),
            (bare, lambda batch: _bare(client, batch)),
        )
        all_documents = documents(warm + count, os.getpid())
        for start in range(0, len(all_documents), BATCH):
            batch = all_documents[start : start + BATCH]
            for meter, write in ways:
                if start < warm:
                    await write(batch)
                    continue
                if profile and meter is ours:
                    profiler.enable()
                await meter.measure(write(batch), len(batch))
                profiler.disable()
        sizes = {}
        for name in (OURS, BARE):
            await client.indices.refresh(index=f"{name}-*")
            stats = await client.indices.stats(index=f"{name}-*", metric="store,docs")
            total = stats["_all"]["primaries"]
            sizes[name] = round(total["store"]["size_in_bytes"] / total["docs"]["count"])
    finally:
        await store.close()
        await client.close()
    if profile:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(35)
    return {
        "ours": {**ours.told(), "bytes_on_disk": sizes[OURS]},
        "bare": {**bare.told(), "bytes_on_disk": sizes[BARE]},
    }


def main() -> None:
    """Start a node, measure, print one JSON object."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--documents", type=int, default=40_000)
    arguments.add_argument("--warm", type=int, default=20_000, help="written before anything is measured")
    arguments.add_argument("--compiler", choices=("quick", "normal"), default="normal", help="of the node's JVM")
    arguments.add_argument("--heap", default="1g", help="of the node")
    arguments.add_argument("--profile", action="store_true", help="this process's functions, on stderr")
    given = arguments.parse_args()
    sys.path.insert(0, str(ROOT / "tests"))
    from live.elasticsearch_server import ElasticsearchServer  # noqa: PLC0415 - the server belongs to the tests

    with tempfile.TemporaryDirectory(prefix="soc-bench-") as place:
        server = ElasticsearchServer(Path(place), heap=given.heap, compiler=given.compiler)
        server.start()
        try:
            figures = asyncio.run(run(server.url, server.pid, given.documents, given.warm, given.profile))
        finally:
            server.stop()
    print(json.dumps({"compiler": given.compiler, "heap": given.heap, "documents": given.documents, **figures}))


if __name__ == "__main__":
    main()
