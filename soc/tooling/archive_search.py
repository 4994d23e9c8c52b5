"""Search over the archive: a window, a query or a text in; the matching lines, normalized, out."""

from collections.abc import Callable, Iterator
from typing import Any

from soc.archive.place import Place
from soc.archive.reading import Looked, Window, read
from soc.clock import Micros
from soc.errors import RecordError
from soc.normalize.assemble import Assembler, Whole
from soc.normalize.normalizer import Discarded, Normalizer
from soc.store.query import Query, matches


def search(
    place: Place,
    normalizer: Normalizer,
    window: Window,
    *,
    query: Query,
    text: str,
    now: Micros,
    looked: Looked,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[dict[str, Any]]:
    """The events of archived lines that match.

    Args:
        place: where the segments are.
        normalizer: the installation's own: lines are read as its profiles say now.
        window: when they were received, and from whom.
        query: on the normalized event, as in the console.
        text: stands in the line, whatever the case of its ASCII letters; "" is in every line.
        now: written as ``event.ingested``.
        looked: filled while it goes on.
        progress: told how many records were read.

    Yields:
        ``{"event.id", "source", "event"}``; of a line that cannot be normalized ``"error"`` too, and its text as the event.

    Raises:
        UnavailableError: the archive cannot be read now.
    """
    wanted = text.encode().lower()
    assembler = Assembler(normalizer)

    def found(whole: Whole) -> Iterator[dict[str, Any]]:
        if wanted in whole.record.data.lower():
            row = _row(normalizer, whole, now)
            if row is not None and matches(query, row["event"]):
                yield row

    for one in read(place, window, looked, progress):
        for whole in assembler.take(one.raw, one.id, one.key, one.appended):
            yield from found(whole)
    for whole in assembler.flush():
        yield from found(whole)


def _row(normalizer: Normalizer, whole: Whole, now: Micros) -> dict[str, Any] | None:
    """What is printed of a line; None if a profile discards it."""
    row: dict[str, Any] = {"event.id": whole.id, "source": whole.record.source}
    try:
        event = normalizer.normalize(whole.record, whole.id, now, whole.head)
    except RecordError as error:
        original = whole.record.data.decode("utf-8", "backslashreplace")
        return {**row, "error": error.reason, "event": {"event.original": original}}
    return None if isinstance(event, Discarded) else {**row, "event": event.fields}
