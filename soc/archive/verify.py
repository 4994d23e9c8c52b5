"""Chains of segments: names and manifests in; every segment that is missing, exchanged, altered or cut short out.

A chain proves order and completeness up to a head that is kept elsewhere: here the archive stage's committed state, or a
file with heads that was put on another host.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from soc.archive.archiver import CHAIN, PAST, Chain
from soc.archive.naming import Found, segments
from soc.archive.place import Place
from soc.archive.segment import ZERO, Opened, check, open_segment
from soc.errors import RecordError
from soc.model import decode


class Fault(msgspec.Struct, frozen=True):
    """One broken place.

    Attributes:
        segment: its name; where it is missing, chain and number.
        reason: one clause.
        missing: its number, if it is missing.
    """

    segment: str
    reason: str
    missing: int = 0


class Head(msgspec.Struct, frozen=True):
    """The end of a chain as it was told earlier and kept elsewhere: its id, the number of the last segment, its hash."""

    chain: str
    to: int
    hash: str


class _Kept(msgspec.Struct):
    """What ``soc archive verify`` printed, as far as it is needed again."""

    chains: list[Head]


def read_heads(text: bytes) -> dict[str, Head]:
    """Heads from what ``soc archive verify`` printed.

    Raises:
        RecordError: it is something else.
    """
    try:
        return {head.chain: head for head in msgspec.json.decode(text, type=_Kept).chains}
    except msgspec.MsgspecError as error:
        raise RecordError("archive", "this is not what `soc archive verify` printed") from error


class Verified(msgspec.Struct, frozen=True):
    """What a verification found.

    Attributes:
        heads: of each chain, as they are now: kept elsewhere, a later verification can be held against them.
        segments: read and checked.
        faults: in the order of the chains.
    """

    heads: tuple[Chain, ...]
    segments: int
    faults: tuple[Fault, ...]


def chains_of(states: Mapping[int, Mapping[bytes, bytes]]) -> dict[str, Chain]:
    """Every chain that the committed states of the archive stage know, by id."""
    found = [
        decode(value, Chain)
        for state in states.values()
        for key, value in state.items()
        if key == CHAIN or key.startswith(PAST)
    ]
    return {chain.id: chain for chain in found}


def verify(
    place: Place,
    known: Mapping[str, Chain],
    *,
    base: Callable[[str], int],
    progress: Callable[[int], None],
    kept: Mapping[str, Head] | None = None,
) -> Verified:
    """Read every segment and check it against its manifest, its chain and the chains' heads.

    What is closed while it runs is checked too, but need not be there.

    Args:
        place: where the segments are.
        known: chains by id, read before this is called.
        base: how far retention has deleted a chain by now.
        progress: told how many segments were checked.
        kept: heads of an earlier time, by chain.

    Raises:
        UnavailableError: the place cannot be read now.
    """
    kept = kept or {}
    by_chain: dict[str, list[Found]] = {name: [] for name in (*known, *kept)}
    for found in segments(place):
        by_chain.setdefault(found.name.chain, []).append(found)
    heads: list[Chain] = []
    faults: list[Fault] = []
    checked = 0
    for chain_id, members in sorted(by_chain.items()):
        members.sort(key=lambda one: one.name.seq)
        chain = known.get(chain_id)
        if chain is None:
            named = members[0].stored.name if members else chain_id
            faults.append(Fault(named, f"the chain {chain_id} is none of this installation"))
        walk = _Walk(place, chain or Chain(chain_id), kept.get(chain_id))
        found_faults: list[Fault] = []
        for found in members:
            found_faults += walk.step(found)
            checked += 1
            progress(checked)
        found_faults += walk.end()
        gone = base(chain_id)  # retention may have gone on meanwhile
        faults += [fault for fault in found_faults if not 0 < fault.missing <= gone]
        heads.append(walk.reached)
    return Verified(tuple(heads), checked, tuple(faults))


def _missing(chain: str, seq: int) -> Fault:
    return Fault(f"{chain} {seq}", "it is missing", seq)


_WENT = "it went while it was being read"


class _Walk:
    """Along one chain, from the first segment that retention left."""

    def __init__(self, place: Place, chain: Chain, kept: Head | None) -> None:
        self._kept = kept
        self._place = place
        self._chain = chain
        self._next = chain.base + 1
        self._hash = chain.base_hash if chain.base or chain.head else ZERO
        self._trusted = bool(self._hash)
        self._head_hash = ""

    @property
    def reached(self) -> Chain:
        """The chain with the head that was found."""
        head = self._next - 1
        if head < max(self._chain.head, 1):
            return self._chain
        return msgspec.structs.replace(self._chain, head=head, head_hash=self._hash)

    def step(self, found: Found) -> Iterator[Fault]:
        """Check the next segment."""
        name, seq = found.stored.name, found.name.seq
        if seq <= self._chain.base:
            return  # retention said that it goes, and was interrupted
        if seq < self._next:
            yield Fault(name, f"there are two segments with the number {seq} in chain {self._chain.id}")
            return
        yield from (_missing(self._chain.id, one) for one in range(self._next, seq))
        whole = seq == self._next and self._trusted
        self._next = seq + 1
        opened = self._open(name)
        if isinstance(opened, str):
            self._trusted = False
            yield Fault(name, opened)
            return
        reason = self._checked(name, opened)
        own = opened.manifest.name == name
        if not reason and whole and opened.manifest.prev != self._hash:
            reason = "it does not follow the segment before it: one of the two was altered"
        if not reason and self._kept is not None and seq == self._kept.to and opened.hash != self._kept.hash:
            reason = "it is not the one that was there when the head was kept"
        self._hash, self._trusted = opened.hash, own
        if seq == self._chain.head and own:
            self._head_hash = opened.hash
        if reason:
            yield Fault(name, reason)

    def end(self) -> Sequence[Fault]:
        """What is missing behind the last segment that is there."""
        chain = self._chain
        end = max(chain.head, self._kept.to if self._kept is not None else 0)
        missing = [_missing(chain.id, seq) for seq in range(self._next, end + 1)]
        if not missing and self._head_hash and self._head_hash != chain.head_hash:
            missing.append(Fault(f"{chain.id} {chain.head}", "it is not the one that was written last"))
        return missing

    def _open(self, name: str) -> Opened | str:
        try:
            return open_segment(self._place, name)
        except RecordError as error:
            return error.reason
        except FileNotFoundError:
            return _WENT

    def _checked(self, name: str, opened: Opened) -> str:
        try:
            return check(self._place, name, opened)
        except FileNotFoundError:
            return _WENT
