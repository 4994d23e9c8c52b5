"""``soc.alerts``: the current document of one alert, written by triage alone.

Machine fields follow the episode; human fields follow actions; the two are disjoint, so a machine revision never undoes
what a person did.
"""

from typing import Literal

import msgspec

from soc.clock import Micros
from soc.model.episode import EpisodeState, Member

AlertStatus = Literal["new", "acknowledged", "closed"]
Verdict = Literal["", "true_positive", "benign_true_positive", "false_positive"]


class Note(msgspec.Struct, frozen=True):
    """What a person wrote, when."""

    at: Micros
    author: str
    text: str


class Alert(msgspec.Struct, frozen=True):
    """One alert.

    Attributes:
        id: the episode's id; begins with the month of first firing, ``202611-...``, which names its index.
        version: the fold's sequence at the last change: the store's external version, strictly increasing.
        revision: counts changes of the human fields; what ``Action.expected_revision`` is compared with.
        rule_id, title, title_vi, level, tags, type: of the rule.
        episode_revision, state, merged_into, group, first_seen, last_seen, count, members, sample, value, late: machine
            fields, of the episode.
        entities: (kind, value): ``("source.ip", "192.0.2.7")``: what it is about, for grouping and search.
        raised: when triage first saw it.
        status, owner, verdict, close_reason, notes, acknowledged_at, closed_at: human fields.
        new_activity: the machine revised it after it was closed.
        incident_id: the incident it belongs to.
    """

    id: str
    version: int
    revision: int
    rule_id: str
    title: str
    title_vi: str
    level: str
    tags: tuple[str, ...]
    type: str
    rule_set: str
    episode_revision: int
    state: EpisodeState
    merged_into: str
    group: tuple[tuple[str, str], ...]
    first_seen: Micros
    last_seen: Micros
    count: int
    members: tuple[str, ...]
    sample: tuple[Member, ...]
    value: float
    late: bool
    entities: tuple[tuple[str, str], ...]
    raised: Micros
    status: AlertStatus = "new"
    owner: str = ""
    verdict: Verdict = ""
    close_reason: str = ""
    notes: tuple[Note, ...] = ()
    acknowledged_at: Micros | None = None
    closed_at: Micros | None = None
    new_activity: bool = False
    incident_id: str = ""
