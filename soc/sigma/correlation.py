"""A compiled correlation rule, as the engine (which feeds it) and correlate (which evaluates it) share it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from soc.clock import Micros

CorrelationType = Literal[
    "event_count",
    "value_count",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
    "temporal",
    "temporal_ordered",
]
Operator = Literal["gte", "gt", "lte", "lt", "eq", "neq"]


@dataclass(frozen=True, slots=True)
class CorrelationCondition:
    """``condition:`` of a correlation: what is compared with what.

    Attributes:
        fields: the event fields of ``value_*``: one, or for ``value_count`` several whose combinations are counted.
        percentile: 0 to 100, of ``value_percentile``.
    """

    operator: Operator
    count: int | float
    fields: tuple[str, ...] = ()
    percentile: int | float | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way in which a temporal condition with and, or, not holds.

    Attributes:
        present: ids of the rules that occur, in the written order.
        absent: ids of the rules that do not occur in the window.
    """

    present: tuple[str, ...]
    absent: frozenset[str]


@dataclass(frozen=True, slots=True)
class CorrelationRule:
    """One correlation rule with its references resolved to ids.

    Attributes:
        rules: ids of the referenced rules, in the order written (``temporal_ordered`` means this order).
        group_by: the group-by names in order; each is an event field or an alias.
        aliases: alias → {referenced rule id: event field}.
        timespan: the window's length; an event at exactly the start and one at exactly start + timespan are both in it.
        condition: None for ``temporal*`` without one (all referenced rules must occur).
        alternatives: of ``temporal*`` with and, or, not: of which one must hold; () for all else.
        generate: this correlation says that the rules it references raise alerts of their own too.
        lateness: of ``soc: {lateness: 10m}``, or None for the installation's.
        digest: hash over this rule's own text and those of all rules below it: state is kept while it stays the same.
        depth: 1 if it references base rules only, else 1 + the deepest referenced correlation's.
    """

    id: str
    type: CorrelationType
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    aliases: Mapping[str, Mapping[str, str]]
    timespan: Micros
    condition: CorrelationCondition | None
    generate: bool = False
    lateness: Micros | None = None
    digest: str = ""
    depth: int = 1
    alternatives: tuple[Alternative, ...] = ()
