"""How the installation is: its rules, its health."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from soc.console.context import console_of, visitor_of
from soc.console.findings import tell
from soc.console.i18n import Texts
from soc.console.pages import respond
from soc.console.views.alerts import LEVELS


async def rules(request: web.Request) -> web.Response:
    """Rules in use, rules refused with file, line and reason, rules that raise no alerts of their own and because of which."""
    current = console_of(request).rules()
    text = request.query.get("q", "").strip()
    infos = dict(current.infos) if current else {}
    wanted = text.casefold()
    listed: list[dict[str, Any]] = [
        {
            "id": info.id,
            "title": info.title,
            "title_vi": info.title_vi,
            "level": info.level,
            "type": info.type,
            "tags": info.tags,
            "path": info.path,
            "line": info.line,
            "yaml": info.yaml,
            "muted_by": list(current.muted.get(info.id, ())) if current else [],
        }
        for info in infos.values()
        if wanted in " ".join((info.id, info.title, info.title_vi, info.path, *info.tags)).casefold()
    ]
    listed.sort(key=lambda rule: (LEVELS.index(rule["level"]) if rule["level"] in LEVELS else 9, rule["title"]))
    data = {
        "q": text,
        "known": current is not None,
        "hash": current.hash if current else "",
        "loaded": len(infos),
        "rules": listed[:1000],
        "titles": {id_: info.title for id_, info in infos.items()},
        "refused": [{"path": r.path, "line": r.line, "reason": r.reason} for r in current.refused] if current else [],
        "muted": len(current.muted) if current else 0,
    }
    texts = visitor_of(request).texts
    shown = {
        "root": _root([info.path for info in infos.values()]),
        "names": {id_: texts.title({"title": info.title, "title_vi": info.title_vi}) for id_, info in infos.items()},
    }
    return respond(request, "rules.html", data, only_page=shown)


def _root(paths: Sequence[str]) -> str:
    """The folder that all rule files are in, so that a page can say it once; "" where there is none."""
    try:
        return os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120 - paths as the loader wrote them
    except ValueError:
        return ""


async def health(request: web.Request) -> web.Response:
    """Lag of each stage, silent sources, drops, and what to do about each finding."""
    found = await console_of(request).health()
    texts = visitor_of(request).texts
    data: dict[str, Any] = {
        "ok": bool(found.get("ok", False)),
        "bus_seen": "bus" not in found.get("away", {}),
        "at": str(found.get("at", "")),
        "lags": list(found.get("lags", ())),
        "processes": list(found.get("processes", ())),
        "findings": [_told(texts, finding) for finding in found.get("findings", ())],
        "silent_sources": list(found.get("silent_sources", ())),
        "collectors": list(found.get("collectors", ())),
        "hosts": list(found.get("hosts", ())),
        "balance": list(found.get("balance", ())),
        "rules": dict(found.get("rules", {})),
        "drops": _drops(found.get("processes", ())),
    }
    return respond(request, "health.html", data)


def _told(texts: Texts, finding: Mapping[str, Any]) -> dict[str, Any]:
    """A finding with its words in the visitor's language."""
    return {**finding, **tell(texts, finding["id"], finding.get("values", {}))._asdict()}


def _drops(processes: Any) -> list[dict[str, Any]]:
    """What the listeners counted, one row a listener."""
    rows: list[dict[str, Any]] = []
    for process in processes:
        rows += [{"listener": name, "counters": counters} for name, counters in process.get("counters", {}).items()]
    return sorted(rows, key=lambda row: row["listener"])


async def healthz(request: web.Request) -> web.Response:
    """The console itself answers."""
    del request
    return web.json_response({"ok": True})
