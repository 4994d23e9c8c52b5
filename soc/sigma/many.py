"""Long lists in, one test for all of them out, whose cost does not grow with the list: addresses and texts.

A rule may name ten thousand addresses or words. Asked one by one they would cost milliseconds a value.
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Address, ip_address, ip_network
from typing import Any, cast

import ahocorasick

Ask = Callable[[str], bool]


def in_any_network(cidrs: Iterable[str]) -> Ask:
    """Whether a text is an address within any of the networks; an IPv4-mapped address is the one that it maps, too.

    For each length of prefix that occurs there is one look-up: at most 33 for an IPv4 address, 129 for an IPv6 one.
    """
    tables: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
    for cidr in cidrs:
        network = ip_network(cidr)
        width = 32 if isinstance(network, IPv4Network) else 128
        shift = width - network.prefixlen
        tables[network.version].setdefault(shift, set()).add(int(network.network_address) >> shift)
    by_version = {version: list(table.items()) for version, table in tables.items()}

    def within(version: int, address: int) -> bool:
        return any(address >> shift in starts for shift, starts in by_version[version])

    def ask(text: str) -> bool:
        try:
            address = ip_address(text.strip())
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return within(address.version, int(address)) or (mapped is not None and within(4, int(mapped)))

    return ask


def equals_any(texts: Iterable[str]) -> Ask:
    """Whether a text is one of these."""
    return frozenset(texts).__contains__


def starts_with_any(texts: Iterable[str]) -> Ask:
    """Whether a text starts with one of these: one look-up for each length that occurs."""
    by_length = _by_length(texts)
    return lambda text: any(text[:length] in starts for length, starts in by_length)


def ends_with_any(texts: Iterable[str]) -> Ask:
    """Whether a text ends with one of these: one look-up for each length that occurs."""
    by_length = _by_length(texts)
    return lambda text: any(text[-length:] in ends for length, ends in by_length)


def contains_any(texts: Iterable[str]) -> Ask:
    """Whether one of these is anywhere in a text: one pass over it."""
    library = cast("Any", ahocorasick)
    automaton = library.Automaton(library.STORE_LENGTH)
    for text in texts:
        automaton.add_word(text)
    automaton.make_automaton()
    return lambda text: next(automaton.iter(text), None) is not None


def _by_length(texts: Iterable[str]) -> list[tuple[int, set[str]]]:
    table: dict[int, set[str]] = {}
    for text in texts:
        table.setdefault(len(text), set()).add(text)
    return sorted(table.items())
