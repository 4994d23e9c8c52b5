"""What an event has of the indicators: as a naive comparison finds it, in force at its time, with which way it went."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.clock import DAY
from soc.intel.allow import AllowList
from soc.intel.indicator import FeedContent, Indicator, IndicatorSet, Parsed
from soc.intel.matcher import LISTED, NO_INDICATORS, Indicators
from soc.intel.merge import merge, replaced
from soc.intel.value import guess
from soc.model import Event

NOW = 1_795_334_400_000_000


def listed(*indicators: Indicator, own: tuple[str, ...] = (), level: str = "") -> Indicators:
    return Indicators(IndicatorSet((FeedContent("feed", NOW, "", indicators, level=level),), own))


def bad(text: str, **more: Any) -> Indicator:
    return Indicator(*guess(text), **{"confidence": 85, **more})


def event(**fields: Any) -> Event:
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return Event("id", "src", NOW, NOW, NOW, named)


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ("203.0.113.7", {"destination.ip": "203.0.113.7"}),
        ("203.0.113.0/24", {"source.ip": "203.0.113.200"}),
        ("2001:db8::7", {"source.ip": "2001:DB8:0::7"}),
        ("bad.example", {"dns.question.name": "a.b.BAD.example."}),
        ("bad.example", {"url.domain": "bad.example"}),
        ("203.0.113.7", {"url.domain": "203.0.113.7"}),
        ("http://bad.example/x", {"url.full": "HTTP://bad.example:80/x#top"}),
        ("http://bad.example/x", {"url.original": "http://u:p@bad.example/x"}),
        ("ab" * 32, {"process.hash.sha256": "AB" * 32}),
        ("ab" * 16, {"file.hash.md5": "ab" * 16}),
        ("x@bad.example", {"email.from.address": ["y@good.example", "X@bad.example"]}),
        ("bad.example", {"email.to.address": "someone@sub.bad.example"}),
        ("203.0.113.7", {"dns.resolved_ip": ["192.0.2.1", "203.0.113.7"]}),
    ],
)
def test_a_value_is_found_however_the_event_writes_it(value: str, fields: dict[str, Any]):
    found = listed(bad(value)).find(fields, NOW)
    assert [hit.indicator.value for hit in found] == [guess(value).value]


@pytest.mark.parametrize(
    "fields",
    [
        {"destination.ip": "203.0.113.8"},
        {"url.domain": "notbad.example"},
        {"url.domain": "example"},
        {"url.full": "http://bad.example/y"},
        {"url.original": "/x"},
        {"message": "203.0.113.7"},
        {"destination.ip": None},
        {"destination.ip": "no address"},
    ],
)
def test_what_is_only_alike_is_not_found(fields: dict[str, Any]):
    assert listed(bad("203.0.113.7"), bad("bad.example"), bad("http://bad.example/x")).find(fields, NOW) == []


_addresses = st.integers(0, 2**16 - 1).map(lambda n: str(ip_address(0xCB007100 - 2**15 + n)))
_networks = st.tuples(_addresses, st.integers(16, 31)).map(
    lambda one: str(ip_network(f"{one[0]}/{one[1]}", strict=False))
)


@given(st.lists(st.one_of(_addresses, _networks), max_size=12), _addresses)
def test_addresses_match_as_a_naive_comparison_does(known: list[str], asked: str):
    indicators = [bad(one) for one in dict.fromkeys(known)]
    naive = {one.value for one in indicators if ip_address(asked) in ip_network(one.value)}
    found = listed(*indicators).find({"source.ip": asked}, NOW)
    assert {hit.indicator.value for hit in found} == naive


_labels = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map(
    lambda some: ".".join([*some, "example"])
)


@given(st.lists(_labels, max_size=8), _labels)
def test_names_match_as_a_naive_comparison_does(known: list[str], asked: str):
    naive = {one for one in known if asked == one or asked.endswith(f".{one}")}
    found = listed(*(bad(one) for one in dict.fromkeys(known))).find({"dns.question.name": asked}, NOW)
    assert {hit.indicator.value for hit in found} == naive


def test_an_indicator_holds_from_its_first_moment_until_it_expires():
    indicators = listed(bad("203.0.113.7", first=NOW, expires=NOW + DAY))
    fields = {"source.ip": "203.0.113.7"}
    assert [len(indicators.find(fields, at)) for at in (NOW - 1, NOW, NOW + DAY - 1, NOW + DAY)] == [0, 1, 1, 0]


def test_values_that_belong_together_are_a_hit_together_only():
    indicators = listed(bad("bad.example", also=(("address", "203.0.113.7"),)))
    assert indicators.find({"url.domain": "bad.example", "destination.ip": "203.0.113.8"}, NOW) == []
    assert len(indicators.find({"url.domain": "bad.example", "destination.ip": "203.0.113.7"}, NOW)) == 1


def test_a_feeds_level_bounds_the_confidence_of_its_hits():
    (hit,) = listed(bad("203.0.113.7"), level="Low").find({"source.ip": "203.0.113.7"}, NOW)
    assert hit.word == "Low"


@pytest.mark.parametrize(
    ("fields", "contact", "refused", "host"),
    [
        ({"source.ip": "10.1.1.1", "destination.ip": "203.0.113.7"}, "outbound", "false", "10.1.1.1"),
        (
            {"source.ip": "10.1.1.1", "destination.ip": "203.0.113.7", "event.type": ["denied"]},
            "outbound",
            "true",
            "10.1.1.1",
        ),
        ({"source.ip": "203.0.113.7", "destination.ip": "198.51.100.9"}, "inbound", "false", "198.51.100.9"),
        ({"source.ip": "203.0.113.7", "destination.ip": "192.0.2.9"}, "passing", "false", "203.0.113.7"),
        (
            {"source.ip": "203.0.113.7", "destination.ip": "192.0.2.9", "network.direction": "inbound"},
            "inbound",
            "false",
            "192.0.2.9",
        ),
        ({"source.ip": "192.0.2.9", "destination.ip": "203.0.113.7"}, "passing", "false", "192.0.2.9"),
        ({"source.ip": "203.0.113.7", "event.outcome": "failure", "host.name": "web01"}, "inbound", "true", "web01"),
    ],
)
def test_which_way_it_went_and_whether_it_came_through(fields: dict[str, Any], contact: str, refused: str, host: str):
    indicators = listed(bad("203.0.113.7"), own=("198.51.100.0/24",))
    marked = indicators.mark(Event("id", "src", NOW, NOW, NOW, fields))
    told = [marked.fields[name] for name in ("threat.contact", "threat.refused", "threat.host")]
    assert told == [contact, refused, host]


def test_an_event_with_a_hit_belongs_to_the_rules_of_intelligence_and_another_is_untouched():
    indicators = listed(bad("203.0.113.7", tlp="RED", note="secret source"))
    plain = event(source__ip="192.0.2.1")
    assert indicators.mark(plain) is plain
    marked = indicators.mark(event(source__ip="203.0.113.7"))
    assert LISTED in marked.logsources
    assert "secret source" not in str(marked)
    assert NO_INDICATORS.mark(plain) is plain


def test_the_note_of_a_red_indicator_is_in_no_alert_and_that_of_an_amber_one_is():
    indicators = listed(bad("203.0.113.7", tlp="RED", note="secret source"), bad("203.0.113.8", note="seen at A"))
    hits = indicators.hits([("source.ip", "203.0.113.7"), ("destination.ip", "203.0.113.8"), ("user.name", "x")], NOW)
    assert {(hit.value, hit.tlp, hit.note) for hit in hits} == {
        ("203.0.113.7", "RED", ""),
        ("203.0.113.8", "AMBER", "seen at A"),
    }


def test_a_publication_is_read_back_as_it_was():
    published = IndicatorSet((FeedContent("feed", NOW, "o", (bad("203.0.113.7", tags=("a",)),)),), ("10.0.0.0/8",))
    assert IndicatorSet.decode(published.encode()) == published


def test_a_whole_pull_drops_what_the_feed_no_longer_names_and_a_partial_one_keeps_it():
    allow = AllowList.of()
    first = merge(
        None, [Parsed((bad("203.0.113.7"), bad("203.0.113.8")))], allow, name="f", origin="", now=NOW, whole=True
    )
    page = Parsed((bad("203.0.113.9"),))
    whole = merge(first.content, [page], allow, name="f", origin="", now=NOW + 1, whole=True)
    part = merge(first.content, [page], allow, name="f", origin="", now=NOW + 1, whole=False)
    assert (len(whole.content.indicators), whole.removed, len(part.content.indicators)) == (1, 2, 3)
    assert [one.known for one in part.content.indicators] == [NOW, NOW, NOW + 1]
    assert replaced(IndicatorSet((first.content,)), part.content).count == 3


def test_what_is_revoked_expired_or_allowed_is_left_out_and_listed():
    known = merge(
        None, [Parsed((bad("203.0.113.7", id="i1"),))], AllowList.of(), name="f", origin="", now=NOW, whole=False
    )
    page = Parsed((bad("8.8.8.8"), bad("203.0.113.8", expires=NOW - 1)), revoked=("i1",))
    merged = merge(known.content, [page], AllowList.of(), name="f", origin="", now=NOW, whole=False)
    assert merged.content.indicators == ()
    assert {one.value for one in merged.left_out} == {"8.8.8.8", "203.0.113.8"}
