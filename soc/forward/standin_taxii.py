"""The stand-in as a TAXII 2.1 server with one collection: envelopes in, status resources and versions of objects out.

    GET  /taxii/                                         its API root
    POST /taxii/collections/reports/objects/             202 with a status resource that is complete
    GET  /taxii/status/{id}/                             the same again
    GET  /taxii/collections/reports/objects/{id}/versions/

What it took is kept by the stand-in beside the reports of the other wire: a STIX ``report`` under its own id.
"""

import json
import secrets
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

from soc.clock import now, to_iso

MEDIA_TYPE = "application/taxii+json;version=2.1"
COLLECTION = "reports"
MAX_CONTENT = 1024 * 1024

Keep = Callable[[str, bytes, dict[str, str]], None]
"""Keeps what arrived: (id, bytes, receipt)."""


class TaxiiStandin:
    """One collection.

    Args:
        received: id of an object's version → its bytes, as they are kept.
        keep: keeps one more.
    """

    def __init__(self, received: dict[str, bytes], keep: Keep) -> None:
        self._received, self._keep = received, keep
        self._statuses: dict[str, dict[str, Any]] = {}

    def add_to(self, app: web.Application) -> None:
        """Serve under ``/taxii/``."""
        objects = f"/taxii/collections/{COLLECTION}/objects/"
        app.router.add_get("/taxii/", self._root)
        app.router.add_post(objects, self._post)
        app.router.add_get(objects + "{id}/versions/", self._versions)
        app.router.add_get("/taxii/status/{id}/", self._status)

    async def _root(self, request: web.Request) -> web.Response:
        del request
        return _answer({"title": "soc demo", "versions": [MEDIA_TYPE], "max_content_length": MAX_CONTENT})

    async def _post(self, request: web.Request) -> web.Response:
        try:
            tree = json.loads(await request.read())
        except ValueError:
            tree = None
        fields = cast("dict[str, Any]", tree) if isinstance(tree, dict) else {}
        objects = fields.get("objects")
        items = cast("list[dict[str, Any]]", objects) if isinstance(objects, list) else []
        if not items or not all(isinstance(item.get("id"), str) for item in items):
            return _answer({"title": "an envelope with objects is needed", "http_status": "422"}, 422)
        taken = [{"id": str(item["id"]), "version": _version(item)} for item in items]
        status = {
            "id": secrets.token_hex(8),
            "status": "complete",
            "request_timestamp": to_iso(now()),
            "total_count": len(taken),
            "success_count": len(taken),
            "successes": taken,
            "failure_count": 0,
            "pending_count": 0,
        }
        self._statuses[str(status["id"])] = status
        for item in items:
            name = f"{item['id']} {_version(item)}"
            if name not in self._received:
                self._keep(name, json.dumps(item, ensure_ascii=False).encode(), {"receipt_id": str(status["id"])})
        return _answer(status, 202)

    async def _status(self, request: web.Request) -> web.Response:
        status = self._statuses.get(request.match_info["id"])
        return _answer(status, 200) if status else _answer({"title": "no such status"}, 404)

    async def _versions(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"] + " "
        versions = sorted(name.removeprefix(wanted) for name in self._received if name.startswith(wanted))
        return _answer({"versions": versions}) if versions else _answer({"title": "no such object"}, 404)


def _version(item: dict[str, Any]) -> str:
    return str(item.get("modified") or item.get("created") or "")


def _answer(tree: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(tree).encode(), status=status, headers={"Content-Type": MEDIA_TYPE})
