"""The console as an aiohttp application: its parts in, every route with its guards out."""

from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from soc.clock import Clock
from soc.console import guards
from soc.console.auth import Users
from soc.console.context import (
    CONSOLE,
    ActCall,
    Console,
    HealthCall,
    Outages,
    OutagesCall,
    PreviewCall,
    RetryCall,
    RuleLookup,
    RulesCall,
    cannot_retry,
)
from soc.console.i18n import LANGUAGES, Texts
from soc.console.pages import environment
from soc.console.sessions import Sessions, Throttle
from soc.console.stream import Stream
from soc.console.views import account, acts, alerts, deadletters, incidents, lists, live, operation, session
from soc.store.base import Store

_STATIC = Path(__file__).parent / "static"
_MAX_BODY = 256 * 1024


def create_app(
    *,
    store: Store,
    act: ActCall,
    users: Users,
    info: RuleLookup,
    preview: PreviewCall,
    language: str,
    clock: Clock,
    timezone: str,
    health: HealthCall,
    session_hours: float,
    data_dir: Path,
    rules: RulesCall = lambda: None,
    outages: OutagesCall = Outages,
    report_kinds: Sequence[str] = ("initial",),
    retry: RetryCall = cannot_retry,
) -> web.Application:
    """The application.

    Args:
        store: what pages show; the console never writes it.
        act: hands an act to triage and waits, bounded, for the answer; None means that it is on its way.
        users: the accounts.
        info: a rule by set and id.
        preview: a report exactly as it would leave.
        language: ``vi`` or ``en``, until the visitor chooses.
        clock: the time.
        timezone: IANA zone in which times are shown and read.
        health: the state of the installation.
        session_hours: how long a sign-in lasts.
        data_dir: where sessions are kept.
        outages: what pages must do without now.
        rules: the rule set in use, for the page of rules; None when it is not known.
        retry: asks for dead letters to be processed again.
        report_kinds: which reports an incident may have, the usual first.
    """
    app = web.Application(middlewares=guards.MIDDLEWARES, client_max_size=_MAX_BODY)
    app[CONSOLE] = Console(
        store=store,
        act=act,
        users=users,
        info=info,
        preview=preview,
        rules=rules,
        health=health,
        outages=outages,
        retry=retry,
        clock=clock,
        language=language,
        timezone=timezone,
        report_kinds=report_kinds,
        data_dir=data_dir,
        sessions=Sessions(data_dir, clock, session_hours),
        throttle=Throttle(clock),
        stream=Stream(store, clock),
        templates=environment(),
        texts={name: Texts(name, timezone) for name in LANGUAGES},
    )
    return _routed(app)


def _routed(app: web.Application) -> web.Application:
    app.add_routes(_routes())
    app.router.add_static("/static/", _STATIC, append_version=False)
    app.on_shutdown.append(_stop_streams)
    return app


def _routes() -> list[web.RouteDef]:
    get, post = web.get, web.post
    pages = {
        "/alerts": alerts.queue,
        "/incidents": incidents.queue,
        "/reports": lists.reports,
        "/search": lists.search,
        "/deadletters": deadletters.deadletters,
        "/audit": lists.audit,
        "/rules": operation.rules,
        "/health": operation.health,
        "/users": account.users,
        "/account": account.account,
        "/login": session.login_page,
    }
    routes = [get(path + suffix, view) for path, view in pages.items() for suffix in ("", ".json")]
    return [
        *routes,
        get("/", session.home),
        get("/healthz", operation.healthz),
        get("/language", session.choose_language),
        post("/login", session.login),
        post("/logout", session.logout),
        get("/alerts/stream", live.stream),
        get("/alerts/{id}", alerts.page),
        post("/alerts/{id}/act", acts.on_alert),
        get("/incidents/{id}", incidents.page),
        post("/incidents/{id}/act", acts.on_incident),
        get("/events/{id:.+}", lists.event),
        post("/deadletters/retry", deadletters.retry),
        post("/users", account.change_users),
        post("/account", account.change_account),
    ]


async def _stop_streams(app: web.Application) -> None:
    app[CONSOLE].stream.stopping.set()
