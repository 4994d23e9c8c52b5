"""The roster, the settings and a span of time in; everything that would keep people from being told out."""

from collections.abc import Iterator
from typing import NamedTuple
from zoneinfo import ZoneInfo

from soc.calling import NotifySettings
from soc.clock import Micros, to_datetime
from soc.notify.roster import Roster, holes, unreached


class Gap(NamedTuple):
    """One thing.

    Attributes:
        what: ``no_roster``, ``no_channel``, ``nobody_on_duty``, ``person_without_channel``, ``person_never_called``,
            ``no_heartbeat``, ``no_link``.
        where: person or escalation.
        detail: for people.
    """

    what: str
    where: str
    detail: str


def gaps(roster: Roster, settings: NotifySettings, start: Micros, end: Micros) -> list[Gap]:
    """What would keep people from being told.

    Args:
        roster: the one in force.
        settings: [notify].
        start: from when
        end: until when holes are looked for.
    """
    return list(_gaps(roster, settings, start, end))


def _gaps(roster: Roster, settings: NotifySettings, start: Micros, end: Micros) -> Iterator[Gap]:
    if not roster.people:
        yield Gap("no_roster", "", "no roster was imported: nobody is told of anything")
    if not settings.channels:
        yield Gap("no_channel", "", "no channel is set up in [notify]: nobody can be told of anything")
    zone = ZoneInfo(roster.zone)
    for hole in holes(roster, start, end):
        told = [to_datetime(at).astimezone(zone).strftime("%Y-%m-%d %H:%M") for at in (hole.start, hole.end)]
        yield Gap(
            "nobody_on_duty",
            hole.escalation,
            f"{told[0]} to {told[1]}: the first step of {hole.escalation} calls nobody",
        )
    for person in roster.people.values():
        own = [channel for channel, _ in person.channels]
        if settings.channels and not set(own) & set(settings.channels):
            yield Gap(
                "person_without_channel", person.key, f"{person.name} has {', '.join(own)}, and none of it is set up"
            )
    for key in unreached(roster):
        yield Gap("person_never_called", key, f"no step of any escalation calls {roster.people[key].name}")
    if roster.people and not settings.link:
        yield Gap("no_link", "", "[notify] link is empty: messages do not say where to look")
    if roster.people and not (settings.heartbeat.url or settings.heartbeat.file):
        yield Gap("no_heartbeat", "", "[notify.heartbeat] is empty: nobody notices when this host dies")
