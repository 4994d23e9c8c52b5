"""The systemd journal: ``journalctl`` run and read, one record an entry out; the cursor commits with the entries it covers.

So a restart, of this process or of ``journalctl``, goes on behind the last entry that is durable: none twice, none left out, as
long as the journal still has them. The cursor is the record's id.
"""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import structlog

from collectors.base import Endpoint, InputCounters, state_prefix
from collectors.intake import Intake
from collectors.journal_export import Entry, JournalExportParser
from collectors.patience import append_when_there_is_room
from soc.clock import Clock
from soc.errors import UnavailableError
from soc.model.record import RawRecord

READ = 256 * 1024
RETRY_MIN, RETRY_MAX = 0.5, 30.0  # seconds before journalctl is started again
STEADY = 60.0  # seconds after which an end is no longer taken for the same trouble
STOP_TIMEOUT = 5.0  # seconds journalctl is given to end
_STDERR = 2000  # bytes of what it said last, for the log

log = structlog.get_logger()


class Journal:
    """The journal of this machine, or of a directory.

    Args:
        intake: where records become durable, and where the cursor is kept.
        name: the listener's name, on every record.
        clock: stamps the records.
        start: where it begins when it is used for the first time.
        directory: of journal files, e.g. those of ``systemd-journal-remote``; ``""`` is the machine's own journal.
        matches: ``FIELD=value`` each, as ``journalctl`` takes them; empty for all entries.
        profile: source profile of every record, ``""`` to find it later.
        source: key of every record; ``""`` takes the host that the entry names.
        max_bytes: of an entry; what is past it is cut and marked.
        program: ``journalctl``, or where it is.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        name: str,
        clock: Clock,
        start: Literal["beginning", "end"] = "beginning",
        directory: str = "",
        matches: Sequence[str] = (),
        profile: str = "",
        source: str = "",
        max_bytes: int = 1024 * 1024,
        program: str = "journalctl",
    ) -> None:
        self.name = name
        self.counters = InputCounters()
        self.ready = asyncio.Event()
        self.address: Endpoint | None = None
        self._intake = intake
        self._clock = clock
        self._start = start
        self._directory = directory
        self._matches = tuple(matches)
        self._profile = profile
        self._source = source
        self._max = max_bytes
        self._program = program
        self._key = state_prefix("journal", name) + b"cursor"

    async def run(self) -> None:
        """See ``Collector.run``.

        Raises:
            UnavailableError: there is no ``journalctl``.
        """
        await self._intake.ready.wait()
        loop = asyncio.get_running_loop()
        pause = RETRY_MIN
        with self._intake.attached():
            while True:
                begun = loop.time()
                said = await self._once()
                pause = RETRY_MIN if loop.time() - begun > STEADY else min(2 * pause, RETRY_MAX)
                self.counters.restarted += 1
                log.warning("journalctl_ended", listener=self.name, said=said, again_in=pause)
                await asyncio.sleep(pause)

    def _command(self) -> list[str]:
        command = [self._program, "--output=export", "--follow", "--all", "--quiet"]
        if self._directory:
            command += ["--merge", f"--directory={self._directory}"]
        cursor = self._intake.state.get(self._key)
        if cursor is not None:
            command += ["--no-tail", f"--after-cursor={cursor.decode()}"]
        else:
            command.append("--no-tail" if self._start == "beginning" else "--lines=0")
        return [*command, *self._matches]

    async def _once(self) -> str:
        """Run ``journalctl`` until it ends; returns what it said."""
        try:
            process = await asyncio.create_subprocess_exec(*self._command(), stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
        except OSError as error:
            raise UnavailableError(
                f"listener {self.name!r}: {self._program} cannot be run: {error.strerror}; it comes with systemd"
            ) from error
        assert process.stdout is not None
        assert process.stderr is not None
        self.ready.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                said = tasks.create_task(_last(process.stderr))
                await self._read(process.stdout)
        finally:
            await _end(process)
        return said.result()

    async def _read(self, stream: asyncio.StreamReader) -> None:
        parser = JournalExportParser(self._max)
        while data := await stream.read(READ):
            discarded, damaged = parser.discarded, parser.resynchronized
            entries = parser.receive(data)
            if entries:
                await self._append(entries)
            self.counters.cut_bytes += parser.discarded - discarded
            self.counters.resynchronized += parser.resynchronized - damaged
        # an entry that journalctl had not written to its end is read again, whole, behind the cursor

    async def _append(self, entries: Sequence[Entry]) -> None:
        received = self._clock()
        peer = self._directory or "journal"
        records = [
            RawRecord(
                entry.data,
                received,
                self.name,
                peer,
                self._source or entry.host or self.name,
                entry.cursor,
                self._profile,
                entry.cut,
            )
            for entry in entries
        ]
        last = next((entry.cursor for entry in reversed(entries) if entry.cursor), "")
        state = {self._key: last.encode()} if last else {}
        await append_when_there_is_room(self._intake, records, state, self.counters, give_up=lambda: False)


async def _last(stream: asyncio.StreamReader) -> str:
    """Read to the end; the last of it."""
    kept = b""
    while data := await stream.read(READ):
        kept = (kept + data)[-_STDERR:]
    return kept.decode("utf-8", "replace").strip()


async def _end(process: Process) -> None:
    """End it if it lives."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
