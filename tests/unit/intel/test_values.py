"""One canonical form of a value, whatever way a feed or an event writes it."""

import pytest

from soc.intel.allow import AllowList, Spans
from soc.intel.indicator import Indicator, confidence_word, line, strictest, tlp_of
from soc.intel.value import guess, refang


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("203.0.113.7", "address", "203.0.113.7"),
        (" 203[.]0[.]113[.]7 ", "address", "203.0.113.7"),
        ("203.0.113.7:8443", "address", "203.0.113.7"),
        ("::ffff:203.0.113.7", "address", "203.0.113.7"),
        ("2001:DB8:0:0::7", "address", "2001:db8::7"),
        ("203.0.113.9/24", "network", "203.0.113.0/24"),
        ("203.0.113.9/32", "address", "203.0.113.9"),
        ("Bad[.]Example.", "domain", "bad.example"),
        ("*.bad.example", "domain", "bad.example"),
        ("cổng.example", "domain", "xn--cng-qmz.example"),
        ("hxxps[:]//Bad[.]Example:443/a?b=1#c", "url", "https://bad.example/a?b=1"),
        ("http://bad.example", "url", "http://bad.example/"),
        ("D41D8CD98F00B204E9800998ECF8427F", "md5", "d41d8cd98f00b204e9800998ecf8427f"),
        ("ab" * 32, "sha256", "ab" * 32),
        ("Ke.Toan[at]Bad.Example", "mail", "ke.toan@bad.example"),
    ],
)
def test_a_value_has_one_form(text: str, kind: str, value: str):
    assert guess(text) == (kind, value)
    assert guess(value) == (kind, value)


@pytest.mark.parametrize(
    "text", ["", "vn", "0.0.0.0/0", "10.0.0.0/7", "a b.example", "x" * 3000, "1.2.3.400", "/etc/passwd"]
)
def test_what_says_nothing_is_no_indicator(text: str):
    with pytest.raises(ValueError, match=r"\w"):
        guess(text)


def test_defanged_writing_is_undone_and_plain_text_left():
    assert refang("hxxp://a(.)b[dot]example") == "http://a.b.example"
    assert refang("http://a.example/[1]") == "http://a.example/[1]"


def test_markings_of_both_versions_are_read_and_the_strictest_counts():
    assert [tlp_of(text) for text in ("TLP:WHITE", "tlp:amber+strict", "Red", "TLP:AMBER-STRICT", "purple")] == [
        "CLEAR",
        "AMBER+STRICT",
        "RED",
        "AMBER+STRICT",
        None,
    ]
    assert strictest(("GREEN", "RED", "AMBER")) == "RED"
    assert strictest(()) is None


def test_confidence_has_the_words_of_stix():
    assert [confidence_word(one) for one in (0, 1, 29, 30, 69, 70, 100)] == [
        "None",
        "Low",
        "Low",
        "Medium",
        "Medium",
        "High",
        "High",
    ]


def test_words_of_a_feed_are_one_printable_line():
    assert line("a\x1b[31m\n b\u202ec") == "a [31m b c"


def test_own_networks_resolvers_and_popular_names_are_left_out_with_a_reason():
    allow = AllowList.of(["198.51.100.0/24", "tinh.example"], [("top", "www.popular.example")])
    reasons = {
        value: allow.objection(Indicator(*guess(value)))
        for value in (
            *("198.51.100.9", "198.51.0.0/16", "10.1.2.3", "8.8.8.8", "8.8.8.0/24", "dvc.tinh.example", "example.com"),
            *("popular.example", "www.popular.example", "http://198.51.100.9/x", "a@tinh.example"),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        )
    }
    assert {value for value, reason in reasons.items() if not reason} == {"example.com"}


def test_what_is_near_the_allow_list_is_still_an_indicator():
    allow = AllowList.of(["198.51.100.0/24", "tinh.example"], [("top", "popular.example")])
    for value in ("203.0.113.7", "203.0.113.0/24", "nottinh.example", "bad.popular.example", "http://203.0.113.7/x"):
        assert allow.objection(Indicator(*guess(value))) == ""


def test_overlapping_networks_are_one_span():
    spans = Spans(["192.0.2.0/25", "192.0.2.128/25", "2001:db8::/32"])
    assert spans.has("192.0.2.200")
    assert spans.has("::ffff:192.0.2.1")
    assert spans.has("2001:db8::1")
    assert not spans.has("192.0.3.0")
    assert not spans.has("no address")
