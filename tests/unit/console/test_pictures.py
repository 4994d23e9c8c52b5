"""Marking matched text, and the geometry of an incident's timeline."""

from hypothesis import given
from hypothesis import strategies as st

from soc.clock import HOUR, SECOND
from soc.console.highlight import segments
from soc.console.timeline import LEFT, MAX_LANES, WIDTH, timeline
from soc.model.incident import AlertSummary


@given(st.text(max_size=60), st.lists(st.text(max_size=5), max_size=5))
def test_the_pieces_joined_are_the_text(text, needles):
    assert "".join(piece for piece, _ in segments(text, needles)) == text


def test_whole_words_are_marked_whatever_their_case():
    assert segments("Port 22 in 2022", ["22"]) == [("Port ", False), ("22", True), (" in 2022", False)]
    assert segments("ADMIN x", ["admin"]) == [("ADMIN", True), (" x", False)]
    assert segments("cmd /c dir", ["/c"]) == [("cmd ", False), ("/c", True), (" dir", False)]


summaries = st.lists(
    st.builds(
        lambda n, first, lasts: AlertSummary(str(n), "r", "t", "", "high", 1, first, first + lasts, "live"),
        st.integers(0, 99), st.integers(0, 10 * HOUR), st.integers(0, 3 * HOUR),
    ),
    max_size=60,
)  # fmt: skip


@given(summaries)
def test_every_bar_and_tick_lies_in_the_picture(items):
    made = timeline(items)
    if not items:
        assert made is None
        return
    assert len(made.bars) + made.hidden == len(items)
    assert len(made.bars) <= MAX_LANES
    for bar in made.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH - LEFT + 0.1
        assert bar.y + 20 <= made.height
    assert all(0 <= tick.x <= WIDTH - 40 for tick in made.ticks), "room for its label"


def test_one_alert_of_no_length_still_has_a_bar_to_click():
    made = timeline([AlertSummary("a", "r", "t", "", "low", 1, 5 * SECOND, 5 * SECOND, "live")])
    assert made.bars[0].width >= 6
