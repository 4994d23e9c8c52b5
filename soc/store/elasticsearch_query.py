"""A query's syntax tree in, two Elasticsearch queries out: one that only matches satisfy, one that every match satisfies.

The two are equal for nearly every query; then Elasticsearch alone decides. Where its index knows less than the reference
evaluator (a wildcard against a long value, several words that end in a prefix), documents that satisfy the
second but not the first are fetched and ``soc.store.query.matches`` decides. Negation swaps the two.
"""

import math
from typing import Any, NamedTuple

from soc.clock import SECOND, Micros
from soc.store.elasticsearch_terms import (
    CUT,
    MAX_VALUE,
    PLAIN,
    PLAIN_DIGITS,
    SEPARATOR,
    UNPAIRED,
    is_plain,
    name_key,
    plain_number,
    sortable_number,
    sortable_second,
)
from soc.store.query import All, And, Comparison, Exists, Field, Not, Operator, Or, Phrase, Query
from soc.store.words import tokens

Clause = dict[str, Any]

EVERYTHING: Clause = {"match_all": {}}
NOTHING: Clause = {"match_none": {}}
_MAX_PHRASE = 100
_MAX_TOKEN = 255
"""UTF-16 units: the whitespace analyzer cuts longer words."""
_MAX_WILDCARDS = 8
"""Its automaton of a pattern with many would be refused as too complex."""
_OWN = SEPARATOR + PLAIN
_ANY = {"*": f"[^{_OWN}]*", "?": f"[^{_OWN}]"}
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
            exists = has(name)
            return Plan(exists, exists)
        case Phrase():
            return _phrase(query)
        case Field(name, pattern):
            return _field(name, pattern)
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


def vague(name: str) -> Clause:
    """The field has a value that is not among the pairs."""
    return {"term": {"soc.vague": name_key(name)}}


def has(name: str) -> Clause:
    """The field has a value."""
    if name in UNPAIRED:
        return vague(name)
    return either({"prefix": {"soc.pairs": {"value": name_key(name) + SEPARATOR}}}, vague(name))


def regular(text: str) -> str:
    """A literal in Lucene's regular expressions."""
    return "".join(char if char.isalnum() or char in _OWN else f"\\{char}" for char in text)


def _field(name: str, pattern: tuple[tuple[bool, str], ...]) -> Plan:
    long = both(vague(name), *_words_of(pattern))
    key = name_key(name) + SEPARATOR
    literal = "".join(text for _, text in pattern)
    wildcards = sum(wild for wild, _ in pattern)
    if name in UNPAIRED or len(literal) > MAX_VALUE or any(char in literal for char in _OWN):
        return Plan(NOTHING, long)
    if not wildcards:
        same = _pair(key, literal)
        return Plan(same, same)
    if wildcards > _MAX_WILDCARDS:
        return Plan(NOTHING, has(name))
    # After the name a plain number's mark, if it is one; after the value what was written, if that is another.
    matched = "".join(_ANY[text] if wild else regular(text) for wild, text in pattern)
    expression = f"{regular(key)}({PLAIN}.)?{matched}({SEPARATOR}.*)?"
    sure: Clause = {"regexp": {"soc.pairs": {"value": expression, "flags": "NONE"}}}
    return Plan(sure, either(sure, long))


def _pair(key: str, value: str) -> Clause:
    """The pair of a case-folded value, however it was written."""
    if is_plain(value):
        return {"term": {"soc.pairs": key + plain_number(value)}}
    same: Clause = {"term": {"soc.pairs": key + value}}
    if value.isascii() and not any(char.isalpha() for char in value):
        return same
    return either(same, {"prefix": {"soc.pairs": {"value": key + value + SEPARATOR}}})


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
    key = name_key(query.name) + SEPARATOR
    sure: list[Clause] = []
    maybe: list[Clause] = []
    if query.number is not None:
        numbers = either(
            _plain_range(key, query.operator, query.number), _range(f"{key}n", query.operator, query.number)
        )
        sure.append(numbers)
        maybe.append(numbers)
    if query.times is not None:
        low, high = query.times
        before = query.operator in {"<", "<="}
        bound = low if query.operator in {"<", ">="} else high
        sure.append(_seconds(f"{key}t", before, bound if before or bound % SECOND == 0 else bound + SECOND))
        maybe.append(_seconds(f"{key}t", before, bound if not before or bound % SECOND == 0 else bound + SECOND))
    return Plan(either(*sure), either(*maybe))


def _plain_range(key: str, operator: Operator, number: float) -> Clause:
    """Plain digits: whole numbers, so the bound is moved to the next one that counts."""
    most = 10**PLAIN_DIGITS - 1
    number = min(max(number, -1.0), most + 1.0)
    low, high = 0, most
    if operator in {">", ">="}:
        low = max(0, math.ceil(number) if operator == ">=" else math.floor(number) + 1)
    else:
        high = min(most, math.floor(number) if operator == "<=" else math.ceil(number) - 1)
    if low > high:
        return NOTHING
    return {"range": {"soc.pairs": {"gte": key + plain_number(str(low)), "lte": key + plain_number(str(high))}}}


def _range(start: str, operator: Operator, number: float) -> Clause:
    """Other numbers; ``start`` keeps the range within one name and one sort of value ("g" is after every digit)."""
    bound = start + sortable_number(number)
    if operator in {"<", "<="}:
        bounds = {"gte": start, "lt" if operator == "<" else "lte": bound}
    else:
        bounds = {"gt" if operator == ">" else "gte": bound, "lt": start + "g"}
    return {"range": {"soc.numbers": bounds}}


def _seconds(start: str, before: bool, bound: Micros) -> Clause:
    """Times before the second of ``bound``, or in it and later."""
    second = start + sortable_second(bound)
    return {"range": {"soc.numbers": {"gte": start, "lt": second} if before else {"gte": second, "lt": start + "g"}}}
