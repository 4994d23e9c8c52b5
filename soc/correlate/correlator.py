"""Detections and watermarks in, revisions of episodes and changed state out: the whole of correlate, without any I/O.

One correlator speaks for one partition of ``soc.detections``. What it remembers is a function of what it was given, so
that a restart from the changelog, at any point between two batches, goes on as if nothing had happened. See
``docs/explanation/event-time.md`` for what windows, lateness and episodes mean.

Feeding: an episode of a rule in ``RuleSet.feeds`` goes back in as a detection (``soc.detect.feed.feed_episode``), in one of
the next batches. The end of an input that ends: ``apply`` a watermark far ahead for each raw partition, then go on feeding
episodes back and applying, until ``depth + 1`` batches in a row brought nothing.
"""

from collections.abc import Mapping, Sequence
from heapq import nsmallest

from soc.clock import Micros
from soc.correlate.correlation import Correlation
from soc.correlate.episode import single
from soc.correlate.group import Group
from soc.correlate.outcome import Bounds, Outcome
from soc.correlate.snapshot import WATERMARKS, decode_progress, encode, kept_groups
from soc.correlate.watermark import Watermarks
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
        self._rule_set = rules.hash
        self._bounds = Bounds(max_groups, max_events_per_group, max_members)
        late = latenesses(rules.correlations, lateness)
        self._rules = {
            rule.id: Correlation(rule, lateness=late[rule.id], rule_set=rules.hash, bounds=self._bounds)
            for rule in rules.correlations.values()
        }
        self.depth = max((rule.depth for rule in rules.correlations.values()), default=1)
        self._levels: list[list[Correlation]] = [[] for _ in range(self.depth)]
        for correlation in self._rules.values():
            self._levels[correlation.rule.depth - 1].append(correlation)
        self._watermarks = Watermarks(raw_partitions, self.depth)
        self._touched: list[tuple[Correlation, list[Group]]] = [(one, []) for one in self._rules.values()]
        self._fresh = {one.rule.id: groups for one, groups in self._touched}
        self._forgotten: list[bytes] = []

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
            self._watermarks.load(decode_progress(progress))
        kept, self._forgotten = kept_groups(state, [one.key for one in self._rules.values()])
        for one in self._rules.values():
            one.restore(self._watermarks.levels[one.rule.depth - 1], kept[one.key])

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
        before = self._watermarks.dump()
        rules, fresh, rule_set = self._rules, self._fresh, self._rule_set
        for item in items:
            if isinstance(item, Watermark):
                if self._watermarks.observe(item):
                    self._settle(out)
                    self._rise(1, out)
            elif not item.target:
                out.episodes.append(single(item, rule_set))
            else:
                rule = rules.get(item.target)
                if rule is None:
                    out.unknown[item.target] += 1
                else:
                    rule.take(item, fresh[item.target], out)
        self._settle(out)
        for depth in self._watermarks.stage(before[1]):
            self._rise(depth, out)
        progress = self._watermarks.dump()
        if progress != before:
            out.state[WATERMARKS] = encode(progress)
        self._bound_groups(out)
        return out

    def _settle(self, out: Outcome) -> None:
        for rule, groups in self._touched:
            if groups:
                for group in groups:
                    rule.settle(group, out)
                groups.clear()

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
            (group.newest(), rule.rule.id, values)
            for rule in self._rules.values()
            for values, group in rule.groups.items()
        )
        for _, rule_id, values in nsmallest(number, everyone):
            rule = self._rules[rule_id]
            group = rule.groups.pop(values)
            group.erase(out.state)
            out.evicted_groups[rule_id] += 1
            out.evicted[rule_id] += len(group.entries)


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
