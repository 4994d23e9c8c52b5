"""A loaded rule set: what every later stage needs of it, in one value. Built by ``soc.sigma.load.load``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from soc.errors import RuleError
from soc.model import LogSource, RuleInfo
from soc.sigma.condition import Node, leaves
from soc.sigma.correlation import CorrelationRule
from soc.sigma.matchers import Reference


class CompiledRule:
    """A base rule ready to be evaluated.

    Attributes:
        logsource: what it applies to; "" in a dimension means any.
        condition: over event fields (pipelines are already applied). Of a set that was thawed it is made when first asked for.
        fingerprint: digest of what the condition means.
        fields: the fields that the condition names; None among them for keywords, which are sought in all values.
    """

    __slots__ = ("_thaw", "condition", "fields", "fingerprint", "id", "logsource")
    _thaw: Callable[[], Node]
    condition: Node
    fields: frozenset[str | None]

    def __init__(
        self,
        id: str,  # noqa: A002
        logsource: LogSource,
        condition: Node,
        fingerprint: str = "",
    ) -> None:
        self.id = id
        self.logsource = logsource
        self.condition = condition
        self.fingerprint = fingerprint

    @classmethod
    def thawed(
        cls,
        id: str,  # noqa: A002
        logsource: LogSource,
        thaw: Callable[[], Node],
        fingerprint: str,
        fields: frozenset[str | None],
    ) -> Self:
        """A rule whose condition ``thaw`` gives."""
        rule = cls.__new__(cls)
        rule.id, rule.logsource, rule.fingerprint, rule.fields = id, logsource, fingerprint, fields
        rule._thaw = thaw  # noqa: SLF001  # its own
        return rule

    def __getattr__(self, name: str) -> Any:
        """Called for what is not made yet; afterwards it is a plain attribute."""
        if name == "condition":
            condition = self.condition = self._thaw()
            return condition
        if name == "fields":
            fields = self.fields = _fields(self.condition)
            return fields
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"CompiledRule({self.id!r})"


def _fields(condition: Node) -> frozenset[str | None]:
    named: set[str | None] = set()
    for predicate in leaves(condition):
        named.add(predicate.field)
        if isinstance(predicate.matcher, Reference):
            named.add(predicate.matcher.field)
    return frozenset(named)


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
        disabled: id of a rule that an overlay disables → why, and where it says so.
        warnings: what an overlay says of no rule of the set.
    """

    hash: str
    rules: Mapping[str, CompiledRule]
    correlations: Mapping[str, CorrelationRule]
    infos: Mapping[str, RuleInfo]
    refused: tuple[RuleError, ...]
    alerting: frozenset[str]
    muted: Mapping[str, tuple[str, ...]]
    feeds: Mapping[str, tuple[str, ...]]
    disabled: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[RuleError, ...] = ()
