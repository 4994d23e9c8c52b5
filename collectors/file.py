"""Files followed through rotation and truncation: lines in, records out; the position commits with the lines it covers.

So a restart, however it came about, goes on at the first byte that is not durable: no line twice, none left out.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal, TypeVar

from collectors.base import Endpoint, InputCounters, state_prefix
from collectors.followed import Chunk, FollowedFile, Position
from collectors.intake import Intake
from collectors.multiline import Joining
from collectors.patience import append_when_there_is_room
from collectors.watch import FileWatch
from soc.clock import Clock
from soc.model.codec import decode, encode
from soc.model.record import RawRecord

POLL = 0.25  # seconds between looks at the files when none had anything
CHUNKS = 8  # read of one file before the others get their turn
ROTATE_WAIT = 2.0  # seconds a rotated file is watched: writers keep it open until they are told

T = TypeVar("T")


class FileTail:
    """Files by path or glob.

    Args:
        intake: where records become durable, and where the positions are kept.
        name: the listener's name, on every record.
        paths: paths or globs (``**`` crosses directories).
        start: where files begin that are there when a pattern is used for the first time; later ones begin at their beginning.
        profile: source profile of every record, ``""`` to find it later.
        source: key of every record; ``""`` takes the configured path the line came from.
        max_bytes: a longer line is cut and marked.
        rotate_wait: seconds a rotated file is watched for late lines.
        joining: how lines make records; None: each line is one.
        clock: stamps the records.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        name: str,
        paths: Sequence[str],
        clock: Clock,
        start: Literal["beginning", "end"] = "beginning",
        profile: str = "",
        source: str = "",
        max_bytes: int = 1024 * 1024,
        rotate_wait: float = ROTATE_WAIT,
        joining: Joining | None = None,
    ) -> None:
        self.name = name
        self.counters = InputCounters()
        self.ready = asyncio.Event()
        self.address: Endpoint | None = None
        self._intake = intake
        self._profile = profile
        self._source = source
        self._max = max_bytes
        self._clock = clock
        self._joining = joining
        self._positions = state_prefix("file", name)
        self._patterns = state_prefix("file-pattern", name)
        self._paths = tuple(paths)
        self._watch = FileWatch(paths, from_end=start == "end", rotate_wait=rotate_wait, counters=self.counters)
        # one thread: files are closed behind a read that is still under way when this is cancelled
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"file-{name}")

    async def run(self) -> None:
        """See ``Collector.run``."""
        await self._intake.ready.wait()
        with self._intake.attached():
            try:
                await self._follow()
            finally:
                self._thread.submit(self._watch.close)
                self._thread.shutdown(wait=False)

    async def _blocking(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def _follow(self) -> None:
        state, watch = self._intake.state, self._watch
        positions = [decode(value, Position) for key, value in state.items() if key.startswith(self._positions)]
        known = [key.removeprefix(self._patterns) for key in state if key.startswith(self._patterns)]
        await self._blocking(lambda: watch.restore(positions, known))
        markers: dict[bytes, bytes | None] = {self._patterns + os.fsencode(path): b"" for path in self._paths}
        while True:
            files = await self._blocking(lambda: watch.scan(time.monotonic()))
            await self._save(markers)
            markers = {}
            self.ready.set()
            progress = False
            for file in files:
                progress = await self._read(file) or progress
            if not progress:
                await asyncio.sleep(POLL)

    async def _save(self, changes: dict[bytes, bytes | None]) -> None:
        """What changed without any line: files newly followed, files that are gone."""
        watch = self._watch
        for identity in watch.forgotten:
            changes[self._positions + identity.encode()] = None
        for file in watch.unsaved:
            changes[self._positions + file.position.identity.encode()] = encode(file.position)
        watch.forgotten, watch.unsaved = [], []
        if changes:
            await append_when_there_is_room(self._intake, (), changes, self.counters, give_up=lambda: False)

    async def _read(self, file: FollowedFile) -> bool:
        """Read a file forward; True if there was anything."""
        progress = False
        for _ in range(CHUNKS):
            now = time.monotonic()
            last = self._watch.is_over(file, now)
            chunk = await self._blocking(partial(file.read, self._max, last=last, joining=self._joining, now=now))
            if chunk is not None:
                await self._append(file, chunk)
                progress = True
            elif last:
                await self._blocking(lambda: self._watch.finish(file))
                await self._save({})
                return True
            else:
                break
        return progress

    async def _append(self, file: FollowedFile, chunk: Chunk) -> None:
        # a renamed file keeps the name it was followed by: that is the source
        received, position = self._clock(), chunk.position
        path = position.path.decode("utf-8", "backslashreplace")
        source = self._source or path
        records = [
            RawRecord(
                line.data,
                received,
                self.name,
                path,
                source,
                f"{position.identity}/{line.offset}",
                self._profile,
                line.cut,
            )
            for line in chunk.lines
        ]
        state = {self._positions + position.identity.encode(): encode(position)}
        await append_when_there_is_room(self._intake, records, state, self.counters, give_up=lambda: False)
        self.counters.cut_bytes += chunk.discarded
        file.position = position
