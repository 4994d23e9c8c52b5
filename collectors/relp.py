r"""RELP (the Reliable Event Logging Protocol): bytes in, messages out, and the answers that say which of them are durable; no socket.

After "RELP - The Reliable Event Logging Protocol", version 0.0.1 (2008), as librelp speaks it.

    FRAME   = TXNR SP COMMAND SP DATALEN [SP DATA] LF
    client  1 open 30 relp_version=0\ncommands=syslog     server  1 rsp … 200 OK\nrelp_version=0\n…
            2 syslog 15 <13>first event                           2 rsp 6 200 OK     once it is durable, never before
            3 close 0                                             3 rsp 0, then 0 serverclose 0

Answers go out in the order of the commands. What is no RELP ends the session, as the protocol wants it (ERROR HANDLING): what
was answered is durable, what was not is sent again by the client over its next connection. Such a repeat may be a second
event, because a RELP message carries no identity that outlives its connection.
"""

import re
from collections import deque

from collectors.session import Frame, Session

WINDOW = 4096
"""Commands that may wait for their answer; librelp sends 128 before it waits. Beyond it nothing is read."""

_HEADER = re.compile(rb"(0|[1-9][0-9]{0,8}) ([A-Za-z]{1,32}) (0|[1-9][0-9]{0,8})([ \n])")
LONGEST_OFFERS = 4096  # a command that is no message says little
# DATALEN and TXNR have nine digits at most
_HEADER_LONGEST = 9 + 1 + 32 + 1 + 9 + 1
_HEADER_BEGUN = re.compile(rb"(?:(?:0|[1-9][0-9]{0,8})(?: (?:[A-Za-z]{1,32}(?: (?:0|[1-9][0-9]{0,8})?)?)?)?)?")
_OFFERS = b"200 OK\nrelp_version=0\nrelp_software=soc\ncommands=syslog"


class RelpSession(Session):
    """The server's side of one RELP connection.

    Args:
        max_bytes: a longer message is cut and marked; its rest is read and discarded.
    """

    answering = True

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._max = max_bytes
        self._buffer = bytearray()
        self._opened = False
        self._taken: tuple[int, bytes, int] | None = None  # TXNR, message and rest of it that is being skipped
        self._skip = 0
        self._waiting: deque[tuple[int, bytes, bool]] = deque()  # TXNR, answer, whether it waits for a record
        self._answers = bytearray()

    def receive(self, data: bytes) -> list[Frame]:
        """Take the next bytes of the stream; return the messages they complete."""
        frames: list[Frame] = []
        if self.ended:
            return frames
        self._buffer += data
        at = 0
        while not self.ended:
            taken = self._next(at, frames)
            if taken < 0:
                break
            at = taken
        del self._buffer[:at]
        return frames

    def finish(self) -> list[Frame]:
        """The stream has ended. A frame that is not whole was never acknowledged: the client sends it again."""
        self.ended = True
        self._buffer.clear()
        return []

    def durable(self, count: int) -> None:
        """The oldest ``count`` messages that were given out and not yet said to be durable are so now."""
        while count:
            count -= self._waiting[0][2]
            self._say(*self._waiting.popleft())
        self._settle()

    def stop(self) -> None:
        """This side stops: nothing more is read, and the client is told."""
        if not self.ended:
            self.ended = True
            self._answers += b"0 serverclose 0\n"

    def answers(self) -> bytes:
        """What is to be sent now."""
        answers = bytes(self._answers)
        self._answers.clear()
        return answers

    # --- frames --------------------------------------------------------------------------------------------------------

    def _next(self, at: int, frames: list[Frame]) -> int:
        """One frame; returns the index after it, or -1 to wait for more (or because the session ended)."""
        buffer = self._buffer
        if self._taken is not None:
            return self._skip_rest(at, frames)
        header = _HEADER.match(buffer, at)
        if header is None:
            begun = bytes(buffer[at : at + _HEADER_LONGEST + 1])
            if _HEADER_BEGUN.fullmatch(begun) is None:
                self._break("a frame without a correct header")
            return -1
        txnr, length = int(header[1]), int(header[3])
        start = header.end()
        if length == 0 and header[4] == b" ":  # written so by some, though the grammar has no space without data
            if start == len(buffer):
                return -1
            start += 1
        if (buffer[start - 1] == 0x0A) != (length == 0):
            self._break("a frame whose data do not fit its length")
            return -1
        if length > self._max and header[2] == b"syslog":
            if len(buffer) - start < self._max:
                return -1
            self._skip = length - self._max
            self._taken = (txnr, bytes(buffer[start : start + self._max]), self._skip)
            return start + self._max
        if length > max(self._max, LONGEST_OFFERS):
            self._break("a command that is too long")
            return -1
        end = start + length
        if length:
            if len(buffer) <= end:
                return -1
            if buffer[end] != 0x0A:
                self._break("a frame that does not end where its length says")
                return -1
            end += 1
        self._command(txnr, header[2], bytes(buffer[start : start + length]), frames, cut=False)
        return end

    def _skip_rest(self, at: int, frames: list[Frame]) -> int:
        step = min(self._skip, len(self._buffer) - at)
        self._skip -= step
        at += step
        if self._skip or at == len(self._buffer):
            return at if step else -1
        if self._buffer[at] != 0x0A:
            self._break("a frame that does not end where its length says")
            return -1
        assert self._taken is not None
        txnr, message, rest = self._taken
        self._taken = None
        self.discarded += rest
        self._command(txnr, b"syslog", message, frames, cut=True)
        return at + 1

    def _command(self, txnr: int, command: bytes, data: bytes, frames: list[Frame], *, cut: bool) -> None:
        if txnr == 0:  # a hint: never answered
            return
        if command == b"open":
            self._opened = True
            self._answer(txnr, _OFFERS)
        elif not self._opened:
            self._break("a command before open")
        elif command == b"syslog":
            if data:
                frames.append(Frame(data, cut))
            self._answer(txnr, b"200 OK", pending=bool(data))
        elif command == b"close":
            self.ended = True
            self._answer(txnr, b"")
        else:
            self._answer(txnr, b"500 unknown command")

    def _answer(self, txnr: int, answer: bytes, *, pending: bool = False) -> None:
        self._waiting.append((txnr, answer, pending))
        self._settle()

    def _settle(self) -> None:
        """Answers go out in the order of the commands, each once everything before it is durable."""
        while self._waiting and not self._waiting[0][2]:
            self._say(*self._waiting.popleft())
        self.crowded = len(self._waiting) >= WINDOW

    def _say(self, txnr: int, answer: bytes, _: bool) -> None:
        self._answers += b"%d rsp %d%s%s\n" % (txnr, len(answer), b" " if answer else b"", answer)
        if not answer:  # of close: the client waits for it and then closes
            self._answers += b"0 serverclose 0\n"

    def _break(self, reason: str) -> None:
        self.broken = reason
        self.stop()
