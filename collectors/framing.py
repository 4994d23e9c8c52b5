"""Syslog over a byte stream (RFC 6587): bytes in as they arrive, frames out; no socket, no clock.

Two framings are in use and a sender does not say which: octet counting (§3.4.1, ``<count> SP <message>``) and a trailing
LF (§3.4.2). The first bytes of a connection decide:

    '<' or anything but 1-9          LF framing, for the life of the connection
    1-9 … SP '<'                     octet counting, for the life of the connection
    1-9 … SP, something else         octet counting if the count ends where a frame can end, else this was a line
    1-9 …, no count at all           a line; the next bytes decide

A count can be wrong (characters counted instead of bytes, a line that begins with a number). Then the bytes up to the next
LF, or up to what looks like ``count SP <PRI>``, are a frame of their own: nothing is dropped, and framing is found again. Lines
often end in a digit (``sentbyte=123``), and without an LF the next count then reads longer than it is (``123618 <189>``): the shortest
of its ends behind which a next count stands is the count.
Only the tail of a frame longer than the limit is discarded; it is counted, and the frame is marked.

What comes out depends on the bytes alone, not on where the network cut them.
"""

import re
from functools import partial
from typing import Literal

from collectors.session import Frame, Session

__all__ = ["Frame", "SyslogFramer"]

LARGEST_COUNT = 1 << 20
"""A larger count (unless the limit is larger) is no count: rsyslog refuses over 200,000 by default, no device sends 1 MiB."""

_ENDING = b"\r\0"  # CR LF and NUL LF are endings in use (RFC 6587 §3.4.2; Cisco ISE ends with NUL)
_COUNTED_ENDING = b"\r\n\0"
_SLACK = 2  # an ending may stand beyond the limit without the frame being over it
_COUNT = re.compile(rb"([1-9][0-9]{0,7}) ")
_LONGEST_COUNT = 9  # with its blank
_COUNT_BEGUN = re.compile(rb"[1-9][0-9]{0,7}\Z")
_RESUME = re.compile(rb"\n|[0-9]{1,8} <[0-9]{1,3}>")
_NEXT = re.compile(rb"[\r\n\0 ]{0,4}[1-9][0-9]{0,7} <")
_NEXT_BEGUN = re.compile(rb"[\r\n\0 ]{0,4}(?:[1-9][0-9]{0,7} ?)?\Z")
_SHORTEST = 4  # a PRI and one byte
_RESUME_LONGEST = 14
_DIGITS = frozenset(b"123456789")
_BETWEEN_LINES = frozenset(b"\r\n")
_BETWEEN_COUNTED = frozenset(b"\r\n\0 ")
# Past the Python-level __new__ of a NamedTuple: it is a third of what framing costs.
_frame = partial(tuple.__new__, Frame)  # pyright: ignore[reportUnknownMemberType]


