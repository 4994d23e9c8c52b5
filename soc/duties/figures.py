"""A periodic report as data: each figure with the query that makes it again."""

import msgspec

from soc.clock import Micros
from soc.duties.schedule import PeriodicClock


class Figure(msgspec.Struct, frozen=True):
    """One figure.

    Attributes:
        vi, en: what it counts; of a breakdown the counted value itself.
        kind: of the documents counted: ``incident``, ``alert``, ``report`` …
        query: in the language of the search boxes; ``soc report list --of KIND QUERY`` lists what was counted.
        value: how many.
    """

    id: str
    vi: str
    en: str
    kind: str
    query: str
    value: int


class Section(msgspec.Struct, frozen=True):
    """A group of figures under one heading; ``ranked``: the most frequent values, of which there may be more."""

    id: str
    vi: str
    en: str
    figures: tuple[Figure, ...]
    ranked: bool = False


class Timely(msgspec.Struct, frozen=True):
    """One duty to one recipient and whether it was met: ``soc report clocks INCIDENT`` says the same."""

    incident_id: str
    number: str
    kind: str
    vi: str
    recipient: str
    recipient_vi: str
    t0: Micros | None
    due: Micros | None
    delivered: Micros | None
    state: str


class PeriodicReport(msgspec.Struct, frozen=True):
    """One periodic report.

    Attributes:
        organization: who makes it.
        start, end: of the data, ``end`` exclusive.
        made: when it was computed. A period that has not ended is ``preliminary``.
        steps: its hand-overs.
        timely: every duty of the period's incidents.
        timely_query: which incidents these are.
        open_ends: what the report cannot say, in words.
    """

    report: str
    period: str
    vi: str
    en: str
    organization: str
    start: Micros
    end: Micros
    made: Micros
    preliminary: bool
    zone: str
    legal_basis: str
    verified: bool
    policy: str
    policy_hash: str
    sections: tuple[Section, ...]
    timely: tuple[Timely, ...]
    timely_query: str
    steps: tuple[PeriodicClock, ...] = ()
    open_ends: tuple[str, ...] = ()
