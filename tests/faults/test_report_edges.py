"""``kill -9`` at every edge of a report's state table, taken from the table itself; its state lost or rolled back at every state.

What must be true after each: no report lost, none sent with other bytes or again unasked, the order of an incident's reports
kept, and none left waiting without a person being told.
"""

import asyncio
import signal
from itertools import pairwise

import pytest
from faults import report_edges as edges
from faults.processes import prepared

from soc.clock import HOUR
from soc.errors import LogMismatchError
from soc.forward.ledger import RESTORED
from soc.forward.outbox import DONE, TRANSITIONS
from soc.notify.watching import Batch, Patience, Watch

POINTS = {"before": "positions_written", "after": "committed"}
"""In the middle of the transaction that says what happened, and when it is durable and nothing followed from it yet."""
WAITS = {"held", "rejected"}
"""What a person must look at before anything more happens; one that is refused for who we are tries again."""
ANSWERS_THAT_TELL = {"accepted", "rejected", "unauthorized", "unavailable", "known"}


@pytest.fixture(scope="module")
def processes():
    with prepared("faults.report_edges", "faults.stage_process") as context:
        yield context


def killed(processes, directory, story, dies, kept=True):
    """Lead a report along a story until the process died inside the commit of its last event."""
    directory.mkdir(exist_ok=True)
    for _ in range(2 + story.count("restarted") + story.count("rebuilt")):
        process = processes.Process(target=edges.go, args=(directory, story, dies, kept))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL, f"{story} ended by itself: {process.exitcode}"
        if (directory / "died").exists():
            return
    raise AssertionError(f"{story} was not led to its end")


def at_rest(reports):
    """Nothing more happens to any of them unless a person acts."""
    states = {id_: report.state for id_, report in reports.items()}
    if not {edges.UNDER_TEST, edges.BEHIND, edges.ELSEWHERE} <= set(states):
        return False
    if states[edges.UNDER_TEST] in WAITS:
        del states[edges.BEHIND]
    return set(states.values()) <= DONE | WAITS


def check(place, receiver, reports, *, resent=False):
    """The promises, from what the receiver saw and what is committed."""
    requests = receiver.requests()
    for id_, report in reports.items():
        sent = [one for one in requests if one["id"] == id_ and one["what"] == "send"]
        assert {one["sha256"] for one in sent} <= {report.payload_sha256}, "other bytes under one id"
        assert len([one for one in sent if one["came"] == "kept"]) <= 1 + resent, "kept twice"
        if report.state == "accepted":
            assert report.payload_sha256 in receiver.held(id_), "accepted and not there"
    unasked = [
        before for before, after in pairs(requests) if after["what"] == "send" and before not in ANSWERS_THAT_TELL
    ]
    assert len(unasked) <= resent, f"sent again without asking: {requests}"
    kept = [one["id"] for one in requests if one["came"] == "kept" and one["what"] == "send"]
    if {edges.UNDER_TEST, edges.BEHIND} <= set(kept) and not resent:
        assert kept.index(edges.UNDER_TEST) < kept.index(edges.BEHIND), "out of order"


def pairs(requests):
    """(what came of a request about the report under test, the next request about it)."""
    own = [one for one in requests if one["id"] == edges.UNDER_TEST and one["what"] != "somebody"]
    return [(one["came"] if one["came"] != "absent" else "rejected", after) for one, after in pairwise(own)]


async def brought_to_rest(place, receiver):
    """A forwarder with an honest receiver, until only people can go on; then a person does."""
    await place.run_until(at_rest, receiver, read=True)
    reports = await everybody_told(place)
    if reports[edges.UNDER_TEST].state in WAITS:
        assert reports[edges.BEHIND].state in {"queued", "uncertain"}, "it went past one that a person must look at"
        await place.settle("out_of_band")
        await place.run_until(lambda found: found[edges.BEHIND].state in {"accepted", "held"}, receiver)
        reports = await everybody_told(place)
        assert reports[edges.UNDER_TEST].state == "out_of_band"
    return reports


