"""key=value: quotes, escapes, repeats, empty and unclosed values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.normalize.formats.kv import pairs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1 b=2", {"a": "1", "b": "2"}),
        ('a="x y" b=""', {"a": "x y", "b": ""}),
        (r'a="say \"hi\"" b="end\\" c=1', {"a": 'say "hi"', "b": "end\\", "c": "1"}),
        ("a= b=2", {"a": "", "b": "2"}),
        ("url=/x?y=1&z=2 b=2", {"url": "/x?y=1&z=2", "b": "2"}),
        ("a=1 a=2", {"a": "1"}),
        ('a="never closed b=2', {"a": "", "b": "2"}),
        ("<189>a=1", {"a": "1"}),
        ('msg="k=v inside" b=2', {"msg": "k=v inside", "b": "2"}),
        ("no pairs here", {}),
    ],
)
def test_pairs_are_read(text: str, expected: dict[str, str]):
    assert pairs(text) == expected


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(max_size=20), max_size=6))
def test_what_is_quoted_and_escaped_is_read_back(values: dict[str, str]):
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    assert pairs(" ".join(f"{key}={quoted(value)}" for key, value in values.items())) == values
