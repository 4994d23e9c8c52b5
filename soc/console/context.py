"""What every page needs: the console's parts (given by the composition root) and who is asking, in which language."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Required, TypedDict

import jinja2
from aiohttp import web

from soc.audit.chain import Entry
from soc.clock import Clock, Micros, now
from soc.console.auth import User, Users
from soc.console.grants import Grants
from soc.console.i18n import Texts
from soc.console.intel_known import IntelCall, IntelKnown
from soc.console.scope import NoRegister, RegisterLike
from soc.console.sessions import Sessions, SignIns, Throttle
from soc.console.stream import Stream
from soc.console.uploads import PublishCall, Uploads, cannot_publish
from soc.desk import PrivacySettings
from soc.duties.figures import PeriodicReport
from soc.duties.policy import Policy
from soc.errors import SettingsError, UnavailableError
from soc.model import Action, Answer, Incident, RuleInfo
from soc.notify.readiness import Gap
from soc.notify.roster import EMPTY as NO_ROSTER
from soc.notify.roster import Roster
from soc.store.base import Store
from soc.triage.roles import ALLOWED, WHOLE, may

ActCall = Callable[[Action], Awaitable[Answer | None]]
"""Appends an act and waits, bounded, for triage's answer; None: not answered yet."""

RuleLookup = Callable[[str, str], RuleInfo | None]
"""(rule set, rule id) → the rule."""

HealthCall = Callable[[], Awaitable[Mapping[str, Any]]]
"""The state of the installation as a tree (``soc.pipeline.health.Health``)."""


class Outages(NamedTuple):
    """What pages must do without.

    Attributes:
        bus: since when the brokers are away, 0 if they are not: acts cannot be taken.
        store: since when the store is away, 0 if it is not: nothing can be searched.
        slow: the store answers late, so a page does not wait for it as long as usual.
    """

    bus: Micros = 0
    store: Micros = 0
    slow: bool = False


OutagesCall = Callable[[], Outages]
"""What is known now; it asks nobody."""


class PreviewLike(Protocol):
    """A report as it would leave.

    Attributes:
        payload: the very bytes.
        sha256: their hash, which an approval names.
        withheld: what was left out and why, never the value: text, or a mapping or struct with the names to show.
    """

    @property
    def payload(self) -> bytes: ...  # noqa: D102
    @property
    def sha256(self) -> str: ...  # noqa: D102
    @property
    def withheld(self) -> Sequence[Any]: ...  # noqa: D102


PreviewCall = Callable[..., PreviewLike]
"""(incident, kind of report[, receiver]) → the report as it would leave; without a receiver, to the usual one.

Raises:
    UnsendableError: no automatic channel may carry it.
"""

ReceiversCall = Callable[[str], Sequence[str]]
"""Kind of report → the receivers that may get it by an automatic channel, the usual first."""


def no_receivers(kind: str) -> Sequence[str]:  # noqa: ARG001 - the port's shape
    """Of a console that is told of none: there is only the usual one."""
    return ()


class RefusedLike(Protocol):
    """A rule that cannot be used."""

    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def line(self) -> int: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


class RulesLike(Protocol):
    """The rule set in use (a ``RuleSet`` or what is published of one)."""

    @property
    def hash(self) -> str: ...  # noqa: D102
    @property
    def infos(self) -> Mapping[str, RuleInfo]: ...  # noqa: D102
    @property
    def refused(self) -> Sequence[RefusedLike]: ...  # noqa: D102
    @property
    def muted(self) -> Mapping[str, Sequence[str]]: ...  # noqa: D102


RulesCall = Callable[[], RulesLike | None]

RetryCall = Callable[[Mapping[str, str], str], Awaitable[Mapping[str, Any]]]
"""Asks for the dead letters with this ``id``, ``shape`` and ``source`` (as far as they are given) to be processed again, for a person;
tells ``asked``, ``under_way`` and ``left``: how many, how many were asked for before, how many cannot be."""


RecordCall = Callable[[Entry], Awaitable[None]]
"""Writes a line of the audit; it is durable when this returns.

Raises:
    UnavailableError: it was not written: what it was to tell of must not happen.
"""
RegisterCall = Callable[[], RegisterLike]
"""The register in force."""


class ChainLike(Protocol):
    """What verifying found of one audit chain (``soc.pipeline.auditing.Verified``)."""

    @property
    def chain(self) -> str: ...  # noqa: D102
    @property
    def lines(self) -> int: ...  # noqa: D102
    @property
    def fault(self) -> str: ...  # noqa: D102
    @property
    def declared(self) -> str: ...  # noqa: D102


VerifyCall = Callable[[], Awaitable[Sequence[ChainLike]]]
"""Verifies every audit chain against what its writer committed."""


async def cannot_verify() -> Sequence[ChainLike]:
    """Of a console that was given no way to.

    Raises:
        UnavailableError: always.
    """
    raise UnavailableError("the audit chains cannot be read here")


