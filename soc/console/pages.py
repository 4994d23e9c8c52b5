"""A page's data in, HTML or its JSON twin out: the twin is exactly what the template was given."""

import json
import secrets
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import jinja2
import msgspec
from aiohttp import web

from soc.clock import HOUR, Micros
from soc.console.context import Visitor, console_of, visitor_of
from soc.console.highlight import segments
from soc.console.menu import menu_of
from soc.console.personal import personal_of
from soc.console.sessions import csrf_of


@cache
def environment() -> jinja2.Environment:
    """The templates; an undefined name is an error, everything is escaped."""
    templates = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["segments"] = segments  # pyright: ignore[reportArgumentType]
    templates.globals["field_query"] = field_query  # pyright: ignore[reportArgumentType]
    templates.globals["new_id"] = new_id  # pyright: ignore[reportArgumentType]
    templates.globals["range_of"] = range  # pyright: ignore[reportArgumentType]
    templates.filters["shown"] = shown
    templates.filters["pretty"] = pretty
    return templates


def _template(name: str) -> str | None:
    try:
        return files("soc.console").joinpath("templates", name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def new_id() -> str:
    """An action id, made with the form: sending a form twice acts once."""
    return secrets.token_urlsafe(16)


def field_query(name: str, value: object) -> str:
    """The query for a field's exact value."""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}:"{text}"'


def shown(value: Any) -> str:
    """A field's value for people: lists joined, nothing as a dash."""
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def pretty(payload: str) -> str:
    """JSON with indents, for reading; the text itself if it is none."""
    try:
        return json.dumps(json.loads(payload), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return payload


def wants_json(request: web.Request) -> bool:
    """The twin is asked for: by ``.json`` or by an Accept header that prefers it."""
    accept = request.headers.get("Accept", "")
    return (
        request.path.endswith(".json")
        or accept.startswith("application/json")
        or request.content_type == "application/json"
    )


def respond(
    request: web.Request,
    template: str,
    data: Mapping[str, Any],
    *,
    status: int = 200,
    only_page: Mapping[str, Any] | None = None,
) -> web.Response:
    """The page, or its twin.

    Args:
        template: its file name.
        data: JSON values (structs too); the template sees each name.
        status: HTTP status.
        only_page: what the template needs beside the data, such as a picture's geometry.
    """
    if wants_json(request):
        return json_response(data, status=status)
    console, visitor = console_of(request), visitor_of(request)
    now = console.clock()
    context: dict[str, Any] = {
        **data,
        **(only_page or {}),
        "t": visitor.texts,
        "visitor": visitor,
        "may": visitor.may,
        "csrf": csrf_of(visitor.secret) if visitor.secret else "",
        "now": now,
        "zone": console.timezone,
        "offset": visitor.texts.offset(now),
        "menu": menu_of(request, visitor),
        "path": request.path,
        "here": request.path_qs,
        "twin": _twin(request),
        "with_query": lambda **changes: with_query(request, **changes),  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
        "unsplit_roles": _unsplit(visitor),
        "outages": console.outages(),
        "personal": personal_of(request) if visitor.user else None,
    }
    html = console.templates.get_template(template).render(context)
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")


def json_response(data: Any, *, status: int = 200) -> web.Response:
    """Any value as JSON; bytes as text."""
    body = msgspec.json.encode(data, enc_hook=str)
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


def with_query(request: web.Request, **changes: object) -> str:
    """This page's address with some query parameters changed (None or "" drops one); a new filter begins at page one."""
    query = {key: value for key, value in request.query.items() if key != "outcome"}
    if "after" not in changes:
        query.pop("after", None)
    for key, value in changes.items():
        query[key] = "" if value is None else str(value)
    text = urlencode({key: value for key, value in query.items() if value})
    return f"{request.path}?{text}" if text else request.path


def _twin(request: web.Request) -> str:
    path = request.path.rstrip("/") or "/alerts"
    return f"{path}.json" + (f"?{request.query_string}" if request.query_string else "")


def _unsplit(visitor: Visitor) -> bool:
    return visitor.user is not None and {"administrator", "approver"} <= set(visitor.user.roles)


def outcome_of(request: web.Request) -> dict[str, str] | None:
    """What became of the act that led to this page, as its address says."""
    outcome = request.query.get("outcome", "")
    return {"message": f"act.{outcome}", "detail": ""} if outcome in {"accepted", "pending"} else None


def parse_after(text: str) -> tuple[Micros, str] | None:
    """``<time>~<id>`` of a next-page link; None for anything else, which then shows the first page."""
    time, separator, id_ = text.partition("~")
    if not separator or not time.lstrip("-").isdigit() or len(time) > 18:
        return None
    return int(time), id_


def after_text(after: tuple[Micros, str] | None) -> str:
    """The key of the next page as a query parameter, "" on the last."""
    return "" if after is None else f"{after[0]}~{after[1]}"


RANGES: Mapping[str, Micros] = {"1h": HOUR, "24h": 24 * HOUR, "7d": 7 * 24 * HOUR, "30d": 30 * 24 * HOUR}
"""Time ranges that pages offer."""


def since_of(request: web.Request, now: Micros) -> tuple[str, Micros | None]:
    """The chosen range and where it begins; "" is everything."""
    chosen = request.query.get("range", "")
    return (chosen, now - RANGES[chosen]) if chosen in RANGES else ("", None)
