"""The bulk API as shippers speak it, over a real socket; among them Elasticsearch's own client."""

import asyncio
import base64
import gzip
import json
from typing import Any

import pytest
from elasticsearch import AsyncElasticsearch, NotFoundError, helpers

from soc.errors import BusFullError, UnavailableError
from tests.unit.collectors.support.http_client import BASIC, Answer, Client, with_client
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped

DAY = 86_400_000_000


def ndjson(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


async def bulk(client: Client, *values: Any, path: str = "/_bulk", **headers: str) -> Answer:
    return await client.ask("POST", path, ndjson(*values), BASIC, Content_Type="application/json", **headers)


def results(answer: Answer) -> list[tuple[str, int]]:
    return [(operation, result["status"]) for item in answer.body["items"] for operation, result in item.items()]


def test_each_action_has_its_result_in_order_and_each_document_is_a_record_in_its_own_bytes() -> None:
    async def body(client: Client) -> None:
        data = b'{"index":{"_index":"a"}}\n{ "n": 1 }\n{"create":{}}\r\n{"n":"\xff"}\r\n{"index":{"_id":7}}\nno json'
        answer = await client.ask("POST", "/logs/_bulk", data, BASIC)
        assert answer.status == 200
        assert list(answer.body) == ["took", "errors", "items"]  # Fluent Bit looks for errors right before items
        assert answer.body["errors"] is False
        assert results(answer) == [("index", 201), ("create", 201), ("index", 201)]
        shown = [result for item in answer.body["items"] for result in item.values()]
        assert [result["_index"] for result in shown] == ["a", "logs", "logs"]
        assert shown[2]["_id"] == "7"
        assert client.log.lines == [b'{ "n": 1 }', b'{"n":"\xff"}', b"no json"]
        assert {record.listener for record in client.log.records} == {"http"}
        assert answer.headers["X-Elastic-Product"] == "Elasticsearch"

    with_client(body)


def test_update_and_delete_are_refused_alone() -> None:
    async def body(client: Client) -> None:
        answer = await bulk(
            client,
            *({"index": {}}, {"n": 1}),
            {"delete": {"_index": "a", "_id": "1"}},
            *({"update": {"_id": "1"}}, {"doc": {"n": 2}}),
            *({"create": {}}, {"n": 3}),
        )
        assert answer.body["errors"] is True
        assert results(answer) == [("index", 201), ("delete", 400), ("update", 400), ("create", 201)]
        assert client.log.lines == [b'{"n": 1}', b'{"n": 3}']

    with_client(body)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"[]\n{}\n",
        b'{"index":{}}',
        b'{"index":{}}\n',
        b'{"sing":{}}\n{}\n',
        b'{"index":{},"create":{}}\n{}\n',
    ],
)
def test_a_body_that_is_no_bulk_request_is_refused_whole(data: bytes) -> None:
    async def body(client: Client) -> None:
        answer = await client.ask("POST", "/_bulk", b'{"index":{}}\n{"n":1}\n' + data if data.strip() else data, BASIC)
        assert answer.status == 400
        assert answer.body["status"] == 400
        assert answer.body["error"]["type"] == "illegal_argument_exception"
        assert client.log.lines == []
        assert client.listener.counters.rejected == 1

    with_client(body)


def test_the_token_is_taken_as_password_api_key_and_bearer_and_nothing_else_is() -> None:
    async def body(client: Client) -> None:
        encoded = base64.b64encode(b"name:secret").decode()
        for good in (BASIC, f"ApiKey {encoded}", "ApiKey secret", "Bearer secret", "bearer secret"):
            assert (await client.ask("GET", "/", authorization=good)).status == 200
        wrong = base64.b64encode(b"secret:wrong").decode()
        for bad in ("", f"Basic {wrong}", "Basic secret", "Basic ?", f"ApiKey {wrong}", "Bearer x", "Splunk secret"):
            answer = await client.ask("POST", "/_bulk", ndjson({"index": {}}, {}), bad)
            assert answer.status == 401
            assert answer.body["error"]["type"] == "security_exception"
        assert client.log.lines == []

    with_client(body)


