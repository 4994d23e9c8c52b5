"""A dead letter and a normalizer in; what the record becomes when it is tried once more, and what to say of the letter, out: pure."""

from typing import NamedTuple

from msgspec.structs import replace

from soc.clock import Micros
from soc.errors import RecordError
from soc.model import DeadLetter, Event, RawRecord, decode
from soc.normalize.normalizer import Discarded, Normalizer

DECODE = "decode"
"""The stage of letters whose bytes are no raw record; it is ``soc.model.codec`` that says so."""


class Retried(NamedTuple):
    """What came of it.

    Attributes:
        record: the raw record that it was made of again.
        result: what it became; None if it failed again.
        letters: what to write to ``soc.deadletter``.
    """

    record: RawRecord
    result: Event | Discarded | None
    letters: tuple[DeadLetter, ...]


def try_again(letter: DeadLetter, normalizer: Normalizer, now: Micros) -> Retried:
    """Try a letter once more, under its first id and receive time.

    One that fails at another stage than before is closed there and open here: it stays one open letter.
    """
    attempt = letter.attempt + 1
    record = RawRecord(
        letter.data,
        letter.received,
        letter.listener,
        letter.peer,
        letter.source,
        letter.id,
        letter.named,
        letter.cut,
        letter.unauthenticated,
    )
    try:
        if letter.stage == DECODE:
            record = decode(letter.data, RawRecord)
        result = normalizer.normalize(record, letter.id, now, letter.head)
    except RecordError as error:
        profile = normalizer.profile_for(record)
        failed = replace(
            letter,
            stage=error.stage,
            reason=error.reason,
            data=record.data,
            source=record.source,
            listener=record.listener,
            peer=record.peer,
            received=record.received,
            unauthenticated=record.unauthenticated,
            profile=profile.name if profile else "",
            attempt=attempt,
        )
        moved = () if error.stage == letter.stage else (replace(letter, attempt=attempt, state="processed"),)
        return Retried(record, None, (*moved, failed))
    state = "discarded" if isinstance(result, Discarded) else "processed"
    return Retried(record, result, (replace(letter, attempt=attempt, state=state),))
