"""Mapping files: a product of an installation's own is a file with samples, and every mistake in it is told at once."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from soc.errors import RecordError, SettingsError
from soc.model import Event, LogSource, RawRecord
from soc.normalize.mapping import parse, parse_all
from soc.normalize.normalizer import Normalizer, products
from soc.normalize.samples import failures
from soc.pipeline.sources import read_mappings
from soc.settings import Settings, SourceProfile

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
RECEIVED = 1_795_334_410_000_000  # 2026-11-22T08:00:10Z
SHIPPED = Path(__file__).resolve().parents[3] / "deploy" / "mappings"

PORTAL = """
name = "portal"
description = "a portal of invented make"
format = "json"
[time]
fields = ["when"]
[fields]
who = "user.name"
from = "source.ip"
"req.bytes" = "source.bytes"
what = ["event.action", "rule.name"]
[[values]]
field = "result"
to = "event.outcome"
map = { ok = "success", refused = "failure" }
default = "unknown"
[[when]]
match = { what = "login*" }
set = { "event.category" = ["authentication"], "event.type" = ["start"] }
logsource = { product = "portal", service = "auth" }
[[when]]
match = { what = ["*delete", "purge"], result = "OK" }
set = { "event.severity" = 7 }
[logsource]
product = "portal"
category = "application"
[[sample]]
line = '{"when":"2026-11-22T08:00:00+07:00","who":"lan","from":"203.0.113.5","what":"login","result":"OK","req":{"bytes":12}}'
expect = { "user.name" = "lan", "source.ip" = "203.0.113.5", "event.outcome" = "success", "source.bytes" = 12 }
"""


def _event(mapping: str, line: str) -> Event:
    made = parse("m.toml", mapping)
    profile = SourceProfile(name="p", product=made.name)
    normalizer = Normalizer(
        (profile,), timezone="Asia/Ho_Chi_Minh", lateness=10**15, future_skew=5_000_000, mappings=[made]
    )
    record = RawRecord(line.encode(), RECEIVED, "l", "192.0.2.1:514", "192.0.2.1", profile="p")
    event = normalizer.normalize(record, "id", RECEIVED)
    assert isinstance(event, Event)
    return event


def test_a_json_line_is_read_as_the_mapping_says_and_keeps_its_own_names():
    event = _event(
        PORTAL,
        '{"when":"2026-11-22T08:00:00+07:00","who":"lan","from":"203.0.113.5","what":"login","result":"OK","req":{"bytes":12}}',
    )
    fields = event.fields
    assert fields["user.name"] == fields["who"] == "lan"
    assert (fields["source.ip"], fields["source.bytes"], fields["event.outcome"]) == ("203.0.113.5", 12, "success")
    assert (fields["event.action"], fields["rule.name"]) == ("login", "login")
    assert fields["event.category"] == ["authentication"]
    assert fields["@timestamp"] == "2026-11-22T01:00:00.000Z"
    assert event.logsources == (LogSource("portal", "", "auth"),)
    assert fields["related.ip"] == ["203.0.113.5"]


def test_conditions_hold_together_and_case_does_not_count():
    fields = _event(PORTAL, '{"what":"record DELETE","result":"ok"}').fields
    assert fields["event.severity"] == 7
    assert "event.severity" not in _event(PORTAL, '{"what":"record DELETE","result":"refused"}').fields
    assert "event.severity" not in _event(PORTAL, '{"what":"record DELETE"}').fields


def test_a_value_that_is_not_in_the_table_becomes_the_default():
    assert _event(PORTAL, '{"result":"odd"}').fields["event.outcome"] == "unknown"
    assert "event.outcome" not in _event(PORTAL, '{"who":"lan"}').fields


def test_what_is_no_address_is_no_ip_and_what_is_no_number_is_left_native():
    fields = _event(PORTAL, '{"from":"gate.example","req":{"bytes":"many"}}').fields
    assert "source.ip" not in fields
    assert fields["source.address"] == "gate.example"
    assert "source.bytes" not in fields
    assert fields["req.bytes"] == "many"


def test_a_syslog_header_before_the_message_gives_host_and_time_where_the_message_has_none():
    event = _event(PORTAL, '<13>Nov 22 08:00:05 web1 portal: {"who":"lan"}')
    assert event.fields["host.name"] == "web1"
    assert event.fields["@timestamp"] == "2026-11-22T01:00:05.000Z"


def _mapping(format: str, body: str, line: str, expect: str) -> str:  # noqa: A002 - the file's own word
    return (
        f'name = "x"\ndescription = "x"\nformat = "{format}"\n{body}\n[[sample]]\nline = {line!r}\nexpect = {expect}\n'
    )


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        (
            _mapping("kv", '[fields]\nsrc = "source.ip"', "src=192.0.2.1", '{"source.ip" = "192.0.2.1"}'),
            'date=2026-11-22 src=192.0.2.9 user="lan anh"',
            {"source.ip": "192.0.2.9", "user": "lan anh"},
        ),
        (
            _mapping(
                "kv",
                'input = { pairs = ";", assign = ":" }\n[fields]\nsrc = "source.ip"',
                "src:192.0.2.1;a:b",
                '{a = "b"}',
            ),
            "src: 192.0.2.9; user: lan anh",
            {"source.ip": "192.0.2.9", "user": "lan anh"},
        ),
        (
            _mapping(
                "csv",
                'input = { columns = ["day", "clock", "who", "from"], delimiter = ";" }\n'
                '[time]\nfields = ["day", "clock"]\njoined = true\n[fields]\nfrom = "source.ip"\nwho = "user.name"',
                "2026-11-22;08:00:00;lan;192.0.2.1",
                '{"user.name" = "lan"}',
            ),
            '2026-11-22;08:00:01;"lan; anh";192.0.2.9',
            {"user.name": "lan; anh", "source.ip": "192.0.2.9", "@timestamp": "2026-11-22T01:00:01.000Z"},
        ),
        (
            _mapping(
                "regex",
                r"""input = { pattern = '(?P<who>\S+) from (?P<ip>\S+)' }