def test_no_room_is_429_for_the_whole_request_and_the_repeat_is_stored() -> None:
    log = MemoryLog()
    log.faults.append((BusFullError("less than 512 MiB are free"), False))

    async def body(client: Client) -> None:
        answer = await bulk(client, {"create": {"_id": "1"}}, {"n": 1})
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "1"
        assert answer.body["error"]["type"] == "es_rejected_execution_exception"
        await asyncio.sleep(0.6)
        assert results(await bulk(client, {"create": {"_id": "1"}}, {"n": 1})) == [("create", 201)]
        assert log.lines == [b'{"n": 1}']

    with_client(body, log)


def test_an_outcome_that_is_not_known_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.http_port.APPEND_TIMEOUT", 0.1)

    async def body(client: Client) -> None:
        client.log.gate.clear()
        first = await bulk(client, {"create": {"_id": "1"}}, {"n": 1})
        assert (first.status, first.body["error"]["type"]) == (503, "unavailable_exception")
        client.log.gate.set()
        assert results(await bulk(client, {"create": {"_id": "1"}}, {"n": 1})) == [("create", 200)]
        assert client.log.lines == [b'{"n": 1}']

    with_client(body)


def test_a_document_with_an_id_is_stored_once_even_within_one_request() -> None:
    async def body(client: Client) -> None:
        one, two = (
            ({"create": {"_index": "a", "_id": "1"}}, {"n": 1}),
            ({"index": {"_index": "a", "_id": "2"}}, {"n": 2}),
        )
        assert results(await bulk(client, *one, *one, *two)) == [("create", 201), ("create", 200), ("index", 201)]
        again = await bulk(client, *two, *one)
        assert again.body["errors"] is False
        assert [item[op]["result"] for item in again.body["items"] for op in item] == ["noop", "noop"]
        assert client.log.lines == [b'{"n": 1}', b'{"n": 2}']
        assert client.listener.counters.duplicates == 3
        assert len({record.id for record in client.log.records} - {""}) == 2

    with_client(body)


def test_another_document_under_a_known_id_is_a_conflict_for_create_and_a_further_record_for_index() -> None:
    async def body(client: Client) -> None:
        name = {"_index": "a", "_id": "1"}
        await bulk(client, {"create": name}, {"n": 1})
        answer = await bulk(client, {"create": name}, {"n": 2}, {"index": name}, {"n": 3})
        assert results(answer) == [("create", 409), ("index", 200)]
        other = await bulk(client, {"create": {"_index": "b", "_id": "1"}}, {"n": 4})
        assert results(other) == [("create", 201)]
        assert client.log.lines == [b'{"n": 1}', b'{"n": 3}', b'{"n": 4}']
        assert len({record.id for record in client.log.records}) == 3

    with_client(body)


def test_documents_without_an_id_are_a_second_delivery() -> None:
    async def body(client: Client) -> None:
        for _ in range(2):
            assert results(await bulk(client, {"index": {}}, {"n": 1})) == [("index", 201)]
        assert client.log.lines == [b'{"n": 1}'] * 2

    with_client(body)


def test_a_repeat_that_overtakes_its_first_delivery_waits_for_it() -> None:
    async def body(client: Client) -> None:
        client.log.gate.clear()
        both = [asyncio.ensure_future(bulk(client, {"create": {"_id": "1"}}, {"n": 1})) for _ in range(5)]
        await asyncio.sleep(0.1)
        client.log.gate.set()
        assert sorted([results(await one)[0][1] for one in both]) == [200] * 4 + [201]
        assert client.log.lines == [b'{"n": 1}']

    with_client(body)


def test_only_so_many_ids_for_a_day_are_remembered_across_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.http_bulk_ids.MAX_IDS", 3)
    log, clock = MemoryLog(), Stepped()

    async def send(client: Client, *numbers: int) -> list[int]:
        pairs = [value for n in numbers for value in ({"create": {"_id": str(n)}}, {"n": n})]
        return [status for _, status in results(await bulk(client, *pairs))]

    async def first(client: Client) -> None:
        assert await send(client, 1, 2) == [201, 201]
        assert await send(client, 3, 4) == [201, 201]  # one too many: the first request is forgotten
        assert sum(key.startswith(b"bulk-ids/http/") for key in log.state) == 1

    async def second(client: Client) -> None:
        assert await send(client, 3, 1) == [200, 201]
        clock.now += DAY
        assert await send(client, 3) == [201]
        assert sum(key.startswith(b"bulk-ids/http/") for key in log.state) == 1

    with_client(first, log, clock)
    with_client(second, log, clock)


