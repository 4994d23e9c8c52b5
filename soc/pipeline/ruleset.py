"""Rule sets on ``soc.rules``: published once, found by hash, so that every stage works with exactly the same rules.

A published set carries what stages behind the engine need (correlations, titles, who feeds whom) ready-made: only the
engine compiles the base rules.
"""

from pathlib import Path

import msgspec

from soc.bus.base import Bus, Message, Positions
from soc.errors import LogMismatchError, RuleError, SettingsError
from soc.model import Bundle, RuleInfo, decode, encode
from soc.pipeline.table import RULES
from soc.settings import RuleSettings, content_dir
from soc.sigma.correlation import CorrelationRule
from soc.sigma.ruleset import RuleSet


class RefusedRule(msgspec.Struct, frozen=True):
    """A rule that cannot be used, as people are told of it."""

    path: str
    line: int
    reason: str


class PublishedRules(msgspec.Struct, frozen=True):
    """A rule set as it stands on ``soc.rules``; the fields are those of ``RuleSet`` but for the compiled rules."""

    hash: str
    bundle: Bundle
    infos: dict[str, RuleInfo]
    correlations: dict[str, CorrelationRule]
    alerting: frozenset[str]
    muted: dict[str, tuple[str, ...]]
    feeds: dict[str, tuple[str, ...]]
    refused: tuple[RefusedRule, ...]

    def without_rules(self) -> RuleSet:
        """The set as correlate and triage need it: everything but compiled base rules."""
        refused = tuple(RuleError(rule.path, rule.line, rule.reason) for rule in self.refused)
        return RuleSet(self.hash, {}, self.correlations, self.infos, refused, self.alerting, self.muted, self.feeds)


def to_published(bundle: Bundle, rules: RuleSet) -> PublishedRules:
    """What is published of a set that was loaded from a bundle."""
    return PublishedRules(
        rules.hash,
        bundle,
        dict(rules.infos),
        dict(rules.correlations),
        rules.alerting,
        {rule: tuple(by) for rule, by in rules.muted.items()},
        {rule: tuple(to) for rule, to in rules.feeds.items()},
        tuple(RefusedRule(error.path, error.line, error.reason) for error in rules.refused),
    )


def read_bundle(settings: RuleSettings) -> Bundle:
    """The texts of every rule file and field map that the settings name.

    Raises:
        SettingsError: a path that is not there or cannot be read.
    """
    shipped = content_dir("rules")
    roots = [Path(path) for path in settings.paths] or [shipped]
    roots += [Path(path) for path in settings.extra_paths]
    mistakes = [f"rules: {root} does not exist" for root in roots if not root.exists()]
    if mistakes:
        raise SettingsError(mistakes)
    pipelines = _texts(shipped / "pipelines")
    files: dict[str, str] = {}
    for root in roots:
        found = _texts(root)
        files.update({path: text for path, text in found if shipped / "pipelines" not in Path(path).parents})
    return Bundle(tuple(sorted(files.items())), tuple(sorted(pipelines)))


def _texts(root: Path) -> list[tuple[str, str]]:
    paths = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.suffix in {".yml", ".yaml"})
    texts: list[tuple[str, str]] = []
    for path in paths:
        try:
            texts.append((str(path), path.read_bytes().decode("utf-8", "replace")))
        except OSError as error:
            raise SettingsError([f"rules: {path} cannot be read: {error}"]) from error
    return texts


async def publish(bus: Bus, published: PublishedRules) -> None:
    """Make a set the current one; publishing the current one again changes nothing."""
    claim = await bus.claim("rules", 0)
    try:
        if claim.state.get(b"current") != published.hash.encode():
            message = Message(RULES, published.hash.encode(), encode(published))
            await claim.commit([message], {b"current": published.hash.encode()})
    finally:
        await claim.release()


class RuleSets:
    """Published sets by hash, read from the bus as they are asked for and kept."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._known: dict[str, PublishedRules] = {}
        self._latest = ""
        self._positions: Positions = {}

    async def refresh(self) -> None:
        """Read what has been published since the last time."""
        reader = self._bus.reader([RULES], self._positions)
        try:
            while records := await reader.fetch(16, 0.0):
                for record in records:
                    key = record.key.decode()
                    self._latest = key
                    if key not in self._known:
                        self._known[key] = decode(record.value, PublishedRules)
                self._positions = reader.positions
        finally:
            await reader.close()

    async def latest(self) -> PublishedRules:
        """The set published last.

        Raises:
            LogMismatchError: none was ever published here.
        """
        await self.refresh()
        if not self._latest:
            raise LogMismatchError(f"{RULES} is empty: start `soc run` without --role once, it publishes the rules")
        return self._known[self._latest]

    async def get(self, hash: str) -> PublishedRules:  # noqa: A002
        """The set with a hash.

        Raises:
            LogMismatchError: detections name a set that is not on the bus; applying another would give other alerts.
        """
        if hash not in self._known:
            await self.refresh()
        if hash not in self._known:
            raise LogMismatchError(f"{RULES} has no rule set {hash}: it was trimmed or lost; restore the rules log")
        return self._known[hash]

    @property
    def current(self) -> PublishedRules | None:
        """The set published last among those read so far."""
        return self._known.get(self._latest)

    def info(self, rule_set: str, rule: str) -> RuleInfo | None:
        """A rule of a set read so far, else of any set read so far, newest first."""
        published = self._known.get(rule_set)
        if published and rule in published.infos:
            return published.infos[rule]
        for other in reversed(self._known.values()):
            if rule in other.infos:
                return other.infos[rule]
        return None
