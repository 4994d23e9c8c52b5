"""Rules, detections and drivers for the tests of correlate, and an oracle that knows nothing of sweeps."""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from soc.correlate import Correlator, Outcome
from soc.model import Detection, Episode, Watermark
from soc.sigma.correlation import Alternative, CorrelationCondition, CorrelationRule
from soc.sigma.ruleset import RuleSet

FAR = 10**12
OPERATORS = {
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
    "eq": operator.eq,
    "neq": operator.ne,
}


def rule(
    type_="event_count",
    op="gte",
    count=3,
    *,
    timespan=10,
    rules=("a",),
    id_="c",
    lateness=None,
    depth=1,
    digest="",
    percentile=None,
    choices=(),
    counted=False,
):
    """A correlation; ``choices``: (rules that occur, rules that do not); ``counted``: a temporal one compares a number."""
    fields = ("f",) if type_.startswith("value") else ()
    bare = type_.startswith("temporal") and not counted
    return CorrelationRule(
        id=id_,
        type=type_,
        rules=tuple(rules),
        group_by=("user",),
        aliases={},
        timespan=timespan,
        condition=None if bare else CorrelationCondition(op, count, fields, percentile),
        lateness=lateness,
        digest=digest or f"digest of {id_}",
        depth=depth,
        alternatives=tuple(Alternative(tuple(some), frozenset(without)) for some, without in choices),
    )


def rule_set(*rules, hash_="set"):
    feeds: dict[str, tuple[str, ...]] = {}
    for one in rules:
        for name in dict.fromkeys(one.rules):
            feeds[name] = (*feeds.get(name, ()), one.id)
    return RuleSet(hash_, {}, {one.id: one for one in rules}, {}, (), frozenset(one.id for one in rules), {}, feeds)


def correlator(*rules, lateness=0, raw_partitions=1, max_groups=1000, max_events=1000, **more):
    return Correlator(
        rule_set(*rules, hash_=more.pop("hash_", "set")),
        lateness=lateness,
        raw_partitions=raw_partitions,
        max_groups=max_groups,
        max_events_per_group=max_events,
        **more,
    )


def hit(
    event_id,
    time,
    *,
    by="a",
    target="c",
    group=("u",),
    value=None,
    fields=None,
    revision=0,
    retracted=False,
    start=None,
):
    return Detection(
        rule=by,
        rule_set="set",
        target=target,
        group=group,
        value=value,
        event_id=event_id,
        source="s",
        time=time,
        start=time if start is None else start,
        received=time,
        fields=fields,
        child_revision=revision,
        retracted=retracted,
    )


def mark(time, partition=0, *, idle=False):
    return Watermark(partition, time, idle)


class Fold:
    """What triage would hold: the latest revision of each episode; it fails on a revision that does not count up."""

    def __init__(self) -> None:
        self.latest: dict[str, Episode] = {}

    def take(self, episodes: Iterable[Episode]) -> None:
        for episode in episodes:
            known = self.latest.get(episode.id)
            if known is not None and episode.type != "event":
                assert episode.revision == known.revision + 1, (known, episode)
            self.latest[episode.id] = episode

    @property
    def live(self) -> set[tuple]:
        return {shape(one) for one in self.latest.values() if one.state == "live"}


def shape(episode: Episode) -> tuple:
    return (episode.rule, episode.group, episode.start, episode.end, episode.members)


def as_child(episode: Episode, parent: CorrelationRule) -> Detection:
    """An episode as its parent's detection, grouped as the child is."""
    return Detection(
        rule=episode.rule,
        rule_set=episode.rule_set,
        target=parent.id,
        group=tuple(value for _, value in episode.group),
        value=None,
        event_id=episode.id,
        source="",
        time=episode.end,
        start=episode.start,
        received=episode.end,
        child_revision=episode.revision,
        retracted=episode.state != "live",
    )


@dataclass
class Run:
    """A whole input driven through a correlator, with chains fed back in the next batch."""

    machine: Correlator
    parents: Sequence[CorrelationRule] = ()

    def __post_init__(self) -> None:
        self.fold = Fold()
        self.back: list[Detection] = []
        self.state: dict[bytes, bytes] = {}
        self.outcomes: list[Outcome] = []

    def batch(self, items) -> Outcome:
        outcome = self.machine.apply([*self.back, *items])
        self.back = [as_child(one, up) for one in outcome.episodes for up in self.parents if one.rule in up.rules]
        self.fold.take(outcome.episodes)
        for key, value in outcome.state.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        self.outcomes.append(outcome)
        return outcome

    def end(self) -> set[tuple]:
        self.batch([mark(FAR)])
        quiet = 0
        while quiet <= self.machine.depth:
            quiet = 0 if self.batch([]).episodes or self.back else quiet + 1
        return self.fold.live


