"""What each process of an installation says of itself: one small JSON file in ``<data_dir>/run``, replaced atomically."""

import os
from pathlib import Path

import msgspec

from soc.clock import Micros


class ProcessStatus(msgspec.Struct, frozen=True):
    """One process.

    Attributes:
        roles: what it runs.
        ready: every claim is owned and every port is bound.
        addresses: name of a listener or page → where it is bound, ``127.0.0.1:5514``.
        counters: listener → its counters since the start.
    """

    group: str
    pid: int
    roles: tuple[str, ...]
    started: Micros
    at: Micros
    ready: bool
    addresses: dict[str, str]
    counters: dict[str, dict[str, int]] = {}


def run_dir(data_dir: Path) -> Path:
    """Where the status files are."""
    return data_dir / "run"


def write_status(data_dir: Path, status: ProcessStatus) -> None:
    """Replace a process's file."""
    directory = run_dir(data_dir)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{status.group}.json"
    temporary = path.with_suffix(f".{status.pid}.tmp")
    temporary.write_bytes(msgspec.json.encode(status))
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
