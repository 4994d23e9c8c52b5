"""What the topics hold becomes documents that keep everything and can be searched."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.audit.chain import Entry, Head, append
from soc.errors import RecordError
from soc.model import Alert, DeadLetter, Event, Incident, LogSource, Member, Report
from soc.store.documents import (
    alert_document,
    audit_document,
    deadletter_document,
    event_document,
    incident_document,
    report_document,
)
from soc.store.query import matches, parse

AT = 1_795_312_800_000_000
MEMBER = Member("l/0/1", "r", "192.0.2.7", AT, AT, {"event.original": "Failed password for root", "user.name": "root"})
ALERT = Alert(
    "202611-a", 7, 2, "r", "Guessing", "Dò mật khẩu", "high", ("attack.t1110",), "event_count", "s", 1, "live", "", (("source.ip", "192.0.2.7"),),
    AT, AT + 5, 12, ("l/0/1",), (MEMBER,), 12.0, False, (("source.ip", "192.0.2.7"), ("user.name", "root"), ("user.name", "adm")), AT, incident_id="202611-i",
)  # fmt: skip


def test_an_alert_is_found_by_rule_level_entity_line_and_state():
    document = alert_document(ALERT)
    assert (document.id, document.version, document.time) == ("202611-a", 7, AT)
    for text in ("do mat khau", "source.ip:192.0.2.7", "user.name:adm", '"failed password"', "status:new level:high", "event.severity>=4", "alert.count:12", "NOT _exists_:alert.owner"):  # fmt: skip
        assert matches(parse(text), document.fields), text


def test_an_alert_comes_back_whole_from_its_body():
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(alert_document(ALERT).body)), Alert) == ALERT


def test_an_incident_comes_back_whole_from_its_body():
    incident = Incident(
        "202611-i",
        "INC-2026-000001",
        3,
        1,
        "T",
        "Đ",
        "high",
        ("202611-a",),
        (),
        (("source.ip", "192.0.2.7", 1),),
        AT,
        AT,
        AT,
    )
    document = incident_document(incident)
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(document.body)), Incident) == incident
    assert matches(parse('incident.number:INC-2026-000001 source.ip:192.0.2.7 "inc 2026"'), document.fields)


def test_an_event_is_searched_by_its_own_fields():
    event = Event(
        "l/0/1",
        "192.0.2.7",
        AT,
        AT,
        AT + 9,
        {"@timestamp": "2026-11-22T02:00:00Z", "srcip": "192.0.2.7"},
        (LogSource("linux"),),
        ("late",),
    )
    document = event_document(event)
    assert (
        matches(parse("srcip:192.0.2.7 event.id:l/0/1 event.time_flags:late @timestamp>2026"), document.fields) is False
    )
    assert matches(parse("srcip:192.0.2.7 event.id:l/0/1 event.time_flags:late @timestamp>=2026"), document.fields)
    assert document.body["received"] == AT + 9


def test_a_report_keeps_its_bytes_out_of_what_is_searched():
    report = Report("u", 4, "202611-i", "initial", "national", "queued", b'{"secret":"word"}', "ab", AT, "hoa")
    document = report_document(report)
    assert document.version == 4
    assert document.body["payload"] == '{"secret":"word"}'
    assert not matches(parse("secret"), document.fields)
    assert matches(parse("state:queued incident.id:202611-i"), document.fields)


@given(st.binary(max_size=60))
def test_any_bytes_of_a_dead_letter_can_be_stored_and_shown(data):
    document = deadletter_document(DeadLetter("l/0/1", "normalize", "why", data, "s", "l", "p", AT))
    msgspec.json.encode((document.fields, document.body))
    kept = document.body["data"]
    assert (
        kept.encode() == data
        if isinstance(kept, str)
        else msgspec.json.decode(f'"{kept["base64"]}"', type=bytes) == data
    )


def test_an_audit_line_of_the_chain_is_found_by_who_and_what():
    line, _ = append(Head("triage"), Entry(AT, "lan", "close", "alert/202611-a", "false_positive"))
    document = audit_document(line)
    assert document.time == AT
    assert matches(parse("actor:lan act:close chain:triage seq:1"), document.fields)
    assert audit_document(line).id == document.id


@pytest.mark.parametrize("entry", [b"", b"\xff", b"[1]", b'"text"'])
def test_what_is_no_audit_entry_is_refused(entry):
    with pytest.raises(RecordError):
        audit_document(entry)