[fields]
who = "user.name"
ip = "source.ip"
""",
                "lan from 192.0.2.1",
                '{"user.name" = "lan"}',
            ),
            "lan from 192.0.2.9 at noon",
            {"user.name": "lan", "source.ip": "192.0.2.9"},
        ),
    ],
    ids=["kv", "kv of its own", "csv", "regex"],
)
def test_every_format_is_taken_apart(text: str, line: str, expected: dict[str, object]):
    fields = _event(text, line).fields
    assert {name: fields.get(name) for name in expected} == expected
    assert not list(failures(parse("m", text), ZONE, RECEIVED))


def test_a_line_of_another_format_is_a_dead_letter_that_names_the_mapping():
    with pytest.raises(RecordError, match="portal: the line is not of the mapping's format"):
        _event(PORTAL, "no json at all")


def test_a_sample_that_does_not_come_out_as_written_is_told_with_field_and_values():
    wrong = PORTAL.replace('"user.name" = "lan",', '"user.name" = "mai",')
    assert list(failures(parse("m", wrong), ZONE, RECEIVED)) == [
        "mapping portal, sample 1: user.name is 'lan', expected 'mai'"
    ]
    unreadable = PORTAL.replace("line = '{", "line = '<")
    assert list(failures(parse("m", unreadable), ZONE, RECEIVED)) == [
        "mapping portal, sample 1: portal: the line is not of the mapping's format"
    ]


def test_every_mistake_of_every_file_is_listed_with_its_key():
    first = PORTAL.replace('ok = "success"', 'ok = "fine"').replace('["authentication"]', '["log-on"]')
    second = 'name = "Bad Name"\ndescription = "x"\nformat = "csv"\nnonsense = 1\n[fields]\na = "event.original"\n'
    with pytest.raises(SettingsError) as caught:
        parse_all([("b.toml", second), ("a.toml", first), ("c.toml", "= no toml")])
    text = "\n".join(caught.value.mistakes)
    for part in (
        "a.toml: values.0",
        "'fine'",
        "a.toml: when.0.set",
        "'log-on'",
        "b.toml: name",
        "b.toml: nonsense: unknown key",
        "b.toml: sample",
        "event.original is written by the normalizer",
        "c.toml: not valid TOML",
    ):
        assert part in text


def test_two_files_of_one_name_and_the_name_of_a_shipped_product_are_refused():
    with pytest.raises(SettingsError, match=r"name 'portal' is taken by a\.toml"):
        parse_all([("a.toml", PORTAL), ("b.toml", PORTAL)])
    taken = parse("a.toml", PORTAL.replace('"portal"\ndesc', '"sshd"\ndesc'))
    with pytest.raises(SettingsError, match="a product of this name ships with soc"):
        Normalizer((), timezone="UTC", lateness=1, future_skew=1, mappings=[taken])


def test_files_are_read_from_folders_and_what_cannot_be_read_is_listed(tmp_path: Path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "portal.toml").write_text(PORTAL)
    settings = Settings(mappings=(str(tmp_path / "maps"),))
    assert [one.name for one in read_mappings(settings)] == ["portal"]
    assert products(read_mappings(settings))["portal"] == "mapping file: a portal of invented make"
    with pytest.raises(SettingsError) as caught:
        read_mappings(Settings(mappings=(str(tmp_path / "none.toml"), str(tmp_path / "maps"), str(tmp_path))))
    assert "none.toml: cannot be read" in caught.value.mistakes[0]


def test_the_mappings_that_ship_as_examples_are_right():
    files = [(path.name, path.read_text(encoding="utf-8")) for path in sorted(SHIPPED.glob("*.toml"))]
    assert files
    for mapping in parse_all(files):
        assert not list(failures(mapping, ZONE, RECEIVED))
