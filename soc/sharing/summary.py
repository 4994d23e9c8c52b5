"""Changes of alerts since they were last told, and what one receiver may get, in; the records that leave out. Pure.

A record is canonical JSON (``docs/reference/sharing.md``). The counts of its rows add up to its own, and over all records of a
series to every alert and event that was ever told: what turned out to be nothing is taken back as *withdrawn*, never rewritten.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid5

from soc.clock import SECOND, Micros, to_iso
from soc.forward.payload import NAMESPACE, canonical
from soc.forward.profile import Profile
from soc.forward.redact import Redactor
from soc.forward.scan import Hit, scan
from soc.privacy.inside import Inside
from soc.sharing.facts import Facts, of_the_world

SCHEMA = "soc-sharing/1"
TLP = "AMBER"
"""How far a summary may travel: it tells which systems are attacked."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Change(NamedTuple):
    """What is to be told of one alert.

    Attributes:
        alerts: 1 if it was not told before.
        events: more than were told.
        alerts_withdrawn: 1 if it was told and should not have been.
        events_withdrawn: that were told and are not there.
    """

    facts: Facts
    alerts: int
    events: int
    alerts_withdrawn: int
    events_withdrawn: int


class Sums(NamedTuple):
    """What a record tells in total."""

    alerts: int = 0
    events: int = 0
    alerts_withdrawn: int = 0
    events_withdrawn: int = 0

    def plus(self, other: "Sums") -> "Sums":
        """Both together."""
        return Sums(*(a + b for a, b in zip(self, other, strict=True)))


class Series(NamedTuple):
    """One receiver's numbering.

    Attributes:
        organization: who shares.
        receiver: its name.
        since: when the numbering began; a new one begins where an earlier state was lost.
    """

    organization: str
    receiver: str
    since: Micros

    def id(self, number: int) -> str:
        """The id of the record with a number: a receiver that has it drops the repeat."""
        return str(uuid5(NAMESPACE, f"sharing|{self.organization}|{self.receiver}|{self.since}|{number}"))


def rows_of(changes: Iterable[Change], profile: Profile, inside: Inside, most: int) -> list[dict[str, Any]]:
    """Changes counted by what the profile lists, the largest first; values redacted.

    Args:
        changes: of alerts that the receiver may be told of.
        profile: its keys (``sharing.by``); what is not listed there is not said.
        inside: what the register says is ours.
        most: from so many rows on the smaller ones no longer list their attackers but count them.
    """
    keyed = [(key, sums, more) for change in changes for key, sums, more in (_key(change, profile, inside),)]
    rows = _merged(keyed)
    if len(rows) > most:
        largest = sorted(rows.items(), key=_largest)
        folded: list[tuple[Key, Sums, int]] = [
            ((*key[:4], ()), sums, more + len(key[4])) for key, (sums, more) in largest[most // 2 :]
        ]
        rows = _merged([*((key, sums, more) for key, (sums, more) in largest[: most // 2]), *folded])
    told = _Told(profile, inside)
    return [told.row(key, sums, more) for key, (sums, more) in sorted(rows.items(), key=_largest)]


Key = tuple[tuple[str, str, str], tuple[str, ...], tuple[str, ...], Micros, tuple[str, ...]]
"""(rule, title, level), techniques, systems, hour, attackers."""


def _key(change: Change, profile: Profile, inside: Inside) -> tuple[Key, Sums, int]:
    facts, by = change.facts, profile.sharing.by
    attackers: tuple[str, ...] = ()
    if "attacker" in by:
        attackers = tuple(
            address
            for address, tlp in facts.attackers
            if of_the_world(address, inside) and (not tlp or profile.may_travel(tlp))
        )
    key: Key = (
        (facts.rule, facts.title, facts.level) if "rule" in by else ("", "", ""),
        facts.techniques if "technique" in by else (),
        facts.systems if "system" in by else (),
        facts.hour if "hour" in by else 0,
        attackers,
    )
    return key, Sums(*change[1:]), facts.more if "attacker" in by else 0


def _merged(keyed: Iterable[tuple[Key, Sums, int]]) -> dict[Key, tuple[Sums, int]]:
    rows: dict[Key, tuple[Sums, int]] = {}
    for key, sums, more in keyed:
        before, least = rows.get(key, (Sums(), 0))
        rows[key] = before.plus(sums), least + more
    return rows


def _largest(item: tuple[Key, tuple[Sums, int]]) -> tuple[int, int, int, Key]:
    key, (sums, _) = item
    return -sums.alerts, -sums.events, -sums.alerts_withdrawn, key


class _Told:
    """Rows as they leave: each different text is redacted once."""

    def __init__(self, profile: Profile, inside: Inside) -> None:
        self._by = profile.sharing.by
        self._redactor = Redactor((), inside)
        self._known: dict[str, str] = {}

    def row(self, key: Key, sums: Sums, more: int) -> dict[str, Any]:
        (rule, title, level), techniques, systems, hour, attackers = key
        row: dict[str, Any] = {}
        if "rule" in self._by:
            row |= {"rule": self._text(rule), "title": self._text(title), "level": self._text(level)}
        if "technique" in self._by:
            row["techniques"] = [self._text(one) for one in techniques]
        if "system" in self._by:
            row["systems"] = [self._text(one) for one in systems]
        if "attacker" in self._by:
            row |= {"attackers": list(attackers), "attackers_more": more}
        if "hour" in self._by:
            row["hour"] = to_iso(hour)
        return row | sums._asdict()

    def _text(self, value: str) -> str:
        if value not in self._known:
            self._known[value] = value if _UUID.fullmatch(value) else self._redactor.text(value, "sharing")
        return self._known[value]


def total(rows: Iterable[Mapping[str, Any]]) -> Sums:
    """The sum of rows."""
    sums = Sums()
    for row in rows:
        sums = sums.plus(Sums(*(row[name] for name in Sums._fields)))
    return sums


def summary(
    series: Series, number: int, rows: Sequence[Mapping[str, Any]], window: tuple[Micros, Micros], day: str
) -> bytes:
    """One summary as it is sealed.

    Args:
        series: whose.
        number: its place in the series, from 1, without a gap.
        rows: of ``rows_of``.
        window: when what it tells was learned: from, to.
        day: the local day that it is counted in, ``2026-11-23``.
    """
    head = _head(series, "summary", number, day)
    start, end = (to_iso(at - at % SECOND) for at in window)
    return canonical({**head, "from": start, "to": end, **total(rows)._asdict(), "rows": list(rows)})


def day_record(series: Series, number: int, day: str, zone: str, figures: Mapping[str, Any]) -> bytes:
    """A day's count as it is sealed, when everything of the day before it has been sent.

    Args:
        series: whose.
        number: its place in the series.
        day: ``2026-11-23``.
        zone: IANA zone in which the day is one.
        figures: as the book counted them (``soc.sharing.book.Day.figures``).
    """
    return canonical({**_head(series, "day", number, day), "timezone": zone, **figures})


def leaking(data: bytes, inside: Inside) -> tuple[Hit, ...]:
    """What must not leave and stands in a record; () lets it go."""
    return scan(data, inside.hosts)


def _head(series: Series, kind: str, number: int, day: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "kind": kind,
        "id": series.id(number),
        "organization": series.organization,
        "series": to_iso(series.since),
        "number": number,
        "day": day,
        "tlp": TLP,
    }
