"""One correlation rule at work: its detections and the watermark in, revisions of its episodes out."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import groupby
from operator import attrgetter

from soc.clock import Micros
from soc.correlate.condition import demand_of, distinct_rules, token_text
from soc.correlate.entry import ORDER, Entry, Place
from soc.correlate.episode import OpenEpisode, earliest, episode_id, key_of, member_of, sample_of
from soc.correlate.group import Group
from soc.correlate.outcome import Bounds, Outcome
from soc.correlate.snapshot import Kept, group_key, rule_key
from soc.correlate.watermark import NEVER
from soc.correlate.window import Span, decide, join, sweep_for
from soc.model import Detection, Episode, EpisodeState
from soc.sigma.correlation import CorrelationRule

_EVENT = attrgetter("event_id")


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
        "_rule_set",
        "_several",
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
        self._rule_set = rule_set
        self._bounds = bounds
        self._demand = demand_of(rule)
        self._timespan = rule.timespan
        self._cut = NEVER  # entries before it can be touched by nothing that is still to come
        self._numbers = distinct_rules(rule)
        self._names = tuple(self._numbers)
        self._several = len(self._names) > 1
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
                episode.late = group.marked = True
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
                self._reassign(group, spans, [entry.time for entry in fresh], out)
            elif spans or group.episodes:
                self._assign(group, spans, [entry.time for entry in fresh], out)
        if group.marked:
            self._mark(group, out)
        if len(group.entries) > self._bounds.events:
            self._bound_events(group, out)
        if group.timer == NEVER or demand.test is not None:
            self._set_timer(group)

    def _mark(self, group: Group, out: Outcome) -> None:
        group.marked = False
        for episode in group.episodes:
            self._publish(group, episode, out)
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
                self._assign(group, spans, [span.first for span in spans], out)
        elif group.children and min(child.time for child in group.children.values()) < cut:
            number = 0
        else:
            return
        self._seal(group, number, out)
        over = [episode for episode in group.episodes if episode.end < cut]
        if over:
            group.episodes = [episode for episode in group.episodes if episode.end >= cut]
            if any(episode.sealed for episode in over) and not any(episode.sealed for episode in group.episodes):
                group.unseal(out.state)
        self._forget(group, number, (cut, "", 0), out)

    def _forget(self, group: Group, number: int, floor: Place, out: Outcome) -> None:
        group.drop(number, floor, out.state)
        if len(group.entries) < self._demand.need:
            group.sweep = None
        group.write_head(out.state)

    def _seal(self, group: Group, number: int, out: Outcome) -> None:
        """Fold entries that are about to be dropped into the open episodes they are members of."""
        if not group.episodes or not number:
            return
        cut = group.times[number] if number < len(group.times) else group.times[-1] + 1
        for episode in group.episodes:
            low = bisect_left(group.times, episode.first, 0, number)
            high = bisect_right(group.times, episode.last + self._timespan, 0, number)
            if low >= high or episode.end < self._cut:
                continue
            leaving = group.entries[low:high]
            ids = [event_id for event_id, _ in groupby(leaving, _EVENT)]
            group.seal(ids, self._bounds.members, out.state)
            places = earliest(episode.sealed_sample, group.entries, low, high, self._names, each_rule=self._each_rule)
            kept = tuple(member_of(group.entries[place], self._names) for place in places)
            episode.sealed_sample = (*episode.sealed_sample, *kept)
            episode.sealed += len(ids)
            if self._chained:
                episode.sealed_last = self._last_anchor(group, low, high, cut, episode.sealed_last)

    def _last_anchor(self, group: Group, low: int, high: int, cut: Micros, known: Micros | None) -> Micros | None:
        """The last satisfied anchor among entries about to be dropped: it holds a run together when a child changes."""
        if self._demand.test is not None:
            return known
        sweep = sweep_for(self._demand, self._timespan)
        for span in sweep.advance(group.times, group.entries):
            if span.first < cut:
                last = bisect_right(group.times, span.last, low, high) - 1
                if last >= low and group.times[last] >= span.first:
                    known = max(known if known is not None else NEVER, group.times[last])
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

    # ── episodes ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _assign(self, group: Group, spans: list[Span], changed: list[Micros], out: Outcome) -> None:
        """Grow, join and begin episodes: spans were only added.

        Args:
            group: whose.
            spans: newly satisfied anchors, or ones that were satisfied before: both may be there.
            changed: times at which something came in; an episode that covers none of them is as it was.
            out: where revisions go.
        """
        open_spans = [Span(episode.first, episode.last, episode.peak) for episode in group.episodes]
        runs: list[Span] = []
        for span in sorted([*spans, *open_spans]):
            join(runs, span.first, span.last, span.peak, self._timespan)
        if not runs:
            return
        claims: list[list[OpenEpisode]] = [[] for _ in runs]
        for episode in group.episodes:
            run = next(place for place, run in enumerate(runs) if run.first <= episode.first <= run.last)
            claims[run].append(episode)
        wrote = self._adopt(group, runs, claims, out)
        changed.sort()
        for episode in group.episodes:
            place = bisect_left(changed, episode.first)
            if place < len(changed) and changed[place] <= episode.last + self._timespan:
                wrote = self._publish(group, episode, out) or wrote
        if wrote:
            group.write_head(out.state)

    def _reassign(self, group: Group, spans: list[Span], changed: list[Micros], out: Outcome) -> None:
        """Work the episodes out anew: a child was moved or retracted, so that runs may have split or gone.

        An episode goes on in the run that covers its first event; if that event is gone or in no run, in the earliest run
        that overlaps what the episode covered; if there is none it is retracted.
        """
        runs: list[Span] = []
        sealed = [Span(one.first, one.sealed_last, one.peak) for one in group.episodes if one.sealed_last is not None]
        for span in sorted([*spans, *sealed]):
            join(runs, span.first, span.last, span.peak, self._timespan)
        claims: list[list[OpenEpisode]] = [[] for _ in runs]
        lost: list[OpenEpisode] = []
        reach = self._timespan
        for episode in group.episodes:
            at = next((entry.time for entry in group.entries if entry.event_id == episode.first_event), None)
            if episode.sealed and at is None:
                at = episode.first
            home = [n for n, run in enumerate(runs) if at is not None and run.first <= at <= run.last + reach]
            home += [n for n, run in enumerate(runs) if run.first <= episode.end and run.last + reach >= episode.start]
            if home:
                claims[home[0]].append(episode)
            else:
                lost.append(episode)
        for episode in lost:
            self._retire(group, episode, "retracted", "", out)
        self._adopt(group, runs, claims, out, anew=True)
        for episode in group.episodes:
            # A child that moved within the episode changes the order of its members, not which they are: say so too.
            fresh = any(episode.first <= time <= episode.last + reach for time in changed)
            self._publish(group, episode, out, anyway=fresh)
        group.write_head(out.state)

    def _adopt(
        self, group: Group, runs: list[Span], claims: list[list[OpenEpisode]], out: Outcome, *, anew: bool = False
    ) -> bool:
        """Give each run its episode: the one that claims it, of several the one that fired first, or a new one.

        Returns:
            Whether any bound moved: the head must be written, even if no member came in.
        """
        episodes: list[OpenEpisode] = []
        firing = group.firings + 1
        moved = False
        for run, claimants in zip(runs, claims, strict=True):
            if not claimants:
                episodes.append(self._begin(group, run, firing))
                moved = True
                continue
            survivor = claimants[0]
            if len(claimants) > 1:
                survivor = min(claimants, key=lambda one: (one.fired, one.id))
                self._merge(group, survivor, claimants, out)
            peak = float(max(run.peak, survivor.peak) if survivor.sealed or not anew else run.peak)
            if (survivor.first, survivor.last, survivor.peak) != (run.first, run.last, peak):
                survivor.first, survivor.last, survivor.peak = run.first, run.last, peak
                moved = True
            episodes.append(survivor)
        group.episodes = episodes
        return moved

    def _begin(self, group: Group, run: Span, firing: int) -> OpenEpisode:
        first = group.entries[bisect_left(group.times, run.first)]
        id_ = episode_id(self.rule.id, group.values, first.event_id, first.time)
        if any(episode.id == id_ for episode in group.episodes):
            # Its first event once belonged to an episode that went on without it (a child moved) and kept the id.
            id_ = episode_id(self.rule.id, group.values, f"{first.event_id}/{firing}", first.time)
        group.firings = firing
        episode = OpenEpisode(id_, first.event_id, first.time, firing, run.first, run.last, float(run.peak))
        if group.retired and id_ in group.retired:
            episode.revision = group.retired.pop(id_)[0]
        return episode

    def _merge(self, group: Group, survivor: OpenEpisode, claimants: list[OpenEpisode], out: Outcome) -> None:
        for episode in claimants:
            if episode is survivor:
                continue
            if episode.sealed:
                survivor.sealed, survivor.sealed_last = episode.sealed, episode.sealed_last
                survivor.sealed_sample, survivor.start = episode.sealed_sample, episode.start
            survivor.late = survivor.late or episode.late
            self._retire(group, episode, "merged", survivor.id, out)

    def _retire(self, group: Group, episode: OpenEpisode, state: EpisodeState, merged_into: str, out: Outcome) -> None:
        """Publish the last revision of an episode that is no longer one, with what is left in its place."""
        out.episodes.append(self._describe(group, episode, state, merged_into))
        if state == "retracted" and episode.sealed:
            group.unseal(out.state)
        group.retired = {**(group.retired or {}), episode.id: (episode.revision, episode.first_time)}

    def _publish(self, group: Group, episode: OpenEpisode, out: Outcome, *, anyway: bool = False) -> bool:
        """Publish a revision if it says something new, or ``anyway``."""
        before = (episode.key, episode.start, episode.end, episode.late)
        revision = self._describe(group, episode, "live", "")
        if not anyway and (episode.key, episode.start, episode.end, episode.late) == before:
            episode.revision -= 1
            return False
        out.episodes.append(revision)
        return True

    def _describe(self, group: Group, episode: OpenEpisode, state: EpisodeState, merged_into: str) -> Episode:
        """The next revision of an episode, from the entries its windows cover; the open episode remembers it."""
        times, entries, bound = group.times, group.entries, self._bounds.members
        low = bisect_left(times, episode.first)
        high = bisect_right(times, episode.last + self._timespan)
        sealed = group.sealed_ids if episode.sealed else ()
        if self._several:
            ids = [event_id for event_id, _ in groupby(entries[low:high], _EVENT)]
            count = len(ids)
        else:
            ids = [entry.event_id for entry in entries[low : min(high, low + bound - len(sealed))]]
            count = high - low
        members = (*sealed, *ids[: bound - len(sealed)])
        if low < high:
            episode.start = episode.start if episode.sealed else times[low]
            episode.end = times[high - 1]
        episode.count = count + episode.sealed
        episode.key = key_of(members, episode.count)
        episode.revision += 1
        each = self._each_rule
        return Episode(
            id=episode.id,
            key=episode.key,
            revision=episode.revision,
            rule=self.rule.id,
            rule_set=self._rule_set,
            type=self.rule.type,
            group=tuple(zip(self.rule.group_by, group.values, strict=False)),
            start=episode.start,
            end=episode.end,
            count=episode.count,
            members=members,
            sample=sample_of(episode.sealed_sample, entries, low, high, self._names, each_rule=each),
            value=episode.peak,
            state=state,
            merged_into=merged_into,
            late=episode.late,
        )

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
