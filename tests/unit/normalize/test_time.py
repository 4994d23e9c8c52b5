"""Stamps: the year nearest to receipt, zones, digits of epochs, what is clamped, what is stale."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.clock import DAY, SECOND, to_datetime, to_iso, to_micros
from soc.normalize import time

HCM = ZoneInfo("Asia/Ho_Chi_Minh")
UTC_ZONE = ZoneInfo("UTC")


def _at(text: str) -> int:
    return to_micros(datetime.fromisoformat(text))


def _bsd(text: str, received: str, zone: ZoneInfo = UTC_ZONE) -> str | None:
    stamp = time.bsd(text, zone, _at(received) // DAY)
    return None if stamp is None else to_iso(stamp[0])


@pytest.mark.parametrize(
    ("text", "received", "expected"),
    [
        ("Dec 31 23:59:58", "2027-01-01T00:00:03Z", "2026-12-31T23:59:58.000Z"),
        ("Jan  1 00:00:05", "2026-12-31T23:59:59Z", "2027-01-01T00:00:05.000Z"),
        ("Feb 29 12:00:00", "2028-02-29T12:00:01Z", "2028-02-29T12:00:00.000Z"),
        ("Feb 29 12:00:00", "2025-03-01T00:00:00Z", "2024-02-29T12:00:00.000Z"),
        ("Jul  1 00:00:00", "2026-11-22T08:00:00Z", "2026-07-01T00:00:00.000Z"),
        ("Mar  1 00:00:00", "2026-11-22T08:00:00Z", "2027-03-01T00:00:00.000Z"),
        ("Nov 22 2020 15:00:00", "2026-11-22T08:00:00Z", "2020-11-22T15:00:00.000Z"),
        ("Sun Nov 22 15:00:00 2026", "2026-11-22T08:00:00Z", "2026-11-22T15:00:00.000Z"),
    ],
)
def test_a_missing_year_is_the_one_nearest_to_receipt(text: str, received: str, expected: str):
    assert _bsd(text, received) == expected


def test_new_year_comes_seven_hours_earlier_in_viet_nam():
    assert _bsd("Jan  1 00:00:05", "2026-12-31T17:00:06Z", HCM) == "2026-12-31T17:00:05.000Z"


@pytest.mark.parametrize(
    "text", ["Feb 30 12:00:00", "Foo  1 12:00:00", "Nov 22 25:00:00", "Feb 29 2026 00:00:00", "x" * 10_000]
)
def test_what_is_no_date_is_no_stamp(text: str):
    assert _bsd(text, "2026-11-22T08:00:00Z") is None


@settings(max_examples=200, deadline=None)
@given(st.integers(_at("2001-01-01T00:00:00Z"), _at("2099-01-01T00:00:00Z")), st.integers(-170, 170))
def test_a_stamp_within_half_a_year_of_receipt_is_read_back(micros: int, days: int):
    moment = to_datetime(micros // SECOND * SECOND)
    if (moment.month, moment.day) == (2, 29):
        return
    stamp = time.bsd(moment.strftime("%b %d %H:%M:%S"), UTC_ZONE, (to_micros(moment) + days * DAY) // DAY)
    assert stamp is not None
    assert stamp[0] == to_micros(moment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1795334400", "2026-11-22T08:00:00.000Z"),
        ("1795334400.25", "2026-11-22T08:00:00.250Z"),
        ("1795334400123", "2026-11-22T08:00:00.123Z"),
        ("1795334400123456", "2026-11-22T08:00:00.123456Z"),
        ("1795334400123456789", "2026-11-22T08:00:00.123456Z"),
    ],
)
def test_an_epochs_unit_is_told_by_its_digits(text: str, expected: str):
    stamp = time.epoch(text)
    assert stamp is not None
    assert to_iso(stamp[0]) == expected


@pytest.mark.parametrize("text", ["", "12", "-1795334400", "17953344001", "١٧٩٥٣٣٤٤٠٠", "1e9", "9" * 400])
def test_other_digits_are_no_epoch(text: str):
    assert time.epoch(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T08:00:00Z",
        "2026-11-22 08:00:00 UTC",
        "2026/11/22 15:00:00+0700",
        "2026-11-22T15:00:00.000000000+07:00",
    ],
)
def test_iso_and_its_relatives_are_read(text: str):
    assert time.iso(text, HCM) == (_at("2026-11-22T08:00:00Z"), ())


def test_a_stamp_without_zone_is_the_profiles_and_says_so():
    assert time.iso("2026-11-22T15:00:00", HCM) == (_at("2026-11-22T08:00:00Z"), ("no_zone",))
    assert time.bsd("Nov 22 08:00:00 UTC", HCM, _at("2026-11-22T00:00:00Z") // DAY) == (
        _at("2026-11-22T08:00:00Z"),
        ("no_year",),
    )


NOW = _at("2026-11-22T08:00:00Z")


@pytest.mark.parametrize(
    ("stamp", "live", "expected"),
    [
        (NOW - SECOND, True, (NOW - SECOND, NOW - SECOND, ())),
        (NOW + 5 * SECOND, True, (NOW + 5 * SECOND, NOW + 5 * SECOND, ())),
        (NOW + 6 * SECOND, True, (NOW + 5 * SECOND, NOW + 5 * SECOND, ("future_clamped",))),
        (NOW - 601 * SECOND, True, (NOW - 601 * SECOND, NOW, ("stale",))),
        (NOW - 600 * SECOND, True, (NOW - 600 * SECOND, NOW - 600 * SECOND, ())),
        (NOW - 601 * SECOND, False, (NOW - 601 * SECOND, NOW - 601 * SECOND, ())),
        (NOW + DAY, False, (NOW + DAY, NOW + DAY, ())),
    ],
)
def test_live_stamps_are_held_to_receive_time_and_imported_ones_are_not(stamp: int, live: bool, expected: object):
    assert time.settle((stamp, ()), NOW, live=live, lateness=600 * SECOND, future_skew=5 * SECOND) == expected


def test_no_stamp_is_receive_time():
    assert time.settle(None, NOW, live=True, lateness=SECOND, future_skew=SECOND) == (NOW, NOW, ("no_time",))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, time.LATEST))
def test_the_remembering_text_is_the_clocks(micros: int):
    assert time.iso_text(micros) == to_iso(micros)
