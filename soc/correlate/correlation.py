"""One correlation rule at work: its detections and the watermark in, satisfied windows to ``Runs``, the past forgotten."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from itertools import groupby
from sys import intern

from soc.clock import Micros
from soc.correlate.condition import demand_of, distinct_rules, token_text
from soc.correlate.entry import EVENT, ORDER, Child, Entry, Place, Taken
from soc.correlate.episode import earliest, member_of
from soc.correlate.group import Group
from soc.correlate.number import number_token
from soc.correlate.outcome import Bounds, Outcome
from soc.correlate.quiet import Quiet
from soc.correlate.runs import Runs
from soc.correlate.snapshot import PIECE, Changes, Kept, first_piece_key, group_key, piece_key, rule_key
from soc.correlate.sweeps import holds, sweep_for
from soc.correlate.waiting import Waiting
from soc.correlate.watermark import NEVER
from soc.correlate.weight import scale_for
from soc.correlate.window import Span, Sweep
from soc.model import Detection
from soc.sigma.correlation import CorrelationRule

_ALL_BODIES = 32
"""Entries of a group that keep their event's fields in any case; an episode shows up to six."""
_BODIES = 8
"""Beyond them one in so many does: fields are most of what a busy group weighs, and its entries stay for timespan and lateness."""


