"""Elasticsearch's bulk API, as far as shippers use it: ``_bulk`` requests in, one record a document out, a result for each in order.

Beats, Logstash, Fluent Bit, Vector and Elasticsearch's own clients look around before they send: which version this is, its
licence, whether their templates, policies and pipelines are there. They are told what lets them go on; nothing of it is kept,
because a record is stored as it came. (Read in libbeat's esleg, idxmgmt, template and licenser; in Vector's sinks/elasticsearch;
in Fluent Bit's out_es; Elasticsearch API documentation, "Bulk API".)

``index`` and ``create`` store a document; ``update`` and ``delete`` are refused, each in its own result. 429 says that there is no
room: all these clients then send again. Documents with an ``_id`` are stored once (see ``http_bulk_ids``).
"""

import secrets
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from collectors.bulk import Action, actions
from collectors.http_bulk_ids import BulkIds, Verdict
from collectors.http_port import RETRY_AFTER, Handler, Port, Refusal

VERSION = "9.99.0"
"""Beats refuse an Elasticsearch older than themselves (libbeat: ``allow_older_versions``), so this is as new as 9 can be."""

_SCHEMES = ("basic", "apikey", "bearer")
_PRODUCT = {"X-Elastic-Product": "Elasticsearch"}  # Elasticsearch's own clients refuse to speak with anybody else
_STATUS: dict[Verdict, int] = {"created": 201, "updated": 200, "noop": 200, "conflict": 409, "refused": 400}
_ERRORS: dict[Verdict, dict[str, str]] = {
    "conflict": {
        "type": "version_conflict_engine_exception",
        "reason": "version conflict, document already exists: a record with this _id and other content is stored",
    },
    "refused": {
        "type": "illegal_argument_exception",
        "reason": "only index and create are supported: records cannot be changed or deleted",
    },
}
_TYPES = {401: "security_exception", 404: "resource_not_found_exception", 429: "es_rejected_execution_exception"}
_LICENSE = {"status": "active", "uid": "00000000-0000-0000-0000-000000000000", "type": "basic", "mode": "basic"}
_ON = {"available": True, "enabled": True}
_INFO: dict[str, Any] = {
    "name": "soc",
    "cluster_name": "soc",
    "cluster_uuid": "soc",
    "version": {
        "number": VERSION,
        "build_flavor": "default",
        "minimum_wire_compatibility_version": "8.19.0",
        "minimum_index_compatibility_version": "8.0.0",
    },
    "tagline": "You Know, for Search",
}
_HEALTH: dict[str, Any] = {
    "cluster_name": "soc",
    "status": "green",
    "timed_out": False,
    "number_of_nodes": 1,
    "number_of_data_nodes": 1,
}
_PROBES: dict[str, Any] = {
    "/": _INFO,
    "/_license": {"license": _LICENSE},
    "/_xpack": {"license": _LICENSE, "features": {"ilm": _ON, "security": _ON, "monitoring": _ON}},
    "/_cluster/health": _HEALTH,
    "/_cluster/settings": {"persistent": {}, "transient": {}},
    "/_nodes": {"cluster_name": "soc", "nodes": {}},
    "/_nodes/{rest:.*}": {"cluster_name": "soc", "nodes": {}},
}
"""What clients ask at their start, and are told."""
_SET_UP = (
    "/_ilm/policy/{name}",
    "/_index_template/{name}",
    "/_component_template/{name}",
    "/_template/{name}",
    "/_data_stream/{name}",
    "/_data_stream/{name}/_lifecycle",
    "/_ingest/pipeline/{name}",
    "/_alias/{name}",
    "/{index}/_alias/{name}",
    "/{index:(?!ingest$|gelf$)[^_/][^/]*}",
)
"""What clients look for and, where it is missing, make: it is always missing, and making it always succeeds."""


def _answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(value),
        content_type="application/json",
        headers={**_PRODUCT, **(headers or {})},
    )


def refuse(request: web.Request, refusal: Refusal) -> web.StreamResponse:  # noqa: ARG001 - one signature for all
    """A refusal as Elasticsearch writes one; no room is 429, which every client takes for "send it again"."""
    status = 429 if refusal.kind == "full" else refusal.status
    headers: dict[str, str] = {}
    if status in (429, 503):
        headers["Retry-After"] = RETRY_AFTER
    elif status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="soc", ApiKey, Bearer'
    cause = {
        "type": _TYPES.get(status, "illegal_argument_exception" if status < 500 else "unavailable_exception"),
        "reason": f"{refusal.what}; {refusal.advice}",
    }
    return _answer({"error": {"root_cause": [cause], **cause}, "status": status}, status, headers)


def _results(items: Sequence[Action], verdicts: Sequence[Verdict], took: int) -> web.Response:
    """The answer to a bulk request."""
    made = secrets.token_urlsafe(9)
    results: list[dict[str, dict[str, Any]]] = []
    for number, (action, verdict) in enumerate(zip(items, verdicts, strict=True)):
        result: dict[str, Any] = {
            "_index": action.index,
            "_id": action.id or f"{made}-{number}",
            "status": _STATUS[verdict],
        }
        if (error := _ERRORS.get(verdict)) is not None:
            result["error"] = error
        else:
            result["result"] = verdict
        results.append({action.operation: result})
    # in this order and without blanks: Fluent Bit looks for `"errors":false,"items":[` in an answer it could not hold whole
    return _answer({"took": took, "errors": any(one in _ERRORS for one in verdicts), "items": results})


def routes(port: Port, ids: BulkIds) -> list[web.RouteDef]:
    """The routes of this protocol; every one asks for the token."""

    async def bulk(request: web.Request) -> web.StreamResponse:
        started = time.monotonic()
        items = actions(await port.body(request), request.match_info.get("index", ""))
        verdicts = await ids.deliver(request, items)
        return _results(items, verdicts, round((time.monotonic() - started) * 1000))

    async def missing(request: web.Request) -> web.StreamResponse:
        return refuse(request, Refusal("body", 404, "there is none", "make it: it is accepted, and not kept"))

    async def made(request: web.Request) -> web.StreamResponse:
        await port.body(request)
        return _answer({"acknowledged": True})

    async def health_line(_: web.Request) -> web.StreamResponse:
        return web.Response(text="soc green 1 1\n", headers=_PRODUCT)

    def told(value: object) -> Handler:
        async def tell(_: web.Request) -> web.StreamResponse:
            return _answer(value)

        return tell

    def served(handle: Handler) -> Handler:
        return port.served(_SCHEMES, handle, refuse)

    found = [
        web.route(method, path, served(bulk)) for method in ("POST", "PUT") for path in ("/_bulk", "/{index}/_bulk")
    ]
    found += [web.get(path, served(told(value))) for path, value in _PROBES.items()]  # aiohttp: HEAD too
    found.append(web.get("/_cat/health", served(health_line)))
    for path in _SET_UP:
        found += [web.get(path, served(missing)), web.put(path, served(made))]
    return found
