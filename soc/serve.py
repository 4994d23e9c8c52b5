"""The role ``console``: the web application with everything it asks, served until told to stop."""

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
import structlog
from aiohttp import web

from soc.app import health_watch, open_store
from soc.assets.register import EMPTY, Register
from soc.audit.chain import Entry
from soc.clock import now
from soc.console.app import create_app
from soc.console.auth import Users
from soc.console.context import Outages
from soc.console.personal import checked_privacy
from soc.duties.figures import PeriodicReport
from soc.duties.policy import Policy
from soc.errors import UnavailableError
from soc.forward.owed import next_due, owed
from soc.forward.payload import payload_preview
from soc.model import Action, Answer, Incident
from soc.pipeline.acts import ActionDesk
from soc.pipeline.audit_heads import HeadSender
from soc.pipeline.audit_kept import Kept
from soc.pipeline.audit_sent import last_sent
from soc.pipeline.auditing import Ends, Verified, verify_audit
from soc.pipeline.context import Known
from soc.pipeline.letters import Selection
from soc.pipeline.letters import retry as retry_letters
from soc.pipeline.periodic import make as make_periodic
from soc.pipeline.policy import load_policy, since_of
from soc.pipeline.waiting import pause
from soc.process import Process
from soc.settings import Settings
from soc.store.base import Store
from soc.telemetry import REPORT_DUE, REPORTS_OVERDUE

log = structlog.get_logger()

RULES_SECONDS = 1.0
FOLLOW_RULES_SECONDS = 15.0
DUTIES_SECONDS = 15.0
HEALTH_SECONDS = 3.0
"""How long the health page waits for a new look before it shows the last one."""


class _Parts:
    """What pages ask for, of the process that serves them; while the brokers are away nobody waits for a time-out."""

    def __init__(self, process: Process) -> None:
        self.settings = process.settings
        self.process = process
        number = self.settings.kafka.instance
        self.desk = ActionDesk(process.bus, lambda wait: process.bus.claim("console", number, wait=wait), number)
        self.watch = health_watch(self.settings)
        self.kept = Kept(self.record, self.settings.data_dir)
        self.policy = load_policy(self.settings)
        name = _installation(self.settings)
        self.heads = HeadSender(Ends(process.bus).heads, self.settings.audit, self.settings.data_dir, name, now)

    def _check(self) -> None:
        if "bus" in self.watch.away:
            raise UnavailableError("the brokers are away")

    async def act(self, action: Action) -> Answer | None:
        """Hand an act to triage."""
        self._check()
        return await self.desk.act(action)

    async def record(self, entry: Entry) -> None:
        """Write a line of this console's audit chain."""
        self._check()
        await self.desk.record(entry)

    async def verify(self) -> list[Verified]:
        """Verify every audit chain."""
        self._check()
        return await verify_audit(self.process.bus)

    async def retry(self, chosen: Mapping[str, str], actor: str) -> Mapping[str, Any]:
        """Ask for dead letters to be processed again."""
        self._check()
        return msgspec.to_builtins(await retry_letters(self.process.bus, Selection(**chosen), actor))

    async def health(self) -> Mapping[str, Any]:
        """The state of the installation."""
        return msgspec.to_builtins(await self.watch.latest(HEALTH_SECONDS))

    async def periodic(self, store: Store, report: str, period: str) -> PeriodicReport:
        """Make a periodic report."""
        name = self.settings.forward.organization
        return await make_periodic(store, self.policy, report, period, organization=name, now=now())

    def outages(self) -> Outages:
        """What pages must do without now."""
        away = self.watch.away
        return Outages(away.get("bus", 0), away.get("store", 0), self.watch.store_late)

    def app(self, store: Store) -> web.Application:
        """The web application over these parts."""
        settings, process = self.settings, self.process
        return create_app(
            store=store,
            act=self.act,
            users=Users(settings.data_dir),
            info=process.sets.info,
            preview=partial(_preview, settings),
            language=settings.console.language,
            clock=now,
            timezone=settings.timezone,
            health=self.health,
            outages=self.outages,
            session_hours=settings.console.session_hours,
            data_dir=settings.data_dir,
            rules=lambda: process.sets.current,
            retry=self.retry,
            record=self.record,
            kept=self.kept.record,
            register=Known(process.contexts, "register", Register.decode, EMPTY),
            privacy=checked_privacy(settings.privacy),
            verify=self.verify,
            heads=lambda: msgspec.to_builtins(last_sent(settings.data_dir)),
            policy=self.policy,
            report_kinds=self.policy.kinds(),
            periodic=partial(self.periodic, store),
            periodic_since=since_of(settings, self.policy),
        )


async def run_console(process: Process) -> None:
    """Serve the console."""
    settings, parts = process.settings, _Parts(process)
    store = open_store(settings)
    runner = web.AppRunner(parts.app(store), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.console.host, settings.console.port, shutdown_timeout=2)
        await _bind(site, "console", settings.console.host, settings.console.port)
        host, port = runner.addresses[0][:2]
        process.addresses["console"] = f"http://{host}:{port}"
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(parts.watch.run(), name="health"),
                tasks.create_task(parts.heads.run(process.stop), name="heads"),
            ]
            tasks.create_task(_follow_rules(process), name="rules")
            beside.append(tasks.create_task(_tell_duties(process, store, parts.policy), name="duties"))
            tasks.create_task(parts.kept.run(process.stop), name="kept")
            process.ready.add("console")
            await parts.desk.run(process.stop)
            for task in beside:
                task.cancel()  # they may be waiting for something outside
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


async def _tell_duties(process: Process, store: Store, policy: Policy) -> None:
    """Keep the metrics of what is owed; while the store is away they stay as they were."""
    while not process.stop.is_set():
        try:
            at = now()
            found = await owed(store, policy, at, since_of(process.settings, policy))
        except UnavailableError as error:
            log.warning("duties_not_read", error=str(error), again_in=DUTIES_SECONDS)
        else:
            REPORTS_OVERDUE.set(found.overdue)
            for kind, seconds in next_due(policy, found, at).items():
                REPORT_DUE.labels(kind).set(seconds)
        await pause(process.stop, DUTIES_SECONDS)


def _installation(settings: Settings) -> str:
    """Whose heads a file holds: the organization, and which host sent it."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", settings.forward.organization).strip("-") or "soc"
    return f"{name}-{settings.kafka.instance}"


def _preview(settings: Settings, incident: Incident, kind: str) -> Any:
    return payload_preview(incident, kind, settings.forward.organization, settings.forward.receiver.name)


async def _bind(site: web.TCPSite, what: str, host: str, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        raise UnavailableError(
            f"{what}: cannot listen on {host}:{port}: {error.strerror}; choose another port"
        ) from error
