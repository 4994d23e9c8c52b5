"""The memory of one group of one rule: entries in order, what is open, and which records of it are in the changelog."""

from bisect import bisect_left

import msgspec

from soc.clock import Micros
from soc.correlate.entry import ORDER, Child, Entry, Place
from soc.correlate.episode import OpenEpisode
from soc.correlate.quiet import Quiet
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
    group_of,
    head_key,
    piece_key,
    piece_value,
    sealed_key,
)
from soc.correlate.watermark import NEVER
from soc.correlate.window import Sweep

BEGINNING: Place = (NEVER, "", 0)
_SCAN = 8  # up to so many entries are looked through one by one, and need no index


_Name = str | tuple[str, int]


def _name(entry: Entry) -> _Name:
    """What an entry is known by: its event and rule; most correlations have one rule, number 0, and need no pair for it."""
    return (entry.event_id, entry.rule) if entry.rule else entry.event_id


class Group(msgspec.Struct, gc=False, eq=False):
    """One group that is no longer quiet.

    None is part of a reference cycle: keeping them from the garbage collector made a third of the speed.

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
        marked: ids of open episodes that a late entry fell on, not yet told.
        touched: something was taken since it was last settled.
        first_piece: number of the first piece of entries in the changelog.
        index: the names (``_name``) of what is in memory, once there is too much to look through.
        full_pieces: newest time in each full piece, from ``first_piece`` on.
        tail: the entries of the last piece, encoded, to be written again with the next ones.
        tail_size: how many they are; 0 = there is no last piece.
        tail_newest: newest time among them.
        sealed_pieces: how many pieces ``sealed_ids`` has in the changelog.
        written_head: there is a head in the changelog.
    """

    values: tuple[str, ...]
    key: bytes
    times: list[Micros] = []
    entries: list[Entry] = []
    fresh: list[Entry] = []
    gone: list[Entry] | tuple[()] = ()
    children: dict[str, Child] | None = None
    sweep: Sweep | None = None
    episodes: list[OpenEpisode] | tuple[()] = ()
    retired: dict[str, tuple[int, Micros]] | None = None
    sealed_ids: list[str] | tuple[()] = ()
    floor: Place = BEGINNING
    firings: int = 0
    timer: Micros = NEVER
    marked: tuple[str, ...] = ()
    touched: bool = False
    first_piece: int = 0
    index: set[_Name] | None = None
    full_pieces: list[Micros] = []
    tail: bytes = b""
    tail_size: int = 0
    tail_newest: Micros = NEVER
    sealed_pieces: int = 0
    written_head: bool = False

    def knows(self, event_id: str, rule: int) -> bool:
        """Is this (event, rule) in memory already?"""
        index = self.index
        if index is not None:
            return ((event_id, rule) if rule else event_id) in index
        for entry in self.entries:
            if entry.event_id == event_id and entry.rule == rule:
                return True
        return any(entry.event_id == event_id and entry.rule == rule for entry in self.fresh)

    def add(self, entry: Entry) -> bool:
        """Take an entry, to be put in its place by ``insert``; False if it is in memory already."""
        index = self.index
        if index is not None:
            size = len(index)
            index.add((entry.event_id, entry.rule) if entry.rule else entry.event_id)
            if len(index) == size:
                return False
        elif self.knows(entry.event_id, entry.rule):
            return False
        self.fresh.append(entry)
        if index is None and len(self.entries) + len(self.fresh) > _SCAN:
            self.index = set(map(_name, [*self.entries, *self.fresh]))
        return True

    def revise(self, entry: Child) -> bool:
        """Take a child's revision; False if it is older than what is known."""
        children = self.children = self.children or {}
        known = children.get(entry.event_id)
        if known is not None:
            if entry.revision <= known.revision:
                return False
            if known in self.fresh:
                self.fresh = [one for one in self.fresh if one is not known]
            elif not known.retracted:
                self.gone = [*self.gone, known]
        children[entry.event_id] = entry
        if not entry.retracted:
            self.fresh = [*self.fresh, entry]
        return True

    def insert(self) -> list[Entry]:
        """Put the fresh entries in their places; returns them, in order."""
        fresh, entries, times = self.fresh, self.entries, self.times
        if len(fresh) > 1:
            fresh.sort(key=ORDER)
        first = fresh[0]
        if not times:
            self.fresh, self.entries, self.times = [], fresh, [entry.time for entry in fresh]
            return list(fresh)
        self.fresh = []
        in_order = first.time > times[-1]
        place = len(times) if in_order else bisect_left(entries, ORDER(first), key=ORDER)
        if self.sweep is not None:
            self.sweep.rewind(times, entries, place, first.time)
        if in_order:
            entries.extend(fresh)
            times.extend([entry.time for entry in fresh])
            return fresh
        tail = entries[place:]
        tail.extend(fresh)
        tail.sort(key=ORDER)
        entries[place:] = tail
        times[place:] = [entry.time for entry in tail]
        return fresh

    def remove_gone(self) -> None:
        """Take the replaced and retracted children out."""
        gone = {id(entry) for entry in self.gone}
        self.entries = [entry for entry in self.entries if id(entry) not in gone]
        self.times = [entry.time for entry in self.entries]
        self.gone = ()
        self.sweep = None
        self.index = None

    def drop(self, number: int, floor: Place, changes: Changes) -> None:
        """Delete the first entries, and the children and pieces that are wholly before ``floor``."""
        if number:
            if self.sweep is not None:
                self.sweep.drop(self.entries, number)
            if self.index is not None:
                self.index.difference_update(map(_name, self.entries[:number]))
            del self.entries[:number]
            del self.times[:number]
        self.floor = max(self.floor, floor)
        if self.children:
            for child in [one for one in self.children.values() if ORDER(one) < floor]:
                del self.children[child.event_id]
                changes[child_key(self.key, child.event_id)] = None
        self._drop_pieces(floor[0], changes)
        if self.retired:
            self.retired = {id_: known for id_, known in self.retired.items() if known[1] >= floor[0]}

    def _drop_pieces(self, time: Micros, changes: Changes) -> None:
        """Delete the first pieces, as long as all that is in them is before ``time``."""
        full, done = self.full_pieces, 0
        while done < len(full) and full[done] < time:
            changes[piece_key(self.key, self.first_piece + done)] = None
            done += 1
        if done:
            del full[:done]
            self.first_piece += done
        if not self.full_pieces and self.tail_size and self.tail_newest < time:
            changes[piece_key(self.key, self.first_piece)] = None
            self.first_piece, self.tail, self.tail_size, self.tail_newest = 0, b"", 0, NEVER

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.entries)

    @property
    def newest(self) -> Micros:
        """Time of the newest entry or child; ``NEVER`` if nothing is left."""
        newest = self.times[-1] if self.times else NEVER
        if self.children:
            newest = max(newest, *(child.time for child in self.children.values()))
        return newest

    @property
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
        self.sealed_pieces = -(-len(sealed) // SEALED_PIECE)

    def unseal(self, changes: Changes) -> None:
        """The episode whose members left memory is over: forget their ids."""
        for number in range(self.sealed_pieces):
            changes[sealed_key(self.key, number)] = None
        self.sealed_ids, self.sealed_pieces = (), 0

    def write_entries(self, fresh: list[Entry], changes: Changes) -> None:
        """Put new entries, in order, into the changelog: events behind the last piece; children stand there by themselves."""
        events = fresh if self.children is None else [entry for entry in fresh if not isinstance(entry, Child)]
        number, done = self.first_piece + len(self.full_pieces), 0
        while done < len(events):
            if self.tail_size >= PIECE:
                self.full_pieces.append(self.tail_newest)
                self.tail, self.tail_size, self.tail_newest = b"", 0, NEVER
                number += 1
            some = events[done : done + PIECE - self.tail_size]
            done += len(some)
            self.tail += b"".join(map(encode_entry, some))
            self.tail_size += len(some)
            self.tail_newest = max(self.tail_newest, some[-1].time)
            changes[piece_key(self.key, number)] = piece_value(self.values, self.tail_size, self.tail)

    def write_child(self, entry: Child, changes: Changes) -> None:
        """Put a child's revision into the changelog."""
        changes[child_key(self.key, entry.event_id)] = child_value(self.values, entry)

    def write_head(self, changes: Changes) -> None:
        """Put the head into the changelog."""
        head = Head(self.values, self.floor, self.firings, list(self.episodes), self.retired or {})
        changes[head_key(self.key)] = encode(head)
        self.written_head = True

    def erase(self, changes: Changes) -> None:
        """Delete every record of this group."""
        for number in range(len(self.full_pieces) + (self.tail_size > 0)):
            changes[piece_key(self.key, self.first_piece + number)] = None
        for event_id in self.children or ():
            changes[child_key(self.key, event_id)] = None
        self.unseal(changes)
        if self.written_head:
            changes[head_key(self.key)] = None

    @classmethod
    def woken(cls, quiet: Quiet) -> "Group":
        """A quiet group with its entries made ready to be looked at."""
        group = cls(quiet.values, group_of(quiet.record))
        group.entries = sorted(quiet.entries(), key=ORDER)
        group.times = [entry.time for entry in group.entries]
        group.tail, group.tail_size, group.tail_newest = quiet.piece, quiet.size, quiet.newest
        group.timer = quiet.timer
        return group

    @classmethod
    def restored(cls, key: bytes, kept: Kept) -> "Group":
        """A group from what was kept of it.

        The sweep is not kept: swept anew over the same entries it reports spans that the open episodes hold already.
        """
        head = kept.head
        group = cls(kept.values, key)
        if head is not None:
            group.floor, group.firings, group.written_head = head.floor, head.firings, True
            group.episodes = head.episodes
            group.retired = head.retired or None
        entries = [entry for piece in kept.pieces for entry in piece.entries]
        entries += [child for child in kept.children if not child.retracted]
        group.entries = sorted((entry for entry in entries if ORDER(entry) >= group.floor), key=ORDER)
        group.times = [entry.time for entry in group.entries]
        if kept.children:
            group.children = {child.event_id: child for child in kept.children}
        if len(group.entries) > _SCAN:
            group.index = set(map(_name, group.entries))
        if kept.pieces:
            group.first_piece = kept.pieces[0].number
            group.full_pieces = [max(entry.time for entry in piece.entries) for piece in kept.pieces[:-1]]
            last = kept.pieces[-1].entries
            group.tail, group.tail_size = b"".join(encode_entry(entry) for entry in last), len(last)
            group.tail_newest = max(entry.time for entry in last)
        group.sealed_ids = [one for _, ids in sorted(kept.sealed.items()) for one in ids]
        group.sealed_pieces = len(kept.sealed)
        return group
