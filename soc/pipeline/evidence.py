"""An incident and its alerts in; the raw lines that matched and what was received around them, pinned beyond retention, out.

    alerts ──► windows of their sources ──► archive, open chunks, soc.raw ──► one file + manifest ──► the act ``pin``

What is pinned of an alert: every line that is a member of it, and every line of the same sources received within ``AROUND`` of
one of those whose time is known, of the alert's first, and of its last event.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import structlog

from soc.archive import evidence
from soc.archive.evidence import EvidenceManifest, Writer
from soc.archive.place import Place
from soc.archive.reading import Archived, Window
from soc.bus.base import Bus
from soc.clock import DAY, MINUTE, Clock, Micros
from soc.errors import SocError, UnavailableError
from soc.model import Action, Alert, Answer, Incident
from soc.pipeline.raw_lines import RawLines
from soc.pipeline.waiting import pause

log = structlog.get_logger()

AROUND: Micros = 5 * MINUTE
"""Before and after a matched line (issue 7)."""

MAX_LINES: Final = 200_000
MAX_BYTES: Final = 256 * 1024 * 1024
"""Of lines around the matched ones; the matched ones are always taken."""

LONGEST_SPAN: Micros = 7 * DAY
"""Of one alert whose members' times are not all known: over a longer one only what is around known times is looked at."""

QUEUE: Final = 20
ATTEMPTS: Final = 5
"""How often the act is handed in again when somebody changed the incident meanwhile."""


def windows(alerts: Iterable[Alert]) -> list[Window]:
    """Where to look, by source and time, without overlaps.

    An alert made of other alerts (a chain) names no source itself: it is looked for at the sources of the others.
    """
    chosen = [alert for alert in alerts if alert.state != "merged"]
    everywhere = {member.source for alert in chosen for member in alert.sample if member.source}
    spans: dict[str, list[tuple[Micros, Micros]]] = {}
    for alert in chosen:
        for source in {member.source for member in alert.sample if member.source} or everywhere:
            spans.setdefault(source, []).extend(_spans(alert, source))
    return [Window(start, end, source) for source in sorted(spans) for start, end in _joined(spans[source])]


def _spans(alert: Alert, source: str) -> list[tuple[Micros, Micros]]:
    received = [member.received for member in alert.sample if member.source == source]
    known = [*received, alert.first_seen, alert.last_seen]
    if len(alert.members) > len(alert.sample) and max(known) - min(known) <= LONGEST_SPAN:
        known_from, known_to = min(known), max(known)  # members between are not in the sample: look at all of it
        return [(known_from - AROUND, known_to + AROUND + 1)]
    return [(time - AROUND, time + AROUND + 1) for time in known]


