"""The store port's promises, on every adapter: versions decide, order does not, and search equals the reference evaluator."""

import asyncio
import random
import unicodedata
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live.elasticsearch_server import shared_server

from soc.store.base import Document, Store
from soc.store.embedded import EmbeddedStore
from soc.store.query import All, matches, parse
from soc.store.syntax import And, Comparison, Exists, Field, Not, Or, Phrase, Query
from soc.store.words import normal, tokens


def on_elasticsearch(directory: Path) -> Store:
    """On the server of this test session; without the extra ``cluster`` there is none."""
    url = shared_server().url
    from soc.settings import ElasticsearchSettings
    from soc.store.elasticsearch import connect

    return connect(ElasticsearchSettings(urls=(url,)))


ADAPTERS = {"embedded": lambda directory: EmbeddedStore(directory / "store.db"), "elasticsearch": on_elasticsearch}
PARAMETERS = ["embedded", pytest.param("elasticsearch", marks=pytest.mark.live)]
EXAMPLES = {"embedded": 150, "elasticsearch": 25}


@pytest.fixture(params=PARAMETERS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[Store], Awaitable[None]]], None]:
    """Run a test's body against a fresh store."""

    def runner(body: Callable[[Store], Awaitable[None]]) -> None:
        async def inside() -> None:
            store = ADAPTERS[request.param](tmp_path)
            try:
                await store.clear()
                await body(store)
            finally:
                await store.close()

        asyncio.run(inside())

    return runner


def doc(id_: str, version: int = 1, time: int = 0, **fields: object) -> Document:
    return Document("alert", id_, version, time, {name.replace("__", "."): value for name, value in fields.items()})


def test_an_older_or_equal_version_changes_nothing(run):
    async def body(store: Store) -> None:
        await store.write([doc("a", 5, word="new")])
        await store.write([doc("a", 4, word="old"), doc("a", 5, word="same")])
        found = await store.get("alert", "a")
        assert found == doc("a", 5, word="new")
        assert not (await store.search("alert", parse("old"))).documents

    run(body)


def test_a_newer_version_replaces_the_words_of_the_older(run):
    async def body(store: Store) -> None:
        await store.write([doc("a", 1, 7, word="đăng nhập alpha")])
        await store.write([doc("a", 2, 9, word="beta")])
        assert not (await store.search("alert", parse("alpha"))).documents
        assert not (await store.search("alert", parse("đăng"))).documents
        page = await store.search("alert", parse("beta"))
        assert [(found.version, found.time) for found in page.documents] == [(2, 9)]
        assert page.total == 1

    run(body)


def test_any_order_and_repetition_of_writes_gives_the_same_store(run):
    async def body(store: Store) -> None:
        writes = [doc(f"d{n}", version, n, word=f"w{version}") for n in range(6) for version in range(1, 5)] * 2
        random.Random(7).shuffle(writes)
        for start in range(0, len(writes), 5):
            assert not await store.write(writes[start : start + 5])
        page = await store.search("alert", All())
        assert [(found.id, found.version) for found in page.documents] == [(f"d{n}", 4) for n in reversed(range(6))]
        assert (await store.search("alert", parse("w4"))).total == 6
        assert (await store.search("alert", parse("w3"))).total == 0

    run(body)


