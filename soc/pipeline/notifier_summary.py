"""The notifier's book in; what health, the metrics and the second host are told of it out."""

import msgspec

from soc.clock import DAY, SECOND, Micros
from soc.notify.caller import Caller
from soc.notify.cases import Book, Summary
from soc.notify.heartbeat import Beat
from soc.notify.roster import Roster, holes
from soc.telemetry import (
    NOTICE_CASES,
    NOTICE_NOBODY,
    NOTICE_QUEUE_SECONDS,
    NOTICE_UNANSWERED_SECONDS,
    NOTICES_UNSENT,
)

SUMMARY_SECONDS = 10
AHEAD: Micros = 7 * DAY
"""So far ahead a time in which nobody is on duty is a finding: late enough to be no surprise, early enough to be mended."""
ROLE = "notify"


def summarize(book: Book, caller: Caller, hole: tuple[Micros, Micros], beat_failed: Micros, now: Micros) -> None:
    """What health says, written when it changed and then at most every ``SUMMARY_SECONDS``; the metrics each time."""
    before = book.summary
    oldest = min((letter.notice.made for letter in book.unsent.values()), default=0)
    told = [case.opened for case in book.cases.values() if case.matter.walks and case.told]
    unanswered = min(told, default=0)
    NOTICES_UNSENT.labels(ROLE).set(len(book.unsent))
    NOTICE_QUEUE_SECONDS.labels(ROLE).set((now - oldest) / SECOND if oldest else 0)
    NOTICE_CASES.labels(ROLE).set(len(told))
    NOTICE_UNANSWERED_SECONDS.labels(ROLE).set((now - unanswered) / SECOND if unanswered else 0)
    NOTICE_NOBODY.labels(ROLE).set(bool(caller.nobody))
    if now - before.at < SUMMARY_SECONDS * SECOND:
        return
    failing = dict(caller.troubles)
    after = Summary(
        before.at, caller.nobody, len(book.unsent), oldest, len(told), unanswered, hole, beat_failed, failing
    )
    if after != before:
        book.summarize(msgspec.structs.replace(after, at=now))


def next_hole(roster: Roster, now: Micros) -> tuple[Micros, Micros]:
    """From when to when nobody is on duty next, (0, 0) if there is no such time within ``AHEAD``."""
    found = min(holes(roster, now, now + AHEAD), key=lambda hole: hole.start, default=None)
    return (found.start, found.end) if found else (0, 0)


def beat_of(book: Book, caller: Caller, now: Micros, behind: Micros) -> Beat:
    """The sign of life after a unit of work."""
    oldest = min((letter.notice.made for letter in book.unsent.values()), default=0)
    return Beat(now, now, behind, len(book.unsent), oldest, caller.nobody)
