"""Alerts, a bus, receivers that misbehave as they are told, and sharers that come and go, for the tests of alert sharing."""

import asyncio
import base64
import hashlib
import json
import re
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import msgspec
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from soc.bus.base import Message, Stage, Topology
from soc.bus.embedded import EmbeddedBus
from soc.clock import now, to_micros
from soc.forward.certificate import server_context
from soc.model import Alert, encode
from soc.privacy.inside import NOTHING
from soc.settings import Settings
from soc.sharing import orders
from soc.sharing.seen import read_book
from soc.sharing.setting_up import all_terms, destinations, rules_of
from soc.sharing.sharer import Sharer, Topics
from soc.sharing_receiver import SharingReceiver, SharingSettings

T0 = to_micros(datetime(2026, 11, 23, 1, 0, tzinfo=UTC))
ORGANIZATION = "Trung tâm Giám sát"
TOPOLOGY = Topology(
    (Stage("triage", (), ("alerts", "incidents"), 1), Stage("share", ("alerts", "incidents"), (), 1)),
    {"alerts": 1, "incidents": 1},
)
BASE = Alert(
    id="202611-a", version=1, revision=1, rule_id="5c0a7c52-6f0e-4d3b-9a55-0c6f3b7a1e90", title="Password guessing",
    title_vi="Dò mật khẩu", level="high", tags=("attack.t1110", "attack.credential_access"), type="event_count", rule_set="r",
    episode_revision=1, state="live", merged_into="", group=(), first_seen=T0, last_seen=T0, count=5, members=(), sample=(),
    value=5.0, late=False, entities=(("source.ip", "203.0.113.7"), ("destination.ip", "10.0.0.5"), ("user.name", "lan.nt")),
    raised=T0, systems=("dvc",),
)  # fmt: skip


def alert(number=0, **fields):
    return msgspec.structs.replace(BASE, **{"id": f"202611-{number:08x}", **fields})


def settings(*receivers, **fields):
    """Settings that share with these; each is a dict of its settings."""
    made = tuple(SharingReceiver(**{"retry_min_seconds": 0.01, "retry_max_seconds": 0.05, **one}) for one in receivers)
    given = {"enabled": True, "window_seconds": 1, "receivers": made, **fields}
    return Settings(sharing=SharingSettings(**given), forward={"organization": ORGANIZATION})


class World:
    """A bus and sharers that come and go; time is moved by hand unless ``real``."""

    def __init__(self, directory, made, topology=TOPOLOGY):
        self.bus = EmbeddedBus(directory / "bus", topology)
        self.settings = made
        self.orders = orders.NONE
        self.inside = NOTHING
        self.ahead = 0
        """Microseconds that the sharer's clock is ahead of the wall's."""

    def clock(self):
        return now() + self.ahead

    async def publish(self, *alerts, incidents=()):
        claim = await self.bus.claim("triage", 0)
        out = [Message("incidents", item.id.encode(), encode(item)) for item in incidents]
        await claim.commit([*out, *(Message("alerts", item.id.encode(), encode(item)) for item in alerts)])
        await claim.release()

    def sharer(self, wrap=lambda claim: claim, bindings=None):
        async def claim():
            return wrap(await self.bus.claim("share", 0))

        to = destinations(self.settings)
        if bindings:
            to = [one._replace(binding=bindings[one.terms.name]) for one in to]
        return Sharer(
            claim, rules=rules_of(self.settings), destinations=to, topics=Topics(alerts="alerts", incidents="incidents"),
            inside=lambda: self.inside, orders=lambda: self.orders, clock=self.clock,
        )  # fmt: skip

    async def book(self):
        return await read_book(self.bus)

    def terms(self):
        return all_terms(self.settings)

    async def run_until(self, condition, sharer=None, seconds=60.0):
        """Run a sharer until ``condition`` of the committed state holds."""
        stop = asyncio.Event()
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            tasks.create_task((sharer or self.sharer()).run(stop))
            while not condition(await self.book()):  # noqa: ASYNC110 - what is committed has no event to wait for
                await asyncio.sleep(0.02)
            stop.set()
        return await self.book()


@asynccontextmanager
async def world(tmp_path, made):
    place = World(tmp_path, made)
    try:
        yield place
    finally:
        await place.bus.close()


def fresh(number=0, **fields):
    """An alert of this moment."""
    at = now()
    return alert(number, **{"raised": at, "first_seen": at, "last_seen": at, **fields})


def settled(name="national", due=1):
    """Everything that was due has been sent."""

    def holds(book):
        days = book.days(name)
        lane = book.lane(name)
        return bool(lane) and lane.state == "idle" and sum(day.sent for day in days) >= due and not book.entries(name)

    return holds


