"""The console as an aiohttp application: its parts in, every route with its guards out."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Unpack

from aiohttp import web

from soc.console import guards
from soc.console.context import CONSOLE, Console, Given, cannot_record
from soc.console.i18n import LANGUAGES, Texts
from soc.console.pages import environment
from soc.console.sessions import Sessions, SignIns, Throttle
from soc.console.stream import Stream
from soc.console.views import (
    account,
    acts,
    alerts,
    assets,
    assets_change,
    audit,
    deadletters,
    directives,
    duties,
    evidence,
    incidents,
    intel,
    late,
    lists,
    live,
    notices,
    operation,
    receipts,
    session,
    sharing,
    silences,
    tasks,
)

_STATIC = Path(__file__).parent / "static"
_MAX_BODY = 256 * 1024


def create_app(**given: Unpack[Given]) -> web.Application:
    """The application over the parts that are given (``soc.console.context.Console`` says what each is)."""
    clock, data_dir, zone = given["clock"], given["data_dir"], given["timezone"]
    parts: dict[str, Any] = {name: part for name, part in given.items() if name != "session_hours"}
    parts.setdefault("kept", given.get("record", cannot_record))
    app = web.Application(middlewares=guards.MIDDLEWARES, client_max_size=_MAX_BODY)
    app[CONSOLE] = Console(
        **parts,
        sessions=Sessions(data_dir, clock, given["session_hours"]),
        sign_ins=SignIns(data_dir),
        throttle=Throttle(clock),
        stream=Stream(given["store"], clock),
        templates=environment(),
        texts={name: Texts(name, zone) for name in LANGUAGES},
    )
    return _routed(app)


def _routed(app: web.Application) -> web.Application:
    app.add_routes(_routes())
    app.router.add_static("/static/", _STATIC, append_version=False)
    app.on_shutdown.append(_stop_streams)
    return app


def _pages() -> dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]:
    """Path → view of the pages that have a twin under the same path with ``.json``."""
    return {
        "/alerts": alerts.queue,
        "/incidents": incidents.queue,
        "/tasks": tasks.queue,
        "/directives": directives.queue,
        "/silences": silences.queue,
        "/reports": lists.reports,
        "/receipts": receipts.receipts,
        "/late": late.late,
        "/sharing": sharing.sharing,
        "/assets": assets.systems,
        "/intel": intel.intel,
        "/duties": duties.duties,
        "/notices": notices.notices,
        "/duties/periodic": duties.periodic,
        "/search": lists.search,
        "/deadletters": deadletters.deadletters,
        "/audit": audit.audit,
        "/rules": operation.rules,
        "/health": operation.health,
        "/users": account.users,
        "/account": account.account,
        "/login": session.login_page,
    }


def _routes() -> list[web.RouteDef]:
    get, post = web.get, web.post
    routes = [get(path + suffix, view) for path, view in _pages().items() for suffix in ("", ".json")]
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
        get("/incidents/{id}/clocks", duties.clocks_page),
        get("/incidents/{id}/clocks.json", duties.clocks_page),
        get("/duties/periodic/file", duties.periodic_file),
        get("/incidents/{id}/dossier", receipts.dossier),
        get("/incidents/{id}", incidents.page),
        post("/incidents/{id}/act", acts.on_incident),
        post("/incidents/{id}/pin", evidence.pin),
        post("/incidents/{id}/evidence", evidence.download),
        post("/silences", acts.new_silence),
        get("/silences/{id}", silences.page),
        post("/silences/{id}/act", acts.on_silence),
        post("/directives", acts.new_directive),
        get("/directives/{id}", directives.page),
        post("/directives/{id}/act", acts.on_directive),
        post("/assets/check", assets_change.check),
        post("/assets/publish", assets_change.publish),
        get("/assets/export", assets_change.export),
        get("/assets/{id}", assets.page),
        get("/events/{id:.+}", lists.event),
        post("/deadletters/retry", deadletters.retry),
        post("/users", account.change_users),
        post("/unmask", audit.unmask),
        get("/audit/export", audit.export),
        post("/audit/verify", audit.verify),
        post("/account", account.change_account),
    ]


async def _stop_streams(app: web.Application) -> None:
    app[CONSOLE].stream.stopping.set()
