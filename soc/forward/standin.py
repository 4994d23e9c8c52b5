"""A stand-in for the national receiver: HTTPS on this machine, real receipts, and faults on request.

    POST /reports        bearer token, Idempotency-Key; 201 with a receipt, 200 with the same one for the same bytes again,
                         409 for other bytes under a known key
    GET  /reports        what arrived      GET /reports/{id}    one receipt with the hash of its bytes
    /taxii/…             the same as a TAXII 2.1 server (soc.forward.standin_taxii); it has no faults on request
    POST /control        {"mode": "ok|fail|stall|lose_answer|unauthorized|reject", "times": n}: so it treats the next n POSTs
                         of reports (without ``times``: all, until told otherwise)

It is a product feature (the demo delivers to it) and the tests' counterpart. Every request needs the token.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

import structlog
from aiohttp import web

from soc.clock import now, to_iso
from soc.forward.certificate import server_context
from soc.forward.standin_taxii import TaxiiStandin

log = structlog.get_logger()

Mode = Literal["ok", "fail", "stall", "lose_answer", "unauthorized", "reject"]

MAX_REPORT = 4 * 1024 * 1024
"""Bytes of a report it takes; more is answered 413."""

STALL_SECONDS = 3600.0
"""How long a stalled request is left without an answer, unless the sender gives up first."""


class Standin:
    """A running stand-in.

    Attributes:
        url: where reports are POSTed.
        ca_file: the certificate authority that its certificate is checked with.
        token: the bearer token it wants.
        received: report id → the bytes as they arrived, in order of arrival.
        objects: the same of what came by TAXII: ``id version`` of a STIX object → its JSON.
        taxii_url: the API root of its TAXII 2.1 side (``soc.forward.standin_taxii``).
        posts: how many POSTs of reports came, whatever became of them.
    """

    def __init__(self, directory: Path, token: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.url = ""
        self.ca_file = str(directory / "ca.pem")
        self.token = token
        self.taxii_url = ""
        self.received: dict[str, bytes] = {}
        self.objects: dict[str, bytes] = {}
        self.posts = 0
        self._receipts: dict[str, dict[str, str]] = {}
        self._file = directory / "received.jsonl"
        self._mode: Mode = "ok"
        self._times: int | None = None
        self._runner: web.AppRunner | None = None
        self._load()

    def control(self, mode: Mode, times: int | None = None) -> None:
        """Treat the next ``times`` POSTs so; all of them, until told otherwise, if None."""
        self._mode, self._times = mode, times

    async def close(self) -> None:
        """Stop listening and cut what is still open."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def listen(self, host: str, port: int) -> None:
        """Start serving; ``url`` then has the port that was given or chosen."""
        app = web.Application(client_max_size=MAX_REPORT, middlewares=[self._authorized])
        app.router.add_post("/reports", self._post)
        app.router.add_get("/reports", self._list)
        app.router.add_get("/reports/{id}", self._get)
        app.router.add_post("/control", self._control)
        TaxiiStandin(self.objects, self._keep_object).add_to(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, ssl_context=server_context(Path(self.ca_file).parent, host)).start()
        base = f"https://{host}:{self._runner.addresses[0][1]}"
        self.url, self.taxii_url = f"{base}/reports", f"{base}/taxii"

    @web.middleware
    async def _authorized(self, request: web.Request, handler: Any) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {self.token}".encode()):
            return web.json_response({"error": "a bearer token is needed"}, status=401)
        return await handler(request)

    async def _post(self, request: web.Request) -> web.StreamResponse:
        self.posts += 1
        mode = self._next_mode()
        data = await request.read()
        match mode:
            case "fail":
                return web.json_response({"error": "told to fail"}, status=503, headers={"Retry-After": "0"})
            case "unauthorized":
                return web.json_response({"error": "told to refuse the token"}, status=401)
            case "reject":
                return web.json_response({"error": "told to reject"}, status=422)
            case "stall":
                await asyncio.sleep(STALL_SECONDS)
                return web.json_response({"error": "stalled"}, status=503)
            case _:
                answer = self._take(request.headers, data)
                if mode == "lose_answer" and request.transport is not None:
                    request.transport.abort()
                return answer

    def _take(self, headers: Mapping[str, str], data: bytes) -> web.Response:
        key = headers.get("Idempotency-Key", "")
        fault = _fault(key, headers.get("Digest", ""), data)
        if fault:
            return web.json_response({"error": fault}, status=400)
        if key in self.received:
            if self.received[key] != data:
                return web.json_response({"error": "other bytes are known under this key"}, status=409)
            return web.json_response(self._receipts[key], status=200)
        sha256 = hashlib.sha256(data).hexdigest()
        receipt = {"receipt_id": f"R-{secrets.token_hex(6)}", "received_at": to_iso(now()), "sha256": sha256}
        self._keep(key, data, receipt)
        return web.json_response(receipt, status=201)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        receipt = self._receipts.get(request.match_info["id"])
        if receipt is None:
            return web.json_response({"error": "not here"}, status=404)
        return web.json_response({"report_id": request.match_info["id"], **receipt})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response([{"report_id": key, **receipt} for key, receipt in self._receipts.items()])

    async def _control(self, request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = None
        mode, times = (body.get("mode"), body.get("times")) if isinstance(body, dict) else (None, None)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if mode not in get_args(Mode) or not (times is None or (isinstance(times, int) and times > 0)):
            return web.json_response(
                {"error": f"mode must be one of {', '.join(get_args(Mode))}, times > 0"}, status=400
            )
        self.control(cast("Mode", mode), times)
        return web.json_response({"mode": mode, "times": times})

    def _next_mode(self) -> Mode:
        mode = self._mode
        if self._times is not None:
            self._times -= 1
            if self._times == 0:
                self.control("ok")
        return mode

    def _keep(self, key: str, data: bytes, receipt: dict[str, str]) -> None:
        line = json.dumps({"report_id": key, "payload": data.decode("utf-8"), **receipt}, ensure_ascii=False)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self.received[key], self._receipts[key] = data, receipt

    def _keep_object(self, name: str, data: bytes, receipt: dict[str, str]) -> None:
        line = json.dumps({"object": name, "payload": data.decode("utf-8"), **receipt}, ensure_ascii=False)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self.objects[name] = data

    def _load(self) -> None:
        if self._file.exists():
            for line in self._file.read_text(encoding="utf-8").splitlines():
                fields = json.loads(line)
                if "object" in fields:
                    self.objects[fields["object"]] = fields["payload"].encode()
                    continue
                key = fields.pop("report_id")
                self.received[key] = fields.pop("payload").encode()
                self._receipts[key] = fields


def _fault(key: str, digest: str, data: bytes) -> str:
    """Why a request is no report; "" if it is."""
    if not key:
        return "an Idempotency-Key is needed"
    expected = base64.b64encode(hashlib.sha256(data).digest()).decode()
    if digest.removeprefix("sha-256=") != expected:
        return "the Digest does not fit the bytes"
    try:
        fields = json.loads(data.decode("utf-8"))
    except ValueError:
        return "the body is no JSON in UTF-8"
    if not isinstance(fields, dict) or fields.get("report_id") != key:  # pyright: ignore[reportUnknownMemberType]
        return "the body's report_id is not the Idempotency-Key"
    return ""


async def start(host: str, port: int, directory: Path, *, token: str = "") -> Standin:
    """A stand-in, listening.

    Args:
        host: ``127.0.0.1`` or ``localhost``.
        port: 0 = any free one.
        directory: where it keeps its certificates (``ca.pem``, ``server.pem``) and what it received (``received.jsonl``), which
            it takes up again when it is started there once more.
        token: the bearer token it wants; empty = one it makes up.
    """
    standin = Standin(directory, token or secrets.token_urlsafe(18))
    await standin.listen(host, port)
    log.info("standin_listening", url=standin.url)
    return standin
