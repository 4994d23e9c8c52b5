"""Lines of a file: offsets, limits, holes, and the same lines whatever the chunks."""

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.lines import Line, take_lines

LIMIT = 20


def read_all(content: bytes, steps: list[int], limit: int = LIMIT) -> tuple[list[Line], int]:
    """Read as the file listener does: from the position on, ever more of the file there."""
    lines: list[Line] = []
    offset = discarded = 0
    skipping = False
    for end in [*sorted(steps), len(content)]:
        while (taken := take_lines(content[offset:end], offset, max_bytes=limit, skipping=skipping)).consumed:
            lines += taken.lines
            offset, skipping = offset + taken.consumed, taken.skipping
            discarded += taken.discarded
    last = take_lines(content[offset:], offset, max_bytes=limit, skipping=skipping, last=True)
    return lines + last.lines, discarded + last.discarded


contents = st.lists(
    st.one_of(st.sampled_from([b"\n", b"\r\n", b"\0", b"\r"]), st.text("ab", max_size=30).map(str.encode)), max_size=20
).map(b"".join)


@settings(max_examples=150)
@given(contents, st.data())
def test_a_file_that_grows_in_any_steps_gives_the_same_lines(content: bytes, data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.integers(0, len(content)), max_size=6))
    assert read_all(content, steps) == read_all(content, [])


@settings(max_examples=100)
@given(contents)
def test_each_line_stands_at_its_offset_and_no_letter_is_missing(content: bytes) -> None:
    lines, discarded = read_all(content, [])
    assert all(content[line.offset :].startswith(line.data) and 0 < len(line.data) <= LIMIT for line in lines)
    letters = content.count(b"a") + content.count(b"b")
    kept = sum(line.data.count(b"a") + line.data.count(b"b") for line in lines)
    assert kept <= letters <= kept + discarded


def test_a_line_without_lf_waits_until_it_is_the_last() -> None:
    assert take_lines(b"one\ntw", 100, max_bytes=LIMIT, skipping=False) == ([Line(100, b"one", cut=False)], 4, False, 0)
    assert take_lines(b"tw", 104, max_bytes=LIMIT, skipping=False, last=True).lines == [Line(104, b"tw", cut=False)]


def test_nuls_before_a_line_are_a_hole_and_nuls_in_it_stay() -> None:
    assert read_all(b"\0" * 50 + b"a\0b\n", [])[0] == [Line(50, b"a\0b", cut=False)]


def test_nuls_with_nothing_behind_them_are_looked_at_again() -> None:
    assert take_lines(b"a\n\0\0\0\0", 0, max_bytes=LIMIT, skipping=False).consumed == 2


def test_a_long_line_is_cut_once_and_the_next_one_is_whole() -> None:
    lines, discarded = read_all(b"x" * 55 + b"\nnext\n", [25, 40])
    assert lines == [Line(0, b"x" * 20, cut=True), Line(56, b"next", cut=False)]
    assert discarded == 35
