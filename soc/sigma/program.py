"""Conditions as Python code: a tree in, one function out that asks a memo per field instead of walking the tree.

What a condition says about one field is a *term*, shared by every rule that says the same, and answered from a bounded
memo by value: log values repeat. Code is generated for terms and conditions once, when a rule is first a candidate.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from soc.sigma.condition import All, Leaf, Node, Not, holds
from soc.sigma.matchers import Reference, Test, Text
from soc.sigma.values import MISSING, text

Program = Callable[[Callable[[str, Any], Any], Any, Mapping[str, Any]], bool]
"""Called with ``fields.get``, MISSING and the fields. Raises TypeError where a value is a list: then walk the tree."""

MEMO_VALUES: Final = 8_192
"""Values that one term remembers before it starts anew."""
MEMO_CHARACTERS: Final = 200_000
"""Characters of those values."""

_INLINE: Final = {
    "exact": "{v} == {x!r}",
    "prefix": "{v}.startswith({x!r})",
    "suffix": "{v}.endswith({x!r})",
    "contains": "{x!r} in {v}",
}


class Term(dict[Any, bool]):
    """What a tree over one field answers for each scalar value; computed when first asked."""

    __slots__ = ("_absent", "_compute", "_room")

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._room = MEMO_CHARACTERS
        field = _field_of(node)
        assert field is not None
        self._compute = _scalar_function(node)
        self._absent = {None: holds(node, {field: None}), MISSING: holds(node, {})}
        self.update(self._absent)

    def __missing__(self, value: Any) -> bool:
        t = text(value)
        answer = self._compute(value, t, t.casefold())
        # True == 1 and False == 0 as keys, but not as text: these four are computed each time.
        if type(value) is str or value not in (0, 1):
            self._room -= len(t)
            if self._room < 0 or len(self) >= MEMO_VALUES:
                self.clear()
                self.update(self._absent)
                self._room = MEMO_CHARACTERS
            if len(t) < MEMO_CHARACTERS:
                self[value] = answer
        return answer


class Programs:
    """Compiles conditions, with one table of terms for all of them."""

    def __init__(self) -> None:
        self._terms: dict[Node, Term] = {}

    def compile(self, node: Node) -> Program:
        """The condition as a function."""
        names: dict[str, Any] = {}
        try:
            source = self._source(node, names)
            return eval(f"lambda g, M, F: {source}", names)  # noqa: S307  # our own text; literals enter by repr and name
        except (RecursionError, MemoryError, SyntaxError):  # nested deeper than Python's parser goes
            return lambda _get, _missing, fields: holds(node, fields)

    def _source(self, node: Node, names: dict[str, Any]) -> str:
        field = _field_of(node)
        if field is not None:
            term = self._terms.get(node)
            if term is None:
                term = self._terms[node] = Term(node)
            return f"{_name(names, term)}[g({field!r}, M)]"
        if isinstance(node, Leaf):
            return f"{_name(names, node.predicate.holds)}(F)"
        if isinstance(node, Not):
            return f"(not {self._source(node.part, names)})"
        kind = type(node)
        by_field: dict[str | None, list[Node]] = {}
        for part in node.parts:
            by_field.setdefault(_field_of(part), []).append(part)
        rest = by_field.pop(None, [])
        parts: list[Node] = [group[0] if len(group) == 1 else kind(tuple(group)) for group in by_field.values()]
        word = " and " if kind is All else " or "
        return f"({word.join(self._source(part, names) for part in parts + rest)})"


def _name(names: dict[str, Any], thing: Any) -> str:
    name = f"x{len(names)}"
    names[name] = thing
    return name


def _field_of(node: Node) -> str | None:
    """The one field that a tree is about, or None if it is about several, about keywords or compares fields."""
    if isinstance(node, Leaf):
        return None if isinstance(node.predicate.matcher, Reference) else node.predicate.field
    if isinstance(node, Not):
        return _field_of(node.part)
    fields = {_field_of(part) for part in node.parts}
    return fields.pop() if len(fields) == 1 else None


def _scalar_function(node: Node) -> Test:
    names: dict[str, Any] = {}
    try:
        return eval(f"lambda v, t, f: {_scalar_source(node, names)}", names)  # noqa: S307  # as above
    except (RecursionError, MemoryError, SyntaxError):
        return lambda v, t, f: _walk(node, v, t, f)


def _scalar_source(node: Node, names: dict[str, Any]) -> str:
    if isinstance(node, Leaf):
        matcher = node.predicate.matcher
        if isinstance(matcher, Text):
            return _INLINE[matcher.anchor].format(v="t" if matcher.cased else "f", x=matcher.text)
        return f"{_name(names, node.predicate.test)}(v, t, f)"
    if isinstance(node, Not):
        return f"(not {_scalar_source(node.part, names)})"
    if isinstance(node, All):
        return f"({' and '.join(_scalar_source(part, names) for part in node.parts)})"
    exact = frozenset(own for part in node.parts if (own := _exact_text(part)) is not None)
    parts = [_scalar_source(part, names) for part in node.parts if _exact_text(part) is None]
    if exact:
        parts.insert(0, f"f in {_name(names, exact)}")
    return f"({' or '.join(parts)})"


def _exact_text(node: Node) -> str | None:
    """What the value must be, where the node says just that: many of these are one look-up in a set."""
    matcher = node.predicate.matcher if isinstance(node, Leaf) else None
    return matcher.text if isinstance(matcher, Text) and matcher.anchor == "exact" and not matcher.cased else None


def _walk(node: Node, v: Any, t: str, f: str) -> bool:
    if isinstance(node, Leaf):
        test = node.predicate.test
        assert test is not None
        return test(v, t, f)
    if isinstance(node, Not):
        return not _walk(node.part, v, t, f)
    if isinstance(node, All):
        return all(_walk(part, v, t, f) for part in node.parts)
    return any(_walk(part, v, t, f) for part in node.parts)
