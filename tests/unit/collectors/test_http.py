"""HTTP ingest over a real socket: tokens, durability before the answer, idempotency, clear refusals."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from collectors.http import HttpIngest
from collectors.http_keys import KEY_KEPT
from collectors.intake import Intake
from collectors.tls import TlsFiles
from soc.errors import BusFullError, CommitUnknownError
from tests.unit.collectors.support.certificates import Authority
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until

Post = Callable[..., Awaitable[tuple[int, Any, Any]]]
NDJSON = {"Content-Type": "application/x-ndjson"}


def with_listener(
    body: Callable[[Post, MemoryLog, HttpIngest], Awaitable[None]],
    log: MemoryLog | None = None,
    clock: Stepped | None = None,
    **kwargs: Any,
) -> None:
    """Run ``body`` against a listening ``HttpIngest`` with token ``secret``."""

    async def scenario() -> None:
        durable = log or MemoryLog()
        now = clock or Stepped()
        intake = Intake(durable.open, clock=now)
        listener = HttpIngest(intake, name="http", host="127.0.0.1", port=0, token="secret", clock=now, **kwargs)
        async with running(intake, listener), aiohttp.ClientSession(auto_decompress=False) as session:

            async def post(
                data: bytes,
                headers: dict[str, str] | None = None,
                *,
                token: str = "secret",
                path: str = "/ingest",
                method: str = "POST",
            ) -> tuple[int, Any, Any]:
                assert listener.address is not None
                url = f"http://127.0.0.1:{listener.address[1]}{path}"
                all_headers = {"Authorization": f"Bearer {token}", **NDJSON, **(headers or {})}
                async with session.request(method, url, data=data, headers=all_headers) as response:
                    return response.status, await response.json() if await response.read() else None, response.headers

            await body(post, durable, listener)

    asyncio.run(scenario())


def test_200_says_how_many_records_are_durable() -> None:
    async def body(post: Post, log: MemoryLog, listener: HttpIngest) -> None:
        status, answer, _ = await post(b'{"a":1}\n{"a":2}\n')
        assert (status, answer) == (200, {"accepted": 2})
        assert log.lines == [b'{"a":1}', b'{"a":2}']
        assert {(r.id, r.listener, r.source, r.profile) for r in log.records} == {("", "http", "127.0.0.1", "windows")}
        assert listener.counters.received == 2

    with_listener(body, profile="windows")


def test_no_answer_before_the_records_are_durable() -> None:
    async def body(post: Post, log: MemoryLog, _: HttpIngest) -> None:
        log.gate.clear()
        request = asyncio.ensure_future(post(b"a\n"))
        await asyncio.sleep(0.1)
        assert not request.done()
        log.gate.set()
        assert (await request)[0] == 200

    with_listener(body)


def test_a_gelf_message_is_one_record_and_anything_else_is_refused() -> None:
    async def body(post: Post, log: MemoryLog, _: HttpIngest) -> None:
        message = b'{"version":"1.1","host":"app1","short_message":"two\\nlines"}'
        for data in (message, message + b"\0"):
            assert (await post(data, path="/gelf"))[0] == 202
        assert (await post(b"[1]", path="/gelf"))[0] == 400
        assert (await post(message, path="/gelf", token="wrong"))[0] == 401
        assert log.lines == [message, message]

    with_listener(body)


def test_lines_that_are_no_json_are_records_too() -> None:
    async def body(post: Post, log: MemoryLog, _: HttpIngest) -> None:
        assert (await post(b"<13>plain \xff\0\n{broken\n", {"Content-Type": "text/plain; charset=utf-8"}))[1] == {
            "accepted": 2
        }
        assert log.lines == [b"<13>plain \xff\0", b"{broken"]

    with_listener(body)


def test_a_json_array_and_gzip() -> None:
    async def body(post: Post, log: MemoryLog, _: HttpIngest) -> None:
        assert (await post(b'[{"a": 1}, 2]', {"Content-Type": "application/json"}))[1] == {"accepted": 2}
        assert (await post(gzip.compress(b"x\ny\n"), {"Content-Encoding": "gzip"}))[1] == {"accepted": 2}
        assert log.lines == [b'{"a": 1}', b"2", b"x", b"y"]

    with_listener(body)


def test_refusals_say_what_where_and_what_to_do_and_write_nothing() -> None:
    async def body(post: Post, log: MemoryLog, listener: HttpIngest) -> None:
        cases = [
            (401, await post(b"a", token="wrong")),
            (401, await post(b"a", token="")),
            (413, await post(b"a" * 2000)),
            (413, await post(gzip.compress(b"a" * 100_000), {"Content-Encoding": "gzip"})),
            (415, await post(b"a", {"Content-Type": "application/xml"})),
            (415, await post(b"a", {"Content-Encoding": "br"})),
            (400, await post(b"{}", {"Content-Type": "application/json"})),
            (400, await post(b"a", {"Idempotency-Key": "k" * 300})),
            (404, await post(b"a", path="/elsewhere/still")),
            (405, await post(b"", method="PUT")),
        ]
        for expected, (status, answer, _) in cases:
            assert status == expected
            assert set(answer) == {"error", "where", "advice"}
        assert log.lines == []
        assert listener.counters.rejected == 8

    with_listener(body, max_body=1024)


def test_a_long_record_is_cut_and_marked() -> None:
    async def body(post: Post, log: MemoryLog, listener: HttpIngest) -> None:
        await post(b"x" * 700 + b"\ny\n")
        assert [(len(r.data), r.cut) for r in log.records] == [(480, True), (1, False)]
        assert listener.counters.cut_bytes == 220

    with_listener(body, max_bytes=480)


def test_a_repeated_key_is_answered_as_before_and_writes_nothing() -> None:
    async def body(post: Post, log: MemoryLog, listener: HttpIngest) -> None:
        key = {"Idempotency-Key": "batch-1"}
        first = await post(b"a\nb\n", key)
        again = await post(b"a\nb\n", key)
        assert first[:2] == again[:2] == (200, {"accepted": 2})
        assert again[2]["Idempotent-Replay"] == "true"
        assert log.lines == [b"a", b"b"]
        assert listener.counters.duplicates == 1
        ids = [r.id for r in log.records]
        assert [identity.rsplit("/", 1)[1] for identity in ids] == ["0", "1"]
        assert len({identity.rsplit("/", 1)[0] for identity in ids}) == 1

    with_listener(body)


def test_a_repeated_key_with_another_body_is_422() -> None:
    async def body(post: Post, log: MemoryLog, _: HttpIngest) -> None:
        key = {"Idempotency-Key": "batch-1"}
        await post(b"a\n", key)
        assert (await post(b"b\n", key))[0] == 422
        assert log.lines == [b"a"]

    with_listener(body)


def test_a_repeat_after_a_restart_and_after_a_lost_answer_writes_nothing() -> None:
    log = MemoryLog()
    # written, the answer lost; and written, then the process restarted before it could answer
    log.faults.append((CommitUnknownError("lost"), True))

    async def first(post: Post, log: MemoryLog, _: HttpIngest) -> None:
        assert (await post(b"a\n", {"Idempotency-Key": "k"}))[0] == 200

    async def second(post: Post, log: MemoryLog, _: HttpIngest) -> None:
        status, answer, _headers = await post(b"a\n", {"Idempotency-Key": "k"})
        assert (status, answer) == (200, {"accepted": 1})
        assert log.lines == [b"a"]

    with_listener(first, log)
    with_listener(second, log)


def test_a_repeat_that_overtakes_its_first_delivery_waits_for_it() -> None:
    async def body(post: Post, log: MemoryLog, listener: HttpIngest) -> None:
        log.gate.clear()
        both = [asyncio.ensure_future(post(b"a\n", {"Idempotency-Key": "k"})) for _ in range(5)]
        await asyncio.sleep(0.1)
        log.gate.set()
        assert {(await one)[0] for one in both} == {200}
        assert log.lines == [b"a"]
        assert listener.counters.duplicates == 4

    with_listener(body)


def test_a_client_that_hangs_up_and_repeats_is_stored_once() -> None:
    async def body(post: Post, log: MemoryLog, _: HttpIngest) -> None:
        log.gate.clear()
        try:
            async with asyncio.timeout(0.1):
                await post(b"a\n", {"Idempotency-Key": "k"})
        except TimeoutError:
            pass
        again = asyncio.ensure_future(post(b"a\n", {"Idempotency-Key": "k"}))
        await asyncio.sleep(0.05)
        log.gate.set()
        assert (await again)[:2] == (200, {"accepted": 1})
        assert log.lines == [b"a"]

    with_listener(body)


def test_a_request_that_is_given_up_keeps_its_key_until_its_outcome_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.http_port.APPEND_TIMEOUT", 0.1)

    async def body(post: Post, log: MemoryLog, _: HttpIngest) -> None:
        log.gate.clear()
        key = {"Idempotency-Key": "k"}
        assert [(await post(b"a\n", key))[0] for _ in range(2)] == [503, 503]
        log.gate.set()
        assert (await post(b"a\n", key))[:2] == (200, {"accepted": 1})
        assert log.lines == [b"a"]

    with_listener(body)


def test_a_key_expires_after_a_day_and_then_names_other_records() -> None:
    clock = Stepped()

    async def body(post: Post, log: MemoryLog, _: HttpIngest) -> None:
        await post(b"a\n", {"Idempotency-Key": "k"})
        await post(b"a\n", {"Idempotency-Key": "other"})
        clock.now += KEY_KEPT
        assert (await post(b"b\n", {"Idempotency-Key": "k"}))[0] == 200
        assert log.lines == [b"a", b"a", b"b"]
        assert len({r.id for r in log.records}) == 3
        assert sum(key.startswith(b"idem/http/") for key in log.state) == 1

    with_listener(body, clock=clock)


def test_a_full_bus_is_503_with_retry_after_and_the_repeat_is_stored() -> None:
    log = MemoryLog()
    log.faults.append((BusFullError("less than 512 MiB are free"), False))

    async def body(post: Post, log: MemoryLog, listener: HttpIngest) -> None:
        status, answer, headers = await post(b"a\n", {"Idempotency-Key": "k"})
        assert status == 503
        assert "512 MiB" in answer["error"]
        assert headers["Retry-After"] == "1"
        assert listener.counters.pushed_back == 1
        await asyncio.sleep(0.6)
        assert (await post(b"a\n", {"Idempotency-Key": "k"}))[0] == 200
        assert log.lines == [b"a"]

    with_listener(body, log)


def test_too_many_requests_at_once_are_503_and_nothing_of_them_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.http_port.MAX_REQUESTS", 2)

    async def body(post: Post, log: MemoryLog, _: HttpIngest) -> None:
        log.gate.clear()
        first = [asyncio.ensure_future(post(b"a\n")) for _ in range(2)]
        await asyncio.sleep(0.1)
        assert (await post(b"b\n"))[0] == 503
        log.gate.set()
        assert {(await one)[0] for one in first} == {200}
        assert log.lines == [b"a", b"a"]

    with_listener(body)


def test_a_stop_finishes_the_request_under_way() -> None:
    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        listener = HttpIngest(intake, name="http", host="127.0.0.1", port=0, token="secret", clock=Stepped())
        async with aiohttp.ClientSession() as session:

            async def post() -> int:
                assert listener.address is not None
                url = f"http://127.0.0.1:{listener.address[1]}/ingest"
                async with session.post(
                    url, data=b"a\n", headers={"Authorization": "Bearer secret", **NDJSON}
                ) as response:
                    return response.status

            async with running(intake, listener):
                log.gate.clear()
                request = asyncio.ensure_future(post())
                await until(lambda: intake.counters.queued_bytes > 0)
                asyncio.get_running_loop().call_later(0.2, log.gate.set)
            assert await request == 200
            assert log.lines == [b"a"]

    asyncio.run(scenario())


def test_https_takes_up_a_new_certificate_and_clients_certificates_are_asked_for(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    served, known = authority.issue("server"), authority.issue("shipper")

    async def scenario() -> None:
        log = MemoryLog()
        intake = Intake(log.open, clock=Stepped())
        tls = TlsFiles(*served, client_ca=str(authority.file))
        listener = HttpIngest(intake, name="http", host="127.0.0.1", port=0, token="secret", clock=Stepped(), tls=tls)
        async with running(intake, listener), aiohttp.ClientSession() as session:
            assert listener.address is not None
            url = f"https://127.0.0.1:{listener.address[1]}/ingest"
            headers = {"Authorization": "Bearer secret", **NDJSON}
            for data in (b"a", b"b"):
                context = authority.client(known)
                async with session.post(url, data=data, headers=headers, ssl=context) as response:
                    assert response.status == 200
                authority.issue("server")
            with pytest.raises(aiohttp.ClientError):
                await session.post(url, data=b"c", headers=headers, ssl=authority.client())
        assert log.lines == [b"a", b"b"]
        assert listener.counters.certificates_reloaded >= 1

    asyncio.run(scenario())
