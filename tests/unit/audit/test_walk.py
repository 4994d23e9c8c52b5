"""A walk over a chain: everything that was done to it is told, one fault does not hide the next."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from soc.audit.chain import Entry, Head, append
from soc.audit.walk import Walk


def chain(count: int, name: str = "triage") -> tuple[list[bytes], list[Head]]:
    head, lines, heads = Head(name), [], [Head(name)]
    for number in range(count):
        line, head = append(head, Entry(number, "lan", "note", f"alert/{number}"))
        lines.append(line)
        heads.append(head)
    return lines, heads


def walked(lines: list[bytes], end: Head, watched: frozenset[int] = frozenset()) -> Walk:
    walk = Walk("triage", watched)
    for line in lines:
        walk.feed(line)
    walk.end(end)
    return walk


def test_an_untouched_chain_has_no_fault():
    lines, heads = chain(6)
    walk = walked(lines, heads[-1])
    assert (walk.faults, walk.head, walk.lines) == ([], heads[-1], 6)


def test_an_edited_and_a_deleted_line_of_one_chain_are_both_told():
    lines, heads = chain(9)
    lines[2] = lines[2].replace(b'"actor":"lan"', b'"actor":"hoa"')
    del lines[6]
    found = walked(lines, heads[-1]).faults
    assert [(fault.seq, fault.reason.split(":")[0]) for fault in found] == [
        (3, "the line was edited"),
        (7, "the line is number 8"),
    ]


def test_a_chain_that_was_cut_short_together_with_its_end_is_a_rollback_against_an_older_head():
    lines, heads = chain(9)
    walk = walked(lines[:5], heads[5], frozenset({5, 8}))
    assert walk.faults == []
    assert "rolled back: the head kept elsewhere has 8 lines, here are 5" in walk.compare(heads[8])
    assert walk.compare(heads[5]) == ""


def test_a_chain_that_was_rewritten_with_fitting_hashes_is_not_the_one_of_an_older_head():
    _, heads = chain(9)
    head, forged = Head("triage"), []
    for number in range(12):
        line, head = append(head, Entry(number, "hoa", "note", f"alert/{number}"))
        forged.append(line)
    walk = walked(forged, head, frozenset({8}))
    assert walk.faults == []
    assert "written anew: line 8" in walk.compare(heads[8])


@settings(max_examples=80)
@given(st.integers(1, 12), st.data())
def test_whatever_is_done_to_one_line_is_found_at_its_number(count, data):
    lines, heads = chain(count)
    number = data.draw(st.integers(0, count - 1))
    how = data.draw(st.sampled_from(["edit", "delete", "repeat", "garbage"]))
    if how == "edit":
        tree = {**json.loads(lines[number]), "detail": "other"}
        lines[number] = json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()
    elif how == "delete":
        del lines[number]
    elif how == "repeat":
        lines.insert(number + 1, lines[number])
    else:
        lines[number] = b"\xff"
    found = walked(lines, heads[-1]).faults
    assert found
    assert found[0].seq == number + (2 if how == "repeat" else 1)
