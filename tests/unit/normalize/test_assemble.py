"""Records of one event become one event: by auditd's serial number, by following lines; bounded, restored anywhere, never late."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.clock import SECOND, Micros
from soc.errors import SettingsError
from soc.model.record import RawRecord
from soc.normalize import assemble
from soc.normalize.assemble import Assembler, Whole, waiting
from soc.normalize.normalizer import Normalizer
from soc.settings import SourceProfile, parse

AT = 1_795_334_400 * SECOND
PROFILES = (
    SourceProfile(name="audit", product="auditd"),
    SourceProfile(name="trace", product="syslog", multiline="indented"),
    SourceProfile(name="app", product="syslog", multiline=r"^\d{4}-\d\d-\d\d "),
    SourceProfile(name="quiet", product="auditd", discard="type=CWD"),
)
NORMALIZER = Normalizer(PROFILES, timezone="UTC", lateness=600 * SECOND, future_skew=5 * SECOND)


def record(text: str, *, profile: str = "audit", source: str = "srv1", peer: str = "/var/log/x") -> RawRecord:
    return RawRecord(text.encode(), AT, "file", peer, source, profile=profile)


def audit(serial: int, kind: str, more: str = "", *, second: int = 1_795_334_400, node: str = "") -> str:
    return f"{f'node={node} ' if node else ''}type={kind} msg=audit({second}.123:{serial}): {more}".rstrip()


def run(records: Iterable[RawRecord], *, apart: Micros = 1000, flush: bool = True) -> list[tuple[str, str]]:
    """(id, text) of each event: ids count from 0."""
    assembler = Assembler(NORMALIZER)
    done: list[Whole] = []
    for number, one in enumerate(records):
        done += assembler.take(one, str(number), b"k", AT + number * apart)
    if flush:
        done += assembler.flush()
    return [(whole.id, whole.record.data.decode()) for whole in done]


def texts(records: Sequence[RawRecord], **options: Any) -> list[str]:
    return [text for _, text in run(records, **options)]


def test_the_records_of_an_auditd_event_are_one_up_to_its_end_mark_under_the_first_ones_id():
    lines = [audit(7, kind) for kind in ("SYSCALL", "EXECVE", "CWD", "PATH", "PROCTITLE", "EOE")]
    assert run([record(line) for line in lines], flush=False) == [("0", "\n".join(lines))]


def test_two_events_that_come_mixed_are_told_apart_by_their_serial_number():
    lines = [audit(1, "SYSCALL"), audit(2, "SYSCALL"), audit(1, "EOE"), audit(2, "PATH"), audit(2, "EOE")]
    found = texts([record(line) for line in lines], flush=False)
    assert found == [f"{lines[0]}\n{lines[2]}", f"{lines[1]}\n{lines[3]}\n{lines[4]}"]


def test_the_same_serial_number_of_another_host_or_source_is_another_event():
    lines = [
        record(audit(1, "SYSCALL", node="a")),
        record(audit(1, "PATH", node="b")),
        record(audit(1, "CWD"), source="srv2"),
        record("<13>Nov 22 08:00:00 c audispd: " + audit(1, "PATH")),
    ]
    assert len(texts(lines)) == 4


def test_records_behind_a_syslog_header_of_one_host_are_one_event():
    lines = [
        f"<13>Nov 22 08:00:0{n} srv1 audispd: {audit(1, kind)}" for n, kind in enumerate(("SYSCALL", "CWD", "EOE"))
    ]
    assert texts([record(line) for line in lines], flush=False) == ["\n".join(lines)]


def test_what_a_program_writes_is_an_event_of_its_own_at_once():
    assert len(texts([record(audit(1, "USER_LOGIN")), record(audit(2, "CRED_ACQ"))], flush=False)) == 2


def test_a_later_event_of_the_source_shows_that_an_earlier_one_is_whole():
    lines = [audit(1, "SYSCALL"), audit(1, "PATH"), audit(9, "USER_CMD", second=1_795_334_403)]
    assert texts([record(line) for line in lines], flush=False) == [f"{lines[0]}\n{lines[1]}", lines[2]]


def test_without_end_marks_the_last_part_and_a_few_records_of_others_end_an_event():
    first = [record(audit(1, "SYSCALL")), record(audit(1, "PROCTITLE"))]
    others = [record(audit(serial, "USER_CMD")) for serial in range(2, 2 + assemble.INTERLEAVED)]
    assert len(texts([*first, *others], flush=False)) == len(others)
    assert len(texts([*first, *others, record(audit(99, "USER_CMD"))], flush=False)) == len(others) + 2


def test_an_end_mark_that_comes_between_records_of_others_is_still_a_part():
    lines = [audit(1, "SYSCALL"), audit(1, "PROCTITLE"), audit(2, "SYSCALL"), audit(1, "EOE")]
    assert texts([record(line) for line in lines], flush=False) == ["\n".join((lines[0], lines[1], lines[3]))]


def test_a_record_quoted_in_somebody_elses_message_is_no_part():
    spoof = "<38>Nov 22 08:00:00 srv1 sshd[1]: Invalid user " + audit(1, "PATH") + " from 203.0.113.5 port 1"
    found = texts([record(audit(1, "SYSCALL")), record(spoof, profile="")], flush=False)
    assert found == [spoof]


def test_what_a_profile_discards_of_an_event_goes_by_itself_and_takes_nothing_along():
    lines = [audit(1, kind) for kind in ("SYSCALL", "CWD", "EOE")]
    found = texts([record(line, profile="quiet") for line in lines], flush=False)
    assert found == [lines[1], f"{lines[0]}\n{lines[2]}"]


def test_indented_lines_and_the_causes_of_a_stack_trace_go_on_from_the_line_before():
    lines = ["boom", "\tat a.B.c(B.java:1)", "Caused by: java.io.IOException: x", "\t... 23 more", "next"]
    assert texts([record(line, profile="trace") for line in lines]) == ["\n".join(lines[:4]), "next"]


def test_a_first_line_is_known_by_the_profiles_expression():
    lines = ["2026-11-22 08:00:00,123 ERROR boom", "at x", "at y", "2026-11-22 08:00:01,000 INFO fine"]
    assert texts([record(line, profile="app") for line in lines]) == ["\n".join(lines[:3]), lines[3]]


def test_traces_of_two_processes_through_one_relay_are_not_mixed():
    heads = [f"<11>Nov 22 08:00:00 srv1 app[{pid}]: " for pid in (1, 2)]
    lines = [heads[0] + "one", heads[1] + "two", heads[0] + "\tat one", heads[1] + "\tat two"]
    assert texts([record(line, profile="trace") for line in lines]) == [
        f"{lines[0]}\n{lines[2]}",
        f"{lines[1]}\n{lines[3]}",
    ]


def test_a_line_without_header_goes_on_from_the_one_before_it_on_the_same_connection():
    lines = ["<11>Nov 22 08:00:00 srv1 app[1]: boom", "\tat a.B.c"]
    assert texts([record(line, profile="trace", peer="192.0.2.1:4000") for line in lines]) == ["\n".join(lines)]
    other = record(lines[1], profile="trace", peer="192.0.2.1:4001")
    assert len(texts([record(lines[0], profile="trace", peer="192.0.2.1:4000"), other])) == 2


def test_an_event_to_which_nothing_comes_for_long_is_whole_by_the_time_records_were_appended():
    lines = [record(audit(1, "SYSCALL")), record("x", profile="", source="other")]
    assert len(texts(lines, apart=assemble.QUIET - 1, flush=False)) == 1
    assert len(texts(lines, apart=assemble.QUIET, flush=False)) == 2


def test_the_wall_clock_ends_a_wait_when_nothing_more_comes():
    assembler = Assembler(NORMALIZER)
    assembler.take(record(audit(1, "SYSCALL")), "a", b"k", AT)
    assert assembler.expire(AT + assemble.QUIET - 1) == []
    assert [whole.id for whole in assembler.expire(AT + assemble.QUIET)] == ["a"]


def test_an_event_takes_in_no_more_than_its_bounds():
    first, *rest = [record("first", profile="trace")] + [record(" more", profile="trace")] * (assemble.MOST_PARTS + 5)
    assert [len(text.split("\n")) for text in texts([first, *rest], apart=0)] == [assemble.MOST_PARTS, 6]
    slow = texts([record("first", profile="trace")] + [record(" more", profile="trace")] * 12, apart=SECOND)
    assert [len(text.split("\n")) for text in slow] == [assemble.OLDEST // SECOND, 3]
    large = [record("first", profile="trace")] + [record(" " + "x" * 60_000, profile="trace")] * 5
    assert max(len(text) for text in texts(large)) <= assemble.MOST_BYTES
    assert sum(len(text.split("\n")) for text in texts(large)) == 6


def test_of_too_many_waiting_events_the_one_that_waited_longest_is_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(assemble, "MOST_OPEN", 3)
    found = run([record(audit(1, "SYSCALL", node=f"n{n}")) for n in range(5)], apart=0, flush=False)
    assert [id_ for id_, _ in found] == ["0", "1"]


def test_a_sharded_source_is_not_put_together_so_the_settings_refuse_it():
    with pytest.raises(SettingsError, match="must be 1"):
        parse('[[sources]]\nname = "a"\nproduct = "auditd"\nshards = 4\n', {})
    with pytest.raises(SettingsError, match="no regular expression"):
        parse('[[sources]]\nname = "a"\nmultiline = "("\n', {})


def test_what_waits_is_counted_and_says_how_far_the_clock_had_come():
    assembler = Assembler(NORMALIZER, lambda source: {"srv1": 5, "srv2": 3}[source])
    assert assembler.held is None
    assembler.take(record(audit(1, "SYSCALL")), "a", b"k", AT)
    assembler.take(record(audit(1, "PATH")), "b", b"k", AT)
    assembler.take(record(audit(1, "SYSCALL"), source="srv2"), "c", b"k", AT)
    assert assembler.held == 3
    state = {key: value for key, value in assembler.changes().items() if value is not None}
    assert waiting(state) == 3
    assert assembler.changes() == {}


streams = st.lists(
    st.tuples(
        st.sampled_from(["audit", "trace"]),
        st.integers(1, 4),
        st.sampled_from(["SYSCALL", "PATH", "PROCTITLE", "EOE", "USER_CMD"]),
        st.sampled_from(["srv1", "srv2"]),
        st.sampled_from([0, 0, 1000, SECOND, 3 * SECOND]),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(streams, st.lists(st.integers(0, 40), max_size=6))
def test_wherever_it_is_stopped_and_restored_the_same_events_come_out_and_each_record_is_in_one(
    rows: list[tuple[str, int, str, str, int]], stops: list[int]
):
    records: list[tuple[RawRecord, Micros]] = []
    at = AT
    for profile, serial, kind, source, pause in rows:
        at += pause
        text = audit(serial, kind, second=at // SECOND) if profile == "audit" else f"{' ' * (serial % 2)}{kind}"
        records.append((record(text, profile=profile, source=source), at))
    whole, cut = _through(records, ()), _through(records, stops)
    assert cut == whole
    ids = [part for _, _, parts in whole for part in parts] + [id_ for id_, _, _ in whole]
    assert sorted(ids, key=int) == [str(number) for number in range(len(records))]


def _through(records: Sequence[tuple[RawRecord, Micros]], stops: Sequence[int]) -> list[tuple[str, bytes, list[str]]]:
    assembler, state = Assembler(NORMALIZER), dict[bytes, bytes]()
    done: list[Whole] = []
    for number, (one, at) in enumerate(records):
        done += assembler.take(one, str(number), b"k", at)
        if number in stops:
            for key, value in assembler.changes().items():
                if value is None:
                    del state[key]
                else:
                    state[key] = value
            assembler = Assembler(NORMALIZER)
            assembler.restore(state)
    done += assembler.flush()
    return [(whole.id, whole.record.data, [part.id for part in whole.parts]) for whole in done]