def expected(rule_: CorrelationRule, detections: Iterable[Detection]) -> set[tuple]:
    """The live episodes of a whole input, by the definition: every anchored window, one by one, then joined."""
    groups: dict[tuple, dict[tuple[str, str], Detection]] = {}
    for one in detections:
        if takes_part(rule_, one):
            known = groups.setdefault(one.group, {})
            before = known.get((one.event_id, one.rule))
            if before is None or one.child_revision > before.child_revision:
                known[one.event_id, one.rule] = one
    found = set()
    for group, known in groups.items():
        events = sorted((one for one in known.values() if not one.retracted), key=lambda one: (one.time, one.event_id))
        anchors = sorted({one.time for one in events})
        good = [t for t in anchors if satisfied(rule_, [one for one in events if t <= one.time <= t + rule_.timespan])]
        runs: list[list[int]] = []
        for t in good:
            # Two windows are of one run if they share an entry: then the later anchor itself is in the earlier window.
            if runs and t <= runs[-1][-1] + rule_.timespan:
                runs[-1].append(t)
            else:
                runs.append([t])
        for run in runs:
            members = [one for one in events if any(t <= one.time <= t + rule_.timespan for t in run)]
            ids = tuple(dict.fromkeys(one.event_id for one in members))
            named = tuple(zip(rule_.group_by, group, strict=False))
            found.add((rule_.id, named, members[0].time, members[-1].time, ids))
    return found


def takes_part(rule_: CorrelationRule, one: Detection) -> bool:
    if rule_.type == "value_count":
        return one.value is not None
    return not rule_.type.startswith("value_") or as_number(one.value) is not None


def as_number(value) -> Fraction | None:
    try:
        return Fraction(Decimal(value)) if isinstance(value, str | int) else None
    except ArithmeticError:
        return None


def satisfied(rule_: CorrelationRule, window: Sequence[Detection]) -> bool:
    there = {one.rule for one in window}
    ordered = rule_.type == "temporal_ordered"
    if rule_.alternatives:
        return any(
            not there & one.absent
            and (climbs(list(one.present), list(window), 0) if ordered else there >= set(one.present))
            for one in rule_.alternatives
        )
    if rule_.type.startswith("temporal") and rule_.condition is None:
        return climbs(list(rule_.rules), list(window), 0) if ordered else there >= set(rule_.rules)
    return OPERATORS[rule_.condition.operator](measured(rule_, window), Fraction(str(rule_.condition.count)))


def measured(rule_: CorrelationRule, window: Sequence[Detection]) -> int | Fraction:
    match rule_.type:
        case "event_count":
            return len({one.event_id for one in window})
        case "value_count":
            return len({one.value for one in window})
        case "temporal":
            return len({one.rule for one in window})
        case "temporal_ordered":
            return max(len(some) for some in subsequences(rule_.rules) if climbs(some, list(window), 0))
    numbers = sorted(number for _, number in {(one.event_id, as_number(one.value)) for one in window})
    match rule_.type:
        case "value_sum":
            return sum(numbers)
        case "value_avg":
            return sum(numbers) / len(numbers)
    percentile = 50 if rule_.type == "value_median" else rule_.condition.percentile
    place = Fraction(str(percentile)) / 100 * (len(numbers) - 1)
    below = numbers[int(place)]
    return below + (numbers[min(int(place) + 1, len(numbers) - 1)] - below) * (place - int(place))


def subsequences(steps: Sequence[str]) -> list[list[str]]:
    return [[]] + [[*rest, *some] for rest in ([steps[0]], []) for some in subsequences(steps[1:])] if steps else [[]]


def climbs(steps: list[str], window: list[Detection], since: int) -> bool:
    """Is there a choice of different entries, one for each step, none before the one chosen for the step before?"""
    if not steps:
        return True
    for place, one in enumerate(window):
        if (
            one.rule == steps[0]
            and one.time >= since
            and climbs(steps[1:], window[:place] + window[place + 1 :], one.time)
        ):
            return True
    return False
