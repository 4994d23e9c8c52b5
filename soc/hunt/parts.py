"""Settings and a bus in; what a hunt works with, opened, out."""

import asyncio

from soc.app import open_archive, open_store, rule_cache
from soc.bus.base import Bus
from soc.clock import Clock
from soc.hunt.look import HuntParts
from soc.pipeline.rule_cache import load_cached
from soc.pipeline.ruleset import RuleSets
from soc.pipeline.sources import make_normalizer
from soc.settings import Settings


async def make_parts(settings: Settings, bus: Bus, clock: Clock) -> HuntParts:
    """The parts, with the rules of now; whoever asked closes the store.

    Raises:
        UnavailableError: no rules are published, or the bus is away.
        SettingsError: the settings name what is not installed.
    """
    bundle = (await RuleSets(bus).latest()).bundle
    rules = await asyncio.to_thread(load_cached, bundle, rule_cache(settings))
    correlation = settings.correlation
    return HuntParts(
        bus,
        open_archive(settings),
        open_store(settings),
        make_normalizer(settings),
        rules,
        clock,
        correlation.max_groups * settings.partitions,
        correlation.max_events_per_group,
    )
