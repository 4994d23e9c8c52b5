"""The memory of one group of one rule: entries in order, what is open, and which records of it are in the changelog."""

from bisect import bisect_left
from collections.abc import Iterable

from soc.clock import Micros
from soc.correlate.entry import ORDER, Entry, Place
from soc.correlate.episode import OpenEpisode
from soc.correlate.snapshot import (
    PIECE,
    SEALED_PIECE,
    Changes,
    Head,
    Kept,
    child_key,
    child_value,
    encode,
    encode_entry,
    head_key,
    piece_key,
    piece_value,
    sealed_key,
)
from soc.correlate.watermark import NEVER
from soc.correlate.window import Sweep

BEGINNING: Place = (NEVER, "", 0)
_SCAN = 8  # up to so many entries are looked through one by one, and need no index


class Group:
    """One group.

    Most groups hold few entries and never fire, so what only some need is made when it is needed.

    Attributes:
        values: the group-by values.
        key: what stands for it in the changelog.
        times: correlation times of ``entries``, for bisection.
        entries: in ``ORDER``, without retracted children.
        fresh: taken but not yet inserted.
        gone: entries that a child's new revision replaces or retracts, not yet removed.
        children: latest revision of each child, retracted ones too.
        sweep: the incremental sweep, None while there are too few entries to satisfy anything.
        episodes: the open ones, in order of time.
        retired: see ``Head``.
        sealed_ids: member ids that are no longer in memory, of the only episode that can have any: the earliest open one.
        floor: entries before this place are gone.
        firings: how often an episode fired.
        timer: when the rule's heap will look at it; other heap items of it are void.
        marked: a late entry fell on an open episode.
        touched: something was taken since it was last settled.
    """

    __slots__ = (
        "_index",
        "_piece_times",
        "_sealed_pieces",
        "_tail",
        "_tail_size",
        "_written_head",
        "children",
        "entries",
        "episodes",
        "firings",
        "first_piece",
        "floor",
        "fresh",
        "gone",
        "key",
        "marked",
        "retired",
        "sealed_ids",
        "sweep",
        "timer",
        "times",
        "touched",
        "values",
    )

    def __init__(self, values: tuple[str, ...], key: bytes) -> None:
        self.values = values
        self.key = key
        self.times: list[Micros] = []
        self.entries: list[Entry] = []
        self.fresh: list[Entry] | tuple[()] = ()
        self.gone: list[Entry] | tuple[()] = ()
        self.children: dict[str, Entry] | None = None
        self.sweep: Sweep | None = None
        self.episodes: list[OpenEpisode] | tuple[()] = ()
        self.retired: dict[str, tuple[int, Micros]] | None = None
        self.sealed_ids: list[str] | tuple[()] = ()
        self.floor = BEGINNING
        self.firings = 0
        self.timer = NEVER
        self.marked = False
        self.touched = False
        self.first_piece = 0
        self._index: set[tuple[str, int]] | None = None
        self._piece_times: list[Micros] = []  # newest time in each piece, from first_piece on
        self._tail = b""  # the entries of the last piece, encoded
        self._tail_size = 0
        self._sealed_pieces = 0
        self._written_head = False

    def knows(self, event_id: str, rule: int) -> bool:
        """Is this (event, rule) in memory already?"""
        index = self._index
        if index is not None:
            return (event_id, rule) in index
        for entry in self.entries:
            if entry.event_id == event_id and entry.rule == rule:
                return True
        return any(entry.event_id == event_id and entry.rule == rule for entry in self.fresh)

    def add(self, entry: Entry) -> None:
        """Take an entry; it is inserted by ``insert``."""
        fresh = self.fresh
        if fresh:
            fresh.append(entry)
        else:
            self.fresh = [entry]
        index = self._index
        if index is not None:
            index.add((entry.event_id, entry.rule))
        elif len(self.entries) + len(self.fresh) > _SCAN:
            self._index = {(one.event_id, one.rule) for some in (self.entries, self.fresh) for one in some}

    def revise(self, entry: Entry) -> bool:
        """Take a child's revision; False if it is older than what is known."""
        children = self.children = self.children or {}
        known = children.get(entry.event_id)
        if known is not None:
            if entry.child_revision <= known.child_revision:
                return False
            if known in self.fresh:
                self.fresh = [one for one in self.fresh if one is not known]
            elif not known.retracted:
                self.gone = [*self.gone, known]
        children[entry.event_id] = entry
        if not entry.retracted:
            self.fresh = [*self.fresh, entry]
        return True

    def insert(self) -> int:
        """Put the fresh entries in their places; the place of the first of them before it was inserted."""
        fresh, entries, times = self.fresh, self.entries, self.times
        assert fresh
        if len(fresh) > 1:
            fresh.sort(key=ORDER)
        first = fresh[0]
        if not times or first.time > times[-1]:
            place = len(times)
            self._rewind(place, first.time)
            entries.extend(fresh)
            times.extend([entry.time for entry in fresh])
            return place
        place = bisect_left(entries, ORDER(first), key=ORDER)
        self._rewind(place, first.time)
        tail = entries[place:]
        tail.extend(fresh)
        tail.sort(key=ORDER)
        entries[place:] = tail
        times[place:] = [entry.time for entry in tail]
        return place

    def _rewind(self, place: int, time: Micros) -> None:
        if self.sweep is not None:
            self.sweep.rewind(self.times, self.entries, place, time)

    def remove_gone(self) -> None:
        """Take the replaced and retracted children out."""
        gone = {id(entry) for entry in self.gone}
        self.entries = [entry for entry in self.entries if id(entry) not in gone]
        self.times = [entry.time for entry in self.entries]
        self.gone = ()
        self.sweep = None
        self._index = None

    def drop(self, number: int, floor: Place, changes: Changes) -> None:
        """Delete the first entries, and the children and pieces that are wholly before ``floor``."""
        if number:
            if self.sweep is not None:
                self.sweep.drop(self.entries, number)
            if self._index is not None:
                self._index.difference_update([(entry.event_id, entry.rule) for entry in self.entries[:number]])
            del self.entries[:number]
            del self.times[:number]
        self.floor = max(self.floor, floor)
        if self.children:
            for child in [one for one in self.children.values() if ORDER(one) < floor]:
                del self.children[child.event_id]
                changes[child_key(self.key, child.event_id)] = None
        done = 0
        while done < len(self._piece_times) and self._piece_times[done] < floor[0]:
            changes[piece_key(self.key, self.first_piece + done)] = None
            done += 1
        if done:
            del self._piece_times[:done]
            self.first_piece += done
            if not self._piece_times:
                self.first_piece, self._tail, self._tail_size = 0, b"", 0
        if self.retired:
            self.retired = {id_: known for id_, known in self.retired.items() if known[1] >= floor[0]}

    def newest(self) -> Micros:
        """Time of the newest entry or child; ``NEVER`` if nothing is left."""
        newest = self.times[-1] if self.times else NEVER
        if self.children:
            newest = max(newest, *(child.time for child in self.children.values()))
        return newest

    def oldest(self) -> Micros:
        """Time of the oldest entry or child; ``NEVER`` if nothing is left."""
        times = self.times[:1] + [child.time for child in (self.children or {}).values()]
        return min(times) if times else NEVER

    def seal(self, ids: list[str], bound: int, changes: Changes) -> None:
        """Keep ids of members that leave memory, up to ``bound`` of them."""
        before = len(self.sealed_ids)
        sealed = self.sealed_ids = [*self.sealed_ids, *ids[: bound - before]]
        for number in range(before // SEALED_PIECE, -(-len(sealed) // SEALED_PIECE)):
            piece = sealed[number * SEALED_PIECE : (number + 1) * SEALED_PIECE]
            changes[sealed_key(self.key, number)] = encode(piece)
        self._sealed_pieces = -(-len(sealed) // SEALED_PIECE)

    def unseal(self, changes: Changes) -> None:
        """The episode whose members left memory is over: forget their ids."""
        for number in range(self._sealed_pieces):
            changes[sealed_key(self.key, number)] = None
        self.sealed_ids, self._sealed_pieces = (), 0

    def write_entries(self, fresh: Iterable[Entry], changes: Changes) -> None:
        """Put new entries into the changelog: events behind the last piece, children each by itself."""
        tail, size, times = self._tail, self._tail_size, self._piece_times
        grown = False
        for entry in fresh:
            if entry.child_revision:
                continue
            if size == PIECE or not times:
                if grown:
                    number = self.first_piece + len(times) - 1
                    changes[piece_key(self.key, number)] = piece_value(self.values, size, tail)
                times.append(NEVER)
                tail, size = b"", 0
            tail += encode_entry(entry)
            size += 1
            grown = True
            times[-1] = max(times[-1], entry.time)
        if grown:
            changes[piece_key(self.key, self.first_piece + len(times) - 1)] = piece_value(self.values, size, tail)
            self._tail, self._tail_size = tail, size

    def write_child(self, entry: Entry, changes: Changes) -> None:
        """Put a child's revision into the changelog."""
        changes[child_key(self.key, entry.event_id)] = child_value(self.values, entry)

    def write_head(self, changes: Changes) -> None:
        """Put the head into the changelog."""
        head = Head(self.values, self.floor, self.firings, list(self.episodes), self.retired or {})
        changes[head_key(self.key)] = encode(head)
        self._written_head = True

    def erase(self, changes: Changes) -> None:
        """Delete every record of this group."""
        for number in range(len(self._piece_times)):
            changes[piece_key(self.key, self.first_piece + number)] = None
        for event_id in self.children or ():
            changes[child_key(self.key, event_id)] = None
        self.unseal(changes)
        if self._written_head:
            changes[head_key(self.key)] = None

    @classmethod
    def restored(cls, key: bytes, kept: Kept) -> "Group":
        """A group from what was kept of it.

        The sweep is not kept: swept anew over the same entries it reports spans that the open episodes hold already.
        """
        head = kept.head
        group = cls(kept.values, key)
        if head is not None:
            group.floor, group.firings, group._written_head = head.floor, head.firings, True
            group.episodes = head.episodes
            group.retired = head.retired or None
        entries = [entry for piece in kept.pieces for entry in piece.entries]
        entries += [child for child in kept.children if not child.retracted]
        group.entries = sorted((entry for entry in entries if ORDER(entry) >= group.floor), key=ORDER)
        group.times = [entry.time for entry in group.entries]
        if kept.children:
            group.children = {child.event_id: child for child in kept.children}
        if len(group.entries) > _SCAN:
            group._index = {(entry.event_id, entry.rule) for entry in group.entries}
        if kept.pieces:
            group.first_piece = kept.pieces[0].number
            group._piece_times = [max(entry.time for entry in piece.entries) for piece in kept.pieces]
            last = kept.pieces[-1].entries
            group._tail, group._tail_size = b"".join(encode_entry(entry) for entry in last), len(last)
        group.sealed_ids = [one for _, ids in sorted(kept.sealed.items()) for one in ids]
        group._sealed_pieces = len(kept.sealed)
        return group
