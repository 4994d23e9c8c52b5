"""Raw records as the bus gives them, and an archive stage in small: memory in the place of commits."""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

from soc.archive.archiver import Archiver, Bounds
from soc.archive.folder import Folder
from soc.archive.place import Place
from soc.bus.base import Record
from soc.clock import HOUR, Micros
from soc.model import RawRecord, encode

START: Micros = 1_764_547_200 * 1_000_000
"""2025-12-01T00:00:00Z."""
BOUNDS = Bounds(64 * 1024 * 1024, 128 * 1024 * 1024)


def raw(data: bytes, received: Micros, source: str = "192.0.2.7") -> RawRecord:
    return RawRecord(data, received, "tcp", f"{source}:514", source)


def records(raws: Iterable[RawRecord], first: int = 0, log_id: str = "log") -> list[Record]:
    return [
        Record("soc.raw", 0, log_id, offset, one.source.encode(), encode(one), one.received)
        for offset, one in enumerate(raws, first)
    ]


class Stage:
    """One partition's archive: ``state`` is what is committed, and survives ``restart``."""

    def __init__(self, place: Place, bounds: Bounds = BOUNDS) -> None:
        self.place = place
        self.state: dict[bytes, bytes] = {}
        self._bounds = bounds
        self._ids = (f"{number:08x}" for number in itertools.count(1))
        self.restart(START)

    def restart(self, now: Micros) -> None:
        self.archiver = Archiver(0, self._bounds, lambda: next(self._ids))
        self.archiver.restore(self.state, now)

    def commit(self, changes: dict[bytes, bytes | None]) -> None:
        for key, value in changes.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value

    def cut(self, now: Micros, *, everything: bool = False) -> None:
        self.commit(self.archiver.cut(now, everything=everything))

    def write(self) -> list[str]:
        names = []
        for manifest, data in self.archiver.segments():
            self.place.put(manifest.name, data)
            names.append(manifest.name)
        return names

    def close(self) -> list[str]:
        names = []
        while self.archiver.is_closing:
            names += self.write()
            self.commit(self.archiver.closed())
            self.commit(self.archiver.cut(START, everything=True))
        return names

    def archive(self, raws: Sequence[RawRecord], first: int = 0) -> list[str]:
        """Take, cut and close all of them."""
        now = max(one.received for one in raws) + 2 * HOUR
        self.archiver.take(records(raws, first), now)
        self.cut(now, everything=True)
        return self.close()


def folder_of_a_day(
    directory: Path, hours: int = 3, lines: int = 5, sources: Sequence[str] = ("192.0.2.7", "fw")
) -> Stage:
    """An archive of some hours of some sources."""
    stage = Stage(Folder(directory))
    raws = [
        raw(b"line %d of hour %d" % (line, hour), START + hour * HOUR + line, source)
        for hour in range(hours)
        for source in sources
        for line in range(lines)
    ]
    stage.archive(raws)
    return stage
