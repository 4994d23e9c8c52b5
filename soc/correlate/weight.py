"""Tokens in, how much a quiet group has of what could satisfy its rule out: for demands that a count of entries says little of.

A sum is satisfied by one entry or by none of a million, a temporal rule by the entries of its rarest rule. What is weighed
never says too little: all entries of the group count, whether they are in one window or not.
"""

import math
from collections.abc import Iterable
from typing import Protocol

from soc.correlate.condition import Demand
from soc.correlate.number import billionths


class Scale(Protocol):
    """A way to weigh."""

    def add(self, weight: int, token: str | int) -> int:
        """The weight with one token more; without any it is 0."""
        ...

    def enough(self, weight: int) -> bool:
        """Could it satisfy?"""
        ...


class Amount:
    """For sums: that of the positive numbers, in billionths."""

    __slots__ = ("_limit",)

    def __init__(self, demand: Demand) -> None:
        self._limit = math.ceil(demand.bound)

    def add(self, weight: int, token: str | int) -> int:
        """See ``Scale``."""
        return weight + max(0, billionths(token))

    def enough(self, weight: int) -> bool:
        """See ``Scale``."""
        return weight >= self._limit


class Kinds:
    """For temporal rules: which rules occur, one bit each."""

    __slots__ = ("_need",)

    def __init__(self, demand: Demand) -> None:
        choices = [demand.steps] if demand.steps else [choice.steps for choice in demand.choices]
        self._need = min((len(set(steps)) for steps in choices), default=demand.need)

    def add(self, weight: int, token: str | int) -> int:
        """See ``Scale``."""
        return weight | 1 << int(token)

    def enough(self, weight: int) -> bool:
        """See ``Scale``."""
        return weight.bit_count() >= self._need


def scale_for(demand: Demand) -> Scale | None:
    """How a demand is weighed; None if the number of entries says enough, or if it is not looked at before its time."""
    if demand.waits:
        return None
    if demand.counting == "sum":
        return Amount(demand)
    return Kinds(demand) if demand.token == "rule" else None  # noqa: S105 no secret


def weight_of(scale: Scale | None, tokens: Iterable[str | int]) -> int:
    """The weight of tokens; 0 without a scale."""
    weight = 0
    if scale is not None:
        for token in tokens:
            weight = scale.add(weight, token)
    return weight
