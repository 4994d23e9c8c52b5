"""One report led along the edges of its state table in a process that can be killed at any of them (``test_report_edges``).

A **story** is a list of events (``soc.forward.outbox.EventKind``). What happens next follows from the report's committed ``seq``
alone, so a process that was killed is simply started again and goes on. In go a directory, a story and where to die; out come
the state of the embedded bus in that directory and what the receiver saw (``Receiver``).
"""

import asyncio
import hashlib
import json
import os
import signal
from collections import deque
from functools import partial
from pathlib import Path

import msgspec
from forward_support import TOPOLOGY, made

from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.forward import forwarder as forwarder_module
from soc.forward.forwarder import Destination, Forwarder
from soc.forward.ledger import Ledger
from soc.forward.outbox import DECISIONS, TRANSITIONS, Happened
from soc.forward.payload import report_id
from soc.forward.rebuild import latest, rebuild
from soc.forward.sealing import Recipient
from soc.model import Receipt, Report, Settlement, decode, encode
from soc.receiver import Receiver as ReceiverSettings

FIRST, CLOSING = "initial", "closing"
ABOUT = made.incident()
UNDER_TEST = report_id(ABOUT.id, FIRST, 1, made.RECIPIENT)
BEHIND = report_id(ABOUT.id, CLOSING, 1, made.RECIPIENT)
ELSEWHERE = report_id(made.incident(2).id, FIRST, 1, made.RECIPIENT)
OTHER_BYTES = b'{"somebody":"else"}'
TOPICS = "incidents", "outbox", "audit"

SENT = {"accepted", "rejected", "unauthorized", "unavailable", "lost", "pending", "unknowable"}
ASKED = {"found", "absent", "unreachable", "differs", "unknowable", "pending"}
BY_PEOPLE = {event: decision for decision, event in DECISIONS.items()}
DRIVEN = {"attempt", "restarted", "rebuilt", "overtaken", *SENT, *ASKED, *BY_PEOPLE}
"""Every event this module knows how to bring about."""


def path_to(state: str) -> list[str]:
    """The shortest story that ends in a state, without a state that was lost on the way."""
    waiting = deque([("queued", [])])
    seen = {"queued"}
    while waiting:
        at, story = waiting.popleft()
        if at == state:
            return story
        for (before, event), after in TRANSITIONS.items():
            if before == at and after not in seen and event not in {"rebuilt", "restarted"}:
                seen.add(after)
                waiting.append((after, [*story, event]))
    raise LookupError(f"nothing leads from queued to {state}")


class Receiver:
    """A receiver on disk: what it holds and every request it saw outlive the process that sent them.

    Args:
        directory: of its files.
        readable: it can be asked, and takes a repeat for the same report; otherwise neither.
    """

    def __init__(self, directory: Path, *, readable: bool = True) -> None:
        self._log = directory / "requests.jsonl"
        self.readable = readable

    def note(self, what: str, report: Report, came: str, *, data: bytes = b"") -> None:
        """Write a request down, durably, before it is answered."""
        line = {"what": what, "id": report.id, "came": came, "sha256": hashlib.sha256(data).hexdigest() if data else ""}
        with self._log.open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def requests(self) -> list[dict]:
        """All of them, oldest first."""
        return [json.loads(line) for line in self._log.read_text().splitlines()] if self._log.exists() else []

    def held(self, id_: str) -> list[str]:
        """Hashes of what it keeps under an id: one a copy."""
        return [one["sha256"] for one in self.requests() if one["id"] == id_ and one["came"] == "kept"]

    async def send(self, report: Report, may_leave) -> Happened:
        """As an honest receiver does."""
        if not may_leave():
            return Happened("unavailable", "too late")
        if self.readable and self.held(report.id):
            self.note("send", report, "known", data=report.payload)
            known = self.held(report.id)[0] == report.payload_sha256
            return Happened("accepted", receipt=_receipt()) if known else Happened("rejected", "other bytes")
        self.note("send", report, "kept", data=report.payload)
        return Happened("accepted", receipt=_receipt())

    async def verify(self, report: Report) -> Happened:
        """As an honest receiver does."""
        if not self.readable:
            return Happened("unknowable", "cannot be asked")
        held = self.held(report.id)
        came = "absent" if not held else "found" if held[0] == report.payload_sha256 else "differs"
        self.note("verify", report, came)
        return Happened(came, receipt=_receipt() if came == "found" else None)

    async def close(self) -> None:
        """Nothing is held."""


