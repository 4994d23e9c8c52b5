"""The Elasticsearch store where the contract does not reach: months, refusals, overload, a killed server, retention by index."""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live.elasticsearch_proxy import REJECTED, Proxy
from live.elasticsearch_server import ElasticsearchServer, new_server, shared_server

from soc.clock import DAY, to_micros
from soc.errors import UnavailableError
from soc.store.base import Document, Kind
from soc.store.query import All, Comparison, Exists, Field, Not, Or, Phrase, Query, matches, parse
from soc.store.words import normal, texts_of, tokens

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

EXAMPLES = int(os.environ.get("SOC_EXAMPLES", "20"))
OCTOBER = to_micros(datetime(2026, 10, 31, 23, 59, tzinfo=UTC))
NOVEMBER = to_micros(datetime(2026, 11, 1, 0, 1, tzinfo=UTC))


def open_store(url: str, **patience):
    """Imported late: without the extra ``cluster`` these tests are skipped by the server's fixture."""
    from soc.settings import ElasticsearchSettings
    from soc.store.elasticsearch import connect
    from soc.store.elasticsearch_client import Patience

    return connect(ElasticsearchSettings(urls=(url,)), Patience(**patience))


@pytest.fixture
def url() -> str:
    return shared_server().url


@pytest.fixture
def own_server(tmp_path) -> Iterator[ElasticsearchServer]:
    """A server that a test may hurt."""
    server = new_server(tmp_path / "node")
    server.start()
    yield server
    server.kill()


def alert(id_: str, version: int, time_: int, **fields: object) -> Document:
    return Document("alert", id_, version, time_, fields)


async def indices(store, kind: Kind) -> list[str]:
    return await store._indices(kind)


def on(url: str, body: Callable[..., Awaitable[None]]) -> None:
    """Run a test's body on an empty store."""

    async def inside() -> None:
        store = open_store(url)
        try:
            await store.clear()
            await body(store)
        finally:
            await store.close()

    asyncio.run(inside())


def test_a_repeat_and_a_revision_across_a_months_boundary_are_one_document(url):
    async def body(store) -> None:
        first = alert("202611-abc", 1, NOVEMBER, f="first")
        await store.write([first])
        await store.write([alert("202611-abc", 2, OCTOBER, f="an earlier event came late")])
        await store.write([first, alert("202611-abc", 1, OCTOBER, f="first")])
        page = await store.search("alert", All())
        assert [(found.version, found.time) for found in page.documents] == [(2, OCTOBER)]
        assert await indices(store, "alert") == ["soc-alerts-2026.11"]
        assert (await store.get("alert", "202611-abc")).version == 2

    on(url, body)


def test_events_are_in_the_month_they_happened_and_are_found_and_read_across_months(url):
    async def body(store) -> None:
        events = [Document("event", f"log/0/{n}", 1, t, {"n": n}) for n, t in enumerate([OCTOBER, NOVEMBER, 5, 2**60])]
        for _ in range(2):
            assert not await store.write(events)
        names = await indices(store, "event")
        assert names == [f"soc-events-{month}" for month in ("0000.00", "2026.10", "2026.11", "9999.99")]
        assert [found.id for found in (await store.search("event", All())).documents] == [
            "log/0/3", "log/0/1", "log/0/0", "log/0/2",
        ]  # fmt: skip
        found = await store.get_many("event", ["log/0/0", "log/0/1", "log/0/1", "nowhere"])
        assert found == {"log/0/0": events[0], "log/0/1": events[1]}

    on(url, body)


def test_a_value_of_the_wrong_type_is_kept_searched_and_never_refused(url):
    async def body(store) -> None:
        wrong = {
            "source": "gateway", "source.ip": "not-an-address", "@timestamp": "soon", "destination.port": "https",
            "_id": "x", "": "no name", "a..b": 1, "host.name": {"odd": 1}, "soc.time": "mine", "n": 2**70,
        }  # fmt: skip
        right = {"source.ip": "192.0.2.7", "@timestamp": "2026-11-01T00:01:00.000Z"}
        documents = [Document("event", "wrong", 1, NOVEMBER, wrong), Document("event", "right", 1, NOVEMBER, right)]
        assert not await store.write(documents)
        assert await store.get("event", "wrong") == documents[0]
        for text in (
            "source.ip:not-an-*",
            "gateway",
            "_id:x",
            "soc.time:mine",
            "n>100000000000000000000",
            "_exists_:a..b",
        ):
            assert [found.id for found in (await store.search("event", parse(text))).documents] == ["wrong"], text
        native = {"term": {"source.ip": "192.0.2.0/24"}}
        answer = await store._client.search(index="soc-events-*", query=native)
        assert [hit["_source"]["soc.id"] for hit in answer["hits"]["hits"]] == ["right"]

    on(url, body)


