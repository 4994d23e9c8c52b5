"""The role ``console``: the web application with everything it asks, served until told to stop."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
import structlog
from aiohttp import web

from soc.app import health_watch, open_store
from soc.clock import now
from soc.console.app import create_app
from soc.console.auth import Users
from soc.console.context import Outages
from soc.errors import UnavailableError
from soc.forward.payload import payload_preview
from soc.model import Action, Answer, Incident
from soc.pipeline.acts import ActionDesk
from soc.pipeline.letters import Selection
from soc.pipeline.letters import retry as retry_letters
from soc.pipeline.waiting import pause
from soc.process import Process
from soc.settings import Settings

log = structlog.get_logger()

RULES_SECONDS = 1.0
FOLLOW_RULES_SECONDS = 15.0
HEALTH_SECONDS = 3.0
"""How long the health page waits for a new look before it shows the last one."""


async def run_console(process: Process) -> None:
    """Serve the console."""
    settings = process.settings
    store = open_store(settings)
    number = settings.kafka.instance
    desk = ActionDesk(process.bus, lambda wait: process.bus.claim("console", number, wait=wait), number)
    watch = health_watch(settings)

    async def act(action: Action) -> Answer | None:
        if "bus" in watch.away:  # known: nobody waits for a time-out
            raise UnavailableError("the brokers are away")
        return await desk.act(action)

    async def retry(chosen: Mapping[str, str], actor: str) -> Mapping[str, Any]:
        if "bus" in watch.away:
            raise UnavailableError("the brokers are away")
        return msgspec.to_builtins(await retry_letters(process.bus, Selection(**chosen), actor))

    async def health() -> Mapping[str, Any]:
        return msgspec.to_builtins(await watch.latest(HEALTH_SECONDS))

    app = create_app(
        store=store,
        act=act,
        users=Users(settings.data_dir),
        info=process.sets.info,
        preview=partial(_preview, settings),
        language=settings.console.language,
        clock=now,
        timezone=settings.timezone,
        health=health,
        outages=lambda: Outages(watch.away.get("bus", 0), watch.away.get("store", 0), watch.store_late),
        session_hours=settings.console.session_hours,
        data_dir=settings.data_dir,
        rules=lambda: process.sets.current,
        retry=retry,
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.console.host, settings.console.port, shutdown_timeout=2)
        await _bind(site, "console", settings.console.host, settings.console.port)
        host, port = runner.addresses[0][:2]
        process.addresses["console"] = f"http://{host}:{port}"
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch.run(), name="health")
            tasks.create_task(_follow_rules(process), name="rules")
            process.ready.add("console")
            await desk.run(process.stop)
            watching.cancel()
    finally:
        await runner.cleanup()
        await store.close()


async def _follow_rules(process: Process) -> None:
    """Know what is published, for the pages that show rules; while the brokers are away, what was known."""
    while not process.stop.is_set():
        try:
            await process.sets.refresh()
        except UnavailableError as error:
            log.warning("rules_not_read", error=str(error), again_in=RULES_SECONDS)
        await pause(process.stop, RULES_SECONDS if process.sets.current is None else FOLLOW_RULES_SECONDS)


def _preview(settings: Settings, incident: Incident, kind: str) -> Any:
    return payload_preview(incident, kind, settings.forward.organization, settings.forward.receiver.name)


async def _bind(site: web.TCPSite, what: str, host: str, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        raise UnavailableError(
            f"{what}: cannot listen on {host}:{port}: {error.strerror}; choose another port"
        ) from error
