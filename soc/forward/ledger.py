"""The forwarder's state: every report, what each incident lately said, and the bytes to commit.

Keys of the state (values are MessagePack):

    r/<ordinal>          a report; the ordinal counts sealed reports, so the order of keys is the order of sealing
    v/<incident>/<slot>  a former content of an incident, redacted, as JSON, with what was withheld of it (``soc.forward.contents``)
    w/<incident>         how many contents were kept so far
    s/<incident>         how many of its settlements were taken up
    d/<report>           a person's decision about a report that waits until nothing of the report is under way
    c                    the counters
    restored             an operator declared this state restored: it may be older than what was done (``soc.forward.rebuild``)
"""

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import chain, islice
from typing import Any, NamedTuple

import msgspec

from soc.audit.chain import Entry, Head, append
from soc.clock import Micros
from soc.forward.contents import Contents
from soc.forward.outbox import DONE, FINAL, OVERTAKING, STUCK
from soc.forward.payload import START, canonical, content
from soc.forward.redact import Withheld
from soc.model import Incident, Report, Settlement, decode, encode
from soc.model.incident import OPEN
from soc.privacy.inside import NOTHING, Inside

ENDS_KEPT = 64
"""Reports sealed between a preview and its approval, past which the approval is stale."""

RESTORED = b"restored"
_TREE, _WITHHELD = "tree", "withheld"

CHAIN = "forward"
"""The name of the forwarder's audit chain, and the key of its lines."""


class Counters(msgspec.Struct):
    """What only ever grows."""

    sealed: int = 0
    audit: Head = Head(CHAIN)


class Changes(NamedTuple):
    """What is to be committed together."""

    reports: list[Report]
    audit: list[bytes]
    state: dict[bytes, bytes | None]

    def then(self, later: "Changes") -> "Changes":
        """These and what changed after them."""
        return Changes([*self.reports, *later.reports], [*self.audit, *later.audit], {**self.state, **later.state})


