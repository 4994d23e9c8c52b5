"""The states of a stage by partition in, the same states by partition under another number of partitions out: pure.

Every key goes to the partition that its records will go to. What is said of time is made so that no partition goes back, none
waits for a partition that is no more, and no line that still waits becomes late (ADR 0015). Which rule set a raw partition is read
with is left behind: each new one says it when it begins (ADR 0017).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from soc.bus.base import partition_of
from soc.clock import Micros
from soc.correlate.snapshot import WATERMARKS, decode_progress, encode, rule_key
from soc.correlate.watermark import NEVER
from soc.errors import LogMismatchError
from soc.model import Watermark, decode
from soc.normalize.assemble import STATE_PREFIX as WAITING
from soc.normalize.assemble import Open
from soc.normalize.heads import STATE_PREFIX as HEAD
from soc.normalize.heads import Head
from soc.pipeline.balance import PREFIX as BALANCE
from soc.pipeline.balance import Outcomes
from soc.pipeline.correlate import IN_USE, RULE_SET
from soc.pipeline.engine import RULE_SET as READ_WITH
from soc.pipeline.ruleset import PublishedRules
from soc.pipeline.source_watch import STATE_PREFIX as SOURCE
from soc.pipeline.source_watch import read_sources
from soc.pipeline.watermarks import STATE_PREFIX as CLOCK
from soc.pipeline.watermarks import SourceClock

States = Mapping[int, Mapping[bytes, bytes]]
"""Partition → its state; a partition that never committed may be missing."""

ENGINE_WATERMARK = b"watermark"
_PIECE, _CHILD, _HEAD, _SEALED = b"p", b"c", b"h", b"m"
_RULE, _GROUP = slice(1, 9), slice(1, 25)

_key = msgspec.msgpack.Encoder().encode


class _Head(msgspec.Struct, array_like=True):
    """The front of a group's head: all that is needed here (``soc.correlate.snapshot.Head``)."""

    values: tuple[str, ...]


class Pause(NamedTuple):
    """How the silence of a migration is told from that of a source.

    Attributes:
        now: when the states are moved.
        idle: a source silent for so long is not active (``correlation.idle_seconds``).
        hold: for so long after ``now`` a source that was active when the installation stopped still counts as active.
    """

    now: Micros
    idle: Micros
    hold: Micros


class Counts(NamedTuple):
    """How many partitions of raw lines there were and will be; ``shards``: the most keys ``<source>#<k>`` of one source."""

    old: int
    new: int
    shards: int = 1


def raw_floor(engines: States, partitions: int) -> Micros | None:
    """The time that every raw partition had said it passed; None if one of them never spoke."""
    said = [engines.get(partition, {}).get(ENGINE_WATERMARK) for partition in range(partitions)]
    return None if None in said else min(decode(value, Watermark).time for value in said if value is not None)


def engine_states(engines: States, counts: Counts, pause: Pause) -> list[dict[bytes, bytes]]:
    """The engine's states.

    Raises:
        LogMismatchError: there is state that this version does not know.
    """
    found: list[dict[bytes, bytes]] = [{} for _ in range(counts.new)]
    balance: dict[bytes, Outcomes] = {}
    clocks: dict[bytes, dict[int, SourceClock]] = {}
    for partition, state in engines.items():
        for key, value in state.items():
            if key.startswith(BALANCE):
                balance.setdefault(key, Outcomes()).add(decode(value, Outcomes))
            elif key.startswith(CLOCK):
                clocks.setdefault(key.removeprefix(CLOCK), {})[partition] = decode(value, SourceClock)
            elif key.startswith(WAITING):
                found[partition_of(decode(value, Open).key, counts.new)][key] = value
            elif key.startswith(HEAD):
                found[partition_of(decode(value, Head).key, counts.new)][key] = value
            elif key not in {ENGINE_WATERMARK, READ_WITH} and not key.startswith(SOURCE):
                raise _unknown("engine", key)
    for key, count in balance.items():
        source = key.removeprefix(BALANCE).split(b"/", 1)[1]
        found[partition_of(source, counts.new)][key] = _key(count)
    for source, known in read_sources(engines.values()).items():
        name = source.encode()
        found[partition_of(name, counts.new)][SOURCE + name] = _key(known)
    floor = raw_floor(engines, counts.old)
    for partition, state in enumerate(found):
        if floor is not None:
            state[ENGINE_WATERMARK] = _key(Watermark(partition, floor))
        state.update(_clocks(clocks, partition, counts, pause))
    return found


