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
FREE: Final = 32
"""Detections of one correlation that may carry the event in any case, between two calls of ``Sampler.start``."""
SHARE: Final = 32
"""Beyond these, one in so many. An event is seven times as large as a slim detection: this adds a quarter to a flood."""
_SECOND_CHANCE: Final = (4, 16)
_SAMPLED_GROUPS: Final = 10_000

_key = msgspec.msgpack.Encoder().encode


class Sampler:
    """Which slim detections carry their event: the first few of each (correlation, group) since ``start``.

    In a flood of groups they would all carry it, so a correlation's share is bounded. Half of what is beyond ``FREE`` is for the
    4th and 16th of a group that had none: a group that goes on is the one that fires.
    """

    def __init__(self, samples: int = SAMPLES) -> None:
        self._samples = samples
        self._groups: dict[bytes, tuple[int, int]] = {}  # how many there were, how many of them carried the event
        self._targets: dict[str, tuple[int, int]] = {}

    def start(self) -> None:
        """Begins anew."""
        self._groups.clear()
        self._targets.clear()

    def takes(self, target: str, key: bytes) -> bool:
        """Whether the next detection for a correlation, with this key, carries its event; beyond 10,000 keys none more do."""
        number, carried = self._groups.get(key, (0, 0))
        of_target, carried_by_target = self._targets.get(target, (0, 0))
        number, of_target = number + 1, of_target + 1
        early = number <= self._samples
        share = of_target // (2 * SHARE if early else SHARE)
        full = (
            carried < self._samples
            and (early or number in _SECOND_CHANCE)
            and carried_by_target < FREE + share
            and (key in self._groups or len(self._groups) < _SAMPLED_GROUPS)
        )
        if key in self._groups or len(self._groups) < _SAMPLED_GROUPS:
            self._groups[key] = number, carried + full
        self._targets[target] = of_target, carried_by_target + full
        return full


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
                out.append((key, detection(rule, target, group, value, match, full=sampler.takes(target, key))))
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
    """(missing, value) of what ``value_*`` counts or reckons with; (False, None) for types that look at no field.

    As text, so that 4625 and "4625" are one value. A list is one value, its items sorted: an event is one member. Of several
    fields the value is their combination; if one is missing, it is.
    """
    condition = correlation.condition
    if condition is None or not condition.fields:
        return False, None
    parts: list[str] = []
    for name in condition.fields:
        values = _texts(fields.get(_field(correlation, name, rule)))
        if not values:
            return True, None
        parts.append(", ".join(sorted(values)) if len(values) > 1 else values[0])
    return False, _combined(parts)


def _combined(parts: Sequence[str]) -> str:
    """The values of several fields as one, different for different ones; a single value as it is."""
    return parts[0] if len(parts) == 1 else msgspec.json.encode(parts).decode()


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
        counted = parent.condition.fields if parent.condition is not None else ()
        counted = [_field(parent, name, episode.rule) for name in counted]
        if any(name not in own for name in [*names, *counted]):
            continue
        group = tuple(own[name] for name in names)
        value = _combined([own[name] for name in counted]) if counted else None
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
