"""Declared breaks: two people, and the chain itself must say the same."""

from soc.audit.chain import Entry, Head, append
from soc.audit.restored import countersignature, declaration, declared_in, is_about_breaks

LOST, KEPT = Head("triage", 9, "a" * 64), Head("triage", 4, "b" * 64)


def written(*entries: Entry) -> list[bytes]:
    head, made = Head("context"), []
    for entry in entries:
        line, head = append(head, entry)
        made.append(line)
    return made


def test_a_declaration_names_what_was_lost_and_who_says_so():
    (line,) = written(declaration(LOST, KEPT, "quan", 5, "disk lost"))
    assert is_about_breaks(line)
    (found,) = declared_in([line])
    assert (found.lost, found.kept, found.actor, found.why, found.countersigner) == (
        LOST,
        KEPT,
        "quan",
        "disk lost",
        "",
    )


def test_a_countersignature_of_somebody_else_counts_and_ones_own_does_not():
    first = written(declaration(LOST, KEPT, "quan", 5, "disk lost"))
    (found,) = declared_in(first)
    own = written(declaration(LOST, KEPT, "quan", 5, "disk lost"), countersignature(found.id, "quan", 6, "fine"))
    assert declared_in(own)[0].countersigner == ""
    other = written(declaration(LOST, KEPT, "quan", 5, "disk lost"), countersignature(found.id, "kiem", 6, "seen"))
    assert declared_in(other)[0].countersigner == "kiem"
    assert "declared by quan" in declared_in(other)[0].said
    assert "countersigned by kiem" in declared_in(other)[0].said


def test_an_act_that_only_looks_like_a_declaration_is_none():
    odd = (
        Entry(1, "x", "declare_break", "break/triage@nine:zz", "4:bb why"),
        Entry(1, "x", "declare_break", "alert/1", "no"),
        Entry(1, "x", "countersign_break", "declared/unknown", ""),
        Entry(1, "x", "close", "alert/1", '"act":"declare_break"'),
    )
    assert declared_in(written(*odd)) == []
    assert declared_in([b"no json", b"[]"]) == []
    assert not is_about_breaks(written(odd[-1])[0])