def _clocks(
    clocks: Mapping[bytes, Mapping[int, SourceClock]], partition: int, counts: Counts, pause: Pause
) -> dict[bytes, bytes]:
    """The clocks of the sources whose records will come to one new partition."""
    stopped = max((clock.heard for where in clocks.values() for clock in where.values()), default=0)
    found: dict[bytes, bytes] = {}
    for source, where in clocks.items():
        keys = record_keys(source, frozenset(where), counts)
        here = [where[partition_of(key, counts.old)] for key in keys if partition_of(key, counts.new) == partition]
        if here:
            newest = min(clock.newest for clock in here)
            heard = max(clock.heard for clock in here)
            if stopped - heard < pause.idle:
                heard = pause.now + pause.hold - pause.idle
            found[CLOCK + source] = _key(SourceClock(newest, heard))
    return found


def record_keys(source: bytes, heard_in: frozenset[int], counts: Counts) -> list[bytes]:
    """The keys of the records of a source that was heard in some partitions: its name, or ``<name>#<k>`` of a sharded one."""
    keys = [source]
    if counts.shards > 1:
        keys += [b"%s#%d" % (source, shard) for shard in range(counts.shards)]
    return [key for key in keys if partition_of(key, counts.old) in heard_in]


class Rekeyed(NamedTuple):
    """States by new partition, and how many records belonged to rules of which no published set knows any more."""

    states: list[dict[bytes, bytes]]
    left_out: int


def correlate_states(states: States, new: int, floor: Micros | None, sets: Sequence[PublishedRules]) -> Rekeyed:
    """Correlate's states: every group goes where the detections of its (correlation, group) go.

    Args:
        states: what is committed.
        new: how many partitions of raw lines and of detections there will be.
        floor: ``raw_floor`` of the engine's states.
        sets: every published rule set, the last one last.

    Raises:
        LogMismatchError: there is state that this version does not know, or one group is in two partitions.
    """
    found: list[dict[bytes, bytes]] = [{} for _ in range(new)]
    targets = {rule_key(rule.digest or rule.id): rule.id for one in sets for rule in one.correlations.values()}
    places = {group: partition_of(key, new) for group, key in _group_keys(states, targets).items()}
    known: dict[bytes, int] = {}
    left_out = 0
    for partition, state in states.items():
        for key, value in state.items():
            if key in {WATERMARKS, RULE_SET, IN_USE}:
                continue
            if key[:1] not in {_PIECE, _CHILD, _HEAD, _SEALED} or len(key) < _GROUP.stop:
                raise _unknown("correlate", key)
            group = key[_GROUP]
            if known.setdefault(group, partition) != partition:
                raise LogMismatchError(
                    f"correlate keeps the group {group.hex()} in partitions {known[group]} and {partition}: "
                    "it was not always keyed the same; nothing was migrated"
                )
            if group in places:
                found[places[group]][key] = value
            else:
                left_out += 1
    shared = _shared(states, new, floor, [one.hash for one in sets])
    for state in found:
        state.update(shared)
    return Rekeyed(found, left_out)


def group_record_key(target: str, values: tuple[str, ...]) -> bytes:
    """The key of the detections that feed one group of a correlation, as ``soc.detect.feed`` writes it."""
    return _key((target, values))


def _group_keys(states: States, targets: Mapping[bytes, str]) -> dict[bytes, bytes]:
    """Group → the key of its detections. Ids of members that left memory do not name their group; its head does."""
    found: dict[bytes, bytes] = {}
    for state in states.values():
        for key, value in state.items():
            kind, group = key[:1], key[_GROUP]
            target = targets.get(key[_RULE])
            if kind in {_PIECE, _CHILD, _HEAD} and len(key) >= _GROUP.stop and target and group not in found:
                values = decode(value, _Head).values
                found[group] = group_record_key(target, values)
    return found


def _shared(states: States, new: int, floor: Micros | None, hashes: Sequence[str]) -> dict[bytes, bytes]:
    """What every new partition begins with: the newest rule set applied anywhere, and how far event time has come."""
    shared: dict[bytes, bytes] = {}
    order = {name.encode(): place for place, name in enumerate(hashes)}
    applied = {state[RULE_SET] for state in states.values() if RULE_SET in state}
    if applied:
        shared[RULE_SET] = max(applied, key=lambda name: order.get(name, -1))
    levels = [decode_progress(state[WATERMARKS])[1] for state in states.values() if WATERMARKS in state]
    if levels:
        depth = max(map(len, levels))
        highest = [max((some[level] for some in levels if level < len(some)), default=NEVER) for level in range(depth)]
        partitions = {} if floor is None else dict.fromkeys(range(new), floor)
        shared[WATERMARKS] = encode((partitions, highest))
    return shared


def _unknown(stage: str, key: bytes) -> LogMismatchError:
    return LogMismatchError(
        f"{stage} keeps state under {key[:40]!r}, which this migration cannot place: nothing was migrated"
    )
