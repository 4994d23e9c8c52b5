"""How far event time has come in one raw partition: sources' newest correlation times in, watermark records out."""

from collections.abc import Mapping

import msgspec

from soc.clock import SECOND, Micros
from soc.model import Event, Watermark, decode

STATE_PREFIX = b"clock/"
EMIT_EVERY: Micros = SECOND
IDLE_EVERY: Micros = 10 * SECOND
"""How often a partition without active sources says that it has seen everything: an absence waits so much longer at most."""


class SourceClock(msgspec.Struct, array_like=True):
    """One source: the newest correlation time seen from it, and when it was last heard."""

    newest: Micros
    heard: Micros


class Watermarks:
    """The watermark of one raw partition: the minimum over its active sources of their newest correlation time.

    A source silent for ``idle`` holds nobody back; when all are, the partition says instead, again and again, up to when it
    has processed what was received: time goes on for an absence whose only source is dead, and stands still while the
    engine is dead or behind, so that its backlog is not late. It is a record like any other: replay repeats it (DESIGN §3).
    """

    def __init__(self, partition: int, *, idle: Micros) -> None:
        self._partition = partition
        self._idle = idle
        self._sources: dict[str, SourceClock] = {}
        self._touched: set[str] = set()
        self._last: Watermark | None = None
        self._emitted_at: Micros = 0

    @property
    def time(self) -> Micros:
        """The last watermark given out, 0 before the first."""
        return self._last.time if self._last else 0

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Take up the sources of a committed state."""
        for key, value in state.items():
            if key.startswith(STATE_PREFIX):
                self._sources[key[len(STATE_PREFIX) :].decode()] = decode(value, SourceClock)
        last = state.get(b"watermark")
        if last is not None:
            self._last = decode(last, Watermark)

    def observe(self, event: Event, now: Micros) -> None:
        """Count one event in."""
        source = self._sources.get(event.source)
        if source is None:
            source = self._sources[event.source] = SourceClock(event.correlation_time, now)
        elif event.correlation_time > source.newest:
            source.newest = event.correlation_time
        source.heard = now
        self._touched.add(event.source)

    def reached(self, source: str) -> Micros:
        """How far a source's clock has come; one not heard before holds everybody where they are.

        A watermark that goes no further makes no event of the source late that comes now and is told of only later.
        """
        known = self._sources.get(source)
        return self.time if known is None else known.newest

    def emit(
        self, now: Micros, *, caught_up: bool, held: Micros | None = None
    ) -> tuple[Watermark | None, dict[bytes, bytes | None]]:
        """The next watermark, if one is due and says anything new, with the state that must be committed with it.

        Args:
            now: wall time.
            caught_up: there was nothing more to read.
            held: it must not go past this: an event waits for its parts since the clocks stood so (``reached``).
        """
        if now - self._emitted_at < EMIT_EVERY:
            return None, {}
        active = [source.newest for source in self._sources.values() if now - source.heard < self._idle]
        floor = self._last.time if self._last else 0
        if not active and (not caught_up or now - self._emitted_at < IDLE_EVERY):
            return None, {}
        come = min(active) if active else now
        mark = Watermark(self._partition, max(floor, come if held is None else min(come, held)), idle=not active)
        if mark == self._last:
            return None, {}
        self._emitted_at = now
        self._last = mark
        state: dict[bytes, bytes | None] = {b"watermark": msgspec.msgpack.encode(mark)}
        for name in self._touched:
            state[STATE_PREFIX + name.encode()] = msgspec.msgpack.encode(self._sources[name])
        self._touched.clear()
        for name in [name for name, source in self._sources.items() if now - source.heard > 100 * self._idle]:
            del self._sources[name]
            state[STATE_PREFIX + name.encode()] = None
        return mark, state
