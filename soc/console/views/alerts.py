"""The queue of alerts, newest first, and one alert with everything an analyst judges it by."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from aiohttp import web

from soc.clock import Micros, to_iso
from soc.console.context import console_of, visitor_of
from soc.console.pages import after_text, field_query, outcome_of, parse_after, respond, shown, since_of
from soc.console.scope import ProbeError
from soc.console.views.query_box import NOTHING_TYPED, any_of, asked, both, is_, is_not
from soc.model import Alert
from soc.model.episode import Member
from soc.store.base import Document
from soc.store.query import All, Query, parse
from soc.store.words import texts_of

PAGE = 50
OF_GROUP: Final = 5
"""Alerts of a group that its row tells when it is unfolded."""
LINE: Final = 400
"""Characters of a raw line that an unfolded row shows."""
MAX_RULES = 5000
"""Rules of one level that are told apart; no rule set has more."""
LEVELS = ("critical", "high", "medium", "low", "informational")
STATUSES: Mapping[str, Query] = {
    "open": any_of("alert.status", ("new", "acknowledged")),
    "new": is_("alert.status", "new"),
    "acknowledged": is_("alert.status", "acknowledged"),
    "closed": is_("alert.status", "closed"),
    "all": All(),
}
VERDICTS = ("true_positive", "benign_true_positive", "false_positive")
_LATER_FIELDS = ("event.original", "@timestamp", "event.created", "event.ingested")


async def queue(request: web.Request) -> web.Response:
    """The queue: by status and level, a range and the query box; counts beside each filter.

    Newest first; on a page that holds everything what is urgent comes before it, and more than a page is grouped by rule.
    """
    console = console_of(request)
    asked_for = asked(request)
    status = request.query.get("status", "open")
    status = status if status in STATUSES else "open"
    level = request.query.get("level", "")
    level = level if level in LEVELS else ""
    chosen, since = since_of(request, console.clock())
    # What was retracted or merged into another is history, a repeat is told by its first: both are shown under "all" only.
    first = both(is_("alert.state", "live"), is_not("alert.duplicate", "true"))
    live = All() if status == "all" else first
    of_level = is_("alert.level", level) if level else All()
    mine = is_("alert.owner", visitor_of(request).name) if request.query.get("mine") else All()
    in_range = both(asked_for.query, mine, _from(since))
    base = both(asked_for.query, mine)
    page = await console.store.search(
        "alert",
        both(base, live, STATUSES[status], of_level),
        limit=PAGE,
        after=parse_after(request.query.get("after", "")),
        since=since,
    )
    by_status = dict(await console.store.counts("alert", both(in_range, of_level, first), "alert.status"))
    by_level = dict(await console.store.counts("alert", both(in_range, live, STATUSES[status]), "alert.level"))
    first_page = not request.query.get("after")
    rolled = page.after is not None and first_page and request.query.get("group") != "none"
    groups = await _groups(request, both(in_range, live, STATUSES[status], of_level), by_level) if rolled else []
    alerts = [row(document) for document in page.documents]
    if first_page and page.after is None:
        alerts.sort(key=lambda alert: not is_urgent(alert))  # the page is whole: what is urgent is never below the fold
    data = {
        "asked": asked_for.shown,
        "status": status,
        "level": level,
        "mine": bool(request.query.get("mine")),
        "range": chosen,
        "alerts": alerts,
        "urgent": sum(map(is_urgent, alerts)) if first_page and page.after is None else 0,
        "incidents": await _numbers(request, page.documents),
        "total": page.total,
        "next": after_text(page.after),
        "first_page": first_page,
        "groups": groups,
        "statuses": _status_counts(by_status),
        "levels": [(name, by_level.get(name, 0)) for name in LEVELS],
    }
    return respond(request, "alerts.html", data, status=400 if asked_for.mistake else 200)


def is_urgent(alert: Mapping[str, Any]) -> bool:
    """Whether a row comes before newer ones: critical, nobody has seen it, and no silence covers it."""
    return alert["level"] == "critical" and alert["status"] == "new" and not alert["silenced_by"]


def _from(since: Micros | None) -> Query:
    """The range as a part of a query, for counts, which are given no times."""
    return All() if since is None else parse(f"@timestamp>={to_iso(since)}")


async def _groups(request: web.Request, query: Query, by_level: Mapping[str, int]) -> list[dict[str, Any]]:
    """More alerts than a page, as at most ``PAGE`` rows: one a rule, the gravest first and of one level the rarest first.

    What does not fit is one row a level, so that every alert is behind some row.
    """
    store = console_of(request).store
    rules: list[tuple[str, str, int]] = []
    for level in LEVELS:
        if by_level.get(level):
            found = await store.counts("alert", both(query, is_("alert.level", level)), "rule.id", limit=MAX_RULES)
            rules += [(level, rule, count) for rule, count in sorted(found, key=lambda item: (item[1], item[0]))]
    told = rules if len(rules) <= PAGE else rules[: PAGE - len(LEVELS)]
    rows: list[dict[str, Any]] = []
    for level, rule, count in told:
        part = both(query, is_("alert.level", level), is_("rule.id", rule))
        newest = (await store.search("alert", part, limit=OF_GROUP)).documents
        asked_for = f"{request.query.get('q', '')} {field_query('rule.id', rule)}".strip()
        if newest:
            told_of = [row(document) for document in newest]
            rows.append({**told_of[0], "alerts": count, "q": asked_for, "newest": told_of})
    for level in LEVELS:
        left = sum(count for name, _, count in rules[len(told) :] if name == level)
        if left:
            rows.append({"id": "", "level": level, "alerts": left, "q": request.query.get("q", ""), "newest": []})
    return rows


def row(document: Document) -> dict[str, Any]:
    """One alert as a line of a list: the body without what only its own page needs."""
    body = document.body
    kept = (
        *(
            "id",
            "version",
            "revision",
            "rule_id",
            "title",
            "title_vi",
            "level",
            "type",
            "first_seen",
            "last_seen",
            "count",
        ),
        *("status", "owner", "verdict", "state", "late", "new_activity", "incident_id", "entities", "group", "tags"),
        *("repeats", "last_repeat", "duplicate_of", "risk", "silenced_by", "unauthenticated", "fingerprint"),
        *("systems", "prevalence", "seen_before", "indicators", "facts"),
    )
    sample = cast("Sequence[Mapping[str, Any]]", body.get("sample") or ())
    lines = (cast("Mapping[str, Any]", member.get("fields") or {}).get("event.original") for member in sample)
    line = next((text for text in lines if isinstance(text, str) and text), "")
    own = {"id": document.id, "version": document.version, "line": line[:LINE], "notes": len(body.get("notes") or ())}
    return {name: body.get(name) for name in kept} | own


def _status_counts(by_status: Mapping[str, int]) -> list[tuple[str, int | None]]:
    """The tabs with their counts; "all" has none, it also holds what is no longer live."""
    numbers = {"open": by_status.get("new", 0) + by_status.get("acknowledged", 0), "all": None}
    return [(name, numbers.get(name, by_status.get(name, 0))) for name in STATUSES]


async def _numbers(request: web.Request, documents: Sequence[Document]) -> dict[str, str]:
    """Incident id → its number for people."""
    ids = sorted({str(document.body.get("incident_id")) for document in documents if document.body.get("incident_id")})
    found = await console_of(request).store.get_many("incident", ids)
    return {id_: str(document.body.get("number", id_)) for id_, document in found.items()}


async def page(request: web.Request) -> web.Response:
    """One alert."""
    id_ = request.match_info["id"]
    return await show(request, id_.removesuffix(".json"))


async def show(
    request: web.Request,
    id_: str,
    *,
    typed: Mapping[str, str] | None = None,
    notice: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    """The page of an alert, with what was typed and what became of it."""
    console = console_of(request)
    document = await console.store.get("alert", id_)
    if document is None:
        raise web.HTTPNotFound
    alert = alert_of(document)
    incident = await console.store.get("incident", alert.incident_id) if alert.incident_id else None
    data = {
        "alert": document.body,
        "rule": console.info(alert.rule_set, alert.rule_id),
        "members": [_member(member) for member in alert.sample],
        "incident": incident.body if incident else None,
        "silence": await _silence(request, alert.silenced_by),
        "systems": _systems(request, alert, incident),
        "related": await _related(request, alert),
        "verdicts": VERDICTS,
        "typed": NOTHING_TYPED | dict(typed or {}),
        "notice": notice or outcome_of(request),
    }
    infos = {member.rule: console.info(alert.rule_set, member.rule) for member in alert.sample}
    return respond(request, "alert.html", data, status=status, only_page={"rules_of": infos})


async def _silence(request: web.Request, id_: str) -> dict[str, Any] | None:
    """The silence that covers an alert, as far as the visitor may see it."""
    document = await console_of(request).store.get("silence", id_) if id_ else None
    return dict(document.body) if document else None


def _systems(request: web.Request, alert: Alert, incident: Document | None) -> list[dict[str, Any]]:
    """The systems an alert touches: as its incident keeps them, else as the register has them now, else their keys."""
    known = {str(hit.get("key")): hit for hit in (incident.body.get("systems") or () if incident else ())}
    for hit in console_of(request).register().find(alert.entities):
        known.setdefault(hit.key, msgspec.to_builtins(hit))
    return [{"key": key, "name": key, "level": 0, "owner": ""} | dict(known.get(key, {})) for key in alert.systems]


def alert_of(document: Document) -> Alert:
    """The alert a document was made of.

    Raises:
        web.HTTPNotFound: it is none (a store written by another version).
    """
    try:
        return msgspec.convert(document.body, Alert)
    except msgspec.ValidationError as error:
        raise web.HTTPNotFound from error


def _member(member: Member) -> dict[str, Any]:
    """One event of the sample: matched fields first, the raw line and what to mark in it."""
    matched = dict(member.matched)
    fields = member.fields or {}
    original = fields.get("event.original")
    needles = {value for value in matched.values() if len(value) > 1}
    for name in matched:
        needles |= {text for text in texts_of(fields.get(name)) if 1 < len(text) <= 200}
    rows = [(name, shown(value), name in matched) for name, value in fields.items() if name not in _LATER_FIELDS]
    rows.sort(key=lambda item: (not item[2], item[0].partition(".")[1] == "", item[0]))
    missing = [(name, value, True) for name, value in matched.items() if name not in fields]
    return {
        "event_id": member.event_id,
        "rule": member.rule,
        "source": member.source,
        "time": member.time,
        "received": member.received,
        "original": original if isinstance(original, str) else None,
        "needles": sorted(needles),
        "fields": missing + rows,
    }


async def _related(request: web.Request, alert: Alert) -> list[dict[str, Any]]:
    """The newest other alerts about the same thing it is grouped by, at most eight."""
    wanted = [is_(name, value) for name, value in alert.group or alert.entities[:1]]
    if not wanted:
        return []
    query = both(*wanted, is_("alert.state", "live"), is_not("alert.id", alert.id))
    try:
        found = await console_of(request).store.search("alert", query, limit=8)
    except ProbeError:  # it is about a citizen's identifier: to search for it takes a reason of its own
        return []
    return [row(document) for document in found.documents]