class Correlation:
    """One rule with its groups.

    Attributes:
        rule: the rule.
        key: what stands for it in the changelog.
        lateness: its effective lateness (for a chain: with its children's timespan and lateness).
        horizon: watermark minus lateness: nothing earlier is taken any more.
        groups: by group-by values; most are quiet.
    """

    __slots__ = (
        "_bounds",
        "_chained",
        "_cut",
        "_demand",
        "_each_rule",
        "_few",
        "_names",
        "_numbers",
        "_probe",
        "_runs",
        "_scale",
        "_timers",
        "_timespan",
        "_touched",
        "_waits",
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
        self.groups: dict[tuple[str, ...], Group | Quiet] = {}
        self._bounds = bounds
        self._demand = demand = demand_of(rule)
        self._waits = demand.waits  # decided when the watermark has passed, not at once
        # A group is quiet while it has up to so many entries, and not enough on the scale if there is one.
        self._scale = scale_for(demand)
        self._few = min(PIECE, bounds.events)
        if not self._waits and self._scale is None:
            self._few = min(self._few, demand.need - 1)
        self._timespan = rule.timespan
        self._probe = sweep_for(demand, rule.timespan)  # empty between two uses: making one takes longer than using it
        self._cut = NEVER  # entries before it can be touched by nothing that is still to come
        self._numbers = distinct_rules(rule)
        self._names = tuple(self._numbers)
        self._runs = Runs(rule, rule_set=rule_set, members=bounds.members)
        self._each_rule = rule.type in {"temporal", "temporal_ordered"}
        self._chained = rule.depth > 1 or demand.counting == "sum"  # something may be taken away
        self._touched: list[Group] = []
        self._timers: list[tuple[Micros, tuple[str, ...]]] = []

    # ── taking detections ──────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, detections: Iterable[Detection], out: Outcome) -> None:
        """Take detections, in order, and make them count."""
        numbers, groups, changes = self._numbers, self.groups, out.state
        horizon, few, scale, kind, weight = self.horizon, self._few, self._scale, self._demand.token, 0
        for detection in detections:
            number = numbers.get(detection.rule)
            if number is None:
                out.unknown[detection.target] += 1
                continue
            token = 0 if kind == "none" else self._token(detection, number, out)
            if token is None:
                continue
            values, event_id, time = detection.group, detection.event_id, detection.time
            group = groups.get(values)
            if detection.child_revision:
                self._take_child(detection, number, token, group, out)
                continue
            if time < horizon:
                if group is None or not group.knows(event_id, number):
                    self._take_late(detection, group, out)
                continue
            source, received = intern(detection.source), detection.received
            fields, matched = detection.fields, detection.matched
            if isinstance(group, Group):
                if time <= group.floor[0] and (time, event_id, number) < group.floor:
                    out.evicted[self.rule.id] += 1  # older than what the bound left: it would be the first to go
                    continue
                entry = Entry(event_id, time, number, token, source, received, fields, matched)
                if fields is not None:
                    self._lighten(entry, group)
                known = not group.add(entry)
                if not known and not group.touched:
                    self._touch(group)
                continue
            if group is not None and group.knows(event_id, number):
                continue
            taken = (event_id, time, number, token, source, received, fields, matched)
            if scale is not None:
                weight = scale.add(0 if group is None else group.weight, token)
                if scale.enough(weight):
                    group = self._open(values) if group is None else self._wake(group)
            if group is None:
                if few:
                    self._begin(taken, weight, values, changes)
                    continue
                group = self._open(values)
            elif isinstance(group, Quiet):
                if group.size >= few and self._make_room(group, changes) and scale is not None:
                    weight = scale.add(group.weight, token)
                if group.size < few:
                    group.add(taken, weight, changes)
                    if time < group.timer and self._waits:
                        self._set_timer(group)
                    continue
                group = self._wake(group)
            group.add(Entry(*taken))
            self._touch(group)
        for group in self._touched:
            self._settle(group, out)
        self._touched.clear()

    def _lighten(self, entry: Entry, group: Group) -> None:
        """Leave an entry's fields out if its group has enough; not of rules whose parts differ: the one of its kind would be left without."""
        size = len(group.entries) + len(group.fresh)
        if size >= _ALL_BODIES and size % _BODIES and not self._each_rule:
            entry.fields, entry.matched = None, ()

    def _token(self, detection: Detection, number: int, out: Outcome) -> str | int | None:
        """What a detection counts as; None if it takes no part."""
        kind, value = self._demand.token, detection.value
        if kind == "value":
            return value if value is None or isinstance(value, str) else token_text(value)
        if kind == "rule":
            return number
        if kind == "event":
            return detection.event_id
        token = number_token(value)
        if token is None:
            out.unfit[self.rule.id] += 1
        return token

    def _begin(self, taken: Taken, weight: int, values: tuple[str, ...], changes: Changes) -> None:
        """Begin a quiet group."""
        time = taken[1]
        quiet = self.groups[values] = Quiet(values, first_piece_key(self.key, values), time, time, time)
        quiet.add(taken, weight, changes)
        heappush(self._timers, (time, values))

    def _make_room(self, quiet: Quiet, changes: Changes) -> bool:
        """Have a quiet group leave out what nothing can touch any more; False if it is as full as before."""
        if quiet.oldest < self._cut:
            quiet.forget(self._cut, self._scale, changes)
        return quiet.size < self._few

    def _take_child(
        self,
        detection: Detection,
        number: int,
        token: str | int,
        group: Group | Quiet | None,
        out: Outcome,
    ) -> None:
        """Take a child's revision: an upsert; what it replaces must not be beyond the horizon either."""
        children = group.children if isinstance(group, Group) else None
        known = children.get(detection.event_id) if children else None
        if known is not None and known.revision >= detection.child_revision:
            return
        if min(detection.time, known.time if known else detection.time) < self.horizon:
            self._take_late(detection, group, out)
            return
        if group is None:
            group = self._open(detection.group)
        elif isinstance(group, Quiet):
            group = self._wake(group)
        entry = Child(
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
            self._touch(group)

    def _take_late(self, detection: Detection, group: Group | Quiet | None, out: Outcome) -> None:
        """Count what came too late, and mark the open episode it would have touched."""
        if not isinstance(group, Group):
            out.late[self.rule.id] += 1
            return
        if detection.event_id in group.sealed_ids:
            return  # a duplicate of a member
        out.late[self.rule.id] += 1
        for episode in group.episodes:
            near = episode.start - self._timespan <= detection.time <= episode.end + self._timespan
            if near and episode.end >= self._cut and not episode.late:
                episode.late = True
                group.marked = (*group.marked, episode.id)
                self._touch(group)

    def _open(self, values: tuple[str, ...]) -> Group:
        group = self.groups[values] = Group(values, group_key(self.key, values))
        return group

    def _wake(self, quiet: Quiet) -> Group:
        group = self.groups[quiet.values] = Group.woken(quiet)
        return group

    def _touch(self, group: Group) -> None:
        if not group.touched:
            group.touched = True
            self._touched.append(group)

    # ── settling ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _settle(self, group: Group, out: Outcome) -> None:
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
        if not self._waits and (len(group.entries) >= demand.need or group.episodes):
            spans = self._sweep(group)
            if replaced or (group.sweep is not None and group.sweep.anew):
                self._runs.reassign(group, spans, [entry.time for entry in fresh], out)
            elif spans or group.episodes:
                self._runs.assign(group, spans, [entry.time for entry in fresh], out)
        if group.marked:
            self._mark(group, out)
        if len(group.entries) > self._bounds.events:
            self._bound_events(group, out)
        if group.timer == NEVER or self._waits:
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

    def _set_timer(self, group: Group | Quiet) -> None:
        """Have ``rise`` look at a group when something in it can be over.

        Where windows are decided when they can no longer change, that is when the first one can be; else when nothing in
        the group is needed any more. A time set earlier is looked at in vain and set anew then.
        """
        due = group.oldest if self._waits else group.newest
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
            if self._waits:
                if isinstance(group, Quiet) and self._satisfied(group):
                    group = self._wake(group)
                if isinstance(group, Quiet):
                    group.forget(cut, None, out.state)
                else:
                    self._drop_old(group, out)
            if group.newest < cut:
                group.erase(out.state)
                del self.groups[values]
            else:
                self._set_timer(group)

    def _satisfied(self, quiet: Quiet) -> bool:
        """Does a window of a quiet group, now that it can no longer change, satisfy a demand that waited for that?"""
        entries = sorted(quiet.entries(), key=ORDER)
        times = [entry.time for entry in entries]
        spans = self._decide(self._probe, times, entries)
        self._probe.drop(entries, len(entries))
        return bool(spans)

    def _decide(self, sweep: Sweep, times: list[Micros], entries: list[Entry]) -> list[Span]:
        assert isinstance(sweep, Waiting)
        return sweep.decide(times, entries, bisect_left(times, self._cut))

    # ── forgetting ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _drop_old(self, group: Group, out: Outcome) -> None:
        """Decide and forget the entries whose windows can no longer change."""
        cut = self._cut
        if group.times and group.times[0] < cut:
            number = bisect_left(group.times, cut)
            if self._demand.waits:
                if group.sweep is None:
                    group.sweep = sweep_for(self._demand, self._timespan)
                spans = self._decide(group.sweep, group.times, group.entries)
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
        if self._demand.waits:
            return known
        times = group.times
        for anchor in range(high - 1, low - 1, -1):
            begin = bisect_left(times, times[anchor])
            end = bisect_right(times, times[anchor] + self._timespan)
            if holds(self._demand, self._timespan, times[begin:end], group.entries[begin:end]):
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
        self.adopt(watermark, [self._restored(key, kept) for key, kept in groups.items()])

    def _restored(self, key: bytes, kept: Kept) -> Group | Quiet:
        if kept.quiet(self._few):
            quiet = Quiet.restored(piece_key(key, 0), kept, self._scale)
            if self._scale is None or not self._scale.enough(quiet.weight):
                return quiet
        return Group.restored(key, kept)

    def adopt(self, watermark: Micros, groups: Iterable[Group | Quiet]) -> None:
        """Go on with groups of the same rule (``key``); ``watermark`` is the one of this rule's depth."""
        if watermark > NEVER:
            self.horizon = watermark - self.lateness
            self._cut = self.horizon - self._timespan
        for group in groups:
            self.groups[group.values] = group
            group.timer = NEVER
            self._set_timer(group)
