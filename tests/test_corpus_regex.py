"""Every regular expression of SigmaHQ is found as ``re`` finds it in recorded values, and never backtracks for long on hostile ones."""

import re
from pathlib import Path

import msgspec
import pytest

from soc.model import Bundle
from soc.sigma.condition import leaves
from soc.sigma.effort import Effort
from soc.sigma.linear import LinearRegex
from soc.sigma.load import load
from soc.sigma.matchers import Regex
from soc.sigma.regex import all_required_literals
from soc.sigma.search import STEPS, Search

pytestmark = pytest.mark.corpus

Asked = dict[tuple[str, int], str | None]
SHORT = 1_500
"""Characters of the values compared: on longer ones ``re`` alone takes seconds."""


@pytest.fixture(scope="module")
def asked(corpus: Path) -> Asked:
    texts = ((path.name, path.read_text("utf-8")) for path in sorted((corpus / "sigma").rglob("*.yml")))
    rules = load(Bundle(tuple((name, text) for name, text in texts if "|re" in text)))
    predicates = (predicate for rule in rules.rules.values() for predicate in leaves(rule.condition))
    found = {(p.matcher.source, p.matcher.flags): p.field for p in predicates if isinstance(p.matcher, Regex)}
    assert len(found) > 100
    return found


def test_every_expression_has_an_automaton(asked: Asked) -> None:
    assert [one for one in asked if LinearRegex.build(*one) is None] == []


def test_every_expression_finds_in_recorded_values_what_re_finds(asked: Asked, corpus: Path) -> None:
    values: dict[str, dict[str, None]] = {}
    for line in (corpus / "windows_50k.ndjson").read_bytes().splitlines()[::5]:
        for name, value in msgspec.json.decode(line).items():
            if isinstance(value, str) and len(value) < SHORT:
                values.setdefault(name, {})[value] = None
    found = 0
    for one, field in asked.items():
        search, automaton, plain = Search(*one), LinearRegex.build(*one), re.compile(*one)
        assert automaton is not None
        for value in list(values.get(field or "", values["CommandLine"]))[:150]:
            expected = plain.search(value) is not None
            assert search(value, value.casefold()) == automaton.search(value) == expected, (one, value)
            found += expected
    assert found > 100


def test_re_is_never_given_a_value_on_which_an_expression_could_take_long(asked: Asked) -> None:
    given = 0
    for one in asked:
        search, effort = Search(*one), Effort(*one)
        backtrack = search._backtrack
        seen: list[str] = []

        def watched(
            text: str,
            seen: list[str] = seen,
            backtrack: type[re.Match[str]] = backtrack,  # type: ignore[assignment]
        ) -> object:
            seen.append(text)
            return backtrack(text)  # type: ignore[call-arg]

        search._backtrack = watched  # type: ignore[assignment]
        needed = [literals[0] for literals in all_required_literals(*one)]
        for words in (needed[::-1], [*needed, " "], ["a", *needed[:1]]):
            pump = "".join(words) or "a "
            for length in (300, 3_000, 30_000):
                value = pump * (length // len(pump)) + "".join(needed)
                search(value, value.casefold())
        assert all(effort.work(text, text.casefold()) <= STEPS for text in seen), one
        given += len(seen)
    assert given > 100, "most are short enough"
