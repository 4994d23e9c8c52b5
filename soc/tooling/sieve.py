r"""A line in, whether any rule could match its event: most lines need not be mapped to ECS to know that none does.

    line ──► first look (decoded, logsources) ──► words of keyword rules in the raw text? ──► rules on fields ──► nothing
                  │ cannot say                          │ some                                   │ some
                  └─────────────────────────────────────┴──────────► the full event, and all rules on it

The first look decides nothing that it cannot know: where the rules of an event's logsources ask a name that the mapping
makes, the full event is made. What it passes on is looked at anew, so it may only err by passing on too much.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from soc.detect.detector import Detector, Match, may_apply
from soc.detect.keywords import FOLDED_TO_ASCII, gates
from soc.detect.literals import Database
from soc.detect.trigger import Literal, Need, Option, Rarity, options
from soc.model import Event, LogSource
from soc.normalize.kinds import Kind
from soc.normalize.products.product import FirstLook
from soc.sigma.condition import leaves
from soc.sigma.ruleset import RuleSet

_PATIENCE: Final = 64
"""Lines in a row that a first look said nothing of before it is no longer asked: another sender's objects."""

_PLANS: Final = 4096

_AS_WRITTEN: Final = re.compile(r"[ !#-.0-\[\]-~]{2,}")
"""Characters that JSON writes as they are: printable ASCII without quotation mark, slash and backslash."""

_OF_NUMBERS: Final = frozenset("0123456789.+-:tzeinfa")
"""What the texts of numbers and stamps are made of."""


class _Words:
    """Case-folded ASCII texts, and whether one of them may be in a value of a flat JSON line or in the line itself."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = [word.encode() for word in words]
        self._gates = [gate.encode() for gate in gates(words)]
        sought = [*self._words, *(letter.encode() for letter in FOLDED_TO_ASCII)]
        self._database = Database.of(sought, caseless=True) if words else None

    def may_hold(self, line: bytes, fields: dict[str, Any]) -> bool:
        r"""``fields``: the line decoded, for where its text does not tell: JSON can write any character as ``\u0041``."""
        if not self._words:
            return False
        if self._database is not None:
            if self._database.scan(line):
                return True
        elif self._are_in(line.lower() if line.isascii() else _folded(line.decode())):
            return True
        if _ESCAPE.scan(line) if _ESCAPE is not None else b"\\u" in line:
            return self._are_in(_folded("\n".join([value for value in fields.values() if isinstance(value, str)])))
        return False

    def _are_in(self, folded: bytes) -> bool:
        for gate in self._gates:  # most often none is there: a generator would cost as much as the search
            if gate in folded:
                return any(word in folded for word in self._words)
        return False


_ESCAPE: Final = Database.of([b"\\u"])


def _folded(text: str) -> bytes:
    return text.casefold().encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to ask of events of some logsources; ``logsources`` keeps the tuple whose id is the key.

    Attributes:
        enough: the fields of a first look and ``words`` are all that their rules ask.
    """

    logsources: tuple[LogSource, ...]
    enough: bool
    words: _Words


class Sieve:
    """All rules of a set, for lines of a product that has a first look. Not shared between threads."""

    def __init__(self, rules: RuleSet, look: FirstLook) -> None:
        """Split the set: what seeks words in all values is kept apart, because the first look has not all of them."""
        worded = {
            key: rule for key, rule in rules.rules.items() if any(p.field is None for p in leaves(rule.condition))
        }
        plain = {key: rule for key, rule in rules.rules.items() if key not in worded}
        self._plain = Detector(replace(rules, rules=plain))
        self._worded = Detector(replace(rules, rules=worded))
        self._look = look
        self._read = look.read
        rarity = Rarity(rule.condition for rule in worded.values())
        self._needed = [
            (rule.logsource, _words(options(rule.condition, rarity), look.words)) for rule in worded.values()
        ]
        self._words: dict[tuple[str, ...], _Words] = {}
        self._plans: dict[int, _Plan] = {}
        self._silent = 0

    def prepare(self, kinds: Iterable[Kind]) -> None:
        """See ``Detector.prepare``."""
        known = list(kinds)
        self._plain.prepare(known)
        self._worded.prepare(known)

    def detect(self, event: Event) -> list[Match]:
        """The rules that match a full event."""
        return [*self._plain.detect(event), *self._worded.detect(event)]

    def is_idle(self, line: bytes) -> bool:
        """Whether the line is an event that no rule matches; False where only the full event can tell."""
        if self._silent >= _PATIENCE:
            return False
        seen = self._read(line)
        if seen is None:
            self._silent += 1
            return False
        self._silent = 0
        fields, logsources = seen
        plan = self._plans.get(id(logsources))
        if plan is None or plan.logsources is not logsources:
            plan = self._plan(logsources)
        if not plan.enough or plan.words.may_hold(line, fields):
            return False
        return not self._plain.detect_fields(fields, logsources)

    def _plan(self, logsources: tuple[LogSource, ...]) -> _Plan:
        asked = self._plain.asked(logsources)
        needed = [words for wanted, words in self._needed if any(may_apply(wanted, own) for own in logsources)]
        words = tuple(sorted(set[str]().union(*(some for some in needed if some is not None))))
        enough = asked.fields.isdisjoint(self._look.makes) and None not in needed
        known = self._words.get(words)
        if known is None:
            known = self._words[words] = _Words(words)
        plan = _Plan(logsources, enough, known)
        if len(self._plans) >= _PLANS:
            self._plans.clear()
        self._plans[id(logsources)] = plan
        return plan


def _words(found: list[Option], added: frozenset[str]) -> tuple[str, ...] | None:
    r"""Texts of which one stands in the raw line of any event that a condition matches; None if that cannot be said.

    A condition must have a trigger of words alone. Each is cut to a part that JSON writes as it is (but for ``\u``), and none
    may be what only the mapping writes: numbers, stamps, ``added``.
    """
    for _, needs in found:
        words = [_as_written(need, added) for need in needs]
        if all(words):
            return tuple(words)
    return None


def _as_written(need: Need, added: frozenset[str]) -> str:
    if not isinstance(need, Literal) or need.field is not None or need.of_regex:
        return ""
    if _OF_NUMBERS.issuperset(need.text) or any(need.text in word for word in added):
        return ""
    return max(_AS_WRITTEN.findall(need.text), key=len, default="")
