"""Tables, STIX bundles and MISP events: what is right is read, what is wrong is listed, what cannot be used says why."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.clock import DAY
from soc.intel.csv_list import parse_csv
from soc.intel.indicator import Defaults, Parsed
from soc.intel.misp import parse_event, parse_manifest
from soc.intel.stix import parse_stix
from soc.intel.stix_pattern import PatternError, terms_of

NOW = 1_795_334_400_000_000
DEFAULTS = Defaults(NOW, "AMBER", 50, 30 * DAY)


def values(parsed: Parsed) -> list[tuple[str, str]]:
    return [(one.kind, one.value) for one in parsed.indicators]


def test_a_table_is_read_by_the_names_of_its_columns():
    text = (
        "IOC Type;Indicator;TLP;Score;First Seen;Valid_Until;Comment;Labels\n"
        'ip-dst;203[.]0[.]113[.]7;TLP:GREEN;high;2026-11-01;2026-12-01T00:00:00Z;"C2; seen twice";a,b\n'
    )
    parsed = parse_csv(text, "list.csv", DEFAULTS)
    assert parsed.mistakes == ()
    (one,) = parsed.indicators
    assert (one.value, one.tlp, one.confidence, one.note, one.tags) == (
        "203.0.113.7",
        "GREEN",
        85,
        "C2; seen twice",
        ("a", "b"),
    )
    assert one.expires == 1_796_083_200_000_000


def test_a_bare_list_is_read_and_ends_by_the_feeds_expiry():
    parsed = parse_csv("# from the desk\n\n203.0.113.7\nbad.example\nhttp://bad.example/x?a=1,2\n", "l.txt", DEFAULTS)
    assert values(parsed) == [
        ("address", "203.0.113.7"),
        ("domain", "bad.example"),
        ("url", "http://bad.example/x?a=1,2"),
    ]
    assert {one.expires for one in parsed.indicators} == {NOW + 30 * DAY}


def test_every_mistake_is_listed_with_row_and_column():
    text = (
        "value,type,tlp,confidence,expires\n"
        "203.0.113.7,ip,GREEN,50,\n"
        "300.0.0.1,ip,,,\n"
        "=HYPERLINK(1),,,,\n"
        "bad.example,domain,BLUE,,\n"
        "bad.example,domain,,101,\n"
        "bad.example,domain,,,soon\n"
        "bad.example,teapot,,,\n"
    )
    parsed = parse_csv(text, "l.csv", DEFAULTS)
    assert [one.where for one in parsed.mistakes] == [
        "l.csv:3: column value",
        "l.csv:4: column value",
        "l.csv:5: column tlp",
        "l.csv:6: column confidence",
        "l.csv:7: column expires",
        "l.csv:8: column type",
    ]
    assert all(one.reason for one in parsed.mistakes)
    assert len(parsed.indicators) == 1


def test_an_empty_table_is_a_mistake():
    assert parse_csv("", "l.csv", DEFAULTS).mistakes != ()


@given(st.lists(st.text(st.characters(exclude_characters="#", exclude_categories=("Z", "C")), min_size=1, max_size=60)))
def test_each_row_of_a_bare_list_is_an_indicator_or_a_mistake(rows: list[str]):
    rows = ["203.0.113.7", *(f"x{row}" for row in rows)]
    parsed = parse_csv("\n".join(rows), "l.txt", DEFAULTS)
    assert len(parsed.indicators) + len(parsed.mistakes) == len(rows)


@given(st.binary(max_size=300))
def test_any_bytes_as_stix_or_misp_are_listed_as_a_mistake(data: bytes):
    assert parse_stix(data, "b", DEFAULTS).indicators == ()
    assert parse_event(data, "e", DEFAULTS).indicators == ()


@pytest.mark.parametrize(
    ("pattern", "terms"),
    [
        ("[ipv4-addr:value = '203.0.113.7']", [[("address", "203.0.113.7")]]),
        ("[ipv4-addr:value ISSUBSET '203.0.113.0/24']", [[("network", "203.0.113.0/24")]]),
        (
            "[domain-name:value = 'a.example' OR url:value = 'http://a.example/x']",
            [[("domain", "a.example")], [("url", "http://a.example/x")]],
        ),
        (
            "[ipv4-addr:value = '203.0.113.7' AND domain-name:value = 'a.example']",
            [[("address", "203.0.113.7"), ("domain", "a.example")]],
        ),
        (
            "[ipv4-addr:value IN ('203.0.113.7', '203.0.113.8')]",
            [[("address", "203.0.113.7")], [("address", "203.0.113.8")]],
        ),
        (f"[file:hashes.'SHA-256' = '{'ab' * 32}' AND file:name = 'x.exe']", [[("sha256", "ab" * 32)]]),
        (f"[file:hashes.MD5 = '{'ab' * 16}']", [[("md5", "ab" * 16)]]),
        (
            "([domain-name:value = 'a.example'] OR [email-addr:value = 'x@a.example'])",
            [[("domain", "a.example")], [("mail", "x@a.example")]],
        ),
    ],
)
def test_a_pattern_is_alternatives_of_values(pattern: str, terms: list[list[tuple[str, str]]]):
    assert [[tuple(one) for one in term] for term in terms_of(pattern)] == terms


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "[", "ipv4-addr:value = 'x'", "[ipv4-addr:value = '203.0.113.7'", "[ipv4-addr:value = 'x']"),
        "[ipv4-addr:value NOT = '203.0.113.7']",
        "[ipv4-addr:value != '203.0.113.7']",
        "[url:value LIKE 'http://a%']",
        "[domain-name:value = 'a.example'] FOLLOWEDBY [domain-name:value = 'b.example']",
        "[domain-name:value = 'a.example'] AND [domain-name:value = 'b.example']",
        "[domain-name:value = 'a.example'] REPEATS 5 TIMES WITHIN 10 SECONDS",
        "[windows-registry-key:key = 'HKLM']",
        "[file:name = 'x.exe']",
        "[" + "(" * 500 + "ipv4-addr:value = '203.0.113.7'" + ")" * 500 + "]",
        "["
        + " AND ".join("(ipv4-addr:value = '203.0.113.7' OR ipv4-addr:value = '203.0.113.8')" for _ in range(30))
        + "]",
    ],
)
def test_a_pattern_that_one_line_cannot_answer_says_why(pattern: str):
    with pytest.raises(PatternError, match=r"\w"):
        terms_of(pattern)


def indicator(number: int, pattern: str, **more: object) -> dict[str, object]:
    return {
        "type": "indicator",
        "id": f"indicator--{number}",
        "pattern": pattern,
        "pattern_type": "stix",
        "created": "2026-11-01T00:00:00Z",
        "modified": "2026-11-01T00:00:00Z",
        "valid_from": "2026-11-01T00:00:00Z",
        **more,
    }


def bundle(*objects: dict[str, object]) -> bytes:
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": objects}).encode()


def test_a_bundle_gives_indicators_with_their_marking_and_end():
    marking = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
    own = {
        "type": "marking-definition",
        "id": "marking-definition--own",
        "extensions": {
            "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": {
                "extension_type": "property-extension",
                "tlp_2_0": "red",
            }
        },
    }
    data = bundle(
        indicator(
            1,
            "[ipv4-addr:value = '203.0.113.7']",
            object_marking_refs=[marking],
            valid_until="2026-12-01T00:00:00Z",
            confidence=90,
        ),
        indicator(2, "[domain-name:value = 'a.example']", object_marking_refs=[marking, "marking-definition--own"]),
        own,
    )
    first, second = parse_stix(data, "b.json", DEFAULTS).indicators
    assert (first.tlp, first.confidence, first.expires) == ("GREEN", 90, 1_796_083_200_000_000)
    assert (second.tlp, second.confidence) == ("RED", 50)


def test_the_newest_version_counts_and_what_is_revoked_is_gone():
    data = bundle(
        indicator(1, "[ipv4-addr:value = '203.0.113.8']", modified="2026-11-05T00:00:00Z"),
        indicator(1, "[ipv4-addr:value = '203.0.113.7']"),
        indicator(2, "[ipv4-addr:value = '203.0.113.9']", revoked=True),
    )
    parsed = parse_stix(data, "b.json", DEFAULTS)
    assert values(parsed) == [("address", "203.0.113.8")]
    assert set(parsed.revoked) == {"indicator--1", "indicator--2"}


def test_what_cannot_be_used_is_listed_beside_what_can_and_beside_mistakes():
    data = bundle(
        indicator(1, "[ipv4-addr:value = '203.0.113.7']"),
        indicator(2, "alert tcp any any", pattern_type="snort"),
        indicator(3, "[ipv4-addr:value = '203.0.113.7']", valid_until="tomorrow"),
        {"type": "indicator", "id": 7},
    )
    parsed = parse_stix(data, "b.json", DEFAULTS)
    assert (len(parsed.indicators), len(parsed.unusable), len(parsed.mistakes)) == (1, 1, 2)


def test_a_misp_event_gives_what_is_meant_for_detection():
    event = {
        "Event": {
            "info": "Campaign",
            "uuid": "e1",
            "threat_level_id": "1",
            "timestamp": "1795334400",
            "Tag": [{"name": "tlp:amber+strict"}],
            "Attribute": [
                {"type": "domain|ip", "value": "bad.example|203.0.113.7", "to_ids": True, "uuid": "a1"},
                {"type": "ip-dst|port", "value": "203.0.113.8|8443", "to_ids": True, "uuid": "a2"},
                {"type": "ip-dst", "value": "203.0.113.9", "to_ids": False, "uuid": "a3"},
                {"type": "mutex", "value": "x", "to_ids": True, "uuid": "a4"},
                {"type": "ip-dst", "value": "999", "to_ids": True, "uuid": "a5"},
                {"type": "ip-dst", "value": "203.0.113.10", "to_ids": True, "deleted": True},
            ],
            "Object": [
                {
                    "name": "file",
                    "Attribute": [
                        {
                            "type": "filename|sha256",
                            "value": f"x.exe|{'ab' * 32}",
                            "to_ids": True,
                            "Tag": [{"name": "tlp:red"}],
                        }
                    ],
                }
            ],
        }
    }
    parsed = parse_event(json.dumps(event).encode(), "e1.json", DEFAULTS)
    assert values(parsed) == [
        ("domain", "bad.example"),
        ("address", "203.0.113.7"),
        ("address", "203.0.113.8"),
        ("sha256", "ab" * 32),
    ]
    assert [one.tlp for one in parsed.indicators] == ["AMBER+STRICT"] * 3 + ["RED"]
    assert (len(parsed.unusable), len(parsed.mistakes)) == (1, 1)


def test_a_manifest_cannot_name_files_elsewhere():
    assert parse_manifest(b'{"5f0d-1": {"timestamp": "1"}}') == {"5f0d-1": "1"}
    with pytest.raises(ValueError, match="uuid"):
        parse_manifest(b'{"../../etc/passwd": {}}')
