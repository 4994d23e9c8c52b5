"""Verification of the audit chains: ``soc.audit`` read from the bus, compared with the heads its writers committed and those kept elsewhere.

No list of chains is kept here: a chain is whatever a stage that may write ``soc.audit`` has a head of in its state, whatever a line
claims to belong to, and whatever a head kept elsewhere names.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from soc.audit.chain import Break, Head
from soc.audit.restored import Declared, declared_in, is_about_breaks
from soc.audit.signing import read
from soc.audit.walk import Walk
from soc.bus.base import Bus
from soc.errors import RecordError, SettingsError, UnavailableError
from soc.model import decode
from soc.pipeline.audit_record import HEAD
from soc.pipeline.table import AUDIT

BATCH = 2000
END_SECONDS = 1.0
"""Without a record for so long the end is reached, though markers of transactions may lie before it."""
COUNTERS = b"c"
"""Where triage and forward have the end of their chain, among other counts, under the name ``audit``."""

Progress = Callable[[int], None]
"""Is told how many lines were read."""


class Verified(msgspec.Struct, frozen=True):
    """One chain.

    Attributes:
        lines: how many it has.
        head: its end as its writer committed it.
        fault: what was done to it, "" if nothing was.
        declared: a restore that was declared and countersigned, "" without one.
    """

    chain: str
    lines: int
    head: Head
    fault: str
    declared: str = ""


class _Counters(msgspec.Struct):
    audit: Head | None = None


async def verify_audit(
    bus: Bus, expected: Mapping[str, Head] | None = None, progress: Progress | None = None
) -> list[Verified]:
    """Verify every chain against the committed heads and, where given, against heads kept elsewhere.

    A head kept elsewhere may be older than the chain: it must be one that the chain went through. Lines that are written meanwhile are
    verified too. In memory is one line at a time.
    """
    kept = dict(expected or {})
    watched = {chain: frozenset({head.seq}) for chain, head in kept.items()}
    heads = await committed_heads(bus)
    walks, breaks = await _walk(bus, watched, progress)
    if any(walk.head.seq > heads[chain].seq for chain, walk in walks.items() if chain in heads):
        heads |= await committed_heads(bus)  # they went on meanwhile
    declared = declared_in(breaks)
    wrong = {
        chain: said
        for chain, head in kept.items()
        if (said := walks[chain].compare(head) if chain in walks else Walk(chain).compare(head))
    }
    excused = await _excused(bus, {chain: kept[chain] for chain in wrong}, declared) if wrong and declared else {}
    results: list[Verified] = []
    for chain in sorted({*heads, *walks, *kept}):
        walk, head = walks.get(chain) or Walk(chain), heads.get(chain)
        _end(walk, head)
        faults = [f"line {found.seq}: {found.reason}" for found in walk.faults]
        if chain in wrong and chain not in excused:
            faults.append(wrong[chain])
        results.append(
            Verified(chain, walk.lines, head or Head(chain), "; ".join(faults), excused.get(chain, ""))
        )  # fmt: skip
    return results


def _end(walk: Walk, head: Head | None) -> None:
    if head is not None:
        walk.end(head)
    elif walk.lines:
        walk.faults.append(
            Break(1, "no stage has the end of this chain: its state was lost, or nobody of ours wrote it")
        )


async def _walk(
    bus: Bus, watched: Mapping[str, frozenset[int]], progress: Progress | None = None
) -> tuple[dict[str, Walk], list[bytes]]:
    """Every chain walked to its end, and the lines that declare breaks."""
    walks: dict[str, Walk] = {}
    breaks: list[bytes] = []
    done = 0
    async for key, value in lines(bus):
        chain = key.decode("utf-8", "replace")
        walk = walks.get(chain)
        if walk is None:
            walk = walks[chain] = Walk(chain, watched.get(chain, frozenset()))
        walk.feed(value)
        if is_about_breaks(value):
            breaks.append(value)
        done += 1
        if progress is not None and done % 1000 == 0:
            progress(done)
    return walks, breaks


async def _excused(bus: Bus, lost: Mapping[str, Head], declared: Sequence[Declared]) -> dict[str, str]:
    """Chains whose break is declared and countersigned, and which do go through the line that the declaration names."""
    meant = [one for one in declared if one.countersigner and lost.get(one.lost.chain) == one.lost]
    if not meant:
        return {}
    walks, _ = await _walk(bus, {one.lost.chain: frozenset({one.kept.seq}) for one in meant})
    return {
        one.lost.chain: one.said
        for one in meant
        if one.kept.seq < one.lost.seq
        and (walk := walks.get(one.lost.chain) or Walk(one.lost.chain)).hashes.get(one.kept.seq) == one.kept.hash
        and walk.head.seq >= one.kept.seq
    }


async def declared_breaks(bus: Bus) -> list[Declared]:
    """Every break that was declared, countersigned or not."""
    return declared_in([value async for _, value in lines(bus) if is_about_breaks(value)])


async def committed_heads(bus: Bus) -> dict[str, Head]:
    """The end of each chain as its writer committed it together with the last line."""
    heads: dict[str, Head] = {}
    for stage in bus.topology.stages:
        if AUDIT not in stage.outputs:
            continue
        async for _, state in bus.states(stage.name):
            head = _head(state)
            if head is not None and head.seq >= heads.get(head.chain, head).seq:
                heads[head.chain] = head
    return heads


def _head(state: Mapping[bytes, bytes]) -> Head | None:
    if HEAD in state:
        return decode(state[HEAD], Head)
    if COUNTERS in state:
        try:
            return decode(state[COUNTERS], _Counters).audit
        except RecordError:
            return None
    return None


class Ends:
    """The end of each chain as its last line says: followed, so that asking again reads only what is new.

    ``committed_heads`` asks the writers' states instead; triage's is large to read every hour.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._positions: dict[tuple[str, int, str], int] = {}
        self._last: dict[bytes, bytes] = {}

    async def heads(self) -> dict[str, Head]:
        """The ends now.

        Raises:
            UnavailableError: a chain's last line is none, so that its end is not known.
        """
        reader = self._bus.reader([AUDIT], self._positions)
        ends = await self._bus.ends([AUDIT])
        try:
            while not all(reader.positions.get(log, 0) >= end for log, end in ends.items()):
                records = await reader.fetch(BATCH, END_SECONDS)
                if not records:
                    break
                self._last.update((record.key, record.value) for record in records)
            self._positions = dict(reader.positions)
        finally:
            await reader.close()
        return {head.chain: head for head in (_said(key, line) for key, line in self._last.items())}