def _receipt() -> Receipt:
    return Receipt("R-1", "2026-11-22T08:00:00Z", 201, "https://receiver.example/reports", 0, 0)


class Scripted(Receiver):
    """A receiver that treats the report under test as the story says; the story's next event follows from the report's ``seq``.

    ``kept``: what it answers nothing to, it kept all the same.
    """

    def __init__(self, directory: Path, story: list[str], *, readable: bool, kept: bool) -> None:
        super().__init__(directory, readable=readable)
        self._story, self._kept = story, kept

    async def send(self, report: Report, may_leave) -> Happened:
        """See ``Receiver``."""
        if report.id != UNDER_TEST:
            return await super().send(report, may_leave)
        event = self._next(report)
        if event not in SENT:  # restarted, rebuilt: it dies with its bytes under way
            self.note("send", report, "kept" if self._kept else "lost", data=report.payload)
            os.kill(os.getpid(), signal.SIGKILL)
        keeps = event in {"accepted", "pending"} or (event in {"lost", "unknowable"} and self._keeps_lost(report))
        came = "kept" if keeps and not (self.readable and self.held(report.id)) else event
        self.note("send", report, came, data=report.payload)
        return Happened(event, "as told", receipt=_receipt() if event in {"accepted", "pending"} else None)

    async def verify(self, report: Report) -> Happened:
        """See ``Receiver``."""
        if report.id != UNDER_TEST:
            return await super().verify(report)
        event = self._next(report)
        if event not in ASKED:
            os.kill(os.getpid(), signal.SIGKILL)
        if event == "found" and not self.held(report.id):
            self.note("send", report, "kept", data=report.payload)
        if event == "differs":
            self.note("somebody", report, "kept", data=OTHER_BYTES)
        self.note("verify", report, event)
        return Happened(event, "as told", receipt=_receipt() if event in {"found", "pending"} else None)

    def _next(self, report: Report) -> str:
        return self._story[report.seq - 1] if report.seq <= len(self._story) else "restarted"

    def _keeps_lost(self, report: Report) -> bool:
        """Whether the answer alone was lost: so that what the story has it say later is true."""
        later = self._story[report.seq :]
        return "found" in later or (self._kept and not {"absent", "differs"} & set(later))


