"""Tasks of units without an account, silences, directives, and what a merge or a split does to clocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_lifecycle import T, act, do, incident

from soc.clock import DAY, HOUR
from soc.model import Action, Directive, Silence, decode, encode
from soc.model.alert import Note
from soc.triage import desk, directives, joining, tasks
from soc.triage.arguments import RefusedError

ASK = {"title": "Cô lập máy chủ", "unit": "Sở Y tế", "due": T + DAY}


def asked():
    found = do(incident(), "add_task", **ASK)
    return found, found.tasks[0].id


def test_a_task_is_given_answered_twice_and_done():
    found, id_ = asked()
    assert (found.tasks[0].unit, found.tasks[0].status, found.tasks[0].created_by) == ("Sở Y tế", "open", "lan")
    found = do(found, "answer_task", at=T + HOUR, actor="minh", task=id_, reply="đã nhận")
    found = do(found, "answer_task", at=T + 2 * HOUR, actor="hoa", task=id_, reply="đã cô lập lúc 10 giờ")
    task = found.tasks[0]
    assert (task.status, task.reply, task.replied_by) == ("answered", "đã nhận\n\nđã cô lập lúc 10 giờ", "hoa")
    done = do(found, "close_task", task=id_, status="done")
    assert done.tasks[0].status == "done"
    assert [moment.act for moment in done.timeline] == ["add_task", "answer_task", "answer_task", "close_task"]
    for kind, changes in (("answer_task", {"reply": "x"}), ("close_task", {"status": "dropped"})):
        with pytest.raises(RefusedError, match="is done"):
            do(done, kind, task=id_, **changes)


def test_a_late_reply_is_still_typed_in_after_closing_but_nothing_new_is_asked():
    found, id_ = asked()
    closed = do(found, "close")
    assert do(closed, "answer_task", task=id_, reply="muộn").tasks[0].reply == "muộn"
    with pytest.raises(RefusedError, match="reopen"):
        do(closed, "add_task")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({**ASK, "title": " "}, "title"),
        ({**ASK, "unit": ""}, "unit"),
        ({**ASK, "due": T}, "ahead"),
        ({**ASK, "due": T + 400 * DAY}, "year"),
        ({"title": "x", "unit": "y"}, "due"),
        ({**ASK, "title": "x" * 501}, "title"),
    ],
)
def test_a_task_without_title_unit_or_a_sensible_due_time_is_refused(changes, word):
    with pytest.raises(RefusedError, match=word):
        tasks.add(act("add_task", changes), incident())


def test_a_task_is_overdue_from_its_due_time_until_it_is_answered():
    found, id_ = asked()
    assert [tasks.overdue(found.tasks[0], now) for now in (T, T + DAY - 1, T + DAY)] == [False, False, True]
    answered = do(found, "answer_task", task=id_, reply="xong").tasks[0]
    assert not tasks.overdue(answered, T + 9 * DAY)


# Silences and directives

SILENCE = {
    "kind": "silence",
    "matchers": [["rule.id", "r1"], ["source.ip", "192.0.2.0/24"]],
    "ends": T + DAY,
    "reason": "máy quét của trung tâm",
}
DIRECTIVE = {"number": "12/CV-A05", "issuer": "A05", "title": "Rà soát", "text": "Rà soát máy chủ", "due": T + DAY}


def new(kind, changes, id_="202611-abcd1234", at=T):
    target = "silence" if kind == "silence" else "directive"
    return desk.made(Action("i", at, "lan", "lead", kind, target, id_, 0, changes))


def on(standing, kind, at=T, **changes):
    target = "silence" if isinstance(standing, Silence) else "directive"
    action = Action("i", at, "minh", "lead", kind, target, standing.id, standing.revision, changes)
    return desk.changed(standing, desk.perform(action, standing))


def test_a_silence_begins_now_belongs_to_who_made_it_and_is_ended_once():
    made = new("silence", {**SILENCE, "starts": T - HOUR})
    assert (made.starts, made.owner, made.revision, made.made) == (T, "lan", 1, T)
    assert made.matchers == (("rule.id", "r1"), ("source.ip", "192.0.2.0/24"))
    assert [desk.standing_now(made, now) for now in (T - 1, T, T + DAY)] == ["planned", "active", "over"]
    ended = on(made, "end_silence", at=T + HOUR, reason="xong việc")
    assert (ended.ended_at, ended.ended_by, ended.revision) == (T + HOUR, "minh", 2)
    assert desk.standing_now(ended, T + HOUR) == "over"
    with pytest.raises(RefusedError, match="minh ended it"):
        on(ended, "end_silence", reason="lần nữa")
    with pytest.raises(RefusedError, match="by itself"):
        on(made, "end_silence", at=T + 2 * DAY, reason="muộn")
    assert decode(encode(ended), Silence) == ended


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"ends": None}, "ends"),
        ({"ends": T}, "always ends"),
        ({"ends": T + 31 * DAY}, "30 days"),
        ({"reason": ""}, "reason"),
        ({"kind": "nap"}, "kind"),
        ({"matchers": []}, "matchers"),
        ({"matchers": [["level", "low"]]}, "too wide"),
        ({"matchers": [["level", "loud"], ["rule.id", "r1"]]}, "level is one of"),
        ({"matchers": [["source.ip", "0.0.0.0/0"]]}, "too wide"),
        ({"matchers": [["source.ip", "::/0"]]}, "too wide"),
        ({"matchers": [["source.ip", "192.0.2.0/33"]]}, "range"),
        ({"matchers": [["rule id", "r1"]]}, "field"),
        ({"matchers": [["rule.id", ""]]}, "value"),
        ({"matchers": "rule.id=r1"}, "matchers"),
        ({"matchers": [["rule.id", f"r{n}"] for n in range(11)]}, "10"),
        ({"kind": "maintenance", "starts": T + DAY, "ends": T + 40 * DAY}, "30 days"),
        ({"kind": "maintenance", "starts": T + 400 * DAY, "ends": T + 401 * DAY}, "year"),
    ],
)
def test_a_silence_that_never_ends_or_covers_too_much_is_refused(changes, word):
    with pytest.raises(RefusedError, match=word):
        new("silence", {**SILENCE, **changes})


def test_maintenance_is_announced_ahead():
    made = new("silence", {**SILENCE, "kind": "maintenance", "starts": T + 60 * DAY, "ends": T + 61 * DAY})
    assert (made.kind, made.starts, desk.standing_now(made, T)) == ("maintenance", T + 60 * DAY, "planned")


@pytest.mark.parametrize("id_", ["", "abc", "202611", "202611-A", "202611-../x", "202611-ab"])
def test_what_is_new_has_an_id_that_names_its_month(id_):
    with pytest.raises(RefusedError, match="month"):
        new("direct", DIRECTIVE, id_=id_)


@pytest.mark.parametrize("status", ["open", "answered", "closed"])
@pytest.mark.parametrize("kind", ["answer_directive", "close_directive", "end_silence", "note"])
def test_every_act_on_a_directive_in_every_state_leads_where_the_table_says_or_is_refused(status, kind):
    made = new("direct", DIRECTIVE)
    made = decode(encode(made), Directive)
    fields = {"status": status, "answer": "đã rà soát" if status != "open" else ""}
    made = desk.changed(made, directives.Done(fields, ""))
    to = directives.TABLE.get((status, kind))
    if to is None:
        with pytest.raises(RefusedError, match=r"\w"):
            on(made, kind, answer="x", reason="x")
    else:
        after = on(made, kind, answer="thêm", reason="xong")
        assert (after.status, after.revision) == (to, made.revision + 1)


def test_a_directive_is_overdue_until_answered_and_what_was_in_time_stays_in_time():
    made = new("direct", DIRECTIVE)
    assert not directives.overdue(made, T + DAY - 1)
    assert directives.overdue(made, T + DAY)
    answered = on(made, "answer_directive", at=T + HOUR, answer="đã rà soát 40 máy")
    more = on(answered, "answer_directive", at=T + 9 * DAY, answer="bổ sung 2 máy")
    assert (more.answered_at, more.answer) == (T + HOUR, "đã rà soát 40 máy\n\nbổ sung 2 máy")
    assert not directives.overdue(more, T + 9 * DAY)


def test_a_directive_closed_without_an_answer_keeps_why():
    closed = on(new("direct", {**DIRECTIVE, "due": None}), "close_directive", reason="cơ quan ban hành đã thu hồi")
    assert (closed.status, closed.answer, closed.answered_at) == ("closed", "cơ quan ban hành đã thu hồi", None)


@pytest.mark.parametrize("name", ["number", "issuer", "title", "text"])
def test_a_directive_needs_what_stands_on_its_paper(name):
    with pytest.raises(RefusedError, match=name):
        new("direct", {**DIRECTIVE, name: " "})


# Merging and splitting

moments = st.one_of(st.none(), st.integers(T - DAY, T))
some = st.builds(
    lambda seen, t0, confirmed, severity, tlp: incident(
        status="new" if seen is None else "triage", acknowledged_at=seen, t0=t0, confirmed_at=confirmed,
        kind="incident" if confirmed else "event", severity=severity, tlp=tlp,
        notes=(Note(T, "lan", f"{seen}"),),
    ),
    moments, moments, moments, st.sampled_from(["none", "normal", "serious"]), st.sampled_from(["CLEAR", "AMBER", "RED"]),
)  # fmt: skip


@given(some, some)
def test_a_merge_takes_the_earliest_clock_and_loses_nothing_whichever_way_it_goes(one, other):
    from soc.triage.lifecycle import start_of_clock

    survivors = []
    for into, source in ((one, other), (other, one)):
        fields = joining.absorbed(into, source)
        survivor = incident(**fields)
        clocks = [clock for item in (one, other) if (clock := start_of_clock(item)) is not None]
        assert start_of_clock(survivor) == min(clocks, default=None)
        assert sorted(note.text for note in survivor.notes) == sorted(note.text for note in one.notes + other.notes)
        assert (survivor.kind == "incident") is (survivor.confirmed_at is not None)
        assert (survivor.status == "new") is (survivor.acknowledged_at is None)
        survivors.append((survivor.severity, survivor.tlp, survivor.t0, survivor.acknowledged_at))
    assert survivors[0] == survivors[1]


def test_a_drill_is_never_merged_with_what_is_real():
    joining.mergeable(incident(exercise=True), incident(exercise=True))
    with pytest.raises(RefusedError, match="drill"):
        joining.mergeable(incident(exercise=True), incident())


def test_a_split_off_incident_keeps_the_clock_and_the_mark_of_a_drill():
    fields = joining.parted(do(do(incident(), "acknowledge"), "exercise"))
    part = incident(**fields)
    assert (part.acknowledged_at, part.exercise, part.status, part.severity) == (T, True, "triage", "none")
