"""The supervisor: one process a role group, started again with back-off; metrics and health of the whole installation.

A child ends when its standard input ends, so that killing the supervisor, however hard, leaves nobody behind.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead  # pyright: ignore[reportUnknownVariableType] - untyped library

from soc.errors import UnavailableError
from soc.pipeline.status import ProcessStatus, forget_status, is_alive, read_statuses
from soc.pipeline.waiting import pause as wait
from soc.settings import ProcessSettings, Role

log = structlog.get_logger()

GROUPS: Mapping[str, tuple[Role, ...]] = {
    "collect": ("collect",),
    "engine": ("engine",),
    "correlate": ("correlate", "triage"),
    "index": ("index",),
    "console": ("console", "forward", "notify"),
    "archive": ("archive",),
    "share": ("share",),
}
"""Role groups: intake never waits for matching, and searching never waits for indexing."""


PATIENT: frozenset[Role] = frozenset({"index", "archive"})
NICER = 5
"""Added to the niceness of a process that only has such roles: on a busy machine intake, detection and people come first, and what can
be searched a little later is searched a little later. Their input is on disk for days."""


class Group(NamedTuple):
    """One process to be kept running: ``number`` of the ``of`` equal ones of this host."""

    roles: tuple[Role, ...]
    number: int = 0
    of: int = 1


Groups = Mapping[str, Group]
"""By name; the first of several is named as the only one would be, the others ``engine-1``, ``engine-2``, ..."""


def groups(processes: ProcessSettings, roles: Sequence[Role] = (), *, without: Collection[Role] = ()) -> Groups:
    """The processes of a host that runs everything, or only some roles; in either case none of ``without``."""
    found: dict[str, Group] = {}
    for name, members in GROUPS.items():
        chosen: tuple[Role, ...] = tuple(
            role for role in members if role not in without and (not roles or role in roles)
        )
        of: int = getattr(processes, name, 1)
        for number in range(of if chosen else 0):
            found[f"{name}-{number}" if number else name] = Group(chosen, number, of)
    return found


BACK_OFF_SECONDS = (0.2, 0.5, 1, 2, 5, 10)
SETTLED_SECONDS = 30.0
"""A child that lived so long starts again at the first back-off."""

STOP_SECONDS = 20.0


@dataclass(slots=True)
class Supervisor:
    """Starts the groups and keeps them running until told to stop.

    Attributes:
        command: arguments after ``python -m soc`` that start a worker; the group's roles are appended.
        ended: told which process ended without being told to.
    """

    data_dir: Path
    command: Sequence[str]
    groups: Groups
    environment: Mapping[str, str]
    ended: Callable[[str], None] = lambda _: None

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, then end every child cleanly."""
        for group in self.groups:
            forget_status(self.data_dir, group)
        async with asyncio.TaskGroup() as tasks:
            for name, group in self.groups.items():
                tasks.create_task(self._keep(name, group, stop))

    async def _keep(self, name: str, group: Group, stop: asyncio.Event) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            forget_status(self.data_dir, name)
            started = loop.time()
            code = await self._once(name, group, stop)
            if stop.is_set():
                break
            failures = 0 if loop.time() - started > SETTLED_SECONDS else failures + 1
            pause = BACK_OFF_SECONDS[min(failures, len(BACK_OFF_SECONDS)) - 1 if failures else 0]
            log.error("process_ended", group=name, code=code, restart_in=pause)
            self.ended(name)
            await wait(stop, pause)
        forget_status(self.data_dir, name)

    async def _once(self, name: str, group: Group, stop: asyncio.Event) -> int:
        arguments = [*self.command, "--process", name, str(group.number), str(group.of)]
        for role in group.roles:
            arguments += ["--role", role]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "soc", *arguments, stdin=asyncio.subprocess.PIPE, env=dict(self.environment)
        )
        log.info("process_started", group=name, pid=process.pid, roles=list(group.roles))
        ended = asyncio.ensure_future(process.wait())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                process.send_signal(signal.SIGTERM)
                await asyncio.wait({ended}, timeout=STOP_SECONDS)
            if not ended.done():
                log.error("process_killed", group=name, pid=process.pid, after=STOP_SECONDS)
                process.kill()
            return await ended
        finally:
            stopping.cancel()
            if not ended.done():
                process.kill()
                ended.cancel()
            mark_process_dead(process.pid)  # type: ignore[no-untyped-call]


def prepare_metrics(data_dir: Path) -> dict[str, str]:
    """The environment children need to share metric files, emptied of those of an earlier run."""
    directory = data_dir / "run" / "metrics"
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.db"):
        old.unlink(missing_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    return dict(os.environ)


async def wait_until_ready(
    data_dir: Path,
    groups: Groups,
    timeout: float,  # noqa: ASYNC109
) -> list[ProcessStatus]:
    """Every group's status once all are ready.

    Raises:
        UnavailableError: not within ``timeout`` seconds; names who is missing.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        ready = {s.group: s for s in read_statuses(data_dir) if s.ready and is_alive(s)}
        missing = [group for group in groups if group not in ready]
        if not missing:
            return list(ready.values())
        if asyncio.get_running_loop().time() > deadline:
            raise UnavailableError(f"not ready after {timeout:.0f} s: {', '.join(missing)}; see the log lines above")
        await asyncio.sleep(0.05)


def metrics_app(data_dir: Path, groups: Groups, health_lines: Callable[[], Awaitable[str]]) -> web.Application:
    """``/metrics``, ``/healthz`` (the supervisor turns) and ``/readyz`` (every group is up), for Prometheus and probes.

    Args:
        health_lines: metrics of what is seen from outside the stages, in the text format.
    """

    async def metrics(_: web.Request) -> web.Response:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        body = generate_latest(registry).decode() + await health_lines()
        return web.Response(body=body.encode(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        up = {status.group for status in read_statuses(data_dir) if status.ready and is_alive(status)}
        missing = [group for group in groups if group not in up]
        return web.json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    return app
