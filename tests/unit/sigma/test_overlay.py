"""What an installation says of rules that it did not write."""

import re
import textwrap
from pathlib import Path

import pytest

from soc.sigma.ruleset import RuleSet
from tests.unit.sigma.test_load import A, B, C, correlation, filter_of, loaded, reasons, rule


def overlaid(overlay: str, *texts: str) -> RuleSet:
    """The texts as f0.yml …, the overlay last."""
    return loaded(*texts, "overlay:\n" + textwrap.indent(textwrap.dedent(overlay), "  "))


def test_an_overlay_gives_a_rule_a_level_and_attributes_and_leaves_the_rest() -> None:
    own = rule(more="level: low\nsoc: {title_vi: Của luật, runbook: Old.}\n")
    said = f"{A}: {{level: critical, soc: {{runbook: New., risk: 40, entities: [user.name]}}}}\n"
    info = overlaid(said, own).infos[A]
    assert (info.level, info.title_vi, info.runbook, info.risk) == ("critical", "Của luật", "New.", 40)
    assert info.entities == ("user.name",)


def test_a_rule_is_found_by_its_name_and_by_its_id_in_upper_case() -> None:
    named = rule(B).replace("logsource", "name: second\nlogsource")
    rules = overlaid(f"{A.upper()}: {{level: high}}\nsecond: {{level: high}}\n", rule(A), named)
    assert [rules.infos[i].level for i in (A, B)] == ["high", "high"]
    assert rules.warnings == ()


def test_generate_said_by_an_overlay_lets_a_rule_raise_alerts_that_a_correlation_had_silenced() -> None:
    assert loaded(rule(A), correlation(C, A)).muted == {A: (C,)}
    rules = overlaid(f"{A}: {{soc: {{generate: true}}}}\n", rule(A), correlation(C, A))
    assert rules.muted == {}
    assert rules.alerting == {A, C}


def test_generate_said_by_the_rule_is_taken_back_by_an_overlay() -> None:
    own = rule(A, more="soc: {generate: true}\n")
    assert overlaid(f"{A}: {{soc: {{generate: false}}}}\n", own, correlation(C, A)).muted == {A: (C,)}


def test_a_correlation_has_its_lateness_from_an_overlay() -> None:
    rules = overlaid(f"{C}: {{soc: {{lateness: 90s}}}}\n", rule(A), correlation(C, A))
    assert rules.correlations[C].lateness == 90_000_000


def test_a_disabled_rule_is_not_run_and_the_set_says_why() -> None:
    rules = overlaid(f"{A}: {{disabled: true, reason: The backup does this.}}\n", rule(A), rule(B))
    assert set(rules.rules) == set(rules.infos) == {B}
    assert rules.disabled == {A: "The backup does this. (f2.yml:2)"}
    assert rules.refused == ()


def test_a_correlation_of_a_disabled_rule_is_refused_with_the_reason() -> None:
    rules = overlaid(f"{A}: {{disabled: true, reason: Noise.}}\n", rule(A), correlation(C, A))
    assert rules.correlations == {}
    ((path, line, reason),) = reasons(rules)
    assert (path, line) == ("f1.yml", 5)
    assert "is disabled: Noise." in reason


def test_a_filter_may_name_a_disabled_rule() -> None:
    rules = overlaid(f"{A}: {{disabled: true, reason: Noise.}}\n", rule(A), rule(B), filter_of(f"[{A}, {B}]"))
    assert rules.refused == ()
    assert set(rules.rules) == {B}


def test_an_overlay_on_no_rule_is_a_warning_at_its_line() -> None:
    rules = overlaid(f"{A}: {{level: high}}\n{B}: {{level: high}}\n", rule(A))
    assert rules.refused == ()
    assert [(w.path, w.line) for w in rules.warnings] == [("f1.yml", 3)]
    assert B in rules.warnings[0].reason


def test_the_second_overlay_on_a_rule_is_refused() -> None:
    rules = loaded(rule(A), f"overlay: {{{A}: {{level: low}}}}\n", f"overlay:\n  {A}: {{level: high}}\n")
    assert rules.infos[A].level == "low"
    assert reasons(rules) == [("f2.yml", 2, f"the rule '{A}' has an overlay already: f1.yml:1")]


@pytest.mark.parametrize(
    ("said", "line", "words"),
    [
        ("{level: terrible}", 2, "level: must be 'informational', "),
        ("{disabled: true}", 2, "needs a reason"),
        ("{disabled: true, reason: ' '}", 2, "needs a reason"),
        ("{disabled: 1}", 2, "disabled: must be true or false"),
        ("{colour: red}", 2, "colour: there is no such key"),
        ("high", 2, "must be a mapping"),
        ("\n    level: high\n    soc:\n      risk: 101", 5, "soc.risk: Input should be less than or equal to 100"),
        ("\n    soc:\n      lateness: 10", 4, "soc.lateness: must be a number with s, m, h or d"),
        ("\n    soc:\n      entities: [a, '']", 4, "at least 1 character"),
    ],
)
def test_a_mistake_is_refused_at_its_line_and_the_other_entries_hold(said: str, line: int, words: str) -> None:
    rules = loaded(rule(A), rule(B), f"overlay:\n  {A}: {said}\n  {B}: {{level: high}}\n")
    ((path, at, reason),) = reasons(rules)
    assert (path, at) == ("f2.yml", line)
    assert words in reason
    assert [rules.infos[i].level for i in (A, B)] == ["medium", "high"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("overlay: [a]\n", 1, "must be a mapping"),
        (f"title: Ours\nstatus: test\noverlay: {{{A}: {{level: high}}}}\n", 2, "no key 'status'"),
    ],
)
def test_a_document_that_is_no_overlay_is_refused_at_its_line(text: str, line: int, words: str) -> None:
    ((path, at, reason),) = reasons(loaded(rule(A), text))
    assert (path, at) == ("f1.yml", line)
    assert words in reason


def test_an_overlay_lies_beside_rules_in_one_file_and_changes_the_hash_of_the_set() -> None:
    plain, both = loaded(rule(A)), loaded(f"{rule(A)}---\noverlay: {{{A}: {{level: high}}}}\n")
    assert both.infos[A].level == "high"
    assert plain.hash != both.hash


@pytest.mark.parametrize("page", ["reference/sigma-support.md", "howto/write-a-rule.md"])
def test_the_overlays_of_the_documentation_are_right(page: str) -> None:
    text = (Path(__file__).parents[3] / "docs" / page).read_text(encoding="utf-8")
    written = re.findall(r"^((?:    title: .*\n)?    overlay:\n(?:        .*\n)+)", text, re.MULTILINE)
    assert len(written) == 1
    overlay = textwrap.dedent(written[0])
    ids = re.findall(r"^    (\S+):$", overlay, re.MULTILINE)
    rules = loaded(*(rule(i) if "-" in i else rule(A, f"name: {i}\n") for i in ids), overlay)
    assert rules.refused == rules.warnings == ()
    assert len(rules.disabled) == 1
