"""What each answer of a receiver means for a report, over real TLS."""

import asyncio
import base64
import hashlib
import json

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from soc.errors import SettingsError
from soc.forward.bindings.http import MAX_ANSWER
from soc.forward.bindings.https_json import HttpsJson
from soc.forward.certificate import server_context
from soc.model import Report
from soc.receiver import Receiver

PAYLOAD = '{"report_id":"r-1","title":"Dò"}'.encode()
REPORT = Report(
    "r-1", 2, "202611-1", "initial", "national", "sending", PAYLOAD, hashlib.sha256(PAYLOAD).hexdigest(), 0, "hoa"
)
RECEIPT = {"receipt_id": "R-1", "received_at": "2026-11-22T08:00:00Z"}


def exchange(tmp_path, handler, method="send", may_leave=lambda: True, **settings):
    """What the binding says when the receiver answers by ``handler``; and the requests it saw."""
    seen = []

    async def answer(request):
        seen.append((request.method, request.path, dict(request.headers), await request.read()))
        return await handler(request)

    async def main():
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(tmp_path, "127.0.0.1")).start()
        url = f"https://127.0.0.1:{runner.addresses[0][1]}/reports/"
        fields = {"url": url, "ca_file": str(tmp_path / "ca.pem"), "token": "secret-token", "timeout_seconds": 0.5}
        binding = HttpsJson(Receiver(**{**fields, **settings}))
        try:
            return await (binding.send(REPORT, may_leave) if method == "send" else binding.verify(REPORT))
        finally:
            await binding.close()
            await runner.cleanup()

    return asyncio.run(main()), seen


def says(status, body=None, **headers):
    async def handler(request):
        return web.json_response(body if body is not None else {"error": "why"}, status=status, headers=headers)

    return handler


def test_a_report_is_sent_with_its_key_its_digest_and_the_token(tmp_path):
    happened, seen = exchange(tmp_path, says(201, RECEIPT))
    assert (happened.kind, happened.receipt.receipt_id, happened.receipt.status) == ("accepted", "R-1", 201)
    ((method, path, headers, body),) = seen
    assert (method, path, body) == ("POST", "/reports", PAYLOAD)
    assert headers["Idempotency-Key"] == "r-1"
    assert headers["Authorization"] == "Bearer secret-token"
    assert headers["Content-Type"] == "application/json"
    assert headers["Content-Length"] == str(len(PAYLOAD))
    assert headers["Digest"].startswith("sha-256=")
    assert "JWS-Signature" not in headers
    assert happened.receipt.request_sha256 == hashlib.sha256(body).hexdigest()
    assert len(happened.receipt.peer) == 64


def test_with_a_signing_key_the_very_body_is_signed(tmp_path):
    key = Ed25519PrivateKey.generate()
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(key.private_bytes(*form))
    _, seen = exchange(tmp_path, says(201, RECEIPT), signing_key_file=str(tmp_path / "key.pem"), signing_key_id="soc-1")
    ((_, _, headers, body),) = seen
    protected, payload, signature = headers["JWS-Signature"].split(".")
    assert payload == ""
    raw = [base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in (protected, signature)]
    key.public_key().verify(raw[1], protected.encode() + b"." + body)
    assert (json.loads(raw[0])["kid"], json.loads(raw[0])["sub"]) == ("soc-1", "r-1")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, "accepted"), (202, "accepted"), (301, "rejected"), (307, "rejected"), (400, "rejected"), (401, "unauthorized"),
        (403, "unauthorized"), (404, "rejected"), (409, "rejected"), (413, "rejected"), (415, "rejected"),
        (422, "rejected"), (429, "unavailable"), (503, "unavailable"), (500, "lost"), (502, "lost"), (504, "lost"),
    ],
)  # fmt: skip
def test_each_status_means_one_thing(tmp_path, status, kind):
    location = {"Location": "/reports/elsewhere"} if 300 <= status < 400 else {}
    happened, seen = exchange(tmp_path, says(status, RECEIPT if status < 300 else None, **location))
    assert happened.kind == kind
    assert len(seen) == 1
    if status >= 400:
        assert happened.detail == f"{status}: why"


@pytest.mark.parametrize("body", [{}, [], {"receipt_id": 7, "received_at": "x"}, {"receipt_id": ""}, "words"])
def test_a_success_without_a_receipt_is_not_believed(tmp_path, body):
    happened, _ = exchange(tmp_path, says(200, body))
    assert happened.kind == "lost"


