"""Membership of a worker in a stage: a group on the brokers in, this worker's partitions out, anew whenever they change.

The group holds no offsets and its members fetch nothing: it only says who is there. Everybody joins again when somebody comes
or goes, and keeps working meanwhile: a claim is fenced by itself, so a partition that stays need not stop (ADR 0014).
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import structlog
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import for_code
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest

from soc.bus.kafka_group import (
    AWAY,
    FENCED_INSTANCE,
    ILLEGAL_GENERATION,
    OK,
    REBALANCE,
    STRATEGY,
    UNKNOWN_MEMBER,
    WRONG_SESSION,
    HeartbeatRequest,
    LeaveRequest,
    assigned,
    assignments,
    describe,
    held_by,
)
from soc.bus.kafka_sticky import Held, spread
from soc.bus.kafka_wire import Names, forgiven, translated
from soc.errors import SettingsError, UnavailableError

log = structlog.get_logger()

BEAT_SECONDS = 1.0
"""How soon a worker hears that another came or went; a third of the session time-out at most."""
ANSWER_SECONDS = 10.0
LEAVE_SECONDS = 3.0
FIRST_FORMING_SECONDS = 10.0
"""A group that begins waits so long at most for more members (``group.initial.rebalance.delay.ms`` of the brokers, 3 s)."""
AWAY_FIRST_SECONDS, AWAY_LAST_SECONDS = 0.2, 5.0
TOLD_AFTER_SECONDS, TOLD_EVERY_SECONDS = 5.0, 30.0
"""A coordinator that has just come up is not worth a word, one that stays away one every so often."""


class Membership:
    """One worker of one stage.

    Args:
        arguments: of aiokafka's clients.
        names: what the installation's groups are called.
        stage: the stage.
        topic: its widest input as the brokers call it; only Kafka's tools look at it.
        partitions: how many the stage has.
        worker: name of the worker, the same after a restart.
        session: seconds of silence after which the others get its partitions.
    """

    def __init__(
        self,
        arguments: dict[str, Any],
        names: Names,
        stage: str,
        topic: str,
        *,
        partitions: int,
        worker: str,
        session: float,
    ) -> None:
        self._arguments = arguments
        self._stage, self._worker = stage, worker
        self._group = names.workers(stage)
        self._instance = f"{names.group(stage)}.{worker}"
        self._topic = topic
        self._partitions = partitions
        self._session = session
        self._patience = round(1000 * (session + FIRST_FORMING_SECONDS + 2 * ANSWER_SECONDS))
        self._client: Any = None
        self._coordinator: int | None = None
        self._member = ""
        self._generation = -1
        self._share: frozenset[int] = frozenset()
        self._away_since: float | None = None
        self._told = 0.0

    async def shares(self) -> AsyncGenerator[frozenset[int]]:
        """This worker's partitions, now and after every change; closing it leaves the group.

        It lives only while somebody waits for the next share: ask again at once. While the brokers are away the last share
        stays. A worker that the group has given up has none until it is in again.

        Raises:
            SettingsError: another process has the name of this worker, or the brokers refuse the session time-out.
        """
        told: frozenset[int] | None = None
        joined = False
        pause = AWAY_FIRST_SECONDS
        try:
            while True:
                try:
                    if joined:
                        await asyncio.sleep(min(BEAT_SECONDS, self._session / 3))
                        joined = await self._beat()
                    else:
                        joined = await self._join()
                except UnavailableError as error:
                    self._warn(error)
                    await self._disconnect()
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, AWAY_LAST_SECONDS)
                    continue
                pause = AWAY_FIRST_SECONDS
                self._away_since = None
                if self._share != told and (joined or told is not None):
                    told = self._share
                    yield told
        finally:
            await self._leave()

    async def _join(self) -> bool:
        """Join, get a share; False if the group has moved on meanwhile."""
        milliseconds = round(self._session * 1000)
        has = describe(self._topic, Held(self._generation, self._share))
        request = JoinGroupRequest(
            self._group,
            milliseconds,  # of silence after which the others get what this one has
            milliseconds,  # for which the group waits for a member to join again
            self._member,
            self._instance,
            ConsumerProtocol.PROTOCOL_TYPE,
            [(STRATEGY, has)],
        )
        # The brokers answer when all others have joined again, or are dead.
        answer = await self._ask(request, self._session + FIRST_FORMING_SECONDS + ANSWER_SECONDS)
        if not self._understood(answer.error_code):
            return False
        self._member, self._generation = answer.member_id, answer.generation_id
        shares: list[tuple[str, bytes]] = []
        if answer.leader_id == self._member:
            workers = held_by(answer.members)
            shares = assignments(self._topic, spread(workers, self._partitions))
        return await self._sync(shares)

    async def _sync(self, shares: list[tuple[str, bytes]]) -> bool:
        request = SyncGroupRequest(self._group, self._generation, self._member, self._instance, shares)
        answer = await self._ask(request, self._session + ANSWER_SECONDS)
        if not self._understood(answer.error_code):
            return False
        self._share = assigned(answer.member_assignment)
        return True

    async def _beat(self) -> bool:
        request = HeartbeatRequest(self._group, self._generation, self._member, self._instance)
        return self._understood((await self._ask(request, ANSWER_SECONDS)).error_code)

    def _understood(self, code: int) -> bool:
        """Whether an answer is one; False: join again."""
        if code == OK:
            return True
        if code in AWAY:
            raise UnavailableError(f"the coordinator of group {self._group} is not ready: {for_code(code).__name__}")
        if code == FENCED_INSTANCE:
            self._coordinator = None  # its place is the other's now: not to be left
            what = (
                f"another process of this installation is {self._stage} worker {self._worker} too and replaced this one"
            )
            raise SettingsError([f"kafka.instance: {what}; give every host another number in [kafka] instance"])
        if code == WRONG_SESSION:
            allowed = "group.min.session.timeout.ms to group.max.session.timeout.ms"
            raise SettingsError([f"kafka.session_seconds: the brokers refuse {self._session:g}; they allow {allowed}"])
        if code == UNKNOWN_MEMBER:  # the others have its partitions by now
            if self._member:
                log.warning("membership_lost", stage=self._stage, worker=self._worker)
            self._member, self._generation, self._share = "", -1, frozenset()
        elif code not in (REBALANCE, ILLEGAL_GENERATION):
            raise UnavailableError(f"group {self._group}: the brokers refuse: {for_code(code)!r}")
        return False

    async def _ask(self, request: Any, seconds: float) -> Any:
        with translated(f"kafka: group {self._group}"):
            async with asyncio.timeout(seconds):
                if self._client is None:
                    arguments: dict[str, Any] = {**self._arguments, "request_timeout_ms": self._patience}
                    client = AIOKafkaClient(**arguments)
                    self._client = client
                    await client.bootstrap()
                if self._coordinator is None:
                    self._coordinator = await self._client.coordinator_lookup(CoordinationType.GROUP, self._group)
                return await self._client.send(self._coordinator, request, group=ConnectionGroup.COORDINATION)

    async def _leave(self) -> None:
        """Tell the others at once; if that fails they hear it from the session time-out."""
        if self._client is not None and self._coordinator is not None:
            with forgiven():
                async with asyncio.timeout(LEAVE_SECONDS):
                    # Not on the connection of the group: an unanswered join request would hold it up.
                    request = LeaveRequest(self._group, self._member, self._instance)
                    await self._client.send(self._coordinator, request)
        await self._disconnect()

    async def _disconnect(self) -> None:
        client, self._client, self._coordinator = self._client, None, None
        if client is not None:
            with forgiven():
                async with asyncio.timeout(LEAVE_SECONDS):
                    await client.close()

    def _warn(self, error: UnavailableError) -> None:
        now = asyncio.get_running_loop().time()
        if self._away_since is None:
            self._away_since, self._told = now, now + TOLD_AFTER_SECONDS - TOLD_EVERY_SECONDS
        if now - self._told >= TOLD_EVERY_SECONDS:
            self._told = now
            log.warning("workers_not_known", stage=self._stage, error=str(error), share="as it was")