class SyslogFramer(Session):
    """The framing of one connection; ``resynchronized`` is how often a count was wrong."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._max = max_bytes
        self._largest = max(max_bytes, LARGEST_COUNT)
        self._buffer = bytearray()
        self._mode: Literal["undecided", "lines", "counted"] = "undecided"
        self._scanned = 0  # no LF (no resumption) starts before this index of the buffer
        self._skip = 0  # bytes of a counted frame still to be discarded
        self._skip_line = False  # discarding up to the end of this line
        self._lost = False  # counted, but the bytes at the head of the buffer are no count
        self._last = False  # nothing more comes

    def receive(self, data: bytes) -> list[Frame]:
        """Take the next bytes of the stream; return the frames they complete."""
        frames: list[Frame] = []
        self._buffer += data
        if self._mode == "undecided":
            self._decide(frames)
            if self._mode != "undecided":
                self._scanned = 0
        if self._mode == "lines":
            self._lines(frames)
        elif self._mode == "counted":
            self._counted(frames)
        return frames

    def finish(self) -> list[Frame]:
        """The stream has ended: return what is left of it."""
        frames: list[Frame] = []
        self._last = True
        if self._lost:
            self._counted(frames)
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._scanned = 0
        if self._skip or self._skip_line:
            self.discarded += len(rest)
        elif self._mode == "counted" and not self._lost and (match := _COUNT.match(rest)):
            message = rest[match.end() :]  # the sender announced more than it sent
            self.discarded += max(0, len(message) - self._max)
            if message:
                frames.append(Frame(message[: self._max], cut=True))
        elif self._mode == "undecided" and (match := _COUNT.match(rest)) and int(match[1]) == len(rest) - match.end():
            self._emit(rest[match.end() :].rstrip(_COUNTED_ENDING), frames)
        else:
            self._emit(rest, frames)
        return frames

    def _emit(self, raw: bytes, frames: list[Frame]) -> None:
        """One frame without its LF: trim its ending, cut it at the limit, drop it if it is empty."""
        limit = self._max
        data = raw.rstrip(_ENDING) if len(raw) <= limit + _SLACK else raw
        if len(data) > limit:
            self.discarded += len(raw) - limit
            frames.append(Frame(data[:limit], cut=True))
        elif data:
            frames.append(Frame(data))

    # --- which framing -------------------------------------------------------------------------------------------------

    def _decide(self, frames: list[Frame]) -> None:
        buffer = self._buffer
        while self._mode == "undecided":
            if not self._skip_line:
                start = 0
                while start < len(buffer) and buffer[start] in _BETWEEN_LINES:
                    start += 1
                del buffer[:start]
                if not buffer:
                    return
                if buffer[0] not in _DIGITS:
                    self._mode = "lines"
                    return
                verdict = self._count_or_line()
                if verdict == "counted":
                    self._mode = "counted"
                    return
                if verdict == "wait":
                    return
            if not self._one_line(frames):
                return

    def _count_or_line(self) -> Literal["counted", "line", "wait"]:
        """What the digits at the head of an undecided stream are."""
        buffer = self._buffer
        match = _COUNT.match(buffer)
        if match is None:
            return "wait" if _COUNT_BEGUN.match(buffer) else "line"
        count, start = int(match[1]), match.end()
        if count > self._largest:
            return "line"
        if start == len(buffer):
            return "wait"
        if buffer[start] == 0x3C:  # '<': the PRI that RFC 5424 and RFC 3164 begin with
            return "counted"
        if count > self._max:
            return "line"
        inner = buffer.find(b"\n", start)
        if 0 <= inner < start + count - 1:
            return "line"
        if len(buffer) <= start + count:
            return "wait"
        after = buffer[start + count]
        return "counted" if after in _DIGITS or after in b"\r\n\0" else "line"

    def _one_line(self, frames: list[Frame]) -> bool:
        """Take one line of an undecided stream; False: it has not ended yet."""
        buffer = self._buffer
        end = buffer.find(b"\n")
        if end < 0:
            self._hold_or_cut(frames)
            return False
        if self._skip_line:
            self.discarded += end
            self._skip_line = False
        else:
            self._emit(bytes(buffer[:end]), frames)
        del buffer[: end + 1]
        return True

    def _hold_or_cut(self, frames: list[Frame]) -> None:
        """The buffer holds the beginning of a line and no LF: wait for more unless it is over the limit."""
        buffer = self._buffer
        if self._skip_line:
            self.discarded += len(buffer)
            buffer.clear()
        elif len(buffer) > self._max + _SLACK:
            self._emit(bytes(buffer), frames)
            buffer.clear()
            self._skip_line = True
        self._scanned = len(buffer)

    # --- LF framing ----------------------------------------------------------------------------------------------------

    def _lines(self, frames: list[Frame]) -> None:
        buffer = self._buffer
        last = buffer.rfind(b"\n", self._scanned)
        if last < 0:
            self._hold_or_cut(frames)
            return
        lines = bytes(memoryview(buffer)[:last]).split(b"\n")
        del buffer[: last + 1]
        first = 0
        if self._skip_line:
            self.discarded += len(lines[0])
            self._skip_line = False
            first = 1
        if max(map(len, lines)) <= self._max:
            frames += [_frame((line, False)) for raw in lines[first:] if (line := raw.rstrip(_ENDING))]
        else:
            for line in lines[first:]:
                self._emit(line, frames)
        self._hold_or_cut(frames)

    # --- octet counting ------------------------------------------------------------------------------------------------

    def _counted(self, frames: list[Frame]) -> None:
        if not (self._skip or self._lost):
            self._plainly_counted(frames)
        buffer = self._buffer
        at, end = 0, len(buffer)
        while at < end:
            if self._skip:
                step = min(self._skip, end - at)
                self._skip -= step
                self.discarded += step
                at += step
                continue
            if not self._lost:
                if buffer[at] in _BETWEEN_COUNTED:
                    at += 1
                    continue
                match = _COUNT.match(buffer, at)
                if match is not None and int(match[1]) <= self._largest:
                    taken = self._take(match, end, frames)
                    if taken < 0:
                        break
                    at = taken
                    continue
                if match is None and _COUNT_BEGUN.match(buffer, at):
                    break
                self._lost = True
                self.resynchronized += 1
                self._scanned = at + 1
            taken = self._resume(at, end, frames)
            if taken < 0:
                break
            at = taken
        if self._lost:
            self._scanned = max(0, self._scanned - at)
        del buffer[:at]

    def _plainly_counted(self, frames: list[Frame]) -> None:
        """The frames that are whole and within the limit, up to the first that is not: nearly all of what comes."""
        data = bytes(self._buffer)
        at, end, limit = 0, len(data), self._max
        while True:
            while at < end and data[at] in _BETWEEN_COUNTED:
                at += 1
            blank = data.find(b" ", at, at + _LONGEST_COUNT)
            digits = data[at : max(at, blank)]
            if not digits.isdigit() or digits[0] not in _DIGITS:
                break
            start, at = blank + 1, blank + 1 + int(digits)
            if at > end or at - start > limit:
                at = blank - len(digits)
                break
            if message := data[start:at].rstrip(_COUNTED_ENDING):
                frames.append(_frame((message, False)))
        del self._buffer[:at]

    def _take(self, match: re.Match[bytes], end: int, frames: list[Frame]) -> int:
        """One counted frame; returns the index after it, or -1 to wait for the rest of it."""
        count, start = int(match[1]), match.end()
        buffer, limit = self._buffer, self._max
        if count > limit + _SLACK:
            if end - start < limit:
                return -1
            frames.append(Frame(bytes(buffer[start : start + limit]), cut=True))
            self._skip = count - limit
            return start + limit
        if end - start < count:
            return -1
        message = bytes(buffer[start : start + count]).rstrip(_COUNTED_ENDING)
        if len(message) > limit:
            self._emit(message, frames)
        elif message:
            frames.append(Frame(message))
        return start + count

    def _resume(self, at: int, end: int, frames: list[Frame]) -> int:
        """Find framing again behind a wrong count; returns the index to go on from, or -1 to wait for more."""
        buffer = self._buffer
        search = self._scanned
        while (match := _RESUME.search(buffer, search)) is not None:
            start = match.start() if match[0] == b"\n" else self._count_in(match, end)
            if start is None:
                self._scanned = match.start()
                return -1
            if start < 0:
                search = match.end()
                continue
            if self._skip_line:
                self.discarded += start - at
            else:
                self._emit(bytes(buffer[at:start]), frames)
            self._lost = self._skip_line = False
            return start
        # what resumes may have begun within the last bytes: those are looked at again, and the byte before them
        self._scanned = max(self._scanned, end - _RESUME_LONGEST + 1)
        if self._skip_line:
            kept = max(at, self._scanned - 1)
            self.discarded += kept - at
            return -1 if kept == at else kept
        if end - at > self._max + _SLACK + _RESUME_LONGEST:
            frames.append(Frame(bytes(buffer[at : at + self._max]), cut=True))
            self._skip_line = True
            return at + self._max
        return -1

    def _count_in(self, match: re.Match[bytes], end: int) -> int | None:
        """Where in digits before a PRI the count begins; None to wait for more, -1 if they hold none."""
        digits, buffer = match[0].partition(b" ")[0], self._buffer
        message = match.start() + len(digits) + 1
        begins = [index for index in range(len(digits) - 1, -1, -1) if digits[index] in _DIGITS]
        for index in begins[:-1]:
            count = int(digits[index:])
            behind = message + count
            if not _SHORTEST <= count <= self._max + _SLACK:
                continue
            if behind == end and self._last:
                return match.start() + index
            if behind <= end and _NEXT.match(buffer, behind):
                return match.start() + index
            if not self._last and (behind >= end or _NEXT_BEGUN.match(buffer, behind)):
                return None
        return match.start() + begins[-1] if begins else -1
