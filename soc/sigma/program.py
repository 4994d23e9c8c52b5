"""Conditions as functions: a tree in, one function out that asks a memo per field instead of walking the tree.

What a condition says about one field is a *term*, shared by every rule that says the same, and answered from a bounded
memo by value: log values repeat. Functions are put together when a rule is first a candidate, from closures: most rules
are evaluated a few times only, and generating code for each cost more than it ever saved.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from soc.sigma.condition import All, Leaf, Node, Not
from soc.sigma.matchers import Reference, Test, Text
from soc.sigma.values import MISSING, text

Program = Callable[[Callable[[str, Any], Any], Any, Mapping[str, Any]], bool]
"""Called with ``fields.get``, MISSING and the fields. Raises TypeError where a value is a list: then walk the tree."""

MEMO_VALUES: Final = 8_192
"""Values that one term remembers before it starts anew."""
MEMO_CHARACTERS: Final = 200_000
"""Characters of those values."""
_LONG: Final = 200
"""Characters from which a folded text is worth a look-up: several fields and rules fold the same one."""


def fold(t: str) -> str:
    """The text case-folded; of the last few long ones, remembered."""
    return t.casefold() if len(t) < _LONG else _fold_long(t)


@lru_cache(maxsize=16)  # few: as many as one event has, and each may be a megabyte
def _fold_long(t: str) -> str:
    return t.casefold()


class Term(dict[Any, bool]):
    """What a tree over one field answers for each scalar value; computed when first asked."""

    __slots__ = ("_node", "_room", "_test")

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._room = MEMO_CHARACTERS
        self._node = node
        self._test: Test | None = None

    def __missing__(self, value: Any) -> bool:
        if value is None or value is MISSING:
            self[value] = answer = _absent(self._node, value)
            return answer
        test = self._test
        if test is None:
            test = self._test = _test_of(self._node)
        t = value if type(value) is str else text(value)
        answer = test(value, t, fold(t))
        # True == 1 and False == 0 as keys, but not as text: these four are computed each time.
        if type(value) is str or value not in (0, 1):
            self._room -= len(t)
            if self._room < 0 or len(self) >= MEMO_VALUES:
                self.clear()
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
        field = _field_of(node)
        if field is not None:
            term = self._term(node)
            return lambda get, missing, _fields: term[get(field, missing)]
        if isinstance(node, Leaf):
            whole = node.predicate.holds
            return lambda _get, _missing, fields: whole(fields)
        if isinstance(node, Not):
            part = self.compile(node.part)
            return lambda get, missing, fields: not part(get, missing, fields)
        kind = type(node)
        by_field: dict[str | None, list[Node]] = {}
        for part in node.parts:
            by_field.setdefault(_field_of(part), []).append(part)
        rest = [self.compile(part) for part in by_field.pop(None, [])]
        terms = [
            (name, self._term(group[0] if len(group) == 1 else kind(tuple(group))))
            for name, group in by_field.items()
            if name is not None
        ]
        return _every(terms, rest) if kind is All else _some(terms, rest)

    def _term(self, node: Node) -> Term:
        term = self._terms.get(node)
        if term is None:
            term = self._terms[node] = Term(node)
        return term


def _every(terms: list[tuple[str, Term]], rest: list[Program]) -> Program:
    def every(get: Callable[[str, Any], Any], missing: Any, fields: Mapping[str, Any]) -> bool:
        for field, term in terms:
            if not term[get(field, missing)]:
                return False
        for part in rest:  # noqa: SIM110  # ``all`` would build a generator each time
            if not part(get, missing, fields):
                return False
        return True

    return every


def _some(terms: list[tuple[str, Term]], rest: list[Program]) -> Program:
    def some(get: Callable[[str, Any], Any], missing: Any, fields: Mapping[str, Any]) -> bool:
        for field, term in terms:
            if term[get(field, missing)]:
                return True
        for part in rest:  # noqa: SIM110  # as above
            if part(get, missing, fields):
                return True
        return False

    return some


def _field_of(node: Node) -> str | None:
    """The one field that a tree is about, or None if it is about several, about keywords or compares fields."""
    if isinstance(node, Leaf):
        return None if isinstance(node.predicate.matcher, Reference) else node.predicate.field
    if isinstance(node, Not):
        return _field_of(node.part)
    fields = {_field_of(part) for part in node.parts}
    return fields.pop() if len(fields) == 1 else None


def _absent(node: Node, value: Any) -> bool:
    """What a tree over one field answers where the field is null or, with MISSING, not there."""
    if isinstance(node, Leaf):
        return node.predicate.matcher.on_absent(value)
    if isinstance(node, Not):
        return not _absent(node.part, value)
    parts = (_absent(part, value) for part in node.parts)
    return all(parts) if isinstance(node, All) else any(parts)


def _test_of(node: Node) -> Test:
    """The test of a tree over one field, for scalars that are there."""
    if isinstance(node, Leaf):
        test = node.predicate.test
        assert test is not None
        return test
    if isinstance(node, Not):
        part = _test_of(node.part)
        return lambda v, t, f: not part(v, t, f)
    if isinstance(node, All):
        return _all_tests([_test_of(part) for part in node.parts])
    return _any_test(node.parts)


def _all_tests(tests: list[Test]) -> Test:
    def every(v: Any, t: str, f: str) -> bool:
        for test in tests:  # noqa: SIM110  # as above
            if not test(v, t, f):
                return False
        return True

    return every


def _any_test(parts: tuple[Node, ...]) -> Test:
    """Any of many: texts are sought without a call for each."""
    exact: list[str] = []
    prefixes: list[str] = []
    suffixes: list[str] = []
    contained: list[str] = []
    by_anchor = {"exact": exact, "prefix": prefixes, "suffix": suffixes, "contains": contained}
    tests: list[Test] = []
    for part in parts:
        matcher = part.predicate.matcher if isinstance(part, Leaf) else None
        if isinstance(matcher, Text) and not matcher.cased:
            by_anchor[matcher.anchor].append(matcher.text)
        else:
            tests.append(_test_of(part))
    values, starts, ends = frozenset(exact), tuple(prefixes), tuple(suffixes)

    def some(v: Any, t: str, f: str) -> bool:
        if f in values or f.startswith(starts) or f.endswith(ends):
            return True
        for literal in contained:
            if literal in f:
                return True
        for test in tests:  # noqa: SIM110  # as above
            if test(v, t, f):
                return True
        return False

    return some
