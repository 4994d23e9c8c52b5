"""Approved incidents through the real forwarder, the embedded bus and the stand-in receiver: each report arrives once."""

import asyncio
import importlib.util
import json
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from soc.audit.chain import verify
from soc.bus.base import Message, Stage, Topology
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.errors import CommitUnknownError, SettingsError
from soc.forward import forwarder as forwarder_module
from soc.forward import standin as standin_module
from soc.forward.forwarder import Forwarder
from soc.forward.ledger import Ledger
from soc.forward.outbox import TRANSITIONS, Happened
from soc.forward.payload import payload
from soc.model import Report, decode, encode
from soc.settings import Receiver

_spec = importlib.util.spec_from_file_location(
    "forward_made", Path(__file__).parents[1] / "unit" / "forward" / "forward_made.py"
)
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

TOPOLOGY = Topology(
    (Stage("triage", (), ("incidents",), 1), Stage("forward", ("incidents",), ("outbox", "audit"), 1)),
    {"incidents": 1, "outbox": 1, "audit": 1},
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(forwarder_module, "IDLE_SECONDS", 0.05)


class KilledError(Exception):
    """Stands for the end of the process at this very point."""


class World:
    """A bus, a stand-in, and forwarders that come and go."""

    def __init__(self, directory, standin):
        self.bus = EmbeddedBus(directory / "bus", TOPOLOGY)
        self.standin = standin
        self.settings = {"timeout_seconds": 0.4, "retry_min_seconds": 0.01, "retry_max_seconds": 0.05}
        self.url = standin.url

    def forwarder(self, wrap=lambda claim: claim, **changes):
        receiver = Receiver(
            **{
                "url": self.url,
                "ca_file": self.standin.ca_file,
                "token": self.standin.token,
                **self.settings,
                **changes,
            }
        )

        async def claim():
            return wrap(await self.bus.claim("forward", 0))

        return Forwarder(
            claim, organization=made.ORGANIZATION, receiver=receiver,
            incidents="incidents", outbox="outbox", audit="audit", clock=now,
        )  # fmt: skip

    async def publish(self, *incidents):
        claim = await self.bus.claim("triage", 0)
        await claim.commit([Message("incidents", item.id.encode(), encode(item)) for item in incidents])
        await claim.release()

    async def put(self, *reports):
        """Commit reports as an earlier forwarder would have left them."""
        ledger = Ledger({})
        for report in reports:
            ledger.put(report)
        claim = await self.bus.claim("forward", 0)
        await claim.commit([], ledger.take().state)
        await claim.release()

    async def reports(self):
        async for _, state in self.bus.states("forward"):
            return Ledger(state).reports
        return []

    async def read(self, topic):
        reader = self.bus.reader([topic])
        records = []
        while batch := await reader.fetch(1000, 0.05):
            records += batch
        await reader.close()
        return [record.value for record in records]

    async def run_until(self, condition, forwarder=None, seconds=8.0):
        """Run a forwarder until ``condition`` of the committed reports holds."""
        stop = asyncio.Event()
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            tasks.create_task((forwarder or self.forwarder()).run(stop))
            while not condition(await self.reports()):  # noqa: ASYNC110 - what is committed has no event to wait for
                await asyncio.sleep(0.02)
            stop.set()
        return await self.reports()


@asynccontextmanager
async def world(tmp_path):
    standin = await standin_module.start("127.0.0.1", 0, tmp_path / "receiver")
    place = World(tmp_path, standin)
    try:
        yield place
    finally:
        await place.bus.close()
        await standin.close()


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
            assert [item.state for item in reports] == ["rejected", "accepted"]
            assert len(place.standin.received) == 1

    asyncio.run(main())


STATES = sorted({state for state, _ in TRANSITIONS})


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
                if state in {"sending", "uncertain"}:
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
                async def send(self, report):
                    committed = [item.state for item in await place.reports()]
                    told = [decode(value, Report).state for value in await place.read("outbox")]
                    seen.append((committed, told, report.payload))
                    return Happened("rejected", "enough")

                async def close(self):
                    pass

            forwarder = place.forwarder()
            forwarder._binding = Watching()
            await place.publish(made.approved(made.incident()))
            await place.run_until(final(states=("rejected",)), forwarder)
            assert seen == [(["sending"], ["queued", "sending"], PREVIEWED)]

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
            partial(asyncio.sleep, 0), organization="x", receiver=Receiver(url="http://127.0.0.1:1/reports"),
            incidents="i", outbox="o", audit="a", clock=now,
        )  # fmt: skip
