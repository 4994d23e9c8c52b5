"""What one batch brought: revisions to publish, state to keep, and what had to be left out."""

from collections import Counter
from dataclasses import dataclass, field

from soc.correlate.snapshot import Changes
from soc.model import Episode


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of ``Correlator.apply``.

    Attributes:
        episodes: new revisions, in order.
        state: changed records of the changelog; None deletes.
        evicted: rule id → how many entries were forgotten before their time because a group or the memory was full.
        evicted_groups: rule id → how many groups were forgotten whole because there were too many.
        late: rule id → how many detections came after the watermark minus the lateness and were not applied.
        unfit: rule id → how many detections had a value that is no number where one is reckoned with.
        unknown: target → how many detections were for a correlation, or of a rule, that this rule set does not have.
    """

    episodes: list[Episode] = field(default_factory=list[Episode])
    state: Changes = field(default_factory=dict[bytes, bytes | None])
    evicted: Counter[str] = field(default_factory=Counter[str])
    evicted_groups: Counter[str] = field(default_factory=Counter[str])
    late: Counter[str] = field(default_factory=Counter[str])
    unfit: Counter[str] = field(default_factory=Counter[str])
    unknown: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be remembered.

    Attributes:
        groups: groups of all rules together.
        events: entries of one group.
        members: member ids listed in one episode; more are counted, not listed.
    """

    groups: int
    events: int
    members: int
