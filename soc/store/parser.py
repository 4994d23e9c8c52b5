"""Query text in, syntax tree out, or a ``QueryError`` that says where and what to write instead."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, tzinfo
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple, cast

from soc.clock import DAY, MINUTE, SECOND, Micros, to_micros
from soc.store.syntax import All, And, Comparison, Exists, Field, Not, Operator, Or, Phrase, Query, QueryError
from soc.store.words import normal, tokens

MAX_TEXT = 4096
MAX_TERMS = 200
MAX_DEPTH = 40

_LEXEME = re.compile(
    r"""(?P<space>\s+)
      | (?P<open>\() | (?P<close>\))
      | (?P<term>(?:"(?:\\.|[^"\\])*"|[^\s()"])+)
      | (?P<bad>")""",
    re.VERBOSE | re.DOTALL,
)
_FIELD = re.compile(r"(?P<name>[A-Za-z_@][\w.@-]*)(?P<operator>:>=|:<=|:>|:<|>=|<=|>|<|:)(?P<value>.*)", re.DOTALL)
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?")
_TIME = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?)?)?(Z|[+-]\d{2}:\d{2})?"
)


class _Lexeme(NamedTuple):
    kind: str
    text: str
    position: int


def parse(text: str, *, zone: tzinfo = UTC) -> Query:
    """A query as people write it.

    Args:
        text: see ``soc.store.query``; empty means everything.
        zone: in which times without a zone are meant.

    Raises:
        QueryError: with the position and what to write instead.
    """
    if len(text) > MAX_TEXT:
        raise QueryError(text, MAX_TEXT, f"longer than {MAX_TEXT} characters")
    return _Parser(text, zone).run()


