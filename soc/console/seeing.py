"""Who asks in, the console as he may see it and act on it out; and afterwards a line in the audit for each citizen's identifier he was shown.

A reason to read what is masked comes in one of three ways, is recorded before anything is shown, and holds

    a form (POST /unmask)                for one document, ``[privacy] unmask_minutes``, for this session or token only
    the header ``X-Unmask-Reason``       for the document of this one request
    the same header or ``reason=`` on a list   for this one search, which may then name an identifier; the list stays masked
"""

from dataclasses import replace
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

import msgspec
from aiohttp import web

from soc.audit.chain import Entry
from soc.clock import MINUTE
from soc.console.context import CONSOLE, SEEN, Console, PreviewLike, Visitor, console_of, visitor_of
from soc.console.grants import Grant
from soc.console.masking import Masker
from soc.console.pages import json_response, respond, wants_json
from soc.console.personal import document_of, hidden_from, who
from soc.console.refused import Refused
from soc.console.scope import VisitorStore
from soc.model import Action, Answer, Incident
from soc.store.base import Kind

HEADER = "X-Unmask-Reason"
MIN_REASON, MAX_REASON = 5, 500
KINDS: tuple[Kind, ...] = ("alert", "incident", "event")
"""What a reason can be given for."""
_LISTS = ("/alerts", "/incidents", "/search", "/reports", "/deadletters")


class MaskedPreview(NamedTuple):
    """A report as somebody may look at it who does not release it; ``sha256`` is of the true bytes."""

    payload: bytes
    sha256: str
    withheld: Any


def reason_of(text: str) -> str:
    """A reason as it was given.

    Raises:
        Refused: it is none.
    """
    reason = " ".join(unquote(text).split())[:MAX_REASON]
    if len(reason) < MIN_REASON:
        raise Refused(text="unmask_reason")
    return reason


async def narrowed(request: web.Request) -> Console:
    """The console's parts as this visitor may see them.

    Raises:
        Refused: he gave a reason to see what his roles do not let him see.
        UnavailableError: the reason could not be recorded, so nothing is shown.
    """
    console, visitor = request.app[CONSOLE], visitor_of(request)
    await _first_use(console, visitor)
    here = await _reasoned(request, console, visitor)
    probing = here == ("", "")
    holder, now = who(visitor), console.clock()

    def granted(kind: str, id_: str) -> bool:
        return (kind, id_) == here or bool(console.grants.reason(Grant(holder, kind, id_), now))

    store = VisitorStore(
        console.store,
        visitor.units,
        hidden_from(visitor, console),
        granted,
        console.register(),
        personal=frozenset(console.privacy.masked),
        may_probe=probing,
    )

    def preview(incident: Incident, *rest: Any) -> PreviewLike:
        original = store.original("incident", incident.id)
        true = msgspec.convert(original.body, Incident) if original else incident
        made = cast("PreviewLike", cast("Any", console.preview)(true, *rest))
        text = made.payload.decode("utf-8", "replace")
        if not visitor.may("approve") and not granted("incident", incident.id):
            shown = Masker(hidden_from(visitor, console)).text(text)
            return MaskedPreview(shown.encode(), made.sha256, made.withheld)
        plain = Masker(frozenset())
        plain.text(text)
        if personal := plain.found & frozenset(
            console.privacy.masked
        ):  # he must see what he signs; that he did is told
            store.read.setdefault(("incident", incident.id), set()).update(personal)
        return made

    async def act(action: Action) -> Answer | None:
        return await console.act(msgspec.structs.replace(action, units=visitor.units))

    return replace(console, store=store, preview=preview, act=act)


async def _reasoned(request: web.Request, console: Console, visitor: Visitor) -> tuple[str, str] | None:
    """The document that this request gives a reason for, once it is recorded; ("", "") for a search; None without a reason."""
    is_list = request.path.removesuffix(".json") in _LISTS
    given = request.headers.get(HEADER, "") or (request.query.get("reason", "") if is_list else "")
    if not given:
        return None
    if not visitor.may("unmask"):
        raise Refused(text="role_unmask")
    reason = reason_of(given)
    if is_list:
        await console.record(Entry(console.clock(), visitor.name, "search_personal", request.path, reason))
        return "", ""
    here = document_of(request.path)
    if here is not None:
        await console.record(Entry(console.clock(), visitor.name, "unmask", "/".join(here), reason))
    return here


async def unmask(request: web.Request, kind: str, id_: str, reason: str) -> None:
    """Let the visitor read one document for some minutes; recorded first.

    Raises:
        UnavailableError: it could not be recorded, so it is not granted.
    """
    console, visitor = console_of(request), visitor_of(request)
    now = console.clock()
    await console.record(Entry(now, visitor.name, "unmask", f"{kind}/{id_}", reason))
    until = now + round(console.privacy.unmask_minutes * MINUTE)
    console.grants.give(Grant(who(visitor), kind, id_), until, reason)


async def tell(request: web.Request) -> None:
    """Record which citizens' identifiers this request's answer shows, before it is sent.

    Raises:
        UnavailableError: it could not be recorded, so the answer is not sent.
    """
    console, visitor = request.get(SEEN), visitor_of(request)
    if console is None or not isinstance(console.store, VisitorStore):
        return
    now, holder = console.clock(), who(visitor)
    until = now + round(console.privacy.unmask_minutes * MINUTE)
    fresh = {
        key: kinds for key, kinds in console.store.read.items() if not console.grants.is_told(Grant(holder, *key), now)
    }
    if not fresh:
        return
    kinds = ", ".join(sorted({kind for found in fresh.values() for kind in found}))
    (kind, id_), *others = fresh
    reason = console.grants.reason(Grant(holder, kind, id_), now) or "by role"
    names = f"{kind}/{id_}" if not others else f"{kind}s/{len(fresh)} documents"
    await console.record(Entry(now, visitor.name, "read_personal", names, f"{kinds}: {reason}"))
    for key in fresh:
        console.grants.told(Grant(holder, *key), until)


async def _first_use(console: Console, visitor: Visitor) -> None:
    """A program signs in with each request; the first of a day is told."""
    if not visitor.api or not visitor.user:
        return
    now = console.clock()
    used = Grant(f"{visitor.name}/{visitor.token}", "token", visitor.texts.local(now)[:10])
    if not console.grants.is_told(used, now):
        await console.kept(Entry(now, visitor.name, "token_use", f"user/{visitor.name}", f"token {visitor.token}"))
        console.grants.told(used, now + 1440 * MINUTE)


def probe_page(request: web.Request) -> web.Response:
    """The page that says why a search was refused, with the form that gives a reason for it."""
    visitor = visitor_of(request)
    if visitor.api or wants_json(request):
        data = {"error": visitor.texts("probe.refused"), "header": HEADER, "may_unmask": visitor.may("unmask")}
        return json_response(data, status=403)
    kept = {name: value for name, value in request.query.items() if name not in ("reason", "after")}
    data = {"may_unmask": visitor.may("unmask"), "kept": kept, "least": MIN_REASON, "most": MAX_REASON}
    return respond(request, "probe.html", data, status=403)
