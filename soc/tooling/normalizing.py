"""Raw records in, one outcome for each out, in order: the event, why there is none, or which event it is a part of."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec

from soc.clock import Micros
from soc.errors import RecordError, SettingsError
from soc.model import RawRecord
from soc.normalize.assemble import Assembler, Whole
from soc.normalize.normalizer import Discarded, Normalizer

APART: Micros = 1000
"""Between two records, as the assembler counts: what is not complete 2,000 records after its last part is taken as whole."""

Taken = tuple[RawRecord, str]
"""A record, or with a reason what cannot be one."""


def outcomes(normalizer: Normalizer, records: Iterable[Taken]) -> Iterator[dict[str, Any]]:
    """What became of each record.

    Args:
        normalizer: with the profile that the records name.
        records: each with ``""``, or with the reason why it cannot be read (``extract``).

    Yields:
        For each record, in order: the event's fields; ``{"joined_into": "line-<n>"}`` for a part of the event whose first part
        was the nth record; ``{"discarded": profile, "event.original": text}``; or ``{"error": reason, "stage": stage,
        "event.original": text}``.
    """
    assembler = Assembler(normalizer)
    waiting: deque[str] = deque()
    done: dict[str, dict[str, Any]] = {}
    for number, (record, reason) in enumerate(records, 1):
        name = f"line-{number}"
        waiting.append(name)
        if reason:
            done[name] = _failed(record, RecordError("decode", reason))
        else:
            for whole in assembler.take(record, name, b"", number * APART):
                _finish(whole, normalizer, done)
        while waiting and waiting[0] in done:
            yield done.pop(waiting.popleft())
    for whole in assembler.flush():
        _finish(whole, normalizer, done)
    while waiting:
        yield done.pop(waiting.popleft())


def extract(record: RawRecord, field: str) -> Taken:
    """The record whose text is one field of a JSON object.

    Args:
        record: its bytes are the object.
        field: a name in it, or a path of names joined by dots.

    Returns:
        The record of that text and ``""``, or the record as it was and why there is no such text.
    """
    try:
        value: Any = msgspec.json.decode(record.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return record, "the line is no JSON"
    if isinstance(value, dict) and field in value:
        value = cast("dict[str, Any]", value)[field]
    else:
        for name in field.split("."):
            if not isinstance(value, dict) or name not in value:
                return record, "the object has no such field"
            value = cast("dict[str, Any]", value)[name]
    if not isinstance(value, str):
        return record, "the field holds no text"
    return msgspec.structs.replace(record, data=value.encode("utf-8", "surrogatepass")), ""


def field_of(input_format: str) -> str:
    """The field named by ``ndjson:FIELD``, ``""`` for ``lines``.

    Raises:
        SettingsError: it is neither.
    """
    if input_format == "lines":
        return ""
    kind, _, field = input_format.partition(":")
    if kind != "ndjson" or not field:
        raise SettingsError([f"--input-format: {input_format!r} is neither lines nor ndjson:FIELD"])
    return field


def _finish(whole: Whole, normalizer: Normalizer, done: dict[str, dict[str, Any]]) -> None:
    for part in whole.parts:
        done[part.id] = {"joined_into": whole.id}
    try:
        event = normalizer.normalize(whole.record, whole.id, whole.record.received, whole.head)
    except RecordError as error:
        done[whole.id] = _failed(whole.record, error)
        return
    if isinstance(event, Discarded):
        done[whole.id] = {"discarded": event.profile, "event.original": _text(whole.record.data)}
    else:
        done[whole.id] = event.fields


def _failed(record: RawRecord, error: RecordError) -> dict[str, Any]:
    return {"error": error.reason, "stage": error.stage, "event.original": _text(record.data)}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
