"""What leaves of alerts: counts that add up, by what the profile lists, and nothing that points at a person or at the inside."""

import json
import random
import re
from ipaddress import ip_address, ip_network
from pathlib import Path

import msgspec
import pytest
from forward_support import made as reports
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from privacy_canaries import canaries
from sharing_support import BASE, ORGANIZATION, T0, alert, settings
from stix2validator import ValidationOptions, validate_string

from soc.clock import HOUR, SECOND
from soc.forward.profile import DEFAULT, Profile, Sharing
from soc.model import IndicatorHit
from soc.privacy.inside import NOTHING, Inside
from soc.sharing.book import Book, Told, change_of
from soc.sharing.days import Day
from soc.sharing.facts import facts_of, why_not
from soc.sharing.sealer import Rules, Sealer
from soc.sharing.setting_up import all_terms, rules_of
from soc.sharing.summary import Change, Series, Sums, day_record, leaking, rows_of, summary, total
from soc.sharing.wire import body, key_of, rendered

OPTIONS = ValidationOptions(version="2.1", enforce_refs=True, disabled=["103"])
"""103: ids that are no random UUIDs; STIX 2.1 §2.9 allows them, and a repeat must have the same."""
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SERIES = Series(ORGANIZATION, "national", T0)
WIRES = ("syslog-tls", "https-json", "taxii21")


def changes(*alerts, inside=NOTHING):
    return [Change(facts_of(one, inside, T0), 1, one.count, 0, 0) for one in alerts]


def rows(*alerts, profile=DEFAULT, inside=NOTHING, most=1000):
    return rows_of(changes(*alerts, inside=inside), profile, inside, most)


def record(*alerts, number=1):
    return summary(SERIES, number, rows(*alerts), (T0, T0 + 300 * SECOND), "2026-11-23")


def test_alerts_that_agree_in_what_the_profile_lists_are_one_row():
    (row,) = rows(alert(1), alert(2, count=7))
    assert (row["alerts"], row["events"], row["level"]) == (2, 12, "high")
    assert (row["title"], row["systems"], row["attackers"]) == ("Dò mật khẩu", ["dvc"], ["203.0.113.7"])
    assert len(rows(alert(1), alert(2, last_seen=T0 + HOUR))) == 2


def test_what_the_profile_does_not_list_is_not_said():
    (row,) = rows(alert(1), alert(2, rule_id="x"), profile=Profile(recipient="x", sharing=Sharing(by=("technique",))))
    assert set(row) == {"techniques", *Sums._fields}


def test_an_address_of_ours_is_no_attackers():
    inside = Inside(public=frozenset({ip_address("203.0.113.9")}), networks=((ip_network("198.51.100.0/24"), "dc"),))
    entities = tuple(
        ("source.ip", text) for text in ("10.1.2.3", "203.0.113.9", "198.51.100.7", "fe80::1", "192.0.2.4", "x")
    )
    assert rows(alert(entities=entities), inside=inside)[0]["attackers"] == ["192.0.2.4"]


def test_an_attacker_that_is_known_from_a_source_that_may_not_be_passed_on_is_left_out():
    hit = IndicatorHit("source.ip", "203.0.113.7", "ally", "RED")
    assert rows(alert(indicators=(hit,)))[0]["attackers"] == []


def test_beyond_the_bound_smaller_rows_count_their_attackers_and_every_sum_stays():
    many = [alert(n, count=n, entities=(("source.ip", f"198.51.100.{n}"),)) for n in range(1, 101)]
    found = rows(*many, most=10)
    assert len(found) <= 10
    assert total(found) == Sums(100, 5050)
    assert sum(row["attackers_more"] + len(row["attackers"]) for row in found) == 100


def test_the_order_of_alerts_changes_no_byte():
    many = [alert(n, rule_id=f"r{n % 7}", count=n) for n in range(40)]
    assert record(*many) == record(*random.Random(1).sample(many, len(many)))


@pytest.mark.parametrize("wire", WIRES)
def test_a_repeat_has_the_same_bytes_and_another_number_has_another_id(wire):
    assert rendered(wire, record(alert()), "soc@32473") == rendered(wire, record(alert()), "soc@32473")
    assert json.loads(record(alert()))["id"] != json.loads(record(alert(), number=2))["id"]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.integers(0, 9),
            st.sampled_from(["live", "retracted"]),
            st.sampled_from(["", "s1"]),
            st.booleans(),
        ),
        max_size=40,
    ),
    st.integers(1, 7),
)
def test_whatever_became_of_alerts_the_sums_of_all_records_are_what_there_is(history, every):
    told, out, latest = {}, Sums(), {}
    pending = {}
    for step, (number, count, state, silenced, drill) in enumerate(history):
        facts = facts_of(
            alert(number, count=count, state=state, silenced_by=silenced, incident_id="i" if drill else ""), NOTHING, T0
        )
        latest[number] = pending[number] = facts
        if step % every == 0 or step == len(history) - 1:
            found = []
            for key, one in pending.items():
                change, told[key] = change_of(one, told.get(key, Told()), why_not(one, {"i"}, {"high"}))
                found += [change] if change else []
            out = out.plus(total(rows_of(found, DEFAULT, NOTHING, 3)))
            pending = {}
    live = [one for one in latest.values() if not why_not(one, {"i"}, {"high"}) and one.count]
    assert out.alerts - out.alerts_withdrawn == len(live)
    assert out.events - out.events_withdrawn == sum(one.count for one in live)


