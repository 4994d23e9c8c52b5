"""An incident's id in, its dossier's bytes out: gathered from the store, the forwarder's state, the audit chains and the archive."""

import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec

from soc.archive.evidence import manifest as evidence_manifest
from soc.archive.place import Place
from soc.audit.chain import Entry, Head
from soc.audit.signing import fingerprint, public_of
from soc.audit.walk import Walk
from soc.bus.base import Bus
from soc.clock import Micros, to_datetime, to_iso
from soc.duties.clocks import clocks
from soc.duties.policy import Policy
from soc.errors import RecordError, SettingsError
from soc.forward.dossier import FORMAT, Chain, Manifest, Proof, packed, runs_of, sums
from soc.forward.dossier_readme import README
from soc.forward.late import reasons
from soc.forward.ledger import Ledger
from soc.forward.owed import incident_of
from soc.model import Incident, Report
from soc.pipeline.auditing import committed_heads, lines
from soc.store.base import Document, Store
from soc.store.documents import builtins
from soc.store.query import Field
from soc.store.words import normal

KEEP_YEARS = 5
"""Decree 356/2025 art. 29 asks for five years after the end for what concerns personal data; kept for every dossier (national.md §2.1)."""
BETWEEN = 20_000
"""Lines of other matters between two of the incident that a run still holds; beyond, a new run begins."""

_TOLD = (
    *("id", "number", "title", "title_vi", "level", "kind", "severity", "flags", "status", "verdict", "close_reason"),
    *("t0", "t0_reason", "first_seen", "last_seen", "raised", "acknowledged_at", "confirmed_at", "contained_at"),
    *("closed_at", "exercise", "tlp", "keep_secret", "particulars", "approvals", "settlements", "evidence", "timeline"),
    *("campaign", "links", "merged_into", "units"),
)
"""What of an incident is in its dossier; alerts, notes and tasks are not: the store has them."""


class Asked(NamedTuple):
    """Of whom a dossier is made.

    Attributes:
        runs: with runs of whole audit chains, which hold lines about other matters: for who may read the audit.
        private: the audit key (PEM) to sign with; None leaves it unsigned.
    """

    organization: str
    made_by: str
    private: bytes | None = None
    runs: bool = True


class Sources(NamedTuple):
    """Where a dossier is gathered from."""

    store: Store
    bus: Bus
    place: Place
    policy: Policy


async def find_incident(store: Store, identifier: str) -> Incident:
    """An incident by its id or number.

    Raises:
        SettingsError: there is none.
    """
    document: Document | None = await store.get("incident", identifier)
    if document is None:
        page = await store.search("incident", Field("incident.number", ((False, normal(identifier)),)), limit=1)
        document = page.documents[0] if page.documents else None
    found = incident_of(document) if document else None
    if found is None:
        raise SettingsError([f"there is no incident {identifier!r}"])
    return found


class Made(NamedTuple):
    """A dossier.

    Attributes:
        sha256: of its bytes, which the audit has.
        key: fingerprint of the key that signed it, "" if none did.
    """

    data: bytes
    sha256: str
    key: str


async def recorded(
    sources: Sources, incident: Incident, asked: Asked, now: Micros, record: Callable[[Entry], Awaitable[None]]
) -> Made:
    """The dossier of an incident, with its SHA-256 in the audit before anybody has it.

    Raises:
        UnavailableError: it could not be gathered or recorded, so nobody gets it.
    """
    data = await make(sources, incident, asked, now)
    sha256 = hashlib.sha256(data).hexdigest()
    key = fingerprint(public_of(asked.private)) if asked.private else ""
    await record(Entry(now, asked.made_by, "dossier", f"incident/{incident.id}", f"sha256 {sha256}"))
    return Made(data, sha256, key)


async def make(sources: Sources, incident: Incident, asked: Asked, now: Micros) -> bytes:
    """The dossier of an incident as things are now; the caller records in the audit that it was made before he hands it on.

    Raises:
        UnavailableError: something that it is gathered from is away.
    """
    policy = sources.policy
    everything = await _reports(sources, incident)
    reports = [
        report for report in everything if report.incident_id not in {link.incident_id for link in incident.links}
    ]
    files: dict[str, bytes] = {
        "README.txt": README.encode(),
        "incident.json": _json({name: builtins(incident)[name] for name in _TOLD}),
        "clocks.json": _json(list(clock_rows(policy, incident, everything, now))),
    }
    for number, report in enumerate(reports, 1):
        folder = f"reports/{number:02d}-{report.kind}"
        files[f"{folder}/payload.bin"] = report.payload
        files[f"{folder}/report.json"] = _json(told(report, incident))
    for item in incident.evidence:
        files[f"evidence/{item.name}.manifest.json"] = _evidence(sources.place, item.name)
    merged = {f"incident/{report.incident_id}" for report in reports}
    about = {
        *merged,
        f"incident/{incident.id}",
        f"incident/{incident.number}",
        *(f"report/{one.id}" for one in reports),
    }
    about |= {f"alert/{alert}" for alert in incident.alerts}
    files |= await _audit(sources.bus, about, runs=asked.runs)
    keep = to_datetime(incident.closed_at or now).astimezone(policy.zone) + timedelta(days=366 * KEEP_YEARS)
    manifest = Manifest(
        FORMAT,
        asked.organization,
        incident.id,
        incident.number,
        now,
        asked.made_by,
        keep.date().isoformat(),
        policy.id,
        policy.hash,
        (),
    )
    return packed(manifest, {**files, "SHA256SUMS": sums(files)}, asked.private)


