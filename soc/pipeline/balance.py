"""The balance of promise 1: what became of the records of each source and receive minute, counted with the outputs.

State keys are ``balance/<receive minute>/<source>``; collect's value is how many records it wrote to ``soc.raw``, the
engine's is (normalized, dead-lettered, discarded). ``soc reconcile`` compares them.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from soc.clock import MINUTE, Micros

PREFIX = b"balance/"
KEEP_MINUTES = 7 * 24 * 60


class Outcomes(msgspec.Struct, array_like=True):
    """What became of the records of one source and minute."""

    normalized: int = 0
    dead: int = 0
    discarded: int = 0

    @property
    def total(self) -> int:
        """All of them: each record is in one bucket."""
        return self.normalized + self.dead + self.discarded


def key(received: Micros, source: str) -> bytes:
    """The state key of a record's bucket."""
    return PREFIX + b"%d/" % (received // MINUTE) + source.encode()


def parse_key(state_key: bytes) -> tuple[int, str]:
    """(minute, source) of a state key."""
    minute, source = state_key[len(PREFIX) :].split(b"/", 1)
    return int(minute), source.decode()


class Balance:
    """The engine's working copy for one partition."""

    def __init__(self) -> None:
        self._counts: dict[bytes, Outcomes] = {}
        self._touched: set[bytes] = set()
        self._newest = 0

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Take up the committed counts."""
        for state_key, value in state.items():
            if state_key.startswith(PREFIX):
                self._counts[state_key] = msgspec.msgpack.decode(value, type=Outcomes)
                self._newest = max(self._newest, parse_key(state_key)[0])

    def bucket(self, received: Micros, source: str) -> Outcomes:
        """The bucket of a record, to be counted up by the caller."""
        state_key = key(received, source)
        self._touched.add(state_key)
        found = self._counts.get(state_key)
        if found is None:
            found = self._counts[state_key] = Outcomes()
        return found

    def changes(self) -> dict[bytes, bytes | None]:
        """What must be committed; minutes older than a week behind the newest are dropped."""
        changes: dict[bytes, bytes | None] = {
            state_key: msgspec.msgpack.encode(self._counts[state_key]) for state_key in self._touched
        }
        newest = max((parse_key(state_key)[0] for state_key in self._touched), default=self._newest)
        if newest > self._newest:
            self._newest = newest
            for state_key in [k for k in self._counts if parse_key(k)[0] < newest - KEEP_MINUTES]:
                del self._counts[state_key]
                changes[state_key] = None
        self._touched.clear()
        return changes


class Imbalance(msgspec.Struct, frozen=True):
    """One source and minute whose sum is off."""

    source: str
    minute: int
    raw: int
    normalized: int
    dead: int
    discarded: int

    @property
    def missing(self) -> int:
        """Records in ``soc.raw`` that are in no bucket; negative when some are in two."""
        return self.raw - self.normalized - self.dead - self.discarded


class Sums(msgspec.Struct, frozen=True):
    """The balance of an installation.

    Attributes:
        in_flight: records of ``soc.raw`` that the engine has not committed yet; they are part of ``off`` until then.
        off: every (source, minute) where raw differs from the sum of its buckets, oldest first.
    """

    raw: int
    normalized: int
    dead: int
    discarded: int
    in_flight: int
    off: tuple[Imbalance, ...]

    @property
    def balanced(self) -> bool:
        """Nothing is in flight and nothing is off."""
        return not self.off and self.in_flight == 0


def compare(
    collected: Iterable[Mapping[bytes, bytes]], engines: Iterable[Mapping[bytes, bytes]], in_flight: int
) -> Sums:
    """The balance from the committed states of the collect and engine partitions."""
    raw: dict[bytes, int] = {}
    for state_key, value in _buckets(collected):
        raw[state_key] = raw.get(state_key, 0) + msgspec.msgpack.decode(value, type=int)
    done: dict[bytes, Outcomes] = {}
    for state_key, value in _buckets(engines):
        part = msgspec.msgpack.decode(value, type=Outcomes)
        whole = done.setdefault(state_key, Outcomes())
        whole.normalized += part.normalized
        whole.dead += part.dead
        whole.discarded += part.discarded
    _fold_uncounted_sources(raw, done)
    off: list[Imbalance] = []
    for state_key in sorted(raw.keys() | done.keys()):
        outcome = done.get(state_key, Outcomes())
        if raw.get(state_key, 0) != outcome.total:
            minute, source = parse_key(state_key)
            counts = (outcome.normalized, outcome.dead, outcome.discarded)
            off.append(Imbalance(source, minute, raw.get(state_key, 0), *counts))
    totals = [sum(getattr(outcome, name) for outcome in done.values()) for name in ("normalized", "dead", "discarded")]
    return Sums(sum(raw.values()), totals[0], totals[1], totals[2], in_flight, tuple(off))


def _fold_uncounted_sources(raw: Mapping[bytes, int], done: dict[bytes, Outcomes]) -> None:
    """Compare a minute with too many sources as collect counted it: those past its bound together, under the empty name."""
    for state_key in [key for key in done if key not in raw]:
        rest = PREFIX + b"%d/" % parse_key(state_key)[0]
        if rest in raw:
            part, whole = done.pop(state_key), done.setdefault(rest, Outcomes())
            whole.normalized += part.normalized
            whole.dead += part.dead
            whole.discarded += part.discarded


def _buckets(states: Iterable[Mapping[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for state in states:
        for state_key, value in state.items():
            if state_key.startswith(PREFIX):
                yield state_key, value
