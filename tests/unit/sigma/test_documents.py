"""What a rule file may hold: good documents are read, anything else is an error with its line and stops nothing."""

import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from soc.sigma.documents import Document, read

RULE = "title: Một luật\ndetection:\n  selection:\n    user: [an, 1, 2.5, true, null, 2026-11-23]\n"


def one(text: str) -> Document:
    documents, errors = read("r.yml", text)
    assert errors == []
    (document,) = documents
    return document


def refused(text: str) -> tuple[int, str]:
    documents, (error,) = read("r.yml", text)
    assert documents == []
    assert error.path == "r.yml"
    return error.line, error.reason


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, min_size=1, max_size=4))
def test_a_document_says_what_yaml_says(data: dict[str, object]) -> None:
    text = yaml.safe_dump(data, allow_unicode=True)
    assert one(text).data == yaml.safe_load(text) == data


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {b: 1}\nc: *x\n",
        "a: &x {b: 1, d: 2}\nc: {<<: *x, d: 3}\n",
        "a: {<<: {b: 1}, c: 2}\n",
        "a: !!set {b, c}\nd: !!binary aGk=\n",
        "1: one\n~: none\n'1': text\n",
        "a: 0o17\nb: 0x1f\nc: 1_000\nd: 12:30:45\ne: .inf\nf: 'no'\ng: no\n",
    ],
)
def test_aliases_merges_tags_and_odd_keys_are_what_yaml_makes_of_them(text: str) -> None:
    data = one(text).data
    assert data == yaml.safe_load(text)
    assert repr(data) == repr(yaml.safe_load(text)), "types too: 1 is not true"


def test_each_document_has_its_own_text_and_the_lines_of_its_keys() -> None:
    documents, errors = read("r.yml", f"# first\n---\r\n{RULE}# end\n---\n\n# second\n{RULE}...\n--- {{title: flow}}\n")
    assert errors == []
    assert [document.line for document in documents] == [3, 11, 16]
    assert [document.data.get("title") for document in documents] == ["Một luật", "Một luật", "flow"]
    assert [document.text.splitlines()[0] for document in documents] == ["title: Một luật"] * 2 + ["{title: flow}"]
    assert documents[1].text == RULE.rstrip()
    assert documents[1].line_of("detection", "selection", "user") == 14
    assert documents[1].line_of("detection", "nothing") == 12
    assert documents[1].line_of("nothing") == 11
    assert documents[2].line_of("title") == 16


def test_an_indented_document_keeps_its_indent() -> None:
    document = one("  title: x\n  detection:\n    a: b\n")
    assert document.line_of("detection", "a") == 3
    assert yaml.safe_load(document.text) == document.data


def test_a_byte_order_mark_is_not_part_of_the_first_key() -> None:
    document = one("\ufeff" + RULE)
    assert list(document.data) == ["title", "detection"]
    assert document.text == RULE.rstrip()


@pytest.mark.parametrize("text", ["", "\n\n", "# only words\n", "---\n", "---\n---\n", "\ufeff"])
def test_a_file_without_a_document_holds_none(text: str) -> None:
    assert read("r.yml", text) == ([], [])


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("title: [", 2, "not valid YAML"),
        ("title: x\n\tdetection: {}\n", 2, "not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "'a' is written twice"),
        ("a: &x {b: 1}\nc: {d: 1, d: *x}\n", 2, "'d' is written twice"),
        ("{a: 1}: b\n", 1, "a key must be a word"),
        ("a: 2024-13-45\n", 1, "month must be in 1..12"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "could not determine a constructor"),
        ("a: &x [*x]\n", 1, "within what it repeats"),
        ("- a\n- b\n", 1, "must be a mapping"),
        ("just words\n", 1, "must be a mapping"),
        ("a: ế\nb: \0\n", 2, "control characters are not allowed"),
        ("a: *nobody\n", 1, "undefined alias"),
    ],
)
def test_what_is_no_rule_is_refused_at_its_line(text: str, line: int, reason: str) -> None:
    told = refused(text)
    assert told[0] == line
    assert reason in told[1]


def test_what_comes_before_a_mistake_in_a_file_is_read() -> None:
    documents, (error,) = read("r.yml", f"{RULE}---\nnot: [closed\n---\n{RULE}")
    assert [document.line for document in documents] == [1]
    assert error.line > 5


@pytest.mark.parametrize("depth", [101, 5_000, 200_000])
@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_beyond_reason_is_refused_and_does_not_end_the_process(opening: str, depth: int) -> None:
    closing = {"[": "]", "{a: ": "}"}.get(opening, "")
    _, reason = refused(opening * depth + closing * depth)
    assert "nested deeper than 100 levels" in reason


def test_nesting_in_aliases_is_refused_too() -> None:
    lines = ["a0: &a0 x"] + [f"a{n}: &a{n} [[[[*a{n - 1}]]]]" for n in range(1, sys.getrecursionlimit())]
    assert "not valid YAML" in refused("\n".join(lines))[1]


def test_aliases_that_write_out_to_billions_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert "aliases write out to too much" in refused("\n".join(lines))[1]


def test_a_file_of_five_megabytes_is_read() -> None:
    text = "detection:\n  selection:\n    user:\n" + "      - somebody with quite a long name and a number\n" * 110_000
    assert len(text) > 5_000_000
    assert len(one(text).data["detection"]["selection"]["user"]) == 110_000
