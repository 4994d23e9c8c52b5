"""The compiled parts do what their Python does; where they were not built nothing of this can be asked (``.ci/needs``)."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from soc.clock import to_iso
from soc.normalize import columns, finish, time
from soc.normalize.columns import Kind, Row
from soc.normalize.compiled import native
from soc.normalize.formats import clf, kv_shapes

pytestmark = pytest.mark.skipif(
    native is None and os.environ.get("SOC_REQUIRE_LIVE") != "1", reason="soc/normalize/native.pyx was not built"
)
UTC_ZONE = ZoneInfo("UTC")
NOTHING, NOWHERE = frozenset(["", "N/A", "-"]), frozenset(["0.0.0.0", "::"])
TEXTS = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                "-",
                "N/A",
                "n/a",
                "0",
                "007",
                "65535",
                "999999999",
                "1234567890",
                "9" * 18,
                "9" * 19,
                "-1",
                "+1",
                "1_0",
            ),
            *(
                "192.0.2.7",
                "192.0.2.256",
                "192.0.02.7",
                "192.0.2",
                "1.2.3.4.",
                "0.0.0.0",
                "::",
                "2001:db8::1",
                "fe80::1%x",
            ),
            *(
                "C:\\Windows\\cmd.exe",
                "/usr/bin/ls",
                "C:\\",
                "\\",
                "a/b\\c",
                "TCP",
                "Tcp",
                "\u0110\u1ed3ng",
                "\u0661\u0662",
                "\u00b2",
            ),
        ]
    ),
    st.text(max_size=12),
)


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    def one(place: int) -> Row:
        kind = draw(st.sampled_from(Kind))
        name = draw(st.sampled_from(["a", "source.ip", "source.nat.port", "b"]))
        extra: Any = None
        if kind in (Kind.ADDRESS, Kind.NAT_ADDRESS):
            extra = columns.named
        elif kind == Kind.PATH:
            extra = "a.name"
        elif kind == Kind.WORD:
            extra = {"TCP": "tcp!"}
        elif kind in (Kind.CALL, Kind.ANY, Kind.DECIMAL):
            extra = _called
        return Row(kind, place, name, extra)

    return [one(place) for place in range(draw(st.integers(0, 6)))]


def _called(fields: dict[str, Any], value: Any, name: str) -> None:
    fields[name] = ("called", value)


@given(rows(), st.booleans(), st.data())
def test_columns_write_what_python_writes(given_rows: list[Row], first: bool, data: st.DataObject) -> None:
    assert native is not None
    values = tuple(data.draw(st.one_of(st.none(), TEXTS)) for _ in given_rows)
    before: dict[str, Any] = {"source.nat.port": 5, "z": 1}
    found, expected = dict(before), dict(before)
    native.Columns(given_rows, NOTHING, NOWHERE, first).write(values, found)
    columns.InPython(given_rows, NOTHING, NOWHERE, first).write(values, expected)
    assert list(found.items()) == list(expected.items())
    assert list(map(type, found.values())) == list(map(type, expected.values()))


@given(rows(), st.data())
def test_columns_of_names_write_what_python_writes_of_any_value(given_rows: list[Row], data: st.DataObject) -> None:
    assert native is not None
    named = [row._replace(place=f"n{row.place}") for row in given_rows]
    anything = st.one_of(TEXTS, st.integers(), st.booleans(), st.floats(allow_nan=False), st.lists(TEXTS, max_size=2))
    values = {str(row.place): data.draw(anything) for row in named}
    found: dict[str, Any] = {}
    expected: dict[str, Any] = {}
    native.Columns(named, NOTHING, NOWHERE).write_named(values, found)
    columns.InPython(named, NOTHING, NOWHERE).write_named(values, expected)
    assert list(found.items()) == list(expected.items())


def test_a_place_or_a_name_that_is_not_there_is_an_error_and_no_crash() -> None:
    assert native is not None
    with pytest.raises(IndexError):
        native.Columns([Row(Kind.PLAIN, 3, "a")], NOTHING).write(("x",), {})
    with pytest.raises(IndexError):
        native.Columns([Row(Kind.PLAIN, -1, "a")], NOTHING).write(("x",), {})
    with pytest.raises(KeyError):
        native.Columns([Row(Kind.PLAIN, "n", "a")], NOTHING).write_named({}, {})


VALUES = st.text(alphabet='x1 ="\\,;>=\t\n\x0b\x1c\u00e9\u00a0', max_size=6)


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b.c", "d-e"]), st.booleans(), VALUES), min_size=1, max_size=4), st.data()
)
def test_an_order_of_keys_is_read_as_its_expression_reads_it(
    pairs: list[tuple[str, bool, str]], data: st.DataObject
) -> None:
    assert native is not None
    names, quoted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    parts = (
        f'{re.escape(n)}="([^"]*)"' if q else f'{re.escape(n)}=([^\\s"]*)' for n, q in zip(names, quoted, strict=True)
    )
    expression = re.compile(" ".join(parts), re.ASCII)
    shape, twin = native.Shape(names, quoted, expression), kv_shapes.InPython(names, quoted, expression)
    line = " ".join(f'{name}="{value}"' if quote else f"{name}={value}" for name, quote, value in pairs)
    cut = data.draw(st.integers(0, len(line)))
    for text in (line, line, line[:cut], line[cut:], line[:cut] + "x" + line[cut:], line + " ", line + '"'):
        assert shape.match(text) == twin.match(text)


@given(st.integers(-70_000_000_000_000_000, 260_000_000_000_000_000))
@example(0)
@example(-1)
@example(time.LATEST)
@example(951_782_400_000_000)
@example(1_795_334_400_000_001)
def test_a_moment_is_written_as_python_writes_it(micros: int) -> None:
    assert native is not None
    try:
        expected = to_iso(micros)
    except OverflowError:
        with pytest.raises(OverflowError):
            native.iso_text(micros)
        return
    assert native.iso_text(micros) == expected == time.iso_text_in_python(micros)


def test_a_number_that_is_no_moment_is_an_error() -> None:
    assert native is not None
    with pytest.raises(OverflowError):
        native.iso_text(2**70)


@given(
    st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59)),  # noqa: DTZ001
    st.sampled_from(["Z", "+07:00", "-23:59", "+00:00", "", "+0700", "+24:00", "z", " Z", "+07:60"]),
    st.sampled_from(["", ".", ".1", ".123", ".123456", ".1234567899", ",5"]),
    st.sampled_from("T "),
    st.integers(0, 27),
    st.sampled_from(["", "x", "9", "-", ":", "\u0663"]),
)
def test_a_stamp_with_its_zone_is_the_moment_that_python_reads(  # noqa: PLR0917
    moment: datetime, zone: str, fraction: str, between: str, at: int, put: str
) -> None:
    assert native is not None
    text = f"{moment.year:04}-{moment.month:02}-{moment.day:02}{between}{moment:%H:%M:%S}{fraction}{zone}"
    for one in (text, text[:at] + put + text[at + 1 :] if put else text[:at]):
        found = native.zoned(one)
        if found is not None:
            since = datetime.fromisoformat(one) - datetime(1970, 1, 1, tzinfo=UTC)
            assert found == (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
            assert time.iso(one, UTC_ZONE) == (found, ())
    if zone in ("Z", "+07:00", "-23:59", "+00:00") and fraction not in (".", ",5"):
        assert native.zoned(text) is not None


ACCESS = (
    '192.0.2.5 - lan [22/Nov/2026:15:00:00 +0700] "GET /a?b=1 HTTP/1.1" 200 512 "https://portal.example/" "curl/8.1"'
)


@given(st.integers(0, len(ACCESS)), st.integers(0, 9), st.text(alphabet='x1 "\\[]-+:/\t\n\u00e9', max_size=5))
@example(0, 0, "")
def test_an_access_line_has_the_groups_of_the_expression(at: int, length: int, put: str) -> None:
    assert native is not None
    text = ACCESS[:at] + put + ACCESS[at + length :]
    found = native.access(text)
    if found is not None:
        match = clf.LINE.match(text)
        assert match is not None
        assert found == (match.groups(), match.end())
    elif not put and not length:
        pytest.fail("the ordinary line is left to the expression")


FIELDS = st.dictionaries(
    st.sampled_from(
        [
            *("source.ip", "destination.ip", "source.nat.ip", "destination.nat.ip", "host.name", "@timestamp"),
            *("user.name", "user.effective.name", "source.user.name", "user.target.name"),
        ]
    ),
    st.one_of(st.none(), st.sampled_from(["a", "b", ""]), st.lists(st.sampled_from(["a", "b", 1, True]), max_size=4)),
)


@given(FIELDS)
def test_an_event_is_finished_as_python_finishes_it(fields: dict[str, Any]) -> None:
    assert native is not None
    found, expected = dict(fields), dict(fields)
    native.finish(found, 1_795_334_400_000_001, 1_795_334_400_200_000, "now", "line")
    finish.in_python(expected, 1_795_334_400_000_001, 1_795_334_400_200_000, "now", "line")
    assert list(found.items()) == list(expected.items())


@given(
    st.one_of(st.none(), st.tuples(st.integers(-(2**70), 2**70), st.sampled_from([(), ("no_zone",)]))),
    st.integers(0, time.LATEST),
    st.booleans(),
)
@example((0, ()), 1_000_000, True)
@example((time.LATEST, ()), 0, True)
def test_times_are_settled_as_python_settles_them(stamp: Any, received: int, live: bool) -> None:
    assert native is not None
    found = native.settle(stamp, received, live=live, lateness=600_000_000, future_skew=5_000_000)
    assert found == time.settle_in_python(stamp, received, live=live, lateness=600_000_000, future_skew=5_000_000)


@given(TEXTS)
def test_the_last_part_of_a_path_is_the_one_python_finds(path: str) -> None:
    assert native is not None
    assert native.base(path) == columns.base(path)


def test_every_sample_and_damaged_line_becomes_the_same_event_byte_for_byte() -> None:
    script = Path(__file__).with_name("every_line.py")
    runs = [
        subprocess.run([sys.executable, str(script), *how], capture_output=True, check=True, text=True)
        for how in ((), ("in-python",))
    ]
    assert [run.stderr.strip() for run in runs] == ["compiled", "in Python"]
    compiled, in_python = (run.stdout.splitlines() for run in runs)
    assert len(compiled) == len(in_python) > 10_000
    assert [pair for pair in zip(compiled, in_python, strict=True) if pair[0] != pair[1]] == []