class Place:
    """The bus of one installation, and what people and processes do there."""

    def __init__(self, directory: Path, on_step=None) -> None:
        self.bus = EmbeddedBus(directory / "bus", TOPOLOGY, on_step=on_step)
        self.directory = directory

    async def publish(self, *incidents) -> None:
        """Incidents as triage writes them."""
        claim = await self.bus.claim("triage", 0)
        await claim.commit([Message("incidents", item.id.encode(), encode(item)) for item in incidents])
        await claim.release()

    async def incident(self):
        """The incident of the report under test, as it stands."""
        found = [decode(value, type(ABOUT)) for value in await self.read("incidents")]
        return [item for item in found if item.id == ABOUT.id][-1]

    async def reports(self) -> dict[str, Report]:
        """What is committed."""
        async for _, state in self.bus.states("forward"):
            return {report.id: report for report in Ledger(state).reports}
        return {}

    async def read(self, topic: str) -> list[bytes]:
        """Everything in a topic."""
        reader = self.bus.reader([topic])
        values = []
        while batch := await reader.fetch(1000, 0.0):
            values += [record.value for record in batch]
        await reader.close()
        return values

    async def run_until(
        self, condition, binding, *, wrap=lambda claim: claim, read: bool = False, seconds: float = 60.0
    ) -> None:
        """A forwarder, until what is committed is so, with ``read`` also everything that was published.

        ``binding`` None: no receiver is set up.
        """
        settings = ReceiverSettings(
            name=made.RECIPIENT, timeout_seconds=0.2, retry_min_seconds=0.01, retry_max_seconds=0.02
        )

        async def claim():
            return wrap(await self.bus.claim("forward", 0))

        forwarder = Forwarder(
            claim, organization=made.ORGANIZATION, destinations=[Destination(settings, binding)], incidents="incidents",
            outbox="outbox", audit="audit", told=partial(latest, self.bus, "outbox"), clock=now,
        )  # fmt: skip
        forwarder_module.IDLE_SECONDS = 0.03
        stop = asyncio.Event()
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
                tasks.create_task(forwarder.run(stop))
                while (read and await self._behind()) or not condition(await self.reports()):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                stop.set()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _behind(self) -> bool:
        return any(lag.records for lag in await self.bus.lag() if lag.stage == "forward")

    async def settle(self, decision: str) -> None:
        """A person's decision about the report under test."""
        incident = await self.incident()
        settlement = Settlement(UNDER_TEST, decision, "hoa", now(), "17/CV", "as told")
        changed = msgspec.structs.replace(incident, settlements=(*incident.settlements, settlement))
        await self.publish(msgspec.structs.replace(changed, version=incident.version + 1))

    async def lose_state(self) -> None:
        """The forwarder's state is gone; the outbox is not."""
        claim = await self.bus.claim("forward", 0)
        await claim.commit([], dict.fromkeys(claim.state))
        await claim.release()

    async def rebuild(self, wrap=lambda claim: claim):
        """``soc forward rebuild``."""
        claim = wrap(await self.bus.claim("forward", 0))
        try:
            return await rebuild(
                self.bus, claim, topics=TOPICS, organization=made.ORGANIZATION, recipients=[Recipient(made.RECIPIENT)],
                seconds=0.05, clock=now,
            )  # fmt: skip
        finally:
            await claim.release()


class Deadly:
    """Kills the process inside the commit that brings the report under test to a ``seq``: at the step ``dies``."""

    def __init__(self, directory: Path, seq: int, dies: str) -> None:
        self._mark, self._seq, self._dies = directory / "died", seq, dies
        self._armed = False

    def on_step(self, step: str) -> None:
        """See ``EmbeddedBus``."""
        if self._armed and step == self._dies:
            self._mark.write_text(step)
            os.kill(os.getpid(), signal.SIGKILL)

    def wrap(self, claim):
        """The claim, watched."""
        commit = claim.commit

        def watched(outputs=(), state=None):
            reports = [decode(one.value, Report) for one in outputs if one.topic == "outbox"]
            self._armed = any((one.id, one.seq) == (UNDER_TEST, self._seq) for one in reports)
            return commit(outputs, state)

        claim.commit = watched
        return claim


def go(directory: Path, story: list[str], dies: str, kept: bool) -> None:
    """Lead the report along its story and die inside the commit of its last transition; the target of a process."""
    deadly = Deadly(directory, len(story) + 1, dies)
    asyncio.run(_go(Place(directory, deadly.on_step), deadly, story, kept=kept))


async def _go(place: Place, deadly: Deadly, story: list[str], *, kept: bool) -> None:
    scripted = Scripted(place.directory, story, readable="unknowable" not in story, kept=kept)
    if not await place.read("incidents"):
        first = made.approved(ABOUT)
        await place.publish(first, made.approved(first, CLOSING), made.approved(made.incident(2)))
    lost = place.directory / "lost"
    while True:
        found = (await place.reports()).get(UNDER_TEST)
        seq = found.seq if found else 0
        event = story[seq - 1] if seq else ""
        there = lambda reports, seq=seq: UNDER_TEST in reports and reports[UNDER_TEST].seq > seq  # noqa: E731
        if event == "rebuilt" or lost.exists():
            lost.touch()
            await place.lose_state()
            await place.rebuild(deadly.wrap)
            lost.unlink()
        elif event in BY_PEOPLE or event == "overtaken":
            if event in BY_PEOPLE:
                await place.settle(BY_PEOPLE[event])
            else:
                incident = await place.incident()
                await place.publish(made.approved(incident, FIRST))
            await place.run_until(there, None, wrap=deadly.wrap)
        elif event in {"", "restarted"}:
            await place.run_until(there, None, wrap=deadly.wrap)
        else:
            await place.run_until(there, scripted, wrap=deadly.wrap)
