"""How a notifier is in, the signed sign of life that goes to a second host out; and there, what is wrong with the first host.

A sign of life is JSON, signed as every request of ours is (``soc.notify.signing``). In a file the header fields stand before it:

    Soc-Timestamp: 1764062400
    Soc-Signature: v1=…
                                       an empty line
    {"at": …, "worked": …, …}
"""

from typing import Literal, NamedTuple

import msgspec

from soc.clock import SECOND, Micros
from soc.errors import RecordError
from soc.notify.signing import SIGNATURE, TIMESTAMP, signed, signed_at

MAX_BYTES = 16 * 1024


class Beat(msgspec.Struct, frozen=True):
    """One sign of life.

    Attributes:
        at: when it was made; each is later than the one before, so none counts twice.
        worked: when the notifier last finished a unit of work.
        behind: how old what it reads is, microseconds; 0 when it has read everything.
        unsent: messages that wait for a channel. ``oldest``: when the oldest of them was made, 0 without one.
        nobody: why nobody can be told, "" if somebody can.
        host: its name, for people.
    """

    at: Micros
    worked: Micros = 0
    behind: Micros = 0
    unsent: int = 0
    oldest: Micros = 0
    nobody: str = ""
    host: str = ""


class Bounds(NamedTuple):
    """When something is wrong with the first host.

    Attributes:
        silent: no sign of life for so long.
        queue: a message waits for so long.
        lag: what is read is so old, or nothing was worked on for so long.
    """

    silent: Micros
    queue: Micros
    lag: Micros


Trouble = Literal["silent", "queue", "lag", "nobody"]
TROUBLES: tuple[Trouble, ...] = ("silent", "queue", "lag", "nobody")


def troubles(beat: Beat | None, heard: Micros, bounds: Bounds, now: Micros) -> frozenset[Trouble]:
    """What is wrong, as the second host sees it.

    What a sign of life says is judged by the first host's own clock, so the two clocks may differ.

    Args:
        beat: the newest sign of life, None before the first.
        heard: when it came, by the second host's clock; before the first, when waiting for it began.
        bounds: when something is wrong.
        now: by the second host's clock.
    """
    if now - heard >= bounds.silent:
        return frozenset({"silent"})
    if beat is None:
        return frozenset()
    found: set[Trouble] = set()
    if beat.oldest and beat.at - beat.oldest >= bounds.queue:
        found.add("queue")
    if max(beat.behind, beat.at - beat.worked) >= bounds.lag:
        found.add("lag")
    if beat.nobody:
        found.add("nobody")
    return frozenset(found)


def to_file(beat: Beat, secret: str) -> bytes:
    """The sign of life as a file."""
    body = msgspec.json.encode(beat)
    head = "".join(f"{name}: {value}\n" for name, value in signed(secret, beat.at, body).items())
    return head.encode() + b"\n" + body


def from_file(content: bytes, secret: str) -> Beat:
    """The sign of life of a file.

    Raises:
        RecordError: it is none, or not signed with this secret.
    """
    head, _, body = content.partition(b"\n\n")
    fields = dict(line.split(": ", 1) for line in head.decode("utf-8", "replace").splitlines() if ": " in line)
    return from_request(fields.get(TIMESTAMP, ""), fields.get(SIGNATURE, ""), body, secret)


def from_request(stamp: str, signature: str, body: bytes, secret: str) -> Beat:
    """The sign of life of a request.

    Args:
        stamp: ``Soc-Timestamp``.
        signature: ``Soc-Signature``.
        body: its bytes.
        secret: the shared one.

    Raises:
        RecordError: it is none, or not signed with this secret at the time it was made.
    """
    at = signed_at(secret, stamp, signature, body)
    if at is None:
        raise RecordError("heartbeat", "it is not signed with our secret")
    try:
        beat = msgspec.json.decode(body, type=Beat)
    except msgspec.DecodeError as error:
        raise RecordError("heartbeat", f"it cannot be read: {error}") from error
    if abs(beat.at - at) > 2 * SECOND:
        raise RecordError("heartbeat", "it was not made when it was signed")
    return beat
