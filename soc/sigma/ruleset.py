"""A loaded rule set: what every later stage needs of it, in one value. Built by ``soc.sigma.load.load``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from soc.errors import RuleError
from soc.model import RuleInfo
from soc.sigma.correlation import CorrelationRule

if TYPE_CHECKING:
    from soc.sigma.compile import CompiledRule


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules compiled from one bundle.

    Attributes:
        hash: the bundle's hash.
        rules: compiled base rules by id.
        correlations: correlation rules by id.
        infos: of base and correlation rules, by id: for people.
        refused: rules that cannot be used: file, line, reason. The others run.
        alerting: ids of the rules (base and correlation) whose matches raise alerts of their own.
        muted: base or correlation rule id → ids of the correlations because of which it raises none (DESIGN §3: a rule
            raises alerts if it is referenced by nothing or if *any* referencing correlation says ``generate``).
        feeds: rule id → ids of the correlations that reference it.
    """

    hash: str
    rules: Mapping[str, "CompiledRule"]
    correlations: Mapping[str, CorrelationRule]
    infos: Mapping[str, RuleInfo]
    refused: tuple[RuleError, ...]
    alerting: frozenset[str]
    muted: Mapping[str, tuple[str, ...]]
    feeds: Mapping[str, tuple[str, ...]]