def test_what_elasticsearch_will_never_take_comes_back_with_the_reason_and_the_rest_goes_in(url):
    async def body(store) -> None:
        immense = alert("x" * 40_000, 1, NOVEMBER, f="never")
        negative = alert("negative", -1, NOVEMBER, f="never")
        refusals = await store.write([alert("a", 1, NOVEMBER), immense, negative, alert("b", 1, NOVEMBER)])
        assert [refusal.document for refusal in refusals] == [negative, immense]
        assert "version" in refusals[0].reason
        assert refusals[1].reason.startswith("400 document_parsing_exception")
        assert "soc.id" in refusals[1].reason
        assert (await store.search("alert", All())).total == 2
        long = alert("y" * 600, 1, NOVEMBER, f="an id longer than Elasticsearch takes")
        assert not await store.write([long, alert("", 1, NOVEMBER)])
        assert await store.get("alert", long.id) == long
        assert (await store.get("alert", "")).id == ""

    on(url, body)


def test_an_index_that_cannot_be_made_gives_no_document_up(url):
    async def body(store) -> None:
        await store.write([alert("202611-a", 1, NOVEMBER)])
        await store._client.cluster.put_settings(persistent={"cluster.max_shards_per_node": 1})
        try:
            with pytest.raises(UnavailableError, match="shards"):
                await store.write([alert("202612-a", 1, NOVEMBER)])
        finally:
            await store._client.cluster.put_settings(persistent={"cluster.max_shards_per_node": None})
        assert not await store.write([alert("202612-a", 1, NOVEMBER)])

    on(url, body)


def test_retention_drops_whole_months_and_deletes_the_rest_one_by_one(url):
    async def body(store) -> None:
        documents = [Document("event", f"{n}", 1, NOVEMBER + (n - 35) * DAY, {"n": n}) for n in range(60)]
        await store.write(documents)
        assert len(await indices(store, "event")) == 3
        assert await store.delete_before("event", documents[40].time) == 40
        assert await indices(store, "event") == ["soc-events-2026.11"]
        page = await store.search("event", All(), limit=100)
        assert [int(found.id) for found in page.documents] == list(range(59, 39, -1))
        late = Document("event", "late", 1, OCTOBER, {"f": "written again after its month was dropped"})
        await store.write([late])
        assert await store.get("event", "late") == late

    on(url, body)


def test_counts_are_right_for_long_values_and_undecided_queries_too(url):
    async def body(store) -> None:
        long = "C:\\" + "deep\\" * 60 + "run.exe"
        documents = [
            Document(
                "event", f"{n}", 1, NOVEMBER + n, {"path": long if n % 3 else "C:\\cmd.exe", "user.name": f"U{n % 2}"}
            )
            for n in range(30)
        ]
        await store.write(documents)
        assert await store.counts("event", All(), "path") == [(long, 20), ("C:\\cmd.exe", 10)]
        query = parse("path:*\\\\run.exe")
        assert await store.counts("event", query, "user.name") == [("U0", 10), ("U1", 10)]
        page = await store.search("event", query, limit=7)
        assert (page.total, len(page.documents)) == (20, 7)
        rest = await store.search("event", query, limit=50, after=page.after)
        assert (rest.total, len(rest.documents), rest.after) == (20, 13, None)

    on(url, body)


async def _through_proxy(url: str, answer, patience: dict[str, float], count: int = 50):
    """Write ``count`` documents through a proxy that answers so; (what came of it, bulk requests, documents stored)."""
    proxy = Proxy(url)
    proxy.answer = answer
    async with proxy.running() as address:
        store = open_store(address, **patience)
        try:
            await store.clear()
            try:
                outcome: object = await store.write([alert(f"202611-{n}", 1, NOVEMBER + n) for n in range(count)])
            except UnavailableError as error:
                outcome = error
            return outcome, proxy.bulks, (await store.search("alert", All())).total
        finally:
            await store.close()


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_request_refused_for_now_is_repeated(url, status):
    def answer(number: int, body: bytes):
        return (status, {"error": REJECTED, "status": status}) if number <= 2 else None

    assert asyncio.run(_through_proxy(url, answer, {"first_pause": 0.01})) == ([], 3, 50)


