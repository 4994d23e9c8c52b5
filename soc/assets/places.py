"""A CSV of networks with their countries and autonomous systems as bytes in; the geography, or its mistakes, out.

Two shapes, with or without a heading: ``network,country[,asn][,organization]`` with the network as CIDR, or
``first,last,country[,asn][,organization]``.
"""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from soc.assets.csv_text import records, text_of
from soc.assets.geography import Geography, Range
from soc.assets.mistakes import Mistake, MistakesError, quoted
from soc.assets.values import cleaned

MAX_MISTAKES = 1000
"""Told of one file: a file of another shape has a mistake in each of half a million rows."""


def geography(file: str, data: bytes) -> Geography:
    """What a file says; neighbours of one place become one range.

    Raises:
        MistakesError: with every mistake, up to ``MAX_MISTAKES``.
    """
    mistakes: list[Mistake] = []
    found: list[tuple[Range, int]] = []
    for row, cells in records(file, text_of(file, data), mistakes):
        texts = [cleaned(cell) for cell in cells]
        if not any(texts) or texts[0].startswith("#") or (not found and not mistakes and not _begins(texts[0])):
            continue  # a heading
        try:
            found.append((_range(texts), row))
        except ValueError as error:
            mistakes.append(Mistake(file, row, "", str(error)))
            if len(mistakes) >= MAX_MISTAKES:
                break
    found.sort(key=lambda one: (one[0].version, one[0].first, one[1]))
    merged: list[Range] = []
    for one, row in found:
        last = merged[-1] if merged and merged[-1].version == one.version else None
        if last is not None and one.first <= last.last:
            if len(mistakes) < MAX_MISTAKES:
                mistakes.append(Mistake(file, row, "", "overlaps another row: an address has one place"))
        elif (
            last is not None
            and one.first == last.last + 1
            and (one.country, one.network) == (last.country, last.network)
        ):
            merged[-1] = Range(one.version, last.first, one.last, one.country, one.network)
        else:
            merged.append(one)
    if not merged and not mistakes:
        mistakes.append(Mistake(file, 0, "", "holds no network"))
    if mistakes:
        raise MistakesError(sorted(mistakes, key=lambda one: one.row))
    return Geography(merged)


def _begins(text: str) -> bool:
    """Whether a row begins with a digit or looks like IPv6: a heading does not."""
    return text[:1].isdigit() or ":" in text


def _range(texts: Sequence[str]) -> Range:
    if "/" in texts[0]:
        network = ip_network(texts[0], strict=True)
        version, first, last, rest = network.version, network.network_address, network.broadcast_address, texts[1:]
    elif len(texts) > 1:
        first, last, rest = ip_address(texts[0]), ip_address(texts[1]), texts[2:]
        version = first.version
        if last.version != version or int(last) < int(first):
            raise ValueError(f"{quoted(texts[1])} does not come after {quoted(texts[0])}")
    else:
        raise ValueError(f"{quoted(texts[0])} is no network: write 203.0.113.0/24,VN")
    country = rest[0].upper() if rest else ""
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise ValueError(f"{quoted(country)} is no country of two letters")
    return Range(version, int(first), int(last), country, " ".join(text for text in rest[1:3] if text))