async def _reports(sources: Sources, incident: Incident) -> list[Report]:
    """Reports with their sealed bytes as the forwarder has them, in the order of sealing.

    The incident's, those of incidents that were merged into it, and those of its campaign's others, which may answer for it.
    """
    ids = {incident.id, *(link.incident_id for link in incident.links)}
    page = await sources.store.search(
        "incident", Field("incident.merged_into", ((False, normal(incident.id)),)), limit=200
    )
    ids |= {document.id for document in page.documents}
    return [
        report
        async for _, state in sources.bus.states("forward")
        for report in Ledger(state).reports
        if report.incident_id in ids
    ]


def clock_rows(policy: Policy, incident: Incident, reports: Sequence[Report], now: Micros) -> Iterator[dict[str, Any]]:
    """Each duty that was or is owed: due, delivered, how it ended, and why it was late."""
    for clock in clocks(policy, incident, now, reports):
        if clock.state == "not_triggered":
            continue
        yield {
            "duty": clock.duty,
            "kind": clock.kind,
            "recipient": clock.recipient,
            "state": clock.state,
            "counts_from": _time(clock.t0),
            "due": _time(clock.due),
            "delivered": _time(clock.delivered),
            "covered_by": clock.covered_by,
            "report": clock.report_id,
            "report_state": clock.report_state,
            "missing": list(clock.missing),
            "why": list(reasons(clock, incident, reports, policy.zone)),
            "legal_basis": clock.legal_basis,
            "verified": clock.verified,
        }


def told(report: Report, incident: Incident) -> dict[str, Any]:
    """A report without its bytes: states, receipt, who approved, what was withheld."""
    tree = builtins(msgspec.structs.replace(report, payload=b"", withheld=()))
    del tree["payload"]
    given = [one for one in incident.approvals if one.payload_sha256 == report.payload_sha256]
    withheld = [{"field": field, "rule": rule, "count": count} for field, rule, count in report.withheld]
    return tree | {
        "sealed": to_iso(report.sealed_at),
        "approvals": builtins(given),
        "settlements": builtins([one for one in incident.settlements if one.report_id == report.id]),
        "withheld": withheld,
    }


async def _audit(bus: Bus, about: Collection[str], *, runs: bool) -> dict[str, bytes]:
    """The lines about these objects, the runs that prove them, and how every chain ends."""
    wanted = tuple(f'"object":{msgspec.json.encode(name).decode()}'.encode() for name in sorted(about))
    walks: dict[str, _Kept] = {}
    async for key, line in lines(bus):
        chain = key.decode("utf-8", "replace")
        kept = walks.setdefault(chain, _Kept(chain, keep=runs))
        kept.feed(line, about=any(name in line for name in wanted))
    ends = await committed_heads(bus)
    own: list[bytes] = []
    found: list[Any] = []
    files: dict[str, bytes] = {}
    for chain, kept in sorted(walks.items()):
        own += kept.own
        if runs and kept.pieces:
            made, texts = runs_of(chain, kept.pieces)
            found += made
            files |= texts
    said = tuple(Chain(kept.walk.head, kept.fault(ends)) for _, kept in sorted(walks.items()))
    left_out = (
        "" if runs else "runs of whole chains are for who may read the audit: an auditor, or `soc report dossier`"
    )
    own.sort(key=_at)
    return {
        **files,
        "audit/incident.ndjson": b"".join(line + b"\n" for line in own),
        "audit/proof.json": _json(msgspec.to_builtins(Proof(tuple(found), said, left_out))),
    }


class _Kept:
    """One chain as it is read: walked whole, with what stands from the first line about the incident to the last."""

    def __init__(self, chain: str, *, keep: bool) -> None:
        self.walk = Walk(chain)
        self.own: list[bytes] = []
        self.pieces: list[list[bytes]] = []
        self._keep = keep
        self._since: list[bytes] | None = None
        """Lines after the last one about the incident; None before the first and after too many others."""

    def feed(self, line: bytes, *, about: bool) -> None:
        self.walk.feed(line)
        if about:
            self.own.append(line)
            if self._since is None:
                self.pieces.append([])
            if self._keep:
                self.pieces[-1] += [*(self._since or ()), line]
            self._since = []
        elif self._since is not None:
            self._since.append(line)
            if len(self._since) > BETWEEN:
                self._since = None

    def fault(self, ends: Mapping[str, Head]) -> str:
        """What was done to the chain; lines that came after its end was read are none."""
        faults = [f"line {one.seq}: {one.reason}" for one in self.walk.faults]
        end = ends.get(self.walk.head.chain)
        if end is None:
            faults.append("no stage has the end of this chain")
        elif end.seq < self.walk.head.seq or (end.seq == self.walk.head.seq and end.hash != self.walk.head.hash):
            faults.append("it does not end where its writer committed")
        return "; ".join(faults)


class _Stamp(msgspec.Struct):
    at: int = 0


def _at(line: bytes) -> int:
    try:
        return msgspec.json.decode(line, type=_Stamp).at
    except msgspec.MsgspecError:
        return 0  # a line that somebody damaged: the chain's fault says so


def _evidence(place: Place, name: str) -> bytes:
    try:
        return _json(msgspec.to_builtins(evidence_manifest(place, name)))
    except RecordError as error:
        return _json({"name": name, "missing": error.reason})


def _json(tree: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(tree)) + b"\n"


def _time(at: Micros | None) -> str:
    return "" if at is None else to_iso(at)
