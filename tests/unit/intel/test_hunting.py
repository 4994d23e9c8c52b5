"""A hunt's choice of indicators, the sieve over raw lines (it never leaves out a line that has one), and when a hunt is due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.clock import DAY, HOUR, MINUTE
from soc.desk import IntelSettings
from soc.hunt.hunter import due
from soc.intel.hunting import RUNS, Hunts, Run, Sieve, asked_of_the_store, quarry
from soc.intel.indicator import FeedContent, Indicator, IndicatorSet
from soc.intel.matcher import Indicators
from soc.intel.value import guess

T = 1_795_334_400_000_000


def listed(*texts: str, known: int = T, first: int = 0) -> IndicatorSet:
    some = tuple(Indicator(*guess(text), first=first, known=known) for text in texts)
    return IndicatorSet((FeedContent("f", T, "f.csv", some),))


@pytest.mark.parametrize(
    ("indicator", "line"),
    [
        ("203.0.113.7", b"from 203.0.113.7 port 1"),
        ("203.0.113.0/24", b"src=203.0.113.250 x"),
        ("203.0.113.0/26", b"src=203.0.113.1"),
        ("198.0.0.0/9", b"198.1.2.3"),
        ("2001:db8::7", b"SRC=2001:0DB8:0:0:0:0:0:7"),
        ("2001:db8::/32", b"[2001:db8:1::1]:443"),
        ("bad.example", b"GET http://www.BAD.example/x"),
        ("http://bad.example:8080/a?b=c", b'{"url":"http:\\/\\/Bad.example:8080\\/a?b=c"}'),
        ("http://user@bad.example/", b"http://bad.example/"),
        ("d41d8cd98f00b204e9800998ecf8427f", b"md5=D41D8CD98F00B204E9800998ECF8427F"),
        ("who@bad.example", b"from=<Who@Bad.Example>"),
        ("xấu.example", "tên xấu.example".encode()),
        ("xấu.example", b"query xn--xu-r5s.example A"),
        ("bad.example", "bad.example".encode("utf-16-le")),
    ],
)
def test_a_line_with_an_indicator_goes_through_however_it_is_written(indicator: str, line: bytes):
    assert Sieve(listed(indicator)).may(line)


@pytest.mark.parametrize("indicator", ["203.0.113.7", "bad.example", "203.0.113.0/24", "2001:db8::7"])
def test_most_lines_do_not(indicator: str):
    assert not Sieve(listed(indicator)).may(b"<13>Nov 22 15:00:00 srv1 backup of 198.51.100.9: done")
    assert not Sieve(IndicatorSet()).may(b"203.0.113.7")


_octet = st.integers(0, 255)


@given(st.tuples(_octet, _octet, _octet, _octet), st.integers(8, 32), st.integers(0, 2**32 - 1))
def test_every_address_of_a_network_goes_through(octets: tuple[int, ...], length: int, inside: int):
    whole = int.from_bytes(bytes(octets)) & ~((1 << (32 - length)) - 1)
    address = ".".join(map(str, (whole | (inside & ((1 << (32 - length)) - 1))).to_bytes(4)))
    network = ".".join(map(str, whole.to_bytes(4)))
    one = Indicator("network", f"{network}/{length}", known=T)
    assert Sieve(IndicatorSet((FeedContent("f", T, "f", (one,)),))).may(f"from {address} port 4".encode())


def test_what_is_new_is_sought_as_if_it_had_always_been_bad():
    old, new = listed("203.0.113.1", known=T, first=T), listed("203.0.113.2", known=T + 1, first=T + DAY)
    both = IndicatorSet((*old.feeds, *new.feeds))
    found = quarry(both, after=T)
    assert [one.value for feed in found.fresh.feeds for one in feed.indicators] == ["203.0.113.2"]
    assert (found.all.count, found.newest) == (2, T + 1)
    assert Indicators(found.all).find({"source.ip": "203.0.113.2"}, T)
    assert not Indicators(found.all).find({"source.ip": "203.0.113.1"}, T - 1), "what is not sought is as it was"


def test_the_store_is_asked_for_so_many_values_at_once_and_for_no_networks():
    asked = list(asked_of_the_store(listed("203.0.113.1", "203.0.113.2", "203.0.113.3", "198.51.100.0/24"), 2))
    assert [values for _, values in asked] == [("203.0.113.1", "203.0.113.2"), ("203.0.113.3",)]
    assert all("source.ip" in fields for fields, _ in asked)


def run(at: int, actor: str = "soc") -> Run:
    return Run(at, 1, actor, at - DAY, at, at - DAY, 1, 1, 0, 0, 0)


def test_a_hunt_is_due_when_something_is_new_settled_and_the_last_is_long_enough_ago():
    settings = IntelSettings(hunt_every_hours=6, hunt_max_hours=1)
    assert not due(Hunts(), 0, settings, "a", T)
    assert not due(Hunts(), T, settings, "a", T + 1), "engines are taking it up just now"
    assert due(Hunts(), T, settings, "a", T + MINUTE)
    assert not due(Hunts(until=T), T, settings, "a", T + DAY)
    assert not due(Hunts().ended(run(T), 0), T, settings, "a", T + HOUR)
    assert due(Hunts().ended(run(T, "somebody"), 0), T, settings, "a", T + HOUR)
    assert not due(Hunts().begun("b", T), T, settings, "a", T + HOUR)
    assert due(Hunts().begun("b", T), T, settings, "a", T + 2 * HOUR), "whoever was at it is gone"
    assert not due(Hunts(), T, IntelSettings(hunt_days=0), "a", T + DAY)


def test_so_many_hunts_are_remembered():
    hunts = Hunts()
    for number in range(RUNS + 5):
        hunts = hunts.ended(run(T + number), T + number)
    assert (len(hunts.runs), hunts.runs[0].at, hunts.until) == (RUNS, T + RUNS + 4, T + RUNS + 4)
