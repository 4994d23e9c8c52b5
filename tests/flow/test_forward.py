"""Approved incidents through the real forwarder, the embedded bus and the stand-in receiver: each report arrives once."""

import asyncio
import json
from contextlib import suppress
from functools import partial

import pytest
from forward_support import made, world

from soc.audit.chain import verify
from soc.clock import now
from soc.errors import CommitUnknownError, SettingsError
from soc.forward import forwarder as forwarder_module
from soc.forward import standin as standin_module
from soc.forward.forwarder import Destination, Forwarder
from soc.forward.ledger import Ledger
from soc.forward.outbox import DECISIONS, TRANSITIONS, Happened
from soc.forward.payload import payload
from soc.model import Report, decode
from soc.receiver import Receiver


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(forwarder_module, "IDLE_SECONDS", 0.05)


class KilledError(Exception):
    """Stands for the end of the process at this very point."""


def final(count=1, states=("accepted",)):
    return lambda reports: len(reports) >= count and all(report.state in states for report in reports)


PREVIEWED = payload(made.incident(), "initial", made.ORGANIZATION, made.RECIPIENT)


@pytest.mark.parametrize(
    ("mode", "times"),
    [("ok", 1), ("fail", 3), ("stall", 1), ("lose_answer", 1), ("lose_answer", 2), ("unauthorized", 2)],
)
def test_whatever_the_receiver_does_it_ends_up_with_the_report_once(tmp_path, mode, times):
    async def main():
        async with world(tmp_path) as place:
            place.standin.control(mode, times)
            await place.publish(made.approved(made.incident()))
            (report,) = await place.run_until(final())
            assert list(place.standin.received.values()) == [PREVIEWED]
            assert report.receipt.receipt_id.startswith("R-")
            assert report.receipt.verified is (mode == "lose_answer")
            transitions = [decode(value, Report) for value in await place.read("outbox")]
            assert [item.seq for item in transitions] == list(range(1, len(transitions) + 1))
            steps = [item.state for item in transitions]
            table = set(TRANSITIONS.values())
            assert steps[0] == "queued"
            assert set(steps[1:]) <= table
            seen = {"ok": "sending", "fail": "retry_wait", "stall": "uncertain", "lose_answer": "uncertain"}
            assert seen.get(mode, "blocked_auth") in steps

    asyncio.run(main())


