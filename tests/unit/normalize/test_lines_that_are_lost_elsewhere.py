"""What trusted collectors lose or spoil (the loss list of issue 6), at the normalizer: each line becomes its event, whole."""

from typing import Any

import pytest

from soc.model.event import Event
from soc.model.record import RawRecord
from soc.normalize.decode import restore
from soc.normalize.normalizer import Normalizer

RECEIVED = 1_795_334_410_000_000
NORMALIZER = Normalizer((), timezone="Asia/Ho_Chi_Minh", lateness=600_000_000, future_skew=5_000_000)
HEAD = b"<134>1 2026-11-22T08:00:00Z app1 portal 812 ID47 "
SD = "log.syslog.structured_data."


def fields(line: bytes) -> dict[str, Any]:
    event = NORMALIZER.normalize(RawRecord(line, RECEIVED, "udp", "192.0.2.1:514", "192.0.2.1"), "id", RECEIVED)
    assert isinstance(event, Event)
    return event.fields


@pytest.mark.parametrize(
    ("element", "name", "value"),
    [
        (rb'[a@1 x="\]"]', "a@1.x", "]"),
        (rb'[a@1 x="one \] two" y="3"]', "a@1.x", "one ] two"),
        (rb'[a@1 x="\\"]', "a@1.x", "\\"),
        (rb'[a@1 x="C:\\dir\\"]', "a@1.x", "C:\\dir\\"),
        (rb'[a@1 x="\""]', "a@1.x", '"'),
        (rb'[a@1 x="\/"]', "a@1.x", "\\/"),  # RFC 5424 §6.3.3: a backslash before anything else is itself
        (rb'[a@1 x="1"][b@1 x="\]\]"]', "b@1.x", "]]"),
        (rb'[a@1 x=""]', "a@1.x", ""),
    ],
)
def test_structured_data_with_escapes_is_read_and_the_message_behind_it_too(element: bytes, name: str, value: str):
    found = fields(HEAD + element + b" the message")
    assert found[SD + name] == value
    assert found["message"] == "the message"


def test_a_bracket_in_the_message_is_no_structured_data():
    assert fields(HEAD + b"- [a@1 x] said")["message"] == "[a@1 x] said"


@pytest.mark.parametrize(
    "line",
    [
        HEAD + b"- \xef\xbb\xbfthe message",
        b"\xef\xbb\xbf" + HEAD + b"- the message",
        b"<134>Nov 22 15:00:00 app1 portal: \xef\xbb\xbfthe message",
    ],
)
def test_a_byte_order_mark_is_no_part_of_the_message(line: bytes):
    found = fields(line)
    assert found["message"] == "the message"
    assert found["process.name"] == "portal"


def test_a_nul_inside_a_line_neither_cuts_nor_splits_it():
    line = b"<134>Nov 22 15:00:00 app1 portal: before\0after"
    found = fields(line)
    assert found["message"] == "before\0after"
    assert found["event.original"].encode() == line


@pytest.mark.parametrize("inside", [b"caf\xe9 \\x41", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"])
def test_bytes_that_are_no_utf_8_are_kept_marked_and_can_be_had_back(inside: bytes):
    line = b"<134>Nov 22 15:00:00 app1 portal: before " + inside + b" after"
    found = fields(line)
    assert found["tags"] == ["not_utf8"]
    assert found["message"].startswith("before ")
    assert found["message"].endswith(" after")
    assert restore(found["event.original"]) == line
