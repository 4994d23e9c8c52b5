"""A few events in, of how many of them a trigger is met out: for choosing triggers by what occurs."""

from collections.abc import Iterable, Mapping
from typing import Any

from soc.detect.trigger import Need, Probe
from soc.sigma.program import fold
from soc.sigma.values import scalars, text

_Values = list[tuple[int, Any, str]]
"""The bit of an event, a value of one field in it, and that value's text folded."""


class Sample:
    """Events by field, so that each value is folded once; and of each need, the events that meet it as bits."""

    def __init__(self, events: Iterable[Mapping[str, Any]]) -> None:
        """``events``: their fields, flat."""
        self._events = list(events)
        self._values: dict[str, _Values] = {}
        self._bits: dict[int, int] = {}

    def met(self, needs: Iterable[Need]) -> int:
        """How many of the events meet any of the needs; keywords count as never met."""
        bits = 0
        for need in needs:
            known = self._bits.get(id(need))
            if known is None:
                known = self._bits[id(need)] = self._meeting(need)
            bits |= known
        return bits.bit_count()

    def _meeting(self, need: Need) -> int:
        if need.field is None:
            return 0
        bits = 0
        for bit, value, folded in self._of(need.field):
            if not bits & bit and _meets(need, value, folded):
                bits |= bit
        return bits

    def _of(self, field: str) -> _Values:
        values = self._values.get(field)
        if values is None:
            values = self._values[field] = [
                (1 << number, value, fold(text(value)))
                for number, fields in enumerate(self._events)
                for value in scalars(fields.get(field))
                if value is not None
            ]
        return values


def _meets(need: Need, value: Any, folded: str) -> bool:
    if isinstance(need, Probe):
        return need.predicate.on_scalar(value)
    if need.anchor == "contains":
        return need.text in folded
    if need.anchor == "exact":
        return folded == need.text
    return folded.startswith(need.text) if need.anchor == "prefix" else folded.endswith(need.text)
