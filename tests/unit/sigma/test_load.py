"""What a bundle becomes: rules, correlations, what is refused and where."""

import gc
import textwrap
from pathlib import Path
from typing import Any

import pytest

from soc.clock import MINUTE
from soc.model import Bundle, LogSource
from soc.sigma.condition import leaves
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet

A = "11111111-1111-4111-8111-111111111111"
B = "22222222-2222-4222-8222-222222222222"
C = "33333333-3333-4333-8333-333333333333"
D = "44444444-4444-4444-8444-444444444444"


def rule(rule_id: str = A, more: str = "", detection: str = "selection: {user: an}") -> str:
    return textwrap.dedent(f"""\
        title: Some rule
        id: {rule_id}
        logsource: {{product: x}}
        detection:
          {detection}
          condition: selection
        """) + textwrap.dedent(more)


def correlation(
    rule_id: str, rules: str, more: str = "", kind: str = "event_count", condition: str = "{gte: 3}"
) -> str:
    lines = [
        "title: Some correlation",
        f"id: {rule_id}",
        "correlation:",
        f"  type: {kind}",
        f"  rules: {rules}",
        "  timespan: 5m",
    ]
    if condition:
        lines.append(f"  condition: {condition}")
    return "\n".join([*lines, *("  " + line for line in textwrap.dedent(more).splitlines())]) + "\n"


def loaded(*texts: str, pipelines: tuple[tuple[str, str], ...] = ()) -> RuleSet:
    return load(Bundle(tuple((f"f{i}.yml", text) for i, text in enumerate(texts)), pipelines))


def reasons(rules: RuleSet) -> list[tuple[str, int, str]]:
    return [(e.path, e.line, e.reason) for e in rules.refused]


def test_a_rule_keeps_what_people_need_of_it() -> None:
    text = rule(
        more="""\
        level: high
        description: Words.
        author: Somebody
        tags: [attack.t1110.001]
        falsepositives: [None known]
        references: ["https://example.org/1"]
        soc: {title_vi: Quy tắc, entities: [user.name], lateness: 10m, runbook: Call them.}
        """
    )
    rules = loaded("# a comment\n---\n" + text + "---\n" + rule(B))
    info = rules.infos[A]
    assert rules.refused == ()
    assert (info.title, info.level, info.title_vi, info.entities) == ("Some rule", "high", "Quy tắc", ("user.name",))
    assert (info.tags, info.falsepositives, info.references) == (
        ("attack.t1110.001",),
        ("None known",),
        ("https://example.org/1",),
    )
    assert (info.description, info.author, info.type, info.path, info.line) == (
        "Words.",
        "Somebody",
        "event",
        "f0.yml",
        3,
    )
    assert info.yaml.strip() == text.strip(), "the text of its own document, no other"
    assert rules.infos[B].line == 3 + text.count("\n") + 1
    assert rules.rules[A].logsource == LogSource("x")


def test_a_rule_without_an_id_is_known_by_its_name_or_else_by_a_digest_of_its_content() -> None:
    named = rule().replace(f"id: {A}", "name: by_name")
    bare = rule().replace(f"id: {A}\n", "")
    first, moved = loaded(named, bare), loaded("# moved\n" + bare)
    digest = next(i for i in first.rules if i != "by_name")
    assert set(first.rules) == {"by_name", digest}
    assert set(moved.rules) == {digest}
    assert len(digest) == 32


def test_one_bad_rule_stops_no_other_and_is_refused_with_file_line_and_reason() -> None:
    rules = loaded(rule(A), "title: [", rule(B, detection="selection: {user|sounds_like: an}"), rule(C))
    assert set(rules.rules) == {A, C}
    (path1, line1, reason1), (path2, line2, reason2) = reasons(rules)
    assert (path1, line1) == ("f1.yml", 2)
    assert "not valid YAML" in reason1
    assert (path2, line2) == ("f2.yml", 5)
    assert "sounds_like" in reason2


