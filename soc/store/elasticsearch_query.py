"""A query's syntax tree in, two Elasticsearch queries out: one that only matches satisfy, one that every match satisfies.

The two are equal for nearly every query; then Elasticsearch alone decides. Where its index knows less than the reference
evaluator (a wildcard against a long value, several words that end in a prefix), documents that satisfy the
second but not the first are fetched and ``soc.store.query.matches`` decides. Negation swaps the two.
"""

from typing import Any, NamedTuple

from soc.store.elasticsearch_document import (
    CUT,
    MAX_VALUE,
    SEPARATOR,
    name_key,
    sortable_number,
    sortable_time,
)
from soc.store.query import All, And, Comparison, Exists, Field, Not, Or, Phrase, Query
from soc.store.words import tokens

Clause = dict[str, Any]

EVERYTHING: Clause = {"match_all": {}}
NOTHING: Clause = {"match_none": {}}
_MAX_PHRASE = 100
_MAX_TOKEN = 255
"""UTF-16 units: the whitespace analyzer cuts longer words."""
_MAX_WILDCARDS = 8
"""Its automaton of a pattern with many would be refused as too complex."""
_MAX_DEPTH = 20
"""Elasticsearch refuses booleans nested deeper than 30; what lies deeper is decided by the evaluator."""


class Plan(NamedTuple):
    """What Elasticsearch is asked.

    Attributes:
        sure: only matches satisfy it.
        maybe: every match satisfies it.
    """

    sure: Clause
    maybe: Clause

    @property
    def exact(self) -> bool:
        """Elasticsearch alone decides."""
        return self.sure == self.maybe


_UNKNOWN = Plan(NOTHING, EVERYTHING)


def plan(query: Query, depth: int = 0) -> Plan:
    """The two queries of a syntax tree."""
    if depth > _MAX_DEPTH:
        return _UNKNOWN
    match query:
        case All():
            return Plan(EVERYTHING, EVERYTHING)
        case And(queries):
            parts = [plan(part, depth + 1) for part in queries]
            return Plan(both(*(part.sure for part in parts)), both(*(part.maybe for part in parts)))
        case Or(queries):
            parts = [plan(part, depth + 1) for part in queries]
            return Plan(either(*(part.sure for part in parts)), either(*(part.maybe for part in parts)))
        case Not(inner):
            part = plan(inner, depth + 1)
            return Plan(none(part.maybe), none(part.sure))
        case Exists(name):
            exists: Clause = {"term": {"soc.names": name_key(name)}}
            return Plan(exists, exists)
        case Phrase():
            return _phrase(query)
        case Field(name, pattern):
            return _field(name_key(name), pattern)
        case Comparison():
            return _comparison(query)


def both(*parts: Clause) -> Clause:
    """All of them."""
    if NOTHING in parts:
        return NOTHING
    wanted = [part for part in parts if part != EVERYTHING]
    if not wanted:
        return EVERYTHING
    return wanted[0] if len(wanted) == 1 else {"bool": {"filter": wanted}}


def either(*parts: Clause) -> Clause:
    """Any of them."""
    if EVERYTHING in parts:
        return EVERYTHING
    wanted = [part for part in parts if part != NOTHING]
    if not wanted:
        return NOTHING
    return wanted[0] if len(wanted) == 1 else {"bool": {"should": wanted, "minimum_should_match": 1}}


def none(part: Clause) -> Clause:
    """Not this."""
    if part == EVERYTHING:
        return NOTHING
    return EVERYTHING if part == NOTHING else {"bool": {"must_not": [part]}}


def _phrase(phrase: Phrase) -> Plan:
    field = "soc.folded" if phrase.folded else "soc.exact"
    words = phrase.words
    if any(len(word.encode("utf-16-le")) > 2 * _MAX_TOKEN for word in words):
        return _UNKNOWN
    if len(words) > _MAX_PHRASE:
        return Plan(NOTHING, _in_order(field, words[:_MAX_PHRASE]))
    whole = _in_order(field, words)
    if not phrase.prefix:
        return Plan(whole, whole)
    begun: Clause = {"prefix": {field: {"value": words[-1]}}}
    return Plan(begun, begun) if len(words) == 1 else Plan(whole, both(_in_order(field, words[:-1]), begun))


