"""A CSV row reads back as the values it was written from, in every dialect; broken quoting costs one value, not the row."""

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.normalize.formats.csv import Dialect, read

VALUES = st.lists(
    st.text(st.one_of(st.sampled_from("\",;\\\t|' ab"), st.characters(exclude_categories=("Cs", "Cc"))), max_size=12),
    min_size=1,
    max_size=8,
)
SEMICOLON, TAB, PIPE = Dialect(";"), Dialect("\t"), Dialect("|", "'")
BACKSLASH = Dialect(escape="\\")


def _written(values: list[str], dialect: Dialect) -> str:
    """The standard library's writer as the sender; it knows the same dialects."""
    out = io.StringIO()
    csv.writer(
        out,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        doublequote=not dialect.escape,
        escapechar=dialect.escape or None,
        quoting=csv.QUOTE_ALL if dialect.escape else csv.QUOTE_MINIMAL,
        lineterminator="",
    ).writerow(values)
    return out.getvalue()


@given(VALUES, st.sampled_from([Dialect(), SEMICOLON, TAB, PIPE, BACKSLASH]))
def test_a_row_reads_back_as_it_was_written(values: list[str], dialect: Dialect):
    assert read(_written(values, dialect), dialect) == values


@given(st.text(max_size=60), st.integers(1, 6))
def test_any_text_gives_one_to_the_allowed_number_of_values(text: str, most: int):
    assert 1 <= len(read(text, most=most)) <= most


@given(st.lists(st.text(st.characters(exclude_characters=',"', exclude_categories=("Cs",)), max_size=5), min_size=1))
def test_the_last_of_too_many_values_holds_the_rest_of_the_row(values: list[str]):
    line = ",".join(values)
    assert read(line, most=2) == line.split(",", 1)


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ('1,"a, ""b"" c",,2', ["1", 'a, "b" c', "", "2"]),
        ('"agent "quoted" as it came",7', ['agent "quoted" as it came', "7"]),
        ('1,"cut in the mid', ["1", "cut in the mid"]),
        ('a"b,c', ['a"b', "c"]),
        ('1,"last",', ["1", "last", ""]),
        ("", [""]),
    ],
)
def test_a_row_is_read_as_its_sender_meant_it(line: str, values: list[str]):
    assert read(line) == values


@pytest.mark.parametrize("run", ['"', ',"', '","', '""', 'a"', ",", '"a', "\\", '\\"'])
@pytest.mark.parametrize("dialect", [Dialect(), BACKSLASH], ids=["doubled", "escaped"])
def test_a_long_row_of_anything_costs_its_length(run: str, dialect: Dialect):
    size = 1 << 18
    start = time.process_time()
    read('"' + run * (size // len(run)), dialect)
    assert time.process_time() - start < 1.0
