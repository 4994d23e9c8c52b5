"""Rule sets that are in use at once in; one set for the correlator, and what detections and episodes are called in it, out: pure.

While a change is under way some raw partitions are read with the old set and some with the new one. A rule that is the same in
both (its digest is) has one state and takes detections of either. One that differs, or is in one of them only, is there once for each
version, and a version takes the detections of its own sets only. The newest set's versions keep their ids; one that
only older sets have goes by ``<id>@<digest>`` inside the correlator, and by its own id and its own set's hash everywhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from soc.detect.feed import Addressed, feed_episode
from soc.model import Detection, Episode, Member
from soc.sigma.correlation import CorrelationRule
from soc.sigma.ruleset import RuleSet

Names = Mapping[str, str]
"""Id of a correlation in one set → what it is called in the correlator."""


class Changeover:
    """The rule sets in use, the last one being the newest.

    Attributes:
        rules: what the correlator works with: the newest set, and the versions that only older sets have.
    """

    def __init__(self, sets: Sequence[RuleSet]) -> None:
        """Combine sets.

        Args:
            sets: at least one, in the order in which they were published.
        """
        self.newest = sets[-1]
        self._sets = {one.hash: one for one in sets}
        self._by_digest: dict[str, str] = {}
        self._older: dict[str, tuple[str, RuleSet]] = {}
        self._names: dict[str, Names] = {}
        correlations: dict[str, CorrelationRule] = {}
        for one in reversed(self._sets.values()):
            for rule in one.correlations.values():
                if _digest(rule) not in self._by_digest:
                    name = rule.id if one is self.newest else f"{rule.id}@{_digest(rule)}"
                    self._by_digest[_digest(rule)] = name
                    if one is not self.newest:
                        self._older[name] = rule.id, one
            names = self._names[one.hash] = self.names_in(one)
            for rule in one.correlations.values():
                if names[rule.id] not in correlations:
                    correlations[names[rule.id]] = _called(rule, names)
        self.rules = replace(self.newest, correlations=correlations)

    @property
    def hashes(self) -> list[str]:
        """Of the sets in use, in the order in which they were published."""
        return list(self._sets)

    @property
    def sets(self) -> list[RuleSet]:
        """Those in use, in the order in which they were published."""
        return list(self._sets.values())

    def id_of(self, name: str) -> str:
        """The id of the rule that the correlator calls so."""
        return self._older[name][0] if name in self._older else name

    def names_in(self, rules: RuleSet) -> Names:
        """What the correlations of a set are called in the correlator; those that no set in use has are left out."""
        known = self._by_digest
        return {rule.id: known[_digest(rule)] for rule in rules.correlations.values() if _digest(rule) in known}

    def inward(self, detection: Detection, past: Mapping[str, RuleSet]) -> Detection | None:
        """A detection as the correlator knows it; None if it is for a version that no set in use has.

        Args:
            detection: addressed to a correlation.
            past: sets that are not in use any more, by hash; one of them or of those in use made it.
        """
        names = self._names.get(detection.rule_set)
        if names is None:
            names = self._names[detection.rule_set] = self.names_in(past[detection.rule_set])
        name = names.get(detection.target)
        if name is None:
            return None
        rule = names.get(detection.rule, detection.rule)
        if name == detection.target and rule == detection.rule:
            return detection
        return msgspec.structs.replace(detection, target=name, rule=rule)

    def outward(self, episode: Episode) -> tuple[Episode, list[Addressed]]:
        """An episode of the correlator as it is published, and what it feeds; an event's detections were fed by the engine."""
        if episode.type == "event":
            return episode, []
        if episode.rule in self._older:
            rule, own = self._older[episode.rule]
            sample = tuple(self._member_outward(member) for member in episode.sample)
            episode = msgspec.structs.replace(episode, rule=rule, rule_set=own.hash, sample=sample)
        else:
            own = self._sets.get(episode.rule_set, self.newest)
        if episode.rule not in own.alerting:
            episode = msgspec.structs.replace(episode, muted=True)
        fed = feed_episode(episode, own)
        if own is self.newest and self._older:
            fed += self._fed_to_older(episode)
        return episode, fed

    def _fed_to_older(self, episode: Episode) -> list[Addressed]:
        """What a rule that stays feeds to versions that go."""
        found: list[Addressed] = []
        taken: set[str] = set()
        mine = self._names[self.newest.hash].get(episode.rule)
        for one in reversed(self.sets[:-1]):
            names = self._names[one.hash]
            if mine is None or names.get(episode.rule) != mine:
                continue
            for key, detection in feed_episode(msgspec.structs.replace(episode, rule_set=one.hash), one):
                name = names[detection.target]
                if name in self._older and name not in taken:
                    found.append((key, detection))
            taken |= {names[target] for target in one.feeds.get(episode.rule, ())}
        return found

    def _member_outward(self, member: Member) -> Member:
        return msgspec.structs.replace(member, rule=self.id_of(member.rule)) if member.rule in self._older else member


def _called(rule: CorrelationRule, names: Names) -> CorrelationRule:
    """A rule of one set, as it and the rules below it are called in the correlator."""

    def name(child: str) -> str:
        return names.get(child, child)

    ways = tuple(
        replace(way, present=tuple(map(name, way.present)), absent=frozenset(map(name, way.absent)))
        for way in rule.alternatives
    )
    return replace(rule, id=name(rule.id), rules=tuple(map(name, rule.rules)), alternatives=ways)


def _digest(rule: CorrelationRule) -> str:
    return rule.digest or rule.id
