"""An act's arguments as a client sent them in; checked texts, times and choices out, or a refusal that says what is wrong."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, cast

from soc.clock import Micros
from soc.model import Action

MAX_TEXT = 10_000
"""Characters of a note, reason, reply or answer."""

MAX_LINE = 500
"""Characters of a title or of one line."""


class RefusedError(Exception):
    """The act is not possible; the message says why, for people. It never leaves triage: it becomes an answer."""


class Done(NamedTuple):
    """What an act made of its target.

    Attributes:
        changes: fields of the document and their new values.
        what: a past participle for the history: ``closed as false_positive``.
        detail: what the timeline adds to the act's name, in no language but the writer's: a reason, names, values.
    """

    changes: Mapping[str, object]
    what: str
    detail: str = ""


def text(action: Action, name: str, *, needed: bool = True, most: int = MAX_TEXT) -> str:
    """A text argument, without blanks at its ends.

    Raises:
        RefusedError: it is missing, blank, longer than ``most`` characters or no text.
    """
    value = action.changes.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise RefusedError(f"{name} must be text of at most {most} characters")
    if needed and not value.strip():
        raise RefusedError(f"{action.kind} needs {name}")
    return value.strip()


def choice(action: Action, name: str, choices: Collection[str]) -> str:
    """One of a fixed set of words.

    Raises:
        RefusedError: it is another, or missing.
    """
    value = action.changes.get(name, "")
    if not isinstance(value, str) or value not in choices:
        raise RefusedError(f"{action.kind} needs {name}, one of {', '.join(choices)}")
    return value


def moment(action: Action, name: str, *, needed: bool = True) -> Micros | None:
    """A time in microseconds since 1970; None if it is not given and not needed.

    Raises:
        RefusedError: it is none, or before 1970 or after 2200.
    """
    value = action.changes.get(name)
    if value is None and not needed:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _YEAR_2200:
        raise RefusedError(f"{action.kind} needs {name}, a time in microseconds since 1970")
    return value


_YEAR_2200: Micros = 7_258_118_400_000_000


def yes_or_no(action: Action, name: str) -> bool | None:
    """True, False, or None if it is not given.

    Raises:
        RefusedError: it is anything else.
    """
    value = action.changes.get(name)
    if value is not None and not isinstance(value, bool):
        raise RefusedError(f"{name} must be true or false")
    return value


def texts(action: Action, name: str, most: int) -> tuple[str, ...] | None:
    """A list of texts, each once, or None if it is not given.

    Raises:
        RefusedError: it is no list of at most ``most`` texts.
    """
    value = action.changes.get(name)
    if value is None:
        return None
    items = cast("list[object]", value) if isinstance(value, list | tuple) else None
    if items is None or len(items) > most or not all(isinstance(item, str) for item in items):
        raise RefusedError(f"{name} must be a list of at most {most} texts")
    return tuple(dict.fromkeys(cast("list[str]", items)))


def pairs(action: Action, name: str, most: int) -> tuple[tuple[str, str], ...]:
    """A mapping or a list of [field, value], as pairs in their order.

    Raises:
        RefusedError: it is neither, or has more than ``most`` pairs.
    """
    value = action.changes.get(name)
    found: list[tuple[str, str]] = []
    items: list[object]
    if isinstance(value, Mapping):
        items = [list(item) for item in cast("Mapping[object, object]", value).items()]
    elif isinstance(value, list | tuple):
        items = list(cast("list[object]", value))
    else:
        raise RefusedError(f"{action.kind} needs {name}: fields and their values")
    for item in items:
        both = cast("list[object]", item) if isinstance(item, list | tuple) else []
        if len(both) != 2 or not isinstance(both[0], str) or not isinstance(both[1], str):
            raise RefusedError(f"{name} must be fields and their values, all of them text")
        found.append((both[0].strip(), both[1].strip()))
    if len(found) > most:
        raise RefusedError(f"{name} has more than {most} entries")
    return tuple(found)
