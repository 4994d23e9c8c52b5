"""Laws over any bytes: an event that JSON and the bus can hold, a discard or a RecordError; and no line costs its square."""

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.errors import RecordError
from soc.model import codec
from soc.model.event import Event
from soc.model.record import RawRecord
from soc.normalize.decode import decode, restore
from soc.normalize.normalizer import Discarded, Normalizer, products
from soc.settings import SourceProfile

RECEIVED = 1_795_334_400_000_000
NAMES = sorted(products())
NORMALIZER = Normalizer(
    [SourceProfile(name=name, product=name) for name in NAMES],
    timezone="Asia/Ho_Chi_Minh",
    lateness=600_000_000,
    future_skew=5_000_000,
)

SEEDS = [
    b'<134>1 2026-11-22T08:00:00.123Z app1 portal 812 ID47 [a@1 x="1"] hello',
    b"<86>Nov 22 15:00:00 srv1 sshd[812]: Failed password for invalid user x from 192.0.2.5 port 51514 ssh2",
    b"<86>Nov 22 15:00:00 srv1 sudo: lan : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
    b"<4>Nov 22 15:00:00 gw kernel: [1.2] [UFW BLOCK] IN=eth0 OUT= SRC=192.0.2.5 DST=192.0.2.9 LEN=60 PROTO=TCP SPT=1 DPT=2",
    b'<189>date=2026-11-22 time=15:00:00 devid="F" eventtime=1795334400 logid="1" type="traffic" srcip=192.0.2.5 msg="a \\"b\\""',
    b'%ASA-4-106023: Deny tcp src outside:192.0.2.5/1 dst inside:192.0.2.9/22 by access-group "x" [0x0, 0x0]',
    b'192.0.2.5 - - [22/Nov/2026:15:00:00 +0700] "GET /x?y HTTP/1.1" 200 5 "-" "curl/8"',
    b'{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","ProcessId":"1","a":{"b":[1,{"c":2}]}}',
    b"[Sun Nov 22 15:00:00.1 2026] [core:error] [pid 1:tid 2] [client 192.0.2.5:1] AH00126: x",
    b'2026/11/22 15:00:00 [error] 1#1: *3 x, client: 192.0.2.5, server: x, request: "GET / HTTP/1.1"',
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real line with a piece cut out and bytes put in."""
    line = draw(st.sampled_from(SEEDS))
    start = draw(st.integers(0, len(line)))
    end = draw(st.integers(start, min(len(line), start + 12)))
    return line[:start] + draw(st.binary(max_size=8)) + line[end:]


def _one(data: bytes, name: str) -> Event | Discarded | None:
    try:
        return NORMALIZER.normalize(RawRecord(data, RECEIVED, "l", "192.0.2.1:5", "s", profile=name), "id", RECEIVED)
    except RecordError as error:
        if error.stage != "normalize":
            raise
        return None


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), damaged()), st.sampled_from(["auto", *NAMES]))
def test_any_bytes_give_an_event_or_a_record_error(data: bytes, name: str):
    event = _one(data, name)
    if event is None:
        return
    assert isinstance(event, Event)
    assert codec.decode(codec.encode(event), Event) == event
    msgspec.json.encode(event.fields)
    assert event.fields["event.original"].encode()
    assert isinstance(event.time, int)


@settings(max_examples=100, deadline=None)
@given(damaged())
def test_the_same_record_gives_the_same_event_whatever_came_before(data: bytes):
    fresh = Normalizer((), timezone="UTC", lateness=600_000_000, future_skew=5_000_000)
    record = RawRecord(data, RECEIVED, "l", "192.0.2.1:5", "s")
    try:
        first = fresh.normalize(record, "id", RECEIVED)
    except RecordError:
        return
    _one(b"<13>Nov 22 15:00:00 other host: x", "auto")
    assert list(fresh.normalize(record, "id", RECEIVED).fields.items()) == list(first.fields.items())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100), st.sampled_from(["utf-8", "cp1258", "latin-1"]))
def test_no_byte_is_lost_in_decoding(data: bytes, encoding: str):
    text, escaped = decode(data, encoding)
    if escaped:
        assert restore(text) == data
    else:
        assert data in (text.encode(), text.encode(encoding, "replace"))


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
        max_leaves=12,
    )
)
def test_any_json_object_becomes_scalars_and_lists_of_scalars(value: object):
    event = _one(msgspec.json.encode({"x": value}), "json")
    assert isinstance(event, Event)
    for item in event.fields.values():
        for scalar in item if isinstance(item, list) else [item]:
            assert scalar is None or isinstance(scalar, str | int | float | bool)
    codec.encode(event)


MIB = 1024 * 1024
RUNS = [
    b'"',
    b"\\",
    b" ",
    b"=",
    b"1",
    b"a",
    b"[",
    b"(",
    b":",
    b"{",
    b"%ASA-",
    b'a="',
    b"a=\\",
    b'=\\"',
    b"from ",
    b" port ",
    b"<1>",
    b"a.",
    b", client: ",
    b" ; ",
    b"\xff",
    b"\0",
    b"IN= ",
    b"SRC=",
    b'[a b="c"]',
    b"\\x",
    b"user ",
    b"../",
]
HEADS = {
    "auto": b"",
    "fortigate": b"devid=F type=traffic logid=1 date=2026-11-22 time=15:00:00 x=",
    "cisco-asa": b"%ASA-6-106100: access-list ",
    "linux": b"<86>Nov 22 15:00:00 srv1 sshd[1]: Failed password for ",
    "sudo": b"<86>Nov 22 15:00:00 srv1 sudo: lan : ",
    "syslog": b"<134>1 2026-11-22T08:00:00Z a b c d [a@1 ",
    "netfilter": b"IN=eth0 OUT= SRC=1 DST=2 ",
    "nginx": b'192.0.2.5 - - [22/Nov/2026:15:00:00 +0700] "GET /',
    "apache": b"[Sun Nov 22 15:00:00.1 2026] [auth_basic:error] [pid 1:tid 2] [client 192.0.2.5:1] AH01618: user ",
    "json": b'{"a":"',
    "windows-json": b'{"EventID":1,"Channel":"',
}


@pytest.mark.parametrize("name", HEADS)
def test_a_long_line_of_anything_costs_no_square(name: str):
    size = MIB if name == "auto" else MIB // 4
    for run in RUNS:
        line = HEADS[name] + run * (size // len(run))
        start = time.process_time()
        _one(line, name)
        spent = time.process_time() - start
        assert spent < 2.0, f"{run!r}: {spent:.1f} s"
