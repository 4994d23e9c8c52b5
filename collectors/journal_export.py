"""systemd's Journal Export Format: bytes in as they arrive, entries out, each with its cursor; no process, no file.

    __CURSOR=s=...;i=...        a field whose value holds no LF: name=value LF
    MESSAGE                     any other: name LF, its length in 64 bits little endian, that many bytes, LF
    <8 bytes><value>
                                an empty line ends the entry

(systemd documentation, "Journal Export Formats".) What comes out depends on the bytes alone, not on where a read cut them.
Of a value longer than ``FIELD`` bytes, and of what is past ``max_bytes`` of one entry, the rest is discarded and counted, and the
entry is marked; a length is believed, so that the bytes behind it are found again.
"""

import re
from typing import NamedTuple

import msgspec

FIELD = 64 * 1024
"""Of one value: journald itself keeps 48 KiB of a line (LineMax=); only what programs attach, core dumps, is longer."""
_LONGEST_VALUE = 1 << 40
_NAME = re.compile(rb"[A-Z_][A-Z0-9_]{0,63}\Z")
"""journald takes only such names (sd_journal_sendv: letters, digits, underscore, at most 64 bytes)."""
_NAMES: dict[bytes, str] = {}
_MOST_NAMES = 4096  # programs may invent some
_LENGTH = 8
_LINE = FIELD + 80
"""Held of a line without LF: a name, its sign and all that is kept of a value."""


class Entry(NamedTuple):
    """One journal entry.

    Attributes:
        cursor: where it stands in its journal, ``""`` if it does not say.
        host: the machine it was written on, ``""`` if it does not say.
        data: the entry as one JSON object, the way ``journalctl --output=json`` writes it: text; a value that is no UTF-8 as a list
            of its bytes; a field that came several times as a list of its values.
        cut: something of it was discarded.
    """

    cursor: str
    host: str
    data: bytes
    cut: bool


Value = str | list[int]


