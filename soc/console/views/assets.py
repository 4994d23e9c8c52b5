"""The register: every system with what a report would lack of it, and one system with everything that is known."""

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from soc.assets.entries import LogSource
from soc.assets.register import EMPTY, Register
from soc.clock import SECOND
from soc.console.context import Console, console_of, visitor_of
from soc.console.pages import respond
from soc.console.views.query_box import any_of, both, is_
from soc.model import SystemHit
from soc.model.incident import OPEN

MAX_SHOWN = 1000
SOURCES_ASKED = 20
INCIDENTS = 20
_MAX_TEXT = 200


def _register(request: web.Request) -> Register:
    found = console_of(request).register()
    return found if isinstance(found, Register) else EMPTY


def _may_see(request: web.Request, hit: SystemHit) -> bool:
    """Whether a system is of the visitor's organizations."""
    units = visitor_of(request).units
    return not units or hit.unit in units


async def systems(request: web.Request) -> web.Response:
    """The systems, the most critical first; narrowed by a text in key, name or owner, and by level."""
    register, now = _register(request), console_of(request).clock()
    text = request.query.get("q", "").strip()[:_MAX_TEXT]
    level = request.query.get("level", "")
    level = level if level in {"1", "2", "3", "4", "5", "0"} else ""
    only_gaps = request.query.get("gaps", "") == "1"
    hits = [
        hit for one in register.systems() if (hit := register.hit(one.key, now)) is not None and _may_see(request, hit)
    ]
    listed: list[dict[str, Any]] = []
    for hit in hits:
        if text and text.casefold() not in f"{hit.key} {hit.name} {hit.owner} {hit.operator}".casefold():
            continue
        if (level and hit.level != int(level)) or (only_gaps and not hit.missing):
            continue
        listed.append(
            {
                "key": hit.key,
                "name": hit.name,
                "level": hit.level,
                "criticality": hit.criticality,
                "owner": hit.owner,
                "operator": hit.operator,
                "hosts": len(register.hosts_of(hit.key)),
                "log_sources": len(register.sources_of(hit.key)),
                "missing": hit.missing,
            }
        )
    data = {
        "q": text,
        "level": level,
        "gaps": only_gaps,
        "registered": len(hits),
        "incomplete": sum(bool(hit.missing) for hit in hits),
        "total": len(listed),
        "systems": listed[:MAX_SHOWN],
        "published": request.query.get("outcome") == "register_published",
    }
    return respond(request, "assets.html", data)


async def page(request: web.Request) -> web.Response:
    """One system: what the register knows, what it lacks, and its open incidents."""
    console, register = console_of(request), _register(request)
    key = request.match_info["id"].removesuffix(".json")
    system, hit = register.system(key), register.hit(key, console.clock())
    if system is None or hit is None or not _may_see(request, hit):
        raise web.HTTPNotFound
    query = both(is_("system.key", key), any_of("incident.status", tuple(sorted(OPEN))))
    found = await console.store.search("incident", query, limit=INCIDENTS)
    facts = {"accounts": system.accounts, "networks": system.networks, "note": system.note, "without": system.without}
    hosts = register.hosts_of(key)
    data = {
        "system": {**msgspec.to_builtins(hit), **facts},
        "hosts": [msgspec.to_builtins(host) for host in hosts[:MAX_SHOWN]],
        "hosts_total": len(hosts),
        "log_sources": await _heard(console, register.sources_of(key)),
        "contacts": [msgspec.to_builtins(contact) for contact in register.contacts_of(key)],
        "incidents": [document.body for document in found.documents],
        "incidents_total": found.total,
    }
    return respond(request, "asset.html", data)


async def _heard(console: Console, sources: Sequence[LogSource]) -> list[dict[str, Any]]:
    """Each expected source with when its newest event was received; of the first few, for a page that opens at once."""
    now, rows = console.clock(), [msgspec.to_builtins(source) for source in sources]
    for row in rows[:SOURCES_ASKED]:
        found = await console.store.search("event", is_("source", row["source"]), limit=1)
        last = max((int(one.body.get("received", one.time)) for one in found.documents), default=0)
        late = bool(last and row["every"] and now - last > (row["every"] + 60) * SECOND)
        row |= {"last": last, "late": late}
    return [{"last": None, "late": False} | row for row in rows]
