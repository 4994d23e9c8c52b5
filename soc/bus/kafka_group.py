"""What a member of a group says to the brokers and hears from them: requests and answers as objects, error codes by name.

aiokafka 0.14 has heartbeats and goodbyes without the instance id, so that a member that was replaced by another of the same name
is told that it is unknown, and a static member cannot leave. The versions that have it are declared here on its protocol classes.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String

from soc.bus.kafka_sticky import Held

STRATEGY = "soc-sticky"

OK = 0
AWAY = frozenset({14, 15, 16})
"""The coordinator loads, is not known, is another broker now."""
ILLEGAL_GENERATION, UNKNOWN_MEMBER, WRONG_SESSION, REBALANCE, FENCED_INSTANCE = 22, 25, 26, 27, 82


class _HeartbeatResponse(Response):
    API_KEY = 12  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType] - as aiokafka's own classes do
    API_VERSION = 3  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    SCHEMA = Schema(("throttle_time_ms", Int32), ("error_code", Int16))


class _HeartbeatRequestV3(RequestStruct):
    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = _HeartbeatResponse
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class HeartbeatRequest(Request[_HeartbeatRequestV3]):
    """I live (brokers from 2.3)."""

    API_KEY = 12

    def __init__(self, group: str, generation: int, member: str, instance: str) -> None:
        self._values = group, generation, member, instance

    def build(self, request_struct_class: type[_HeartbeatRequestV3]) -> _HeartbeatRequestV3:
        """The request as it goes over the wire."""
        return request_struct_class(*self._values)


class _LeaveResponse(Response):
    API_KEY = 13  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    API_VERSION = 3  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "members",
            Array(("member_id", String("utf-8")), ("group_instance_id", String("utf-8")), ("error_code", Int16)),
        ),
    )


class _LeaveRequestV3(RequestStruct):
    API_KEY = 13
    API_VERSION = 3
    RESPONSE_TYPE = _LeaveResponse
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("members", Array(("member_id", String("utf-8")), ("group_instance_id", String("utf-8")))),
    )


class LeaveRequest(Request[_LeaveRequestV3]):
    """I go (KIP-345: a static member says so with its instance id)."""

    API_KEY = 13

    def __init__(self, group: str, member: str, instance: str) -> None:
        self._values = group, [(member, instance)]

    def build(self, request_struct_class: type[_LeaveRequestV3]) -> _LeaveRequestV3:
        """The request as it goes over the wire."""
        return request_struct_class(*self._values)


def describe(topic: str, held: Held) -> bytes:
    """A member as its join request has it: what it reads, and in bytes of our own what it has."""
    has = msgspec.json.encode((held.generation, sorted(held.partitions)))
    return ConsumerProtocol.METADATA(0, [topic], has).encode()


def held_by(members: Sequence[tuple[str, str, bytes]]) -> dict[str, Held]:
    """Member id → what it says it has, from the answer to the leader's join request."""
    found: dict[str, Held] = {}
    for member, _, metadata in members:
        has = ConsumerProtocol.METADATA.decode(metadata).user_data
        found[member] = Held(*msgspec.json.decode(has, type=tuple[int, tuple[int, ...]]))
    return found


def assignments(topic: str, shares: Mapping[str, Collection[int]]) -> list[tuple[str, bytes]]:
    """Shares as the leader hands them in; the tools of Kafka can read them."""
    return [
        (member, ConsumerProtocol.ASSIGNMENT(0, [(topic, sorted(share))], b"").encode())
        for member, share in shares.items()
    ]


def assigned(data: bytes) -> frozenset[int]:
    """A share as a member gets it; nothing where the group was not told yet."""
    if not data:
        return frozenset()
    return frozenset(one.partition for one in ConsumerProtocol.ASSIGNMENT.decode(data).partitions())
