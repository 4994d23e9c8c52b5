"""Windows of time and source in; every raw line of them, each once, from the archive and from what is not archived yet, out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from soc.archive.archiver import Chunk, open_chunks
from soc.archive.place import Place
from soc.archive.reading import Archived, Looked, Seen, Window, read
from soc.archive.segment import Manifest, unpack
from soc.bus.base import Bus, raw_id
from soc.model import RawRecord
from soc.pipeline.replay import retained
from soc.pipeline.table import ARCHIVE

AT_ONCE = 500
"""Archived lines that one look into a segment brings: the archive is read in a thread, so that a console goes on answering."""


@dataclass(slots=True)
class RawLines:
    """The lines of some windows that do not overlap: from segments, then from open chunks, then from the bus.

    Attributes:
        looked: of the archive, filled while it goes on.
        unarchived: lines that were read from the bus.
    """

    bus: Bus
    place: Place
    windows: Sequence[Window]
    progress: Callable[[int], None] = lambda _: None
    looked: Looked = field(default_factory=Looked)
    unarchived: int = 0
    seen: Seen = field(default_factory=Seen)

    async def lines(self) -> AsyncIterator[Archived]:
        """All of them. Open chunks are looked up first: what is closed meanwhile is found in both, and read once.

        Raises:
            UnavailableError: archive or bus are away.
        """
        chunks: list[tuple[int, Chunk]] = []
        if any(row.name == ARCHIVE for row in self.bus.topology.stages):
            chunks = list(open_chunks({partition: state async for partition, state in self.bus.states(ARCHIVE)}))
        for window in self.windows:
            found = read(self.place, window, self.looked, self.progress, self._opened)
            while piece := await asyncio.to_thread(_take, found):
                for one in piece:
                    yield one
        for partition, chunk in chunks:
            for one in self._chunk(partition, chunk):
                yield one
            self.seen.note(chunk.source, chunk.hour, partition, chunk.logs)
        async for record, raw in retained(self.bus):
            if self._wanted(raw) and not self.seen.has(raw, record.partition, record.log_id, record.offset):
                self.unarchived += 1
                yield Archived(raw.id or raw_id(record), record.appended, record.key, raw)

    def _wanted(self, raw: RawRecord) -> bool:
        return any(window.has(raw) for window in self.windows)

    def _opened(self, manifest: Manifest) -> None:
        self.seen.note(manifest.source, manifest.hour, manifest.partition, manifest.logs)

    def _chunk(self, partition: int, chunk: Chunk) -> list[Archived]:
        if not any(chunk.first < window.end and chunk.last >= window.start for window in self.windows):
            return []
        found: list[Archived] = []
        for entry in unpack(chunk.frame):
            raw = entry.raw()
            if self._wanted(raw) and not self.seen.has(raw, partition, entry.log_id, entry.offset):
                found.append(Archived(entry.id(partition, raw), entry.appended, entry.key, raw))
        self.looked.records += len(found)
        return found


def _take(found: Iterator[Archived]) -> list[Archived]:
    return list(islice(found, AT_ONCE))
