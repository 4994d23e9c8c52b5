"""What is owed and until when: the page of all duties, the clocks of one incident, periodic reports as a page and as a file."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from soc.audit.chain import Entry
from soc.clock import HOUR, Micros
from soc.console.context import Console, console_of, visitor_of
from soc.console.i18n import Texts
from soc.console.pages import respond
from soc.duties.clocks import LIVE, Clock, clocks, label
from soc.duties.fields import PAPER
from soc.duties.layout import html
from soc.duties.policy import Policy
from soc.duties.schedule import PeriodicClock, periodic_clocks
from soc.errors import SettingsError
from soc.forward.owed import PERIODIC, incident_of, owed, reports_of
from soc.model import Incident, Report
from soc.store.base import Document

SOON = 24 * HOUR
_ORDER = ("overdue", "running", "late", "met", "void", "not_triggered")


def clock_rows(
    policy: Policy, incident: Incident, now: Micros, reports: Sequence[Report], texts: Texts
) -> list[dict[str, Any]]:
    """The clocks of one incident as ``_clocks.html`` shows them: what somebody has to do first, by due time.

    Args:
        policy: in force (``console_of(request).policy``).
        incident: it is about.
        now: the time.
        reports: as ``soc.forward.owed.reports_of`` gives them.
        texts: of the visitor's language.
    """
    rows = [clock_row(clock, texts) for clock in clocks(policy, incident, now, reports)]
    return sorted(rows, key=lambda row: (_ORDER.index(row["state"]), row["due"] is None, row["due"] or 0))


def clock_row(clock: Clock, texts: Texts) -> dict[str, Any]:
    """One clock with its names in the visitor's language, and where each missing field is filled in."""
    vietnamese = texts.language == "vi"
    return msgspec.to_builtins(clock) | {
        "name": clock.vi if vietnamese else clock.en,
        "recipient_name": clock.recipient_vi if vietnamese else clock.recipient_en,
        "percent": None if clock.share is None else round(100 * min(clock.share, 1)),
        "missing": [
            {
                "field": name,
                "label": _label(name, texts),
                "href": f"/incidents/{clock.incident_id}?field={name}#describe",
            }
            for name in clock.missing
        ],
        "waits_for": [texts.named("report_kind", kind) for kind in clock.waits_for],
    }


def _label(name: str, texts: Texts) -> str:
    """A missing field's label; of a paper's number it says of which report."""
    if name.startswith(PAPER):
        return texts("duties.paper_number", kind=texts.named("report_kind", name.removeprefix(PAPER)))
    return label(name, texts.language)


def _periodic_row(clock: PeriodicClock, texts: Texts) -> dict[str, Any]:
    vietnamese = texts.language == "vi"
    return msgspec.to_builtins(clock) | {
        "name": clock.vi if vietnamese else clock.en,
        "sender_name": clock.sender_vi if vietnamese else clock.sender_en,
        "recipient_name": clock.recipient_vi if vietnamese else clock.recipient_en,
        "percent": None if clock.share is None else round(100 * min(clock.share, 1)),
    }


async def duties(request: web.Request) -> web.Response:
    """Everything that is owed, overdue first."""
    console, visitor = console_of(request), visitor_of(request)
    policy, texts, now = _policy(console), visitor.texts, console.clock()
    found = await owed(console.store, policy, now, console.periodic_since)
    documents = await console.store.get_many("incident", list({clock.incident_id for clock in found.clocks}))
    shown = [clock for clock in found.clocks if clock.incident_id in documents]
    periodic = () if visitor.units else found.periodic
    coming = () if visitor.units else [one for one in periodic_clocks(policy, now) if one.state == "not_triggered"]
    data = {
        "clocks": [clock_row(clock, texts) | _title(documents[clock.incident_id]) for clock in shown],
        "periodic": [_periodic_row(one, texts) for one in periodic],
        "coming": [_periodic_row(one, texts) for one in coming],
        "overdue": sum(one.state == "overdue" for one in (*shown, *periodic)),
        "soon": sum(one.due is not None and now <= one.due <= now + SOON for one in (*shown, *periodic)),
        "cut": found.cut,
        "policy": {
            "id": policy.id,
            "name": policy.vi if texts.language == "vi" else policy.en,
            "hash": policy.hash,
            "unverified": len(policy.unverified()),
            "entries": len(policy.duties) + len(policy.periodic),
        },
        "since_known": console.periodic_since is not None,
    }
    return respond(request, "duties.html", data)


def _title(document: Document) -> dict[str, Any]:
    return {"title": {name: document.body.get(name) for name in ("title", "title_vi")}}


async def clocks_of(request: web.Request, incident: Incident) -> list[dict[str, Any]]:
    """``clock_rows`` of an incident that a page shows, with its reports read from the store."""
    console = console_of(request)
    if console.policy is None:
        return []
    reports = await reports_of(console.store, [incident])
    return clock_rows(console.policy, incident, console.clock(), reports[incident.id], visitor_of(request).texts)


async def clocks_page(request: web.Request) -> web.Response:
    """The clocks of one incident alone: what the page of the incident includes, and its twin for clients."""
    document = await console_of(request).store.get("incident", request.match_info["id"])
    incident = incident_of(document) if document else None
    if incident is None:
        raise web.HTTPNotFound
    rows = await clocks_of(request, incident)
    data = {
        "incident_id": incident.id,
        "number": incident.number,
        "clocks": rows,
        "live": sum(row["state"] in LIVE for row in rows),
    }
    return respond(request, "clocks.html", data)


async def periodic(request: web.Request) -> web.Response:
    """One periodic report: its figures, each with a link to what was counted."""
    made = await _made(request)
    return respond(request, "duties_periodic.html", {"report": msgspec.to_builtins(made)})


async def periodic_file(request: web.Request) -> web.Response:
    """The same as a file to print and sign; that it was taken is in the audit first, with its SHA-256."""
    console, made = console_of(request), await _made(request)
    data = html(made).encode()
    sha256 = hashlib.sha256(data).hexdigest()
    about, told = f"{PERIODIC}{made.report}/{made.period}", f"periodic report, sha256 {sha256}"
    await console.record(Entry(console.clock(), visitor_of(request).name, "export", about, told))
    headers = {
        "Content-Disposition": f'attachment; filename="soc-{made.report}-{made.period}.html"',
        "X-Content-SHA256": sha256,
    }
    return web.Response(body=data, content_type="text/html", charset="utf-8", headers=headers)


async def _made(request: web.Request) -> Any:
    console = console_of(request)
    try:
        return await console.periodic(request.query.get("kind", ""), request.query.get("period", ""))
    except SettingsError as error:
        raise web.HTTPNotFound(text=str(error)) from error


def _policy(console: Console) -> Policy:
    if console.policy is None:
        raise web.HTTPNotFound(text="no policy is in force")
    return console.policy
