"""The audit chain: whatever is done to its lines shows."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from soc.audit.chain import Entry, Head, append, verify

texts = st.text(max_size=12)
entries = st.builds(
    Entry,
    at=st.integers(0, 2**52),
    actor=texts,
    act=st.sampled_from(["close", "note", "seal"]),
    object=texts,
    detail=texts,
)


def chain(acts: list[Entry], name: str = "triage") -> tuple[list[bytes], Head]:
    head, lines = Head(name), []
    for act in acts:
        line, head = append(head, act)
        lines.append(line)
    return lines, head


@settings(max_examples=60)
@given(st.lists(entries, max_size=8))
def test_an_untouched_chain_is_whole(acts):
    lines, head = chain(acts)
    assert head.seq == len(acts)
    assert verify(lines, head) is None


@settings(max_examples=100)
@given(st.lists(entries, min_size=1, max_size=6), st.data())
def test_an_edited_byte_is_found(acts, data):
    lines, head = chain(acts)
    number = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(0, len(lines[number]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != lines[number][at]))
    lines[number] = lines[number][:at] + bytes([byte]) + lines[number][at + 1 :]
    broken = verify(lines, head)
    assert broken is not None
    assert broken.seq == number + 1


@settings(max_examples=50)
@given(st.lists(entries, min_size=1, max_size=6), st.data())
def test_a_deleted_line_is_found_at_its_place(acts, data):
    lines, head = chain(acts)
    number = data.draw(st.integers(0, len(lines) - 1))
    del lines[number]
    broken = verify(lines, head)
    assert broken is not None
    assert broken.seq == number + 1


@settings(max_examples=50)
@given(st.lists(entries, min_size=2, max_size=6), st.data())
def test_two_lines_in_another_order_are_found(acts, data):
    lines, head = chain(acts)
    first = data.draw(st.integers(0, len(lines) - 2))
    second = data.draw(st.integers(first + 1, len(lines) - 1))
    lines[first], lines[second] = lines[second], lines[first]
    broken = verify(lines, head)
    assert broken is not None
    assert broken.seq == first + 1


@settings(max_examples=60)
@given(st.lists(entries, min_size=1, max_size=5), entries, st.data())
def test_an_act_rewritten_with_a_matching_hash_breaks_the_next_line_or_the_head(acts, other, data):
    lines, head = chain(acts)
    number = data.draw(st.integers(0, len(lines) - 1))
    forged = [*acts[:number], other, *acts[number + 1 :]]
    lines[number] = chain(forged)[0][number]
    if other != acts[number]:
        assert verify(lines, head) is not None


def test_a_rollback_to_an_older_end_is_found():
    lines, head = chain([Entry(1, "a", "note", "x"), Entry(2, "b", "note", "y")])
    broken = verify(lines[:1], head)
    assert broken is not None
    assert "missing at the end" in broken.reason


def test_lines_past_an_older_head_are_told():
    lines, _ = chain([Entry(1, "a", "note", "x"), Entry(2, "b", "note", "y")])
    _, older = chain([Entry(1, "a", "note", "x")])
    broken = verify(lines, older)
    assert broken is not None
    assert broken.seq == 2


def test_a_line_of_another_chain_is_found():
    lines, _ = chain([Entry(1, "a", "note", "x")], "forward")
    _, head = chain([Entry(1, "a", "note", "x")], "triage")
    broken = verify(lines, head)
    assert broken is not None
    assert "another chain" in broken.reason


def test_a_chain_whose_old_lines_are_archived_is_verified_from_their_head():
    acts = [Entry(n, "a", "note", str(n)) for n in range(4)]
    lines, head = chain(acts)
    _, middle = chain(acts[:2])
    assert verify(lines[2:], head, middle) is None


def test_lines_that_are_no_json_objects_are_told():
    _, head = chain([Entry(1, "a", "note", "x")])
    for line in (b"", b"\xff\xfe", b"[1]", b"7"):
        assert verify([line], head) is not None


def test_a_line_is_plain_json_with_the_act():
    lines, _ = chain([Entry(5, "lan", "close", "alert/202611-1", "đóng")])
    fields = json.loads(lines[0])
    assert (fields["seq"], fields["actor"], fields["act"], fields["detail"]) == (1, "lan", "close", "đóng")
