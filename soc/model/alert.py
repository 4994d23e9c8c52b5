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


class IndicatorHit(msgspec.Struct, frozen=True):
    """A known-bad value that an alert's events carry.

    Attributes:
        field, value: where it was seen, and the value as it is listed.
        feed: which source of intelligence listed it.
        tlp: how far the knowledge may travel (TLP 2.0): ``CLEAR`` ``GREEN`` ``AMBER`` ``AMBER+STRICT`` ``RED``.
        note: what the feed says about it, one line.
    """

    field: str
    value: str
    feed: str
    tlp: str
    note: str = ""


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
        fingerprint: what repeats are recognised by: a digest of the rule and of what the alert is about.
        duplicate_of: the first alert of the same fingerprint, which stands for this one in every list; "" for that one itself.
        repeats: of the first one: how many alerts it stands for beside itself. ``last_repeat``: when the latest was last seen.
        systems: keys of the register's systems it touches, the most critical first.
        units: keys of the organizations that own them: what a person's scope is compared with.
        risk: 0 to 100: how much of a risk its entities have gathered, decayed (``soc.triage.risk``).
        prevalence: on how many hosts the rule has fired in the last 30 days, this one included.
        seen_before: (verdict, how often): how this rule on these entities was closed before.
        indicators: known-bad values in it.
        silenced_by: id of the silence or maintenance window that covers it: kept and marked, nobody is called for it.
        unauthenticated: some of its events came over UDP: anybody may have sent them.
        facts: (name, text) of enrichment, for people: country and network of an address, a user's name and unit.
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
    fingerprint: str = ""
    duplicate_of: str = ""
    repeats: int = 0
    last_repeat: Micros = 0
    systems: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    risk: int = 0
    prevalence: int = 0
    seen_before: tuple[tuple[str, int], ...] = ()
    indicators: tuple[IndicatorHit, ...] = ()
    silenced_by: str = ""
    unauthenticated: bool = False
    facts: tuple[tuple[str, str], ...] = ()