def _joined(spans: Sequence[tuple[Micros, Micros]]) -> list[tuple[Micros, Micros]]:
    joined: list[tuple[Micros, Micros]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


async def collect(
    bus: Bus,
    place: Place,
    incident: Incident,
    alerts: Sequence[Alert],
    *,
    actor: str,
    at: Micros,
    progress: Callable[[int], None] = lambda _: None,
) -> EvidenceManifest | None:
    """Gather and write the evidence of an incident; None if none of its lines is retained any more.

    Raises:
        UnavailableError: archive or bus are away.
    """
    reading = RawLines(bus, place, windows(alerts), progress)
    members = {event_id for alert in alerts for event_id in alert.members}
    kept, left_out = await _gathered(reading.lines(), members)
    if not kept:
        return None
    damaged = tuple(name for name, _ in reading.looked.damaged)

    def written() -> EvidenceManifest:
        writer = Writer()
        for one in sorted(kept, key=lambda one: (one.raw.received, one.raw.source, one.id)):
            writer.add(one, matched=one.id in members)
        pinned = writer.finish(
            incident=incident.id,
            number=incident.number,
            made=at,
            made_by=actor,
            left_out=left_out,
            damaged=damaged,
        )
        evidence.store(place, pinned)
        return pinned.manifest

    return await asyncio.to_thread(written)


async def _gathered(lines: AsyncIterator[Archived], members: set[str]) -> tuple[list[Archived], int]:
    """The lines to keep and how many of those around found no room; matched ones are always kept."""
    kept: list[Archived] = []
    around = size = left_out = 0
    async for one in lines:
        if one.id not in members:
            if around >= MAX_LINES or size + len(one.raw.data) > MAX_BYTES:
                left_out += 1
                continue
            around += 1
            size += len(one.raw.data)
        kept.append(one)
    return kept, left_out


def pin_changes(manifest: EvidenceManifest) -> dict[str, Any]:
    """The arguments of the act ``pin``."""
    return {
        "name": manifest.name,
        "sha256": manifest.sha256,
        "size": manifest.size,
        "lines": len(manifest.lines),
        "start": manifest.start,
        "end": manifest.end,
    }


@dataclass(slots=True)
class Pinning:
    """One request of a person, as far as it has come.

    Attributes:
        state: ``waiting`` for its turn, ``reading`` raw lines, ``pinned``, ``nothing`` (no line of it is retained) or ``failed``.
        read: lines looked at so far.
        detail: the file's name, or why it failed.
    """

    incident_id: str
    actor: str
    role: str
    units: tuple[str, ...]
    asked: Micros
    state: Literal["waiting", "reading", "pinned", "nothing", "failed"] = "waiting"
    read: int = 0
    lines: int = 0
    detail: str = ""


ReadIncident = Callable[[str], Awaitable[tuple[Incident, Sequence[Alert]] | None]]
"""An incident and its alerts as they are now; None if it is gone."""
ActCall = Callable[[Action], Awaitable[Answer | None]]


@dataclass(slots=True)
class Pins:
    """Pins evidence beside a console, one incident at a time, so that pages go on answering.

    Attributes:
        bus, place: where raw lines are, and where evidence goes.
        incident: reads an incident and its alerts.
        act: hands the act ``pin`` in.
        clock: the time.
    """

    bus: Bus
    place: Place
    incident: ReadIncident
    act: ActCall
    clock: Clock
    _queue: asyncio.Queue[Pinning] = field(default_factory=lambda: asyncio.Queue[Pinning](QUEUE))
    _latest: dict[str, Pinning] = field(default_factory=dict[str, Pinning])

    def ask(self, incident_id: str, actor: str, role: str, units: tuple[str, ...]) -> Pinning:
        """Ask for one incident's evidence; what is under way for it already is not begun twice.

        Raises:
            UnavailableError: ``QUEUE`` wait already.
        """
        known = self._latest.get(incident_id)
        if known is not None and known.state in {"waiting", "reading"}:
            return known
        pinning = Pinning(incident_id, actor, role, units, self.clock())
        try:
            self._queue.put_nowait(pinning)
        except asyncio.QueueFull:
            raise UnavailableError(f"evidence of {QUEUE} incidents is being pinned already; ask again later") from None
        self._latest[incident_id] = pinning
        return pinning

    def latest(self, incident_id: str) -> Pinning | None:
        """How far the last request for an incident has come, since this console started."""
        return self._latest.get(incident_id)

    async def file(self, name: str, *, manifest: bool = False) -> bytes:
        """The bytes of a file of evidence, or of its manifest.

        Raises:
            RecordError: there is none.
            UnavailableError: the archive is away.
        """
        read = evidence.manifest_bytes if manifest else evidence.content
        return await asyncio.to_thread(read, self.place, name)

    async def run(self, stop: asyncio.Event) -> None:
        """Pin what is asked for until told to stop."""
        while not stop.is_set():
            try:
                pinning = await asyncio.wait_for(self._queue.get(), 1.0)
            except TimeoutError:
                continue
            try:
                await self._pin(pinning, stop)
            except SocError as error:
                pinning.state, pinning.detail = "failed", str(error)
                log.warning("evidence_not_pinned", incident=pinning.incident_id, error=str(error))

    async def _pin(self, pinning: Pinning, stop: asyncio.Event) -> None:
        pinning.state = "reading"
        found = await self.incident(pinning.incident_id)
        if found is None:
            pinning.state, pinning.detail = "failed", "the incident is gone"
            return

        def read(count: int) -> None:
            pinning.read = count

        incident, alerts = found
        manifest = await collect(
            self.bus, self.place, incident, alerts, actor=pinning.actor, at=self.clock(), progress=read
        )
        if manifest is None:
            pinning.state = "nothing"
            return
        pinning.lines = len(manifest.lines)
        refused = await self._say(pinning, pin_changes(manifest), stop)
        pinning.state, pinning.detail = ("failed", refused) if refused else ("pinned", manifest.name)

    async def _say(self, pinning: Pinning, changes: Mapping[str, Any], stop: asyncio.Event) -> str:
        """Hand the act in, at the incident's revision of now: pinning overwrites nothing. "" or why it was not taken."""
        why = "triage did not answer"
        conflicts = 0
        for _ in range(ATTEMPTS):
            found = await self.incident(pinning.incident_id)
            if found is None:
                return "the incident is gone"
            action = Action(
                id=f"{pinning.actor}:pin:{changes['name']}:{conflicts}",  # unanswered, it is the same act again
                at=self.clock(),
                actor=pinning.actor,
                role=pinning.role,
                kind="pin",
                target="incident",
                target_id=pinning.incident_id,
                expected_revision=found[0].revision,
                changes=dict(changes),
                units=pinning.units,
            )
            answer = await self.act(action)
            if answer is not None and answer.outcome == "accepted":
                return ""
            if answer is not None:
                why = answer.reason
                conflicts += 1
                if answer.outcome == "refused":
                    return why
            await pause(stop, 0.5)
        return why
