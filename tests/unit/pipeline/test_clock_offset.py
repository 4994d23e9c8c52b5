"""The clock of a source: its offset is measured, believed as far as it can be, and told as one line of its profile."""

from hypothesis import given
from hypothesis import strategies as st

from soc.pipeline.clock_offset import Proposal, Sample, propose, read_clock

HANOI = 7 * 3600


def samples(offset: float, count: int = 40, *, noise: tuple[float, ...] = (0.0,), drift: float = 0.0) -> list[Sample]:
    """So many, one a minute; ``noise`` is added by turns, ``drift`` in seconds a day."""
    return [
        (minute, round(1000 * (offset + noise[minute % len(noise)] + drift * minute / 1440))) for minute in range(count)
    ]


def proposed(offset: float, *, no_zone: bool = True, zone: int = HANOI, **more) -> Proposal | None:
    reading = read_clock(samples(offset, **more))
    assert reading is not None
    return propose(reading, no_zone=no_zone, zone_seconds=zone)


def test_an_offset_is_the_median_with_its_spread_and_how_far_it_is_to_be_believed():
    reading = read_clock(samples(12.0, noise=(-0.5, 0.0, 0.5)))
    assert reading is not None
    assert (reading.offset, reading.spread, reading.samples, reading.confidence) == (12.0, 0.5, 40, "high")


def test_a_few_wrong_stamps_and_late_batches_do_not_move_it():
    found = read_clock([*samples(12.0), *[(50 + n, -3_600_000) for n in range(15)]])
    assert found is not None
    assert found.offset == 12.0


def test_few_samples_or_wide_ones_are_not_believed():
    few, wide = read_clock(samples(12.0, 5)), read_clock(samples(-300.0, noise=(-200.0, 0.0, 200.0)))
    assert few is not None
    assert wide is not None
    assert (few.confidence, wide.confidence) == ("low", "low")
    assert proposed(12.0, count=5) is None
    assert proposed(-300.0, noise=(-200.0, 0.0, 200.0)) is None
    assert read_clock([]) is None


def test_a_clock_that_gains_ten_seconds_a_day_is_seen_to():
    drifting, steady = read_clock(samples(0.0, 60, drift=10.0)), read_clock(samples(3.0, 60))
    assert drifting is not None
    assert steady is not None
    assert drifting.drift is not None
    assert 9.5 < drifting.drift < 10.5
    assert steady.drift == 0.0


def test_a_device_without_zone_that_writes_utc_is_given_utc():
    assert proposed(-7 * 3600.0 - 1) == Proposal("zone", 'timezone = "UTC"')


def test_one_that_is_an_hour_ahead_of_hanoi_is_given_the_zone_east_of_it():
    assert proposed(3600.0) == Proposal("zone", 'timezone = "Etc/GMT-8"')
    assert proposed(-1.5 * 3600) == Proposal("zone", 'timezone = "Asia/Kolkata"')
    assert proposed(-12 * 3600.0) == Proposal("zone", 'timezone = "Etc/GMT+5"')


def test_one_whose_stamps_say_their_zone_has_a_wrong_clock():
    assert proposed(-7 * 3600.0, no_zone=False) == Proposal("behind", "clock_offset_seconds = -25200")


def test_a_clock_that_is_ahead_is_told_from_five_seconds_on_and_one_that_is_behind_from_a_minute():
    assert proposed(4.0) is None
    assert proposed(12.34) == Proposal("ahead", "clock_offset_seconds = 12.3")
    assert proposed(-30.0) is None
    assert proposed(-95.0) == Proposal("behind", "clock_offset_seconds = -95")


def test_a_device_that_says_2020_is_years_behind_and_of_no_zone():
    found = proposed(-6 * 365 * 86400.0)
    assert found == Proposal("behind", "clock_offset_seconds = -189216000")


def test_lines_sent_in_batches_are_no_slow_clock():
    assert proposed(-120.0, noise=(-100.0, -50.0, 0.0, 50.0, 100.0)) is None


@given(st.integers(-12, 14), st.integers(-12, 14), st.floats(-60, 60))
def test_every_whole_hour_zone_that_is_taken_for_another_is_found(real: int, taken: int, seconds: float):
    found = proposed((real - taken) * 3600 + seconds, zone=taken * 3600)
    if real != taken:
        assert found == Proposal("zone", f'timezone = "{f"Etc/GMT{-real:+d}" if real else "UTC"}"')
    else:
        assert found is None or found.kind != "zone"
