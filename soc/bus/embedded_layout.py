"""The directory: which file belongs to whom, who writes and who reads a topic, how many partitions it was made with, how full the disk is."""

import fcntl
import os
import re
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from soc.bus.base import Stage, Topology
from soc.bus.embedded_log import create, sync_directory, translate
from soc.errors import BusFullError, SettingsError, UnavailableError

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_LOCK = "bus.lock"
_COUNTS = "topology.json"
CHECK_SECONDS = 1.0


class _Counts(msgspec.Struct):
    topics: dict[str, int]
    stages: dict[str, int]


class Layout:
    """A directory of log files and the topology it serves.

    Args:
        directory: made if it does not exist.
        topology: a stage or topic that the directory does not know is added.

    Raises:
        SettingsError: the topology contradicts itself or the number of partitions the directory was made with.
        UnavailableError: the directory cannot be made or written.
    """

    def __init__(self, directory: Path, topology: Topology) -> None:
        self.directory = directory
        self.topology = topology
        self._stages = {stage.name: stage for stage in topology.stages}
        mistakes = list(_contradictions(topology))
        if mistakes:
            raise SettingsError(mistakes)
        try:
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            with self._locked():
                self._agree()
        except OSError as error:
            raise UnavailableError(f"{directory}: {error}; check that it is a writable directory") from error

    def stage(self, name: str) -> Stage:
        """A stage of the topology.

        Raises:
            ValueError: there is none of this name.
        """
        found = self._stages.get(name)
        if found is None:
            raise ValueError(f"no stage {name!r}; the topology has {', '.join(self._stages)}")
        return found

    def path(self, stage: str, partition: int) -> Path:
        """Where the log of (stage, partition) is or will be."""
        return self.directory / f"{stage}-{partition}.db"

    def ensure(self, stage: str, partition: int) -> Path:
        """The log of (stage, partition), made if it does not exist.

        Raises:
            BusFullError: there is no room for it.
            UnavailableError: it cannot be made.
        """
        path = self.path(stage, partition)
        try:
            if not path.exists():
                with self._locked():
                    if not path.exists():
                        create(path)
        except sqlite3.Error as error:
            raise translate(error, path) from error
        except OSError as error:
            raise UnavailableError(f"{path}: {error}; check the data directory") from error
        return path

    def paths(self, stage: Stage) -> list[tuple[int, Path]]:
        """The files of a stage that exist, with their partition."""
        both = [(partition, self.path(stage.name, partition)) for partition in range(stage.partitions)]
        return [(partition, path) for partition, path in both if path.exists()]

    def writers(self, topic: str) -> list[Path]:
        """Every file that may hold records of a topic; some may not exist yet."""
        stages = [stage for stage in self.topology.stages if topic in stage.outputs]
        return [self.path(stage.name, partition) for stage in stages for partition in range(stage.partitions)]

    def readers(self, topic: str) -> list[Stage]:
        """The stages registered on a topic."""
        return [stage for stage in self.topology.stages if topic in stage.inputs]

    def wanted(self, pairs: list[tuple[str, int]]) -> dict[Path, list[tuple[str, int]]]:
        """Per file that may hold any of these (topic, partition) pairs: which of them."""
        found: dict[Path, list[tuple[str, int]]] = {}
        for topic, partition in pairs:
            for path in self.writers(topic):
                found.setdefault(path, []).append((topic, partition))
        return found

    def inputs(self, stage: Stage, partition: int) -> dict[Path, list[tuple[str, int]]]:
        """The same for the claim of a partition of a stage."""
        return self.wanted([(topic, partition) for topic in stage.inputs if partition < self.topology.topics[topic]])

    @contextmanager
    def _locked(self) -> Generator[None]:
        descriptor = os.open(self.directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _agree(self) -> None:
        path = self.directory / _COUNTS
        known = _Counts({}, {})
        if path.exists():
            try:
                known = msgspec.json.decode(path.read_bytes(), type=_Counts)
            except msgspec.MsgspecError as error:
                raise SettingsError([f"{path}: damaged: {error}; restore it from a back-up"]) from error
        asked = _Counts(dict(self.topology.topics), {stage.name: stage.partitions for stage in self.topology.stages})
        mistakes = [
            f"{self.directory}: {what} {name} was made with {old[name]} partitions and is asked for {count};"
            f" set bus.partitions back, or use an empty data_dir"
            for what, old, new in (("topic", known.topics, asked.topics), ("stage", known.stages, asked.stages))
            for name, count in new.items()
            if old.get(name, count) != count
        ]
        if mistakes:
            raise SettingsError(mistakes)
        merged = _Counts(known.topics | asked.topics, known.stages | asked.stages)
        if merged == known:
            return
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(merged))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_directory(self.directory)


def _contradictions(topology: Topology) -> Iterator[str]:
    for stage in topology.stages:
        if not _NAME.fullmatch(stage.name):
            yield f"stage {stage.name!r}: a name is lower-case letters, digits, _ and -, as files are called after it"
        for topic in (*stage.inputs, *stage.outputs):
            if topic not in topology.topics:
                yield f"stage {stage.name}: topic {topic} has no number of partitions"
        for topic in stage.inputs:
            if topology.topics.get(topic, 0) > stage.partitions:
                yield f"stage {stage.name}: nobody would read {topic} beyond partition {stage.partitions - 1}"


class Disk:
    """How much room the disk has, asked at most once a second.

    Stages without inputs are the intake: they are pushed back first, at ``free_bytes``. The stages behind them go on until
    half of that is left, so that what was taken in can still be worked off (DESIGN §3, Addresses).
    """

    def __init__(self, directory: Path, free_bytes: int) -> None:
        self._directory = directory
        self._free_bytes = free_bytes
        self._asked = -CHECK_SECONDS
        self._free = 0

    @property
    def low(self) -> bool:
        """Whether the intake is pushed back now."""
        return self.free() < self._free_bytes

    def free(self) -> int:
        """Free bytes, at most a second old."""
        moment = time.monotonic()
        if moment - self._asked >= CHECK_SECONDS:
            status = os.statvfs(self._directory)
            self._free, self._asked = status.f_bavail * status.f_frsize, moment
        return self._free

    def check(self, stage: Stage) -> None:
        """Before a commit of ``stage``.

        Raises:
            BusFullError: there is too little room.
        """
        least = self._free_bytes // 2 if stage.inputs else self._free_bytes
        if least and self.free() < least:
            raise BusFullError(
                f"{self._directory}: {self._free} bytes are free, {stage.name} needs {least};"
                " free disk space, shorten the retention or lower bus.free_bytes"
            )