def test_a_rejected_report_waits_for_a_person_and_a_new_approval_replaces_it(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            place.standin.control("reject", 1)
            first = made.approved(made.incident())
            await place.publish(first)
            (report,) = await place.run_until(final(states=("rejected",)))
            assert report.detail == "422: told to reject"
            await place.publish(made.approved(first))
            reports = await place.run_until(lambda items: items[-1].state == "accepted")
            assert [item.state for item in reports] == ["superseded", "accepted"]
            assert len(place.standin.received) == 1

    asyncio.run(main())


STATES = sorted({state for state, event in TRANSITIONS if event not in {*DECISIONS.values(), "overtaken"}} - {"held"})


@pytest.mark.parametrize("arrived", [False, True], ids=["not-arrived", "arrived"])
@pytest.mark.parametrize("state", STATES)
def test_a_forwarder_that_takes_over_in_any_state_delivers_once_with_the_same_bytes(tmp_path, state, arrived):
    async def main():
        async with world(tmp_path) as place:
            report_id = json.loads(PREVIEWED)["report_id"]
            left = made.report(state, PREVIEWED, about=made.incident().id, attempts=1)
            assert left.id == report_id
            if arrived:
                place.standin._keep(
                    report_id,
                    PREVIEWED,
                    {"receipt_id": "R-before", "received_at": "then", "sha256": left.payload_sha256},
                )
            await place.put(left)
            (report,) = await place.run_until(final())
            assert place.standin.received == {report_id: PREVIEWED}
            assert report.payload == PREVIEWED
            if arrived:
                assert report.receipt.receipt_id == "R-before"
                if state in {"sending", "uncertain", "processing"}:
                    assert place.standin.posts == 0
            else:
                assert place.standin.posts == 1

    asyncio.run(main())


class Interrupting:
    """A claim that ends its owner at one commit: before it, after it, or with an outcome nobody knows."""

    def __init__(self, claim, plan):
        self._claim, self._plan = claim, plan

    def __getattr__(self, name):
        return getattr(self._claim, name)

    async def commit(self, outputs=(), state=None):
        self._plan["left"] -= 1
        if self._plan["left"] == 0:
            if self._plan["when"] in {"after", "unknown-done"}:
                await self._claim.commit(outputs, state)
            raise CommitUnknownError("test") if self._plan["when"].startswith("unknown") else KilledError
        return await self._claim.commit(outputs, state)


ENDS = [(when, number) for when in ("before", "after") for number in range(1, 6)]
ENDS += [(when, number) for when in ("unknown-lost", "unknown-done") for number in (2, 3)]


@pytest.mark.parametrize(("when", "number"), ENDS)
def test_an_end_at_any_commit_loses_and_doubles_nothing(tmp_path, number, when):
    async def main():
        async with world(tmp_path) as place:
            if number > 3:
                place.standin.control("lose_answer", 1)
            await place.publish(made.approved(made.incident()))
            plan = {"left": number, "when": when}
            with suppress(ExceptionGroup):
                await place.run_until(final(), place.forwarder(wrap=lambda claim: Interrupting(claim, plan)))
            assert plan["left"] <= 0
            (report,) = await place.run_until(final())
            assert list(place.standin.received.values()) == [PREVIEWED]
            lines = await place.read("audit")
            async for _, state in place.bus.states("forward"):
                assert verify(lines, Ledger(state).counters.audit) is None
            assert report.state == "accepted"

    asyncio.run(main())


def test_when_bytes_leave_the_committed_state_and_the_outbox_say_sending_already(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            seen = []

            class Watching:
                async def send(self, report, may_leave):
                    committed = [item.state for item in await place.reports()]
                    told = [decode(value, Report).state for value in await place.read("outbox")]
                    seen.append((committed, told, report.payload))
                    return Happened("rejected", "enough")

                async def close(self):
                    pass

            forwarder = place.forwarder(binding=lambda _: Watching())
            await place.publish(made.approved(made.incident()))
            await place.run_until(final(states=("rejected",)), forwarder)
            assert seen == [(["sending"], ["queued", "sending"], PREVIEWED)]

    asyncio.run(main())


class Late:
    """A claim whose first word to send is heard late: as if the process was stopped between its word and its deed."""

    late = False

    def __init__(self, claim, seconds):
        self._claim, self._seconds = claim, seconds

    def __getattr__(self, name):
        return getattr(self._claim, name)

    async def commit(self, outputs=(), state=None):
        done = await self._claim.commit(outputs, state)
        if not Late.late and any(m.topic == "outbox" and decode(m.value, Report).state == "sending" for m in outputs):
            Late.late = True
            await asyncio.sleep(self._seconds)
        return done


def test_what_cannot_leave_within_the_time_out_of_its_word_does_not_leave_under_that_word(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            await place.publish(made.approved(made.incident()))
            forwarder = place.forwarder(wrap=lambda claim: Late(claim, 0.6))
            (report,) = await place.run_until(final(), forwarder)
            assert place.standin.posts == 1
            steps = [
                (decode(value, Report).state, decode(value, Report).attempts) for value in await place.read("outbox")
            ]
            assert steps[:4] == [("queued", 0), ("sending", 1), ("retry_wait", 1), ("sending", 2)]
            assert "not sent: " in report.history[2][2]

    asyncio.run(main())


def test_an_incident_that_moved_on_since_the_preview_is_reported_as_it_was_previewed(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            shown = made.incident()
            await place.publish(*(made.incident(count=n, version=n) for n in range(5, 40)))
            await place.publish(made.approved(shown, after=made.incident(count=40, version=40)))
            await place.run_until(final())
            assert list(place.standin.received.values()) == [PREVIEWED]

    asyncio.run(main())


def test_an_approval_that_fits_no_known_version_is_visible_and_sends_nothing(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            await place.publish(made.approved(made.incident(count=666), after=made.incident()))
            (report,) = await place.run_until(final(states=("stale",)))
            assert place.standin.posts == 0
            assert decode((await place.read("outbox"))[-1], Report) == report
            (line,) = await place.read("audit")
            assert json.loads(line)["act"] == "stale"

    asyncio.run(main())


def test_the_same_document_again_seals_nothing_again(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            document = made.approved(made.incident())
            await place.publish(document, document)
            await place.run_until(final())
            await place.publish(document, made.incident(2))
            await place.publish(made.approved(made.incident(2)))
            assert len(await place.run_until(final(2))) == 2
            assert len(place.standin.received) == 2

    asyncio.run(main())


def test_without_a_receiver_reports_wait_visibly_and_go_out_when_there_is_one(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            await place.publish(made.approved(made.incident()))
            (report,) = await place.run_until(final(states=("queued",)), place.forwarder(url=""))
            assert decode((await place.read("outbox"))[-1], Report).state == report.state == "queued"
            await place.run_until(final())
            assert len(place.standin.received) == 1

    asyncio.run(main())


def test_a_receiver_that_is_down_gets_the_report_when_it_is_up_again(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            port = int(place.url.rsplit(":", 1)[1].split("/")[0])
            token = place.standin.token
            await place.standin.close()
            await place.publish(made.approved(made.incident()))
            waiting = lambda reports: reports and reports[0].attempts > 2 and reports[0].state == "retry_wait"  # noqa: E731
            (report,) = await place.run_until(waiting)
            assert "no connection" in report.detail
            place.standin = await standin_module.start("127.0.0.1", port, tmp_path / "receiver", token=token)
            await place.run_until(final())
            assert list(place.standin.received.values()) == [PREVIEWED]

    asyncio.run(main())


@pytest.mark.parametrize("ca_file", ["other/ca.pem", "missing.pem", ""])
def test_a_receiver_that_cannot_prove_who_it_is_gets_nothing(tmp_path, ca_file):
    async def main():
        async with world(tmp_path) as place:
            other = await standin_module.start("127.0.0.1", 0, tmp_path / "other")
            await other.close()
            await place.publish(made.approved(made.incident()))
            bad = place.forwarder(ca_file=str(tmp_path / ca_file) if ca_file else "")
            (report,) = await place.run_until(final(states=("blocked_auth",)), bad)
            assert report.detail.startswith("certificate: ")
            assert place.standin.posts == 0
            await place.run_until(final())
            assert len(place.standin.received) == 1

    asyncio.run(main())


def test_reports_on_one_incident_arrive_in_the_order_of_approval(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            place.standin.control("fail", 2)
            first = made.approved(made.incident())
            await place.publish(first, made.approved(first, "closing"), made.approved(made.incident(2)))
            await place.run_until(final(3))
            kinds = [json.loads(data) for data in place.standin.received.values()]
            about = [(item["incident"]["number"], item["kind"]) for item in kinds]
            one = [kind for number, kind in about if number == "INC-2026-000001"]
            assert one == ["initial", "closing"]
            assert ("INC-2026-000002", "initial") in about

    asyncio.run(main())


def test_a_receiver_with_other_bytes_under_our_id_is_a_matter_for_a_person(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            left = made.report("uncertain", PREVIEWED, about=made.incident().id)
            place.standin._keep(left.id, b"{}", {"receipt_id": "R-x", "received_at": "then", "sha256": "0" * 64})
            await place.put(left)
            (report,) = await place.run_until(final(states=("rejected",)))
            assert "other bytes" in report.detail

    asyncio.run(main())


def test_an_address_that_is_not_encrypted_is_refused_at_start(tmp_path):
    with pytest.raises(SettingsError, match="https"):
        Forwarder(
            partial(asyncio.sleep, 0), organization="x", destinations=[Destination(Receiver(url="http://127.0.0.1:1/reports"))],
            incidents="i", outbox="o", audit="a", told=dict, clock=now,
        )  # fmt: skip