BAD: list[tuple[str, int, str]] = [
    (rule(more="level: terrible\n"), 7, "level"),
    (rule(more="date: someday\n"), 7, "date"),
    (rule("not-a-uuid"), 2, "UUID"),
    (rule("5"), 1, "not understood"),
    (rule(more="tags: [nonsense]\n"), 7, "ag"),
    (rule().replace("condition: selection", "condition: selection and"), 6, "Expected"),
    (rule().replace("condition: selection", "condition: missing"), 6, "missing"),
    (rule().replace("condition: selection", "condition: 1 of nothing_*"), 4, "matches no name"),
    (rule().replace("condition: selection", "condition: selection | count() > 3"), 6, "pipe"),
    (rule().replace("logsource: {product: x}", "logsource: {}"), 3, "empty"),
    (rule(detection="selection: {user|expand: '%people%'}"), 4, "%people%"),
    (rule(detection="selection: {user|re: '(['}"), 5, "egular expression"),
    (rule(detection="selection: {user|cidr: 192.0.2.1/24}"), 5, "host bits"),
    (rule(detection="selection: {user|re: null}"), 4, "must be text"),
    (rule(detection="selection: {user|exists: maybe}"), 5, "incompatible"),
    (rule(detection="selection: []"), 6, "Null value"),
    (rule(more="title: Again\n"), 7, "written twice"),
    (rule(more="soc: {sound: loud}\n"), 7, "sound"),
    (rule(more="soc: {lateness: soon}\n"), 7, "lateness"),
    (rule(more="soc: 3\n"), 7, "mapping"),
    (rule(more="soc: {entities: user}\n"), 7, "list"),
    (rule(more="soc: {title_vi: 3}\n"), 7, "text"),
    ("- 1\n- 2\n", 1, "mapping"),
    ("just words\n", 1, "mapping"),
    ("action: dance\n", 1, "dance"),
    ("a: &a [1]\nb: 2024-13-45\n", 0, "YAML"),
    ("? {a: b}\n: c\n", 0, "YAML"),
    ("title: \x07\n", 0, "YAML"),
]


@pytest.mark.parametrize(("text", "line", "words"), BAD)
def test_what_is_wrong_is_said_at_its_line(text: str, line: int, words: str) -> None:
    rules = loaded(text, rule(B))
    assert set(rules.rules) == {B}
    (error,) = rules.refused
    assert error.path == "f0.yml"
    assert words in error.reason
    if line:
        assert error.line == line


def test_an_alias_bomb_is_refused_at_once() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
    )
    (error,) = loaded(bomb).refused
    assert "aliases" in error.reason


def test_more_dashes_than_can_be_written_out_are_refused_at_their_line() -> None:
    six, seven = " ".join(["-a"] * 6), " ".join(["-a"] * 7)
    rules = loaded(
        rule(A, detection=f"selection: {{'line|windash|contains': ['{six}']}}"),
        rule(B, detection=f"selection: {{'line|windash|contains': ['x', '{seven}']}}"),
    )
    assert set(rules.rules) == {A}
    ((path, line, reason),) = reasons(rules)
    assert (path, line) == ("f1.yml", 5)
    assert "7 dashes" in reason


def test_the_later_of_two_rules_with_one_id_is_refused() -> None:
    rules = loaded(rule(A), rule(A, detection="selection: {user: binh}"))
    assert reasons(rules) == [("f1.yml", 2, f"the id {A} is already that of another rule")]
    assert [p.matcher.text for p in leaves(rules.rules[A].condition)] == ["an"]  # type: ignore[attr-defined]


def test_global_and_repeat_documents_complete_the_others_of_their_file() -> None:
    text = textwrap.dedent(f"""\
        action: global
        title: Shared
        logsource: {{product: x}}
        ---
        id: {A}
        detection: {{selection: {{user: an}}, condition: selection}}
        ---
        action: repeat
        id: {B}
        detection: {{selection: {{user: binh}}}}
        ---
        action: reset
        ---
        id: {C}
        detection: {{selection: {{user: chi}}, condition: selection}}
        """)
    rules = loaded(text)
    assert {i: rules.infos[i].title for i in rules.infos} == {A: "Shared", B: "Shared"}
    assert [p.matcher.text for p in leaves(rules.rules[B].condition)] == ["binh"]  # type: ignore[attr-defined]
    assert [e.line for e in rules.refused] == [14]


def filter_of(
    rules: str, detection: str = "good: {user: root}", condition: str = "not good", logsource: str = "{product: x}"
) -> str:
    return f"title: Some filter\nlogsource: {logsource}\nfilter:\n  rules: {rules}\n  {detection}\n  condition: {condition}\n"


def test_a_filter_narrows_the_rules_it_names_and_no_other() -> None:
    named = rule(C).replace("logsource", "name: third\nlogsource")
    rules = loaded(rule(A), rule(B), named, filter_of(f"[{A}, third]"))
    assert rules.refused == ()
    assert [len(list(leaves(rules.rules[i].condition))) for i in (A, B, C)] == [2, 1, 2]