def test_what_beats_logstash_and_vector_ask_at_their_start_lets_them_go_on() -> None:
    async def body(client: Client) -> None:
        for probe in ("/", "/_license", "/_xpack", "/_cluster/health", "/_cat/health", "/_nodes/http"):
            for method in ("GET", "HEAD"):
                answer = await client.ask(method, probe, authorization=BASIC)
                assert (answer.status, answer.headers["X-Elastic-Product"]) == (200, "Elasticsearch")
        assert int((await client.ask("GET", "/", authorization=BASIC)).body["version"]["number"].split(".")[0]) == 9
        assert (await client.ask("GET", "/_license", authorization=BASIC)).body["license"]["status"] == "active"
        for name in (
            *("/_ilm/policy/winlogbeat", "/_index_template/winlogbeat-9.1.0", "/_data_stream/winlogbeat-9.1.0"),
            *(
                "/_template/logstash",
                "/_ingest/pipeline/winlogbeat-9.1.0-security",
                "/_alias/winlogbeat",
                "/winlogbeat",
            ),
        ):
            assert (await client.ask("HEAD", name, authorization=BASIC)).status == 404
            assert (await client.ask("GET", name, authorization=BASIC)).body["status"] == 404
            made = await client.ask("PUT", name, b'{"x":1}', BASIC)
            assert (made.status, made.body) == (200, {"acknowledged": True})
        assert client.log.lines == []

    with_client(body)


def test_elasticsearchs_own_client_and_its_bulk_helper_work_unchanged() -> None:
    async def body(client: Client) -> None:
        async with AsyncElasticsearch(client.url, basic_auth=("soc", "secret"), http_compress=True) as shipper:
            assert await shipper.ping()
            assert (await shipper.info())["tagline"]
            with pytest.raises(NotFoundError):
                await shipper.indices.get_index_template(name="logs")
            await shipper.indices.put_index_template(name="logs", index_patterns=["logs-*"])
            documents = [{"_op_type": "create", "_index": "logs", "_id": str(n), "n": n} for n in range(1200)]
            assert await helpers.async_bulk(shipper, documents, chunk_size=500) == (1200, [])
            assert await helpers.async_bulk(shipper, documents, chunk_size=700) == (1200, [])
            refused = [{"_op_type": "delete", "_index": "logs", "_id": "1"}]
            done, errors = await helpers.async_bulk(shipper, refused, raise_on_error=False)
            assert done == 0
            assert isinstance(errors, list)
            assert errors[0]["delete"]["status"] == 400
        async with AsyncElasticsearch(client.url, api_key=("id", "secret")) as shipper:
            assert (await shipper.cluster.health())["status"] == "green"
        assert [json.loads(line) for line in client.log.lines] == [{"n": n} for n in range(1200)]
        assert client.listener.counters.duplicates == 1200

    with_client(body)


def test_elasticsearchs_own_client_repeats_by_itself_while_there_is_no_room() -> None:
    log = MemoryLog()
    log.faults.append((BusFullError("less than 512 MiB are free"), False))

    async def body(client: Client) -> None:
        async with AsyncElasticsearch(
            client.url, bearer_auth="secret", retry_on_status=(429,), retry_on_timeout=True, max_retries=60
        ) as shipper:
            documents = [{"_op_type": "create", "_index": "logs", "n": n} for n in range(3)]
            done, _ = await helpers.async_bulk(shipper, documents, max_retries=5, initial_backoff=0.3)
            assert done == 3
        assert len(log.lines) == 3

    with_client(body, log)


def test_gzip_is_undone_and_a_body_over_the_limit_is_413() -> None:
    async def body(client: Client) -> None:
        data = gzip.compress(ndjson({"index": {}}, {"n": 1}))
        assert (await client.ask("POST", "/_bulk", data, BASIC, Content_Encoding="gzip")).status == 200
        answer = await client.ask("POST", "/_bulk", ndjson({"index": {}}, {"n": "x" * 2000}), BASIC)
        assert (answer.status, answer.body["status"]) == (413, 413)
        assert client.log.lines == [b'{"n": 1}']

    with_client(body, max_body=1024)


def test_a_commit_whose_answer_was_lost_is_written_once() -> None:
    async def body(client: Client) -> None:
        client.log.faults.append((UnavailableError("away"), True))
        answer = await bulk(client, {"index": {}}, {"n": 1})
        assert answer.status == 200
        assert client.log.lines == [b'{"n": 1}']

    with_client(body)