def _in_order(field: str, words: tuple[str, ...]) -> Clause:
    if len(words) == 1:
        return {"term": {field: words[0]}}
    return {"match_phrase": {field: " ".join(words)}}


def _field(key: str, pattern: tuple[tuple[bool, str], ...]) -> Plan:
    long = both({"term": {"soc.vague": key}}, *_words_of(pattern))
    wildcards = sum(wild for wild, _ in pattern)
    length = sum(len(text) for _, text in pattern)
    if not wildcards:
        if length > MAX_VALUE:
            return Plan(NOTHING, long)
        same: Clause = {"term": {"soc.pairs": f"{key}{SEPARATOR}{''.join(text for _, text in pattern)}"}}
        return Plan(same, same)
    if wildcards > _MAX_WILDCARDS or length > MAX_VALUE:
        return Plan(NOTHING, {"term": {"soc.names": key}})
    sure: Clause = {"wildcard": {"soc.pairs": {"value": _escaped(key + SEPARATOR) + _wildcard(pattern)}}}
    return Plan(sure, either(sure, long))


def _wildcard(pattern: tuple[tuple[bool, str], ...]) -> str:
    return "".join(text if wild else _escaped(text) for wild, text in pattern)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def _words_of(pattern: tuple[tuple[bool, str], ...]) -> list[Clause]:
    """What a matching value surely has: the words of the literal parts.

    A word that touches a wildcard is a part of one in the value. If it is ASCII, so is that part (folding may change what
    other letters become beside one another); where words of the document were cut, its end says nothing.
    """
    found: list[Clause] = []
    for index, (wild, text) in enumerate(pattern):
        if wild:
            continue
        words = list(tokens(text).folded)
        open_left = index > 0 and bool(words) and _goes_on(text[0])
        open_right = index + 1 < len(pattern) and bool(words) and _goes_on(text[-1])
        if open_left and open_right and len(words) == 1:
            found += _part(f"*{words.pop()}*")
        if open_left and words:
            found += _part(f"*{words.pop(0)}")
        if open_right and words:
            found += _part(f"{words.pop()}*")
        if words:
            found.append(_phrase(Phrase(tuple(words), folded=True)).maybe)
    return found


def _part(pattern: str) -> list[Clause]:
    """A word of which a part is known, star at the open ends."""
    if not pattern.isascii():
        return []
    known: Clause = {"wildcard": {"soc.folded": {"value": pattern}}}
    return [either(known, {"term": {"soc.vague": CUT}})]


def _goes_on(char: str) -> bool:
    return char.isalnum() or not char.isascii()


def _comparison(query: Comparison) -> Plan:
    key = name_key(query.name)
    parts: list[Clause] = []
    if query.number is not None:
        bound = sortable_number(query.number)
        parts.append(_range(f"{key}{SEPARATOR}n", query.operator, bound, bound, closed=True))
    if query.times is not None:
        low, high = map(sortable_time, query.times)
        parts.append(_range(f"{key}{SEPARATOR}t", query.operator, low, high, closed=False))
    sure = either(*parts)
    return Plan(sure, sure)


def _range(start: str, operator: str, low: str, high: str, *, closed: bool) -> Clause:
    """Against an interval, as the reference has it; ``start`` keeps the range within one name and one sort of value."""
    if operator == "<":
        bounds = {"gte": start, "lt": start + low}
    elif operator == ">=":
        bounds = {"gte": start + low, "lt": start + "g"}
    elif operator == ">":
        bounds = {"gt" if closed else "gte": start + high, "lt": start + "g"}
    else:
        bounds = {"gte": start, "lte" if closed else "lt": start + high}
    return {"range": {"soc.numbers": bounds}}
