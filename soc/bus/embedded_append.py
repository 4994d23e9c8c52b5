"""Messages in, batches of one log file out: each gets its partition, its offset and its address inside the caller's transaction."""

import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple
from zlib import crc32

import msgspec

from soc.bus.base import Address, Message
from soc.clock import Micros

_encoder = msgspec.msgpack.Encoder()
# Past the Python-level __new__ of a NamedTuple, as in embedded_log.
_address = partial(tuple.__new__, Address)  # pyright: ignore[reportUnknownMemberType]


class Tail(NamedTuple):
    """Where the owner appends next in one stream; ``id`` 0 when the stream has no row yet."""

    id: int
    next: int


def append(
    connection: sqlite3.Connection,
    outputs: Sequence[Message],
    *,
    log_id: str,
    tails: Mapping[tuple[str, int], Tail],
    counts: Mapping[str, int],
    appended: Micros,
    batch_bytes: int,
) -> tuple[list[Address], dict[tuple[str, int], Tail]]:
    """Write messages inside the caller's transaction.

    Args:
        connection: with a write transaction open.
        outputs: what to write, in order.
        log_id: the log appended to.
        tails: where each (topic, partition) of that log ends; it is not changed.
        counts: how many partitions each topic has that may be written.
        appended: the time of this commit.
        batch_bytes: batches are cut at about so many bytes of values.

    Returns:
        The address of each message, and the tails that are true once the transaction commits.

    Raises:
        ValueError: a message names a topic or partition that may not be written.
    """
    stamp = secrets.randbits(62) + 1
    addresses, lanes = _sort(outputs, log_id, tails, counts)
    new_tails: dict[tuple[str, int], Tail] = {}
    for where, (base, keys, values) in lanes.items():
        tail = tails.get(where)
        stream = tail.id if tail else _new_stream(connection, where, log_id)
        size = 0
        for start, stop in _cuts(values, batch_bytes):
            data = _encoder.encode((keys[start:stop], values[start:stop]))
            size += len(data)
            connection.execute(
                "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)",
                (stream, base + start, stop - start, appended, stamp, len(data), data),
            )
        new_tails[where] = Tail(stream, base + len(keys))
        connection.execute(
            "UPDATE streams SET next = ?, bytes = bytes + ? WHERE id = ?", (base + len(keys), size, stream)
        )
    return addresses, new_tails


class _Lane(NamedTuple):
    """What one commit appends to one (topic, partition)."""

    base: int
    keys: list[bytes]
    values: list[bytes]


def _sort(
    outputs: Sequence[Message], log_id: str, tails: Mapping[tuple[str, int], Tail], counts: Mapping[str, int]
) -> tuple[list[Address], dict[tuple[str, int], _Lane]]:
    """Messages by where they go, and the address each gets. This loop is half of what a commit costs in Python."""
    lanes: dict[tuple[str, int], _Lane] = {}
    addresses: list[Address] = []
    add = addresses.append
    tables: dict[str, tuple[int, dict[int, _Lane]]] = {}
    last: tuple[str, bytes, int] | None = None
    partition = base = 0
    keys: list[bytes] = []
    values: list[bytes] = []
    for topic, key, value, chosen in outputs:
        if last is None or key is not last[1] or topic is not last[0] or chosen != last[2]:  # else as the one before
            last = topic, key, chosen
            table = tables.get(topic)
            if table is None:
                table = tables[topic] = (counts.get(topic, 0), {})
            count, of_topic = table
            if 0 <= chosen < count:
                partition = chosen
            elif chosen < 0 < count:
                partition = crc32(key) % count  # partition_of, without the call
            else:
                raise ValueError(f"{topic!r} partition {chosen}: this stage writes {dict(counts)} (topic: partitions)")
            lane = of_topic.get(partition)
            if lane is None:
                tail = tails.get((topic, partition))
                lane = of_topic[partition] = lanes[topic, partition] = _Lane(tail.next if tail else 0, [], [])
            base, keys, values = lane
        add(_address((topic, partition, log_id, base + len(keys))))
        keys.append(key)
        values.append(value)
    return addresses, lanes


def _new_stream(connection: sqlite3.Connection, where: tuple[str, int], log_id: str) -> int:
    cursor = connection.execute(
        "INSERT INTO streams (topic, partition, log_id, first, first_stamp, next, bytes, restored) VALUES (?, ?, ?, 0, 0, 0, 0, 0)",
        (*where, log_id),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _cuts(values: Sequence[bytes], limit: int) -> Iterator[tuple[int, int]]:
    """Ranges of about ``limit`` bytes each, never empty."""
    sizes = list(map(len, values))
    if sum(sizes) <= limit:
        yield 0, len(values)
        return
    start = total = 0
    for index, size in enumerate(sizes):
        if total and total + size > limit:
            yield start, index
            start, total = index, 0
        total += size
    yield start, len(values)
