"""Who was told of what, when and by what channel; what nobody has acknowledged; who is on duty now and next."""

from collections.abc import Sequence
from typing import Any, get_args

from aiohttp import web

from soc.clock import DAY, Micros
from soc.console.context import Console, console_of
from soc.console.pages import after_text, parse_after, respond, since_of
from soc.console.views.query_box import any_of, asked, both, is_
from soc.model import NoticeState
from soc.notify.roster import Roster, teams, turns
from soc.store.base import Document
from soc.store.query import All

PAGE = 100
AHEAD = 7 * DAY
"""Who is on duty next is looked for so far ahead."""
WAITING = 200
"""Of the newest messages that were sent so many are looked through for what nobody has acknowledged."""
STATES: tuple[str, ...] = get_args(NoticeState)
REASONS = ("incident", "alert")
"""What is acknowledged by an act; everything else is told once."""


async def notices(request: web.Request) -> web.Response:
    """Messages to people, newest first, with what waits and who is on duty."""
    console, asked_for = console_of(request), asked(request)
    state = request.query.get("state", "")
    state = state if state in STATES else ""
    query = both(asked_for.query, is_("notice.state", state) if state else All())
    now = console.clock()
    chosen, since = since_of(request, now)
    after = parse_after(request.query.get("after", ""))
    page = await console.store.search("notice", query, limit=PAGE, after=after, since=since)
    counts = dict(await console.store.counts("notice", asked_for.query, "notice.state"))
    roster = console.roster()
    rows = [dict(document.body) for document in page.documents]
    data = {
        "asked": asked_for.shown,
        "range": chosen,
        "state": state,
        "states": [(name, counts.get(name, 0)) for name in STATES],
        "notices": [_row(row, roster) for row in rows],
        "numbers": await _numbers(console, rows),
        "unanswered": await _unanswered(console, roster),
        "duty": _duty(roster, now),
        "gaps": [gap._asdict() for gap in console.gaps(now, now + 28 * DAY)],
        "people": len(roster.people),
        "total": page.total,
        "next": after_text(page.after),
    }
    return respond(request, "notices.html", data, status=400 if asked_for.mistake else 200)


def _row(body: dict[str, Any], roster: Roster) -> dict[str, Any]:
    """A message with the person's name; the text is in the twin too, as it left."""
    return body | {"name": _name(roster, body["person"]), "href": _href(body["about"])}


def _name(roster: Roster, person: str) -> str:
    found = roster.people.get(person)
    return found.name if found else person


def _href(about: str) -> str:
    kind, _, id_ = about.partition("/")
    if kind in {"incident", "alert"}:
        return f"/{kind}s/{id_}"
    return {"report": "/reports", "directive": "/directives", "audit": "/audit"}.get(kind, "")


async def _numbers(console: Console, rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """``incident/<id>`` → its number for people."""
    ids = list({row["about"].partition("/")[2] for row in rows if row["about"].startswith("incident/")})
    found = await console.store.get_many("incident", ids)
    return {f"incident/{id_}": str(document.body.get("number", id_)) for id_, document in found.items()}


async def _unanswered(console: Console, roster: Roster) -> list[dict[str, Any]]:
    """What people were told of and nobody has acknowledged, the longest first."""
    query = both(is_("notice.state", "sent"), any_of("notice.reason", REASONS))
    page = await console.store.search("notice", query, limit=WAITING)
    told: dict[str, list[Document]] = {}
    for document in page.documents:
        told.setdefault(str(document.body["about"]), []).append(document)
    waiting: list[dict[str, Any]] = []
    for kind in REASONS:
        ids = [about.partition("/")[2] for about in told if about.startswith(f"{kind}/")]
        found = await console.store.get_many("incident" if kind == "incident" else "alert", ids)
        for id_, document in found.items():
            if document.body.get("status") == "new" and not document.body.get("acknowledged_at"):
                waiting.append(_waiting(f"{kind}/{id_}", document, told[f"{kind}/{id_}"], roster))
    return sorted(waiting, key=lambda row: row["since"])


def _waiting(about: str, document: Document, messages: Sequence[Document], roster: Roster) -> dict[str, Any]:
    times = [int(message.body.get("sent_at") or message.body["made"]) for message in messages]
    return {
        "about": about,
        "href": _href(about),
        "number": document.body.get("number", ""),
        "title": {name: document.body.get(name, "") for name in ("title", "title_vi")},
        "level": document.body.get("level", ""),
        "since": min(times),
        "last": max(times),
        "messages": len(messages),
        "people": sorted({_name(roster, str(message.body["person"])) for message in messages}),
    }


def _duty(roster: Roster, now: Micros) -> list[dict[str, Any]]:
    """Each team: who is on duty now and until when, and who next."""
    rows: list[dict[str, Any]] = []
    for team in sorted(teams(roster)):
        now_on, *following = turns(roster, team, now, now + AHEAD)
        after = following[0] if following else None
        rows.append(
            {
                "team": team,
                "now": [_name(roster, key) for key in now_on.people],
                "until": now_on.end if after else None,
                "next": [_name(roster, key) for key in after.people] if after else [],
                "next_from": after.start if after else None,
            }
        )
    return rows
