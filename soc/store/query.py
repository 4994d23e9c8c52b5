"""The query language of search: its syntax tree, parser and reference evaluator, which every store must equal.

    ssh failed                      both words, anywhere in the document
    fail*                           words that begin so
    "failed password"               the words in this order, within one value
    source.ip:192.0.2.7             a field's value, case folded; lists match if any item does
    user.name:adm*                  wildcards * and ?, escaped with a backslash as in Sigma
    user.name:"Nguyễn Văn An"       a value with spaces; no wildcards within the quotes
    severity>=5  @timestamp<2026-11 comparisons: numbers as numbers, times as times
    _exists_:user.name              the field is there
    NOT, AND, OR, ( )               AND binds tighter than OR; juxtaposition is AND

Words are made by ``tokens``: NFC, case-folded, and a second time without diacritics (đ → d), so that ``đăng nhập`` finds
``Đăng nhập`` and ``dang nhap`` finds both. A phrase with any diacritic is matched with all of them, one without with none.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from soc.clock import Micros, to_micros
from soc.store.parser import parse
from soc.store.syntax import All, And, Comparison, Exists, Field, Not, Operator, Or, Phrase, Query, QueryError
from soc.store.words import Words, normal, texts_of, tokens

__all__ = [
    "All",
    "And",
    "Comparison",
    "Exists",
    "Field",
    "Not",
    "Or",
    "Phrase",
    "Query",
    "QueryError",
    "Words",
    "matches",
    "parse",
    "tokens",
]


def matches(query: Query, fields: Mapping[str, Any]) -> bool:
    """The reference: whether a document with these fields matches."""
    match query:
        case All():
            return True
        case And(queries):
            return all(matches(part, fields) for part in queries)
        case Or(queries):
            return any(matches(part, fields) for part in queries)
        case Not(inner):
            return not matches(inner, fields)
        case Phrase():
            return any(_has_phrase(query, text) for value in fields.values() for text in texts_of(value))
        case Field(name, pattern):
            compiled = _compiled(pattern)
            return any(compiled.fullmatch(normal(text)) for text in texts_of(fields.get(name)))
        case Exists(name):
            return bool(texts_of(fields.get(name)))
        case Comparison(name):
            value = fields.get(name)
            items: list[Any] = list(value) if isinstance(value, list | tuple) else [value]  # pyright: ignore[reportUnknownArgumentType]
            return any(_compare(query, item) for item in items)


def _has_phrase(phrase: Phrase, text: str) -> bool:
    made = tokens(text)
    words = made.folded if phrase.folded else made.exact
    wanted, size = phrase.words, len(phrase.words)
    if not phrase.prefix:
        return wanted[0] in words and any(words[i : i + size] == wanted for i in range(len(words) - size + 1))
    head, last = wanted[:-1], wanted[-1]
    return any(
        words[i : i + size - 1] == head and words[i + size - 1].startswith(last) for i in range(len(words) - size + 1)
    )


@lru_cache(maxsize=1024)
def _compiled(pattern: tuple[tuple[bool, str], ...]) -> re.Pattern[str]:
    """Each ``*`` is an atomic, lazy jump to the next literal, so that no pattern can backtrack without end."""
    out: list[str] = []
    parts = list(pattern)
    for index, (wild, text) in enumerate(parts):
        if not wild:
            out.append(re.escape(text))
        elif text == "?":
            out.append(".")
        elif index + 1 == len(parts):
            out.append(".*")
        else:
            # A star takes up to the first place where what follows it up to the next star fits (leftmost is enough).
            following: list[str] = []
            for later_wild, later in parts[index + 1 :]:
                if later_wild and later == "*":
                    break
                following.append("." if later_wild else re.escape(later))
            last = not any(w and t == "*" for w, t in parts[index + 1 :])
            out.append(".*" if last else f"(?>.*?(?={''.join(following)}))")
    return re.compile("".join(out), re.DOTALL)


def _compare(comparison: Comparison, value: Any) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    if comparison.number is not None and (number := _number(value)) is not None:
        return _ordered(comparison.operator, number, comparison.number, comparison.number, closed=True)
    if comparison.times is not None and isinstance(value, str) and (moment := _moment(value)) is not None:
        low, high = comparison.times
        return _ordered(comparison.operator, moment, low, high, closed=False)
    return False


def _ordered(operator: Operator, value: float, low: float, high: float, *, closed: bool) -> bool:
    """Against an interval: ``>`` is after all of it, ``<=`` before its end. ``closed``: the interval is the one point."""
    if operator == "<":
        return value < low
    if operator == ">=":
        return value >= low
    if operator == ">":
        return value > high if closed else value >= high
    return value <= high if closed else value < high


def _number(value: Any) -> float | None:
    if isinstance(value, int | float):
        return value
    try:
        number = float(value)
    except (ValueError, TypeError):
        return None
    return number if number == number and abs(number) != float("inf") else None  # noqa: PLR0124 - the test for NaN


def _moment(text: str) -> Micros | None:
    """An ISO 8601 stamp; without a zone it is UTC, as every ``@timestamp`` of ours is."""
    if len(text) < 10 or text[4] != "-":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except OverflowError:
        return None
