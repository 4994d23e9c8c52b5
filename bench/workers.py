"""Processes of single roles for ``cluster.py``: the product's own ``run_process``, with a sampler of the CPU clock in it.

As a script it is one such process: settings and role in, samples by category as JSON out when it is told to stop.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Self

READY_SECONDS = 600.0
SAMPLE_SECONDS = 0.005
CATEGORIES = (
    ("/soc/normalize/", "normalize"),
    ("/soc/detect/", "detect"),
    ("/soc/sigma/", "detect"),
    ("<sigma", "detect"),
    ("/soc/correlate/", "correlate"),
    ("/soc/triage/", "triage"),
    ("/soc/store/", "store"),
    ("/elasticsearch/", "store"),
    ("/elastic_transport/", "store"),
    ("/aiohttp/", "store"),
    ("/soc/bus/", "bus"),
    ("/aiokafka/", "bus"),
    ("/soc/pipeline/", "stage"),
    ("/asyncio/", "loop"),
)
"""Part of a file's path → whose time it is; the innermost frame that matches counts."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its ended children so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / 100


def is_ready(status: Path) -> bool:
    """Whether a process has said in its status file that it owns its partitions."""
    return status.exists() and json.loads(status.read_bytes())["ready"]


class Sampler:
    """Counts where the process is each time 5 ms of CPU time have gone by: where the main thread waits, in another one."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()

    def start(self) -> None:
        """From now on."""
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)

    def _take(self, _: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_filename.endswith(
            "/asyncio/runners.py"
        ):  # the loop waits (or is uvloop's own C)
            frame = next(filter(_works, sys._current_frames().values()), frame)  # noqa: SLF001 the documented way
        inner = frame
        while frame is not None:
            path = frame.f_code.co_filename
            if path.endswith("/soc/model/codec.py"):
                self._count(frame.f_code.co_name if frame.f_code.co_name in {"encode", "decode"} else "decode", inner)
                return
            for part, name in CATEGORIES:
                if part in path:
                    self._count(name, inner)
                    return
            frame = frame.f_back
        self._count("loop", inner)

    def _count(self, name: str, frame: FrameType | None) -> None:
        self.counts[name] += 1
        if frame is not None:
            self.lines[f"{'/'.join(frame.f_code.co_filename.split('/')[-3:])}:{frame.f_code.co_name}"] += 1

    def shares(self) -> dict[str, dict[str, float]]:
        """Share of the samples by category, and the twelve functions that were innermost most often."""
        total = max(1, self.counts.total())
        return {
            "share": {name: round(count / total, 3) for name, count in self.counts.most_common()},
            "functions": {name: round(count / total, 3) for name, count in self.lines.most_common(12)},
        }


def _works(frame: FrameType) -> bool:
    """Whether a thread is busy with something of ours: not waiting for work, and not the loop."""
    waits = ("/threading.py", "/queue.py", "/concurrent/futures/thread.py", "/asyncio/runners.py")
    return not frame.f_code.co_filename.endswith(waits)


class Share:
    """A part of one core, for as long as it is entered: stands for a smaller machine (cgroup v1 or v2, as root).

    Raises:
        OSError: when entered: this machine does not let us.
    """

    PERIOD_MICROSECONDS = 20_000

    def __init__(self, name: str, cores: float) -> None:
        one = Path("/sys/fs/cgroup/cpu")
        self._is_one = one.is_dir()
        self._place = (one if self._is_one else Path("/sys/fs/cgroup")) / f"soc-bench-{os.getpid()}-{name}"
        self._quota = round(cores * self.PERIOD_MICROSECONDS)

    def __enter__(self) -> Self:
        self._place.mkdir()
        if self._is_one:
            (self._place / "cpu.cfs_period_us").write_text(str(self.PERIOD_MICROSECONDS))
            (self._place / "cpu.cfs_quota_us").write_text(str(self._quota))
        else:
            (self._place / "cpu.max").write_text(f"{self._quota} {self.PERIOD_MICROSECONDS}")
        return self

    def hold(self, pid: int) -> None:
        """A process and all its threads."""
        (self._place / "cgroup.procs").write_text(str(pid))

    def __exit__(self, *_: object) -> None:
        for pid in (self._place / "cgroup.procs").read_text().split():
            (self._place.parent / "cgroup.procs").write_text(pid)
        self._place.rmdir()


class Workers:
    """Processes of some stages, each stage in ``each`` of them."""

    def __init__(self, config: Path, data_dir: Path, stages: Sequence[str], each: int) -> None:
        self._run_dir = data_dir / "run"
        self._processes = {
            (stage, number): subprocess.Popen(
                [sys.executable, __file__, str(config), stage, str(number), str(each)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for stage in stages
            for number in range(each)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.kill()
            process.communicate()

    def check(self) -> None:
        """Raise if one has ended."""
        for (stage, number), process in self._processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{stage} {number} ended with {process.returncode}")

    async def ready(self) -> None:
        """Wait until every one owns its partitions (the engine: has loaded its rules)."""
        deadline = time.monotonic() + READY_SECONDS
        waiting = set(self._processes)
        while waiting:
            self.check()
            for one in list(waiting):
                if is_ready(self._run_dir / f"{one[0]}-{one[1]}.json"):
                    waiting.discard(one)
            if time.monotonic() > deadline:
                raise RuntimeError(f"not ready: {waiting}")
            await asyncio.sleep(0.02)

    def cpu(self) -> dict[str, float]:
        """CPU seconds by stage."""
        found: dict[str, float] = {}
        for (stage, _), process in self._processes.items():
            found[stage] = found.get(stage, 0.0) + cpu_seconds(process.pid)
        return found

    def hold(self, shares: Sequence[Share]) -> None:
        """Each process on a share of its own."""
        for share, process in zip(shares, self._processes.values(), strict=True):
            share.hold(process.pid)

    def stop(self) -> dict[str, dict[str, dict[str, float]]]:
        """End them all; where each stage's first process was busy."""
        for process in self._processes.values():
            process.terminate()
        said = {one: process.communicate(timeout=60)[0] for one, process in self._processes.items()}
        return {stage: json.loads(said[stage, 0].splitlines()[-1]) for stage, number in said if number == 0}


def main() -> None:
    import uvloop  # noqa: PLC0415 - the bench itself needs none of it

    from soc.roles import run_process  # noqa: PLC0415
    from soc.settings import load  # noqa: PLC0415
    from soc.telemetry import configure_logging  # noqa: PLC0415

    config, role, number, of = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    sampler = Sampler()

    async def work() -> None:
        settings = load(config, {})
        configure_logging(settings.log.level, settings.log.format, process=f"{role}-{number}")
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        sample_when_ready(settings.data_dir / "run" / f"{role}-{number}.json")
        await run_process(settings, f"{role}-{number}", (role,), stop, number=number, of=of)  # type: ignore[arg-type]

    def sample_when_ready(status: Path) -> None:
        if is_ready(status):
            sampler.start()
        else:
            asyncio.get_running_loop().call_later(0.02, sample_when_ready, status)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())
    signal.setitimer(signal.ITIMER_PROF, 0)
    print(json.dumps(sampler.shares()), flush=True)


if __name__ == "__main__":
    main()
