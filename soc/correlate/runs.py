"""Spans of satisfied windows in, revisions of episodes out: which run goes on under which id."""

from bisect import bisect_left, bisect_right
from itertools import groupby

from soc.clock import Micros
from soc.correlate.condition import distinct_rules
from soc.correlate.entry import EVENT
from soc.correlate.episode import OpenEpisode, episode_id, key_of, sample_of
from soc.correlate.group import Group
from soc.correlate.outcome import Outcome
from soc.correlate.window import Span, join
from soc.model import Episode, EpisodeState
from soc.sigma.correlation import CorrelationRule


class Runs:
    """The episodes of one rule's groups.

    A run is a row of satisfied anchors with no gap longer than the timespan: the windows of two neighbours share an entry.
    It is one episode, and the entries of [first anchor, last anchor + timespan] are its members.
    """

    __slots__ = ("_each_rule", "_members", "_names", "_rule_set", "_several", "_timespan", "rule")

    def __init__(self, rule: CorrelationRule, *, rule_set: str, members: int) -> None:
        self.rule = rule
        self._rule_set = rule_set
        self._members = members
        self._timespan = rule.timespan
        self._names = tuple(distinct_rules(rule))
        self._several = len(self._names) > 1
        self._each_rule = rule.type in {"temporal", "temporal_ordered"}

    def assign(self, group: Group, spans: list[Span], changed: list[Micros], out: Outcome) -> None:
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
                wrote = self.publish(group, episode, out) or wrote
        if wrote:
            group.write_head(out.state)

    def reassign(self, group: Group, spans: list[Span], changed: list[Micros], out: Outcome) -> None:
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
            self.publish(group, episode, out, anyway=fresh)
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

    def publish(self, group: Group, episode: OpenEpisode, out: Outcome, *, anyway: bool = False) -> bool:
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
        times, entries, bound = group.times, group.entries, self._members
        low = bisect_left(times, episode.first)
        high = bisect_right(times, episode.last + self._timespan)
        sealed = group.sealed_ids if episode.sealed else ()
        if self._several:
            ids = [event_id for event_id, _ in groupby(entries[low:high], EVENT)]
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
