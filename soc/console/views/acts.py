"""What people do: a form in, an act to triage, and what became of it on the page, with nothing lost of what was typed."""

import re
from typing import Literal
from zoneinfo import ZoneInfo

from aiohttp import web

from soc.clock import SECOND
from soc.console.act_forms import Form, MistakeError, changes_of
from soc.console.context import console_of, visitor_of
from soc.console.forms import form_of
from soc.console.guards import require
from soc.console.pages import json_response, wants_json
from soc.console.views import alerts, incidents
from soc.model import Action, ActionKind, Answer
from soc.store.base import Kind
from soc.triage.lifecycle import TABLE

_ID = re.compile(r"[A-Za-z0-9_.:-]{8,100}")
_STEP_SECONDS = 0.1
_FOLLOW: int = 3 * SECOND
"""How long the page waits for the store to show an accepted act."""

ALERT_ACTS: tuple[ActionKind, ...] = ("acknowledge", "assign", "note", "close", "reopen", "detach")
INCIDENT_ACTS: tuple[ActionKind, ...] = tuple(dict.fromkeys(act for _, act in TABLE))
"""All of the state table."""


async def on_alert(request: web.Request) -> web.StreamResponse:
    """An act on an alert."""
    return await _act(request, "alert", ALERT_ACTS)


async def on_incident(request: web.Request) -> web.StreamResponse:
    """An act on an incident."""
    return await _act(request, "incident", INCIDENT_ACTS)


async def _act(
    request: web.Request, target: Literal["alert", "incident"], kinds: tuple[ActionKind, ...]
) -> web.StreamResponse:
    console, visitor = console_of(request), visitor_of(request)
    form = await form_of(request)
    kind = form.get("kind", "")
    if kind not in kinds:
        raise web.HTTPBadRequest(text="unknown act")
    require(request, kind)
    target_id = request.match_info["id"]
    if await console.store.get(target, target_id) is None:
        raise web.HTTPNotFound
    try:
        changes = changes_of(kind, form, visitor.name, ZoneInfo(console.timezone))
        revision = _revision(form.get("expected_revision", ""))
        action_id = _action_id(form.get("action_id", ""))
    except MistakeError as mistake:
        return await _again(request, target, _typed(form), mistake.reason, "", status=422)
    action = Action(
        id=f"{visitor.name}:{action_id}",
        at=console.clock(),
        actor=visitor.name,
        role=visitor.role_for(kind),
        kind=kind,
        target=target,
        target_id=target_id,
        expected_revision=revision,
        changes=changes,
    )
    answer = await console.act(action)
    if answer is not None and answer.outcome != "accepted":
        return await _again(
            request, target, _typed(form), f"act.{answer.outcome}", answer.reason, answer=answer, status=409
        )
    if answer is not None:
        await _follow(request, target, target_id, answer.revision)
    outcome = "accepted" if answer else "pending"
    if visitor.api or wants_json(request):
        return json_response(
            {"outcome": outcome, "action_id": action.id, "answer": answer}, status=200 if answer else 202
        )
    raise web.HTTPSeeOther(f"/{target}s/{target_id}?outcome={outcome}")


def _typed(form: Form) -> dict[str, str]:
    """What was typed, to be shown again; of a field that came several times all of it."""
    return {name: " ".join(form.getall(name)) if name == "flags" else form[name] for name in form}


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
    target: str,
    typed: dict[str, str],
    message: str,
    detail: str,
    *,
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
    show = alerts.show if target == "alert" else incidents.show
    notice = {"message": message, "detail": detail}
    return await show(request, request.match_info["id"], typed=typed, notice=notice, status=status)


async def _follow(request: web.Request, kind: Kind, id_: str, revision: int) -> None:
    """Wait until the store shows what triage accepted, so that the next page is not the old one; bounded."""
    console = console_of(request)
    end = console.clock() + _FOLLOW
    for _ in range(_FOLLOW // int(_STEP_SECONDS * SECOND)):
        found = await console.store.get(kind, id_)
        shown = found.body.get("revision", 0) if found else 0
        if (isinstance(shown, int) and shown >= revision) or console.clock() > end:
            return
        await console.stream.wait(_STEP_SECONDS)
