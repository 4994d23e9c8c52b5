"""Everything that waits for a person reaches one: deadlines, reports that are stuck, tasks, directives, approvals, the audit trail."""

import msgspec
import pytest
from duties_support import HOURS, SEEN, incident, report, shipped

from soc.clock import HOUR, MINUTE, SECOND
from soc.model import Alert, Directive
from soc.model.incident import AlertSummary, Approval, Moment, Task
from soc.notify.allowance import Limits
from soc.notify.attempts import Channel, Settings
from soc.notify.caller import Caller
from soc.notify.cases import Book
from soc.notify.matters import STUCK, AuditLine
from soc.notify.roster_file import parse
from soc.notify.watching import Batch, Patience, Watch

TELLS = ("title", "system", "time", "link")
SETTINGS = Settings(
    "SOC", "", Limits(100, 10 * MINUTE, MINUTE), 3, SECOND, MINUTE, 4, {"smtp": Channel(TELLS, False, SECOND)}
)
ROSTER = parse("""
people:
  lan: {name: Lan, language: en, channels: [{smtp: lan@soc.example}]}
escalations:
  default: [{call: lan, minutes: 10000}]
""")
POLICY = shipped()


class World:
    """A watch and a caller over one book, restored from what was committed after each step if asked."""

    def __init__(self, restart: bool = False) -> None:
        self.state: dict[bytes, bytes] = {}
        self.told: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.restart = restart
        self._open()

    def _open(self) -> None:
        self.caller = Caller(Book(self.state), SETTINGS, lambda: ROSTER)
        self.watch = Watch(self.state, self.caller, lambda: POLICY, Patience(15 * MINUTE, 24 * HOUR))

    def step(self, now: int, **read: object) -> list[str]:
        """What people are newly told of."""
        self.watch.read(Batch(**read), now)
        self.watch.tick(now)
        self.caller.tick(now)
        changes = self.caller.book.take()
        changes.state.update(self.watch.take())
        for key, value in changes.state.items():
            self.state.pop(key, None) if value is None else self.state.__setitem__(key, value)
        new = [notice for notice in changes.notices if notice.version == 1]
        self.texts += [notice.subject + "\n" + notice.text for notice in new]
        if self.restart:
            self._open()
        return [notice.reason for notice in new]


@pytest.fixture(params=[False, True], ids=["running", "restored at every step"])
def world(request) -> World:
    return World(request.param)


def test_half_three_quarters_nine_tenths_and_the_miss_of_a_deadline_are_each_told_once(world):
    assert world.step(SEEN, incidents=[incident(severity="serious")]) == []
    told = [minute for minute in range(25 * 60) if world.step(SEEN + minute * MINUTE)]
    assert told == [12 * 60, 18 * 60, 21 * 60 + 36, 24 * 60 + 1]
    for words, text in zip(("50 %", "75 %", "90 %", "MISSED"), world.texts, strict=True):
        assert words in text


def test_what_was_sent_in_time_rings_no_more(world):
    world.step(SEEN, incidents=[incident(severity="serious")])
    world.step(SEEN + HOURS, reports=[report("notice_initial", SEEN + HOURS)])
    assert [
        minute for minute in range(60, 13 * 60) if world.step(SEEN + minute * MINUTE)
    ] == []  # then the update is half due


@pytest.mark.parametrize("state", sorted(STUCK))
def test_a_report_that_needs_a_person_is_told_once_and_a_slow_one_only_when_it_lasts(world, state):
    stuck = report("notice_initial", SEEN, state)
    slow = state in {"uncertain", "processing"}
    assert world.step(SEEN, reports=[stuck]) == ([] if slow else ["report"])
    later = world.step(SEEN + 15 * MINUTE)
    assert later == (["report"] if slow else [])
    assert world.step(SEEN + 16 * MINUTE, reports=[stuck]) == []


def test_a_report_that_recovers_from_being_uncertain_in_time_is_not_told(world):
    world.step(SEEN, reports=[report("notice_initial", SEEN, "uncertain")])
    world.step(SEEN + 14 * MINUTE, reports=[report("notice_initial", SEEN)])
    assert world.step(SEEN + HOUR) == []


def test_a_task_without_an_answer_is_told_when_it_is_past_due_and_not_before(world):
    task = Task("t1", "Đổi mật khẩu", "so-y-te", SEEN + HOUR, SEEN, "lan")
    world.step(SEEN, incidents=[incident(acknowledged_at=None, tasks=(task,))])
    assert world.step(SEEN + HOUR) == []
    assert world.step(SEEN + HOUR + 1) == ["task"]
    assert "so-y-te" in world.texts[-1]
    assert world.step(SEEN + 2 * HOUR) == []


