"""Networks to countries and autonomous systems, from a file the user provides; an address in, where it is out."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from soc.assets.packing import pack, unpack
from soc.assets.register import address_of
from soc.errors import RecordError


class Range(msgspec.Struct, frozen=True, array_like=True):
    """Addresses of one place.

    Attributes:
        first, last: as numbers, both included.
        country: ISO 3166-1 code, "" for not known. network: who runs it: ``AS64500 Example Net``; "" for not known.
    """

    version: int
    first: int
    last: int
    country: str
    network: str = ""


class _Packed(msgspec.Struct, frozen=True):
    """Columns pack far better than rows: starts and lengths as differences, places as numbers of a list."""

    places: tuple[tuple[str, str], ...]
    steps4: tuple[int, ...]
    lengths4: tuple[int, ...]
    of4: tuple[int, ...]
    ranges6: tuple[tuple[bytes, bytes, int], ...]


class Geography:
    """Immutable; made once a publication."""

    def __init__(self, ranges: Iterable[Range]) -> None:
        """Keep ranges that do not overlap, in any order."""
        self.ranges: Sequence[Range] = sorted(ranges, key=lambda one: (one.version, one.first))
        self._starts = {version: [one.first for one in self.ranges if one.version == version] for version in (4, 6)}
        self._of = {version: [one for one in self.ranges if one.version == version] for version in (4, 6)}

    @classmethod
    def decode(cls, data: bytes) -> "Geography":
        """From a publication.

        Raises:
            RecordError: the bytes are no geography.
        """
        return cls(_unpacked(unpack("geography", data, _Packed)))

    def encode(self) -> bytes:
        """For a publication."""
        places = {
            place: number for number, place in enumerate(dict.fromkeys((r.country, r.network) for r in self.ranges))
        }
        four, six = self._of[4], self._of[6]
        starts = [0, *(one.first for one in four)]
        packed = _Packed(
            tuple(places),
            tuple(after - before for before, after in pairwise(starts)),
            tuple(one.last - one.first for one in four),
            tuple(places[one.country, one.network] for one in four),
            tuple(
                (one.first.to_bytes(16, "big"), one.last.to_bytes(16, "big"), places[one.country, one.network])
                for one in six
            ),
        )
        return pack(packed)

    def place(self, address: str) -> tuple[str, str] | None:
        """(country, network) of an address; None where the file has none for it, as for internal addresses."""
        parsed = address_of(address)
        if parsed is None:
            return None
        number = int(parsed)
        at = bisect_right(self._starts[parsed.version], number) - 1
        if at < 0 or (found := self._of[parsed.version][at]).last < number:
            return None
        return found.country, found.network


def _unpacked(packed: _Packed) -> Iterable[Range]:
    try:
        first = 0
        for step, length, place in zip(packed.steps4, packed.lengths4, packed.of4, strict=True):
            first += step
            yield Range(4, first, first + length, *packed.places[place])
        for start, end, place in packed.ranges6:
            yield Range(6, int.from_bytes(start, "big"), int.from_bytes(end, "big"), *packed.places[place])
    except (ValueError, IndexError) as error:
        raise RecordError("geography", "columns that do not fit together") from error


EMPTY = Geography(())
"""While nothing is published."""
