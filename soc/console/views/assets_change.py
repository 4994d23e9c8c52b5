"""The register changed in the console: files checked, every mistake or change shown, then published; and the register as a file."""

import asyncio
import io
import zipfile
from typing import Any

import msgspec
from aiohttp import web

from soc.assets.difference import counts, difference, summary
from soc.assets.entries import Entries
from soc.assets.export import to_csv, to_yaml
from soc.assets.packing import MAX_PACKED
from soc.assets.reading import read
from soc.assets.register import EMPTY, Register
from soc.assets.tables import TABLES
from soc.audit.chain import Entry
from soc.console.context import console_of, visitor_of
from soc.console.forms import files_of, form_of
from soc.console.pages import json_response, respond, wants_json

MISTAKES = 500
CHANGES = 500
"""Shown; all are counted, and the command lists all."""


def _current(request: web.Request) -> Register:
    found = console_of(request).register()
    return found if isinstance(found, Register) else EMPTY


async def check(request: web.Request) -> web.Response:
    """Check uploaded files; nothing is changed by it. An API client sends ``{"name": "hosts.csv", "text": "…"}``."""
    console, visitor = console_of(request), visitor_of(request)
    form = await form_of(request)
    files = files_of(request) or _typed(form.get("name", ""), form.get("text", ""))
    if not files:
        return _refused(request, "no_file")
    before = _current(request)
    found = await asyncio.to_thread(read, files, before.entries, timezone=console.timezone)
    names = tuple(name for name, _ in files)
    data = _nothing(names) | {
        "mistakes": [msgspec.structs.asdict(one) for one in found.mistakes[:MISTAKES]],
        "mistakes_total": len(found.mistakes),
    }
    if found.entries is None:
        return respond(request, "assets_change.html", data, status=400)
    changes = difference(before.entries, found.entries)
    data["changes"] = [msgspec.structs.asdict(one) for one in changes[:CHANGES]]
    data |= {"changes_total": len(changes), "counts": counts(changes), "register": _sizes(found.entries)}
    if changes:
        data["token"] = console.uploads.keep(visitor.name, console.register_hash(), names, found.entries, changes).token
    return respond(request, "assets_change.html", data)


def _nothing(files: tuple[str, ...] = (), problem: str = "") -> dict[str, Any]:
    return {
        "problem": problem,
        "files": list(files),
        "mistakes": [],
        "mistakes_total": 0,
        "changes": [],
        "changes_total": 0,
        "counts": {},
        "register": {},
        "token": "",
    }


def _sizes(entries: Entries) -> dict[str, int]:
    return {table: len(getattr(entries, table)) for table in TABLES}


def _refused(request: web.Request, problem: str, status: int = 400) -> web.Response:
    return respond(request, "assets_change.html", _nothing(problem=problem), status=status)


def _typed(name: str, text: str) -> list[tuple[str, bytes]]:
    return [(name, text.encode())] if name and text else []


async def publish(request: web.Request) -> web.StreamResponse:
    """Publish what was previewed, if nobody else has published meanwhile."""
    console, visitor = console_of(request), visitor_of(request)
    form = await form_of(request)
    preview = console.uploads.take(form.get("token", ""), visitor.name)
    if preview is None:
        return _refused(request, "preview_gone")
    data = await asyncio.to_thread(Register(preview.entries).encode)
    if len(data) > MAX_PACKED:
        return _refused(request, "too_large")
    detail = f"{summary(preview.entries)}; {', '.join(preview.files)}"[:300]
    if not await console.publish_register(data, preview.base, visitor.name, detail):
        return _refused(request, "changed_meanwhile", 409)
    if wants_json(request):
        return json_response({"published": True, "changes": len(preview.changes), "register": summary(preview.entries)})
    raise web.HTTPSeeOther("/assets?outcome=register_published")


async def export(request: web.Request) -> web.Response:
    """The register as one YAML file, or as a ZIP of CSV tables; importing it gives the same register. Audited."""
    console, visitor = console_of(request), visitor_of(request)
    as_csv = request.query.get("format", "yaml") == "csv"
    entries = _current(request).entries
    body = await asyncio.to_thread(_zipped if as_csv else _yaml, entries)
    what = "csv" if as_csv else "yaml"
    await console.record(Entry(console.clock(), visitor.name, "export", f"register/{what}", summary(entries)))
    name = "register.zip" if as_csv else "register.yaml"
    kind = "application/zip" if as_csv else "application/yaml"
    return web.Response(body=body, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _yaml(entries: Entries) -> bytes:
    return to_yaml(entries).encode()


def _zipped(entries: Entries) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in to_csv(entries).items():
            archive.writestr(zipfile.ZipInfo(name), text.encode())
    return out.getvalue()
