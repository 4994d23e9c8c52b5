"""An incident and the cards of its alerts in, the incident with its machine fields brought up to date out."""

from collections.abc import Sequence

import msgspec

from soc.model import Incident
from soc.model.incident import AlertSummary
from soc.triage.alerts import Card, gravity
from soc.triage.entities import Entity

MAX_SUMMARIES = 200
"""Alerts told one by one in an incident: the gravest, in the order of time."""

MAX_ENTITIES = 200
"""Entities of an incident: those that came first keep their place, so that a report's pseudonyms for them are stable."""

MAX_TAGS = 60


def refreshed(incident: Incident, cards: Sequence[Card]) -> Incident:
    """The incident as its alerts make it. Alerts that were retracted or merged count only while no live one is left."""
    standing = [card for card in cards if card.live] or list(cards)
    if not standing:
        return msgspec.structs.replace(incident, entities=(), summaries=())
    loud = [card for card in standing if not card.silenced] or standing
    gravest = min(loud, key=lambda card: (-gravity(card.level), card.first_seen, card.id))
    told = sorted(standing, key=lambda card: (-gravity(card.level), card.first_seen, card.id))[:MAX_SUMMARIES]
    told.sort(key=lambda card: (card.first_seen, card.id))
    return msgspec.structs.replace(
        incident,
        title=gravest.title,
        title_vi=gravest.title_vi,
        level=gravest.level,
        first_seen=min(card.first_seen for card in standing),
        last_seen=max(card.last_seen for card in standing),
        entities=_entities(incident, standing),
        tags=tuple(sorted({tag for card in standing for tag in card.tags}))[:MAX_TAGS],
        summaries=tuple(_summary(card) for card in told),
        risk=max(card.risk for card in loud),
        units=tuple(dict.fromkeys(unit for card in standing for unit in card.units)),
        unauthenticated=any(card.unauthenticated for card in standing),
    )


def _entities(incident: Incident, standing: Sequence[Card]) -> tuple[tuple[str, str, int], ...]:
    counts: dict[Entity, int] = {(field, value): 0 for field, value, _ in incident.entities}
    for card in standing:
        for entity in card.entities:
            counts[entity] = counts.get(entity, 0) + 1
    return tuple((*entity, count) for entity, count in counts.items() if count)[:MAX_ENTITIES]


def _summary(card: Card) -> AlertSummary:
    return AlertSummary(
        card.id,
        card.rule_id,
        card.title,
        card.title_vi,
        card.level,
        card.count,
        card.first_seen,
        card.last_seen,
        card.state,
        card.repeats,
    )