async def everybody_told(place):
    """The reports; of each that waits for anything but its turn a person is told."""
    reports = await place.reports()
    waiting = {id_ for id_, report in reports.items() if report.state not in DONE and report.state != "queued"}
    assert waiting <= told(reports.values()), "one waits, and nobody is told"
    return reports


class Listening:
    """In the place of the one who calls people: whom it would tell of what."""

    def __init__(self):
        self.about = set()

    def open(self, matter, now):
        """Somebody would be told."""
        self.about.add(matter.about.removeprefix("report/"))


def told(reports):
    """Ids of the reports that notify tells people of, at the latest an hour on."""
    listening = Listening()
    watch = Watch({}, listening, lambda: None, Patience(uncertain=0))
    watch.read(Batch(reports=list(reports)), 1)
    watch.tick(HOUR)
    return listening.about


def edge_ids():
    return [f"{state}-{event}" for state, event in TRANSITIONS]


def test_every_event_of_the_table_is_one_that_these_tests_can_bring_about():
    assert {event for _, event in TRANSITIONS} == edges.DRIVEN
    assert all(edges.path_to(state) is not None for state, _ in TRANSITIONS)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize(("state", "event"), TRANSITIONS, ids=edge_ids())
def test_killed_at_any_edge_no_report_is_lost_doubled_overtaken_or_silently_stuck(
    tmp_path, processes, state, event, point
):
    story = [*edges.path_to(state), event]
    killed(processes, tmp_path, story, POINTS[point], kept=event != "restarted" or point == "after")

    async def main():
        place = edges.Place(tmp_path)
        receiver = edges.Receiver(tmp_path, readable="unknowable" not in story)
        if event == "rebuilt" and point == "before":
            with pytest.raises(LogMismatchError, match="soc forward rebuild"):
                await place.run_until(at_rest, receiver)
            await place.rebuild()
        reports = await brought_to_rest(place, receiver)
        ends = DONE if receiver.readable else DONE | {"held"}
        assert {report.state for report in reports.values()} <= ends
        check(place, receiver, reports, resent="resend" in story)
        await place.bus.close()

    asyncio.run(main())


ALL_STATES = sorted({state for state, _ in TRANSITIONS} | set(TRANSITIONS.values()))
FILES = "bus/forward-0.db*"
"""The forwarder's one file, with what SQLite keeps beside it."""


@pytest.mark.parametrize("loss", ["destroyed", "old-copy"])
@pytest.mark.parametrize("state", ALL_STATES)
def test_at_any_state_the_file_destroyed_or_an_old_copy_restored_ends_as_if_nothing_had_happened(
    tmp_path, processes, state, loss
):
    story = edges.path_to(state)
    killed(processes, tmp_path, [], POINTS["after"])
    copies = {path.name: path.read_bytes() for path in tmp_path.glob(FILES)}
    if story:
        (tmp_path / "died").unlink()
        killed(processes, tmp_path, story, POINTS["after"])

    async def main():
        receiver = edges.Receiver(tmp_path, readable="unknowable" not in story)
        for path in tmp_path.glob(FILES):
            path.unlink()
        if loss == "old-copy":
            for name, data in copies.items():
                (tmp_path / "bus" / name).write_bytes(data)
        place = edges.Place(tmp_path)
        await place.bus.declare_restored("forward", 0, {RESTORED: b""})
        with pytest.raises(LogMismatchError, match="soc forward rebuild"):
            await place.run_until(at_rest, receiver)
        before = len(receiver.requests())
        rows = await place.rebuild()
        assert {row.state for row in rows} == {"uncertain"}, "it may all have been sent"
        reports = await brought_to_rest(place, receiver)
        check(place, receiver, reports)
        first = {one["id"]: one["what"] for one in reversed(receiver.requests()[before:])}
        assert set(first.values()) <= {"verify"}, "sent before it was asked for"
        if state == "cancelled":
            assert not receiver.held(edges.UNDER_TEST), "what a person took back was sent"
        await place.bus.close()

    asyncio.run(main())
