"""A product's fields as tables (native name → ECS, by what the value is) → the ECS fields of a line's pairs, native names beside."""

from collections.abc import Mapping
from dataclasses import dataclass

from soc.normalize.addresses import mac, port
from soc.normalize.columns import Columns, Kind, Row, columns, named
from soc.normalize.ecs import GUARDED
from soc.normalize.file_hash import put_hash
from soc.normalize.products.product import Fields
from soc.normalize.transports import put_transport

_NOTHING = frozenset(["", "-", "N/A", "n/a", "none", "None", "NULL", "(null)", "Unknown"])
_NOWHERE = frozenset(["0.0.0.0", "::"])  # noqa: S104 - no socket: says that there is no address
_DIRECTIONS = {
    **dict.fromkeys(("in", "inbound", "incoming", "ingress"), "inbound"),
    **dict.fromkeys(("out", "outbound", "outgoing", "egress"), "outbound"),
    "internal": "internal",
    "external": "external",
}


_MOST_ORDERS = 1024


@dataclass(frozen=True, slots=True)
class _Present:
    """What the names of a line ask for: the rows of the tables that have them; and the rest."""

    columns: Columns
    hashes: tuple[str, ...]
    transports: tuple[str, ...]
    directions: tuple[str, ...]
    guarded: bool


class Table:
    """What the fields of a product mean. Of two native fields for one ECS field the first in the table that has a value is taken.

    Attributes:
        fields: native name → ECS, for ``Product.fields``.
    """

    def __init__(
        self,
        *,
        text: Mapping[str, str],
        lower: Mapping[str, str] | None = None,
        numbers: Mapping[str, str] | None = None,
        ports: Mapping[str, str] | None = None,
        addresses: Mapping[str, str] | None = None,
        macs: Mapping[str, str] | None = None,
        hashes: tuple[str, ...] = (),
        transports: tuple[str, ...] = (),
        directions: tuple[str, ...] = (),
        derived: Mapping[str, str] | None = None,
        kept: str = "",
    ) -> None:
        """Prepare the tables.

        Args:
            text: as it came.
            lower: in lower case.
            numbers: as an integer.
            ports: as an integer; 0 of a translated port says that nothing was translated.
            addresses: the side whose address or name it is (``source``, ``destination.nat`` ...).
            macs: hardware addresses.
            hashes: digests, told by their length.
            transports: a transport protocol's number or name.
            directions: in, out and their like.
            derived: what the product's own code writes, for the documentation only.
            kept: names of the fields that have none in ECS.
        """
        self._rows = (
            *(Row(Kind.TEXT, name, ecs) for name, ecs in text.items()),
            *(Row(Kind.WORD, name, ecs, {}) for name, ecs in (lower or {}).items()),
            *(Row(Kind.NUMBER, name, ecs) for name, ecs in (numbers or {}).items()),
            *(Row(Kind.ANY, name, ecs, _port) for name, ecs in (ports or {}).items()),
            *(Row(Kind.NAT_ADDRESS, name, side + ".ip", named) for name, side in (addresses or {}).items()),
            *(Row(Kind.ANY, name, ecs, _mac) for name, ecs in (macs or {}).items()),
        )
        self._hashes, self._transports, self._directions = hashes, transports, directions
        self._present: dict[tuple[str, ...], _Present] = {}
        self.fields: dict[str, str] = {
            **dict.fromkeys(kept.split(), ""),
            **text,
            **(lower or {}),
            **(numbers or {}),
            **(ports or {}),
            **{name: f"{side}.ip" for name, side in (addresses or {}).items()},
            **(macs or {}),
            **dict.fromkeys(hashes, "file.hash.sha256, file.hash.sha1, file.hash.md5"),
            **dict.fromkeys(transports, "network.transport, network.iana_number"),
            **dict.fromkeys(directions, "network.direction"),
            **(derived or {}),
        }

    def _of(self, names: tuple[str, ...]) -> "_Present":
        """The parts of the tables that these names are in: a device writes few orders of names, so it is worth remembering."""
        known = self._present.get(names)
        if known is None:
            if len(self._present) >= _MOST_ORDERS:
                self._present.clear()
            there = frozenset(names)
            known = self._present[names] = _Present(
                columns([row for row in self._rows if row.place in there], _NOTHING, _NOWHERE, first=True),
                tuple(name for name in self._hashes if name in there),
                tuple(name for name in self._transports if name in there),
                tuple(name for name in self._directions if name in there),
                not GUARDED.isdisjoint(there),
            )
        return known

    def write(self, pairs: dict[str, str], fields: Fields) -> None:
        """Native fields, then ECS: no key of the line can replace an ECS name. Sums of bytes and packets too."""
        here = self._of(tuple(pairs))
        if here.guarded:
            fields.update((name, value) for name, value in pairs.items() if name not in GUARDED)
        else:
            fields.update(pairs)
        made: Fields = {}
        here.columns.write_named(pairs, made)
        _rest(pairs, here, made)
        fields.update(made)


def _port(fields: Fields, value: str, name: str) -> None:
    count = port(value)
    if count is not None and (count or ".nat." not in name):
        fields[name] = count


def _mac(fields: Fields, value: str, name: str) -> None:
    if value:
        fields[name] = mac(value)


def _rest(pairs: Mapping[str, str], here: _Present, made: Fields) -> None:
    for name in here.hashes:
        put_hash(made, pairs[name])
    for name in here.transports:
        if "network.transport" not in made:
            put_transport(made, pairs[name])
    for name in here.directions:
        way = _DIRECTIONS.get(pairs[name].lower())
        if way is not None and "network.direction" not in made:
            made["network.direction"] = way
    for unit in ("bytes", "packets"):
        sent, received = made.get("source." + unit), made.get("destination." + unit)
        if sent is not None and received is not None:
            made.setdefault("network." + unit, sent + received)
