"""What a person asks to be hunted for in; the hunt done and remembered, and what to print of it, out."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from soc.app import open_bus
from soc.clock import Clock, Micros, now, to_iso
from soc.errors import SettingsError
from soc.hunt.look import Bounds, Hunted, Progress, hunt, remember, run_of, window_of
from soc.hunt.parts import make_parts
from soc.intel.hunting import Hunts, Quarry, quarry
from soc.intel.indicator import IndicatorSet
from soc.pipeline.context import Contexts
from soc.pipeline.migrate_guard import GuardedBus
from soc.settings import Settings

DAYS: Final = 7.0
"""How far back, where the settings switch hunts by themselves off."""


class Asked(NamedTuple):
    """What was done.

    Attributes:
        published: False of a dry run.
    """

    quarry: Quarry
    bounds: Bounds
    hunted: Hunted
    published: bool


async def ask(
    settings: Settings,
    since: Micros | None,
    values: tuple[str, ...],
    *,
    everything: bool = False,
    dry_run: bool = False,
    actor: str = "soc",
    clock: Clock = now,
    progress: Progress = lambda _: None,
) -> Asked:
    """Hunt once.

    Args:
        settings: of the installation.
        since: lines received from then on; None = as far back as the settings say.
        values: only these indicators; () = those that no hunt looked for yet.
        everything: all that are in force.
        dry_run: publish and remember nothing.

    Raises:
        SettingsError: a value is not in force, or is nothing that an indicator can be.
        UnavailableError: archive, bus or store are away.
    """
    began = clock()
    bus = GuardedBus(open_bus(settings, clock))
    try:
        contexts = Contexts(bus)
        await contexts.catch_up()
        listed, known = contexts.get("indicators"), contexts.get("hunts")
        hunts = Hunts.decode(known.data) if known else Hunts()
        published = IndicatorSet.decode(listed.data) if listed else IndicatorSet()
        sought = _sought(published, values, after=0 if everything else hunts.until)
        start, end = window_of(sought.newest, settings.intel.hunt_days or DAYS, began)
        wide = since is not None or bool(values) or everything
        bounds = Bounds(start if since is None else since, began if wide else end)
        if bounds.end <= bounds.start:
            raise SettingsError([f"--since {to_iso(bounds.start)} is not before {to_iso(bounds.end)}"])
        parts = await make_parts(settings, bus, clock)
        try:
            hunted = await hunt(parts, sought, bounds, actor=actor, dry_run=dry_run, progress=progress)
        finally:
            if parts.store is not None:
                await parts.store.close()
        if not dry_run and sought.fresh.count:
            run = run_of(hunted, sought, bounds, actor=actor, began=began, now=clock())
            await remember(bus, run, 0 if values or bounds.start > start else sought.newest, clock())
        return Asked(sought, bounds, hunted, not dry_run)
    finally:
        await bus.close()


def _sought(published: IndicatorSet, values: tuple[str, ...], *, after: Micros) -> Quarry:
    mistakes: list[str] = []
    for text in values:
        try:
            if not quarry(published, wanted=(text,)).fresh.count:
                mistakes.append(f"--indicator {text}: no feed lists it now; import it first")
        except ValueError as error:
            mistakes.append(f"--indicator {text}: {error}")
    if mistakes:
        raise SettingsError(mistakes)
    return quarry(published, after=after, wanted=values)


def as_rows(asked: Asked) -> list[Mapping[str, Any]]:
    """The events that were found, for printing."""
    return [
        {
            "time": to_iso(event.time),
            "source": event.source,
            "indicator": ", ".join(found),
            "contact": event.fields.get("threat.contact", ""),
            "event": event.id,
            "original": event.fields.get("event.original", ""),
        }
        for event, found in sorted(asked.hunted.events, key=lambda one: (one[0].time, one[0].id))
    ]


def words(asked: Asked) -> dict[str, Any]:
    """The counts, for printing."""
    hunted = asked.hunted
    acts = [one.act for one in hunted.compared.publish]
    return {
        "from": to_iso(asked.bounds.start),
        "to": to_iso(asked.bounds.end),
        "indicators": asked.quarry.fresh.count,
        "lines": hunted.lines,
        "events": hunted.found,
        "new": acts.count("new"),
        "revised": acts.count("revised"),
        "standing": hunted.compared.standing,
        "published": asked.published and bool(acts),
    }
