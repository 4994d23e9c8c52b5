"""Rule sets for tests of the stages around a change of rules: documents in, published sets and detections made with them out."""

from soc.bus.base import Record
from soc.clock import SECOND, Micros
from soc.errors import LogMismatchError
from soc.model import Bundle, Detection, RulesChange, Watermark, encode
from soc.pipeline.ruleset import PublishedRules, to_published
from soc.pipeline.table import DETECTIONS
from soc.sigma.load import load

T0: Micros = 1_795_309_200 * SECOND


def base(name: str, word: str = "") -> str:
    """A base rule that is called and finds ``name``."""
    return f"""
title: Found {name}
name: {name}
level: low
logsource: {{product: linux, service: sshd}}
detection: {{words: ["{word or name}"], condition: words}}
"""


def counting(name: str, of: str, least: int, more: str = "") -> str:
    """A correlation over one rule, grouped by source address."""
    return f"""
title: Many {of}
name: {name}
level: high
correlation: {{type: event_count, rules: [{of}], group-by: [source.ip], timespan: 1m, condition: {{gte: {least}}}{more}}}
"""


def published(*documents: str) -> PublishedRules:
    """A set of these documents."""
    bundle = Bundle((("rules.yml", "---".join(documents)),))
    rules = load(bundle)
    assert not rules.refused, rules.refused
    return to_published(bundle, rules)


class KnownSets:
    """Published sets as the stages ask for them, in the order of publication."""

    def __init__(self, *sets: PublishedRules) -> None:
        self.sets = list(sets)
        self._order: dict[str, int] = {}

    async def refresh(self) -> None:
        """See ``RuleSets``: what was published since is known from here on."""
        self._order = {one.hash: place for place, one in enumerate(self.sets, 1)}

    async def get(self, name: str) -> PublishedRules:
        """See ``RuleSets``."""
        for one in self.sets:
            if one.hash == name:
                return one
        raise LogMismatchError(f"no rule set {name}")

    def order(self, name: str) -> int:
        """See ``RuleSets``."""
        return self._order.get(name, 0)


def detection(
    rules: PublishedRules, target: str, number: int, *, seconds: int | None = None, rule: str = ""
) -> Detection:
    """The ``number``-th event's match, for one correlation or (target "") for an alert of its own."""
    at = T0 + (number if seconds is None else seconds) * SECOND
    name = rule or rules.correlations[target].rules[0]
    group = ("192.0.2.1",) if target and rules.correlations[target].group_by else ()
    return Detection(name, rules.hash, target, group, None, f"e{number}", "bastion", at, at, at)


def change(partition: int, rules: PublishedRules) -> RulesChange:
    """The word that a raw partition is read with a set from here on."""
    return RulesChange(partition, rules.hash)


def records(*items: Detection | Watermark | RulesChange) -> list[Record]:
    """As they stand on ``soc.detections``."""
    return [Record(DETECTIONS, 0, "log", at, b"key", encode(item), T0) for at, item in enumerate(items)]
