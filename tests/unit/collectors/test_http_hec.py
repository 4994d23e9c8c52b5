"""Splunk's HTTP Event Collector over a real socket: events with their metadata, raw lines, acks, Splunk's codes."""

import asyncio
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.hec import events
from soc.errors import BusFullError
from tests.unit.collectors.support.http_client import BASIC, Client, with_client
from tests.unit.collectors.support.memory_claim import MemoryLog

TOKEN = "Splunk secret"
EVENT = "/services/collector/event"
CHANNEL = {"X_Splunk_Request_Channel": "0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba"}


def test_events_one_behind_another_are_records_with_their_metadata_in_their_own_bytes() -> None:
    async def body(client: Client) -> None:
        one = b'{"time":1795334400.5,"host":"srv1","source":"/var/log/auth.log","sourcetype":"linux_secure","event":"x \xff"}'
        two = b'{"event": {"a": [1, "}{"]}, "fields": {"unit": "ssh"}}'
        for path in ("/services/collector", EVENT, EVENT + "/1.0"):
            answer = await client.ask("POST", path, one + two + b"\n " + one, TOKEN)
            assert (answer.status, answer.body) == (200, {"text": "Success", "code": 0})
        assert client.log.lines == [one, two, one] * 3

    with_client(body)


def test_raw_lines_are_records_and_the_host_of_the_request_is_their_source() -> None:
    async def body(client: Client) -> None:
        path = "/services/collector/raw?host=srv1&sourcetype=linux_secure&channel=0"
        assert (await client.ask("POST", path, b"<13>one \xff\r\n\n<13>two", TOKEN)).body["code"] == 0
        assert client.log.lines == [b"<13>one \xff", b"<13>two"]
        assert {record.source for record in client.log.records} == {"srv1"}

    with_client(body)


@pytest.mark.parametrize(
    ("data", "code", "number"),
    [
        (b"", 5, 0),
        (b" \n", 5, 0),
        (b'{"event":"a"}{"event":', 6, 1),
        (b'{"event":"a"}[1]', 6, 1),
        (b'{"event":"a"}{"host":"b"}', 12, 1),
        (b'{"event":null}', 12, 0),
        (b'{"event":"a"}{"event":"b"}{"event":""}', 13, 2),
        (b'{"event":' + b"[" * 100_000, 6, 0),
    ],
)
def test_what_is_no_event_is_refused_with_splunks_code_and_its_number_and_nothing_is_written(
    data: bytes, code: int, number: int
) -> None:
    async def body(client: Client) -> None:
        answer = await client.ask("POST", EVENT, data, TOKEN)
        assert (answer.status, answer.body["code"], answer.body["invalid-event-number"]) == (400, code, number)
        assert client.log.lines == []
        assert client.listener.counters.rejected == 1

    with_client(body)


def test_the_token_is_asked_for_and_health_needs_none() -> None:
    async def body(client: Client) -> None:
        event = b'{"event":"a"}'
        assert (await client.ask("POST", EVENT, event)).body["code"] == 2
        wrong = await client.ask("POST", EVENT, event, "Splunk wrong")
        assert (wrong.status, wrong.body["code"]) == (403, 4)
        assert (await client.ask("POST", EVENT, event, BASIC)).status == 200
        health = await client.ask("GET", "/services/collector/health/1.0")
        assert (health.status, health.body["code"]) == (200, 17)

    with_client(body)


def test_an_ack_id_is_given_to_who_names_a_channel_once_the_events_are_durable() -> None:
    async def body(client: Client) -> None:
        client.log.gate.clear()
        request = asyncio.ensure_future(client.ask("POST", EVENT, b'{"event":"a"}', TOKEN, **CHANNEL))
        await asyncio.sleep(0.1)
        assert not request.done()
        client.log.gate.set()
        first = (await request).body["ackId"]
        second = (await client.ask("POST", EVENT + "?channel=x", b'{"event":"b"}', TOKEN)).body["ackId"]
        assert second > first
        asked = json.dumps({"acks": [first, second, second + 1]}).encode()
        answer = await client.ask("POST", "/services/collector/ack", asked, TOKEN, **CHANNEL)
        assert answer.body == {"acks": {str(first): True, str(second): True, str(second + 1): False}}
        assert (await client.ask("POST", "/services/collector/ack", asked, TOKEN)).body["code"] == 10
        assert (await client.ask("POST", "/services/collector/ack", b"[]", TOKEN, **CHANNEL)).status == 400

    with_client(body)


def test_an_ack_id_of_before_a_restart_still_stands_for_durable_events() -> None:
    log, given_ids = MemoryLog(), list[int]()

    async def first(client: Client) -> None:
        given_ids.append((await client.ask("POST", EVENT, b'{"event":"a"}', TOKEN, **CHANNEL)).body["ackId"])

    async def second(client: Client) -> None:
        asked = json.dumps({"acks": given_ids}).encode()
        answer = await client.ask("POST", "/services/collector/ack", asked, TOKEN, **CHANNEL)
        assert answer.body == {"acks": {str(given_ids[0]): True}}

    with_client(first, log)
    with_client(second, log)


def test_no_room_is_503_and_the_repeat_is_stored() -> None:
    log = MemoryLog()
    log.faults.append((BusFullError("less than 512 MiB are free"), False))

    async def body(client: Client) -> None:
        answer = await client.ask("POST", EVENT, b'{"event":"a"}', TOKEN)
        assert (answer.status, answer.body["code"], answer.headers["Retry-After"]) == (503, 9, "1")
        health = await client.ask("GET", "/services/collector/health")
        assert (health.status, health.body["code"]) == (503, 18)
        await asyncio.sleep(0.6)
        assert (await client.ask("POST", EVENT, b'{"event":"a"}', TOKEN)).status == 200
        assert log.lines == [b'{"event":"a"}']

    with_client(body, log)


def test_gzip_is_undone() -> None:
    async def body(client: Client) -> None:
        data = gzip.compress(b'{"event":"a"}{"event":"b"}')
        assert (await client.ask("POST", EVENT, data, TOKEN, Content_Encoding="gzip")).status == 200
        assert client.log.lines == [b'{"event":"a"}', b'{"event":"b"}']

    with_client(body)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(_json.filter(lambda value: value not in (None, "")), min_size=1, max_size=5),
    st.sampled_from(["", "\n", " \r\n\t"]),
)
def test_what_is_written_one_behind_another_is_read_back_byte_for_byte(values: list[object], between: str) -> None:
    written = [json.dumps({"event": value}).encode() for value in values]
    assert events(between.encode().join(written)) == written
