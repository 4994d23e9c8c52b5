"""RELP frames: messages come out however the bytes are cut, and are answered in order, when they are durable."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.relp import WINDOW, RelpSession
from collectors.session import Frame

OPEN = b"1 open 51 relp_version=0\nrelp_software=test\ncommands=syslog\n"
OPENED = b"1 rsp 57 200 OK\nrelp_version=0\nrelp_software=soc\ncommands=syslog\n"


def frame(txnr: int, command: bytes, data: bytes = b"") -> bytes:
    return b"%d %s %d%s%s\n" % (txnr, command, len(data), b" " if data else b"", data)


def opened(max_bytes: int = 1000) -> RelpSession:
    session = RelpSession(max_bytes)
    assert session.receive(frame(1, b"open", b"relp_version=0\ncommands=syslog")) == []
    session.answers()
    return session


def test_open_is_answered_with_what_is_offered():
    session = RelpSession(1000)
    assert session.receive(frame(1, b"open", b"relp_version=0\nrelp_software=test\ncommands=syslog")) == []
    length, _, offers = session.answers().removeprefix(b"1 rsp ").partition(b" ")
    assert offers == b"200 OK\nrelp_version=0\nrelp_software=soc\ncommands=syslog\n"
    assert int(length) == len(offers) - 1


def test_a_message_is_answered_when_it_is_durable_and_not_before():
    session = opened()
    assert session.receive(frame(2, b"syslog", b"<13>one") + frame(3, b"syslog", b"<13>two")) == [
        Frame(b"<13>one"),
        Frame(b"<13>two"),
    ]
    assert session.answers() == b""
    session.durable(1)
    assert session.answers() == b"2 rsp 6 200 OK\n"
    session.durable(1)
    assert session.answers() == b"3 rsp 6 200 OK\n"


def test_answers_keep_the_order_of_the_commands():
    session = opened()
    session.receive(
        frame(2, b"syslog", b"a") + frame(3, b"noop", b"x") + frame(4, b"syslog", b"b") + frame(5, b"close")
    )
    assert session.ended
    assert session.answers() == b""
    session.durable(2)
    assert session.answers() == (
        b"2 rsp 6 200 OK\n3 rsp 19 500 unknown command\n4 rsp 6 200 OK\n5 rsp 0\n0 serverclose 0\n"
    )


def test_a_message_holds_any_bytes_and_an_empty_one_is_no_record():
    session = opened()
    data = bytes(range(256)) + b"\n7 syslog 1 x\n"
    assert session.receive(frame(2, b"syslog", data) + b"3 syslog 0\n" + b"4 syslog 0 \n") == [Frame(data)]
    session.durable(1)
    assert session.answers() == b"2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 6 200 OK\n"


def test_a_message_over_the_limit_is_cut_marked_and_answered_and_the_session_goes_on():
    session = opened(480)
    assert session.receive(frame(2, b"syslog", b"x" * 100_000) + frame(3, b"syslog", b"y")) == [
        Frame(b"x" * 480, cut=True),
        Frame(b"y"),
    ]
    assert session.discarded == 100_000 - 480
    session.durable(2)
    assert session.answers() == b"2 rsp 6 200 OK\n3 rsp 6 200 OK\n"


def test_after_the_last_transaction_number_comes_the_first():
    session = opened()
    session.receive(frame(999_999_999, b"syslog", b"a") + frame(1, b"syslog", b"b"))
    session.durable(2)
    assert session.answers() == b"999999999 rsp 6 200 OK\n1 rsp 6 200 OK\n"


@pytest.mark.parametrize(
    "wrong",
    [
        b"<13>no relp at all\n",
        b"2 syslog 3 abcd\n",
        b"2 syslog 3\nabc\n",
        b"2 syslog 0 a\n",
        b"2 syslog x\n",
        b"2 sys/log 1 a\n",
        b"2  syslog 1 a\n",
        b"02 syslog 1 a\n",
        b"2 syslog 01 a\n",
        b"1234567890 syslog 1 a\n",
        b"2 syslog 1234567890 a\n",
        b"2 " + b"a" * 33,
        b"2 open 5000 ",
        b"\n",
    ],
)
def test_what_is_no_frame_ends_the_session_and_is_no_record(wrong: bytes):
    session = opened()
    assert session.receive(frame(2, b"syslog", b"kept")) == [Frame(b"kept")]
    assert session.receive(wrong.ljust(2000, b"x")) == []
    assert session.ended
    assert session.broken
    assert session.answers().endswith(b"0 serverclose 0\n")
    assert session.receive(frame(3, b"syslog", b"too late")) == []


def test_a_command_before_open_ends_the_session():
    session = RelpSession(1000)
    assert session.receive(frame(1, b"syslog", b"a")) == []
    assert session.broken == "a command before open"


def test_more_unanswered_messages_than_the_window_are_not_asked_for():
    session = opened()
    session.receive(b"".join(frame(n, b"syslog", b"x") for n in range(2, WINDOW + 1)))
    assert not session.crowded
    session.receive(frame(WINDOW + 1, b"syslog", b"x"))
    assert session.crowded
    session.durable(1)
    assert not session.crowded


COMMANDS = st.lists(
    st.tuples(st.sampled_from([b"syslog", b"syslog", b"syslog", b"hint"]), st.binary(max_size=60)), max_size=12
)


@settings(deadline=None)
@given(COMMANDS, st.lists(st.integers(0, 400), max_size=12), st.booleans())
def test_bytes_cut_anywhere_give_the_same_messages_and_answers(
    commands: list[tuple[bytes, bytes]], cuts: list[int], broken: bool
):
    stream = b"".join(frame(n, command, data) for n, (command, data) in enumerate(commands, 2))
    stream += b"?" * 100 if broken else b""
    whole = opened(20)
    expected = whole.receive(stream)
    whole.durable(len(expected))
    session, found, at = opened(20), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        found += session.receive(stream[at:cut])
        at = max(at, cut)
    session.durable(len(found))
    assert found == expected
    assert (session.answers(), session.discarded, session.broken) == (whole.answers(), whole.discarded, whole.broken)
    assert [f.data for f in found] == [data[:20] for command, data in commands if command == b"syslog" and data]


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_waited_for_or_end_the_session(data: bytes):
    session = opened()
    session.receive(data)
    assert session.ended or session.receive(b"") == []