class Ledger:
    """Everything the forwarder knows; every change goes through here."""

    def __init__(self, state: Mapping[bytes, bytes], overtaking: Collection[str] = OVERTAKING) -> None:
        """Take up the committed state.

        Args:
            state: as it was committed.
            overtaking: kinds that go past whatever is stuck before them.

        Raises:
            RecordError: a value is not what its key says.
        """
        self._overtaking = overtaking
        self.counters = decode(state[b"c"], Counters) if b"c" in state else Counters()
        self._reports: dict[str, Report] = {}
        self._ordinals: dict[str, int] = {}
        self._sealed: set[tuple[str, str, int, str]] = set()
        self._settled: dict[str, int] = {}
        self._decisions: dict[str, Settlement] = {}
        self._contents: dict[str, Contents] = {}
        self._changes = Changes([], [], {})
        self.restored = RESTORED in state
        for name in sorted(state):
            kind, _, rest = name.decode().partition("/")
            if kind == "r":
                self._place(decode(state[name], Report), int(rest))
            elif kind == "w":
                self._contents.setdefault(rest, Contents()).count = decode(state[name], int)
            elif kind == "d":
                self._decisions[rest] = decode(state[name], Settlement)
            elif kind == "s":
                self._settled[rest] = decode(state[name], int)
            elif kind == "v":
                incident_id, _, slot = rest.rpartition("/")
                self._contents.setdefault(incident_id, Contents()).restore(int(slot), state[name])

    @property
    def reports(self) -> list[Report]:
        """Every report in the order of sealing."""
        return list(self._reports.values())

    def find(self, report_id: str) -> Report | None:
        """A report by its id."""
        return self._reports.get(report_id)

    def sealed(self, incident_id: str, kind: str, sequence: int, recipient: str) -> bool:
        """Whether the approval of that order was acted upon, whatever came of it."""
        return (incident_id, kind, sequence, recipient) in self._sealed

    def take_up(self, incident: Incident) -> None:
        """Remember what people decided about an incident's reports since the last time."""
        for settlement in incident.settlements[self._settled.get(incident.id, 0) :]:
            self._decisions[settlement.report_id] = settlement
            self._changes.state[b"d/" + settlement.report_id.encode()] = encode(settlement)
        if len(incident.settlements) > self._settled.get(incident.id, 0):
            self._settled[incident.id] = len(incident.settlements)
            self._changes.state[b"s/" + incident.id.encode()] = encode(len(incident.settlements))

    @property
    def decisions(self) -> list[Settlement]:
        """What people decided and was not acted upon yet."""
        return list(self._decisions.values())

    def decided(self, report_id: str) -> None:
        """The decision about this report was acted upon."""
        del self._decisions[report_id]
        self._changes.state[b"d/" + report_id.encode()] = None

    def put(self, report: Report) -> None:
        """The report is now so; a new one is sealed."""
        self.adopt(report)
        self._changes.reports.append(report)

    def adopt(self, report: Report) -> None:
        """The report is so, and ``soc.outbox`` says it already."""
        if report.id not in self._ordinals:
            self.counters.sealed += 1
            self._place(report, self.counters.sealed)
        self._reports[report.id] = report
        self._changes.state[b"r/%012d" % self._ordinals[report.id]] = encode(report)

    def learn(self, incident: Incident, inside: Inside = NOTHING) -> None:
        """Keep what an incident says now, if that is new: somebody may be looking at a preview of it.

        Args:
            incident: as it is now.
            inside: what the register says is ours.
        """
        tree, withheld = content(incident, inside)
        data = canonical({_WITHHELD: msgspec.to_builtins(withheld), _TREE: tree})
        contents, name = self._contents.setdefault(incident.id, Contents()), incident.id.encode()
        added = contents.add(data)
        for slot, packed in added.items():
            self._changes.state[b"v/%s/%d" % (name, slot)] = packed
            self._changes.state[b"w/" + name] = encode(contents.count)
        if incident.status not in OPEN:  # it is kept for ever, and is not under attack any more
            for slot in contents.forget_old():
                self._changes.state[b"v/%s/%d" % (name, slot)] = None

    def contents(self, incident_id: str) -> Iterator[tuple[dict[str, Any], tuple[Withheld, ...]]]:
        """What the incident said and what was withheld of it, latest first, as far as it is kept."""
        for data in self._contents.get(incident_id, ()):
            kept = json.loads(data)
            yield kept[_TREE], msgspec.convert(kept[_WITHHELD], tuple[Withheld, ...])

    def ends(self) -> tuple[tuple[int, str], ...]:
        """Where the audit chain stood when each of the latest reports was sealed, latest first."""
        found = (report.audit for report in reversed(self._reports.values()) if report.audit[0])
        return tuple(islice(chain(found, (START,)), ENDS_KEPT))

    def record(self, entry: Entry) -> None:
        """Append to the forwarder's audit chain."""
        line, self.counters.audit = append(self.counters.audit, entry)
        self._changes.audit.append(line)

    def take(self) -> Changes:
        """What changed since the last call."""
        changes = self._changes
        if changes.reports or changes.audit or changes.state:
            changes.state[b"c"] = encode(self.counters)
        self._changes = Changes([], [], {})
        return changes

    def heads(self, recipient: str | None = None) -> list[Report]:
        """The reports whose turn it is, in the order of sealing: of each incident one to each recipient.

        Reports on one incident to one recipient go out strictly in order. A rejected one holds up what follows it until a newer one
        of its kind takes its place; what is done holds up nothing. An overtaking kind goes past whatever is stuck before it.

        Args:
            recipient: only those to this one; None is everybody's.
        """
        lanes: dict[tuple[str, str], list[Report]] = {}
        for report in self._reports.values():
            if report.state not in DONE and recipient in {None, report.recipient}:
                lanes.setdefault((report.incident_id, report.recipient), []).append(report)
        heads: list[Report] = []
        for lane in lanes.values():
            newest = {report.kind: report.id for report in lane}
            waiting = [item for item in lane if item.state not in FINAL or newest[item.kind] == item.id]
            first = waiting[0]
            heads += [first] if first.state not in FINAL | {"held"} else []
            if first.state in STUCK:
                hasty = (
                    item for item in waiting[1:] if item.kind in self._overtaking and item.state not in FINAL | {"held"}
                )
                heads += [item for item in (next(hasty, None),) if item]
        return heads

    def next_due(self, recipient: str | None = None) -> Micros | None:
        """When the next head is due; None if there is none."""
        return min((report.next_attempt for report in self.heads(recipient)), default=None)

    def _place(self, report: Report, ordinal: int) -> None:
        self._reports[report.id] = report
        self._ordinals[report.id] = ordinal
        self._sealed.add((report.incident_id, report.kind, report.sequence, report.recipient))
