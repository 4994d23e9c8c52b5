"""Texts that rules seek in any value: an event in, the slots of the keywords that it has out.

A memo by value does not pay here: most values are looked at for keywords only, and many are unique (stamps, ids). All of an
event is searched in one go instead: by a compiled gate where that was built (``soc.detect.compiled``), or encoded and scanned by
hyperscan where that is installed. What that lets through is joined and folded, and a few short *gates* sought in it, parts of
the literals such that no literal is there without one of them.
"""

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, Final, cast

import ahocorasick
import msgspec

from soc.detect import compiled
from soc.detect.index import FieldIndex, Slots, each
from soc.detect.literals import Database
from soc.detect.trigger import Need, Probe
from soc.sigma.values import scalars, text

_NUMBER_TEXT: Final = frozenset("0123456789.+-einfaxtrulsbcd")
"""Every character that the text of a number or boolean can have."""
_NUMBERS: Final = (int, float, bool)
_PLAIN: Final[frozenset[type]] = frozenset((str, int, float, bool, type(None)))
_MANY_GATES: Final = 30
_GATE: Final = 4
FOLDED_TO_ASCII: Final = (
    "\u00df\u0130\u0149\u017f\u01f0\u1e96\u1e97\u1e98\u1e99\u1e9a\u1e9e\u212a\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"
)
"""Characters beyond ASCII whose folding has ASCII characters (``ß`` is ``ss``): an ASCII literal can be in a text with one of
them and not in its bytes."""


class KeywordIndex:
    """Literals sought in every value of an event, in one go over all of them."""

    __slots__ = (
        "__weakref__",
        "_buffer",
        "_by_value",
        "_gates",
        "_literals",
        "_many",
        "_may_be_in",
        "_numbers",
    )

    def __init__(self, needs: Iterable[tuple[Need, Any]]) -> None:
        """``needs``: without a field, each with the slot it triggers."""
        literals: dict[str, list[Any]] = {}
        odd: list[tuple[Need, Any]] = []
        for need, slot in needs:
            if isinstance(need, Probe) or need.of_regex:
                odd.append((need, slot))
            else:
                literals.setdefault(need.text, []).append(slot)
        self._literals = list(literals.items())
        self._by_value = FieldIndex(odd) if odd else None
        self._gates = gates(tuple(literals))
        self._many: Any = _automaton(literals) if len(self._gates) > _MANY_GATES else None
        self._numbers = any(set(literal) <= _NUMBER_TEXT for literal in literals)
        self._buffer = bytearray()
        self._may_be_in = self._sieve(literals)

    def _sieve(self, literals: Collection[str]) -> Callable[[dict[str, Any]], bool]:
        """What tells quickly, and never wrongly, that an event has none of the literals."""
        if self._numbers or not all(map(str.isascii, literals)):
            return _always
        gate = compiled.gate(literals, FOLDED_TO_ASCII)
        if gate is not None:
            return gate.possible
        sought = [literal.encode() for literal in (*literals, *FOLDED_TO_ASCII)]
        database = Database.of(sought, caseless=True) if literals else None
        return _always if database is None else partial(self._possible, database)

    def triggered(self, fields: dict[str, Any]) -> list[Slots]:
        """The slots that an event's values trigger, with repeats."""
        found: list[Slots] = []
        if self._literals and self._may_be_in(fields):
            found = self._seek(fields.values())
        if self._by_value is not None:
            for value in fields.values():
                found += each(self._by_value, value)
        return found

    def _possible(self, database: Database, fields: dict[str, Any]) -> bool:
        """Whether any literal may be there: quick, and never wrongly no.

        MessagePack holds each text as its bytes, so what is in a text is in the whole.
        """
        values = fields.values()
        if not _PLAIN.issuperset(map(type, values)) and not all(map(_plain, values)):
            return True
        try:
            _encode_into(fields, self._buffer)
        except (OverflowError, ValueError):  # an integer of more than 64 bits, half a surrogate pair
            return True
        return bool(database.scan(self._buffer))

    def _seek(self, values: Iterable[Any]) -> list[Slots]:
        strings = [v for v in values if type(v) is str]
        if self._numbers or not _PLAIN.issuperset(map(type, values)):
            strings += self._others(values)
        joined = "\n".join(strings).casefold()
        if self._many is not None:
            return [tuple(slots) for _, slots in self._many.iter(joined)]
        if any(gate in joined for gate in self._gates):
            return [tuple(slots) for literal, slots in self._literals if literal in joined]
        return []

    def _others(self, values: Iterable[Any]) -> list[str]:
        """Texts of what is no string: items of lists, and numbers where a literal could be part of one."""
        others: list[str] = []
        for value in values:
            if type(value) is str or value is None or (isinstance(value, _NUMBERS) and not self._numbers):
                continue
            others += [text(item) for item in scalars(value) if item is not None]
        return others


def _always(_fields: dict[str, Any]) -> bool:
    return True


_encode_into = msgspec.msgpack.Encoder().encode_into


def _plain(value: Any) -> bool:
    """Whether it is a scalar that JSON has, or a list of these: of other types the text is not what MessagePack holds."""
    if type(value) is list:
        return _PLAIN.issuperset(map(type, cast("list[Any]", value)))
    return type(value) in _PLAIN


def _automaton(literals: dict[str, list[Any]]) -> Any:
    automaton = cast("Any", ahocorasick).Automaton()
    for literal, slots in literals.items():
        automaton.add_word(literal, slots)
    automaton.make_automaton()
    return automaton


@lru_cache(maxsize=256)  # the views of one product share its keyword rules
def gates(literals: tuple[str, ...]) -> tuple[str, ...]:
    """Short texts such that each literal contains at least one: greedily, the one that is in most literals first.

    Parts of four characters, or two that are no letters or digits (``::``), which are about as rare; shorter literals whole.
    """
    parts: dict[str, set[str]] = {}
    for literal in literals:
        own = {literal[i : i + _GATE] for i in range(max(1, len(literal) - _GATE + 1))}
        own |= {pair for pair in map("".join, pairwise(literal)) if not any(c.isalnum() or c.isspace() for c in pair)}
        for part in own:
            parts.setdefault(part, set()).add(literal)
    chosen: list[str] = []
    left = {literal for owners in parts.values() for literal in owners}
    while left:
        best = max(parts, key=lambda part: (len(parts[part] & left), part))
        chosen.append(best)
        left -= parts[best]
    return tuple(chosen)