def test_only_the_documents_refused_for_now_are_sent_again(url):
    sizes: list[int] = []

    def answer(number: int, body: bytes):
        lines = body.splitlines()
        sizes.append(len(lines) // 2)
        if number > 1:
            return None
        # Elasticsearch took none of these for real; the first half is told to have been taken by another attempt.
        half = [{"index": {"status": 409, "_index": "soc-alerts-2026.11"}}] * 20
        return 200, {"items": half + [{"index": {"status": 429, "error": REJECTED}}] * 30}

    outcome, bulks, total = asyncio.run(_through_proxy(url, answer, {"first_pause": 0.01}))
    assert (outcome, bulks, total, sizes) == ([], 2, 30, [50, 30])


def test_after_a_bounded_number_of_tries_the_store_is_unavailable(url):
    def answer(number: int, body: bytes):
        return 429, {"error": REJECTED, "status": 429}

    outcome, bulks, total = asyncio.run(_through_proxy(url, answer, {"first_pause": 0.01, "tries": 4}))
    assert isinstance(outcome, UnavailableError)
    assert "tried 4 times: 429 es_rejected_execution_exception: the queue is full" in str(outcome)
    assert (bulks, total) == (4, 0)


def test_a_request_that_is_too_large_is_halved_until_it_fits(url):
    def answer(number: int, body: bytes):
        return (413, {"error": "too large", "status": 413}) if len(body.splitlines()) > 30 else None

    outcome, bulks, total = asyncio.run(_through_proxy(url, answer, {}))
    assert (outcome, total) == ([], 50)
    assert bulks == 7


def test_an_account_that_may_not_write_gives_no_document_up(url):
    def answer(number: int, body: bytes):
        return 200, {"items": [{"index": {"status": 403, "error": {"type": "security_exception"}}}] * 50}

    outcome, bulks, _ = asyncio.run(_through_proxy(url, answer, {}))
    assert isinstance(outcome, UnavailableError)
    assert bulks == 1


def test_many_documents_to_nobody_end_in_one_error_that_says_so():
    """Several parts are on their way or being prepared: what is raised is the port's error, not a group."""

    async def body() -> None:
        store = open_store("http://127.0.0.1:9", tries=2, first_pause=0.01)
        store._has_template = True
        with pytest.raises(UnavailableError, match="is away"):
            await store.write([alert(f"202611-{n}", 1, NOVEMBER) for n in range(5000)])
        assert (await store.health()).state == "away"
        await store.close()

    pytest.importorskip("elasticsearch", reason="the extra `cluster` is not installed")
    asyncio.run(body())


def test_health_tells_red_from_slow_and_from_away(own_server):
    async def body() -> None:
        store = open_store(own_server.url, tries=2, read_tries=1, first_pause=0.01, request_seconds=3)
        await store.write([alert("202611-a", 1, NOVEMBER)])
        assert (await store.health()).state == "green"
        nowhere = {"index.routing.allocation.require._name": "nobody"}
        await store._client.indices.create(index="soc-alerts-2026.12", settings=nowhere, wait_for_active_shards=0)
        health = await store.health()
        assert (health.state, "soc-alerts-2026.12" in health.detail) == ("red", True)
        with pytest.raises(UnavailableError, match="is red"):
            await store.write([alert("202612-a", 1, NOVEMBER), alert("202611-b", 1, NOVEMBER)])
        with pytest.raises(UnavailableError):
            await store.search("alert", All())
        assert await store.get("alert", "202611-b") is not None
        await store._client.indices.delete(index="soc-alerts-2026.12")
        own_server.pause()
        try:
            assert (await store.health()).state == "slow"
        finally:
            own_server.resume()
        assert (await store.search("alert", All())).total == 2
        own_server.kill()
        assert (await store.health()).state == "away"
        with pytest.raises(UnavailableError, match="is away"):
            await store.write([alert("202611-c", 1, NOVEMBER)])
        await store.close()

    asyncio.run(body())


def test_every_acknowledged_document_survives_kill_9_under_load(own_server):
    """Batches go in until the server is gone; after its restart all that ``write`` returned for are there, once."""

    def batch(number: int) -> list[Document]:
        return [
            Document("event", f"log/0/{number * 100 + n}", 1, NOVEMBER + number, {"n": n, "message": "x " * 30})
            for n in range(100)
        ]

    async def body() -> None:
        store = open_store(own_server.url, tries=2, first_pause=0.05)
        acknowledged = 0
        enough = asyncio.Event()

        async def load() -> None:
            nonlocal acknowledged
            while True:
                await store.write(batch(acknowledged))
                acknowledged += 1
                if acknowledged >= 10:
                    enough.set()

        async def kill() -> None:
            await enough.wait()
            await asyncio.sleep(random.uniform(0.0, 0.2))
            own_server.kill()

        async with asyncio.TaskGroup() as group:
            group.create_task(kill())
            with pytest.raises(UnavailableError):
                await load()
        own_server.start()
        answer = await store._client.count(index="soc-events-*")
        ids = [document.id for number in range(acknowledged) for document in batch(number)]
        found = await store.get_many("event", ids)
        assert len(found) == len(ids)
        # What was in flight may be there or not; the repeat completes it and doubles nothing.
        assert len(ids) <= answer["count"] <= len(ids) + 100
        await store.write([document for number in range(acknowledged + 1) for document in batch(number)])
        page = await store.search("event", All(), limit=1)
        assert page.total == min(10_000, len(ids) + 100)
        assert (await store._client.count(index="soc-events-*"))["count"] == len(ids) + 100
        await store.close()

    asyncio.run(body())


def test_every_index_has_the_mapping_that_ships(url):
    async def body(store) -> None:
        await store.write([alert("202611-a", 1, NOVEMBER), Document("report", "r", 1, NOVEMBER, {})])
        mappings = (await store._client.indices.get_mapping(index="soc-*")).body
        assert {name: found["mappings"]["subobjects"] for name, found in mappings.items()} == {
            "soc-alerts-2026.11": False,
            "soc-reports-2026.11": False,
        }

    on(url, body)


def test_a_second_object_sees_what_the_first_wrote(url):
    """The console reads in another process: within about a second, alerts by id at once."""

    async def body(store) -> None:
        await store.write([alert("202611-a", 1, NOVEMBER, f="x")])
        other = open_store(url)
        try:
            assert (await other.get("alert", "202611-a")).fields == {"f": "x"}
            deadline = time.monotonic() + 5
            while (await other.search("alert", All())).total == 0:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
        finally:
            await other.close()

    on(url, body)


LONG = ["abcdefgh " * 20, "ABCDEFGH " * 20 + "x", "đường " * 40, "k" * 300, "e\u0301" * 100, "9" * 140]
ODD = [
    "",
    " 5 ",
    "1e3",
    "٥",
    "-0",
    "*",
    "a?b",
    "C:\\x",
    "a\x1fb",
    "f\x1fg",
    "İ",
    "ﬃ",
    "𐐀𐐨",
    "a\tb\nc",
    "2026-11-22T08:00:00Z",
]
scalars = st.one_of(
    st.sampled_from([*LONG, *ODD]),
    st.sampled_from([2**53, 2**53 + 1, -(2**60), 2**70, 5, 1000, 0, -0.0, 0.1, 1e300, True, None]),
)
contents = st.dictionaries(
    st.sampled_from(["f", "g.h", "_id", "n" * 300]), st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=3
)
names = st.sampled_from(["f", "g.h", "_id", "n" * 300, "f\x1f"])
pieces = st.one_of(
    st.sampled_from(["abc", "h x", "k" * 150, "e\u0301", "đ", "\x1f", "\\", "9" * 140, "5", "a\tb"]),
    st.sampled_from(ODD + LONG),
)


def _pattern(parts: list[str | None]) -> tuple[tuple[bool, str], ...]:
    out: list[tuple[bool, str]] = []
    for part in parts:
        if part in {None, "?"}:
            out.append((True, part or "*"))
        elif out and not out[-1][0]:
            out[-1] = (False, normal(out[-1][1] + str(part)))
        elif part:
            out.append((False, normal(str(part))))
    return tuple(out)


def _phrase(text: str, prefix: bool) -> Query:
    made = tokens(text)
    folded = made.exact == made.folded
    return Phrase(made.folded if folded else made.exact, folded, prefix) if made.exact else All()


leaves = st.one_of(
    st.builds(Field, names, st.lists(st.one_of(st.none(), st.just("?"), pieces), max_size=4).map(_pattern)),
    st.builds(_phrase, pieces, st.booleans()),
    st.builds(Exists, names),
    st.builds(
        Comparison, names, st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from([None, 0.0, 5.0, 2.0**53, 1e18, -1.0]),
        st.sampled_from([None, (1_790_000_000_000_000, 1_793_500_000_000_000)]),
    ),
)  # fmt: skip
queries = st.one_of(
    leaves, leaves.map(Not), st.lists(leaves, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts)))
)


def test_what_the_index_cannot_decide_is_decided_by_the_reference(url):
    """Long values, integers beyond 2^53, separators of our own, names Elasticsearch would refuse: equal all the same."""

    async def check(store, made: list[dict[str, object]], asked: list[Query]) -> None:
        await store.clear()
        documents = [Document("event", str(n), 1, n, fields) for n, fields in enumerate(made)]
        assert not await store.write(documents)
        assert await store.get_many("event", [document.id for document in documents]) == {d.id: d for d in documents}
        for query in asked:
            expected = [document for document in reversed(documents) if matches(query, document.fields)]
            page = await store.search("event", query, limit=100)
            assert [found.id for found in page.documents] == [document.id for document in expected], query
            assert page.total == len(expected)
            counter = Counter(text for document in expected for text in set(texts_of(document.fields.get("f"))))
            assert dict(await store.counts("event", query, "f", limit=1000)) == dict(counter), query

    with asyncio.Runner() as runner:
        store = open_store(url)

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(contents, min_size=1, max_size=8), st.lists(queries, min_size=1, max_size=8))
        def law(made: list[dict[str, object]], asked: list[Query]) -> None:
            runner.run(check(store, made, asked))

        try:
            law()
        finally:
            runner.run(store.close())
