"""Rules, detections and drivers for the tests of correlate, and an oracle that knows nothing of sweeps."""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from soc.correlate import Correlator, Outcome
from soc.model import Detection, Episode, Watermark
from soc.sigma.correlation import CorrelationCondition, CorrelationRule
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
    type_="event_count", op="gte", count=3, *, timespan=10, rules=("a",), id_="c", lateness=None, depth=1, digest=""
):
    condition = (
        None if type_.startswith("temporal") else CorrelationCondition(op, count, "f" if type_ == "value_count" else "")
    )
    return CorrelationRule(
        id=id_,
        type=type_,
        rules=tuple(rules),
        group_by=("user",),
        aliases={},
        timespan=timespan,
        condition=condition,
        lateness=lateness,
        digest=digest or f"digest of {id_}",
        depth=depth,
    )


def rule_set(*rules, hash_="set"):
    feeds: dict[str, tuple[str, ...]] = {}
    for one in rules:
        for name in one.rules:
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
        if rule_.type != "value_count" or one.value is not None:
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


def satisfied(rule_: CorrelationRule, window: Sequence[Detection]) -> bool:
    if rule_.type == "temporal":
        return {one.rule for one in window} >= set(rule_.rules)
    if rule_.type == "temporal_ordered":
        return climbs(list(rule_.rules), list(window), 0)
    if rule_.type == "event_count":
        number = len({one.event_id for one in window})
    else:
        number = len({one.value for one in window})
    return OPERATORS[rule_.condition.operator](number, rule_.condition.count)


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