def test_a_directive_is_told_when_it_is_past_due_and_one_that_was_answered_is_not(world):
    directive = msgspec.structs.replace(_directive(), due=SEEN + HOUR)
    answered = msgspec.structs.replace(directive, id="d2", status="answered")
    world.step(SEEN, directives=[directive, msgspec.structs.replace(directive, id="d2")])
    world.step(SEEN + MINUTE, directives=[answered])
    assert world.step(SEEN + HOUR + 1) == ["directive"]


def _directive() -> Directive:
    fields = {field.name: field for field in msgspec.structs.fields(Directive)}
    given = {"id": "d1", "number": "12/CĐ", "title": "Rà soát", "status": "open"}
    values = {
        name: given.get(name, "" if field.type is str else 0)
        for name, field in fields.items()
        if field.required or name in given
    }
    return Directive(**values)


def test_an_approval_by_telephone_that_nobody_countersigns_within_a_day_is_told_and_one_that_was_signed_is_not(world):
    approval = Approval("notice_initial", "00" * 32, "hoa", SEEN, 3, by_telephone="Ông Phó Giám đốc")
    signed = msgspec.structs.replace(approval, at=SEEN + 1, countersigned_by="ha", countersigned_at=SEEN + HOUR)
    quiet = {"acknowledged_at": None}
    world.step(SEEN, incidents=[incident(**quiet, approvals=(approval, signed))])
    assert world.step(SEEN + 24 * HOUR) == []
    assert world.step(SEEN + 24 * HOUR + 1) == ["approval"]
    assert "Ông Phó Giám đốc" in world.texts[-1]
    assert world.step(SEEN + 48 * HOUR) == []


@pytest.mark.parametrize(
    ("act", "object_", "reason"),
    [("break_glass", "account/emergency", "break_glass"), ("audit_fault", "chain/triage", "audit_fault")],
)
def test_an_emergency_sign_in_and_a_fault_of_the_audit_trail_are_told(world, act, object_, reason):
    line = AuditLine("console", 7, SEEN, "x", act, object_)
    assert world.step(SEEN, lines=[line]) == [reason]
    assert object_.partition("/")[2] in world.texts[-1]
    assert world.step(SEEN + 1, lines=[line, msgspec.structs.replace(line, act="sign_in", seq=8)]) == []


def test_what_a_correction_is_computed_from_stays_in_the_slim_copy(world):
    moments = (Moment(SEEN, "lan", "classify", "x"), Moment(SEEN, "lan", "note", "y"))
    world.step(SEEN, incidents=[incident(kind="incident", severity="normal", confirmed_at=SEEN, timeline=moments)])
    kept = list(world.watch._kept.values())
    assert [moment.act for moment in kept[0].timeline] == ["classify"]


CANARIES = {
    "address": "198.51.100.77",
    "host": "canary-host.internal",
    "user": "canary.user",
    "mail": "canary@citizen.example",
    "cccd": "079099001234",
    "phone": "0912345678",
    "note": "canary-note-text",
}


def test_no_case_data_is_in_any_message_whatever_the_documents_hold(world):
    text = " ".join(CANARIES.values())
    full = incident(
        confirmed_at=SEEN, kind="incident", severity="normal", status="new", acknowledged_at=None,
        entities=tuple((kind, value, 1) for kind, value in CANARIES.items()), particulars={"cause": text},
        tasks=(Task("t1", "Đổi mật khẩu", "so-y-te", SEEN + 1, SEEN, "lan", reply=text),),
        summaries=(AlertSummary("a", "r1", "Rule", "", "critical", 1, SEEN, SEEN, "live"),), level="critical",
    )  # fmt: skip
    alert = Alert(
        "202611-a1", 1, 0, "r1", "Rule", "", "critical", (), "event", "s", 1, "live", "", (), SEEN, SEEN, 1, (), (), 1.0,
        False, tuple(CANARIES.items()), SEEN, incident_id=full.id,
    )  # fmt: skip
    world.step(SEEN, incidents=[full], alerts=[alert, msgspec.structs.replace(alert, id="202611-a2", incident_id="")])
    for state in STUCK:
        world.step(
            SEEN + HOUR, reports=[msgspec.structs.replace(report("notice_initial", SEEN, state), payload=text.encode())]
        )
    for hours in (13, 20, 30):
        world.step(SEEN + hours * HOUR)
    sent = "\n".join(world.texts)
    assert {"incident", "alert", "deadline", "report", "task"} <= {
        case.matter.reason for case in world.caller.book.cases.values()
    }
    assert len(world.texts) > 8
    assert not [name for name, value in CANARIES.items() if value in sent]
