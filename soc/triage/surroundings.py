"""What is known beside the alerts (register, directory, geography, indicators) and an alert in; the alert with what that says of it out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Protocol

import msgspec

from soc.assets import directory, geography, register
from soc.assets.directory import Directory
from soc.assets.geography import Geography
from soc.assets.register import MAX_FOUND_BY, Register
from soc.clock import Micros
from soc.model import Alert, IndicatorHit, SystemHit
from soc.triage.entities import Entity, family

MAX_FACTS = 12
MAX_INDICATORS = 20
UNAUTHENTICATED = "event.unauthenticated"
"""The field the engine sets on what came over UDP."""

_PEOPLE_IN_FACTS = 3


class IndicatorsLike(Protocol):
    """Threat intelligence, as far as an alert asks it (``soc.intel``)."""

    def hits(self, pairs: Iterable[tuple[str, str]], at: Micros) -> tuple[IndicatorHit, ...]:
        """Known-bad values among (field, value) pairs that are listed at a time."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the fold knows beside its inputs; the same for all of a batch.

    Attributes:
        register: systems, organizations, networks.
        directory: the people of the organizations.
        geography: networks to countries.
        indicators: known-bad values; None while there are none.
    """

    register: Register = register.EMPTY
    directory: Directory = directory.EMPTY
    geography: Geography = geography.EMPTY
    indicators: IndicatorsLike | None = None

    def enriched(self, alert: Alert) -> Alert:
        """The alert with its systems, their units, indicators and facts, as they are known now.

        What was found before stays: a later sample of an episode no longer carries what an earlier one did.
        """
        found = self.register.find(alert.entities, alert.last_seen)
        systems = tuple(dict.fromkeys((*(hit.key for hit in found), *alert.systems)))
        units = tuple(dict.fromkeys((*self.register.units_of(systems), *(hit.unit for hit in found if hit.unit))))
        indicators = alert.indicators
        if self.indicators is not None:
            fresh = self.indicators.hits(_pairs(alert), alert.last_seen)
            indicators = tuple(dict.fromkeys((*fresh, *alert.indicators)))[:MAX_INDICATORS]
        return msgspec.structs.replace(
            alert,
            systems=systems,
            units=units or alert.units,
            indicators=indicators,
            unauthenticated=alert.unauthenticated or _unauthenticated(alert),
            facts=tuple(dict.fromkeys((*alert.facts, *self._facts(alert.entities))))[:MAX_FACTS],
        )

    def systems(
        self, known: tuple[SystemHit, ...], keys: Iterable[str], entities: Iterable[Entity], at: Micros
    ) -> tuple[SystemHit, ...]:
        """The systems that an incident touches, as they were when it first touched them, with the values that led to them.

        Args:
            known: what the incident says already.
            keys: of the systems its alerts name.
            entities: of the incident.
            at: when; of what is new, the owners are those of that day.
        """
        found = {hit.key: hit for hit in known}
        for hit in self.register.find(entities, at):
            before = found.get(hit.key, hit)
            led = tuple(dict.fromkeys((*before.found_by, *hit.found_by)))[:MAX_FOUND_BY]
            found[hit.key] = msgspec.structs.replace(before, found_by=led)
        for key in keys:
            fresh = None if key in found else self.register.hit(key, at)
            if fresh is not None:
                found[key] = fresh
        return tuple(found.values())

    def criticality(self, systems: tuple[str, ...]) -> str:
        """Of the most critical of them; "" where the register does not say."""
        hit = self.register.hit(systems[0]) if systems else None
        return hit.criticality if hit is not None else ""

    def is_shared(self, value: str) -> bool:
        """Whether the register declares it to be something that many stand behind."""
        return self.register.is_shared(value)

    def is_own(self, value: str) -> bool:
        """Whether an address is internal, or of a system of the register."""
        return internal(value) or bool(self.register.keys_of("source.ip", value))

    def _facts(self, entities: Iterable[Entity]) -> Iterator[tuple[str, str]]:
        """Country and network of addresses; name, title and unit of the first few users."""
        people = 0
        for field, value in entities:
            kind = family(field)
            if kind == "ip" and (place := self.geography.place(value)) is not None:
                yield value, ", ".join(part for part in place if part)
            elif kind == "user" and people < _PEOPLE_IN_FACTS:
                person = self.directory.person(value)
                if person is not None:
                    people += 1
                    yield value, ", ".join(part for part in (person.name, person.title, person.unit) if part)


@lru_cache(maxsize=50_000)
def internal(value: str) -> bool:
    """Whether an address is from a block that no one on the Internet has (RFC 1918, RFC 4193, RFC 6598)."""
    try:
        address = ip_address(value)
    except ValueError:
        return False
    if address.version == 4:
        return any(low <= int(address) <= high for low, high in _INTERNAL)
    return int(address) >> 121 == 0x7E


_INTERNAL = (
    (0x0A000000, 0x0AFFFFFF),
    (0xAC100000, 0xAC1FFFFF),
    (0xC0A80000, 0xC0A8FFFF),
    (0x64400000, 0x647FFFFF),
)
"""10/8, 172.16/12, 192.168/16, 100.64/10. Documentation blocks, which the standard library calls private, are none of these."""


def _unauthenticated(alert: Alert) -> bool:
    return any(member.fields is not None and member.fields.get(UNAUTHENTICATED) is True for member in alert.sample)


def _pairs(alert: Alert) -> Iterator[tuple[str, str]]:
    """Every (field, text value) that the alert carries."""
    yield from alert.entities
    for member in alert.sample:
        for field, value in (member.fields or {}).items():
            if isinstance(value, str):
                yield field, value
            elif isinstance(value, list):
                for item in value:  # pyright: ignore[reportUnknownVariableType]
                    if isinstance(item, str):
                        yield field, item
