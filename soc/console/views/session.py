"""Sign-in, sign-out and the choice of language."""

import asyncio

from aiohttp import web

from soc.clock import SECOND
from soc.console.context import console_of, visitor_of
from soc.console.forms import form_of
from soc.console.guards import LANGUAGE_COOKIE, SESSION_COOKIE, set_cookie
from soc.console.i18n import LANGUAGES
from soc.console.pages import respond

_YEAR = 365 * 24 * 3600


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
    return respond(request, "login.html", {"next": local_path(request.query.get("next", "")), "error": "", "name": ""})


async def login(request: web.Request) -> web.Response:
    """Check name and password; a wrong one says no more than that."""
    console, texts = console_of(request), visitor_of(request).texts
    form = await form_of(request)
    name, password = form.get("name", "").strip().lower(), form.get("password", "")
    target = local_path(form.get("next", ""))
    keys = (f"name:{name[:64]}", f"from:{request.remote}")
    wait = console.throttle.wait(*keys)
    if wait > 0:
        error = texts("login.throttled", seconds=-(-wait // SECOND))
        return respond(request, "login.html", {"next": target, "error": error, "name": name}, status=429)
    user = await asyncio.to_thread(console.users.check, name, password[:1024])
    if user is None:
        console.throttle.failed(*keys)
        data = {"next": target, "error": texts("login.wrong"), "name": name}
        return respond(request, "login.html", data, status=401)
    console.throttle.succeeded(*keys)
    response = web.HTTPSeeOther(target)
    set_cookie(response, SESSION_COOKIE, console.sessions.open(user.name))
    raise response


async def logout(request: web.Request) -> web.Response:
    """End the session."""
    console_of(request).sessions.close(visitor_of(request).session_id)
    response = web.HTTPSeeOther("/login")
    response.del_cookie(SESSION_COOKIE, path="/")
    raise response


async def choose_language(request: web.Request) -> web.Response:
    """Keep the choice in a cookie and go back."""
    response = web.HTTPSeeOther(local_path(request.query.get("next", "")))
    if (chosen := request.query.get("to", "")) in LANGUAGES:
        set_cookie(response, LANGUAGE_COOKIE, chosen, _YEAR)
    raise response
