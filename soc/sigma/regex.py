"""What a regular expression's own parse tree tells before it is ever run: is it risky, and what must occur in the text."""

import importlib
import re
from collections.abc import Iterable
from typing import Any, Final

sre: Any = importlib.import_module("re._constants")
"""The names in the parse tree of ``re``: not public and without type stubs, but the same from Python 3.11 on."""
_parse: Any = importlib.import_module("re._parser").parse

Tree = Iterable[tuple[Any, Any]]

_MANY_TIMES: Final = 8
"""A repetition of at least this many rounds around a variable one counts as risky."""
REPEATS: Final = (sre.MAX_REPEAT, sre.MIN_REPEAT)


_POSIX: Final = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "xdigit": "0-9a-fA-F",
    "space": r"\s",
    "word": r"\w",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "cntrl": r"\x00-\x1f\x7f",
}


def posix_classes(source: str) -> str:
    """The expression with ``[:alpha:]`` and the like, which ``re`` takes for their letters, written out."""
    return re.sub(r"\[:(\w{4,6}):\]", lambda m: _POSIX.get(m[1], m[0]), source) if "[:" in source else source


def simplify(source: str) -> str:
    r"""The expression without a leading ``.*``, which changes nothing about whether it is found, but costs a square."""
    while source.startswith(".*") and source[2:3] not in ("+", "{", "*"):
        source = source[3:] if source[2:3] == "?" else source[2:]
    return source


def parse(source: str, flags: int) -> Any:
    """The parse tree of ``re`` itself.

    Raises:
        re.error: if it is no expression.
    """
    return _parse(source, flags)


def is_risky(source: str, flags: int) -> bool:
    """Whether a repetition around another variable one, or around alternatives, could backtrack exponentially."""
    return _risky(parse(simplify(source), flags), repeated=False)


def repeats(source: str, flags: int) -> bool:
    """Whether it repeats anything without a bound, or looks back at what it found: else its cost only grows with the value."""
    return _repeats(parse(simplify(source), flags))


def unbounded(source: str, flags: int) -> int:
    """How many parts repeat without a bound: a search costs the value's length to about this power (``a.*b.*c``)."""
    return _unbounded(parse(simplify(source), flags))


def _unbounded(tree: Tree) -> int:
    count = 0
    for op, av in tree:
        if op in REPEATS:
            count += (av[1] >= _MANY_TIMES) + _unbounded(av[2])
        elif op is sre.SUBPATTERN:
            count += _unbounded(av[3])
        elif op is sre.BRANCH:
            count += max((_unbounded(branch) for branch in av[1]), default=0)
        elif op in (sre.ASSERT, sre.ASSERT_NOT):
            count += _unbounded(av[1])
    return count


def _repeats(tree: Tree) -> bool:
    for op, av in tree:
        if op in REPEATS or op not in _SIMPLE:
            body = av[2] if op in REPEATS and av[1] < _MANY_TIMES else None
            if op is sre.SUBPATTERN:
                body = av[3]
            if body is None:
                if op is sre.BRANCH and not any(_repeats(branch) for branch in av[1]):
                    continue
                return True
            if _repeats(body):
                return True
    return False


_SIMPLE: Final = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN, sre.AT)


def _risky(tree: Tree, *, repeated: bool) -> bool:
    for op, av in tree:
        if op in REPEATS:
            low, high, body = av
            if low != high and repeated:
                return True
            if _risky(body, repeated=repeated or high >= _MANY_TIMES):
                return True
        elif op is sre.BRANCH:
            if repeated or any(_risky(branch, repeated=repeated) for branch in av[1]):
                return True
        elif op is sre.SUBPATTERN:
            if _risky(av[3], repeated=repeated):
                return True
        elif op in (sre.ASSERT, sre.ASSERT_NOT) and _risky(av[1], repeated=repeated):
            return True
    return False


def required_literals(source: str, flags: int, shortest: int) -> tuple[str, ...]:
    """Case-folded literals of which at least one is in every (folded) text that the expression is found in.

    Those of at least ``shortest`` characters; () if none is known. ``re`` ignores case a little differently from folding
    outside ASCII (``\u0130``, ``\u0131``), so for a text that is not ASCII nothing follows.
    """
    return tuple(dict.fromkeys(_best(parse(source, flags), shortest)))


_ODD: Final = "\u0130\u0131\u017f\u212a"
"""Letters that ``re``, ignoring case, finds in an ASCII text too: as i, s and k."""


def all_required_literals(source: str, flags: int) -> tuple[tuple[str, ...], ...]:
    """As ``required_literals``, but every set that is known, the longest literals first: of each, one is in the text."""
    usable = {tuple(dict.fromkeys(c)): None for c in _sets(parse(source, flags)) if c and all(c)}
    return tuple(sorted(usable, key=_commonness))


def _commonness(literals: Iterable[str]) -> float:
    return sum(1 / len(t) ** 2 for t in literals)


def _best(tree: Tree, shortest: int) -> list[str]:
    """The best set for a sequence: of all literals that must occur in it, the longest; of alternatives, one each."""
    usable = [c for c in _sets(tree, shortest) if c and min(map(len, c)) >= shortest]
    return min(usable, key=_commonness) if usable else []


def _sets(tree: Tree, shortest: int = 1) -> list[list[str]]:
    """For a sequence, the sets of which one literal each must occur in it; some may be empty and say nothing."""
    candidates: list[list[str]] = []
    run: list[str] = []

    def close() -> None:
        if run:
            candidates.append(["".join(run).casefold()])
            run.clear()

    for op, av in tree:
        if op is sre.LITERAL and chr(av) not in _ODD:
            run.append(chr(av))
            continue
        close()
        if op is sre.SUBPATTERN:
            candidates += _sets(av[3], shortest)
        elif op in REPEATS and av[0] >= 1:
            candidates += _sets(av[2], shortest)
        elif op is sre.BRANCH:
            branches = [_best(branch, shortest) for branch in av[1]]
            candidates.append([text for branch in branches for text in branch] if all(branches) else [])
    close()
    return candidates