class JsonReceiver:
    """A receiver over HTTPS that keeps what it gets by id, drops repeats, and treats its next POSTs as ``plan`` says.

    Attributes:
        plan: None lets a POST through; a number answers with that status; ``lose_answer`` commits and cuts, ``half`` answers half
            of its answer, ``partly`` takes the first half of the records, ``stall`` says nothing until the sender gives up.
        records: id → the record's bytes as they came first. ``repeats``: how many came again. ``changed``: ids that came with other bytes.
        bodies: idempotency key → body.
    """

    def __init__(self):
        self.plan, self.records, self.repeats, self.changed, self.bodies = [], {}, 0, [], {}
        self.posts, self.url, self.counts = 0, "", True

    async def _post(self, request):
        self.posts += 1
        act = self.plan.pop(0) if self.plan else None
        data = await request.read()
        if isinstance(act, int):
            return web.json_response({"error": "told to"}, status=act, headers={"Retry-After": "0"})
        if act == "stall":
            await asyncio.sleep(30)
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        assert request.headers["Digest"] == f"sha-256={digest}"
        key = request.headers["Idempotency-Key"]
        if self.bodies.setdefault(key, data) != data:
            self.changed.append(key)
        records = json.loads(data)["records"]
        taken = records[: len(records) // 2] if act == "partly" and len(records) > 1 else records
        for record in taken:
            made = json.dumps(record, sort_keys=True, ensure_ascii=False)
            self.repeats += record["id"] in self.records
            if self.records.setdefault(record["id"], made) != made:
                self.changed.append(record["id"])
        answer = {"receipt_id": f"R-{self.posts}", "received_at": "2026-11-23T08:00:00Z"}
        if act == "partly":
            answer["taken"] = [record["id"] for record in taken]
        if records[0]["kind"] == "day" and self.counts:
            answer["counted"] = len(self.summaries(records[0]["day"]))
        if act == "lose_answer":
            request.transport.abort()
        if act == "half":
            body = json.dumps(answer).encode()
            response = web.StreamResponse(
                headers={"Content-Length": str(len(body)), "Content-Type": "application/json"}
            )
            await response.prepare(request)
            await response.write(body[: len(body) // 2])
            request.transport.abort()
            return response
        return web.json_response(answer)

    def summaries(self, day=""):
        made = [json.loads(record) for record in self.records.values()]
        return [one for one in made if one["kind"] == "summary" and day in {"", one["day"]}]

    def days(self):
        return [one for one in map(json.loads, self.records.values()) if one["kind"] == "day"]


@asynccontextmanager
async def json_receiver(directory, context=None):
    """A running receiver; its certificate authority is ``ca.pem`` in the directory."""
    receiver = JsonReceiver()
    app = web.Application(client_max_size=16 * 1024**2)
    app.router.add_post("/alerts", receiver._post)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    made = context or server_context(directory, "127.0.0.1")
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=made).start()
    receiver.url = f"https://127.0.0.1:{runner.addresses[0][1]}/alerts"
    try:
        yield receiver
    finally:
        await runner.cleanup()


class SyslogReceiver:
    """A receiver of syslog over TLS that keeps each message by (id, row), drops repeats, and treats connections as ``plan`` says.

    Attributes:
        plan: None reads; ``cut`` reads half and cuts the connection; ``refuse`` closes it at once.
        messages: (id, row) → message. ``repeats``: how many came again.
    """

    def __init__(self):
        self.plan, self.messages, self.repeats, self.changed, self.url, self.connections = [], {}, 0, [], "", 0

    async def _serve(self, reader, writer):
        self.connections += 1
        act = self.plan.pop(0) if self.plan else None
        try:
            if act == "refuse":
                writer.transport.abort()
                return
            if act == "cut":
                await reader.read(64)
                writer.transport.abort()
                return
            while True:
                head = await reader.readuntil(b" ")
                self._take((await reader.readexactly(int(head))).decode())
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            writer.close()

    def _take(self, message):
        found = re.search(r' id="([^"]+)"', message)[1], (re.search(r' row="(\d+)"', message) or ["", ""])[1]
        self.repeats += found in self.messages
        if self.messages.setdefault(found, message) != message:
            self.changed.append(found)


@asynccontextmanager
async def syslog_receiver(directory, context=None):
    receiver = SyslogReceiver()
    made = context or server_context(directory, "127.0.0.1")
    server = await asyncio.start_server(receiver._serve, "127.0.0.1", 0, ssl=made)
    receiver.url = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()


def expired_context(directory):
    """A server's context whose certificate ended yesterday; its authority is ``ca.pem`` in the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    key, at = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ended")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(at - timedelta(days=9))
        .not_valid_after(at - timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(Encoding.PEM)
    (directory / "ca.pem").write_bytes(pem)
    (directory / "server.pem").write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    return context
