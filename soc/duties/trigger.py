"""A trigger as a policy writes it in, a question to an incident's facts out; parsed by hand, nothing is evaluated as code.

    severity == serious and system_level >= 3
    flags any (national_security, public_order) or level >= high
    kind == incident and not exercise
    filled has requests_to_national

``and`` binds tighter than ``or``, ``not`` tighter than both. What a name may be compared with is in ``NAMES``: a word that is not
in its list is a mistake of the policy and is found when the policy is read, never when the incident is there.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from soc.duties.fields import FIELDS
from soc.duties.kinds import Kind
from soc.model import Flag, IncidentStatus, Severity

Facts = Mapping[str, Any]
"""Name → str, int, bool or frozenset[str], as in ``NAMES``."""
Trigger = Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Name:
    """What can be asked of an incident.

    Attributes:
        what: ``word`` (one of ``words``; ``ordered``: also < and >), ``number``, ``truth`` or ``set``.
        words: what it can be, in order; () is anything.
    """

    what: str
    words: tuple[str, ...] = ()
    ordered: bool = False


NAMES: Mapping[str, Name] = {
    "severity": Name("word", get_args(Severity), ordered=True),
    "kind": Name("word", ("event", "incident")),
    "status": Name("word", get_args(IncidentStatus)),
    "verdict": Name("word", ("undecided", "true_positive", "benign_true_positive", "false_positive")),
    "level": Name("word", ("informational", "low", "medium", "high", "critical"), ordered=True),
    "system_level": Name("number"),
    "flags": Name("set", get_args(Flag)),
    "systems": Name("set"),
    "units": Name("set"),
    "filled": Name("set", tuple(FIELDS)),
    "sent": Name("set", get_args(Kind)),
    "exercise": Name("truth"),
    "campaign": Name("truth"),
    "reported": Name("truth"),
    "outdated": Name("truth"),
}
"""``system_level``: the highest cấp độ of the systems hit, 0 is not known. ``level``: of the gravest rule. ``filled``: particulars
that somebody typed. ``sent``: kinds of reports that were sent to the recipient; ``reported``: any was taken by it. ``outdated``:
a report that was sent says what is no longer so."""

_TOKEN = re.compile(r"\s*(?:(==|!=|<=|>=|<|>|\(|\)|,)|([\w.\-]+))", re.ASCII)
_DEPTH = 50


def parse_trigger(text: str) -> Trigger:
    """The question that a trigger asks.

    Raises:
        ValueError: what is wrong, and what could stand there instead.
    """
    return _Parser(text).whole()


def _tokens(text: str) -> list[str]:
    out: list[str] = []
    at, text = 0, text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"trigger: {text[at]!r} has no meaning here")
        out.append(found[1] or found[2])
        at = found.end()
    return out


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Trigger:
        trigger = self._either()
        if self._peek():
            raise ValueError(
                f"trigger: {self._peek()!r} does not belong after what precedes it: write `and` or `or` between"
            )
        return trigger

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, expected: str = "") -> str:
        token = self._peek()
        if not token or (expected and token != expected):
            raise ValueError(
                f"trigger: {expected or 'a name'} is expected {f'before {token!r}' if token else 'at its end'}"
            )
        self._at += 1
        return token

    def _either(self) -> Trigger:
        parts = [self._both()]
        while self._peek() == "or":
            self._take()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda facts: any(part(facts) for part in parts)

    def _both(self) -> Trigger:
        parts = [self._one()]
        while self._peek() == "and":
            self._take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda facts: all(part(facts) for part in parts)

    def _one(self) -> Trigger:
        self._depth += 1
        if self._depth > _DEPTH:
            raise ValueError(f"trigger: nested deeper than {_DEPTH}")
        try:
            return self._inner()
        finally:
            self._depth -= 1

    def _inner(self) -> Trigger:
        word = self._take()
        if word == "not":
            inner = self._one()
            return lambda facts: not inner(facts)
        if word == "(":
            inner = self._either()
            self._take(")")
            return inner
        name = NAMES.get(word)
        if name is None:
            raise ValueError(f"trigger: {word!r} is nothing that an incident can be asked; known: {', '.join(NAMES)}")
        if name.what == "truth":
            return lambda facts: bool(facts[word])
        if name.what == "set":
            return self._of_set(word, name)
        return self._compared(word, name)

    def _of_set(self, token: str, name: Name) -> Trigger:
        how = self._take()
        if how not in {"has", "any"}:
            raise ValueError(f"trigger: write `{token} has WORD` or `{token} any (WORD, WORD)`, not {how!r}")
        words = frozenset([self._word(token, name)] if how == "has" else self._words(token, name))
        return lambda facts: not words.isdisjoint(facts[token])

    def _compared(self, token: str, name: Name) -> Trigger:
        how = self._take()
        if how == "in" and name.what == "word":
            words = frozenset(self._words(token, name))
            return lambda facts: facts[token] in words
        ordered = name.ordered or name.what == "number"
        if how not in _COMPARE or (how not in {"==", "!="} and not ordered):
            raise ValueError(f"trigger: {token} cannot be compared by {how!r}")
        compare, wanted = _COMPARE[how], self._take()
        if name.what == "number":
            if not wanted.isdecimal():
                raise ValueError(f"trigger: {token} is a number, {wanted!r} is none")
            number = int(wanted)
            return lambda facts: compare(facts[token], number)
        rank = {word: place for place, word in enumerate(name.words)}
        place = rank[self._known(token, name, wanted)]
        return lambda facts: compare(rank.get(facts[token], -1), place)

    def _words(self, token: str, name: Name) -> list[str]:
        self._take("(")
        words = [self._word(token, name)]
        while self._peek() == ",":
            self._take()
            words.append(self._word(token, name))
        self._take(")")
        return words

    def _word(self, token: str, name: Name) -> str:
        return self._known(token, name, self._take())

    @staticmethod
    def _known(token: str, name: Name, word: str) -> str:
        if name.words and word not in name.words:
            raise ValueError(f"trigger: {token} is never {word!r}; it can be {', '.join(name.words)}")
        return word


_COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
