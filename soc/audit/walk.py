"""Lines of a chain in, one after another; everything that was done to them out, with nothing kept but the chain's end.

After a fault the walk goes on from what the line says of itself, so that one edited line does not hide a deleted one behind it.
"""

import json
from typing import Any, cast

from soc.audit.chain import ZERO, Break, Head, fault_of

MAX_FAULTS = 20


class Walk:
    """One chain, read from its first line on.

    Args:
        chain: its name.
        watched: numbers of lines whose hashes are to be remembered: those of heads kept elsewhere.

    Attributes:
        head: the end so far, as the lines say. ``lines``: how many there were.
        faults: what was done to it, in order, the first ``MAX_FAULTS``.
        hashes: of the watched lines; of line 0 too.
    """

    def __init__(self, chain: str, watched: frozenset[int] = frozenset()) -> None:
        self.head = Head(chain)
        self.lines = 0
        self.faults: list[Break] = []
        self.hashes: dict[int, str] = {0: ZERO}
        self._watched = watched

    def feed(self, line: bytes) -> None:
        """The next line."""
        self.lines += 1
        reason = fault_of(line, self.head)
        if reason:
            if len(self.faults) < MAX_FAULTS:
                self.faults.append(Break(self.head.seq + 1, reason))
            self.head = _claimed(line, self.head)
        else:
            self.head = Head(self.head.chain, self.head.seq + 1, hash_of(line))
        if self.head.seq in self._watched:
            self.hashes[self.head.seq] = self.head.hash

    def end(self, committed: Head) -> None:
        """Compare with the end that the chain's writer committed."""
        if self.head.seq < committed.seq:
            reason = f"lines are missing at the end: {self.head.seq} of {committed.seq} are there"
            self.faults.append(Break(self.head.seq + 1, reason))
        elif self.head.seq > committed.seq:
            reason = f"there are lines past the end {committed.seq} that its writer committed"
            self.faults.append(Break(committed.seq + 1, reason))
        elif self.head.hash != committed.hash:
            self.faults.append(Break(self.head.seq, "the last line is not the one that its writer committed"))

    def compare(self, kept: Head) -> str:
        """Why the chain is not one that went through a head kept elsewhere; "" if it is."""
        if self.head.seq < kept.seq:
            return (
                f"rolled back: the head kept elsewhere has {kept.seq} lines, here are {self.head.seq};"
                f" {kept.seq - self.head.seq} are gone"
            )
        if self.hashes.get(kept.seq) != kept.hash:
            return f"written anew: line {kept.seq} is not the one of the head kept elsewhere"
        return ""


def hash_of(line: bytes) -> str:
    """What a sound line says of itself: its last but few bytes, after ``"hash":"``; parsed where they are elsewhere."""
    at = line.find(b'"hash":"')
    found = line[at + 8 : at + 72]
    if at >= 0 and len(found) == 64 and found.isalnum():
        return found.decode()
    return str(json.loads(line)["hash"])


def _claimed(line: bytes, head: Head) -> Head:
    """Where a faulty line says it is; one further than the last where it says nothing that can be used."""
    try:
        parsed: Any = json.loads(line)
    except (ValueError, RecursionError):
        parsed = None
    tree = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
    seq, digest = tree.get("seq"), tree.get("hash")
    if isinstance(seq, int) and not isinstance(seq, bool) and 0 < seq < 2**53 and isinstance(digest, str):
        return Head(head.chain, seq, digest)
    return Head(head.chain, head.seq + 1, "")
