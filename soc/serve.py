"""The role ``console``: the web application with everything it asks, served until told to stop."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import structlog
from aiohttp import web

from soc.app import audit_key, health_watch, open_archive, open_store
from soc.assets.register import EMPTY, Register
from soc.audit.chain import Entry
from soc.clock import Micros, now, to_datetime
from soc.console.app import create_app
from soc.console.auth import Users
from soc.console.context import Outages
from soc.console.intel_known import IntelKnown
from soc.console.personal import checked_privacy
from soc.duties.figures import PeriodicReport
from soc.duties.policy import Policy
from soc.errors import UnavailableError
from soc.forward.owed import next_due, owed, report_of
from soc.forward.payload import START, Preview
from soc.forward.preview import preview
from soc.forward.receipts import bounds, gauged, reconciled, reports_between
from soc.forward.terms import addressees
from soc.intel.hunting import Hunts
from soc.intel.indicator import Attempts
from soc.intel.matcher import NO_INDICATORS, Indicators
from soc.model import Action, Alert, Answer, Incident
from soc.notify import roster_file
from soc.notify.readiness import Gap, gaps
from soc.notify.roster import EMPTY as NO_ROSTER
from soc.pipeline.acts import ActionDesk
from soc.pipeline.audit_heads import HeadSender
from soc.pipeline.audit_kept import Kept
from soc.pipeline.audit_sent import last_sent
from soc.pipeline.auditing import Ends, Verified, verify_audit
from soc.pipeline.context import Known, SupersededError, replace
from soc.pipeline.dossier import Asked as DossierAsked
from soc.pipeline.dossier import Made, Sources, recorded
from soc.pipeline.evidence import Pins
from soc.pipeline.letters import Selection
from soc.pipeline.letters import retry as retry_letters
from soc.pipeline.periodic import make as make_periodic
from soc.pipeline.policy import load_policy, since_of
from soc.pipeline.release import load_recipients, terms_of
from soc.pipeline.waiting import pause
from soc.process import Process
from soc.settings import Settings
from soc.sharing.seen import overview
from soc.sharing.setting_up import all_terms
from soc.store.base import Store
from soc.store.query import All
from soc.telemetry import RECEIPTS_HAD, RECEIPTS_OPEN, RECEIPTS_SENT, REPORT_DUE, REPORTS_OVERDUE

log = structlog.get_logger()

RULES_SECONDS = 1.0
FOLLOW_RULES_SECONDS = 15.0
DUTIES_SECONDS = 15.0
SEALED_SECONDS = 2.0
SEALED_LOOKED_AT = 5
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
        self.roster = Known(process.contexts, "roster", roster_file.decode, NO_ROSTER)
        self.recipients = load_recipients(self.settings)
        self.register = Known(process.contexts, "register", Register.decode, EMPTY)
        self.listed = Known(process.contexts, "indicators", Indicators.decode, NO_INDICATORS)
        self.attempts = Known(process.contexts, "feeds", Attempts.decode, Attempts())
        self.hunts = Known(process.contexts, "hunts", Hunts.decode, Hunts())
        self.terms = terms_of(self.settings, self.policy, self.register)
        self.sealed_at_line = START
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

    async def sharing(self) -> Mapping[str, Any]:
        """Where alert sharing stands."""
        self._check()
        return await overview(self.process.bus, all_terms(self.settings))

    async def periodic(self, store: Store, report: str, period: str) -> PeriodicReport:
        """Make a periodic report."""
        name = self.settings.forward.organization
        return await make_periodic(store, self.policy, report, period, organization=name, now=now())

    def preview(self, incident: Incident, kind: str, recipient: str = "") -> Preview:
        """A report exactly as it would leave to one of the receivers."""
        return preview(
            incident, kind, recipient, organization=self.settings.forward.organization, recipients=self.recipients,
            terms=self.terms, audit=self.sealed_at_line,
        )  # fmt: skip

    def receivers(self, kind: str) -> tuple[str, ...]:
        """Who may get a kind of report by an automatic channel."""
        return tuple(one.name for one in addressees(kind, self.recipients, self.terms))

    async def follow_sealed(self, store: Store, stop: asyncio.Event) -> None:
        """Know where the forwarder's audit chain stood when its latest report was sealed; while the store is away, what was known."""
        while not stop.is_set():
            try:
                page = await store.search("report", All(), limit=SEALED_LOOKED_AT)
            except UnavailableError as error:
                log.warning("sealed_not_read", error=str(error), again_in=SEALED_SECONDS)
            else:
                found = [report.audit for document in page.documents if (report := report_of(document))]
                self.sealed_at_line = max((self.sealed_at_line, *found))
            await pause(stop, SEALED_SECONDS)

    async def dossier(self, store: Store, incident: Incident, actor: str, whole: bool) -> Made:
        """Make and record the dossier of an incident; runs of whole audit chains for who may read the audit."""
        self._check()
        settings = self.settings
        sources = Sources(store, self.process.bus, open_archive(settings), self.policy)
        asked = DossierAsked(settings.forward.organization, actor, audit_key(settings), whole)
        return await recorded(sources, incident, asked, now(), self.record)

    def pins(self, store: Store) -> Pins:
        """What pins evidence beside the pages."""

        async def read(incident_id: str) -> tuple[Incident, list[Alert]] | None:
            document = await store.get("incident", incident_id)
            if document is None:
                return None
            incident = msgspec.convert(document.body, Incident)
            alerts = await store.get_many("alert", incident.alerts)
            return incident, [msgspec.convert(one.body, Alert) for one in alerts.values()]

        return Pins(self.process.bus, open_archive(self.settings), read, self.act, now)

    def register_hash(self) -> str:
        """Hash of the register in force; "" while there is none."""
        known = self.process.contexts.get("register")
        return known.hash if known else ""

    async def publish_register(self, data: bytes, base: str, actor: str, detail: str) -> bool:
        """Publish a register, unless another one than that with the hash ``base`` is in force by now."""
        self._check()
        try:
            await replace(self.process.bus, "register", base, data, actor=actor, at=now(), detail=detail)
        except SupersededError:
            return False
        await self.process.contexts.refresh()
        return True

    def intel(self) -> IntelKnown:
        """Threat intelligence as it is known now."""
        settings = self.settings.intel
        return IntelKnown(self.listed(), self.attempts(), self.hunts(), settings.feeds, settings.hunt_days)

    def gaps(self, start: Micros, end: Micros) -> Sequence[Gap]:
        """What would keep people from being told."""
        return gaps(self.roster(), self.settings.notify, start, end)

    def outages(self) -> Outages:
        """What pages must do without now."""
        away = self.watch.away
        return Outages(away.get("bus", 0), away.get("store", 0), self.watch.store_late)

    def app(self, store: Store, pins: Pins) -> web.Application:
        """The web application over these parts."""
        settings, process = self.settings, self.process
        return create_app(
            store=store,
            act=self.act,
            users=Users(settings.data_dir),
            info=process.sets.info,
            preview=self.preview,
            receivers=self.receivers,
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
            register=self.register,
            privacy=checked_privacy(settings.privacy),
            verify=self.verify,
            heads=lambda: msgspec.to_builtins(last_sent(settings.data_dir)),
            policy=self.policy,
            roster=self.roster,
            gaps=self.gaps,
            report_kinds=self.policy.kinds(),
            periodic=partial(self.periodic, store),
            periodic_since=since_of(settings, self.policy),
            dossier=partial(self.dossier, store),
            intel=self.intel,
            publish_register=self.publish_register,
            register_hash=self.register_hash,
            sharing=self.sharing,
            evidence=pins,
        )


