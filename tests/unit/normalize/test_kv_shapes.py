"""Lines read by a learned order of keys: the same as the general reading, whatever was seen before."""

from hypothesis import given, settings
from hypothesis import strategies as st

from soc.normalize.formats import kv
from soc.normalize.formats.kv_shapes import Shapes

NAMES = st.sampled_from(["date", "logid", "a", "b", "c.d", "e-f", "g_h"])
VALUES = st.one_of(
    st.text(alphabet='x1 ="\\,;>=\t', max_size=6).map(lambda text: f'"{text}"'),
    st.text(alphabet="x1=,;>.\u00e9\u00a0", max_size=6),
)
LINES = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(
    lambda pairs: " ".join(f"{name}={value}" for name, value in pairs)
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=4), st.integers(1, 12))
def test_what_was_seen_before_changes_no_reading(lines: list[str], times: int):
    shapes = Shapes("logid", lambda names: names)
    for _ in range(times):
        for line in lines:
            names, values = shapes.read(line)
            assert dict(zip(names, values, strict=True)) == kv.pairs(line)


def test_an_order_seen_often_is_read_by_its_own_expression():
    made: list[tuple[str, ...]] = []

    def plan(names: tuple[str, ...]) -> tuple[str, ...]:
        made.append(names)
        return names

    shapes = Shapes("logid", plan)
    for number in range(40):
        names, values = shapes.read(f'logid="1" a={number} b="x y"')
        assert (names, values) == (("logid", "a", "b"), ("1", str(number), "x y"))
    assert made == [("logid", "a", "b")]
    assert shapes.orders == 1


def test_what_is_remembered_is_bounded():
    shapes = Shapes("logid", lambda names: names)
    for order in range(400):
        for _ in range(10):
            shapes.read(f"logid={order} k{order}=1")
    assert shapes.orders <= 256
