"""One raw record → one normalized event, or the name of the profile that discards it; the pure heart of the engine's first step."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from zoneinfo import ZoneInfo

from soc.clock import DAY, SECOND, Micros, to_micros
from soc.errors import RecordError, SettingsError
from soc.model.event import Event, LogSource
from soc.model.record import RawRecord
from soc.normalize.decode import decode
from soc.normalize.finish import finish
from soc.normalize.joining import AUDIT_MARK, Joining, unwrapped
from soc.normalize.mapped import product
from soc.normalize.mapping import MappingFile
from soc.normalize.products.product import FirstLook, Parse
from soc.normalize.products.registry import PRODUCTS
from soc.normalize.time import NO_TIME, iso_text, settle
from soc.settings import SourceProfile

_MEMO = 4096
"""Peers remembered; a flood of forged addresses only costs their being looked at again."""

_MAKES = frozenset(
    [
        *("@timestamp", "event.created", "event.ingested", "event.original"),
        *("related.ip", "related.user", "related.hosts", "tags", "event.unauthenticated"),
    ]
)
"""What every event is given here, whatever its product."""

_TRIMMED = " \t\r\n\0\ufeff"


@dataclass(frozen=True, slots=True)
class Discarded:
    """The record matched the ``discard`` pattern of this profile and is counted under it."""

    profile: str


@dataclass(frozen=True, slots=True)
class _Source:
    """A profile made ready: everything a line needs, looked up once.

    Attributes:
        ahead: how far its clock is ahead; of every version of its clock too.
        clocks: (from when on, zone, ahead), oldest first.
    """

    profile: SourceProfile | None
    parse: Parse
    zone: ZoneInfo
    ahead: Micros
    clocks: tuple[tuple[Micros, ZoneInfo, Micros], ...]
    encoding: str
    live: bool
    discard: re.Pattern[str] | None
    pattern: re.Pattern[str] | None
    networks: tuple[IPv4Network | IPv6Network, ...]
    logsources: tuple[LogSource, ...] | None
    headed: bool
    joining: Joining | None

    def clock_at(self, received: Micros) -> tuple[ZoneInfo, Micros]:
        """The zone of its stamps and how far its clock is ahead, for what was received then."""
        zone, ahead = self.zone, self.ahead
        for since, later_zone, later_ahead in self.clocks:
            if received < since:
                break
            zone, ahead = later_zone, later_ahead
        return zone, ahead


_ASSEMBLED = frozenset(("auto", "auditd", "linux", "syslog"))
"""The products whose lines may be records of auditd, of which several make an event."""


def products(mappings: Sequence[MappingFile] = ()) -> Mapping[str, str]:
    """Every product's name and its description in one line, for ``soc normalize --list``."""
    own = {mapping.name: f"mapping file: {mapping.description}" for mapping in mappings}
    return {name: product.description for name, product in PRODUCTS.items()} | own


def _peer_host(peer: str) -> str:
    """``192.0.2.7:51514`` or ``[2001:db8::1]:514`` without the port; a path is returned whole."""
    if peer.startswith("["):
        return peer[1:].partition("]")[0]
    host, colon, port = peer.rpartition(":")
    return host if colon and port.isdecimal() and ":" not in host else peer


