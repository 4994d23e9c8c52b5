"""The journal collector with a journalctl of our own: it writes what a file holds behind the cursor that it is asked for."""

import asyncio
import json
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from collectors.intake import Intake
from collectors.journal import Journal
from soc.errors import BusFullError, UnavailableError
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until

JOURNALCTL = f"""#!{sys.executable}
import pathlib, sys, time
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:]) + chr(10))
after = next((word.split("=", 1)[1] for word in sys.argv if word.startswith("--after-cursor=")), None)
entries = [one + b"\\n\\n" for one in (here / "journal").read_bytes().split(b"\\n\\n")[:-1]]
if after is not None:
    entries = entries[[after.encode() in one for one in entries].index(True) + 1:]
sys.stdout.buffer.write(b"".join(entries))
if (here / "dies").exists():
    sys.stdout.buffer.write(b"__CURSOR=c9999\\nMESSAGE=half an en")
    print("journal is gone", file=sys.stderr)
    sys.exit(1)
sys.stdout.flush()
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.journal.RETRY_MIN", 0.01)


class Machine:
    """A directory with a journal and the program that reads it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.program = directory / "journalctl"
        self.program.write_text(JOURNALCTL)
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)
        self.written = 0
        (directory / "journal").touch()

    def write(self, count: int) -> None:
        with (self.directory / "journal").open("a") as journal:
            for number in range(self.written, self.written + count):
                journal.write(f"__CURSOR=c{number:04}\n_HOSTNAME=srv{number % 2}\nMESSAGE=line {number}\n\n")
        self.written += count

    def calls(self) -> list[str]:
        return (self.directory / "calls").read_text().splitlines()

    def collect(
        self, log: MemoryLog, during: Callable[[Journal], Awaitable[None]] | None = None, **settings: Any
    ) -> Journal:
        """Run the collector until everything written is durable."""

        async def scenario() -> Journal:
            intake = Intake(log.open, clock=Stepped())
            journal = Journal(intake, name="j", clock=Stepped(), program=str(self.program), **settings)
            async with running(intake, journal):
                if during is not None:
                    await during(journal)
                await until(lambda: len(log.outputs) >= self.written)
            return journal

        return asyncio.run(scenario())


def messages(log: MemoryLog) -> list[str]:
    return [json.loads(line)["MESSAGE"] for line in log.lines]


def test_entries_are_records_with_their_cursor_as_id_and_their_host_as_source(tmp_path: Path) -> None:
    log, machine = MemoryLog(), Machine(tmp_path)
    machine.write(3)

    async def counted(journal: Journal) -> None:
        await until(lambda: journal.counters.received == 3)

    machine.collect(log, counted, profile="servers", matches=["_SYSTEMD_UNIT=ssh.service"])
    assert messages(log) == ["line 0", "line 1", "line 2"]
    assert [(r.id, r.source, r.peer, r.profile) for r in log.records][:2] == [
        ("c0000", "srv0", "journal", "servers"),
        ("c0001", "srv1", "journal", "servers"),
    ]
    (call,) = machine.calls()
    assert call.endswith("--no-tail _SYSTEMD_UNIT=ssh.service")


def test_a_restart_goes_on_behind_the_last_durable_entry(tmp_path: Path) -> None:
    log, machine = MemoryLog(), Machine(tmp_path)
    for _ in range(3):
        machine.write(50)
        machine.collect(log)
    assert messages(log) == [f"line {n}" for n in range(150)]
    assert machine.calls()[-1].endswith("--after-cursor=c0099")


def test_a_journalctl_that_ends_is_started_again_and_what_it_had_not_written_whole_is_read_once(tmp_path: Path) -> None:
    log, machine = MemoryLog(), Machine(tmp_path)
    machine.write(10)
    (tmp_path / "dies").touch()

    async def during(journal: Journal) -> None:
        await until(lambda: journal.counters.restarted >= 2)
        machine.write(10)
        (tmp_path / "dies").unlink()

    machine.collect(log, during)
    assert messages(log) == [f"line {n}" for n in range(20)]
    assert len({record.id for record in log.records}) == 20


def test_it_waits_while_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.patience.RETRY", 0.01)
    log, machine = MemoryLog(), Machine(tmp_path)
    log.faults.append((BusFullError("full"), False))
    machine.write(5)
    journal = machine.collect(log)
    assert messages(log) == [f"line {n}" for n in range(5)]
    assert journal.counters.pushed_back >= 1


def test_start_end_and_a_directory_are_told_to_journalctl(tmp_path: Path) -> None:
    machine = Machine(tmp_path)

    async def called(_: Journal) -> None:
        await until(lambda: bool((tmp_path / "calls").exists() and machine.calls()))

    machine.collect(MemoryLog(), called, start="end", directory="/var/log/journal/remote")
    assert machine.calls()[0].endswith("--directory=/var/log/journal/remote --lines=0")


def test_a_machine_without_journalctl_says_so(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.program.unlink()
    with pytest.raises(UnavailableError, match="it comes with systemd"):
        machine.collect(MemoryLog())
