"""The states of engine and correlate in; which rule set every partition works with, out."""

from typing import NamedTuple

from soc.bus.base import Bus
from soc.clock import Micros
from soc.pipeline import correlate, engine
from soc.pipeline.ruleset import RuleSets


class PartitionRules(NamedTuple):
    """The newest rule set that one partition works with, "" if it never had one."""

    stage: str
    partition: int
    rule_set: str


class RulesStatus(NamedTuple):
    """What is current and what is at work.

    Attributes:
        current: hash of the set published last, of those that can be used; "" if none was.
        since: when it was published.
        partitions: every partition of engine and correlate that has ever committed.
        rejected: hash → why, of the sets published since that cannot be used.
    """

    current: str
    since: Micros
    partitions: tuple[PartitionRules, ...]
    rejected: dict[str, str]

    @property
    def everywhere(self) -> bool:
        """Whether every partition works with the current set."""
        return bool(self.current) and all(one.rule_set == self.current for one in self.partitions)


async def look_at_rules(bus: Bus, sets: RuleSets) -> RulesStatus:
    """What the topic and the committed states say, on whatever hosts the partitions are."""
    await sets.refresh()
    found: list[PartitionRules] = []
    for stage, key in (("engine", engine.RULE_SET), ("correlate", correlate.RULE_SET)):
        async for partition, state in bus.states(stage):
            found.append(PartitionRules(stage, partition, state.get(key, b"").decode()))
    current = sets.current
    return RulesStatus(current.hash if current else "", sets.current_since, tuple(sorted(found)), dict(sets.rejected))
