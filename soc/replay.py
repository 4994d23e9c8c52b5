"""``soc replay``: a window of raw lines in; run anew through the whole analysis, what is new of its episodes published, out.

Raw lines come from the archive and, where they are not archived yet, from ``soc.raw``; each is analysed once. The analysis is
in memory and knows no lateness: whatever order the lines come in, the episodes are the same. What it finds goes through the
same fold as everything else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from soc.app import micros, open_archive, open_bus, rule_cache
from soc.archive.reading import Looked, Window
from soc.audit.chain import Entry
from soc.clock import Clock, Micros, now, to_iso
from soc.correlate.correlator import latenesses
from soc.errors import SettingsError
from soc.model import Alert
from soc.pipeline.migrate_guard import GuardedBus
from soc.pipeline.raw_lines import RawLines
from soc.pipeline.replay import publish_episodes, standing_alerts
from soc.pipeline.rule_cache import load_cached
from soc.pipeline.ruleset import RuleSets, read_bundle
from soc.pipeline.sources import make_normalizer
from soc.pipeline.table import REPLAY
from soc.settings import RuleSettings, Settings
from soc.sigma.ruleset import RuleSet
from soc.tooling.offline import Offline
from soc.tooling.standing import Compared, compare

if TYPE_CHECKING:
    from soc.bus.embedded import EmbeddedBus
    from soc.bus.kafka import KafkaBus

Progress = Callable[[int], None]
"""Told how many lines were read."""


@dataclass(slots=True)
class Replayed:
    """What a replay came to.

    Attributes:
        looked: of the archive.
        unarchived: lines that were read from the bus.
        offline: the analysis, with its counts.
        compared: what was published, or would be.
        published: False of a dry run.
    """

    looked: Looked
    unarchived: int
    offline: Offline
    compared: Compared
    rules: RuleSet
    published: bool = False

    def words(self) -> dict[str, Any]:
        """The counts, for printing."""
        acts = [one.act for one in self.compared.publish]
        return {
            "lines": self.looked.records + self.unarchived,
            "unarchived": self.unarchived,
            "segments": self.looked.opened,
            "events": self.offline.events,
            "dead_letters": self.offline.dead_letters,
            "discarded": self.offline.discarded,
            "evicted": sum(self.offline.evicted.values()),
            "episodes": self.offline.episodes,
            "new": acts.count("new"),
            "revised": acts.count("revised"),
            "merged": acts.count("merged"),
            "standing": self.compared.standing,
            "still_open": self.compared.open,
            "published": self.published,
        }


async def replay(
    settings: Settings,
    window: Window,
    *,
    rules: tuple[str, ...] = (),
    dry_run: bool = False,
    actor: str = "soc",
    clock: Clock = now,
    progress: Progress = lambda _: None,
) -> Replayed:
    """Run a window anew and publish what is new.

    Args:
        settings: of the installation.
        window: when the lines were received, and from whom.
        rules: directories of rules in the place of the current set; publishing needs them to be a published set.
        dry_run: publish nothing.
        actor: who asks, for the audit trail.
        clock: tells which correlations can still change on their own.
        progress: see ``Progress``.

    Raises:
        SettingsError: the rules are not published, or another replay runs.
        UnavailableError: archive or bus are away.
    """
    bus = open_bus(settings, clock)
    try:
        ruleset = await _rules(bus, settings, rules, dry_run=dry_run)
        if not dry_run and await bus.owner_lives(REPLAY, 0):
            raise SettingsError(["a replay is running; wait for its end, or use --dry-run"])
        offline = Offline(
            ruleset,
            make_normalizer(settings),
            singles=True,
            max_groups=settings.correlation.max_groups * settings.partitions,
            max_events_per_group=settings.correlation.max_events_per_group,
        )
        reading = RawLines(bus, open_archive(settings), (window,), progress)
        async for one in reading.lines():
            offline.feed(one.raw, one.id, clock())
        offline.end(clock())
        episodes = offline.finish()
        times = {time for episode in episodes for time in (episode.start, episode.end)}
        alerts = await standing_alerts(bus, lambda alert: bool(times) and _meets(alert, min(times), max(times)))
        compared = compare(episodes, alerts, _settled(ruleset, settings, clock()))
        done = Replayed(reading.looked, reading.unarchived, offline, compared, ruleset)
        if not dry_run and compared.publish:
            what = f"{to_iso(window.start)}/{to_iso(window.end)}"
            entry = Entry(clock(), actor, "replay", what, f"{len(compared.publish)} episodes, rules {ruleset.hash}")
            await publish_episodes(GuardedBus(bus), [one.episode for one in compared.publish], entry)
            done.published = True
        return done
    finally:
        await bus.close()


def _meets(alert: Alert, start: Micros, end: Micros) -> bool:
    return alert.first_seen <= end and start <= alert.last_seen


def _settled(rules: RuleSet, settings: Settings, at: Micros) -> dict[str, Micros]:
    """Rule → episodes that ended before this are no longer changed by live correlation."""
    late = latenesses(rules.correlations, micros(settings.correlation.lateness_seconds))
    return {rule.id: at - late[rule.id] - rule.timespan for rule in rules.correlations.values()}


async def _rules(
    bus: "EmbeddedBus | KafkaBus", settings: Settings, paths: tuple[str, ...], *, dry_run: bool
) -> RuleSet:
    """The rules to run: the current set, or what the paths hold.

    Raises:
        SettingsError: alerts would name a set that nobody can look up.
    """
    sets = RuleSets(bus)
    if not paths:
        return load_cached((await sets.latest()).bundle, rule_cache(settings))
    await sets.refresh()
    chosen = load_cached(read_bundle(RuleSettings(paths=paths)), rule_cache(settings))
    if not dry_run and not sets.order(chosen.hash):
        raise SettingsError(
            [
                "--rules: these rules were never published, and an alert must name a set that is; publish them, or use --dry-run"
            ]
        )
    return chosen


def as_rows(replayed: Replayed) -> list[Mapping[str, Any]]:
    """What was published, for printing."""
    rows: list[Mapping[str, Any]] = []
    for act, episode in replayed.compared.publish:
        info = replayed.rules.infos.get(episode.rule)
        rows.append(
            {
                "act": act,
                "alert": episode.id,
                "rule": episode.rule,
                "title": info.title if info else episode.rule,
                "level": info.level if info else "",
                "group": dict(episode.group),
                "start": to_iso(episode.start),
                "end": to_iso(episode.end),
                "count": episode.count,
                "merged_into": episode.merged_into,
            }
        )
    return rows
