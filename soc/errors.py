"""The errors of the product, named by what happens next.

    SocError
    ├── RecordError        one record goes to the dead letters, the stream goes on
    ├── RuleError          one rule is refused and reported, the others run
    ├── SettingsError      the command exits 2; every mistake is listed at once
    ├── UnavailableError   something needed is away: wait and retry, or exit 3
    └── BusError
        ├── FencedError         another owner took this partition: stop, do not retry
        ├── CommitUnknownError  the outcome is not known: drop memory, claim again
        ├── LogMismatchError    a log is not the one that was read: stop, a person decides
        └── BusFullError        no room: push back on the senders

A message says what is wrong, where, and what to do about it.
"""

import traceback
from collections.abc import Sequence


class SocError(Exception):
    """The root: catching it catches whatever this product raises on purpose."""


class RecordError(SocError):
    """One record cannot be processed.

    Attributes:
        stage: where it failed, e.g. ``normalize``.
        reason: one clause without the record's own bytes, so that equal failures group.
    """

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(f"{stage}: {reason}")
        self.stage = stage
        self.reason = reason


class RuleError(SocError):
    """One rule cannot be used.

    Attributes:
        path: the rule file as it was given.
        line: 1-based line in it, or 0 where none is known.
        reason: what is wrong and, if it can be told, what to write instead.
    """

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}" if line else f"{path}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


class SettingsError(SocError):
    """The settings cannot be used; ``mistakes`` lists all of them, one line each."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class UnavailableError(SocError):
    """Something outside (a broker, a store, a receiver, a port) cannot be reached now."""


class BusError(SocError):
    """The root of what a bus raises."""


class FencedError(BusError):
    """Another owner has claimed this (stage, partition): nothing of this owner commits any more."""


class CommitUnknownError(BusError):
    """A commit was sent and its outcome is not known.

    The claim is unusable. The owner drops its memory and claims again, exactly as a take-over does: what is durable decides.
    """


class LogMismatchError(BusError):
    """A stored position points into a log that is gone, replaced or shorter than what was already read.

    The stage stops: going on would swallow the lines that were appended since, or count some twice.
    """


class BusFullError(BusError):
    """The disk or the configured bound is full; TCP and HTTP push back, UDP drops are counted."""


def forget_frames(error: BaseException) -> None:
    """Let go of what the frames that an error came through still hold: it, and all that led to it.

    A frame whose variable is the error is held by that error: what else it has, a request of megabytes, stays until the next full
    garbage collection. For loops that try again what failed. Frames that still run are left as they are.
    """
    seen: set[int] = set()
    found: list[BaseException | None] = [error]
    while found:
        one = found.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if one.__traceback__ is not None:
            traceback.clear_frames(one.__traceback__)
        found += (one.__cause__, one.__context__)