def test_an_answer_that_is_too_long_is_not_read_to_its_end(tmp_path):
    happened, _ = exchange(tmp_path, says(200, {**RECEIPT, "padding": "x" * MAX_ANSWER}))
    assert happened.kind == "lost"
    assert "more than" in happened.detail


def test_an_answer_that_is_cut_or_late_leaves_it_uncertain(tmp_path):
    async def cut(request):
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(json.dumps(RECEIPT).encode())
        request.transport.abort()
        return response

    async def late(request):
        await asyncio.sleep(30)
        return web.json_response(RECEIPT)

    assert exchange(tmp_path, cut)[0].kind == "lost"
    assert exchange(tmp_path, late)[0].kind == "lost"


@pytest.mark.parametrize(("value", "seconds"), [("30", 30.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)])
def test_retry_after_is_read_in_seconds(tmp_path, value, seconds):
    happened, _ = exchange(tmp_path, says(429, {}, **{"Retry-After": value}))
    assert happened.retry_after == seconds


def test_nobody_listening_is_certainly_not_taken(tmp_path):
    happened, _ = exchange(tmp_path, says(200, RECEIPT), url="https://127.0.0.1:1/reports")
    assert happened.kind == "unavailable"


def test_a_certificate_for_another_name_stops_it_before_a_byte_leaves(tmp_path):
    async def main():
        app = web.Application()
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.2", 0, ssl_context=server_context(tmp_path, "127.0.0.1")).start()
        port = runner.addresses[0][1]
        receiver = Receiver(url=f"https://127.0.0.2:{port}/reports", ca_file=str(tmp_path / "ca.pem"))
        happened = await HttpsJson(receiver).send(REPORT, lambda: True)
        await runner.cleanup()
        return happened

    happened = asyncio.run(main())
    assert happened.kind == "unauthorized"
    assert happened.detail.startswith("certificate: ")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, RECEIPT, "found"),
        (200, {**RECEIPT, "sha256": REPORT.payload_sha256.upper()}, "found"),
        (200, {**RECEIPT, "sha256": "0" * 64}, "differs"),
        (200, {}, "unreachable"),
        (404, {}, "absent"),
        (401, {}, "unreachable"),
        (405, {}, "unreachable"),
        (500, {}, "unreachable"),
    ],
)
def test_asking_for_a_report_has_four_answers(tmp_path, status, body, kind):
    happened, seen = exchange(tmp_path, says(status, body), "verify")
    assert happened.kind == kind
    assert [(method, path) for method, path, *_ in seen] == [("GET", "/reports/r-1")]


def test_the_token_is_in_no_detail(tmp_path):
    for handler in (says(401), says(500, {"error": "x" * 5000})):
        happened, _ = exchange(tmp_path, handler)
        assert "secret-token" not in happened.detail
        assert len(happened.detail) <= 200


def test_only_https_is_an_address_of_this_wire():
    with pytest.raises(SettingsError, match="https"):
        HttpsJson(Receiver(url="http://127.0.0.1/reports"))


@pytest.mark.parametrize("url", ["http://192.0.2.1/reports", "ftp://x", "reports"])
def test_nothing_that_is_not_encrypted_is_a_receiver_beyond_this_machine(url):
    with pytest.raises(ValidationError, match="https"):
        Receiver(url=url)


@pytest.mark.parametrize(("recognizes", "kind"), [(True, "absent"), (False, "unknowable")])
def test_a_receiver_that_cannot_be_asked_is_sent_the_same_again_only_if_it_recognizes_it(recognizes, kind):
    binding = HttpsJson(Receiver(url="https://127.0.0.1:1/reports", readable=False, recognizes_repeats=recognizes))
    assert asyncio.run(binding.verify(REPORT)).kind == kind


def test_a_report_that_may_not_leave_any_more_when_the_connection_stands_does_not(tmp_path):
    happened, seen = exchange(tmp_path, says(201, RECEIPT), may_leave=lambda: False)
    assert (happened.kind, seen) == ("unavailable", [])
    assert happened.detail.startswith("not sent: ")


def test_what_runs_out_of_time_before_a_connection_stands_was_certainly_not_taken(tmp_path):
    """A server that accepts the connection and never says hello: not a byte of the report left."""

    async def main():
        async def silent(_reader, writer):
            await asyncio.sleep(5)
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/reports"
        binding = HttpsJson(Receiver(url=url, token="t", timeout_seconds=0.3))
        try:
            return await binding.send(REPORT, lambda: True)
        finally:
            server.close()

    assert asyncio.run(main()).kind == "unavailable"
