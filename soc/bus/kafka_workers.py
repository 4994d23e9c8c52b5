"""Who works: the stages' groups on the brokers in, each stage's workers with their partitions out (``kafka_membership`` makes the groups)."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, cast

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Bytes, Int16, Int32, Schema, String

from soc.bus.kafka_group import assigned
from soc.bus.kafka_wire import Names, connection, translated
from soc.settings import KafkaSettings

ASK_SECONDS = 10.0
SETTLED = frozenset({"Stable", "Empty", "Dead"})
"""States of a group in which its shares are what they are; in the others they are being made anew."""


class _DescribeResponse(Response):
    API_KEY = 15  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType] - as aiokafka's own classes do
    API_VERSION = 1  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "groups",
            Array(
                ("error_code", Int16),
                ("group", String("utf-8")),
                ("state", String("utf-8")),
                ("protocol_type", String("utf-8")),
                ("protocol", String("utf-8")),
                (
                    "members",
                    Array(
                        ("member_id", String("utf-8")),
                        ("client_id", String("utf-8")),
                        ("client_host", String("utf-8")),
                        ("metadata", Bytes),
                        ("assignment", Bytes),
                    ),
                ),
            ),
        ),
    )


class _DescribeRequestV1(RequestStruct):
    API_KEY = 15
    API_VERSION = 1
    RESPONSE_TYPE = _DescribeResponse
    SCHEMA = Schema(("groups", Array(String("utf-8"))))


class _DescribeRequest(Request[_DescribeRequestV1]):
    """Who is in some groups. aiokafka's own takes the members' bytes apart, and ours are not what it thinks."""

    API_KEY = 15

    def __init__(self, groups: Collection[str]) -> None:
        self._groups = list(groups)

    def build(self, request_struct_class: type[_DescribeRequestV1]) -> _DescribeRequestV1:
        """The request as it goes over the wire."""
        return request_struct_class(self._groups)


async def workers(settings: KafkaSettings, stages: Collection[str]) -> Mapping[str, Mapping[str, frozenset[int]]]:
    """Stage → worker (``<host number>-<process number>``) → its partitions; a stage whose workers are changing is left out.

    Raises:
        UnavailableError: the brokers do not answer.
        SettingsError: a certificate cannot be read.
    """
    names = Names(settings.prefix)
    by_group = {names.workers(stage): stage for stage in stages}
    found: dict[str, Mapping[str, frozenset[int]]] = {}
    client = AIOKafkaAdminClient(**connection(settings))
    with translated("kafka: asking for the groups of workers"):
        try:
            async with asyncio.timeout(ASK_SECONDS):
                await client.start()
                for group, stage in by_group.items():
                    shares = await _ask(client, group, names.group(stage))
                    if shares is not None:
                        found[stage] = shares
        finally:
            await client.close()
    return found


async def _ask(client: Any, group: str, prefix: str) -> Mapping[str, frozenset[int]] | None:
    node = await client.find_coordinator(group)
    answer = await client._client.send(node, _DescribeRequest([group]))  # noqa: SLF001 - nothing public takes the request
    ((error, _, state, _, _, members),) = cast("list[tuple[Any, ...]]", answer.groups)
    if error or state not in SETTLED:
        return None
    return {_worker(member[0], prefix): assigned(member[4]) for member in members}


def _worker(member: str, group: str) -> str:
    """The brokers name a static member after its instance id (KIP-345), with a hyphen and a UUID of 36 characters behind it."""
    return member[len(group) + 1 : -37]
