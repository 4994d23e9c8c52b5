"""Detections and watermarks in, revisions of episodes and changed state out: the whole of correlate, without any I/O.

One correlator speaks for one partition of ``soc.detections``. What it remembers is a function of what it was given, so
that a restart from the changelog, at any point between two batches, goes on as if nothing had happened. See
``docs/explanation/event-time.md`` for what windows, lateness and episodes mean.

Feeding: an episode of a rule in ``RuleSet.feeds`` goes back in as a detection (``soc.detect.feed.feed_episode``), in one of
the next batches. The end of an input that ends: ``apply`` a watermark far ahead for each raw partition, then go on feeding
episodes back and applying, until ``depth + 1`` batches in a row brought nothing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from heapq import nsmallest

from soc.clock import Micros
from soc.correlate.correlation import Correlation
from soc.correlate.episode import single
from soc.correlate.outcome import Bounds, Outcome
from soc.correlate.snapshot import WATERMARKS, Changes, decode_progress, encode, kept_groups
from soc.correlate.watermark import Progress, Watermarks
from soc.model import Detection, Watermark
from soc.sigma.correlation import CorrelationRule
from soc.sigma.ruleset import RuleSet

MEMBERS = 1_000
"""Member ids listed in one episode: enough for an analyst, and no revision of a flood becomes a megabyte."""


class Correlator:
    """Correlation over one partition of detections.

    Attributes:
        depth: of the deepest rule; how many batches it takes until what a batch says has gone up every chain.
    """

    def __init__(
        self,
        rules: RuleSet,
        *,
        lateness: Micros,
        raw_partitions: int,
        max_groups: int,
        max_events_per_group: int,
        max_members: int = MEMBERS,
    ) -> None:
        """Start with nothing remembered.

        Args:
            rules: only ``hash`` and ``correlations`` are used.
            lateness: of rules that set none, in microseconds.
            raw_partitions: how many must speak before event time is known.
            max_groups: remembered at once, over all rules.
            max_events_per_group: remembered at once in one group.
            max_members: ids listed in one episode.
        """
        self._lateness = lateness
        self._raw_partitions = raw_partitions
        self._bounds = Bounds(max_groups, max_events_per_group, max_members)
        self._forgotten: list[bytes] = []
        self._written: Progress = ({}, [])
        self._use(rules)

    def _use(self, rules: RuleSet) -> None:
        self._rule_set = rules.hash
        late = latenesses(rules.correlations, self._lateness)
        self._rules = {
            rule.id: Correlation(rule, lateness=late[rule.id], rule_set=rules.hash, bounds=self._bounds)
            for rule in rules.correlations.values()
        }
        self.depth = max((rule.depth for rule in rules.correlations.values()), default=1)
        self._levels: list[list[Correlation]] = [[] for _ in range(self.depth)]
        for correlation in self._rules.values():
            self._levels[correlation.rule.depth - 1].append(correlation)
        self._watermarks = Watermarks(self._raw_partitions, self.depth)

    @property
    def watermark(self) -> Micros:
        """How far event time has come for rules over base rules."""
        return self._watermarks.levels[0]

    @property
    def groups(self) -> int:
        """How many groups are remembered."""
        return sum(len(one.groups) for one in self._rules.values())

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Go on from a changelog, also one that was written under another rule set.

        A rule whose digest is the same goes on where it was; records of rules that are gone are deleted by the next
        ``apply``.

        Raises:
            msgspec.DecodeError: a record is not one of this version's.
        """
        progress = state.get(WATERMARKS)
        if progress is not None:
            self._written = decode_progress(progress)
            self._watermarks.load(self._written)
        kept, self._forgotten = kept_groups(state, [one.key for one in self._rules.values()])
        for one in self._rules.values():
            one.restore(self._watermarks.levels[one.rule.depth - 1], kept[one.key])

    def adopt(self, rules: RuleSet) -> None:
        """Go on with another rule set; the same as a new correlator that is restored from all that this one has written.

        Groups of a rule whose digest is the same go on as they are; those of the others are dropped, and their records
        are deleted by the next ``apply``.
        """
        before = {one.key: one for one in self._rules.values()}
        progress = self._watermarks.dump()
        self._use(rules)
        self._watermarks.load(progress)
        for one in self._rules.values():
            old = before.pop(one.key, None)
            one.adopt(self._watermarks.levels[one.rule.depth - 1], old.groups.values() if old is not None else ())
        dropped: Changes = {}
        for old in before.values():
            for group in old.groups.values():
                group.erase(dropped)
        self._forgotten += dropped

    def apply(self, items: Sequence[Detection | Watermark]) -> Outcome:
        """Take a batch, in the order it was read.

        Args:
            items: detections and watermarks.

        Returns:
            What to commit together with how far the input was read.
        """
        out = Outcome()
        for key in self._forgotten:
            out.state[key] = None
        self._forgotten = []
        before = list(self._watermarks.levels)
        rule_set, taken = self._rule_set, defaultdict[str, list[Detection]](list)
        for item in items:
            if isinstance(item, Watermark):
                if self._watermarks.observe(item):
                    self._take(taken, out)
                    self._rise(1, out)
            elif item.target:
                taken[item.target].append(item)
            else:
                out.episodes.append(single(item, rule_set))
        self._take(taken, out)
        for depth in self._watermarks.stage(before):
            self._rise(depth, out)
        progress = self._watermarks.dump()
        if progress[0] and progress != self._written:
            self._written = progress
            out.state[WATERMARKS] = encode(progress)
        self._bound_groups(out)
        return out

    def _take(self, taken: dict[str, list[Detection]], out: Outcome) -> None:
        """Have each rule take its detections: one rule at a time is faster than one detection at a time."""
        for target, detections in taken.items():
            rule = self._rules.get(target)
            if rule is None:
                out.unknown[target] += len(detections)
            else:
                rule.take(detections, out)
        taken.clear()

    def _rise(self, depth: int, out: Outcome) -> None:
        for rule in self._levels[depth - 1]:
            rule.rise(self._watermarks.levels[depth - 1], out)

    def _bound_groups(self, out: Outcome) -> None:
        """Forget the groups whose newest entry is oldest, when there are too many.

        A thirty-second part goes at once, so that finding them costs little per group in a flood of new ones.
        """
        excess = self.groups - self._bounds.groups
        if excess <= 0:
            return
        number = max(excess, self._bounds.groups // 32)
        everyone = (
            (group.newest, rule.rule.id, values)
            for rule in self._rules.values()
            for values, group in rule.groups.items()
        )
        for _, rule_id, values in nsmallest(number, everyone):
            rule = self._rules[rule_id]
            group = rule.groups.pop(values)
            group.erase(out.state)
            out.evicted_groups[rule_id] += 1
            out.evicted[rule_id] += group.size


def latenesses(rules: Mapping[str, CorrelationRule], default: Micros) -> dict[str, Micros]:
    """The effective lateness of each rule: its own, and for a chain also the longest of its children's.

    A child says its last word about a time when the watermark has passed it by the child's timespan and lateness.
    """
    found: dict[str, Micros] = {}
    for rule in sorted(rules.values(), key=lambda one: one.depth):
        own = default if rule.lateness is None else rule.lateness
        children = [rules[name] for name in rule.rules if name in rules]
        found[rule.id] = own + max((child.timespan + found[child.id] for child in children), default=0)
    return found
