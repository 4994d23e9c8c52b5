"""Condition trees over interned predicates, and the plain way to evaluate one on an event: lists, nulls and all."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from soc.sigma.matchers import Matcher, Network, Networks, Null, Reference, Test, Text, Texts
from soc.sigma.values import MISSING, scalars, text


class Predicate:
    """One matcher on one field (None: on every value of the event). Interned: equal ones are the same object.

    Attributes:
        test: the matcher's, made when first asked for: most of a rule set's are never asked. None for a reference.
    """

    __slots__ = ("field", "matcher", "test")
    test: Test | None

    def __init__(self, field: str | None, matcher: Matcher) -> None:
        self.field = field
        self.matcher = matcher

    def __getattr__(self, name: str) -> Any:
        """Called for ``test`` while there is none; afterwards it is a plain attribute, which costs nothing."""
        if name != "test":
            raise AttributeError(name)
        self.test = None if isinstance(self.matcher, Reference) else self.matcher.test()
        return self.test

    def __repr__(self) -> str:
        return f"Predicate({self.field!r}, {self.matcher!r})"

    def on_scalar(self, value: Any) -> bool:
        """Whether it holds for one scalar, null or MISSING."""
        if value is None or value is MISSING:
            return self.matcher.on_absent(value)
        assert self.test is not None
        t = text(value)
        return self.test(value, t, t.casefold())

    def holds(self, fields: Mapping[str, Any]) -> bool:
        """Whether it holds for an event: for any item of a list, or any value at all where it has no field."""
        return next(self.hits(fields), None) is not None

    def hits(self, fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """The (field, value as text) pairs it holds for; a missing or null value has no text."""
        if isinstance(self.matcher, Reference):
            yield from _reference_hits(self.field, self.matcher, fields)
            return
        names = fields if self.field is None else (self.field,)
        for name in names:
            value = fields.get(name, MISSING)
            items = list(scalars(value)) or [None]
            if isinstance(self.matcher, Null) and not all(item is None or item is MISSING for item in items):
                continue  # a list with a value in it is no null
            for item in items:
                if self.on_scalar(item):
                    yield name, "" if item is None or item is MISSING else text(item)


def _reference_hits(field: str | None, matcher: Reference, fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    others = [text(o).casefold() for o in scalars(fields.get(matcher.field)) if o is not None]
    names = fields if field is None else (field,)
    for name in names:
        for item in scalars(fields.get(name)):
            if item is not None:
                own = text(item)
                if any(matcher.compare(own.casefold(), other) for other in others):
                    yield name, own


class Interner:
    """Gives the one predicate for each (field, matcher): what many rules ask is asked, and remembered, once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, Matcher], Predicate] = {}

    def __call__(self, field: str | None, matcher: Matcher) -> Predicate:
        """The predicate that ``matcher`` holds for ``field``."""
        key = (field, matcher)
        predicate = self._known.get(key)
        if predicate is None:
            predicate = self._known[key] = Predicate(field, matcher)
            if not isinstance(matcher, Text):
                _ = predicate.test  # an expression that cannot be compiled is refused while its rule is loaded
        return predicate


@dataclass(frozen=True, slots=True)
class Leaf:
    """One predicate."""

    predicate: Predicate


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801  # ``Any`` is taken
    """At least one part holds."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Node"


Node = Leaf | All | Any_ | Not


def join(kind: Callable[[tuple[Node, ...]], Node], parts: list[Node]) -> Node:
    """``parts`` joined by All or Any_, repeats and needless nesting removed."""
    flat: dict[Node, None] = {}
    for part in parts:
        if isinstance(part, (All, Any_)) and type(part) is kind:
            flat.update(dict.fromkeys(part.parts))
        else:
            flat[part] = None
    nodes = _gathered(flat) if kind is Any_ and len(flat) >= _MANY else list(flat)
    return nodes[0] if len(nodes) == 1 else kind(tuple(nodes))


_MANY: Final = 65
"""From so many alternatives on, those of one field and kind are asked at once: one by one would cost more than all else."""


def _gathered(parts: Iterable[Node]) -> list[Node]:
    """Alternatives with long lists of texts or networks as one predicate each, where the first of them stood."""
    lists: dict[tuple[Any, ...], list[Any]] = {}
    nodes: list[Node | list[Any]] = []
    for node in parts:
        matcher = node.predicate.matcher if isinstance(node, Leaf) else None
        if not isinstance(node, Leaf) or not isinstance(matcher, (Text, Network)):
            nodes.append(node)
            continue
        how = (matcher.anchor, matcher.cased) if isinstance(matcher, Text) else ("", False)
        same = lists.setdefault((node.predicate.field, type(matcher), *how), [])
        if not same:
            nodes.append(same)
        same.append(node)
    return [one for node in nodes for one in (_at_once(node) if isinstance(node, list) else [node])]


def _at_once(same: list[Leaf]) -> list[Node]:
    """Leaves that differ in their text or network only, as one if they are many."""
    if len(same) < _MANY:
        return list(same)
    field, first = same[0].predicate.field, same[0].predicate.matcher
    if isinstance(first, Text):
        texts = tuple(leaf.predicate.matcher.text for leaf in same if isinstance(leaf.predicate.matcher, Text))
        return [Leaf(Predicate(field, Texts(texts, first.anchor, first.cased)))]
    cidrs = tuple(leaf.predicate.matcher.cidr for leaf in same if isinstance(leaf.predicate.matcher, Network))
    return [Leaf(Predicate(field, Networks(cidrs)))]


def holds(node: Node, fields: Mapping[str, Any]) -> bool:
    """The condition on an event."""
    if isinstance(node, Leaf):
        return node.predicate.holds(fields)
    if isinstance(node, All):
        return all(holds(part, fields) for part in node.parts)
    if isinstance(node, Any_):
        return any(holds(part, fields) for part in node.parts)
    return not holds(node.part, fields)


def why(node: Node, fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The (field, value) pairs of the predicates that made the condition hold; what a ``not`` excludes is no reason."""
    if isinstance(node, Leaf):
        yield from node.predicate.hits(fields)
    elif isinstance(node, All):
        for part in node.parts:
            yield from why(part, fields)
    elif isinstance(node, Any_):
        for part in node.parts:
            if holds(part, fields):
                yield from why(part, fields)


def leaves(node: Node) -> Iterator[Predicate]:
    """The predicates of a tree, repeats included."""
    if isinstance(node, Leaf):
        yield node.predicate
    elif isinstance(node, Not):
        yield from leaves(node.part)
    else:
        for part in node.parts:
            yield from leaves(part)


def fingerprint(node: Node) -> str:
    """A digest of what the condition means, the same in every process: comments and titles do not change it."""
    return hashlib.sha256(_spelled(node).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _spelled(node: Node) -> str:
    if isinstance(node, Leaf):
        return repr(node.predicate)
    if isinstance(node, Not):
        return f"not({_spelled(node.part)})"
    return f"{type(node).__name__}({','.join(_spelled(part) for part in node.parts)})"
