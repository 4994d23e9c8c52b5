"""What stands before every page: security headers, friendly errors, who is asking, what he may see, and that a form was ours."""

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

from aiohttp import web

from soc.console import seeing
from soc.console.access import access_of
from soc.console.context import CONSOLE, SEEN, VISITOR, Outages, Visitor, console_of, visitor_of
from soc.console.forms import form_of
from soc.console.i18n import LANGUAGES, Texts
from soc.console.pages import json_response, respond, wants_json
from soc.console.refused import Refused
from soc.console.scope import ProbeError, units_of
from soc.console.sessions import csrf_of
from soc.errors import BusError, UnavailableError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SESSION_COOKIE = "soc_session"
BROWSER_COOKIE = "soc_browser"
LANGUAGE_COOKIE = "soc_language"
STREAM = "/alerts/stream"
FROM_STORE = (
    "/alerts",
    "/incidents",
    "/tasks",
    "/directives",
    "/silences",
    "/reports",
    "/duties",
    "/search",
    "/deadletters",
    "/audit",
    "/events",
)
"""Pages that show what the store holds."""
PAGE_SECONDS = 25.0
"""The store gives a search up after 20 seconds, and says how to ask for less."""
SLOW_PAGE_SECONDS = 6.0

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""No inline script or style, nothing from elsewhere, no frame around us."""


@web.middleware
async def headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Security headers on every answer; pages are never kept by a cache."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        _add_headers(request, error)
        raise
    if not response.prepared:
        _add_headers(request, response)
    return response


def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-cache" if request.path.startswith("/static/") else "no-store")


@web.middleware
async def identity(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who asks, and in which language."""
    console = request.app[CONSOLE]
    language = request.cookies.get(LANGUAGE_COOKIE, "")
    texts = console.texts[language if language in LANGUAGES else console.language]
    visitor = _visitor(request, texts)
    request[VISITOR] = visitor
    response = await handler(request)
    if visitor.new_cookie and not response.prepared and request.path == "/login":
        set_cookie(response, BROWSER_COOKIE, visitor.new_cookie)
    return response


def _visitor(request: web.Request, texts: Texts) -> Visitor:
    console = request.app[CONSOLE]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        user = console.users.by_token(token.strip())
        label = next((known.name for known in user.tokens if known.fits(token.strip())), "") if user else ""
        units = units_of(user.organizations, console.register()) if user else ()
        return Visitor(user, "", texts, api=True, units=units, token=label)
    session_id = request.cookies.get(SESSION_COOKIE, "")
    session = console.sessions.get(session_id) if session_id else None
    user = console.users.get(session.user) if session else None
    if session and user and session.stamp in ("", user.stamp):
        units = units_of(user.organizations, console.register())
        return Visitor(user, session_id, texts, session_id, units=units, emergency=session.reason)
    known = request.cookies.get(BROWSER_COOKIE, "")
    made = "" if known else secrets.token_urlsafe(24)
    return Visitor(None, known or made, texts, new_cookie=made)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as pages that say what to do, or as JSON; a page never waits for ever for a store that does not answer."""
    outages = console_of(request).outages()
    try:
        if outages.store and _needs_store(request):
            return outage(request)  # known: nobody waits for a time-out
        async with asyncio.timeout(_patience(request, outages)):
            return await handler(request)
    except web.HTTPRedirection:
        raise
    except web.HTTPException as error:
        return problem(request, error.status, error.text if isinstance(error, Refused) else "")
    except ProbeError:
        return seeing.probe_page(request)
    except TimeoutError:
        return outage(request)
    except UnavailableError as error:
        return outage(request, str(error))
    except BusError as error:
        return problem(request, 503, str(error))


def _needs_store(request: web.Request) -> bool:
    return visitor_of(request).user is not None and request.path != STREAM and request.path.startswith(FROM_STORE)


def _patience(request: web.Request, outages: Outages) -> float | None:
    """Seconds a request may take; an act has time-outs of its own, a stream has no end."""
    if request.method != "GET" or request.path == STREAM:
        return None
    return SLOW_PAGE_SECONDS if outages.slow else PAGE_SECONDS


def outage(request: web.Request, detail: str = "") -> web.Response:
    """The page that says what is away, since when, what goes on meanwhile, and that an act was not taken.

    Args:
        detail: what was said where it was noticed.
    """
    texts, outages = visitor_of(request).texts, console_of(request).outages()
    advice = [texts("outage.not_taken")] if request.method == "POST" else []
    if outages.bus:
        advice.append(texts("outage.bus", since=texts.local(outages.bus)))
    if outages.store:
        advice.append(texts("outage.store", since=texts.local(outages.store)))
    elif not detail:
        advice.append(texts("outage.store_slow"))
    elif not outages.bus:
        advice.append(texts("problem.503_advice"))
    data = {"status": 503, "error": texts("problem.503"), "advice": " ".join(advice), "detail": detail}
    return respond(request, "error.html", data, status=503)


def problem(request: web.Request, status: int, detail: str | None = "") -> web.Response:
    """The error page of a status: a heading and advice from the catalogue, and the detail for who looks into it."""
    texts = visitor_of(request).texts
    known = status if status in {400, 401, 403, 404, 405, 413, 429, 503} else 400
    shown = texts.named("problem", detail) if detail else ""
    data = {
        "status": status,
        "error": texts(f"problem.{known}"),
        "advice": texts(f"problem.{known}_advice"),
        "detail": shown,
    }
    return respond(request, "error.html", data, status=status)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only who is signed in comes in, and only a form of ours is taken."""
    visitor = visitor_of(request)
    if request.path.startswith("/static/"):
        return await handler(request)
    if request.method == "POST" and not visitor.api:
        await _check_form(request, visitor)
    access = access_of(request.method, _route(request))
    if visitor.user is None and not access.public:
        if visitor.api or wants_json(request) or request.path == STREAM:
            return json_response({"error": visitor.texts("problem.401")}, status=401)
        target = request.path_qs if request.method == "GET" else "/"
        raise web.HTTPSeeOther(f"/login?next={quote(target, safe='')}")
    if visitor.user is not None and access.act and not visitor.may(access.act):
        raise Refused(text=f"role_{access.act}")
    if visitor.units and access.whole:
        raise Refused(text="whole")
    if visitor.user is None:
        return await handler(request)
    request[SEEN] = await seeing.narrowed(request)
    response = await handler(request)
    await seeing.tell(request)
    return response


def _route(request: web.Request) -> str:
    """The route's own path; "" where there is none (then nothing is found anyway)."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


async def _check_form(request: web.Request, visitor: Visitor) -> None:
    origin = request.headers.get("Origin")
    if origin and origin != "null" and urlsplit(origin).netloc != request.host:
        raise Refused(text="csrf")
    given = request.headers.get("X-CSRF-Token")
    if given is None:
        given = (await form_of(request)).get("csrf", "")
    expected = csrf_of(visitor.secret)
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise Refused(text="csrf")


def set_cookie(response: web.StreamResponse, name: str, value: str, seconds: int | None = None) -> None:
    """A cookie that scripts cannot read and other sites cannot send."""
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="Strict", path="/")


def require(request: web.Request, act: str) -> None:
    """Refuse who may not do this.

    Raises:
        Refused: with what the page then says.
    """
    if not visitor_of(request).may(act):
        raise Refused(text=f"role_{act}")


MIDDLEWARES = (headers, identity, errors, guard)
