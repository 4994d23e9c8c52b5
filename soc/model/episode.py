"""``soc.episodes``: one revision of what happened: a rule, a group, an interval, its members."""

from typing import Any, Literal

import msgspec

from soc.clock import Micros

EpisodeState = Literal["live", "retracted", "merged"]


class Member(msgspec.Struct, frozen=True):
    """One event of an episode, with its body where the bounded sample carries it."""

    event_id: str
    rule: str
    source: str
    time: Micros
    received: Micros
    fields: dict[str, Any] | None = None
    matched: tuple[tuple[str, str], ...] = ()


class Episode(msgspec.Struct, frozen=True):
    """One revision of an episode: a maximal run of satisfied windows, or one match of a single-event rule.

    Attributes:
        id: hash(rule, group, first event at first firing); never changes; the alert's id.
        key: digest of the member events; changes by revision.
        revision: 1 at first firing, then counted up; later ones replace earlier ones.
        rule: rule id.
        rule_set: hash of the bundle.
        type: ``event`` for a base rule, else the correlation type (``event_count`` ...).
        group: the group-by fields and their values, in the rule's order.
        start: the first member's correlation time.
        end: the last member's.
        count: how many members there are.
        members: member ids in (time, id) order; all of them up to the correlator's bound, then the first ones.
        sample: a bounded number of members with their fields: the first, and the latest.
        value: what the condition compared at its peak (count, distinct count, sum ...).
        state: ``retracted``: it no longer holds; ``merged``: it became part of ``merged_into``.
        merged_into: id of the surviving episode (the one that fired first).
        late: some member came after the watermark had passed it.
        muted: the rule raises no alerts of its own (it only feeds others); kept, because those name it as a member.
    """

    id: str
    key: str
    revision: int
    rule: str
    rule_set: str
    type: str
    group: tuple[tuple[str, str], ...]
    start: Micros
    end: Micros
    count: int
    members: tuple[str, ...]
    sample: tuple[Member, ...] = ()
    value: float = 0
    state: EpisodeState = "live"
    merged_into: str = ""
    late: bool = False
    muted: bool = False
