"""A loaded rule set in, bytes out, and back: so that the next start need not read YAML again.

The bytes are data only (msgpack): thawing runs nothing that they say. Each predicate is written once, with its matcher's name
and fields; conditions are lists of numbers over them, and become trees when first asked for.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, cast

import msgspec

from soc.errors import RuleError
from soc.model import LogSource, RuleInfo
from soc.sigma import matchers
from soc.sigma.condition import All, Any_, Leaf, Node, Not, Predicate
from soc.sigma.correlation import CorrelationRule
from soc.sigma.matchers import Matcher
from soc.sigma.ruleset import CompiledRule, RuleSet

MATCHERS: Final[dict[str, type[Matcher]]] = {
    name: kind for name, kind in vars(matchers).items() if isinstance(kind, type) and issubclass(kind, Matcher)
}
"""By their names in the module."""
_JOINS: Final = (All, Any_)
_NOT: Final = 2

Shape = int | list[Any]
"""A condition: the number of a predicate; [0, parts …] all of them, [1, parts …] any of them, [2, part] not it."""
_Place = tuple[str, int, str]


class _Rule(msgspec.Struct, array_like=True):
    id: str
    logsource: LogSource
    fingerprint: str
    fields: list[str | None]
    condition: bytes


class _Set(msgspec.Struct):
    """``RuleSet``, field by field."""

    hash: str
    rules: list[_Rule]
    predicates: list[list[Any]]
    correlations: dict[str, CorrelationRule]
    infos: list[RuleInfo]
    refused: list[_Place]
    alerting: list[str]
    muted: dict[str, tuple[str, ...]]
    feeds: dict[str, tuple[str, ...]]
    disabled: dict[str, str]
    warnings: list[_Place]


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(_Set)
_shape_decoder = msgspec.msgpack.Decoder(Shape)


def freeze(rules: RuleSet) -> bytes:
    """A rule set as bytes.

    Raises:
        ValueError, OverflowError: it says something that the format has no place for: half a character, a number beyond 64 bits.
    """
    table = _Table()
    return _encode(
        _Set(
            hash=rules.hash,
            rules=[_frozen(rule, table) for rule in rules.rules.values()],
            predicates=table.rows,
            correlations=dict(rules.correlations),
            infos=list(rules.infos.values()),
            refused=[(error.path, error.line, error.reason) for error in rules.refused],
            alerting=sorted(rules.alerting),
            muted=dict(rules.muted),
            feeds=dict(rules.feeds),
            disabled=dict(rules.disabled),
            warnings=[(error.path, error.line, error.reason) for error in rules.warnings],
        )
    )


def thaw(data: bytes | memoryview) -> RuleSet:
    """What ``freeze`` was given.

    Raises:
        ValueError: these are no bytes of ``freeze``.
    """
    frozen = _decoder.decode(data)
    predicates = _Predicates(frozen.predicates)
    return RuleSet(
        hash=frozen.hash,
        rules={rule.id: _thawed(rule, predicates) for rule in frozen.rules},
        correlations=frozen.correlations,
        infos={info.id: info for info in frozen.infos},
        refused=tuple(RuleError(*place) for place in frozen.refused),
        alerting=frozenset(frozen.alerting),
        muted=frozen.muted,
        feeds=frozen.feeds,
        disabled=frozen.disabled,
        warnings=tuple(RuleError(*place) for place in frozen.warnings),
    )


def _frozen(rule: CompiledRule, table: "_Table") -> _Rule:
    named = sorted(rule.fields, key=lambda name: name or "")
    return _Rule(rule.id, rule.logsource, rule.fingerprint, named, _encode(table.shape(rule.condition)))


class _Table:
    """The predicates of a set, numbered as they are met."""

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []
        self._numbers: dict[Predicate, int] = {}

    def shape(self, node: Node) -> Shape:
        """A condition over their numbers."""
        if isinstance(node, Leaf):
            number = self._numbers.get(node.predicate)
            if number is None:
                number = self._numbers[node.predicate] = len(self.rows)
                matcher = node.predicate.matcher
                values = [getattr(matcher, name) for name in _names(type(matcher))]
                self.rows.append([node.predicate.field, type(matcher).__name__, *values])
            return number
        if isinstance(node, Not):
            return [_NOT, self.shape(node.part)]
        return [_JOINS.index(type(node)), *(self.shape(part) for part in node.parts)]


def _names(kind: type[Matcher]) -> tuple[str, ...]:
    """The fields of a matcher, in the order of its constructor."""
    return tuple(cast("Mapping[str, Any]", getattr(kind, "__dataclass_fields__", {})))


class _Predicates(dict[int, Leaf]):
    """Number → its leaf, made when first asked for."""

    def __init__(self, rows: list[list[Any]]) -> None:
        super().__init__()
        self._rows = rows

    def __missing__(self, number: int) -> Leaf:
        field, kind, *values = self._rows[number]
        matcher = MATCHERS[kind](*(tuple(v) if type(v) is list else v for v in values))  # pyright: ignore[reportUnknownArgumentType]
        leaf = self[number] = Leaf(Predicate(field, matcher))
        return leaf


def _thawed(rule: _Rule, predicates: _Predicates) -> CompiledRule:
    condition = partial(_condition, rule.condition, predicates)
    return CompiledRule.thawed(rule.id, rule.logsource, condition, rule.fingerprint, frozenset(rule.fields))


def _condition(data: bytes, predicates: _Predicates) -> Node:
    return _node(_shape_decoder.decode(data), predicates)


def _node(shape: Shape, predicates: _Predicates) -> Node:
    if isinstance(shape, int):
        return predicates[shape]
    kind: int = shape[0]
    parts = [_node(part, predicates) for part in shape[1:]]
    return Not(parts[0]) if kind == _NOT else _JOINS[kind](tuple(parts))