def sealer(book, **fields):
    made = settings({"url": "https://receiver.example/alerts"}, **fields)
    return Sealer(book, rules_of(made), list(all_terms(made).values()), lambda: NOTHING, T0)


def sealed(book):
    return [json.loads(entry.payload) for entry in book.entries("national") if entry.payload]


def test_a_drill_is_never_told_and_one_that_was_told_before_it_was_marked_is_taken_back():
    book = Book({})
    made = sealer(book)
    drill = reports.incident(1, exercise=True)
    made.read([drill], [alert(1, incident_id=drill.id), alert(2, incident_id="real")], T0)
    made.seal(T0)
    made.seal(T0 + 2 * SECOND)
    made.read([reports.incident(2, exercise=True)], [alert(2, incident_id=reports.incident(2).id)], T0 + 3 * SECOND)
    made.seal(T0 + 3 * SECOND)
    made.seal(T0 + 5 * SECOND)
    assert [(one["alerts"], one["events"], one["alerts_withdrawn"]) for one in sealed(book)] == [(1, 5, 0), (0, 0, 1)]


def test_nothing_below_the_least_severity_and_nothing_from_before_it_began_is_told():
    book = Book({})
    made = sealer(book)
    old = alert(2, raised=T0 - HOUR, count=90)
    made.read([], [alert(1, level="low"), old], T0)
    made.seal(T0)
    made.seal(T0 + 2 * SECOND)
    assert sealed(book) == []
    made.read([], [msgspec.structs.replace(old, count=93)], T0 + 3 * SECOND)
    made.seal(T0 + 3 * SECOND)
    made.seal(T0 + 5 * SECOND)
    assert [(one["alerts"], one["events"]) for one in sealed(book)] == [(1, 3)]


def test_a_full_backlog_makes_windows_longer_and_loses_nothing():
    book = Book({})
    made = settings({"url": "https://receiver.example/alerts", "backlog_bytes": 64 * 1024})
    terms = [one._replace(backlog=1) for one in all_terms(made).values()]
    work = Sealer(book, rules_of(made), terms, lambda: NOTHING, T0)
    for number in range(20):
        work.read([], [alert(number)], T0 + number * 10 * SECOND)
        work.seal(T0 + number * 10 * SECOND)
    assert len(sealed(book)) == 1
    first = book.entries("national")[0]
    book.done("national", first.number)
    work.seal(T0 + 500 * SECOND)
    later = sealed(book)[0]
    assert json.loads(first.payload)["alerts"] + later["alerts"] == 20


def test_each_day_has_one_count_also_those_of_days_that_nobody_worked_on():
    book = Book({})
    made = sealer(book)
    made.read([], [alert(1)], T0)
    made.seal(T0)
    made.seal(T0 + 3 * 24 * HOUR)
    days = [(entry.day, entry.of_day) for entry in book.entries("national")]
    assert days == [("2026-11-23", False), ("2026-11-23", True), ("2026-11-24", True), ("2026-11-25", True)]
    assert [(day.day, day.due, day.closed) for day in book.days("national")][-1] == ("2026-11-23", 1, True)


def test_a_restart_at_any_point_goes_on_with_the_same_book():
    book = Book({})
    made = sealer(book)
    made.read([], [alert(1), alert(2, level="low")], T0)
    made.seal(T0)
    made.seal(T0 + 2 * SECOND)
    state = book.take()
    again = Book({key: value for key, value in state.items() if value is not None})
    assert again.entries("national") == book.entries("national")
    assert again.lane("national") == book.lane("national")
    assert again.alerts == book.alerts
    resumed = sealer(again)
    resumed.seal(T0 + 3 * SECOND)
    resumed.seal(T0 + 9 * SECOND)
    assert len(again.entries("national")) == 1


def test_a_state_that_was_restored_begins_another_series_so_no_id_has_two_contents():
    book = Book({})
    sealer(book)
    before = book.lane("national").since
    state = {key: value for key, value in book.take().items() if value is not None} | {b"restored": b""}
    again = Book(state)
    sealer(again)
    assert again.lane("national").since > before
    assert again.take()[b"restored"] is None