def _said(chain: bytes, line: bytes) -> Head:
    name = chain.decode("utf-8", "replace")
    try:
        return msgspec.structs.replace(msgspec.json.decode(line, type=Head), chain=name)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UnavailableError(f"the last line of the audit chain {name} cannot be read: {error}") from error


async def lines(bus: Bus) -> AsyncIterator[tuple[bytes, bytes]]:
    """(chain, line) of everything on ``soc.audit`` at this moment, each chain in its order."""
    ends = await bus.ends([AUDIT])
    reader = bus.reader([AUDIT])
    try:
        while not all(reader.positions.get(log, 0) >= end for log, end in ends.items()):
            records = await reader.fetch(BATCH, END_SECONDS)
            if not records:
                return
            for record in records:
                yield record.key, record.value
    finally:
        await reader.close()


def read_heads(path: Path, public: bytes | None = None) -> dict[str, Head]:
    """Heads as they were sent off the host (signed), or as ``soc audit verify`` printed them before.

    Args:
        path: the file.
        public: the key that signed heads must be signed with; with it, heads that are not signed are refused.

    Raises:
        SettingsError: the file holds no heads, or not such a signature.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError([f"{path}: {error.strerror}"]) from error
    try:
        printed = msgspec.json.decode(data, type=list[Verified])
    except msgspec.DecodeError:
        try:
            return {head.chain: head for head in read(data, public).heads}
        except SettingsError as error:
            raise SettingsError([f"{path}: {said}" for said in error.mistakes]) from error
    if public is not None:
        raise SettingsError([f"{path}: these heads are not signed, and --key asks for a signature"])
    return {item.chain: item.head for item in printed}
