"""What is late and why: every report that was delivered after its deadline or is overdue, with the causes in order."""

from typing import Any

from aiohttp import web

from soc.console.context import console_of, visitor_of
from soc.console.history import fields
from soc.console.i18n import Texts
from soc.console.pages import respond
from soc.forward.late import Cause, Missed, missed
from soc.forward.owed import incidents_of, reports_of
from soc.store.query import All


async def late(request: web.Request) -> web.Response:
    """The page, and its twin; ``soc report late`` prints the same."""
    console, texts = console_of(request), visitor_of(request).texts
    if console.policy is None:
        raise web.HTTPNotFound(text="no policy is in force")
    incidents = await incidents_of(console.store, All())
    found = missed(console.policy, incidents, await reports_of(console.store, incidents), console.clock())
    data = {
        "rows": [_row(one, texts) for one in found],
        "overdue": sum(one.clock.state == "overdue" for one in found),
    }
    return respond(request, "late.html", data)


def _row(one: Missed, texts: Texts) -> dict[str, Any]:
    clock, vietnamese = one.clock, texts.language == "vi"
    return {
        "state": clock.state,
        "incident": one.incident.id,
        "number": one.incident.number,
        "title": {"title": one.incident.title, "title_vi": one.incident.title_vi},
        "kind": clock.kind,
        "name": clock.vi if vietnamese else clock.en,
        "recipient": clock.recipient,
        "recipient_name": clock.recipient_vi if vietnamese else clock.recipient_en,
        "due": clock.due,
        "delivered": clock.delivered,
        "causes": [cause.key for cause in one.causes],
        "why": [said(cause, texts) for cause in one.causes],
        "legal_basis": clock.legal_basis,
    }


def said(cause: Cause, texts: Texts) -> str:
    """A cause in the reader's language, its fields, kinds and states by their names."""
    values: dict[str, str] = dict(cause.values)
    if "fields" in values:
        values["fields"] = fields(values["fields"], texts)
    if "kinds" in values:
        values["kinds"] = ", ".join(texts.named("report_kind", kind) for kind in values["kinds"].split(", "))
    if "state" in values:
        values["state"] = texts.named("report_state", values["state"])
    return texts(f"why.{cause.key}", **values).rstrip(":, ")