class JournalExportParser:
    """The entries of one stream.

    Attributes:
        discarded: bytes cut off.
        resynchronized: lines that were no field, and were passed over.
        pending: bytes of an entry that has not ended yet are held.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._buffer = bytearray()
        self._scanned = 0  # no LF before this index of the buffer
        self._fields: dict[str, Value | list[Value]] = {}
        self._size = 0
        self._cut = False
        self._name = ""  # of the binary value that is being read
        self._left = -1  # bytes of it still to come, with its LF; -1: its length is still to come
        self._value = bytearray()
        self.discarded = 0
        self.resynchronized = 0

    @property
    def pending(self) -> bool:
        """An entry has begun and not ended."""
        return bool(self._buffer or self._fields or self._name)

    def receive(self, data: bytes) -> list[Entry]:
        """Take the next bytes; return the entries they complete."""
        self._buffer += data
        entries: list[Entry] = []
        while True:
            if not self._name and not self._fields and not self._cut and self._whole(entries):
                continue
            if not (self._binary() if self._name else self._line(entries)):
                return entries

    def _whole(self, entries: list[Entry]) -> bool:
        """Take an entry that is there to its end, holds text only and is within all limits: most are. False: take it line by line."""
        end = self._buffer.find(b"\n\n", 0, min(FIELD, self._max))
        if end <= 0:
            return False
        fields: dict[str, Value | list[Value]] = {}
        for line in bytes(self._buffer[:end]).split(b"\n"):
            name, separator, value = line.partition(b"=")
            known = _NAMES.get(name) or _name(name)
            if not separator or not known or known in fields:
                return False
            fields[known] = _shown(value)
        del self._buffer[: end + 2]
        self._scanned = 0
        self._fields = fields
        self._end(entries)
        return True

    def finish(self) -> list[Entry]:
        """The stream has ended: an entry without its empty line is an entry too, one that ends inside a value is marked."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._scanned = 0
        if self._name:
            self._keep(self._name, bytes(self._value), len(rest))
            self._name, self._left = "", -1
            self._cut = True
        elif rest:
            self._text(rest)
            self._cut = True
        entries: list[Entry] = []
        self._end(entries)
        return entries

    def _line(self, entries: list[Entry]) -> bool:
        """Take one line; False: it has not ended yet."""
        buffer = self._buffer
        end = buffer.find(b"\n", self._scanned)
        if end < 0:
            # a text without LF: no more than can be kept is held, and the rest of the line still counts as its value
            if len(buffer) > _LINE:
                self.discarded += len(buffer) - _LINE
                self._cut = True
                del buffer[_LINE:]
            self._scanned = len(buffer)
            return False
        line = bytes(buffer[:end])
        del buffer[: end + 1]
        self._scanned = 0
        if not line:
            self._end(entries)
        else:
            self._text(line)
        return True

    def _text(self, line: bytes) -> None:
        name, separator, value = line.partition(b"=")
        if _NAME.match(name) is None:
            self.resynchronized += 1
            if len(line) > _LINE:
                self.discarded += len(line) - _LINE
                self._cut = True
        elif separator:
            self._keep(name.decode("ascii"), value[:FIELD], max(0, len(value) - FIELD))
        else:
            self._name, self._left = name.decode("ascii"), -1
            self._value.clear()

    def _binary(self) -> bool:
        """Take what there is of a value whose length is given; False: more has to come."""
        buffer = self._buffer
        if self._left < 0:
            if len(buffer) < _LENGTH:
                return False
            length = int.from_bytes(buffer[:_LENGTH], "little")
            if length > _LONGEST_VALUE:  # no length: the stream is damaged, and the next line is a line again
                self.resynchronized += 1
                self._name = ""
                return True
            del buffer[:_LENGTH]
            self._left = length + 1
        taken = min(self._left, len(buffer))
        room = max(0, min(FIELD - len(self._value), taken, self._left - 1))
        self._value += buffer[:room]
        # the LF behind the value is framing
        lost = min(taken, self._left - 1) - room
        if lost > 0:
            self.discarded += lost
            self._cut = True
        del buffer[:taken]
        self._left -= taken
        if self._left:
            return False
        self._keep(self._name, bytes(self._value), 0)
        self._name, self._left = "", -1
        return True

    def _keep(self, name: str, value: bytes, lost: int) -> None:
        """Add a value; what is past the limit of the entry is discarded."""
        room = max(0, self._max - self._size - len(name))
        if len(value) > room or not room:
            lost += max(1, len(value) - room)
            value = value[:room]
        if lost:
            self.discarded += lost
            self._cut = True
        if room == 0 and self._size:
            return
        self._size += len(name) + len(value)
        shown = _shown(value)
        known = self._fields.get(name)
        if known is None:
            self._fields[name] = shown
        elif isinstance(known, list) and known and not isinstance(known[0], int):
            known.append(shown)  # type: ignore[arg-type] - a list of values: its first is no byte
        else:
            self._fields[name] = [known, shown]  # type: ignore[list-item]

    def _end(self, entries: list[Entry]) -> None:
        if self._fields:
            cursor, host = self._fields.get("__CURSOR", ""), self._fields.get("_HOSTNAME", "")
            entries.append(
                Entry(
                    cursor if isinstance(cursor, str) else "",
                    host[:255] if isinstance(host, str) else "",
                    msgspec.json.encode(self._fields),
                    self._cut,
                )
            )
        self._fields = {}
        self._size = 0
        self._cut = False


def _name(name: bytes) -> str:
    """A field's name as text, remembered; ``""`` if it is none."""
    if _NAME.match(name) is None:
        return ""
    if len(_NAMES) >= _MOST_NAMES:
        _NAMES.clear()
    found = _NAMES[name] = name.decode("ascii")
    return found


def _shown(value: bytes) -> Value:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return list(value)
