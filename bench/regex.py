"""Regular expressions of the development corpus: what they cost on the recorded values, and on values made to hurt them.

    python bench/regex.py [--corpus DIR] [--worst N]

Recorded: each expression of SigmaHQ on each distinct value of its field in ``windows_50k.ndjson``, with ``re`` alone, as the
engine does it, on its automaton alone, and on RE2 and Hyperscan where their Python packages are installed. Hostile: values
pumped from the expression's own literals and classes, of 100 to 65,536 characters, with the literals that it needs.
"""

import argparse
import os
import random
import re
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from soc.model import Bundle
from soc.sigma.condition import leaves
from soc.sigma.linear import LinearRegex
from soc.sigma.load import load
from soc.sigma.matchers import Regex
from soc.sigma.regex import REPEATS, all_required_literals, one_character, parse, simplify, sre
from soc.sigma.search import Search

Asked = dict[tuple[str, int], str | None]
LENGTHS = (100, 400, 1_500, 6_000, 20_000, 65_536)
PUMPS = 8


def expressions(corpus: Path) -> Asked:
    """Every expression of the rules, with one field that it is asked of."""
    texts = ((path, path.read_text("utf-8")) for path in sorted((corpus / "sigma").rglob("*.yml")))
    rules = load(Bundle(tuple((str(path), text) for path, text in texts if "|re" in text)))
    predicates = (predicate for rule in rules.rules.values() for predicate in leaves(rule.condition))
    return {(p.matcher.source, p.matcher.flags): p.field for p in predicates if isinstance(p.matcher, Regex)}


def recorded(corpus: Path, fields: set[str | None]) -> dict[str, list[str]]:
    """The distinct values of these fields."""
    values: dict[str, dict[str, None]] = {}
    wanted = {field for field in fields if field is not None}
    for line in (corpus / "windows_50k.ndjson").open("rb"):
        for name, value in msgspec.json.decode(line).items():
            if name in wanted and isinstance(value, str):
                values.setdefault(name, {})[value] = None
    return {name: list(distinct) for name, distinct in values.items()}


def spent(ask: Callable[[str], Any], values: list[str]) -> float:
    """CPU milliseconds for all values; the better of two."""
    times: list[float] = []
    for _ in range(2):
        start = time.process_time()
        for value in values:
            ask(value)
        times.append((time.process_time() - start) * 1000)
    return min(times)


def engines(source: str, flags: int) -> dict[str, Callable[[str], Any]]:
    """The ways to search, each ready."""
    search, automaton = Search(source, flags), LinearRegex.build(source, flags)
    found: dict[str, Callable[[str], Any]] = {
        "re": re.compile(simplify(source), flags).search,
        "here": lambda value: search(value, value.casefold()),
    }
    if automaton is not None:
        found["automaton"] = automaton.search
    try:
        library = import_module("re2._re2").RE2
        options = library.Options()
        options.dot_nl, options.case_sensitive = bool(flags & re.DOTALL), not flags & re.IGNORECASE
        compiled, anywhere = library(source.encode(), options), library.Anchor.UNANCHORED
        found["re2"] = lambda value: compiled.Match(anywhere, data := value.encode(), 0, len(data))
    except ImportError:
        pass
    try:
        hyperscan = import_module("hyperscan")
        database = hyperscan.Database()
        bits = (
            hyperscan.HS_FLAG_SINGLEMATCH
            | hyperscan.HS_FLAG_UTF8
            | (flags & re.IGNORECASE and hyperscan.HS_FLAG_CASELESS)
        )
        database.compile(expressions=[simplify(source).encode()], ids=[0], flags=[bits])
        found["hyperscan"] = lambda value: database.scan(value.encode(), match_event_handler=_ignored)
    except ImportError:
        pass
    return found


def _ignored(*_: object) -> None:
    """A match that Hyperscan tells of."""


def hostile(source: str, flags: int, seed: int) -> list[str]:
    """Values made of what the expression itself looks for."""
    literals = [one for alternatives in all_required_literals(source, flags) for one in alternatives[:1]]
    characters = _characters(parse(source, flags))
    words, chance = [*literals, *characters, "".join(characters)[:300]], random.Random(seed)
    made: list[str] = []
    for length in LENGTHS:
        for kind in range(PUMPS):
            pump = words[kind % len(words)] if kind < 4 else "".join(chance.choices(words, k=chance.randint(1, 30)))
            tail = "".join(reversed(literals))[:60]
            value = ("".join(literals[:1]) + pump * (length // max(1, len(pump)) + 1))[: length - len(tail)] + tail
            made.append("\u00e9" + value if kind == PUMPS - 1 else value)
    return made


def _characters(tree: Any) -> list[str]:
    found: list[str] = []
    for op, av in tree:
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            accepts = re.compile(one_character(op, av), re.IGNORECASE).fullmatch
            found += [char for char in (chr(av) if op is sre.LITERAL else ' aA0-_.\\"\tq(') if accepts(char)][:3]
        elif op is sre.SUBPATTERN:
            found += _characters(av[3])
        elif op is sre.BRANCH:
            found += [char for branch in av[1] for char in _characters(branch)]
        elif op in REPEATS:
            found += _characters(av[2])
    return found or ["a"]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=Path(os.environ.get("SOC_CORPUS", "corpus")))
    parser.add_argument("--worst", type=int, default=5, help="expressions to list")
    arguments = parser.parse_args()
    asked = expressions(arguments.corpus)
    values = recorded(arguments.corpus, set(asked.values()))
    automata = sum(LinearRegex.build(*one) is not None for one in asked)
    print(f"{len(asked)} expressions, {automata} of them regular in the strict sense")

    totals: dict[str, float] = {}
    for one, field in asked.items():
        for name, ask in engines(*one).items():
            totals[name] = totals.get(name, 0.0) + spent(ask, values.get(field or "", []))
    searched = sum(len(values.get(field or "", [])) for field in asked.values())
    print(f"recorded values, {searched} searches, ms: " + ", ".join(f"{name} {ms:.0f}" for name, ms in totals.items()))

    worst: list[tuple[float, str]] = []
    for seed, one in enumerate(asked):
        search = Search(*one)
        times = [spent(lambda value, s=search: s(value, value.casefold()), [value]) for value in hostile(*one, seed)]
        worst.append((max(times), one[0]))
    worst.sort(reverse=True)
    print(f"hostile values, {len(LENGTHS) * PUMPS} an expression, the slowest search of each, ms:")
    for ms, source in worst[: arguments.worst]:
        print(f"{ms:8.1f}  {source[:100]}")


if __name__ == "__main__":
    main()
