"""One correlation rule at work: its detections and the watermark in, satisfied windows to ``Runs``, the past forgotten."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import groupby

from soc.clock import Micros
from soc.correlate.condition import demand_of, distinct_rules, token_text
from soc.correlate.entry import EVENT, ORDER, Entry, Place
from soc.correlate.episode import earliest, member_of
from soc.correlate.group import Group
from soc.correlate.outcome import Bounds, Outcome
from soc.correlate.runs import Runs
from soc.correlate.snapshot import Kept, group_key, rule_key
from soc.correlate.watermark import NEVER
from soc.correlate.window import Span, decide, sweep_for
from soc.model import Detection
from soc.sigma.correlation import CorrelationRule


class Correlation:
    """One rule with its groups.

    Attributes:
        rule: the rule.
        key: what stands for it in the changelog.
        lateness: its effective lateness (for a chain: with its children's timespan and lateness).
        horizon: watermark minus lateness: nothing earlier is taken any more.
        groups: by group-by values.
    """

    __slots__ = (
        "_bounds",
        "_chained",
        "_cut",
        "_demand",
        "_each_rule",
        "_names",
        "_numbers",
        "_runs",
        "_timers",
        "_timespan",
        "groups",
        "horizon",
        "key",
        "lateness",
        "rule",
    )

    def __init__(self, rule: CorrelationRule, *, lateness: Micros, rule_set: str, bounds: Bounds) -> None:
        self.rule = rule
        self.key = rule_key(rule.digest or rule.id)
        self.lateness = lateness
        self.horizon = NEVER
        self.groups: dict[tuple[str, ...], Group] = {}
        self._bounds = bounds
        self._demand = demand_of(rule)
        self._timespan = rule.timespan
        self._cut = NEVER  # entries before it can be touched by nothing that is still to come
        self._numbers = distinct_rules(rule)
        self._names = tuple(self._numbers)
        self._runs = Runs(rule, rule_set=rule_set, members=bounds.members)
        self._each_rule = rule.type in {"temporal", "temporal_ordered"}
        self._chained = rule.depth > 1
        self._timers: list[tuple[Micros, tuple[str, ...]]] = []

    # ── taking detections ──────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, detection: Detection, touched: list[Group], out: Outcome) -> None:
        """Take a detection; ``settle`` of the groups that this adds to ``touched`` makes it count."""
        number = self._numbers.get(detection.rule)
        if number is None:
            out.unknown[detection.target] += 1
            return
        kind = self._demand.token
        token: str | int = 0
        if kind == "value":
            if detection.value is None:
                return  # without the counted field it is no part of this count
            token = token_text(detection.value)
        elif kind == "event":
            token = detection.event_id
        elif kind == "rule":
            token = number
        event_id = detection.event_id
        group = self.groups.get(detection.group)
        if detection.child_revision:
            self._take_child(detection, number, token, group, touched, out)
            return
        if group is not None and group.knows(event_id, number):
            return
        if detection.time < self.horizon:
            self._take_late(detection, group, touched, out)
            return
        entry = Entry(
            event_id,
            detection.time,
            number,
            token,
            detection.source,
            detection.received,
            detection.fields,
            detection.matched,
        )
        if group is None:
            group = self._open(detection.group)
        elif detection.time <= group.floor[0] and ORDER(entry) < group.floor:
            out.evicted[self.rule.id] += 1  # older than what the bound left: it would be the first to go
            return
        if not group.touched:
            group.touched = True
            touched.append(group)
        group.add(entry)

    def _take_child(  # noqa: PLR0917 a tail call of take
        self,
        detection: Detection,
        number: int,
        token: str | int,
        group: Group | None,
        touched: list[Group],
        out: Outcome,
    ) -> None:
        """Take a child's revision: an upsert; what it replaces must not be beyond the horizon either."""
        known = group.children.get(detection.event_id) if group is not None and group.children else None
        if known is not None and known.child_revision >= detection.child_revision:
            return
        if min(detection.time, known.time if known else detection.time) < self.horizon:
            self._take_late(detection, group, touched, out)
            return
        if group is None:
            group = self._open(detection.group)
        entry = Entry(
            detection.event_id,
            detection.time,
            number,
            token,
            detection.source,
            detection.received,
            detection.fields,
            detection.matched,
            detection.child_revision,
            detection.retracted,
        )
        if ORDER(entry) < group.floor:
            out.evicted[self.rule.id] += 1
        elif group.revise(entry):
            group.write_child(entry, out.state)
            if not group.touched:
                group.touched = True
                touched.append(group)

    def _take_late(self, detection: Detection, group: Group | None, touched: list[Group], out: Outcome) -> None:
        """Count what came too late, and mark the open episode it would have touched."""
        if group is not None and detection.event_id in group.sealed_ids:
            return  # a duplicate of a member
        out.late[self.rule.id] += 1
        for episode in group.episodes if group is not None else ():
            near = episode.start - self._timespan <= detection.time <= episode.end + self._timespan
            if group is not None and near and episode.end >= self._cut and not episode.late:
                episode.late = True
                group.marked = (*group.marked, episode.id)
                if not group.touched:
                    group.touched = True
                    touched.append(group)

    def _open(self, values: tuple[str, ...]) -> Group:
        group = self.groups[values] = Group(values, group_key(self.key, values))
        return group

    # ── settling ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def settle(self, group: Group, out: Outcome) -> None:
        """Make what was taken for a group count."""
        group.touched = False
        times = group.times
        if (times and times[0] < self._cut) or group.children:
            self._drop_old(group, out)
        replaced = bool(group.gone)
        if replaced:
            group.remove_gone()
        fresh: list[Entry] = []
        if group.fresh:
            fresh = group.insert()
            group.write_entries(fresh, out.state)
        demand = self._demand
        if demand.test is None and (len(group.entries) >= demand.need or group.episodes):
            spans = self._sweep(group)
            if replaced:
                self._runs.reassign(group, spans, [entry.time for entry in fresh], out)
            elif spans or group.episodes:
                self._runs.assign(group, spans, [entry.time for entry in fresh], out)
        if group.marked:
            self._mark(group, out)
        if len(group.entries) > self._bounds.events:
            self._bound_events(group, out)
        if group.timer == NEVER or demand.test is not None:
            self._set_timer(group)

    def _mark(self, group: Group, out: Outcome) -> None:
        for episode in group.episodes:
            if episode.id in group.marked:
                self._runs.publish(group, episode, out, anyway=True)
        group.marked = ()
        group.write_head(out.state)

    def _sweep(self, group: Group) -> list[Span]:
        if group.sweep is None:
            if len(group.entries) < self._demand.need:
                return []
            group.sweep = sweep_for(self._demand, self._timespan)
        return group.sweep.advance(group.times, group.entries)

    def _set_timer(self, group: Group) -> None:
        """Have ``rise`` look at a group when something in it can be over.

        Where windows are decided when they can no longer change, that is when the first one can be; else when nothing in
        the group is needed any more. A time set earlier is looked at in vain and set anew then.
        """
        waits = self._demand.test is not None
        if not waits and group.timer != NEVER:
            return
        due = group.oldest() if waits else group.newest()
        if due not in (NEVER, group.timer):
            group.timer = due
            heappush(self._timers, (due, group.values))

    def rise(self, watermark: Micros, out: Outcome) -> None:
        """Let the watermark rise: decide what waited for it, forget what nothing can touch any more."""
        self.horizon = watermark - self.lateness
        self._cut = cut = self.horizon - self._timespan
        timers = self._timers
        while timers and timers[0][0] < cut:
            due, values = heappop(timers)
            group = self.groups.get(values)
            if group is None or group.timer != due:
                continue
            group.timer = NEVER
            if self._demand.test is not None:
                self._drop_old(group, out)
            if group.newest() < cut:
                group.erase(out.state)
                del self.groups[values]
            else:
                self._set_timer(group)

    # ── forgetting ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _drop_old(self, group: Group, out: Outcome) -> None:
        """Decide and forget the entries whose windows can no longer change."""
        cut = self._cut
        if group.times and group.times[0] < cut:
            number = bisect_left(group.times, cut)
            if self._demand.test is not None:
                spans = decide(self._demand, self._timespan, group.times, group.entries, number)
                self._runs.assign(group, spans, [span.first for span in spans], out)
        elif group.children and min(child.time for child in group.children.values()) < cut:
            number = 0
        else:
            return
        self._seal(group, number, out)
        self._forget(group, number, (cut, "", 0), out)

    def _forget(self, group: Group, number: int, floor: Place, out: Outcome) -> None:
        group.drop(number, floor, out.state)
        if len(group.entries) < self._demand.need:
            group.sweep = None
        group.write_head(out.state)

    def _seal(self, group: Group, number: int, out: Outcome) -> None:
        """Close the episodes that nothing can touch any more; fold entries about to be dropped into those still open.

        Only the earliest open episode can have members that left memory, and it goes before the next one begins to.
        """
        if not group.episodes:
            return
        if group.episodes[0].end < self._cut:
            if any(episode.sealed for episode in group.episodes if episode.end < self._cut):
                group.unseal(out.state)
            group.episodes = [episode for episode in group.episodes if episode.end >= self._cut]
        if not number:
            return
        for episode in group.episodes:
            low = bisect_left(group.times, episode.first, 0, number)
            high = bisect_right(group.times, episode.last + self._timespan, 0, number)
            if low >= high:
                continue
            leaving = group.entries[low:high]
            ids = [event_id for event_id, _ in groupby(leaving, EVENT)]
            group.seal(ids, self._bounds.members, out.state)
            places = earliest(episode.sealed_sample, group.entries, low, high, self._names, each_rule=self._each_rule)
            kept = tuple(member_of(group.entries[place], self._names) for place in places)
            episode.sealed_sample = (*episode.sealed_sample, *kept)
            episode.sealed += len(ids)
            if self._chained:
                episode.sealed_last = self._last_anchor(group, low, high, episode.sealed_last)

    def _last_anchor(self, group: Group, low: int, high: int, known: Micros | None) -> Micros | None:
        """The last satisfied anchor among entries about to be dropped: it holds a run together when a child changes.

        A span does not tell: between its first and last anchor there may be some that are not satisfied.
        """
        if self._demand.test is not None:
            return known
        times = group.times
        for anchor in range(high - 1, low - 1, -1):
            begin = bisect_left(times, times[anchor])
            end = bisect_right(times, times[anchor] + self._timespan)
            window = sweep_for(self._demand, self._timespan)
            if window.advance(times[begin:end], group.entries[begin:end]):
                return times[anchor]
        return known

    def _bound_events(self, group: Group, out: Outcome) -> None:
        """Forget the oldest entries of a group that holds too many, counted; an open episode keeps their number."""
        entries = group.entries
        number = len(entries) - self._bounds.events
        while number < len(entries) and entries[number].event_id == entries[number - 1].event_id:
            number += 1  # an event that two rules matched goes whole
        out.evicted[self.rule.id] += number
        self._seal(group, number, out)
        floor = ORDER(entries[number]) if number < len(entries) else (group.times[-1], "\U0010ffff", 0)
        self._forget(group, number, floor, out)
        if self._demand.counting == "steps":
            group.sweep = None  # it would remember climbs from starts that are gone, and a restart would not

    # ── restart ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def restore(self, watermark: Micros, groups: Mapping[bytes, Kept]) -> None:
        """Go on from what was kept; ``watermark`` is the one of this rule's depth."""
        if watermark > NEVER:
            self.horizon = watermark - self.lateness
            self._cut = self.horizon - self._timespan
        for key in groups:
            group = Group.restored(key, groups[key])
            self.groups[group.values] = group
            self._set_timer(group)
