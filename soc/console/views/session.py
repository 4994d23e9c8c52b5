"""Sign-in, sign-out and the choice of language; each sign-in, refused or not, is in the audit."""

import asyncio

from aiohttp import web

from soc.audit.chain import Entry
from soc.clock import MINUTE, SECOND
from soc.console.auth import User
from soc.console.context import console_of, visitor_of
from soc.console.forms import form_of
from soc.console.guards import LANGUAGE_COOKIE, SESSION_COOKIE, set_cookie
from soc.console.i18n import LANGUAGES
from soc.console.pages import respond

_YEAR = 365 * 24 * 3600
_MIN_REASON, _MAX_REASON = 10, 500


def local_path(text: str) -> str:
    """A path of ours to go on to, else the queue: never another site's address."""
    plain = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    return text if plain else "/alerts"


async def home(request: web.Request) -> web.Response:
    """The queue is where work begins."""
    del request
    raise web.HTTPSeeOther("/alerts")


async def login_page(request: web.Request) -> web.Response:
    """The form."""
    return _form(request, local_path(request.query.get("next", "")), "", "", status=200)


async def login(request: web.Request) -> web.Response:
    """Check name and password; a wrong one says no more than that. An emergency account gives a reason too, and opens once."""
    console, texts = console_of(request), visitor_of(request).texts
    form = await form_of(request)
    name, password = form.get("name", "").strip().lower(), form.get("password", "")
    target, reason = local_path(form.get("next", "")), " ".join(form.get("reason", "").split())[:_MAX_REASON]
    keys = (f"name:{name[:64]}", f"from:{request.remote}")
    wait = console.throttle.wait(*keys)
    if wait > 0:
        if console.throttle.tells(*keys):
            await _told(request, "sign_in_throttled", name, f"from {request.remote}")
        error = texts("login.throttled", seconds=-(-wait // SECOND))
        return _form(request, target, error, name, status=429)
    user = await asyncio.to_thread(console.users.check, name, password[:1024])
    if user is None:
        console.throttle.failed(*keys)
        await _told(request, "sign_in_failed", name, f"from {request.remote}")
        return _form(request, target, texts("login.wrong"), name, status=401)
    if user.kind == "break_glass":
        return await _emergency(request, user, target, reason)
    console.throttle.succeeded(*keys)
    await _told(request, "sign_in", user.name, f"from {request.remote}")
    raise _entered(request, target, console.sessions.open(user.name, stamp=user.stamp), user.name)


async def _emergency(request: web.Request, user: User, target: str, reason: str) -> web.Response:
    """Open an emergency account: with a reason, recorded, for a short time; its password is spent.

    The act is recorded before the password is spent: if it cannot even be kept on this disk, nobody comes in by this way.
    """
    console, texts, name = console_of(request), visitor_of(request).texts, user.name
    if len(reason) < _MIN_REASON:
        return _form(request, target, texts("login.reason_needed"), name, status=422, asks_reason=True)
    await _told(request, "break_glass", name, f"{reason} (from {request.remote})")
    if not await asyncio.to_thread(console.users.spend, name, console.clock()):
        return _form(request, target, texts("login.wrong"), name, status=401)
    life = round(console.privacy.break_glass_minutes * MINUTE)
    raise _entered(request, target, console.sessions.open(name, life=life, reason=reason, stamp=user.stamp), name)


def _entered(request: web.Request, target: str, session_id: str, name: str) -> web.HTTPSeeOther:
    console = console_of(request)
    console.sign_ins.note(name, console.clock())
    response = web.HTTPSeeOther(target)
    set_cookie(response, SESSION_COOKIE, session_id)
    return response


def _form(
    request: web.Request, target: str, error: str, name: str, *, status: int, asks_reason: bool = False
) -> web.Response:
    data = {"next": target, "error": error, "name": name, "asks_reason": asks_reason}
    return respond(request, "login.html", data, status=status)


async def _told(request: web.Request, act: str, name: str, detail: str) -> None:
    """Record a sign-in or an attempt. What was typed as a name that nobody has may be a password: it is not written down."""
    console = console_of(request)
    actor = name if name in console.users.all() else "unknown"
    await console.kept(Entry(console.clock(), actor, act, f"user/{actor}", detail))


async def logout(request: web.Request) -> web.Response:
    """End the session."""
    visitor = visitor_of(request)
    console_of(request).sessions.close(visitor.session_id)
    await _told(request, "sign_out", visitor.name, "")
    response = web.HTTPSeeOther("/login")
    response.del_cookie(SESSION_COOKIE, path="/")
    raise response


async def choose_language(request: web.Request) -> web.Response:
    """Keep the choice in a cookie and go back."""
    response = web.HTTPSeeOther(local_path(request.query.get("next", "")))
    if (chosen := request.query.get("to", "")) in LANGUAGES:
        set_cookie(response, LANGUAGE_COOKIE, chosen, _YEAR)
    raise response
