"""One raw record → one normalized event, or the name of the profile that discards it; the pure heart of the engine's first step."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, cast
from zoneinfo import ZoneInfo

from soc.clock import DAY, SECOND, Micros
from soc.errors import RecordError, SettingsError
from soc.model.event import Event, LogSource
from soc.model.record import RawRecord
from soc.normalize.decode import decode
from soc.normalize.products.product import FirstLook, Parse
from soc.normalize.products.registry import PRODUCTS
from soc.normalize.time import iso_text, settle
from soc.settings import Settings, SourceProfile

_MEMO = 4096
"""Peers remembered; a flood of forged addresses only costs their being looked at again."""

_MAKES = frozenset(
    [
        *("@timestamp", "event.created", "event.ingested", "event.original"),
        *("related.ip", "related.user", "related.hosts", "tags"),
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
    """A profile made ready: everything a line needs, looked up once."""

    profile: SourceProfile | None
    parse: Parse
    zone: ZoneInfo
    encoding: str
    live: bool
    discard: re.Pattern[str] | None
    pattern: re.Pattern[str] | None
    networks: tuple[IPv4Network | IPv6Network, ...]
    logsources: tuple[LogSource, ...] | None


def products() -> Mapping[str, str]:
    """Every product's name and its description in one line, for ``soc normalize --list``."""
    return {name: product.description for name, product in PRODUCTS.items()}


def _peer_host(peer: str) -> str:
    """``192.0.2.7:51514`` or ``[2001:db8::1]:514`` without the port; a path is returned whole."""
    if peer.startswith("["):
        return peer[1:].partition("]")[0]
    host, colon, port = peer.rpartition(":")
    return host if colon and port.isdecimal() and ":" not in host else peer


class Normalizer:
    """Bytes to events by the installation's source profiles. Holds no state but memos: any order gives the same events."""

    def __init__(
        self, profiles: Sequence[SourceProfile], *, timezone: str, lateness: Micros, future_skew: Micros
    ) -> None:
        """Prepare the profiles.

        Args:
            profiles: in the order in which they are tried.
            timezone: IANA zone of stamps without one, where the profile names none.
            lateness: a live event older than this at receipt correlates at receive time.
            future_skew: a live event stamped later than receive time plus this is set back to that.

        Raises:
            SettingsError: a profile names a product that does not exist.
        """
        unknown = [
            f"sources.{profile.name}: no product is called {profile.product!r}; there are {', '.join(PRODUCTS)}"
            for profile in profiles
            if profile.product not in PRODUCTS
        ]
        if unknown:
            raise SettingsError(unknown)
        self._zone = ZoneInfo(timezone)
        self._lateness = lateness
        self._future_skew = future_skew
        self._sources = tuple(self._prepare(profile) for profile in profiles)
        self._by_name = {source.profile.name: source for source in self._sources if source.profile is not None}
        self._default = _Source(None, PRODUCTS["auto"].parse, self._zone, "utf-8", True, None, None, (), None)
        self._now: tuple[Micros, str] = (0, iso_text(0))
        self._candidates: dict[tuple[str, str], tuple[_Source, ...]] = {}

    @classmethod
    def of(cls, settings: Settings) -> "Normalizer":
        """The normalizer that the settings describe."""
        return cls(
            settings.sources,
            timezone=settings.timezone,
            lateness=round(settings.correlation.lateness_seconds * SECOND),
            future_skew=round(settings.correlation.future_skew_seconds * SECOND),
        )

    def _prepare(self, profile: SourceProfile) -> _Source:
        override = profile.logsource
        return _Source(
            profile=profile,
            parse=PRODUCTS[profile.product].parse,
            zone=ZoneInfo(profile.timezone) if profile.timezone else self._zone,
            encoding=profile.encoding,
            live=profile.live,
            discard=re.compile(profile.discard) if profile.discard else None,
            pattern=re.compile(profile.pattern) if profile.pattern else None,
            networks=tuple(ip_network(item, strict=False) for item in profile.addresses),
            logsources=None
            if override is None
            else (LogSource(override.product, override.category, override.service),),
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
        look = PRODUCTS[source.profile.product].first_look
        return None if look is None else replace(look, makes=look.makes | _MAKES)

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

    def normalize(self, record: RawRecord, id: str, now: Micros) -> Event | Discarded:  # noqa: A002 - the model's own name
        """Normalize one record.

        Args:
            record: as read from ``soc.raw``.
            id: the raw id of the record.
            now: processing time, written as ``event.ingested``; nothing else depends on it.

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
        logsources, stamp = source.parse(text, fields, source.zone, received // DAY)
        time, correlation_time, flags = settle(
            stamp, received, live=source.live, lateness=self._lateness, future_skew=self._future_skew
        )
        fields["@timestamp"] = iso_text(time)
        fields["event.created"] = iso_text(received)
        if now != self._now[0]:
            self._now = (now, iso_text(now))
        fields["event.ingested"] = self._now[1]
        fields["event.original"] = original
        _related(fields)
        if escaped or record.cut:
            fields["tags"] = _tags(record.cut, escaped)
        return Event(
            id,
            record.source,
            time,
            correlation_time,
            received,
            fields,
            logsources if source.logsources is None else source.logsources,
            flags,
        )


def _tags(cut: bool, escaped: bool) -> list[str]:
    """What happened to the text itself: cut by the collector, or not in UTF-8 (see ``soc.normalize.decode``)."""
    return [name for name, given in (("cut", cut), ("not_utf8", escaped)) if given]


def _related(fields: dict[str, Any]) -> None:
    """``related.*``: every address, user and host of the event, each once."""
    get = fields.get
    source, destination = get("source.ip"), get("destination.ip")
    nat = get("source.nat.ip"), get("destination.nat.ip")
    if source is not None or destination is not None or nat != _NO_NAT:
        fields["related.ip"] = _distinct((source, destination, *nat))
    user, effective, other = get("user.name"), get("user.effective.name"), get("source.user.name")
    if user is not None or effective is not None or other is not None:
        fields["related.user"] = _distinct((user, effective, other))
    host = get("host.name")
    if host is not None:
        fields["related.hosts"] = host if isinstance(host, list) else [host]


_NO_NAT = (None, None)


def _distinct(values: tuple[Any, ...]) -> list[Any]:
    """Without None and repeats, lists opened (a JSON sender may give several addresses in one field)."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, list):
            found.extend(item for item in cast("list[Any]", value) if item not in found)
        elif value is not None and value not in found:
            found.append(value)
    return found
