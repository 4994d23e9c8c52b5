"""The daily reconcile of reports: what was sent to whom on which day and what was acknowledged; each receipt; an incident's dossier."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from soc.clock import DAY, Micros
from soc.console.context import Console, console_of, visitor_of
from soc.console.pages import respond
from soc.duties.kinds import delivered_at
from soc.forward.owed import incident_of
from soc.forward.receipts import bounds, day_of, reconciled, reports_between
from soc.model import Report

DAYS = 31
"""Days that the page looks back."""


async def receipts(request: web.Request) -> web.Response:
    """What was sent and acknowledged by receiver and day, the latest first; of one day, every report with its receipt."""
    console = console_of(request)
    zone = console.policy.zone if console.policy else ZoneInfo(console.timezone)
    text = request.query.get("day", "")
    try:
        day = date.fromisoformat(text) if text else None
        span = bounds(day, zone) if day else (console.clock() - DAYS * DAY, console.clock() + DAY)
    except (ValueError, OverflowError) as error:
        raise web.HTTPBadRequest(text=f"{text!r} is no day; write 2026-11-23") from error
    recipient = request.query.get("recipient", "")
    reports = [
        one
        for one in await reports_between(console.store, *span)
        if (day is None or day_of(one, zone) == day) and recipient in {"", one.recipient}
    ]
    rows = reconciled(reports, zone)
    numbers = await _numbers(console, reports)
    data = {
        "day": text,
        "recipient": recipient,
        "days": DAYS,
        "rows": [msgspec.to_builtins(row) for row in rows],
        "numbers": numbers,
        "open": sum(row.open for row in rows),
        "receipts": [_receipt(one) for one in reports if one.state != "stale"] if day else [],
    }
    return respond(request, "receipts.html", data)


async def _numbers(console: Console, reports: list[Report]) -> dict[str, str]:
    documents = await console.store.get_many("incident", sorted({one.incident_id for one in reports}))
    return {id_: str(document.body.get("number", id_)) for id_, document in documents.items()}


def _receipt(report: Report) -> dict[str, Any]:
    """One report of the day, with what the receiver answered."""
    receipt = report.receipt
    sent: Micros | None = next((at for state, at, _ in report.history if state == "sending"), None)
    refused = [(name, why) for name, why in (receipt.objects if receipt else ()) if why != "success"]
    return {
        "report": report.id,
        "incident": report.incident_id,
        "kind": report.kind,
        "sequence": report.sequence,
        "recipient": report.recipient,
        "state": report.state,
        "detail": report.detail,
        "approver": report.approver,
        "attempts": report.attempts,
        "sealed": report.sealed_at,
        "sent": sent,
        "had": delivered_at(report),
        "sha256": report.payload_sha256,
        "receipt": None if receipt is None else msgspec.to_builtins(receipt) | {"objects": len(receipt.objects)},
        "refused": refused,
        "withheld": [list(one) for one in report.withheld],
    }


async def dossier(request: web.Request) -> web.Response:
    """An incident's dossier as a file; its SHA-256 is in the audit before the first byte leaves."""
    console, visitor = console_of(request), visitor_of(request)
    document = await console.store.get("incident", request.match_info["id"])
    incident = incident_of(document) if document else None
    if incident is None:
        raise web.HTTPNotFound
    made = await console.dossier(incident, visitor.name, visitor.may("read_audit"))
    headers = {
        "Content-Disposition": f'attachment; filename="{incident.number}.zip"',
        "Cache-Control": "no-store",
        "X-Content-SHA256": made.sha256,
    }
    return web.Response(body=made.data, content_type="application/zip", headers=headers)