class Normalizer:
    """Bytes to events by the installation's source profiles. Holds no state but memos: any order gives the same events."""

    def __init__(
        self,
        profiles: Sequence[SourceProfile],
        *,
        timezone: str,
        lateness: Micros,
        future_skew: Micros,
        mappings: Sequence[MappingFile] = (),
    ) -> None:
        """Prepare the profiles.

        Args:
            profiles: in the order in which they are tried.
            timezone: IANA zone of stamps without one, where the profile names none.
            lateness: a live event older than this at receipt correlates at receive time.
            future_skew: a live event stamped later than receive time plus this is set back to that.
            mappings: products of the installation's own, beside those that ship with it.

        Raises:
            SettingsError: a profile names a product that does not exist, or a mapping has the name of one that does.
        """
        self._products = {**PRODUCTS, **{mapping.name: product(mapping) for mapping in mappings}}
        wrong = [
            f"sources.{profile.name}: no product is called {profile.product!r}; there are {', '.join(self._products)}"
            for profile in profiles
            if profile.product not in self._products
        ]
        wrong += [
            f"mapping {mapping.name}: a product of this name ships with soc; give the mapping another"
            for mapping in mappings
            if mapping.name in PRODUCTS
        ]
        if wrong:
            raise SettingsError(wrong)
        self._zone = ZoneInfo(timezone)
        self._lateness = lateness
        self._future_skew = future_skew
        self._sources = tuple(self._prepare(profile) for profile in profiles)
        self._by_name = {source.profile.name: source for source in self._sources if source.profile is not None}
        self._joins_lines = any(source.joining is not None and source.joining.multiline for source in self._sources)
        self._default = self._prepare(SourceProfile(name="auto"), named=False)
        self._now: tuple[Micros, str] = (0, iso_text(0))
        self._candidates: dict[tuple[str, str], tuple[_Source, ...]] = {}

    def _prepare(self, profile: SourceProfile, *, named: bool = True) -> _Source:
        override = profile.logsource
        zone = ZoneInfo(profile.timezone) if profile.timezone else self._zone
        joining = None
        multiline = profile.multiline or self._products[profile.product].multiline
        if multiline:
            joining = Joining(zone, True, None if multiline == "indented" else re.compile(multiline))
        elif profile.product in _ASSEMBLED:
            joining = Joining(zone)
        return _Source(
            profile=profile if named else None,
            parse=self._products[profile.product].parse,
            zone=zone,
            ahead=round(profile.clock_offset_seconds * SECOND),
            clocks=tuple(
                (
                    to_micros(version.since),
                    ZoneInfo(version.timezone) if version.timezone else zone,
                    round(version.clock_offset_seconds * SECOND),
                )
                for version in profile.clock
            ),
            encoding=profile.encoding,
            live=profile.live,
            discard=re.compile(profile.discard) if profile.discard else None,
            pattern=re.compile(profile.pattern) if profile.pattern else None,
            networks=tuple(ip_network(item, strict=False) for item in profile.addresses),
            logsources=None
            if override is None
            else (LogSource(override.product, override.category, override.service),),
            headed=self._products[profile.product].headed,
            joining=joining,
        )

    def profile_for(self, record: RawRecord) -> SourceProfile | None:
        """The profile a record is read with, None where its product is recognized; for dead letters.

        The one its listener names; else the first whose every given criterion (listener, address, pattern) holds. A
        profile without criteria is used by name only.
        """
        return self._source_for(record).profile

    def first_look(self, profile: str) -> FirstLook | None:
        """What a line of a profile tells before it is normalized (see ``FirstLook``).

        None where there is no cheaper way than ``normalize``, or where the profile says more than how to read: what to
        discard, or a logsource.
        """
        source = self._by_name.get(profile)
        if source is None or source.profile is None or source.discard is not None or source.logsources is not None:
            return None
        if source.profile.multiline:
            return None
        look = self._products[source.profile.product].first_look
        return None if look is None else replace(look, makes=look.makes | _MAKES)

    def joining(self, record: RawRecord) -> Joining | None:
        """How the record may belong together with others of its source; None if it is an event of its own.

        What the profile discards as a record of auditd is never put together, so that it is discarded by itself.
        """
        marked = AUDIT_MARK in record.data
        if not marked and not self._joins_lines:
            return None
        source = self._source_for(record)
        joining = source.joining
        if joining is None or joining.multiline:
            return joining
        if not marked or (
            source.discard is not None and source.discard.search(decode(record.data, source.encoding)[0])
        ):
            return None
        return joining

    def _source_for(self, record: RawRecord) -> _Source:
        if record.profile:
            named = self._by_name.get(record.profile)
            if named is not None:
                return named
        if not self._sources:
            return self._default
        key = (record.listener, record.peer)
        candidates = self._candidates.get(key)
        if candidates is None:
            candidates = self._matching(record.listener, _peer_host(record.peer))
            if len(self._candidates) >= _MEMO:
                self._candidates.clear()
            self._candidates[key] = candidates
        for source in candidates:
            if source.pattern is None or source.pattern.search(decode(record.data, source.encoding)[0]) is not None:
                return source
        return self._default

    def _matching(self, listener: str, host: str) -> tuple[_Source, ...]:
        """The profiles whose criteria on listener and address hold; what is left to look at is their pattern."""
        try:
            address = ip_address(host)
        except ValueError:
            address = None
        found: list[_Source] = []
        for source in self._sources:
            profile = source.profile
            if profile is None or not (profile.listeners or source.networks or source.pattern):
                continue
            if profile.listeners and listener not in profile.listeners:
                continue
            if source.networks and (address is None or not any(address in network for network in source.networks)):
                continue
            found.append(source)
        return tuple(found)

    def normalize(
        self,
        record: RawRecord,
        id: str,  # noqa: A002 - the model's own name
        now: Micros,
        head: str = "",
    ) -> Event | Discarded:
        """Normalize one record.

        Args:
            record: as read from ``soc.raw``.
            id: the raw id of the record.
            now: processing time, written as ``event.ingested``; nothing else depends on it.
            head: what its source declared of its columns (``soc.normalize.heads``).

        Raises:
            RecordError: stage ``normalize``, when the line is empty or not of its profile's product.
        """
        source = self._source_for(record)
        original, escaped = decode(record.data, source.encoding)
        if source.discard is not None and source.profile is not None and source.discard.search(original) is not None:
            return Discarded(source.profile.name)
        text = original.strip(_TRIMMED)
        if not text:
            raise RecordError("normalize", "the line is empty")
        fields: dict[str, Any] = {}
        received = record.received
        if head and source.headed:
            text = f"{head}\n{text}"
        elif source.joining is not None and source.joining.multiline and "\n" in text:
            text = unwrapped(text, source.zone)
        zone, ahead = source.clock_at(received) if source.clocks else (source.zone, source.ahead)
        logsources, stamp = source.parse(text, fields, zone, received // DAY)
        if ahead and stamp is not None:
            stamp = (stamp[0] - ahead, stamp[1])
        time, correlation_time, flags = settle(
            stamp, received, live=source.live, lateness=self._lateness, future_skew=self._future_skew
        )
        if now != self._now[0]:
            self._now = (now, iso_text(now))
        finish(fields, time, received, self._now[1], original)
        if escaped or record.cut:
            fields["tags"] = _tags(record.cut, escaped)
        if record.unauthenticated:
            fields["event.unauthenticated"] = True
        return Event(
            id,
            record.source,
            time,
            correlation_time,
            received,
            fields,
            logsources if source.logsources is None else source.logsources,
            flags,
            None if stamp is None or not source.live or flags == NO_TIME else stamp[0] - received,
        )


def _tags(cut: bool, escaped: bool) -> list[str]:
    """What happened to the text itself: cut by the collector, or not in UTF-8 (see ``soc.normalize.decode``)."""
    return [name for name, given in (("cut", cut), ("not_utf8", escaped)) if given]