def test_a_filter_for_any_rule_narrows_all_of_its_logsource() -> None:
    elsewhere = rule(B).replace("product: x", "product: y")
    rules = loaded(rule(A), elsewhere, filter_of("any"))
    assert [len(list(leaves(rules.rules[i].condition))) for i in (A, B)] == [2, 1]


def test_a_filter_that_names_an_unknown_rule_is_reported_and_still_narrows_the_others() -> None:
    rules = loaded(rule(A), filter_of(f"[{A}, {B}]"))
    assert len(list(leaves(rules.rules[A].condition))) == 2
    ((path, line, reason),) = reasons(rules)
    assert (path, line) == ("f1.yml", 4)
    assert B in reason


PIPELINE = """\
name: test
vars: {people: [an, binh]}
transformations:
  - {id: names, type: field_name_mapping, mapping: {user: user.name, src: source.ip}, rule_conditions: [{type: logsource, product: x}]}
  - {id: lists, type: value_placeholders}
"""


def test_a_pipeline_gives_fields_the_names_that_events_have_where_the_logsource_is_its() -> None:
    rules = loaded(rule(A), rule(B).replace("product: x", "product: y"), pipelines=(("p.yml", PIPELINE),))
    assert [next(leaves(rules.rules[i].condition)).field for i in (A, B)] == ["user.name", "user"]


def test_a_placeholder_with_a_value_list_is_its_values() -> None:
    rules = loaded(rule(A, detection="selection: {user|expand: 'CN=%people%'}"), pipelines=(("p.yml", PIPELINE),))
    assert [p.matcher.text for p in leaves(rules.rules[A].condition)] == ["cn=an", "cn=binh"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        "transformations: [{type: unheard_of}]",
        "[",
        "transformations: 3",
        "postprocessing: [{type: embed, prefix: a, suffix: b}]",
        "other: 1",
    ],
)
def test_a_pipeline_that_cannot_be_used_is_refused_and_rules_load_without_it(text: str) -> None:
    rules = loaded(rule(A), pipelines=(("p.yml", text),))
    assert set(rules.rules) == {A}
    assert [e.path for e in rules.refused] == ["p.yml"]


def test_a_correlation_finds_its_rules_by_id_and_by_name() -> None:
    named = rule(B).replace("logsource", "name: second\nlogsource")
    rules = loaded(
        rule(A),
        named,
        correlation(C, f"[second, {A.upper()}]", kind="temporal_ordered", condition="", more="group-by: [user, host]"),
    )
    built = rules.correlations[C]
    assert (built.type, built.rules, built.group_by, built.timespan) == (
        "temporal_ordered",
        (B, A),
        ("user", "host"),
        5 * MINUTE,
    )
    assert built.condition is None
    assert rules.feeds == {B: (C,), A: (C,)}


def test_a_value_count_keeps_its_field_and_its_number_as_written() -> None:
    text = correlation(C, A, kind="value_count", condition="{field: host, gt: 2.5}") + "soc: {lateness: 90s}\n"
    built = loaded(rule(A), text).correlations[C]
    assert built.condition is not None
    assert (built.condition.operator, built.condition.count, built.condition.fields) == ("gt", 2.5, ("host",))
    assert built.lateness == MINUTE * 3 // 2


def test_group_by_names_reach_event_fields_through_aliases_and_pipelines() -> None:
    more = f"group-by: [who, src]\naliases:\n  who:\n    {A}: user\n    {B}: subject"
    other = rule(B).replace("product: x", "product: y")
    built = loaded(
        rule(A), other, correlation(C, f"[{A}, {B}]", more=more), pipelines=(("p.yml", PIPELINE),)
    ).correlations[C]
    assert built.aliases == {"who": {A: "user.name", B: "subject"}, "src": {A: "source.ip", B: "src"}}


def test_a_rule_is_muted_unless_some_correlation_that_refers_to_it_generates() -> None:
    silent, loud = correlation(C, A), correlation(D, A, more="generate: true")
    alone = loaded(rule(A), rule(B), silent)
    assert alone.muted == {A: (C,)}
    assert alone.alerting == {B, C}
    both = loaded(rule(A), rule(B), silent, loud)
    assert both.muted == {}
    assert both.alerting == {A, B, C, D}


def test_chains_know_their_depth_and_children_come_first() -> None:
    rules = loaded(correlation(D, C), correlation(C, A), rule(A))
    assert [(c.id, c.depth) for c in rules.correlations.values()] == [(C, 1), (D, 2)]
    assert rules.infos[D].type == "event_count"


