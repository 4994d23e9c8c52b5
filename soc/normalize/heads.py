"""Header lines of a log (``#Fields: ...``) → what the lines after them are read with: kept per source, bounded, snapshotted.

W3C extended logs (IIS, Exchange) and Zeek's tables say in directives, once a file, what their columns are. They are kept as
they came and put before each later line of the same source and file when it is read.
"""

import re
from collections.abc import Mapping

import msgspec

from soc.model.record import RawRecord

STATE_PREFIX = b"head/"
MOST = 10_000
"""Sources with a head; of more the one that was declared first is forgotten, and its lines are read with default columns."""
LONGEST = 16_384
"""Bytes of a directive that is kept: Exchange's longest has under a thousand."""

# W3C Working Draft WD-logfile-960323, "Directives"; Zeek's ASCII writer
_DIRECTIVE = re.compile(
    rb"#(Version|Fields|Software|Start-Date|End-Date|Date|Remark|Log-type|"
    rb"separator|set_separator|empty_field|unset_field|path|open|close|fields|types)(?=[:\s])"
)
_KEPT = frozenset(
    (b"Software", b"Fields", b"separator", b"set_separator", b"empty_field", b"unset_field", b"path", b"fields")
)
_FIRST = frozenset((b"Software", b"separator"))
"""What a log begins with: whatever was said before holds no longer."""


class Head(msgspec.Struct, array_like=True):
    """What one source and file declared.

    Attributes:
        key: of its records on the bus.
        lines: by directive, in the order in which they came.
    """

    key: bytes
    lines: dict[bytes, bytes]


class Heads:
    """The directives of every source."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, str], tuple[Head, str]] = {}
        self._touched: set[tuple[str, str]] = set()

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Take up a committed state."""
        for state_key, value in state.items():
            if state_key.startswith(STATE_PREFIX):
                source, _, peer = state_key.removeprefix(STATE_PREFIX).decode().partition("\0")
                head = msgspec.msgpack.decode(value, type=Head)
                self._heads[source, peer] = head, _text(head)

    def changes(self) -> dict[bytes, bytes | None]:
        """What must be committed."""
        found: dict[bytes, bytes | None] = {}
        for where in self._touched:
            held = self._heads.get(where)
            found[STATE_PREFIX + "\0".join(where).encode()] = None if held is None else msgspec.msgpack.encode(held[0])
        self._touched.clear()
        return found

    def observe(self, record: RawRecord, key: bytes) -> bool:
        """Take in a record that begins with ``#``; whether it is a directive."""
        found = _DIRECTIVE.match(record.data)
        if found is None:
            return False
        name = found[1]
        if name in _KEPT and len(record.data) <= LONGEST:
            where = record.source, record.peer
            held = self._heads.pop(where, None)
            lines = {} if held is None or name in _FIRST else dict(held[0].lines)
            lines[name] = record.data.rstrip(b"\r\n")
            head = Head(key, lines)
            self._heads[where] = head, _text(head)
            self._touched.add(where)
            if len(self._heads) > MOST:
                oldest = next(iter(self._heads))
                del self._heads[oldest]
                self._touched.add(oldest)
        return True

    def of(self, record: RawRecord) -> str:
        """The head that a record is read with, ``""`` for none."""
        held = self._heads.get((record.source, record.peer)) if self._heads else None
        return "" if held is None else held[1]


def _text(head: Head) -> str:
    """The directives as lines; ``""`` as long as no columns are named."""
    if b"Fields" not in head.lines and b"fields" not in head.lines:
        return ""
    return "\n".join(line.decode("utf-8", "replace") for line in head.lines.values())
