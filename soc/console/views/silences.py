"""Silences and maintenance windows: those that hold, and a form that an alert fills in; one of them alone, and how it is ended."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from soc.clock import DAY, HOUR, Micros, to_iso
from soc.console.act_forms import Form
from soc.console.context import Console, console_of, visitor_of
from soc.console.masking import HIDDEN
from soc.console.pages import outcome_of, respond
from soc.console.scope import ProbeError
from soc.console.views.by_state import by_state
from soc.console.views.query_box import both, is_
from soc.model import Alert, Silence
from soc.store.base import Document
from soc.store.query import All, And, Not, Or, Query, parse
from soc.triage.desk import DEFAULT_SILENCE, MAX_MATCHERS, standing_now

STATES: Final = ("active", "planned", "over", "all")
HOURS: Final = (1, 4, 8, 24, 72, 168)
"""How long a form offers to be silent; anything else is typed as a time."""
LOOK_BACK: Micros = 7 * DAY
"""Over how long a form counts what a matcher would have covered."""
_FIELDS: Mapping[str, str] = {"system": "system.key", "unit": "organization.id", "level": "alert.level"}
"""Matcher → the store's field, where it is called otherwise there."""
_TYPED: Final = ("kind", "silence_kind", "match", "matchers", "hours", "starts", "ends", "owner", "reason")


def complete(form: Form, now: Micros) -> Form:
    """The form with its end as a time, where a number of hours was chosen and no time typed."""
    hours = form.get("hours", "")
    filled = form.copy()
    if not form.get("ends", "").strip() and hours.isdecimal() and int(hours) in HOURS:
        filled["ends"] = str(now + int(hours) * HOUR)
    return filled


async def queue(request: web.Request) -> web.Response:
    """Silences by state, those that begin last first; ``?alert=`` fills the form in."""
    return await show(request, "")


async def page(request: web.Request) -> web.Response:
    """One silence."""
    return await show(request, request.match_info["id"].removesuffix(".json"))


async def show(
    request: web.Request,
    id_: str,
    *,
    typed: Mapping[str, str] | None = None,
    notice: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    """The list, or with an id that one, with what was typed and what became of it."""
    found = await by_state(request, "silence", id_, STATES, _of_state)
    rows = [row(document, found.now) for document in found.documents]
    data = {
        **({"silence": rows[0]} if id_ else {}),
        "asked": found.asked.shown,
        "state": found.state,
        "states": found.states,
        "silences": rows,
        "total": found.total,
        "next": found.after,
        "proposal": await _proposal(request, (typed or {}).get("alert") or request.query.get("alert", "")),
        "hours": HOURS,
        "default_hours": DEFAULT_SILENCE // HOUR,
        "typed": dict.fromkeys(_TYPED, "") | dict(typed or {}),
        "notice": notice or outcome_of(request),
    }
    only_page = {"one": bool(id_), "rule_names": _rule_names(request, rows)}
    return respond(request, "silences.html", data, status=400 if found.asked.mistake else status, only_page=only_page)


def _rule_names(request: web.Request, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Rule id → its title, of the rules that silences name and that are in use."""
    current, texts = console_of(request).rules(), visitor_of(request).texts
    named = {value for one in rows for field, value in one["matchers"] if field == "rule.id"}
    if current is None:
        return {}
    return {id_: texts.title(msgspec.to_builtins(current.infos[id_])) for id_ in named if id_ in current.infos}


def row(document: Document, now: Micros) -> dict[str, Any]:
    """One silence, with the state it is in now."""
    silence = msgspec.convert(document.body, Silence)
    return {**document.body, "state": standing_now(silence, now)}


def _of_state(state: str, now: Micros) -> Query:
    over: Query = Or((is_("silence.ended", "true"), parse(f"silence.ends<={to_iso(now)}")))
    begun = parse(f"silence.starts<={to_iso(now)}")
    match state:
        case "active":
            return And((Not(over), begun))
        case "planned":
            return And((Not(over), Not(begun)))
        case "over":
            return over
        case _:
            return All()


async def _proposal(request: web.Request, alert_id: str) -> dict[str, Any] | None:
    """What would silence an alert like this one: its rule, its group, its systems, each with how much it would have covered."""
    console = console_of(request)
    document = await console.store.get("alert", alert_id) if alert_id else None
    if document is None:
        return None
    alert = msgspec.convert(document.body, Alert)
    narrow = alert.group or alert.entities[:1]
    pairs = dict.fromkeys(
        (("rule.id", alert.rule_id), *narrow, *alert.entities, *(("system", key) for key in alert.systems))
    )
    shown = [(field, value) for field, value in pairs if HIDDEN not in value][:MAX_MATCHERS]
    chosen = {pair for pair in (("rule.id", alert.rule_id), *narrow) if pair in shown}
    options = [
        {
            "field": field,
            "value": value,
            "match": f"{field}={value}",
            "alerts": await _covered(console, is_(_FIELDS.get(field, field), value)),
            "chosen": (field, value) in chosen,
        }
        for field, value in shown
    ]
    together = await _covered(console, both(*(is_(field, value) for field, value in sorted(chosen))))
    names = {"alert": alert.id, "title": alert.title, "title_vi": alert.title_vi}
    return {**names, "options": options, "alerts": together}


async def _covered(console: Console, query: Query) -> int | None:
    """How many alerts of the last days match; None where asking would name a citizen's identifier."""
    try:
        return (await console.store.search("alert", query, limit=1, since=console.clock() - LOOK_BACK)).total
    except ProbeError:
        return None
