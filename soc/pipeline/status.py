"""What each process of an installation says of itself: one small JSON file in ``<data_dir>/run``, replaced atomically."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from soc.clock import Clock, Micros, now


class ProcessStatus(msgspec.Struct, frozen=True):
    """One process.

    Attributes:
        roles: what it runs.
        ready: every claim is owned and every port is bound.
        addresses: name of a listener or page → where it is bound, ``127.0.0.1:5514``.
        counters: listener → its counters since the start.
        rules: hash of the newest rule set that its engine or correlate works with, "" without one.
        troubles: role → what keeps it from its work although it runs, and what to do.
        rules_since: since when.
        rejected: hash → why its engine passes a published rule set over.
        heavy_rules: rule id → its share of the process's time in the last minute, of rules that take too much.
        noisy: source → records of it that were refused since the start because it held more than its share of the intake's room.
        slowed: source → how often its senders were made to wait for the same reason.
    """

    group: str
    pid: int
    roles: tuple[str, ...]
    started: Micros
    at: Micros
    ready: bool
    addresses: dict[str, str]
    counters: dict[str, dict[str, int]] = {}
    rules: str = ""
    troubles: dict[str, str] = {}
    rules_since: Micros = 0
    rejected: dict[str, str] = {}
    heavy_rules: dict[str, float] = {}
    noisy: dict[str, int] = {}
    slowed: dict[str, int] = {}


def run_dir(data_dir: Path) -> Path:
    """Where the status files are."""
    return data_dir / "run"


def write_status(data_dir: Path, status: ProcessStatus) -> None:
    """Replace a process's file, if it can be written."""
    _replace(run_dir(data_dir) / f"{status.group}.json", msgspec.json.encode(status))


def _replace(path: Path, content: bytes) -> None:
    """Replace a file whole. One that cannot be written stays as it is: a full disk, told by what needs it, must not end a host."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)


def read_statuses(data_dir: Path) -> list[ProcessStatus]:
    """Every process's file; one that is not whole is left out, its process is not ready."""
    statuses: list[ProcessStatus] = []
    for path in sorted(run_dir(data_dir).glob("*.json")):
        try:
            statuses.append(msgspec.json.decode(path.read_bytes(), type=ProcessStatus))
        except (OSError, msgspec.DecodeError):
            continue
    return statuses


def forget_status(data_dir: Path, group: str) -> None:
    """Remove a process's file: it is about to be started, or has ended."""
    (run_dir(data_dir) / f"{group}.json").unlink(missing_ok=True)


def is_alive(status: ProcessStatus) -> bool:
    """Whether the process still exists."""
    try:
        os.kill(status.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class SupervisorStatus(msgspec.Struct, frozen=True):
    """What the supervisor of a host says of it.

    Attributes:
        ended: process → when it ended without being told to, the newest ``KEPT_ENDS`` of them.
        away: ``bus`` and ``store``, as far as they are away, and since when.
    """

    ended: dict[str, list[Micros]] = {}
    away: dict[str, Micros] = {}


KEPT_ENDS = 20
_SUPERVISOR = "supervisor.state"


class HostStatus:
    """Keeps the supervisor's file in ``<data_dir>/run`` as it is told; a new run begins with an empty one."""

    def __init__(self, data_dir: Path, clock: Clock = now) -> None:
        self._path = run_dir(data_dir) / _SUPERVISOR
        self._clock = clock
        self._ended: dict[str, list[Micros]] = {}
        self._away: dict[str, Micros] = {}
        self._write()

    def say_ended(self, group: str) -> None:
        """A process ended without being told to."""
        self._ended[group] = [*self._ended.get(group, ()), self._clock()][-KEPT_ENDS:]
        self._write()

    def say_away(self, away: Mapping[str, Micros]) -> None:
        """What is away, and since when."""
        self._away = dict(away)
        self._write()

    def _write(self) -> None:
        _replace(self._path, msgspec.json.encode(SupervisorStatus(self._ended, self._away)))


def read_supervisor(data_dir: Path) -> SupervisorStatus | None:
    """The supervisor's file; None if there is none that is whole."""
    try:
        return msgspec.json.decode((run_dir(data_dir) / _SUPERVISOR).read_bytes(), type=SupervisorStatus)
    except (OSError, msgspec.DecodeError):
        return None
