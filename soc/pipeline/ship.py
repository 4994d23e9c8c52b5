"""Shipping: what a collector has made durable in its own log in, the same records on the brokers out, each exactly once.

How far the log was shipped is state of (collect, host number) on the brokers and commits in the transaction of the records
(``ship_log``), so a crash on either side repeats and loses nothing. Whatever keeps it from shipping, collecting goes on: brokers
that are away are asked again; a number that another host has, and a log that is not the one that was shipped, are told loudly
and looked at again until somebody has put it right.
"""

import asyncio
from contextlib import suppress

import structlog

from soc.bus.base import Claim
from soc.bus.cancelled import asked_to_end
from soc.clock import SECOND, Micros
from soc.errors import (
    BusFullError,
    CommitUnknownError,
    FencedError,
    LogMismatchError,
    SettingsError,
    SocError,
    UnavailableError,
)
from soc.pipeline.ship_log import OwnCollector, Session, TakenError, collector_id
from soc.pipeline.shipped import collectors_of, read_collectors
from soc.pipeline.table import SHIP
from soc.pipeline.waiting import pause as wait
from soc.telemetry import RECLAIMS

log = structlog.get_logger()

AWAY_FIRST_SECONDS, AWAY_LAST_SECONDS = 0.2, 5.0
TAKEN_SECONDS = 8.0
"""A host whose number is taken looks so often whether the other still speaks, which it does every two seconds."""
MISFIT_SECONDS = 30.0
REPEAT_SECONDS = 300.0
"""How often a trouble that stays is written to the log again."""
DRAIN_SECONDS = 5.0


class Shipper:
    """Ships one collector's log.

    Args:
        collector: whose log it is, and where it goes.
        take_over_wait: seconds to wait for a living owner of the number before it is fenced.
    """

    def __init__(self, collector: OwnCollector, *, take_over_wait: float = 15.0) -> None:
        self._collector = collector
        self._wait = take_over_wait
        self._id = ""
        self._kind = ""
        self._told = 0.0
        self.trouble = ""
        """What keeps it from shipping and what to do; "" while it ships."""
        self.ready = False
        """Whether it owns both logs and ships."""

    @property
    def needs_a_person(self) -> bool:
        """Whether the trouble stays until somebody has put it right; brokers that are away come back by themselves."""
        return self._kind in {"misfit", "number_taken"}

    async def run(self, stop: asyncio.Event) -> None:
        """Ship until ``stop`` is set, then for some seconds what is left; set it when nothing more is appended.

        Raises:
            FencedError: another process ships from this data directory.
        """
        shipping = asyncio.ensure_future(self._keep_shipping(stop))
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({shipping, stopped}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({shipping}, timeout=0 if self.trouble else DRAIN_SECONDS)
            if shipping.done():
                shipping.result()
        finally:
            stopped.cancel()
            shipping.cancel()
            await asyncio.wait({shipping})
            with suppress(asyncio.CancelledError, SocError):
                shipping.result()

    async def _keep_shipping(self, stop: asyncio.Event) -> None:
        pause = AWAY_FIRST_SECONDS
        while True:
            try:
                await self._session(stop)
            except (BusFullError, CommitUnknownError, UnavailableError) as error:
                pause = min(2 * pause, AWAY_LAST_SECONDS) if self.trouble else AWAY_FIRST_SECONDS
                self._complain("away", str(error))
                await asyncio.sleep(pause)
            except (LogMismatchError, SettingsError) as error:
                self._complain("misfit", str(error), error=True)
                await wait(stop, MISFIT_SECONDS)
            except asyncio.CancelledError:
                if asked_to_end():
                    raise
                # A library cancelled what it was asked to wait for; taken for our own end, shipping would stop without a word.
                self._complain("away", "a connection to the brokers broke off")
                await asyncio.sleep(AWAY_FIRST_SECONDS)
            except TakenError:
                await self._until_free(stop)
            else:
                return
            if stop.is_set() and self.trouble:
                return

    async def _session(self, stop: asyncio.Event) -> None:
        collector = self._collector
        reading = await collector.local.claim(SHIP, 0)
        try:
            self._id = await collector_id(reading)
            claim = await self._claim()
            try:
                session = Session(collector, reading, claim, self._id)
                await session.verify()
                self._well(claim)
                await session.run(stop)
            finally:
                await claim.release()
        finally:
            await reading.release()

    async def _claim(self) -> Claim:
        collector = self._collector
        try:
            return await collector.bus.claim("collect", collector.instance, wait=self._wait)
        except FencedError as error:
            raise TakenError from error

    def _well(self, claim: Claim) -> None:
        """Both logs are owned. Whoever was fenced on the brokers just now goes on collecting: say here too that there are two."""
        if self.trouble:
            log.info("shipping", after=self._kind)
        self.trouble = self._kind = ""
        self.ready = True
        collector = self._collector
        for other in collectors_of(collector.instance, claim.state):
            if other.id != self._id and not other.ended and collector.clock() - other.said < TAKEN_SECONDS * SECOND:
                log.error("host_number_taken", what=self._taken(other.host))

    async def _until_free(self, stop: asyncio.Event) -> None:
        """Wait until nobody else speaks under this number: two that took it from each other by turns would help nobody."""
        collector = self._collector
        before: dict[str, Micros] | None = None
        while not stop.is_set():
            try:
                known = await read_collectors(collector.bus)
            except UnavailableError as error:
                self._complain("away", str(error))
            else:
                others = [one for one in known if one.instance == collector.instance and one.id != self._id]
                said = {one.id: one.said for one in others if not one.ended}
                if said == before:
                    return
                newest = max(others, key=lambda one: one.said, default=None)
                self._complain("number_taken", self._taken(newest.host if newest else ""), error=True)
                before = said
            await wait(stop, TAKEN_SECONDS)

    def _taken(self, other: str) -> str:
        collector = self._collector
        return (
            f"two hosts have the number {collector.instance}: {collector.host} and {other or 'another'}; set [kafka] instance "
            "of one of them to a number no host has and start it again; until then one of them collects into its own log only"
        )

    def _complain(self, kind: str, what: str, *, error: bool = False) -> None:
        """Count it every time, write it when it is new and every ``REPEAT_SECONDS``."""
        RECLAIMS.labels(SHIP, kind).inc()
        moment = asyncio.get_running_loop().time()
        if kind != self._kind or moment - self._told >= REPEAT_SECONDS:
            (log.error if error else log.warning)("not_shipping", reason=kind, what=what)
            self._told = moment
        self._kind, self.trouble, self.ready = kind, what, False
