"""Acts in, lines of a hash chain out: each line holds the hash of the one before, so an edit, a gap or another order shows.

A line is canonical JSON (sorted keys, no blanks, UTF-8):

    {"act", "actor", "at", "chain", "detail", "hash", "object", "prev", "seq"}

``hash`` is the SHA-256 over the same line without ``hash``; ``prev`` is the ``hash`` of the line before (64 zeros at the
start). A chain proves order and completeness up to a head that is kept elsewhere: whoever can rewrite every line *and*
the head can forge both, which is why a head is to be sent off the host.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple, cast

import msgspec

from soc.clock import Micros

ZERO = "0" * 64


class Entry(msgspec.Struct, frozen=True):
    """One act of a person or of the product itself.

    Attributes:
        at: when.
        actor: the user's name, or ``soc`` for what the product did on its own.
        act: a verb: ``close``, ``seal``, ``accepted`` ...
        object: what it was done to: ``alert/<id>``, ``incident/<id>``, ``report/<id>``.
        detail: one clause for people; never a secret, never a raw line.
    """

    at: Micros
    actor: str
    act: str
    object: str
    detail: str = ""


class Head(msgspec.Struct, frozen=True):
    """The end of a chain: how many lines it has, and the hash of the last."""

    chain: str
    seq: int = 0
    hash: str = ZERO


class Break(NamedTuple):
    """Where a chain first fails.

    Attributes:
        seq: the number the line at fault should have had, 1-based; one past the last line if the end is missing.
        reason: one clause.
    """

    seq: int
    reason: str


def _canonical(fields: dict[str, object]) -> bytes:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")


def append(head: Head, entry: Entry) -> tuple[bytes, Head]:
    """The line of ``entry`` after ``head``, and the new head."""
    fields: dict[str, object] = {
        "act": entry.act,
        "actor": entry.actor,
        "at": entry.at,
        "chain": head.chain,
        "detail": entry.detail,
        "object": entry.object,
        "prev": head.hash,
        "seq": head.seq + 1,
    }
    digest = hashlib.sha256(_canonical(fields)).hexdigest()
    return _canonical({**fields, "hash": digest}), Head(head.chain, head.seq + 1, digest)


def verify(lines: Iterable[bytes], expected: Head, start: Head | None = None) -> Break | None:
    """The first break of a chain, or None if it is whole and ends at ``expected``.

    Args:
        lines: the chain's lines in order.
        expected: the head it must end with, kept where the lines' keeper cannot change it.
        start: the head before the first line, if older lines were archived; the start of the chain by default.
    """
    head = start or Head(expected.chain)
    for line in lines:
        reason = fault_of(line, head)
        if reason:
            return Break(head.seq + 1, reason)
        head = Head(head.chain, head.seq + 1, json.loads(line)["hash"])
    if head.seq < expected.seq:
        return Break(head.seq + 1, f"lines are missing at the end: {head.seq} of {expected.seq} are there")
    if head.seq > expected.seq:
        return Break(
            expected.seq + 1, f"there are lines past the expected head {expected.seq}: is the head an older one?"
        )
    if head.hash != expected.hash:
        return Break(head.seq, "the last line is not the one of the expected head")
    return None


def fault_of(line: bytes, head: Head) -> str:
    """Why ``line`` cannot follow ``head``; "" if it can."""
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return "the line is no JSON"
    if not isinstance(parsed, dict):
        return "the line is no JSON object"
    fields = cast("dict[str, object]", parsed)
    claimed = fields.pop("hash", "")
    if _canonical({**fields, "hash": claimed}) != line:
        return "the line is not in the canonical form: it was rewritten"
    if hashlib.sha256(_canonical(fields)).hexdigest() != claimed:
        return "the line was edited: its hash does not fit"
    if fields.get("chain") != head.chain:
        return "the line belongs to another chain"
    if fields.get("seq") != head.seq + 1:
        return f"the line is number {fields.get('seq')}: lines are missing, repeated or out of order"
    if fields.get("prev") != head.hash:
        return "the line does not follow the one before it"
    return ""
