"""The stand-in receiver keeps its own promises, so that what is tested against it is worth something."""

import asyncio
import base64
import hashlib
import json
import ssl
from pathlib import Path

import aiohttp

from soc.forward import standin as module


def digest(data):
    return "sha-256=" + base64.b64encode(hashlib.sha256(data).digest()).decode()


def talk(tmp_path, conversation, **options):
    async def main():
        standin = await module.start("127.0.0.1", 0, tmp_path, token="t", **options)
        context = ssl.create_default_context(cafile=standin.ca_file)
        connector = aiohttp.TCPConnector(ssl=context, force_close=True)
        try:
            async with aiohttp.ClientSession(connector=connector, headers={"Authorization": "Bearer t"}) as session:
                return await conversation(standin, session)
        finally:
            await standin.close()

    return asyncio.run(main())


async def post(session, url, key="r-1", data=b'{"report_id":"r-1"}', **headers):
    fields = {"Idempotency-Key": key, "Digest": digest(data), **headers}
    async with session.post(url, data=data, headers=fields) as response:
        return response.status, await response.json()


def test_the_same_bytes_again_get_the_same_receipt_and_other_bytes_a_conflict(tmp_path):
    async def conversation(standin, session):
        first, again = await post(session, standin.url), await post(session, standin.url)
        other = await post(session, standin.url, data=b'{"report_id":"r-1","x":1}')
        assert (first[0], again[0], other[0]) == (201, 200, 409)
        assert first[1] == again[1]
        assert list(standin.received) == ["r-1"]
        async with session.get(f"{standin.url}/r-1") as response:
            assert (await response.json())["receipt_id"] == first[1]["receipt_id"]
        async with session.get(standin.url) as response:
            assert [item["report_id"] for item in await response.json()] == ["r-1"]
        async with session.get(f"{standin.url}/r-2") as response:
            assert response.status == 404

    talk(tmp_path, conversation)


def test_what_is_no_report_is_refused(tmp_path):
    async def conversation(standin, session):
        assert (await post(session, standin.url, key="r-2"))[0] == 400
        assert (await post(session, standin.url, key=""))[0] == 400
        assert (await post(session, standin.url, Digest=digest(b"other")))[0] == 400
        for data in (b"\xff", b"[]", b"7", b"{"):
            assert (await post(session, standin.url, data=data))[0] == 400
        assert standin.received == {}

    talk(tmp_path, conversation)


def test_every_page_wants_the_token(tmp_path):
    async def conversation(standin, session):
        for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": ""}):
            assert (await post(session, standin.url, **headers))[0] == 401
            async with session.get(standin.url, headers=headers) as response:
                assert response.status == 401
        assert standin.posts == 0

    talk(tmp_path, conversation)


def test_it_is_told_to_misbehave_so_many_times(tmp_path):
    async def conversation(standin, session):
        control = standin.url.replace("/reports", "/control")
        async with session.post(control, json={"mode": "fail", "times": 2}) as response:
            assert response.status == 200
        assert [(await post(session, standin.url))[0] for _ in range(3)] == [503, 503, 201]
        for wrong in ({"mode": "explode"}, {"mode": "ok", "times": 0}, [], "x"):
            async with session.post(control, json=wrong) as response:
                assert response.status == 400

    talk(tmp_path, conversation)


def test_a_lost_answer_was_stored(tmp_path):
    async def conversation(standin, session):
        standin.control("lose_answer", 1)
        try:
            await post(session, standin.url)
        except aiohttp.ClientError:
            assert list(standin.received) == ["r-1"]
            return True
        return False

    assert talk(tmp_path, conversation)


def test_it_knows_after_a_restart_what_it_received_and_keeps_its_certificate(tmp_path):
    async def first(standin, session):
        return await post(session, standin.url), standin.ca_file

    async def second(standin, session):
        return await post(session, standin.url), standin.ca_file

    (status, receipt), ca_file = talk(tmp_path, first)
    certificate = Path(ca_file).read_bytes()
    (status_again, receipt_again), _ = talk(tmp_path, second)
    assert (status, status_again) == (201, 200)
    assert receipt == receipt_again
    assert Path(ca_file).read_bytes() == certificate
    (line,) = (tmp_path / "received.jsonl").read_text().splitlines()
    assert json.loads(line)["report_id"] == "r-1"


def test_its_private_key_is_nobody_else_s_to_read(tmp_path):
    async def conversation(standin, session):
        return (tmp_path / "server.pem").stat().st_mode & 0o077

    assert talk(tmp_path, conversation) == 0