def test_a_digest_changes_with_what_a_correlation_means_and_with_nothing_else() -> None:
    def digest(*texts: str) -> str:
        return loaded(*texts, correlation(D, C)).correlations[D].digest

    base = digest(rule(A), correlation(C, A))
    assert digest(rule(A, more="level: low\ndescription: New words.\n"), correlation(C, A)) == base
    assert digest(rule(A, detection="selection: {user: binh}"), correlation(C, A)) != base
    assert digest(rule(A), correlation(C, A, condition="{gte: 4}")) != base
    assert digest(rule(A), correlation(C, A, more="group-by: user")) != base


def test_correlations_in_a_circle_are_refused_with_the_circle() -> None:
    rules = loaded(rule(A), correlation(B, C), correlation(C, B), correlation(D, A))
    assert set(rules.correlations) == {D}
    assert {(e.path, e.line) for e in rules.refused} == {("f1.yml", 5), ("f2.yml", 5)}
    assert all("circle" in e.reason and B in e.reason and C in e.reason for e in rules.refused)


def test_what_refers_to_a_refused_rule_is_refused_too_and_mutes_nothing() -> None:
    rules = loaded(rule(A), correlation(B, A, kind="value_sum", condition="{gte: 1, field: [x, y]}"), correlation(C, B))
    assert rules.correlations == {}
    assert rules.muted == {}
    assert "value_sum" in rules.refused[0].reason
    assert "was refused" in rules.refused[1].reason


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (correlation(C, B), 5, "does not exist"),
        (correlation(C, A, condition="{gte: 1, lt: 5}"), 7, "exactly one"),
        (correlation(C, A, condition="{gte: many}"), 7, "many"),
        (correlation(C, A, condition="{gte: .nan}"), 7, "nan"),
        (correlation(C, A, kind="sideways"), 4, "sideways"),
        (correlation(C, A, kind="value_count"), 3, "field"),
        (correlation(C, f"[{A}, some_name]", kind="temporal", condition="some_name and not other"), 7, "efined"),
        (correlation(C, "[]"), 5, "at least one rule"),
        (correlation(C, A).replace("5m", "5 minutes"), 6, "imespan"),
        (correlation(C, A, more=f"aliases:\n  who:\n    {B}: user"), 9, "none of its rules"),
        ("title: x\ncorrelation: 5\n", 1, "not understood"),
    ],
)
def test_a_correlation_that_cannot_be_evaluated_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    rules = loaded(rule(A), rule(D).replace("logsource", "name: some_name\nlogsource"), text)
    assert rules.correlations == {}
    (error,) = rules.refused
    assert words in error.reason
    assert error.line == line
    assert A in rules.alerting


def test_the_pipelines_that_ship_are_usable_and_turn_web_rules_into_ecs() -> None:
    folder = Path(__file__).parents[3] / "rules" / "pipelines"
    pipelines = tuple((path.name, path.read_text("utf-8")) for path in sorted(folder.glob("*.yml")))
    text = rule(
        A, detection="selection: {cs-method: POST, c-ip|cidr: 192.0.2.0/24, sc-status: 200, cs-uri-query|contains: x}"
    )
    rules = loaded(text.replace("product: x", "category: webserver"), pipelines=pipelines)
    assert rules.refused == ()
    assert {p.field for p in leaves(rules.rules[A].condition)} == {
        "http.request.method",
        "source.ip",
        "http.response.status_code",
        "url.original",
        "url.query",
    }


def test_any_text_at_all_is_loaded_or_refused_but_never_raises() -> None:
    from hypothesis import given, settings
    from hypothesis import strategies as st

    keys = st.sampled_from(
        [
            "title",
            "id",
            "name",
            "logsource",
            "detection",
            "condition",
            "correlation",
            "filter",
            "rules",
            "soc",
            "action",
            "tags",
            "x|re",
        ]
    )
    leaf: st.SearchStrategy[Any] = st.one_of(
        st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=5), st.just("global"), st.just(A)
    )
    document = st.recursive(
        leaf,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=5)),
        max_leaves=12,
    )

    @settings(max_examples=150, deadline=None)
    @given(st.one_of(st.text(), st.lists(document, max_size=3)))
    def check(content: Any) -> None:
        import yaml

        text = content if isinstance(content, str) else yaml.safe_dump_all(content)
        rules = loaded(text, rule(B))
        assert B in rules.rules or any(e.path == "f0.yml" for e in rules.refused)

    check()


@pytest.mark.parametrize("enabled", [True, False])
def test_loading_leaves_the_garbage_collector_as_it_was(enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        loaded(rule())
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