def test_pages_follow_one_another_newest_first_without_gap_or_repeat(run):
    async def body(store: Store) -> None:
        await store.write([doc(f"{n:02}", 1, n // 3, word="x" if n % 2 else "y") for n in range(40)])
        for text in ("", "x", "NOT y", "word:x"):
            query, seen, after = parse(text), [], None
            while True:
                page = await store.search("alert", query, limit=7, after=after)
                seen += [(found.time, found.id) for found in page.documents]
                assert page.total == (20 if text else 40)
                after = page.after
                if after is None:
                    break
            assert seen == sorted(seen, reverse=True)
            assert len(set(seen)) == len(seen) == (20 if text else 40)

    run(body)


def test_since_is_inclusive_and_until_is_exclusive(run):
    async def body(store: Store) -> None:
        await store.write([doc(str(n), 1, n, word="x") for n in range(10)])
        for text in ("", "x", "_exists_:word"):
            page = await store.search("alert", parse(text), since=3, until=6)
            assert [found.time for found in page.documents] == [5, 4, 3]
            assert page.total == 3

    run(body)


def test_kinds_are_apart(run):
    async def body(store: Store) -> None:
        await store.write([doc("a", word="x"), Document("event", "a", 1, 0, {"word": "y"})])
        assert (await store.get("event", "a")).fields == {"word": "y"}
        assert (await store.search("event", parse("x"))).total == 0
        await store.delete_before("event", 1)
        assert await store.get("event", "a") is None
        assert await store.get("alert", "a") is not None

    run(body)


def test_the_body_comes_back_and_is_not_searched(run):
    async def body(store: Store) -> None:
        await store.write([Document("alert", "a", 1, 0, {"f": 1}, {"deep": {"list": [1, "hidden"]}})])
        assert (await store.get("alert", "a")).body == {"deep": {"list": [1, "hidden"]}}
        assert (await store.search("alert", parse("hidden"))).total == 0

    run(body)


def test_one_document_that_is_no_json_is_refused_and_the_others_go_in(run):
    async def body(store: Store) -> None:
        bad = doc("bad", value=object())
        wide = Document("alert", "wide", 1, 2**70, {})
        refusals = await store.write([doc("a", word="x"), bad, wide, doc("b", word="x")])
        assert {refusal.document.id for refusal in refusals} == {"bad", "wide"}
        assert (await store.search("alert", parse("x"))).total == 2

    run(body)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_vietnamese_is_found_with_and_without_diacritics(run, form):
    async def body(store: Store) -> None:
        text = unicodedata.normalize(form, "Đăng nhập thất bại: Nguyễn Văn Đức")
        await store.write([doc("a", message=text), doc("b", message="dang nhap that bai"), doc("c", message="other")])

        async def found(query: str) -> set[str]:
            return {item.id for item in (await store.search("alert", parse(query))).documents}

        assert await found("dang nhap") == {"a", "b"}
        assert await found(unicodedata.normalize("NFD", "đăng NHẬP")) == {"a"}
        assert await found(unicodedata.normalize("NFC", '"đăng nhập"')) == {"a"}
        assert await found("ĐỨC") == await found("duc") == {"a"}
        assert await found("Đức*") == await found("du*") == {"a"}
        assert await found(unicodedata.normalize("NFD", "message:*văn*")) == {"a"}

    run(body)


def test_counts_are_of_the_matches_most_frequent_first(run):
    async def body(store: Store) -> None:
        await store.write(
            [doc(str(n), level="high" if n < 3 else "low", tags=["a", "b"], on=n % 2 == 0) for n in range(8)]
        )
        assert await store.counts("alert", All(), "level") == [("low", 5), ("high", 3)]
        assert await store.counts("alert", parse("level:high"), "on") == [("true", 2), ("false", 1)]
        assert await store.counts("alert", All(), "tags", limit=1) == [("a", 8)]

    run(body)


def test_retention_drops_documents_and_their_words(run):
    async def body(store: Store) -> None:
        await store.write([doc(f"d{n}", 1, n, word="đỏ x") for n in range(4100)])
        assert await store.delete_before("alert", 4000) == 4000
        assert (await store.search("alert", parse("đỏ"))).total == 100
        assert await store.delete_before("alert", 4000) == 0

    run(body)


def test_a_store_that_is_well_says_so_without_advice(run):
    async def body(store: Store) -> None:
        await store.write([doc("a", word="x")])
        health = await store.health()
        assert (health.state, health.advice) == ("green", "")
        assert health.detail

    run(body)


def test_a_phrase_never_reaches_from_one_value_into_the_next(run):
    async def body(store: Store) -> None:
        await store.write([doc("a", one="failed", two="password", three=["x failed", "password y"])])
        assert (await store.search("alert", parse('"failed password"'))).total == 0
        assert (await store.search("alert", parse("failed password"))).total == 1

    run(body)


WORDS = [
    "a",
    "ab",
    "abc",
    "B",
    "đ",
    "Đăng",
    "dang",
    "nhập",
    "nhap",
    "ß",
    "İ",
    "x\u0301",
    "10",
    "5",
    "1.5",
    "mc-dvc01",
    "क्ष",
]
JOINS = [" ", "-", ".", "", "/", "_"]
texts = st.lists(st.sampled_from(WORDS + JOINS), max_size=6).map("".join)
scalars = st.one_of(
    texts, st.integers(-5, 12), st.sampled_from([1.5, 5.0]), st.booleans(), st.none(),
    st.sampled_from(["2026-11-22T08:00:00.000Z", "2026-10-01T00:00:00+07:00", "2026"]),
)  # fmt: skip
names = st.sampled_from(["f", "g.h", "@timestamp"])
documents = st.lists(st.dictionaries(names, st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=3), max_size=12)


def _phrase(text: str, prefix: bool) -> Query:
    made = tokens(text)
    if not made.exact:
        return All()
    folded = made.exact == made.folded
    return Phrase(made.folded if folded else made.exact, folded, prefix)


def _pattern(parts: list[str]) -> tuple[tuple[bool, str], ...]:
    out: list[tuple[bool, str]] = []
    for part in parts:
        if part in {"*", "?"}:
            out.append((True, part))
        elif part and out and not out[-1][0]:
            out[-1] = (False, normal(out[-1][1] + part))
        elif part:
            out.append((False, normal(part)))
    return tuple(out)


leaves = st.one_of(
    st.builds(_phrase, texts, st.booleans()),
    st.builds(Field, names, st.lists(st.sampled_from([*WORDS, *JOINS, "*", "?"]), max_size=5).map(_pattern)),
    st.builds(Exists, names),
    st.builds(
        Comparison, names, st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from([None, 5.0, 1.5]),
        st.sampled_from([None, (1_790_000_000_000_000, 1_793_500_000_000_000)]),
    ),
)  # fmt: skip
queries = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=4,
)


@pytest.mark.parametrize("adapter", PARAMETERS)
def test_a_store_finds_exactly_what_the_reference_evaluator_matches(adapter, tmp_path):
    async def check(store: Store, contents: list[dict[str, object]], asked: list[Query]) -> None:
        await store.clear()
        await store.write([Document("event", str(n), 1, n, fields) for n, fields in enumerate(contents)])
        for query in asked:
            page = await store.search("event", query, limit=100)
            expected = [str(n) for n, fields in reversed(list(enumerate(contents))) if matches(query, fields)]
            assert [found.id for found in page.documents] == expected, query
            assert page.total == len(expected)

    with asyncio.Runner() as runner:
        store = ADAPTERS[adapter](tmp_path)

        @settings(max_examples=EXAMPLES[adapter], deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(documents, st.lists(queries, min_size=1, max_size=8))
        def law(contents: list[dict[str, object]], asked: list[Query]) -> None:
            runner.run(check(store, contents, asked))

        try:
            law()
        finally:
            runner.run(store.close())
