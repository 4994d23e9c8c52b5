"""One's own account, and everybody's for the administrator; each change is in the audit before it is made."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from soc.audit.chain import Entry
from soc.console.auth import AccountError, User, Users
from soc.console.context import console_of, visitor_of
from soc.console.forms import form_of
from soc.console.guards import SESSION_COOKIE, require, set_cookie
from soc.console.pages import respond
from soc.triage.roles import ALLOWED, ROLES

_MAX_LABEL = 64
_CHANGES = ("add", "roles", "scope", "reset", "disable", "enable")


def _account_data(request: web.Request, **extra: Any) -> dict[str, Any]:
    visitor = visitor_of(request)
    user = visitor.user
    assert user is not None
    tokens = [token.name for token in user.tokens]
    shown = {"name": user.name, "roles": user.roles, "organizations": user.organizations, "kind": user.kind}
    return {**shown, "tokens": tokens, "error": "", "done": "", "secret": "", **extra}


async def account(request: web.Request) -> web.Response:
    """Name, roles, organizations, password, API tokens."""
    return respond(request, "account.html", _account_data(request))


async def change_account(request: web.Request) -> web.Response:
    """Change the password, which ends every session, or make and end API tokens."""
    console, visitor = console_of(request), visitor_of(request)
    form = await form_of(request)
    what, label = form.get("what", ""), form.get("label", "").strip()[:_MAX_LABEL]
    extra: dict[str, Any] = {}
    try:
        if what == "password":
            await asyncio.to_thread(_check_passwords, console.users, visitor.name, form)
            await _told(request, "account_password", visitor.name, "")
            await asyncio.to_thread(console.users.set_password, visitor.name, form.get("new", "")[:1024])
            console.sessions.close_all(visitor.name)
            response = web.HTTPSeeOther("/alerts")
            fresh = console.users.get(visitor.name)
            stamp = fresh.stamp if fresh else ""
            set_cookie(response, SESSION_COOKIE, console.sessions.open(visitor.name, stamp=stamp))
            raise response
        if what == "token" and label:
            await _told(request, "token_make", visitor.name, label)
            extra = {"secret": console.users.add_token(visitor.name, label), "done": "account.token_made"}
        elif what == "end_token":
            await _told(request, "token_end", visitor.name, label)
            console.users.remove_token(visitor.name, label)
            extra = {"done": "account.token_ended"}
    except AccountError as error:
        extra = {"error": error.reason}
    fresh = console.users.get(visitor.name)
    extra["tokens"] = [token.name for token in fresh.tokens] if fresh else []
    return respond(request, "account.html", _account_data(request, **extra), status=422 if extra.get("error") else 200)


def _check_passwords(users: Users, name: str, form: Mapping[str, str]) -> None:
    if users.check(name, form.get("old", "")[:1024]) is None:
        raise AccountError("account.error.old")
    if form.get("new") != form.get("again"):
        raise AccountError("account.error.again")


def _users_data(request: web.Request, **extra: Any) -> dict[str, Any]:
    console = console_of(request)
    seen = console.sign_ins.all()
    listed = [
        {
            "name": user.name,
            "roles": user.roles,
            "organizations": user.organizations,
            "kind": user.kind,
            "spent": user.spent,
            "disabled": user.disabled,
            "tokens": len(user.tokens),
            "signed_in": seen.get(user.name),
        }
        for user in sorted(console.users.all().values(), key=lambda user: (user.kind != "person", user.name))
    ]
    acts = {role: [act for act, roles in ALLOWED.items() if role in roles] for role in ROLES}
    nothing = {"error": "", "done": "", "secret": "", "about": ""}
    return {"users": listed, "all_roles": ROLES, "acts": acts, **nothing, **extra}


async def users(request: web.Request) -> web.Response:
    """Every account with its roles, its organizations and when it was last used."""
    require(request, "administer")
    return respond(request, "users.html", _users_data(request))


async def change_users(request: web.Request) -> web.Response:
    """Add an account, change its roles or organizations, close it, or give it a new password."""
    require(request, "administer")
    console = console_of(request)
    form = await form_of(request)
    what, name = form.get("what", ""), form.get("name", "").strip().lower()[:64]
    roles = list(form.getall("roles", []))
    units = re.split(r"[\s,;]+", form.get("organizations", "").strip()) if form.get("organizations", "").strip() else []
    kind = "break_glass" if form.get("kind") == "break_glass" else "person"
    if what not in _CHANGES:
        raise web.HTTPBadRequest(text="unknown change")
    said = {"add": f"{kind}: {', '.join(roles)}; {', '.join(units) or 'everything'}", "roles": ", ".join(roles)}
    said["scope"] = ", ".join(units) or "everything"
    act = f"account_{what}"
    await _told(request, act, name, said.get(what, ""))
    try:
        secret = await asyncio.to_thread(
            _apply, console.users, what, User(name, "", tuple(roles), organizations=tuple(units), kind=kind)
        )
    except AccountError as error:
        await _told(request, f"{act}_refused", name, error.reason)
        return respond(request, "users.html", _users_data(request, error=error.reason, about=name), status=422)
    if what in {"reset", "disable"}:
        console.sessions.close_all(name)
    sealed = kind == "break_glass" or (what == "reset" and console.users.all()[name].kind == "break_glass")
    done = f"users.done.{'seal' if sealed and secret else what}"
    return respond(request, "users.html", _users_data(request, done=done, secret=secret, about=name))


def _apply(users: Users, what: str, wanted: User) -> str:
    """Make one change of an account; the new password, if there is one."""
    match what:
        case "add":
            return users.add(wanted.name, wanted.roles, wanted.organizations, wanted.kind)
        case "roles":
            users.set_roles(wanted.name, wanted.roles)
        case "scope":
            users.set_organizations(wanted.name, wanted.organizations)
        case "reset":
            return users.reset_password(wanted.name)
        case _:
            users.set_disabled(wanted.name, disabled=what == "disable")
    return ""


async def _told(request: web.Request, act: str, name: str, detail: str) -> None:
    console = console_of(request)
    await console.record(Entry(console.clock(), visitor_of(request).name, act, f"user/{name}", detail))