HeadsCall = Callable[[], Mapping[str, Any]]
"""What became of sending the chains' ends off the host: ``at``, ``tried`` and ``targets`` (name → "" or why it failed)."""


def no_heads() -> Mapping[str, Any]:
    """Of a console that is not told."""
    return {"at": 0, "tried": 0, "targets": {}}


async def cannot_record(entry: Entry) -> None:
    """Of a console that was given no audit chain.

    Raises:
        UnavailableError: always.
    """
    raise UnavailableError(f"no audit chain is written here: {entry.act}")


async def cannot_retry(chosen: Mapping[str, str], actor: str) -> Mapping[str, Any]:
    """Of a console that was given no way to ask.

    Raises:
        UnavailableError: always.
    """
    raise UnavailableError(f"no dead letter can be retried here: {actor}, {dict(chosen)}")


def no_rules() -> RulesLike | None:
    """Of a console that is given none."""
    return None


PeriodicCall = Callable[[str, str], Awaitable[PeriodicReport]]
"""(id of a periodic report, name of a period) → the report; SettingsError where there is none such."""


async def no_periodic(report: str, period: str) -> PeriodicReport:
    """Of a console without a policy.

    Raises:
        SettingsError: always.
    """
    raise SettingsError([f"no policy is in force: {report} {period}"])


class DossierLike(Protocol):
    """A dossier that is recorded in the audit (``soc.pipeline.dossier.Made``)."""

    @property
    def data(self) -> bytes: ...  # noqa: D102
    @property
    def sha256(self) -> str: ...  # noqa: D102


DossierCall = Callable[[Incident, str, bool], Awaitable[DossierLike]]
"""(incident, who asks, whether he may read the audit) → its dossier; UnavailableError where it cannot be gathered or recorded."""


async def no_dossier(incident: Incident, actor: str, whole: bool) -> DossierLike:
    """Of a console that was given no way to make one.

    Raises:
        UnavailableError: always.
    """
    raise UnavailableError(f"no dossier can be made here: {incident.number}, {actor}, {whole}")


class PinningLike(Protocol):
    """How far a request to pin evidence has come (``soc.pipeline.evidence.Pinning``)."""

    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def read(self) -> int: ...  # noqa: D102
    @property
    def lines(self) -> int: ...  # noqa: D102
    @property
    def detail(self) -> str: ...  # noqa: D102
    @property
    def actor(self) -> str: ...  # noqa: D102


class EvidenceLike(Protocol):
    """Pins raw lines beside the console, and hands out what was pinned (``soc.pipeline.evidence.Pins``)."""

    def ask(self, incident_id: str, actor: str, role: str, units: tuple[str, ...]) -> PinningLike:
        """Ask for one incident's evidence.

        Raises:
            UnavailableError: too many wait already.
        """
        ...

    def latest(self, incident_id: str) -> PinningLike | None:
        """How far the last request for an incident has come."""
        ...

    async def file(self, name: str, *, manifest: bool = False) -> bytes:
        """The bytes of a file of evidence, or of its manifest.

        Raises:
            RecordError: there is none.
            UnavailableError: the archive is away.
        """
        ...


RosterCall = Callable[[], Roster]
"""The duty roster in force."""
GapsCall = Callable[[Micros, Micros], Sequence[Gap]]
"""(from, until) → what would keep people from being told."""


def no_roster() -> Roster:
    """Of a console that is told of none."""
    return NO_ROSTER


def no_gaps(start: Micros, end: Micros) -> Sequence[Gap]:  # noqa: ARG001 - the port's shape
    """Of a console that was given no way to find any."""
    return ()


SharingCall = Callable[[], Awaitable[Mapping[str, Any]]]
"""Where alert sharing stands (``soc.sharing.seen.overview``)."""


async def no_sharing() -> Mapping[str, Any]:
    """Of a console that shares nothing."""
    return {"enabled": False, "receivers": [], "days": [], "refused": []}


class Given(TypedDict, total=False):
    """What the composition root gives a console (``Console`` says what each is); those before the comment it must give."""

    store: Required[Store]
    act: Required[ActCall]
    users: Required[Users]
    info: Required[RuleLookup]
    preview: Required[PreviewCall]
    language: Required[str]
    clock: Required[Clock]
    timezone: Required[str]
    health: Required[HealthCall]
    session_hours: Required[float]
    data_dir: Required[Path]
    # What a console can do without.
    rules: RulesCall
    outages: OutagesCall
    report_kinds: Sequence[str]
    receivers: ReceiversCall
    retry: RetryCall
    record: RecordCall
    kept: RecordCall
    register: RegisterCall
    privacy: PrivacySettings
    verify: VerifyCall
    heads: HeadsCall
    policy: Policy
    roster: RosterCall
    gaps: GapsCall
    periodic: PeriodicCall
    periodic_since: Micros | None
    dossier: DossierCall
    intel: IntelCall
    publish_register: PublishCall
    register_hash: Callable[[], str]
    sharing: SharingCall
    evidence: EvidenceLike | None


