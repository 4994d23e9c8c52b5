"""Matches and episodes in, detections addressed to whoever wants them out."""

from collections.abc import Mapping, Sequence
from itertools import islice, product
from typing import Any, Final

import msgspec

from soc.detect.detector import Match
from soc.model import Detection, Episode, Event
from soc.sigma.correlation import CorrelationRule
from soc.sigma.ruleset import RuleSet
from soc.sigma.values import scalars, text

Addressed = tuple[bytes, Detection]
"""(bus key, detection): equal keys meet in one partition."""

GROUPS_AN_EVENT: Final = 64
"""Groups that one event may fall into by lists in its group-by fields; the first ones count."""
SAMPLES: Final = 2
"""Detections of one (correlation, group) that carry the event, between two calls of ``Sampler.start``."""
_SAMPLED_GROUPS: Final = 10_000

_key = msgspec.msgpack.Encoder().encode


class Sampler:
    """Which slim detections carry their event: the first few of each (correlation, group) since ``start``."""

    def __init__(self, samples: int = SAMPLES) -> None:
        self._samples = samples
        self._taken: dict[bytes, int] = {}

    def start(self) -> None:
        """Begins anew."""
        self._taken.clear()

    def takes(self, key: bytes) -> bool:
        """Whether the next detection with this key carries its event; beyond 10,000 keys none more do."""
        taken = self._taken.get(key, 0)
        if taken >= self._samples or (not taken and len(self._taken) >= _SAMPLED_GROUPS):
            return False
        self._taken[key] = taken + 1
        return True


def feed(event: Event, matches: Sequence[Match], rules: RuleSet, sampler: Sampler) -> list[Addressed]:
    """The detections of one event.

    A rule that raises alerts gives one with ``target`` empty, keyed by rule and event; each correlation that refers to the rule
    gets one per group, keyed by (correlation, group). A group-by field that is missing, null or the empty list forms no
    group. A list in a group-by field gives one detection per value: the event is of each of these groups.
    """
    late = "late" in event.time_flags
    out: list[Addressed] = []

    def detection(
        rule: str, target: str, group: tuple[str, ...], value: str | float | None, match: Match, *, full: bool
    ) -> Detection:
        return Detection(
            rule=rule,
            rule_set=rules.hash,
            target=target,
            group=group,
            value=value,
            event_id=event.id,
            source=event.source,
            time=event.correlation_time,
            start=event.correlation_time,
            received=event.received,
            late=late,
            fields=event.fields if full else None,
            matched=match.matched if full else (),
        )

    for match in matches:
        rule = match.rule
        if rule in rules.alerting:
            out.append((_key((rule, event.id)), detection(rule, "", (), None, match, full=True)))
        for target in rules.feeds.get(rule, ()):
            correlation = rules.correlations[target]
            missing, value = _counted(correlation, rule, event.fields)
            if missing:
                continue
            for group in _groups(correlation, rule, event.fields):
                key = _key((target, group))
                out.append((key, detection(rule, target, group, value, match, full=sampler.takes(key))))
    return out


def _field(correlation: CorrelationRule, name: str, rule: str) -> str:
    """What a group-by name or counted field of the correlation is called in the events of one rule."""
    aliases: Mapping[str, str] = correlation.aliases.get(name, {})
    return aliases.get(rule, name)


def _groups(correlation: CorrelationRule, rule: str, fields: Mapping[str, Any]) -> list[tuple[str, ...]]:
    values = [_texts(fields.get(_field(correlation, name, rule))) for name in correlation.group_by]
    return list(islice(product(*values), GROUPS_AN_EVENT))


def _texts(value: Any) -> list[str]:
    return list(dict.fromkeys(text(item) for item in islice(scalars(value), GROUPS_AN_EVENT) if item is not None))


def _counted(correlation: CorrelationRule, rule: str, fields: Mapping[str, Any]) -> tuple[bool, str | None]:
    """(missing, value) of the field that a ``value_count`` counts; (False, None) for types that count none.

    As text, so that 4625 and "4625" are one value. A list is one value, its items sorted: an event is one member.
    """
    condition = correlation.condition
    if condition is None or not condition.field:
        return False, None
    values = _texts(fields.get(_field(correlation, condition.field, rule)))
    return not values, ", ".join(sorted(values)) if values else None


def feed_episode(episode: Episode, rules: RuleSet) -> list[Addressed]:
    """What one revision of a correlation's episode feeds to the correlations above it.

    The parent's group is taken from the child's by name (or the parent's alias for this child); a name that the child does
    not group by forms no group. So is a counted field. ``time`` is the interval's end, ``start`` its begin.
    """
    out: list[Addressed] = []
    own = dict(episode.group)
    for target in rules.feeds.get(episode.rule, ()):
        parent = rules.correlations[target]
        names = [_field(parent, name, episode.rule) for name in parent.group_by]
        counted = parent.condition.field if parent.condition is not None else ""
        value = own.get(_field(parent, counted, episode.rule)) if counted else None
        if any(name not in own for name in names) or (counted and value is None):
            continue
        group = tuple(own[name] for name in names)
        detection = Detection(
            rule=episode.rule,
            rule_set=episode.rule_set,
            target=target,
            group=group,
            value=value,
            event_id=episode.id,
            source="",
            time=episode.end,
            start=episode.start,
            received=max((member.received for member in episode.sample), default=episode.end),
            late=episode.late,
            child_revision=episode.revision,
            retracted=episode.state != "live",
        )
        out.append((_key((target, group)), detection))
    return out
