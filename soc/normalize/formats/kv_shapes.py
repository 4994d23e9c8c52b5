"""key=value lines of a product → names and values, several times faster once their order of keys has been seen.

A device writes few kinds of lines, each with its keys in one order. For an order seen often enough one expression is made
that reads the whole line; a line that it does not match whole is read by ``kv.triples``. Both give the same (a law in the
tests), so what was seen before changes nothing but the time it takes.
"""

import re
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from soc.normalize.compiled import native
from soc.normalize.formats import kv

_OFTEN = 8
_MOST_SHAPES = 256
_MOST_KEYS = 200
_MOST_TRIED = 6
_MOST_COUNTED = 4096
_LONGEST_MARK = 24

Plan = TypeVar("Plan")


class InPython:
    """One order of keys, each quoted or bare, as one expression."""

    def __init__(self, names: Sequence[str], quoted: Sequence[bool], expression: re.Pattern[str]) -> None:  # noqa: ARG002 - as native.Shape
        self._expression = expression

    def match(self, text: str) -> tuple[str, ...] | None:
        """The values of a line that is these pairs and nothing else, one blank between two; None for any other."""
        found = self._expression.fullmatch(text)
        return None if found is None else found.groups()


_Shape = InPython if native is None else native.Shape


class Shapes(Generic[Plan]):
    """What is known of a product's lines, bounded.

    Attributes:
        orders: how many orders of keys have an expression of their own.
    """

    def __init__(self, mark: str, plan: Callable[[tuple[str, ...]], Plan]) -> None:
        """Know nothing yet.

        Args:
            mark: the name of a field whose value goes with the order of keys (FortiGate: the log id).
            plan: made once for each order of keys: (names) → what the product's reader needs to know of them.
        """
        self._mark = mark + "="
        self._plan = plan
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._counts: dict[str, int] = {}
        self._shapes: dict[tuple[str, int], list[tuple[Plan, InPython | native.Shape]]] = {}
        self.orders = 0

    def read(self, text: str) -> tuple[Plan, tuple[str, ...]]:
        """One line, nothing before its first pair.

        Returns:
            (the plan of its names, their values in that order); of a key that comes twice the first.
        """
        if "\\" in text:
            return self._general(text)
        at = text.find(self._mark)
        key = (text[at : at + _LONGEST_MARK], text.count('"'))
        shapes = self._shapes.get(key)
        if shapes is not None:
            for place, (plan, shape) in enumerate(shapes):
                values = shape.match(text)
                if values is not None:
                    if place:
                        shapes[0], shapes[place] = shapes[place], shapes[0]
                    return plan, values
        return self._general(text, key)

    def _general(self, text: str, key: tuple[str, int] | None = None) -> tuple[Plan, tuple[str, ...]]:
        triples = kv.triples(text)
        if key is not None and self.orders < _MOST_SHAPES and 0 < len(triples) <= _MOST_KEYS:
            self._count(triples, text, key)
        values: dict[str, str] = {}
        for name, quoted, bare in triples:
            if name not in values:
                values[name] = quoted or bare
        return self.plan_of(tuple(values)), tuple(values.values())

    def plan_of(self, names: tuple[str, ...]) -> Plan:
        """The plan of an order of names, made once; for readers that have names and values from another format."""
        plan = self._plans.get(names)
        if plan is None:
            if len(self._plans) >= _MOST_COUNTED:
                self._plans.clear()
            plan = self._plans[names] = self._plan(names)
        return plan

    def _count(self, triples: list[tuple[str, str, str]], text: str, key: tuple[str, int]) -> None:
        """Make an expression for the line's order of keys when it has come often enough."""
        parts: list[str] = []
        quoted: list[bool] = []
        at = 0
        for name, _, bare in triples:
            at += len(name) + 1
            quoted.append(text.startswith('"', at))
            if quoted[-1]:
                parts.append(f'{re.escape(name)}="([^"]*)"')
                at = text.find('"', at + 1) + 2
            else:
                parts.append(f'{re.escape(name)}=([^\\s"]*)')
                at += len(bare) + 1
        expression = " ".join(parts)
        if len(self._counts) >= _MOST_COUNTED:
            self._counts.clear()
        seen = self._counts[expression] = self._counts.get(expression, 0) + 1
        if seen != _OFTEN:
            return
        names = tuple(name for name, _, _ in triples)
        compiled = re.compile(expression, re.ASCII)
        known = self._shapes.setdefault(key, [])
        # a line with a repeated key, or with more than one blank between two pairs, is left to the general reading
        if len(set(names)) == len(names) and len(known) < _MOST_TRIED and compiled.fullmatch(text):
            known.append((self.plan_of(names), _Shape(names, quoted, compiled)))
            self.orders += 1
