"""A rule set and the one before it in; why it cannot take effect, and how the two differ, out: pure."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from soc.model import Bundle, RuleInfo
from soc.sigma.ruleset import RuleSet


class Difference(NamedTuple):
    """Ids of the rules that are not the same in two sets, sorted."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def digests_of(rules: RuleSet) -> dict[str, str]:
    """Rule id → a digest of its text, and of what filters, overlays, field maps and the rules below it make of it."""
    return {rule: _digest(info, rules) for rule, info in rules.infos.items()}


def _digest(info: RuleInfo, rules: RuleSet) -> str:
    correlation, rule = rules.correlations.get(info.id), rules.rules.get(info.id)
    meaning = correlation.digest if correlation else (rule.fingerprint, rule.logsource) if rule else ""
    unplaced = (info.yaml, info.level, info.title_vi, info.entities)  # where it lies is no change
    return hashlib.blake2b(repr((meaning, unplaced)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> Difference:
    """What changed from one set to the next.

    Args:
        before: ``digests_of`` the set that was current; {} if there was none.
        after: of the new one.
    """
    both = before.keys() & after.keys()
    return Difference(
        tuple(sorted(after.keys() - both)),
        tuple(sorted(rule for rule in both if before[rule] != after[rule])),
        tuple(sorted(before.keys() - both)),
    )


def objection(name: str, bundle: Bundle, infos: Mapping[str, RuleInfo], refused: int, *, first: bool) -> str:
    """Why a set must not take effect; "" if it may.

    Rules that are refused one by one are no reason: the others run.

    Args:
        name: the hash that it goes by.
        bundle: its texts.
        infos: the rules that can be used.
        refused: how many cannot.
        first: there is no other: an engine without a rule still normalizes, so an empty set will do.
    """
    if bundle.hash != name:
        return f"its texts have the hash {bundle.hash}, it is called {name}: it was damaged or changed"
    if not infos and not first:
        return f"none of its rules can be used ({refused} refused)" if refused else "it holds no rule"
    return ""
