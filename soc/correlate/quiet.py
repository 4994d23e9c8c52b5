"""A group that holds too little for anything to be looked at: one more entry in, its changelog record out.

Most groups hold a few entries and never fire. Until a group could, all that is kept of it is what its changelog holds, the
encoded entries themselves: no object per entry, nothing in order, nothing to sweep. It wakes to a ``Group`` when it could
satisfy the rule, when its time comes to be decided, or when it holds more than one piece of the changelog takes.
"""

import msgspec

from soc.clock import Micros
from soc.correlate.entry import Entry, Taken
from soc.correlate.snapshot import Changes, Kept, decode_entries, encode_entry, encode_text, piece_value
from soc.correlate.watermark import NEVER
from soc.correlate.weight import Scale, weight_of


class Quiet(msgspec.Struct, gc=False, eq=False):
    """One group with up to a piece of entries, in order of arrival.

    Attributes:
        values: the group-by values.
        record: the key of its only record in the changelog, the first piece.
        oldest: the smallest time of its entries.
        newest: the largest.
        timer: when the rule's heap will look at it; other heap items of it are void.
        piece: the entries, encoded one after another.
        size: how many they are.
        weight: of their tokens, on the rule's scale; 0 if it has none.
    """

    values: tuple[str, ...]
    record: bytes
    oldest: Micros
    newest: Micros
    timer: Micros
    piece: bytes = b""
    size: int = 0
    weight: int = 0

    def knows(self, event_id: str, rule: int) -> bool:
        """Is this (event, rule) in memory already?"""
        if encode_text(event_id) not in self.piece:
            return False  # in doubt look closer: it may have been found within something else
        return any(entry.event_id == event_id and entry.rule == rule for entry in self.entries())

    def entries(self) -> list[Entry]:
        """The entries, in order of arrival."""
        return decode_entries(self.size, self.piece)

    def add(self, taken: Taken, weight: int, changes: Changes) -> None:
        """Take an entry, with which the weight is as given, and write the piece."""
        self.piece = piece = self.piece + encode_entry(taken)
        self.size = size = self.size + 1
        self.weight = weight
        time = taken[1]
        if time > self.newest:
            self.newest = time
        elif time < self.oldest:
            self.oldest = time
        changes[self.record] = piece_value(self.values, size, piece)

    def forget(self, cut: Micros, scale: Scale | None, changes: Changes) -> None:
        """Leave out the entries before ``cut`` and write the piece."""
        if self.newest < cut:
            return  # all of it goes: it is about to be erased
        kept = [entry for entry in self.entries() if entry.time >= cut]
        self.piece, self.size = b"".join(map(encode_entry, kept)), len(kept)
        self.oldest = min(entry.time for entry in kept)
        self.weight = weight_of(scale, [entry.token for entry in kept])
        changes[self.record] = piece_value(self.values, self.size, self.piece)

    def erase(self, changes: Changes) -> None:
        """Delete its record."""
        changes[self.record] = None

    @classmethod
    def restored(cls, record: bytes, kept: Kept, scale: Scale | None) -> "Quiet":
        """A group from what was kept of it: a first piece and nothing else."""
        entries = kept.pieces[0].entries
        times = [entry.time for entry in entries]
        piece = b"".join(map(encode_entry, entries))
        weight = weight_of(scale, [entry.token for entry in entries])
        return cls(kept.values, record, min(times), max(times), NEVER, piece, len(entries), weight)