async def run_console(process: Process) -> None:
    """Serve the console."""
    settings, parts = process.settings, _Parts(process)
    store = open_store(settings)
    pins = parts.pins(store)
    runner = web.AppRunner(parts.app(store, pins), access_log=None)
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
            beside.append(tasks.create_task(pins.run(process.stop), name="evidence"))
            beside.append(tasks.create_task(parts.follow_sealed(store, process.stop), name="sealed"))
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
            await _tell_receipts(process.settings, store, policy, at)
        except UnavailableError as error:
            log.warning("duties_not_read", error=str(error), again_in=DUTIES_SECONDS)
        else:
            REPORTS_OVERDUE.set(found.overdue)
            for kind, seconds in next_due(policy, found, at).items():
                REPORT_DUE.labels(kind).set(seconds)
        await pause(process.stop, DUTIES_SECONDS)


async def _tell_receipts(settings: Settings, store: Store, policy: Policy, at: Micros) -> None:
    """Keep the metrics of the daily reconcile."""
    today = to_datetime(at).astimezone(policy.zone).date()
    rows = reconciled(await reports_between(store, *bounds(today, policy.zone)), policy.zone)
    names = [one.name for one in settings.forward.all_receivers]
    for (recipient, day), (sent, had, still) in gauged(rows, names, today).items():
        RECEIPTS_SENT.labels(recipient, day).set(sent)
        RECEIPTS_HAD.labels(recipient, day).set(had)
        RECEIPTS_OPEN.labels(recipient, day).set(still)


def _installation(settings: Settings) -> str:
    """Whose heads a file holds: the organization, and which host sent it."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", settings.forward.organization).strip("-") or "soc"
    return f"{name}-{settings.kafka.instance}"


async def _bind(site: web.TCPSite, what: str, host: str, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        raise UnavailableError(
            f"{what}: cannot listen on {host}:{port}: {error.strerror}; choose another port"
        ) from error
