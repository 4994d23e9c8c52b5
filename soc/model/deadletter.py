"""``soc.deadletter``: what could not be processed, with its bytes, so that it can be retried; and what became of the retry.

A letter is known by (id, stage). Its first record is open, attempt 0. Each retry that fails writes it again, open, with the
next attempt; one that succeeds writes it with the state ``processed`` or ``discarded``. So the newest attempt tells how it is.
"""

import hashlib
import re
from typing import Literal

import msgspec

from soc.clock import Micros

LetterState = Literal["open", "processed", "discarded"]

NOT_RETRIED = frozenset({"correlate", "triage", "index"})
"""Stages whose letters are no records of ``soc.raw``: the view they are missing in is made anew, not retried."""


class DeadLetter(msgspec.Struct, frozen=True):
    """One record that a stage could not process.

    Attributes:
        id: the raw id (or the address of the record of a later stage).
        stage: ``normalize``, ``decode``, ``correlate``, ``index`` ...
        reason: one clause; equal failures have equal reasons.
        data: the bytes.
        source: as in the raw record.
        listener: as in the raw record.
        peer: as in the raw record.
        received: as in the raw record: kept through a retry.
        profile: the source profile that was tried, "" if none was found.
        cut: as in the raw record.
        named: the profile that the listener named, as in the raw record.
        attempt: how often it was retried before this was written.
        state: ``open`` as long as it is not processed.
        head: what its source had declared of its columns (``soc.normalize.heads``).
        unauthenticated: as in the raw record.
    """

    id: str
    stage: str
    reason: str
    data: bytes
    source: str
    listener: str
    peer: str
    received: Micros
    profile: str = ""
    cut: bool = False
    named: str = ""
    attempt: int = 0
    state: LetterState = "open"
    head: str = ""
    unauthenticated: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by, through all attempts."""
        return self.id, self.stage

    @property
    def version(self) -> int:
        """Grows with each record of one letter: what a newer one is told by."""
        return 2 * self.attempt + (1 if self.state == "open" else 2)


_SHAPE_BYTES = 512
_SHAPE_LENGTH = 12
_WORDS = re.compile(r'"[^"]*"|\'[^\']*\'|[\w.:-]+')
_HEX = re.compile(r"[0-9A-Fa-f]{8,}|[0-9A-Fa-f]*(?::[0-9A-Fa-f]*){2,}")
_READABLE = 0.7
"""What has fewer readable characters than this is no line of any format, and bytes tell nothing of its shape."""


def mask(data: bytes) -> str:
    """What equal lines have in common: the first 512 bytes, every varying word as ``#``, every quoted text as ``"#"``.

    A word varies if it holds a digit (numbers, addresses, stamps, identifiers), is eight or more hexadecimal digits, or groups of them
    between colons.
    What is mostly unreadable is ``(binary)``.
    """
    text = data[:_SHAPE_BYTES].decode("utf-8", "replace")
    readable = sum(char.isprintable() and char != "\ufffd" for char in text)
    if readable < _READABLE * len(text):
        return "(binary)"
    return " ".join(_WORDS.sub(_masked, text).split())


def _masked(match: re.Match[str]) -> str:
    word = match[0]
    if word[0] in "\"'":
        return '"#"'
    return "#" if _HEX.fullmatch(word) or any(char.isdigit() for char in word) else word


def shape(letter: DeadLetter) -> str:
    """The group of a letter, 12 hexadecimal digits: of stage, reason and the masked line (see ``mask``)."""
    text = "\0".join((letter.stage, letter.reason, mask(letter.data)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_SHAPE_LENGTH]
