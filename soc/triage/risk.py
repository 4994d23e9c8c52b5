"""Alerts and the entities they are about in; how much of a risk each entity has gathered, from 0 to 100, out.

Each first alert (a repeat adds nothing) gives its entities the rule's risk, weighed by the most critical system it touches. What an
entity has gathered halves every half-life and is shown as ``100 · (1 - 2^(-gathered / 50))``: one high alert shows as 38, two within
the hour as 62, and nothing goes past 100. An address that many share gathers nothing.
"""

from collections.abc import Iterable, Mapping

import msgspec

from soc.clock import Micros
from soc.model import decode, encode
from soc.triage.entities import Key

LEVEL_RISK: Mapping[str, int] = {"informational": 1, "low": 5, "medium": 15, "high": 35, "critical": 60}
"""What a rule without ``soc: {risk: …}`` counts, by its level."""

CRITICALITY_WEIGHT: Mapping[str, float] = {"low": 0.75, "medium": 1.0, "high": 1.25, "critical": 1.5}
"""By the most critical system the alert touches, as the register rates it; 1 where it says nothing."""

HALF = 50.0
"""Gathered risk that shows as 50."""

FORGOTTEN = 0.5
"""Less than this shows as nothing and is dropped."""


class Gathered(msgspec.Struct, frozen=True, array_like=True):
    """What an entity has gathered, as it stood at a time."""

    score: float
    at: Micros


def weight(level: str, rule_risk: int | None, criticality: str) -> float:
    """What one alert gives to each of its entities.

    Args:
        level: of the rule.
        rule_risk: 0 to 100 of the rule itself; None is the level's.
        criticality: of the most critical system it touches, "" is not known.
    """
    base = LEVEL_RISK.get(level, LEVEL_RISK["medium"]) if rule_risk is None else rule_risk
    return base * CRITICALITY_WEIGHT.get(criticality, 1.0)


def shown(score: float) -> int:
    """Gathered risk on the scale of 0 to 100."""
    return round(100 * (1 - 2 ** (-max(0.0, score) / HALF)))


class Risks:
    """What every entity has gathered; keys of the state: ``k/<family>/<value>``."""

    def __init__(self, half_life: Micros) -> None:
        self._half_life = half_life
        self._gathered: dict[Key, Gathered] = {}

    def restore(self, name: str, value: bytes) -> None:
        """Take up one committed value.

        Raises:
            RecordError: it is none.
        """
        kind, _, text = name.partition("/")
        self._gathered[kind, text] = decode(value, Gathered)

    def add(self, keys: Iterable[Key], amount: float, at: Micros, state: dict[bytes, bytes | None]) -> None:
        """An alert of time ``at`` gives ``amount`` to each key; what changed goes into ``state``."""
        for key in keys:
            known = self._gathered.get(key, Gathered(0.0, at))
            newest = max(known.at, at)
            score = self._faded(known.score, newest - known.at) + self._faded(amount, newest - at)
            kept = self._gathered[key] = Gathered(round(score, 6), newest)
            state[_name(key)] = encode(kept)

    def of(self, keys: Iterable[Key], at: Micros) -> int:
        """The greatest risk among ``keys`` at a time, 0 to 100."""
        known = (self._gathered[key] for key in keys if key in self._gathered)
        return shown(max((self._faded(item.score, max(0, at - item.at)) for item in known), default=0.0))

    def prune(self, now: Micros, state: dict[bytes, bytes | None]) -> None:
        """Drop what has faded away."""
        gone = [
            key
            for key, item in self._gathered.items()
            if self._faded(item.score, max(0, now - item.at)) < FORGOTTEN and now > item.at
        ]
        for key in gone:
            del self._gathered[key]
            state[_name(key)] = None

    def _faded(self, score: float, age: Micros) -> float:
        return score * 2 ** (-age / self._half_life)


def _name(key: Key) -> bytes:
    return f"k/{key[0]}/{key[1]}".encode("utf-8", "replace")
