"""What a regular expression's own parse tree tells before it is ever run: what it takes, and what must occur in the text."""

import importlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

sre: Any = importlib.import_module("re._constants")
"""The names in the parse tree of ``re``: not public and without type stubs, but the same from Python 3.11 on."""
_parse: Any = importlib.import_module("re._parser").parse

Tree = Iterable[tuple[Any, Any]]

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


_LEADING: Final = re.compile(
    r"((?:\(\?[ims]+\))?)(\\[wWdDsS]|\.|\[\^?(?:[^]\\[^]|\\.)(?:[^]\\[]|\\.)*\])([*+])\??(?![*+?{])"
)


def simplify(source: str) -> str:
    r"""The expression without repetition at its start, which changes nothing about whether it is found, but costs a square.

    ``.*x`` is found where ``x`` is, and ``\w+x`` where ``\wx`` is.
    """
    while (found := _LEADING.match(source)) is not None:
        source = found[1] + (found[2] if found[3] == "+" else "") + source[found.end() :]
    return source


@lru_cache(maxsize=8)  # whoever asks about an expression asks several times in a row
def parse(source: str, flags: int) -> Any:
    """The parse tree of ``re`` itself; not to be changed.

    Raises:
        re.error: if it is no expression.
    """
    return _parse(source, flags)


def one_character(op: Any, av: Any) -> str:
    """An expression for the one character that a node of the tree (``LITERAL``, ``NOT_LITERAL``, ``ANY``, ``IN``) takes."""
    if op is sre.ANY:
        return "."
    if op is not sre.IN:
        return ("[^%s]" if op is sre.NOT_LITERAL else "%s") % re.escape(chr(av))
    parts = ["["]
    for inner, value in av:
        if inner is sre.NEGATE:
            parts.append("^")
        elif inner is sre.LITERAL:
            parts.append(re.escape(chr(value)))
        elif inner is sre.RANGE:
            parts.append(f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}")
        else:
            parts.append(_CATEGORIES[value])
    return "".join([*parts, "]"])


_CATEGORIES: Final[dict[Any, str]] = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}


def literals_of(items: Tree) -> tuple[str, ...]:
    """As ``required_literals``, of a row of nodes: those that are rarest by their length; () if none is known."""
    return tuple(dict.fromkeys(_best(items, 1)))


def required_literals(source: str, flags: int, shortest: int) -> tuple[str, ...]:
    """Case-folded literals of which at least one is in every (folded) text that the expression is found in.

    Those of at least ``shortest`` characters; () if none is known. ``re`` ignores case a little differently from folding
    outside ASCII (``\u0130``, ``\u0131``), so for a text that is not ASCII nothing follows.
    """
    return tuple(dict.fromkeys(_best(parse(source, flags), shortest)))


_ODD: Final = "\u0130\u0131\u017f\u212a"
"""Letters that ``re``, ignoring case, takes for i, s and k, and folding does not, or not always."""
_has_odd: Final = re.compile(f"[{_ODD}]").search


def folds_plainly(text: str) -> bool:
    """Whether an ASCII literal that ``re`` finds in a text, ignoring case or not, is in its case-folded form, too."""
    return text.isascii() or _has_odd(text) is None


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
