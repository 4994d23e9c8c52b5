"""One episode revision and the alert so far in, the alert's machine fields out; human fields pass through untouched."""

from dataclasses import dataclass

import msgspec

from soc.clock import Micros
from soc.model import Alert, Episode, RuleInfo
from soc.triage import entities
from soc.triage.entities import Entity, Key

LEVELS = ("informational", "low", "medium", "high", "critical")
"""Of Sigma, ascending."""


def gravity(level: str) -> int:
    """A level's place in ``LEVELS``; an unknown one counts as medium, so that a misspelt level hides nothing."""
    return LEVELS.index(level) if level in LEVELS else LEVELS.index("medium")


@dataclass(frozen=True, slots=True)
class Card:
    """What grouping must know of an alert without its samples: small enough to be kept for every alert in memory.

    Attributes:
        worthy: it opens or extends an incident; else it only comes along when it shares an entity with one.
        last_seen: of it or its last repeat.
    """

    id: str
    rule_id: str
    title: str
    title_vi: str
    level: str
    tags: tuple[str, ...]
    count: int
    first_seen: Micros
    last_seen: Micros
    state: str
    status: str
    incident_id: str
    entities: tuple[Entity, ...]
    about: frozenset[Key]
    worthy: bool
    raised: Micros = 0
    repeats: int = 0
    duplicate_of: str = ""
    silenced: bool = False
    risk: int = 0
    systems: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    unauthenticated: bool = False
    revision: int = 0
    indicators: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """The episode holds: it was neither retracted nor merged into another."""
        return self.state == "live"


def card(alert: Alert) -> Card:
    """The card of an alert: a function of the document alone, so that a restart finds the same."""
    return Card(
        alert.id,
        alert.rule_id,
        alert.title,
        alert.title_vi,
        alert.level,
        alert.tags,
        alert.count,
        alert.first_seen,
        max(alert.last_seen, alert.last_repeat),
        alert.state,
        alert.status,
        alert.incident_id,
        alert.entities,
        entities.about(alert.entities, alert.group),
        not alert.silenced_by and (alert.type != "event" or gravity(alert.level) >= gravity("medium")),
        alert.raised,
        alert.repeats,
        alert.duplicate_of,
        bool(alert.silenced_by),
        alert.risk,
        alert.systems,
        alert.units,
        alert.unauthenticated,
        alert.revision,
        tuple(dict.fromkeys(hit.value for hit in alert.indicators)),
    )


def raised(episode: Episode, info: RuleInfo | None, now: Micros) -> Alert:
    """The alert of an episode seen for the first time, at whatever revision that is."""
    rule = info or RuleInfo(id=episode.rule, title=episode.rule, type=episode.type)
    return Alert(
        id=episode.id,
        version=0,
        revision=0,
        rule_id=episode.rule,
        title=rule.title,
        title_vi=rule.title_vi,
        level=rule.level,
        tags=rule.tags,
        type=episode.type,
        rule_set=episode.rule_set,
        episode_revision=episode.revision,
        state=episode.state,
        merged_into=episode.merged_into,
        group=episode.group,
        first_seen=episode.start,
        last_seen=episode.end,
        count=episode.count,
        members=episode.members,
        sample=episode.sample,
        value=episode.value,
        late=episode.late,
        entities=entities.of_episode(episode, rule.entities),
        raised=now,
    )


def revised(alert: Alert, episode: Episode, info: RuleInfo | None) -> Alert:
    """The alert after a later revision of its episode.

    Entities only accumulate: the sample moves on to the latest members, and an alert must stay where it joined.
    A closed alert stays closed and says that there is new activity, unless the revision only takes something away.
    """
    known_rule = RuleInfo(
        id=alert.rule_id, title=alert.title, level=alert.level, title_vi=alert.title_vi, tags=alert.tags
    )
    fresh = raised(episode, info or known_rule, alert.raised)
    known = alert.entities + tuple(item for item in fresh.entities if item not in alert.entities)
    return msgspec.structs.replace(
        fresh,
        version=alert.version,
        revision=alert.revision,
        entities=known[: entities.MAX_ENTITIES],
        status=alert.status,
        owner=alert.owner,
        verdict=alert.verdict,
        close_reason=alert.close_reason,
        notes=alert.notes,
        acknowledged_at=alert.acknowledged_at,
        closed_at=alert.closed_at,
        new_activity=alert.new_activity or (alert.status == "closed" and episode.state == "live"),
        incident_id=alert.incident_id,
        fingerprint=alert.fingerprint,
        duplicate_of=alert.duplicate_of,
        repeats=alert.repeats,
        last_repeat=alert.last_repeat,
        systems=alert.systems,
        units=alert.units,
        risk=alert.risk,
        prevalence=alert.prevalence,
        seen_before=alert.seen_before,
        indicators=alert.indicators,
        silenced_by=alert.silenced_by,
        unauthenticated=alert.unauthenticated,
        facts=alert.facts,
    )
