"""The count of records per source and receive minute: records in, the state changes that say how many there are out.

``soc reconcile`` compares these counts with what came out of the stages behind. They commit with the records they count,
so they are exact whatever was killed. The key is ``balance/<minute>/<source>`` (minute: ``received // 60 s``, decimal), the
value a MessagePack integer, cumulative. Beyond ``MAX_SOURCES`` sources in one minute (a flood with forged senders) the rest of
that minute is counted under the empty source: the sum per minute stays exact and the state stays bounded.
"""

from array import array
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from soc.clock import DAY, MINUTE, Micros
from soc.model.codec import decode, encode

PREFIX = b"balance/"
KEPT = 7 * DAY
MAX_SOURCES = 10_000
_OPEN_MINUTES = 3  # counted in dictionaries; older minutes are packed: 16 bytes a source instead of about 150
_DELETED_AT_ONCE = 5_000  # so that one commit after a long stop is not made of deletions

Counts = Mapping[tuple[int, str], int]
"""(minute, source) → how many."""


def key_of(minute: int, source: str) -> bytes:
    """The state key of one count."""
    return b"balance/%d/%s" % (minute, source.encode("utf-8", "surrogateescape"))


class Plan(NamedTuple):
    """What a commit would change: new totals, and what it deletes because it is old."""

    totals: Mapping[tuple[int, str], int]
    expired: tuple[tuple[int, str], ...]

    def changes(self) -> dict[bytes, bytes | None]:
        """As state changes."""
        changes: dict[bytes, bytes | None] = {key_of(*key): encode(total) for key, total in self.totals.items()}
        changes.update((key_of(*key), None) for key in self.expired)
        return changes


class Balance:
    """The working copy. ``plan`` changes nothing; ``apply`` is called once the plan is durable."""

    def __init__(self, state: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._open: dict[int, dict[str, int]] = {}
        self._packed: dict[int, tuple[tuple[str, ...], array[int]]] = {}
        names: dict[str, str] = {}  # one object per source, not one per minute and source
        for key, value in state:
            if key.startswith(PREFIX):
                minute, source = key[len(PREFIX) :].split(b"/", 1)
                name = source.decode("utf-8", "surrogateescape")
                self._open.setdefault(int(minute), {})[names.setdefault(name, name)] = decode(value, int)
        self._pack()

    def _pack(self) -> None:
        for minute in sorted(self._open)[:-_OPEN_MINUTES]:
            counts = self._open.pop(minute)
            self._packed[minute] = (tuple(counts), array("Q", counts.values()))

    def _minute(self, minute: int) -> dict[str, int]:
        if minute in self._packed:  # the clock was set back, or a batch waited long
            sources, totals = self._packed.pop(minute)
            self._open[minute] = dict(zip(sources, totals, strict=True))
        return self._open.get(minute, {})

    def plan(self, counts: Counts, now: Micros) -> Plan:
        """The totals after ``counts`` more records, and which old counts go."""
        totals: dict[tuple[int, str], int] = {}
        added: dict[int, int] = {}
        for (minute, source), count in counts.items():
            known = self._minute(minute)
            name = source
            if source not in known:
                if len(known) + added.get(minute, 0) >= MAX_SOURCES:
                    name = ""
                else:
                    added[minute] = added.get(minute, 0) + 1
            totals[minute, name] = totals.get((minute, name), known.get(name, 0)) + count
        return Plan(totals, self._expired((now - KEPT) // MINUTE))

    def _expired(self, before: int) -> tuple[tuple[int, str], ...]:
        old: list[tuple[int, str]] = []
        for minute in sorted(m for m in self._packed if m < before):
            old += [(minute, source) for source in self._packed[minute][0]]
            if len(old) >= _DELETED_AT_ONCE:
                break
        return tuple(old)

    def apply(self, plan: Plan) -> None:
        """The plan is durable."""
        for (minute, source), total in plan.totals.items():
            if minute in self._packed:
                self._minute(minute)
            self._open.setdefault(minute, {})[source] = total
        for minute, _ in plan.expired:
            self._packed.pop(minute, None)
        if len(self._open) > _OPEN_MINUTES:
            self._pack()

    def total(self) -> int:
        """All records counted in what is kept."""
        return sum(sum(counts.values()) for counts in self._open.values()) + sum(
            sum(totals) for _, totals in self._packed.values()
        )
