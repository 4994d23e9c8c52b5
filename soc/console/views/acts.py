"""What people do: a form in, an act to triage, and what became of it on the page, with nothing lost of what was typed."""

import hashlib
import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from aiohttp import web

from soc.clock import SECOND, to_datetime
from soc.console.act_forms import Form, MistakeError, changes_of
from soc.console.context import console_of, visitor_of
from soc.console.forms import form_of
from soc.console.guards import require
from soc.console.pages import json_response, wants_json
from soc.console.views import alerts, directives, incidents, release, silences
from soc.console.views.session import local_path
from soc.forward.owed import incident_of
from soc.model import Action, ActionKind, Answer, Target
from soc.store.base import Document
from soc.triage.lifecycle import TABLE

_ID = re.compile(r"[A-Za-z0-9_.:-]{8,100}")
_STEP_SECONDS = 0.1
_FOLLOW: int = 3 * SECOND
"""How long the page waits for the store to show an accepted act."""

ALERT_ACTS: tuple[ActionKind, ...] = ("acknowledge", "assign", "note", "close", "reopen", "detach")
INCIDENT_ACTS: tuple[ActionKind, ...] = tuple(dict.fromkeys(act for _, act in TABLE))
"""All of the state table."""


_KINDS: Mapping[Target, tuple[ActionKind, ...]] = {
    "alert": ALERT_ACTS,
    "incident": INCIDENT_ACTS,
    "silence": ("end_silence",),
    "directive": ("answer_directive", "close_directive"),
}
_SHOW = {"alert": alerts.show, "incident": incidents.show, "silence": silences.show, "directive": directives.show}
"""The page of a target, with what was typed."""


async def on_alert(request: web.Request) -> web.StreamResponse:
    """An act on an alert."""
    return await _on_existing(request, "alert")


async def on_incident(request: web.Request) -> web.StreamResponse:
    """An act on an incident."""
    return await _on_existing(request, "incident")


async def on_silence(request: web.Request) -> web.StreamResponse:
    """An act on a silence."""
    return await _on_existing(request, "silence")


async def on_directive(request: web.Request) -> web.StreamResponse:
    """An act on a directive."""
    return await _on_existing(request, "directive")


async def new_silence(request: web.Request) -> web.StreamResponse:
    """A silence or maintenance window that did not exist."""
    return await _act(request, "silence", "silence", "")


async def new_directive(request: web.Request) -> web.StreamResponse:
    """A directive that was received."""
    return await _act(request, "directive", "direct", "")


async def _on_existing(request: web.Request, target: Target) -> web.StreamResponse:
    kind = (await form_of(request)).get("kind", "")
    if kind not in _KINDS[target]:
        raise web.HTTPBadRequest(text="unknown act")
    require(request, kind)
    target_id = request.match_info["id"]
    document = await console_of(request).store.get(target, target_id)
    if document is None:
        raise web.HTTPNotFound
    return await _act(request, target, kind, target_id, document)


async def _act(
    request: web.Request, target: Target, kind: ActionKind, target_id: str, document: Document | None = None
) -> web.StreamResponse:
    """Hand an act in and show what became of it; without a ``target_id`` it makes something new, else ``document`` is the target."""
    console, visitor = console_of(request), visitor_of(request)
    form = await form_of(request)
    require(request, kind)
    now = console.clock()
    try:
        filled = silences.complete(form, now) if kind == "silence" else form
        changes = changes_of(kind, filled, visitor.name, ZoneInfo(console.timezone))
        if kind == "approve" and document is not None and (incident := incident_of(document)):
            changes |= release.unfilled(console, incident, form)
        revision = _revision(form.get("expected_revision", "")) if target_id else 0
        action_id = f"{visitor.name}:{_action_id(form.get('action_id', ''))}"
    except MistakeError as mistake:
        return await _again(request, target, target_id, _typed(form), message=mistake.reason, status=422)
    shown_id = target_id or f"{to_datetime(now):%Y%m}-{hashlib.sha256(action_id.encode()).hexdigest()[:12]}"
    action = Action(
        id=action_id,
        at=now,
        actor=visitor.name,
        role=visitor.role_for(kind),
        kind=kind,
        target=target,
        target_id=shown_id,
        expected_revision=revision,
        changes=changes,
    )
    answer = await console.act(action)
    if answer is not None and answer.outcome != "accepted":
        said = {"message": f"act.{answer.outcome}", "detail": answer.reason}
        return await _again(request, target, target_id, _typed(form), **said, answer=answer, status=409)
    if answer is not None:
        await _follow(request, target, shown_id, answer.revision)
    outcome = "accepted" if answer else "pending"
    if visitor.api or wants_json(request):
        told = {"outcome": outcome, "action_id": action.id, "target_id": shown_id, "answer": answer}
        return json_response(told, status=200 if answer else 202)
    onward = local_path(form["next"]) if form.get("next") else f"/{target}s/{shown_id}"
    page, mark, part = onward.partition("#")
    raise web.HTTPSeeOther(f"{page}{'&' if '?' in page else '?'}outcome={outcome}{mark}{part}")


def _typed(form: Form) -> dict[str, str]:
    """What was typed, to be shown again; of a field that came several times all of it."""
    joined = {"flags": " ", "match": "\n", "matchers": "\n"}
    return {name: joined[name].join(form.getall(name)) if name in joined else form[name] for name in form}


def _action_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise MistakeError("act.mistake.id")
    return text


def _revision(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise MistakeError("act.mistake.revision")
    return int(text)


async def _again(
    request: web.Request,
    target: Target,
    target_id: str,
    typed: dict[str, str],
    *,
    message: str,
    detail: str = "",
    status: int,
    answer: Answer | None = None,
) -> web.Response:
    """The page as it is now, with what was typed still in its form."""
    visitor = visitor_of(request)
    if visitor.api or wants_json(request):
        return json_response(
            {
                "outcome": answer.outcome if answer else "mistake",
                "error": visitor.texts(message),
                "detail": detail,
                "answer": answer,
            },
            status=status,
        )
    notice = {"message": message, "detail": detail}
    return await _SHOW[target](request, target_id, typed=typed, notice=notice, status=status)


async def _follow(request: web.Request, kind: Target, id_: str, revision: int) -> None:
    """Wait until the store shows what triage accepted, so that the next page is not the old one; bounded."""
    console = console_of(request)
    end = console.clock() + _FOLLOW
    for _ in range(_FOLLOW // int(_STEP_SECONDS * SECOND)):
        found = await console.store.get(kind, id_)
        shown = found.body.get("revision", 0) if found else 0
        if (isinstance(shown, int) and shown >= revision) or console.clock() > end:
            return
        await console.stream.wait(_STEP_SECONDS)