class _Parser:
    """Recursive descent: or → and → not → primary; ``index`` is the next lexeme."""

    def __init__(self, text: str, zone: tzinfo) -> None:
        self.text = text
        self.zone = zone
        self.lexemes: list[_Lexeme] = []
        for found in _LEXEME.finditer(text):
            kind = found.lastgroup or ""
            if kind == "bad":
                raise QueryError(text, found.start(), 'this " is never closed; write another " or \\"')
            if kind != "space":
                self.lexemes.append(_Lexeme(kind, found.group(), found.start()))
        if len(self.lexemes) > MAX_TERMS:
            raise QueryError(text, self.lexemes[MAX_TERMS].position, f"more than {MAX_TERMS} terms")
        self.index = 0

    def run(self) -> Query:
        if not self.lexemes:
            return All()
        query = self.either(0)
        if self.index < len(self.lexemes):
            raise self.error("this ) was never opened")
        return query

    def error(self, reason: str) -> QueryError:
        at = self.lexemes[self.index].position if self.index < len(self.lexemes) else len(self.text)
        return QueryError(self.text, at, reason)

    def peek(self) -> str:
        """What comes next: ``AND``, ``OR``, ``NOT``, ``open``, ``close``, ``term`` or ``end``."""
        if self.index >= len(self.lexemes):
            return "end"
        lexeme = self.lexemes[self.index]
        return lexeme.text if lexeme.text in {"AND", "OR", "NOT"} else lexeme.kind

    def either(self, depth: int) -> Query:
        parts = [self.both(depth)]
        while self.peek() == "OR":
            self.index += 1
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def both(self, depth: int) -> Query:
        parts = [self.negation(depth)]
        while (kind := self.peek()) in {"AND", "NOT", "open", "term"}:
            self.index += kind == "AND"
            parts.append(self.negation(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def negation(self, depth: int) -> Query:
        if depth > MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH}")
        kind = self.peek()
        if kind == "NOT":
            self.index += 1
            return Not(self.negation(depth + 1))
        if kind == "open":
            self.index += 1
            inner = self.either(depth + 1)
            if self.peek() != "close":
                raise self.error("a ) is missing here")
            self.index += 1
            return inner
        if kind == "term":
            lexeme = self.lexemes[self.index]
            query = self.term(lexeme)
            self.index += 1
            return query
        before = self.lexemes[self.index - 1].text if self.index else ""
        raise self.error(
            f"a word or field:value is missing after {before}" if before else "a word or field:value is missing here"
        )

    def term(self, lexeme: _Lexeme) -> Query:
        text = lexeme.text
        found = None if _is_address(text) else _FIELD.fullmatch(text)
        if found is None:
            parts = [self.phrase(*part) for part in _pieces(text, lexeme.position)]
            return parts[0] if len(parts) == 1 else And(tuple(parts))
        name, operator, value = found["name"], found["operator"], found["value"]
        at = lexeme.position + found.start("value")
        if operator == ":":
            return self.equal(name, value, at)
        return self.comparison(name, cast("Operator", operator.removeprefix(":")), value, at)

    def phrase(self, text: str, at: int, quoted: bool) -> Phrase:
        prefix = False
        if not quoted and "*" in text:
            prefix = text.endswith("*") and text[-2:-1].isalnum()
            text = text.removesuffix("*")
            if "*" in text:
                raise QueryError(
                    self.text, at, "a word may have * at its end only; elsewhere name a field: field:*text*"
                )
        made = tokens(text)
        if not made.exact:
            raise QueryError(self.text, at, "no word in this; write a letter or a digit, or field:value")
        folded = made.exact == made.folded
        return Phrase(made.folded if folded else made.exact, folded, prefix)

    def equal(self, name: str, value: str, at: int) -> Query:
        if not value:
            raise QueryError(self.text, at, f"a value is missing after {name}:")
        quoted = _QUOTED.fullmatch(value)
        if name == "_exists_":
            return Exists(_unquote(quoted[1]) if quoted else value)
        if quoted:
            return Field(name, _literal(_unquote(quoted[1])))
        if '"' in value:
            raise QueryError(
                self.text, at + value.index('"'), "quote the whole value, or write another space before it"
            )
        return Field(name, _pattern(value))

    def comparison(self, name: str, operator: Operator, value: str, at: int) -> Query:
        quoted = _QUOTED.fullmatch(value)
        value = _unquote(quoted[1]) if quoted else value
        number = float(value) if _NUMBER.fullmatch(value) else None
        times = _interval(value, self.zone)
        if number is None and times is None:
            raise QueryError(
                self.text, at, f"{operator} compares with a number or a time, such as 5 or 2026-11-22T08:00"
            )
        return Comparison(name, operator, number, times)


def _is_address(text: str) -> bool:
    """What has a colon and yet is no field: IPv6 and MAC addresses, URLs."""
    if "://" in text or _MAC.fullmatch(text):
        return True
    try:
        IPv6Address(text)
    except (AddressValueError, ValueError):
        return False
    return True


def _pieces(text: str, at: int) -> list[tuple[str, int, bool]]:
    """A term cut where quotes begin and end: (text, position, was it quoted)."""
    out: list[tuple[str, int, bool]] = []
    end = 0
    for found in _QUOTED.finditer(text):
        if found.start() > end:
            out.append((text[end : found.start()], at + end, False))
        out.append((_unquote(found[1]), at + found.start(), True))
        end = found.end()
    if end < len(text):
        out.append((text[end:], at + end, False))
    return out


def _unquote(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text)


def _literal(text: str) -> tuple[tuple[bool, str], ...]:
    return ((False, normal(text)),) if text else ()


def _pattern(text: str) -> tuple[tuple[bool, str], ...]:
    """A value with wildcards; a backslash escapes ``*``, ``?`` and itself, as in Sigma."""
    parts: list[tuple[bool, str]] = []
    plain = ""
    index = 0
    while index < len(text):
        char = text[index]
        if char == "\\" and text[index + 1 : index + 2] in {"*", "?", "\\"} and text[index + 1 : index + 2]:
            plain += text[index + 1]
            index += 2
            continue
        if char in "*?":
            parts += _literal(plain)
            plain = ""
            if not (char == "*" and parts and parts[-1] == (True, "*")):
                parts.append((True, char))
        else:
            plain += char
        index += 1
    return tuple(parts) + _literal(plain)


def _interval(text: str, zone: tzinfo) -> tuple[Micros, Micros] | None:
    """The half-open interval a time means: a year, month, day, minute, second or microsecond."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if offset and hour is None:
        return None
    try:
        start = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=zone
        )
        if offset:
            start = start.replace(tzinfo=datetime.fromisoformat(f"2000-01-01T00:00:00{offset}").tzinfo)
        low = to_micros(start)
        if month is None:
            return low, to_micros(start.replace(year=start.year + 1))
        if day is None:
            days = monthrange(start.year, start.month)[1]
            return low, to_micros(start + timedelta(days=days))
    except (ValueError, OverflowError):
        return None
    if hour is None:
        return low, low + DAY
    if second is None:
        return low, low + MINUTE
    if fraction is None:
        return low, low + SECOND
    low += int(fraction.ljust(6, "0"))
    return low, low + 10 ** (6 - len(fraction))
