"""One's own account, and everybody's for the administrator."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from soc.console.auth import AccountError, Users
from soc.console.context import console_of, visitor_of
from soc.console.forms import form_of
from soc.console.guards import SESSION_COOKIE, require, set_cookie
from soc.console.pages import respond
from soc.triage.roles import ALLOWED, ROLES

_MAX_LABEL = 64


def _account_data(request: web.Request, **extra: Any) -> dict[str, Any]:
    user = visitor_of(request).user
    assert user is not None
    tokens = [token.name for token in user.tokens]
    return {"name": user.name, "roles": user.roles, "tokens": tokens, "error": "", "done": "", "secret": "", **extra}


async def account(request: web.Request) -> web.Response:
    """Name, roles, password, API tokens."""
    return respond(request, "account.html", _account_data(request))


async def change_account(request: web.Request) -> web.Response:
    """Change the password, or make and end API tokens."""
    console, visitor = console_of(request), visitor_of(request)
    form = await form_of(request)
    what, label = form.get("what", ""), form.get("label", "").strip()[:_MAX_LABEL]
    extra: dict[str, Any] = {}
    try:
        if what == "password":
            await asyncio.to_thread(_change_password, console.users, visitor.name, form)
            console.sessions.close_all(visitor.name)
            response = web.HTTPSeeOther("/alerts")
            set_cookie(response, SESSION_COOKIE, console.sessions.open(visitor.name))
            raise response
        if what == "token" and label:
            extra = {"secret": console.users.add_token(visitor.name, label), "done": "account.token_made"}
        elif what == "end_token":
            console.users.remove_token(visitor.name, label)
            extra = {"done": "account.token_ended"}
    except AccountError as error:
        extra = {"error": error.reason}
    fresh = console.users.get(visitor.name)
    extra["tokens"] = [token.name for token in fresh.tokens] if fresh else []
    return respond(request, "account.html", _account_data(request, **extra), status=422 if extra.get("error") else 200)


def _change_password(users: Users, name: str, form: Mapping[str, str]) -> None:
    if users.check(name, form.get("old", "")[:1024]) is None:
        raise AccountError("account.error.old")
    if form.get("new") != form.get("again"):
        raise AccountError("account.error.again")
    users.set_password(name, form.get("new", "")[:1024])


def _users_data(request: web.Request, **extra: Any) -> dict[str, Any]:
    listed = [
        {"name": user.name, "roles": user.roles, "disabled": user.disabled, "tokens": len(user.tokens)}
        for user in sorted(console_of(request).users.all().values(), key=lambda user: user.name)
    ]
    acts = {role: [act for act, roles in ALLOWED.items() if role in roles] for role in ROLES}
    return {
        "users": listed,
        "all_roles": ROLES,
        "acts": acts,
        "error": "",
        "done": "",
        "secret": "",
        "about": "",
        **extra,
    }


async def users(request: web.Request) -> web.Response:
    """Every account with its roles."""
    require(request, "administer")
    return respond(request, "users.html", _users_data(request))


async def change_users(request: web.Request) -> web.Response:
    """Add an account, change its roles, close it, or give it a new password."""
    require(request, "administer")
    console = console_of(request)
    form = await form_of(request)
    what, name = form.get("what", ""), form.get("name", "").strip().lower()
    roles = list(form.getall("roles", []))
    try:
        secret = await asyncio.to_thread(_apply, console.users, what, name, roles)
    except AccountError as error:
        return respond(request, "users.html", _users_data(request, error=error.reason, about=name), status=422)
    if what in {"reset", "disable"}:
        console.sessions.close_all(name)
    done = f"users.done.{what}" if what in {"add", "roles", "reset", "disable", "enable"} else ""
    return respond(request, "users.html", _users_data(request, done=done, secret=secret, about=name))


def _apply(users: Users, what: str, name: str, roles: list[str]) -> str:
    match what:
        case "add":
            return users.add(name, roles)
        case "roles":
            users.set_roles(name, roles)
        case "reset":
            return users.reset_password(name)
        case "disable":
            users.set_disabled(name, disabled=True)
        case "enable":
            users.set_disabled(name, disabled=False)
        case _:
            raise AccountError("users.error.unknown")
    return ""