@dataclass(frozen=True, kw_only=True)
class Console:
    """The parts, as a request sees them: ``store``, ``preview`` and ``act`` are narrowed and masked for who asks.

    Attributes:
        store: what pages show; the console never writes it.
        act: hands an act to triage and waits, bounded, for the answer; None means that it is on its way.
        users: the accounts. ``sign_ins``: when each was last used.
        info: a rule by set and id. ``rules``: the rule set in use, None when it is not known.
        preview: a report exactly as it would leave. ``report_kinds``: which reports an incident may have, the usual first.
            ``receivers``: who may get one of a kind.
        language: ``vi`` or ``en``, until the visitor chooses.
        timezone: IANA zone in which times are shown and read.
        health: the state of the installation. ``outages``: what pages must do without now.
        data_dir: where sessions are kept; each lasts ``session_hours``.
        retry: asks for dead letters to be processed again.
        record: writes a line of the audit; raises where it cannot, and then what it tells of does not happen.
        kept: the same for sign-ins, which must be possible while the brokers are away; ``record`` where it is not given.
        register: of systems and organizations, for scopes.
        privacy: who sees citizens' identifiers. ``grants``: who gave a reason to see which.
        verify: verifies the audit chains. ``heads``: what became of sending their ends off the host.
        roster: who is on duty. ``gaps``: what would keep people from being told.
        policy: the duties to report; None where there is none. ``periodic``: makes a periodic report; those of periods that ended
            before ``periodic_since`` are not this installation's.
        dossier: makes and records the dossier of an incident.
        intel: threat intelligence as it is known now.
        publish_register: makes a register the one in force. ``register_hash``: of the one that is; "" of none. ``uploads``: what files
            that somebody uploaded would change of it.
        sharing: where alert sharing stands.
        evidence: pins raw lines of incidents; None where no archive is given.
    """

    store: Store
    act: ActCall
    users: Users
    info: RuleLookup
    preview: PreviewCall
    health: HealthCall
    clock: Clock
    language: str
    timezone: str
    data_dir: Path
    sessions: Sessions
    sign_ins: SignIns
    throttle: Throttle
    stream: Stream
    templates: jinja2.Environment
    texts: Mapping[str, Texts] = field(default_factory=dict[str, Texts])
    rules: RulesCall = no_rules
    outages: OutagesCall = Outages
    report_kinds: Sequence[str] = ("initial",)
    receivers: ReceiversCall = no_receivers
    retry: RetryCall = cannot_retry
    record: RecordCall = cannot_record
    kept: RecordCall = cannot_record
    register: RegisterCall = NoRegister
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    grants: Grants = field(default_factory=Grants)
    verify: VerifyCall = cannot_verify
    heads: HeadsCall = no_heads
    policy: Policy | None = None
    roster: RosterCall = no_roster
    gaps: GapsCall = no_gaps
    periodic: PeriodicCall = no_periodic
    periodic_since: Micros | None = None
    dossier: DossierCall = no_dossier
    intel: IntelCall = IntelKnown
    publish_register: PublishCall = cannot_publish
    register_hash: Callable[[], str] = str
    uploads: Uploads = field(default_factory=lambda: Uploads(now))
    sharing: SharingCall = no_sharing
    evidence: EvidenceLike | None = None


CONSOLE = web.AppKey("console", Console)


@dataclass(frozen=True)
class Visitor:
    """Who asks.

    Attributes:
        user: None while not signed in.
        secret: of the cookie, which the form token is made of; "" for an API client, which needs none.
        new_cookie: a cookie that must be set for the form token to work, "" if there is one.
        units: the organizations he is limited to, with all below them; () is everything. Acts carry it (``Action.units``).
        token: label of the API token, "" for a browser.
        emergency: the reason of a break-glass sign-in, "" of any other.
    """

    user: User | None
    secret: str
    texts: Texts
    session_id: str = ""
    new_cookie: str = ""
    api: bool = False
    units: tuple[str, ...] = ()
    token: str = ""
    emergency: str = ""

    @property
    def name(self) -> str:
        """The user's name, or ""."""
        return self.user.name if self.user else ""

    def may(self, act: str) -> bool:
        """Whether any of the user's roles may do this; who is limited to some organizations does nothing of ``WHOLE``."""
        return bool(self.role_for(act))

    def role_for(self, act: str) -> str:
        """The least of the user's roles that may do this (in the order of ``ALLOWED``'s roles), or ""."""
        if self.user is None or (self.units and act in WHOLE):
            return ""
        return next((role for role in self.user.roles if act in ALLOWED and may(role, act)), "")


VISITOR = web.RequestKey("visitor", Visitor)


def visitor_of(request: web.Request) -> Visitor:
    """Who asks, as the middleware found out."""
    return request[VISITOR]


SEEN = web.RequestKey("seen", Console)
"""The parts as the visitor sees them, from when he is known."""


def console_of(request: web.Request) -> Console:
    """The console's parts, narrowed to what the visitor may see as soon as it is known who he is."""
    return request.get(SEEN) or request.app[CONSOLE]
