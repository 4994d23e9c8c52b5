"""Threat intelligence: every feed as it is, a value looked up, what it hit of late, and what was hunted for."""

from collections import Counter
from typing import Any

import msgspec
from aiohttp import web

from soc.clock import DAY, HOUR, Micros
from soc.console.auth import User
from soc.console.context import console_of, visitor_of
from soc.console.intel_known import IntelKnown, may_see
from soc.console.pages import respond
from soc.desk import FeedSettings
from soc.intel.indicator import TLPS, Attempt, FeedContent, Indicator, Tlp
from soc.store.query import parse

HITS = 20
RUNS = 10
EXPIRES_SOON: Micros = 7 * DAY
UNUSABLE = 20
_LONGEST = 2048
_HIT = parse("threat.indicator.name:*")


async def intel(request: web.Request) -> web.Response:
    """The page; ``?value=`` looks a value up."""
    console, visitor = console_of(request), visitor_of(request)
    known, now = console.intel(), console.clock()
    text = request.query.get("value", "").strip()[:_LONGEST]
    found, mistake = _looked_up(known, text, visitor.user, now)
    hits = await console.store.search("alert", _HIT, limit=HITS)
    data = {
        "value": text,
        "mistake": mistake,
        "found": found,
        "feeds": [_feed(name, known, visitor.user, now) for name in _names(known)],
        "total": len(known.listed),
        "hits": [_hit(document.body) for document in hits.documents],
        "hits_total": hits.total,
        "hunts": [msgspec.structs.asdict(one) | {"whole": one.reached <= one.start} for one in known.hunts.runs[:RUNS]],
        "hunt_days": known.hunt_days,
        "hunting_since": known.hunts.began if known.hunts.owner else 0,
    }
    return respond(request, "intel.html", data, status=400 if mistake else 200)


def _names(known: IntelKnown) -> list[str]:
    return list(
        dict.fromkeys([*(one.name for one in known.feeds), *(one.name for one in known.listed.published.feeds)])
    )


def _looked_up(known: IntelKnown, text: str, user: User | None, now: Micros) -> tuple[list[dict[str, Any]], bool]:
    """What is known of a value, and whether it is nothing that an indicator can be."""
    if not text:
        return [], False
    try:
        found = known.listed.known(text)
    except ValueError:
        return [], True
    return [_indicator(feed, one, user, now) for feed, one in found], False


def _indicator(feed: str, one: Indicator, user: User | None, now: Micros) -> dict[str, Any]:
    """An indicator; of one that is not for the visitor, that there is one and whom its marking names."""
    row = {"feed": feed, "tlp": one.tlp, "hidden": not may_see(user, one.tlp), "in_force": one.holds(now)}
    if row["hidden"]:
        return row
    return row | {
        "kind": one.kind,
        "value": one.value,
        "confidence": one.confidence,
        "first": one.first,
        "last": one.last,
        "expires": one.expires,
        "known": one.known,
        "note": one.note,
        "tags": list(one.tags),
    }


def _feed(name: str, known: IntelKnown, user: User | None, now: Micros) -> dict[str, Any]:
    content = known.listed.published.feed(name)
    settings = next((one for one in known.feeds if one.name == name), None)
    attempt = known.attempts.of(name)
    some = content.indicators if content else ()
    counts: Counter[Tlp] = Counter(one.tlp for one in some)
    ends = [one.expires for one in some if one.expires]
    strictest = max(counts, key=TLPS.index, default=None)
    told = strictest is None or may_see(user, strictest)
    return {
        "name": name,
        "kind": settings.kind if settings else "",
        "enabled": settings.enabled if settings else None,
        "state": _state(settings, attempt, content, now),
        "indicators": len(some),
        "tlp": [(tlp, counts[tlp]) for tlp in TLPS if tlp in counts],
        "dropped": content.dropped if content else 0,
        "unusable": [msgspec.structs.asdict(one) for one in content.unusable[:UNUSABLE]] if content and told else [],
        "changed": content.at if content else 0,
        "asked": attempt.at if attempt else 0,
        "succeeded": _succeeded(attempt, content),
        "failing_since": attempt.since if attempt and attempt.error else 0,
        "error": attempt.error if attempt else "",
        "next": attempt.at + round(settings.every_hours * HOUR) if attempt and settings and settings.enabled else 0,
        "first_end": min(ends, default=0),
        "ending_soon": sum(now <= end < now + EXPIRES_SOON for end in ends),
        "expired": sum(end < now for end in ends),
        "origin": content.origin if content else "",
    }


def _state(settings: FeedSettings | None, attempt: Attempt | None, content: FeedContent | None, now: Micros) -> str:
    """``by_hand``, ``off``, ``waiting``, ``failing``, ``stale`` or ``well``."""
    if settings is None:
        return "by_hand"
    if not settings.enabled:
        return "off"
    if attempt is None:
        return "waiting"
    if attempt.error:
        return "failing"
    if now - attempt.at > 2 * round(settings.every_hours * HOUR) + HOUR:
        return "stale"
    return "well" if content else "waiting"


def _succeeded(attempt: Attempt | None, content: FeedContent | None) -> Micros:
    """When it last gave something, as far as that is remembered."""
    if attempt is not None and not attempt.error:
        return attempt.at
    return content.at if content else 0


def _hit(body: Any) -> dict[str, Any]:
    """An alert that names an indicator, in a line."""
    alert = dict(body)
    group = dict(alert.get("group", ()))
    return {
        "id": alert.get("id", ""),
        "title": alert.get("title", ""),
        "title_vi": alert.get("title_vi", ""),
        "level": alert.get("level", ""),
        "status": alert.get("status", ""),
        "indicator": group.get("threat.indicator.name", ""),
        "host": group.get("threat.host", ""),
        "first_seen": alert.get("first_seen", 0),
        "last_seen": alert.get("last_seen", 0),
        "count": alert.get("count", 0),
        "late": alert.get("late", False),
    }
