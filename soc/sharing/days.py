"""The daily count: what was due on a local day, sent and acknowledged, and whether the receiver agrees. Pure."""

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from soc.clock import Micros, to_datetime
from soc.sharing.summary import Sums

Agreement = Literal["open", "agreed", "gap", "unknown"]
"""``open``: the day or its sending is not over. ``agreed``: everything due is acknowledged, or the receiver says that it has as many.
``gap``: it is not. ``unknown``: the wire knows no acknowledgement and nobody said how many the receiver has."""

MOST_DAYS = 366
"""Days without the product running that still get a count of their own."""


class Day(msgspec.Struct, frozen=True):
    """One receiver's count of one local day; summaries are counted on the day on which they are sealed.

    Attributes:
        first, last: numbers of its summaries, 0 = none.
        due: summaries that were sealed.
        sent: that were brought to the receiver; without an acknowledgement that is all that is known.
        acknowledged: that the receiver said it has.
        refused: that it refused and that wait for a person.
        withheld: rows of them whose words the second scan did not let go; their counts are sent.
        alerts, events, alerts_withdrawn, events_withdrawn: what its summaries tell in total.
        digest: SHA-256 over the records' SHA-256 in the order of numbers (``chained``); "" = none.
        closed: the day is over. ``told``: its own record has been sent.
        counted: how many summaries the receiver says that it has, None = it did not say. ``counted_by``: who said so.
    """

    day: str
    first: int = 0
    last: int = 0
    due: int = 0
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    withheld: int = 0
    alerts: int = 0
    events: int = 0
    alerts_withdrawn: int = 0
    events_withdrawn: int = 0
    digest: str = ""
    closed: bool = False
    told: bool = False
    counted: int | None = None
    counted_by: str = ""

    def sealed(self, number: int, sums: Sums, record: bytes) -> "Day":
        """With one more summary that is due."""
        return msgspec.structs.replace(
            self,
            first=self.first or number,
            last=number,
            due=self.due + 1,
            digest=chained(self.digest, hashlib.sha256(record).hexdigest()),
            **{name: getattr(self, name) + value for name, value in sums._asdict().items()},
        )

    def figures(self) -> dict[str, Any]:
        """What the day's own record says."""
        names = ("first", "last", "due", "sent", "acknowledged", "refused", "withheld", *Sums._fields, "digest")
        return {name: getattr(self, name) for name in names}

    def agreement(self, acknowledges: bool) -> Agreement:
        """Whether the receiver has what was due.

        Args:
            acknowledges: its wire knows acknowledgements.
        """
        if not self.closed:
            return "open"
        if self.counted is not None:
            return "agreed" if self.counted == self.due else "gap"
        if self.refused:
            return "gap"
        if self.sent < self.due:
            return "open"
        if not acknowledges:
            return "agreed" if not self.due else "unknown"
        return "agreed" if self.acknowledged == self.due else "gap"


def chained(digest: str, sha256: str) -> str:
    """The digest of a day after one more record: SHA-256 over both in hexadecimal, the digest before it first."""
    return hashlib.sha256((digest + sha256).encode()).hexdigest()


def day_of(at: Micros, zone: ZoneInfo) -> str:
    """The local day of a moment."""
    return to_datetime(at).astimezone(zone).date().isoformat()


def days_between(first: str, last: str) -> Iterator[str]:
    """The days from one to another, the last one not among them; of very many the latest ``MOST_DAYS``."""
    end = date.fromisoformat(last)
    begin = max(date.fromisoformat(first), end - timedelta(days=MOST_DAYS))
    for number in range((end - begin).days):
        yield (begin + timedelta(days=number)).isoformat()
