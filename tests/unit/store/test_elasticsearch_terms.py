"""What the Elasticsearch store asks for, judged without a server: every match satisfies *maybe*, only matches satisfy *sure*."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.clock import to_micros
from soc.store.base import Document
from soc.store.elasticsearch_document import (
    key_of,
    prepare,
    prepare_all,
)
from soc.store.elasticsearch_query import plan
from soc.store.elasticsearch_terms import plain_number, sortable_integer, sortable_number, sortable_second, written
from soc.store.query import All, And, Comparison, Exists, Field, Not, Or, Phrase, Query, matches, parse
from soc.store.words import normal, tokens

NOVEMBER = to_micros(datetime(2026, 11, 1, tzinfo=UTC))


def satisfied(clause: dict[str, Any], source: dict[str, Any]) -> bool:
    """One document against one clause, as Elasticsearch would for the fields of our mapping."""
    kind, inner = next(iter(clause.items()))
    if kind in {"match_all", "match_none"}:
        return kind == "match_all"
    if kind == "bool":
        return (
            all(satisfied(part, source) for part in inner.get("filter", ()))
            and not any(satisfied(part, source) for part in inner.get("must_not", ()))
            and ("should" not in inner or any(satisfied(part, source) for part in inner["should"]))
        )
    field, asked = next(iter(inner.items()))
    values: list[str] = source.get(field, [])
    if kind == "match_phrase":
        return any(f" {asked} " in f" {value} " for value in values)
    if field in {"soc.folded", "soc.exact"}:
        values = [word for value in values for word in value.split()]
    if kind == "term":
        return asked in values
    if kind == "prefix":
        return any(value.startswith(asked["value"]) for value in values)
    if kind == "range":
        tests = {"gt": str.__gt__, "gte": str.__ge__, "lt": str.__lt__, "lte": str.__le__}
        return any(all(tests[name](value, bound) for name, bound in asked.items()) for value in values)
    if kind == "regexp":
        assert asked["flags"] == "NONE"
        return any(re.fullmatch(asked["value"], value, re.DOTALL) for value in values)
    assert kind == "wildcard"
    parts = re.findall(r"\\.|[*?]|[^*?\\]", asked["value"], re.DOTALL)
    pattern = "".join(
        {"*": ".*", "?": "."}.get(part, re.escape(part[1:] if part[0] == "\\" else part)) for part in parts
    )
    return any(re.fullmatch(pattern, value, re.DOTALL) for value in values)


def source_of(fields: dict[str, Any]) -> dict[str, Any]:
    return msgspec.json.decode(prepare(Document("event", "x", 1, NOVEMBER, fields), "soc").source)


PIECES = [
    "443", "0", "\x1e", "\x1ec443", "\x1f", "1000000000000000", "-5", "A", "2026-11-22T08:00:00.5Z",
    "abc", "ab", "a", "abc=def", " ", "-", "Đăng", "dang", "e\u0301", "k" * 150, "k" * 250, "ABC " * 50, "5", "1.5", "٥", "\x1f", "*", "?", "\\",
    "İ", "ﬁ", "क्ष", "각", "\u1100", "\u1161", "2026-11-22T08:00:00Z",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
scalars = st.one_of(texts, st.sampled_from([5, 443, -1, 1.5, 5.0, 1e15, 2**53 + 1, -(2**70), True, None]))
documents = st.dictionaries(
    st.sampled_from(["f", "g.h", "event.id"]), st.one_of(scalars, st.lists(scalars, max_size=2)), max_size=2
)
names = st.sampled_from(["f", "g.h", "event.id"])


def _pattern(parts: list[str | None]) -> tuple[tuple[bool, str], ...]:
    out: list[tuple[bool, str]] = []
    for part in parts:
        if part is None:
            out.append((True, "*"))
        elif out and not out[-1][0]:
            out[-1] = (False, normal(out[-1][1] + part))
        elif part:
            out.append((False, normal(part)))
    return tuple(out)


def _phrase(text: str, prefix: bool) -> Query:
    made = tokens(text)
    folded = made.exact == made.folded
    return Phrase(made.folded if folded else made.exact, folded, prefix) if made.exact else All()


leaves = st.one_of(
    st.builds(Field, names, st.lists(st.one_of(st.none(), texts), max_size=4).map(_pattern)),
    st.builds(_phrase, texts, st.booleans()),
    st.builds(Exists, names),
    st.builds(
        Comparison, names, st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from([None, 5.0, 1.5, 2.0**53, -0.5, 442.5, 443.0, 1e15, 1e300]),
        st.sampled_from([None, *[(t, t + d) for t in (1_795_334_400_000_000, 1_795_334_400_400_000) for d in (1, 100_000, 1_000_000)]]),
    ),
)  # fmt: skip
queries = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=4,
)


@settings(max_examples=400, deadline=None)
@given(documents, queries)
def test_sure_is_never_too_much_and_maybe_is_never_too_little(fields: dict[str, Any], query: Query) -> None:
    asked = plan(query)
    source = source_of(fields)
    matched = matches(query, msgspec.json.decode(msgspec.json.encode(fields)))
    assert not satisfied(asked.sure, source) or matched
    assert satisfied(asked.maybe, source) or not matched


@pytest.mark.parametrize(
    "text",
    [
        "", "ssh failed", "fail*", '"failed password"', "source.ip:192.0.2.7", 'user.name:"Nguyễn Văn An"', "severity>=5", "@timestamp<2026-11",
        "_exists_:user.name", "NOT level:low (a OR b)",
    ],
)  # fmt: skip
def test_elasticsearch_alone_decides_on_what_people_ask_most(text: str):
    assert plan(parse(text)).exact


def test_what_is_nested_too_deeply_for_elasticsearch_is_left_to_the_reference():
    """It refuses booleans nested deeper than 30."""
    query: Query = Field("f", ((False, "x"),))
    for _ in range(30):
        query = And((Exists("f"), Or((query, Exists("g")))))
    assert 10 < query_depth(plan(query).maybe) < 29
    assert not plan(query).exact


def query_depth(clause: dict[str, Any]) -> int:
    inner = clause.get("bool", {})
    parts = [part for name in ("filter", "should", "must_not") for part in inner.get(name, ())]
    return bool(inner) + max((query_depth(part) for part in parts), default=0)


@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=5))
def test_numbers_sort_as_text(numbers: list[float]):
    assert [sortable_number(number) for number in sorted(numbers)] == sorted(map(sortable_number, numbers))


@given(st.one_of(st.integers(), st.integers(2**52, 2**56), st.just(10**400)), st.floats(allow_nan=False))
def test_an_integer_that_no_float_equals_sorts_between_its_neighbours(integer: int, number: float):
    for near in (number, float(min(abs(integer), 2**1000)), float(-min(abs(integer), 2**1000))):
        assert (sortable_integer(integer) < sortable_number(near)) == (integer < near)
        assert (sortable_integer(integer) > sortable_number(near)) == (integer > near)


@given(st.lists(st.integers(to_micros(datetime.min.replace(tzinfo=UTC)), 2**57), min_size=2, max_size=5))
def test_seconds_sort_as_text(times: list[int]):
    assert [sortable_second(time) for time in sorted(times)] == sorted(map(sortable_second, times))


@given(st.lists(st.integers(0, 10**15 - 1), min_size=2, max_size=5))
def test_plain_numbers_sort_as_text(numbers: list[int]):
    assert [plain_number(str(number)) for number in sorted(numbers)] == sorted(plain_number(str(n)) for n in numbers)


@pytest.mark.parametrize(
    "value", ["", "443", 443, "0443", "-1", "1.5", "Administrator", "Nguyễn Văn An", "C:\\Windows", "a*b"]
)
def test_a_pair_gives_back_the_value_as_it_was_written(value):
    (pair,) = source_of({"f": value})["soc.pairs"]
    assert written(pair) == str(value)


@pytest.mark.parametrize(
    ("kind", "id_", "time", "index"),
    [
        ("alert", "202610-a", NOVEMBER, "soc-alerts-2026.10"),
        ("incident", "202611-4", 0, "soc-incidents-2026.11"),
        ("alert", "202613-a", NOVEMBER, "soc-alerts-2026.11"),
        ("event", "202610-a", NOVEMBER, "soc-events-2026.11"),
        ("report", "a", NOVEMBER - 1, "soc-reports-2026.10"),
        ("audit", "a", 0, "soc-audits-0000.00"),
        ("event", "a", 2**62, "soc-events-9999.99"),
        ("event", "a", -(2**62), "soc-events-0000.00"),
    ],
)
def test_the_index_is_a_function_of_the_document(kind, id_, time, index):
    action = msgspec.json.decode(prepare(Document(kind, id_, 3, time, {}), "soc").action)
    assert action["index"]["_index"] == index
    assert (action["index"]["version"], action["index"]["version_type"]) == (3, "external")


def test_an_id_that_elasticsearch_does_not_take_is_hashed():
    assert key_of("a") == "a"
    assert key_of("á" * 257) != key_of("á" * 258)
    assert max(len(key_of("á" * 257)), len(key_of(""))) < 100


def test_a_document_that_is_no_json_is_refused_beside_the_others():
    good = Document("event", "a", 1, NOVEMBER, {"f": 1})
    bad = [
        Document("event", "a", 1, NOVEMBER, {"f": object()}),
        Document("event", "a", -1, NOVEMBER, {}),
        Document("event", "a", 1, 2**63, {}),
        Document("event", "\ud800", 1, NOVEMBER, {}),
    ]
    prepared, refusals = prepare_all([*bad, good], "soc")
    assert [item.document for item in prepared] == [good]
    assert [refusal.document for refusal in refusals] == bad
