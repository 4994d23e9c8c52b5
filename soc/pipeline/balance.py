"""The balance of promise 1: what became of the records of each source and receive minute, counted with the outputs.

State keys are ``balance/<receive minute>/<source>``; collect's value is how many records it wrote to ``soc.raw``, the
engine's is ``Outcomes``. ``soc reconcile`` compares them.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from soc.clock import MINUTE, Micros

PREFIX = b"balance/"
KEEP_MINUTES = 7 * 24 * 60


class Outcomes(msgspec.Struct, array_like=True):
    """What became of the records of one source and minute, in one partition or in all.

    A retried dead letter moves from ``dead`` to another bucket in the minute it was received in, but perhaps in another
    partition than the one that counted it dead: one partition's numbers may be negative, the sum over all never is.

    Attributes:
        dead: dead letters that are open.
        discarded: by a named policy.
        joined: parts of an assembled event but its first, which stands for the event.
        policies: name → how many of ``discarded`` it discarded; what was counted before names were kept is in none.
    """

    normalized: int = 0
    dead: int = 0
    discarded: int = 0
    joined: int = 0
    policies: dict[str, int] = {}

    @property
    def total(self) -> int:
        """All of them: each record is in one bucket."""
        return self.normalized + self.dead + self.discarded + self.joined

    def discard(self, policy: str) -> None:
        """Count one record that a policy discarded."""
        self.discarded += 1
        self.policies[policy] = self.policies.get(policy, 0) + 1

    def add(self, part: "Outcomes") -> None:
        """Count another partition's, or another minute's, too."""
        self.normalized += part.normalized
        self.dead += part.dead
        self.discarded += part.discarded
        self.joined += part.joined
        for policy, count in part.policies.items():
            self.policies[policy] = self.policies.get(policy, 0) + count


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
    joined: int = 0

    @property
    def missing(self) -> int:
        """Records in ``soc.raw`` that are in no bucket; negative when some are in two."""
        return self.raw - self.normalized - self.dead - self.discarded - self.joined


class SourceSums(msgspec.Struct, frozen=True):
    """What became of one source's records in a stretch of time.

    Attributes:
        source: its name; "" is all beyond the bound on sources a minute.
        unsettled: records that are in no bucket: in flight, or missing.
        policies: what discarded how many.
    """

    source: str
    raw: int
    normalized: int
    dead: int
    discarded: int
    joined: int
    unsettled: int
    policies: dict[str, int] = {}


class Sums(msgspec.Struct, frozen=True):
    """The balance of an installation.

    Attributes:
        in_flight: records of ``soc.raw`` that the engine has not committed yet, and parts that wait for the rest of their
            event; they are part of ``off`` until then.
        off: every (source, minute) where raw differs from the sum of its buckets, oldest first.
    """

    raw: int
    normalized: int
    dead: int
    discarded: int
    in_flight: int
    off: tuple[Imbalance, ...]
    joined: int = 0
    policies: dict[str, int] = {}

    @property
    def balanced(self) -> bool:
        """Nothing is in flight and nothing is off."""
        return not self.off and self.in_flight == 0


Collected = Iterable[Mapping[bytes, bytes]]
"""The committed states of collect's partitions."""

Engines = Iterable[Mapping[bytes, bytes]]
"""The committed states of the engine's partitions."""


def compare(collected: Collected, engines: Engines, in_flight: int) -> Sums:
    """The balance of everything that is counted."""
    raw, done = _counts(collected, engines)
    whole = Outcomes()
    off: list[Imbalance] = []
    for state_key in sorted(raw.keys() | done.keys()):
        part = done.get(state_key) or Outcomes()
        whole.add(part)
        if raw.get(state_key, 0) != part.total:
            minute, source = parse_key(state_key)
            counts = (part.normalized, part.dead, part.discarded, part.joined)
            off.append(Imbalance(source, minute, raw.get(state_key, 0), *counts))
    return Sums(
        sum(raw.values()),
        whole.normalized,
        whole.dead,
        whole.discarded,
        in_flight,
        tuple(off),
        whole.joined,
        whole.policies,
    )


def by_source(collected: Collected, engines: Engines, since: int, until: int = 1 << 62) -> list[SourceSums]:
    """The balance of each source over the receive minutes from ``since`` to before ``until`` (minutes since 1970), by name."""
    raw, done = _counts(collected, engines)
    received: dict[str, int] = {}
    outcomes: dict[str, Outcomes] = {}
    for state_key in raw.keys() | done.keys():
        minute, source = parse_key(state_key)
        if since <= minute < until:
            received[source] = received.get(source, 0) + raw.get(state_key, 0)
            outcomes.setdefault(source, Outcomes()).add(done.get(state_key) or Outcomes())
    return [
        SourceSums(
            source,
            received[source],
            whole.normalized,
            whole.dead,
            whole.discarded,
            whole.joined,
            received[source] - whole.total,
            whole.policies,
        )
        for source, whole in sorted(outcomes.items())
    ]


def _counts(collected: Collected, engines: Engines) -> tuple[dict[bytes, int], dict[bytes, Outcomes]]:
    """What was received and what became of it, by key, over all partitions."""
    raw: dict[bytes, int] = {}
    for state_key, value in _buckets(collected):
        raw[state_key] = raw.get(state_key, 0) + msgspec.msgpack.decode(value, type=int)
    done: dict[bytes, Outcomes] = {}
    for state_key, value in _buckets(engines):
        done.setdefault(state_key, Outcomes()).add(msgspec.msgpack.decode(value, type=Outcomes))
    _fold_uncounted_sources(raw, done)
    return raw, done


def _fold_uncounted_sources(raw: Mapping[bytes, int], done: dict[bytes, Outcomes]) -> None:
    """Compare a minute with too many sources as collect counted it: those past its bound together, under the empty name."""
    for state_key in [key for key in done if key not in raw]:
        rest = PREFIX + b"%d/" % parse_key(state_key)[0]
        if rest in raw:
            part = done.pop(state_key)
            done.setdefault(rest, Outcomes()).add(part)


def _buckets(states: Iterable[Mapping[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for state in states:
        for state_key, value in state.items():
            if state_key.startswith(PREFIX):
                yield state_key, value
