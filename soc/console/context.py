"""What every page needs: the console's parts (given by the composition root) and who is asking, in which language."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jinja2
from aiohttp import web

from soc.clock import Clock, Micros
from soc.console.auth import User, Users
from soc.console.i18n import Texts
from soc.console.sessions import Sessions, Throttle
from soc.console.stream import Stream
from soc.errors import UnavailableError
from soc.model import Action, Answer, Incident, RuleInfo
from soc.store.base import Store
from soc.triage.roles import ALLOWED, may

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


PreviewCall = Callable[[Incident, str], PreviewLike]


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


async def cannot_retry(chosen: Mapping[str, str], actor: str) -> Mapping[str, Any]:
    """Of a console that was given no way to ask.

    Raises:
        UnavailableError: always.
    """
    raise UnavailableError(f"no dead letter can be retried here: {actor}, {dict(chosen)}")


@dataclass(frozen=True)
class Console:
    """The parts."""

    store: Store
    act: ActCall
    users: Users
    info: RuleLookup
    preview: PreviewCall
    rules: RulesCall
    health: HealthCall
    outages: OutagesCall
    retry: RetryCall
    clock: Clock
    language: str
    timezone: str
    report_kinds: Sequence[str]
    data_dir: Path
    sessions: Sessions
    throttle: Throttle
    stream: Stream
    templates: jinja2.Environment
    texts: Mapping[str, Texts] = field(default_factory=dict[str, Texts])


CONSOLE = web.AppKey("console", Console)


@dataclass(frozen=True)
class Visitor:
    """Who asks.

    Attributes:
        user: None while not signed in.
        secret: of the cookie, which the form token is made of; "" for an API client, which needs none.
        new_cookie: a cookie that must be set for the form token to work, "" if there is one.
    """

    user: User | None
    secret: str
    texts: Texts
    session_id: str = ""
    new_cookie: str = ""
    api: bool = False

    @property
    def name(self) -> str:
        """The user's name, or ""."""
        return self.user.name if self.user else ""

    def may(self, act: str) -> bool:
        """Whether any of the user's roles may do this."""
        return bool(self.role_for(act))

    def role_for(self, act: str) -> str:
        """The least of the user's roles that may do this (in the order of ``ALLOWED``'s roles), or ""."""
        if self.user is None:
            return ""
        return next((role for role in self.user.roles if act in ALLOWED and may(role, act)), "")


VISITOR = web.RequestKey("visitor", Visitor)


def visitor_of(request: web.Request) -> Visitor:
    """Who asks, as the middleware found out."""
    return request[VISITOR]


def console_of(request: web.Request) -> Console:
    """The console's parts."""
    return request.app[CONSOLE]
