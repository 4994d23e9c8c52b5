"""The ways in which trusted collectors lose or misplace a line's time (issue 6), each as the line that does it."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.clock import DAY, HOUR, SECOND, Micros, to_datetime, to_iso, to_micros
from soc.model import Event, RawRecord
from soc.normalize.normalizer import Normalizer
from soc.settings import SourceProfile

LATENESS = 600 * SECOND
SSHD = "bastion sshd[811]: Failed password for root from 203.0.113.7 port 4000 ssh2"
IOS = "%SYS-5-CONFIG_I: Configured from console by vty0 (192.0.2.9)"


def at(text: str) -> Micros:
    return to_micros(datetime.fromisoformat(text))


def read(line: str, received: str | Micros, **profile: object) -> Event:
    """What a line becomes that was received then, from a source in Viet Nam unless its profile says otherwise."""
    moment = at(received) if isinstance(received, str) else received
    profiles = (SourceProfile.model_validate({"name": "it", "addresses": ["192.0.2.0/24"], **profile}),)
    normalizer = Normalizer(profiles, timezone="Asia/Ho_Chi_Minh", lateness=LATENESS, future_skew=5 * SECOND)
    event = normalizer.normalize(RawRecord(line.encode(), moment, "udp", "192.0.2.1:514", "it"), "id", moment)
    assert isinstance(event, Event)
    return event


def test_a_line_of_31_december_received_on_1_january_is_of_the_year_before():
    event = read(f"<38>Dec 31 23:59:58 {SSHD}", "2027-01-01T00:00:03+07:00")
    assert event.fields["@timestamp"] == "2026-12-31T16:59:58.000Z"
    assert event.time_flags == ("no_year", "no_zone")


def test_a_line_of_1_january_received_on_31_december_is_of_the_year_after():
    event = read(f"<38>Jan  1 00:00:02 {SSHD}", "2026-12-31T23:59:59+07:00")
    assert event.time == at("2027-01-01T00:00:02+07:00")
    assert "future_clamped" not in event.time_flags


def test_new_year_is_that_of_the_sources_zone():
    event = read(f"<38>Dec 31 23:59:58 {SSHD}", "2027-01-01T08:00:00+07:00", timezone="America/New_York", live=False)
    assert event.time == at("2026-12-31T23:59:58-05:00")


def test_a_line_archived_a_year_ago_is_of_the_year_it_was_received_in_whenever_it_is_replayed():
    received = at("2025-12-31T23:59:59+07:00")
    profiles = (SourceProfile(name="it", addresses=("192.0.2.0/24",)),)
    normalizer = Normalizer(profiles, timezone="Asia/Ho_Chi_Minh", lateness=LATENESS, future_skew=5 * SECOND)
    raw = RawRecord(f"<38>Dec 31 23:59:58 {SSHD}".encode(), received, "udp", "192.0.2.1:514", "it")
    found = [normalizer.normalize(raw, "id", now) for now in (received, received + 400 * DAY)]
    assert [one.time for one in found if isinstance(one, Event)] == [at("2025-12-31T23:59:58+07:00")] * 2


@pytest.mark.parametrize(
    ("stamp", "received", "expected"),
    [
        ("Feb 29 12:00:00", "2028-02-29T12:00:01+07:00", "2028-02-29T12:00:00+07:00"),
        ("Feb 29 23:59:59", "2028-03-01T00:00:01+07:00", "2028-02-29T23:59:59+07:00"),
        ("Mar  1 00:00:00", "2028-02-29T23:59:59+07:00", "2028-03-01T00:00:00+07:00"),
        ("Mar  1 00:00:00", "2027-02-28T23:59:59+07:00", "2027-03-01T00:00:00+07:00"),
    ],
)
def test_a_leap_day_is_one_in_a_leap_year(stamp: str, received: str, expected: str):
    assert read(f"<38>{stamp} {SSHD}", received).time == at(expected)


def test_a_leap_day_received_in_a_year_without_one_is_of_the_nearest_year_that_has_one():
    event = read(f"<38>Feb 29 12:00:00 {SSHD}", "2027-03-01T00:00:00+07:00", live=False)
    assert event.time == at("2028-02-29T12:00:00+07:00")


def test_a_zoneless_device_seven_hours_off_correlates_at_receive_time_and_shows_by_how_much_it_is_off():
    event = read(f"<38>Nov 22 05:00:00 {SSHD}", "2026-11-22T12:00:01+07:00")
    assert event.correlation_time == event.received
    assert set(event.time_flags) == {"no_year", "no_zone", "stale"}
    assert event.clock == -7 * HOUR - SECOND


def test_the_same_device_is_right_once_its_profile_says_its_zone():
    event = read(f"<38>Nov 22 05:00:00 {SSHD}", "2026-11-22T12:00:01+07:00", timezone="UTC")
    assert event.time == event.correlation_time == at("2026-11-22T05:00:00Z")
    assert "stale" not in event.time_flags


def test_a_device_that_says_2020_keeps_its_stamp_and_correlates_at_receive_time():
    event = read(f"<38>1 2020-01-01T00:00:09Z {SSHD.replace('[811]:', ' 811 - -')}", "2026-11-22T12:00:01+07:00")
    assert event.fields["@timestamp"] == "2020-01-01T00:00:09.000Z"
    assert event.correlation_time == event.received
    assert event.time_flags == ("stale",)


def test_a_device_from_the_future_is_held_to_receive_time_and_its_clock_is_measured_as_it_is():
    event = read(f"<38>Nov 22 13:00:01 {SSHD}", "2026-11-22T12:00:01+07:00")
    assert event.time == event.received + 5 * SECOND
    assert "future_clamped" in event.time_flags
    assert event.clock == HOUR


@pytest.mark.parametrize(
    ("eventtime", "expected"),
    [
        ("1795323600", "2026-11-22T05:00:00.000Z"),
        ("1795323600123", "2026-11-22T05:00:00.123Z"),
        ("1795323600123456", "2026-11-22T05:00:00.123456Z"),
        ("1795323600123456789", "2026-11-22T05:00:00.123456Z"),
    ],
)
def test_eventtime_of_fortigate_is_read_in_every_unit_that_its_versions_write(eventtime: str, expected: str):
    line = (
        f'date=2026-11-22 time=12:00:00 devname="edge-fw" devid="FGT-EXAMPLE" eventtime={eventtime} tz="+0700" '
        'logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=192.0.2.10 dstip=198.51.100.3'
    )
    event = read(line, "2026-11-22T12:00:01+07:00")
    assert event.fields["@timestamp"] == expected
    assert event.time_flags == ()


@pytest.mark.parametrize("stamp", ["*Mar  1 00:00:12", "*Mar  1 00:00:12.345", "*Mar  3 02:11:09.001 UTC"])
@pytest.mark.parametrize("head", ["<189>", "<189>123: ", "<189>123: rtr1: ", "123: "])
def test_the_clock_of_a_cisco_that_was_never_set_is_no_time(head: str, stamp: str):
    event = read(f"{head}{stamp}: {IOS}", "2026-11-22T12:00:01+07:00")
    assert event.time == event.correlation_time == event.received
    assert event.time_flags == ("no_time",)
    assert event.clock is None
    assert "CONFIG_I" in str(event.fields.get("message", event.fields["event.original"]))


def test_a_cisco_clock_that_was_set_by_hand_has_the_mark_too_and_is_believed():
    event = read(f"<189>123: *Nov 22 11:59:50.100: {IOS}", "2026-11-22T12:00:01+07:00")
    assert event.time == at("2026-11-22T11:59:50.100+07:00")


def test_a_clock_that_is_known_to_be_ahead_is_put_right_by_its_profile():
    event = read(f"<38>Nov 22 12:00:42 {SSHD}", "2026-11-22T12:00:01+07:00", clock_offset_seconds=42)
    assert event.time == at("2026-11-22T12:00:00+07:00")
    assert event.time_flags == ("no_year", "no_zone")
    assert event.clock == -SECOND


def test_a_version_of_a_profile_holds_from_its_moment_on_and_a_replay_of_what_came_before_is_as_it_was():
    clock = [
        {"since": "2026-11-22T12:00:00+07:00", "clock_offset_seconds": 42},
        {"since": "2026-11-23T12:00:00+07:00", "timezone": "UTC"},
    ]
    times = {
        received: read(f"<38>{stamp} {SSHD}", received, clock=clock, live=False).time
        for stamp, received in (
            ("Nov 22 11:00:00", "2026-11-22T11:59:59+07:00"),
            ("Nov 22 12:00:42", "2026-11-22T12:00:00+07:00"),
            ("Nov 23 05:00:00", "2026-11-23T12:00:00+07:00"),
        )
    }
    assert [to_iso(time) for time in times.values()] == [
        "2026-11-22T04:00:00.000Z",
        "2026-11-22T05:00:00.000Z",
        "2026-11-23T05:00:00.000Z",
    ]


@settings(deadline=None)
@given(st.integers(at("2020-01-01T00:00:00Z"), at("2035-01-01T00:00:00Z")), st.integers(-180, 180))
def test_whatever_day_a_line_is_received_on_its_stamp_is_read_as_the_nearest_such_day(received: Micros, days: int):
    moment = to_datetime((received + days * DAY) // SECOND * SECOND)
    if (moment.month, moment.day) == (2, 29):
        return
    event = read(f"<38>{moment.strftime('%b %d %H:%M:%S')} {SSHD}", received, timezone="UTC", live=False)
    assert event.time == to_micros(moment)