@pytest.mark.parametrize("wire", WIRES)
def test_no_canary_in_any_field_of_an_alert_is_in_any_shared_byte(wire):
    planted = list(canaries(1000, seed=29))
    alerts = [
        alert(
            n, rule_id=c.text, title=c.text, title_vi=c.text, group=(("user.name", c.text),), facts=(("x", c.text),), owner=c.text,
            tags=(f"attack.t1110 {c.text}",), close_reason=c.text, systems=(c.text,),
            entities=(("source.ip", c.text), ("user.name", c.text), ("host.name", c.text), ("source.ip", "10.9.8.7")),
        )
        for n, c in enumerate(planted)
    ]  # fmt: skip
    made = record(*alerts)
    assert leaking(made, NOTHING) == ()
    text = UUID.sub("", rendered(wire, made, "soc@32473").decode())  # dc01 is a server, and four digits of an id
    inside = [json.dumps(value, ensure_ascii=False)[1:-1] for c in planted for value in c.values]
    assert [value for value in inside if value in text] == []
    assert "10.9.8.7" not in text


def test_ids_of_rules_leave_as_they_are():
    rng = random.Random(3)
    ids = [
        f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4a1b-8c2d-{rng.getrandbits(48):012x}" for _ in range(500)
    ]
    assert {row["rule"] for row in rows(*(alert(n, rule_id=id_) for n, id_ in enumerate(ids)))} == set(ids)


def test_every_bundle_is_valid_stix_with_what_is_referenced_first():
    alerts = [
        alert(1),
        alert(2, rule_id="r2", entities=(("source.ip", "2001:db8::7"),)),
        alert(3, entities=(), count=0),
    ]
    data = json.loads(
        body(
            "taxii21",
            "k",
            [rendered("taxii21", record(*alerts), ""), rendered("taxii21", record(*alerts, number=2), "")],
        )
    )
    found = validate_string(
        json.dumps({"type": "bundle", "id": "bundle--5c0a7c52-6f0e-4d3b-9a55-0c6f3b7a1e90", **data}), OPTIONS
    )
    assert found.is_valid, found.errors
    known = set()
    for item in data["objects"]:
        refs = [item[name] for name in item if name.endswith("_ref")] + [
            ref for name in item if name.endswith("_refs") for ref in item[name]
        ]
        assert set(refs) <= known, item["id"]
        known.add(item["id"])
    assert sum(item["type"] == "note" for item in data["objects"]) == 2


def test_the_key_of_a_sending_is_that_of_its_records():
    assert key_of(["a", "b"]) == key_of(["a", "b"]) != key_of(["b", "a"])


def test_no_syslog_message_is_longer_than_every_receiver_takes():
    entities = tuple(("source.ip", f"2001:db8:1234:5678:9abc:def0:1234:{n:x}") for n in range(40))
    systems = tuple(f"he-thong-thong-tin-so-{n}" for n in range(40))
    data = rendered("syslog-tls", record(alert(entities=entities, systems=systems, title_vi="Đ" * 300)), "soc@32473")
    at, sizes = 0, []
    while at < len(data):
        space = data.index(b" ", at)
        size = int(data[at:space])
        sizes.append(size)
        at = space + 1 + size
    assert (at, max(sizes) <= 2048, len(sizes)) == (len(data), True, 2)


def test_structured_data_is_escaped_and_stays_on_one_line():
    (frame, _) = rendered("syslog-tls", record(alert(rule_id='a"b]c\\d\nx')), "soc@32473").decode().split("<109>")
    assert 'rule="a\\"b\\]c\\\\d x"' in frame
    assert "\n" not in frame


def test_the_rules_need_a_name_that_may_leave():
    assert isinstance(rules_of(settings({"url": "https://receiver.example/a"})), Rules)
    assert BASE.rule_id in record(alert()).decode()


def test_records_are_what_the_published_schema_says():
    schema = json.loads(
        (Path(__file__).parents[3] / "docs/reference/soc-sharing.schema.json").read_text(encoding="utf-8")
    )
    check = Draft202012Validator(schema)
    day = day_record(
        SERIES, 9, "2026-11-23", "Asia/Ho_Chi_Minh", Day("2026-11-23").sealed(1, Sums(1, 5), b"x").figures()
    )
    for made in (record(alert(1), alert(2, entities=(), count=0)), summary(SERIES, 1, [], (T0, T0), "2026-11-23"), day):
        assert list(check.iter_errors(json.loads(made))) == []
    assert list(check.iter_errors(json.loads(record(alert())) | {"raw": "x"}))


def test_a_count_of_a_day_is_valid_stix():
    day = day_record(SERIES, 9, "2026-11-23", "Asia/Ho_Chi_Minh", Day("2026-11-23").figures())
    data = json.loads(rendered("taxii21", day, ""))
    found = validate_string(
        json.dumps({"type": "bundle", "id": "bundle--5c0a7c52-6f0e-4d3b-9a55-0c6f3b7a1e90", **data}), OPTIONS
    )
    assert found.is_valid, found.errors


def test_the_sender_of_syslog_is_named_without_diacritics():
    assert b" Trung-tam-Giam-sat soc - summary " in rendered("syslog-tls", record(alert()), "soc@32473")
