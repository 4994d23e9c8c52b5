"""What a collector of the cluster has said on the brokers: the state of (collect, host number) in, who holds how much unshipped out.

Keys of that state beside the balance: ``ship/<log id>`` is how far a log was shipped, ``says/<collector id>`` what a collector last
said of its log. A collector is a data directory: it has its id in its own log, so a restart is the same collector, and another
host that was given the same number is another one.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from soc.bus.base import Bus
from soc.clock import Micros
from soc.model import decode

SHIPPED = b"ship/"
SAYS = b"says/"


class Shipped(msgspec.Struct, frozen=True, array_like=True):
    """How far one log was shipped.

    Attributes:
        next: the next offset to ship.
        check: of the record before it, so that another history of the log is not taken for this one; -1 is not known.
    """

    next: int
    check: int


class Statement(msgspec.Struct, frozen=True, array_like=True):
    """What a collector says of itself every few seconds, with what it ships.

    Attributes:
        host: the machine's name, for people.
        ends: log id → where the log ended when this was said.
        said: when that was, by the collector's clock; it grows with every statement.
        ended: it was stopped, with nothing unshipped; it says nothing more before it is started again.
    """

    host: str
    ends: dict[str, int]
    said: Micros
    ended: bool


class KnownCollector(NamedTuple):
    """One collector as the brokers know it.

    Attributes:
        instance: its host number.
        id: of its data directory.
        unshipped: records that its log held beyond what was shipped, when it last said so.
    """

    instance: int
    id: str
    host: str
    said: Micros
    ended: bool
    unshipped: int


def shipped_key(log_id: str) -> bytes:
    """Where it is kept how far a log was shipped."""
    return SHIPPED + log_id.encode()


def says_key(collector: str) -> bytes:
    """Where a collector's statement is kept."""
    return SAYS + collector.encode()


def shipped_of(state: Mapping[bytes, bytes]) -> dict[str, Shipped]:
    """Log id → how far it was shipped."""
    return {
        key[len(SHIPPED) :].decode(): decode(value, Shipped) for key, value in state.items() if key.startswith(SHIPPED)
    }


def collectors_of(instance: int, state: Mapping[bytes, bytes]) -> list[KnownCollector]:
    """Every collector that ever shipped under a host number."""
    shipped = shipped_of(state)
    found: list[KnownCollector] = []
    for key, value in state.items():
        if key.startswith(SAYS):
            says = decode(value, Statement)
            unshipped = sum(
                max(0, end - (shipped[log_id].next if log_id in shipped else 0)) for log_id, end in says.ends.items()
            )
            found.append(
                KnownCollector(instance, key[len(SAYS) :].decode(), says.host, says.said, says.ended, unshipped)
            )
    return found


async def read_collectors(bus: Bus) -> list[KnownCollector]:
    """Every collector that the brokers know of; [] on an embedded bus.

    Raises:
        UnavailableError: the brokers do not answer.
    """
    return [one async for instance, state in bus.states("collect") for one in collectors_of(instance, state)]


async def forget_collectors(bus: Bus, instance: int) -> list[KnownCollector]:
    """On an operator's word: nobody waits any more for what the collectors of a host number have not shipped.

    Whoever ships under that number is fenced and speaks again at once, and one that comes back later does too and goes on where
    it was: nothing is thrown away, it is not asked for any more.

    Returns:
        Those that were forgotten, with how much each still held.
    """
    claim = await bus.claim("collect", instance)
    try:
        known = collectors_of(instance, claim.state)
        if known:
            await claim.commit(state=dict.fromkeys(says_key(one.id) for one in known))
        return known
    finally:
        await claim.release()
