"""A bus, a stand-in receiver and forwarders that come and go, for the tests of forward."""

import asyncio
import importlib.util
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from soc.bus.base import Message, Stage, Topology
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.forward import standin as standin_module
from soc.forward.forwarder import Destination, Forwarder
from soc.forward.ledger import Ledger
from soc.forward.rebuild import latest
from soc.model import encode
from soc.pipeline.table import topology
from soc.receiver import Receiver

_spec = importlib.util.spec_from_file_location(
    "forward_made", Path(__file__).parent / "unit" / "forward" / "forward_made.py"
)
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

_TELLS = next(stage.tells for stage in topology(1).stages if stage.name == "forward")
TOPOLOGY = Topology(
    (
        Stage("triage", (), ("incidents",), 1),
        Stage("forward", ("incidents",), ("outbox", "audit"), 1, _TELLS),
        Stage("index", ("outbox",), (), 1),
    ),
    {"incidents": 1, "outbox": 1, "audit": 1},
)


class World:
    """A bus, a stand-in, and forwarders that come and go."""

    def __init__(self, directory, standin):
        self.bus = EmbeddedBus(directory / "bus", TOPOLOGY)
        self.standin = standin
        self.settings = {"timeout_seconds": 0.4, "retry_min_seconds": 0.01, "retry_max_seconds": 0.05}
        self.url = standin.url

    def forwarder(self, wrap=lambda claim: claim, binding=None, terms=None, **changes):
        receiver = Receiver(
            **{
                "url": self.url,
                "ca_file": self.standin.ca_file,
                "token": self.standin.token,
                **self.settings,
                **changes,
            }
        )

        async def claim():
            return wrap(await self.bus.claim("forward", 0))

        return Forwarder(
            claim, organization=made.ORGANIZATION, destinations=[Destination(receiver, binding and binding(receiver))],
            incidents="incidents", outbox="outbox", audit="audit", told=partial(latest, self.bus, "outbox"), clock=now, terms=terms,
        )  # fmt: skip

    async def publish(self, *incidents):
        claim = await self.bus.claim("triage", 0)
        await claim.commit([Message("incidents", item.id.encode(), encode(item)) for item in incidents])
        await claim.release()

    async def put(self, *reports):
        """Commit reports as an earlier forwarder would have left them."""
        ledger = Ledger({})
        for report in reports:
            ledger.put(report)
        claim = await self.bus.claim("forward", 0)
        await claim.commit([], ledger.take().state)
        await claim.release()

    async def reports(self):
        async for _, state in self.bus.states("forward"):
            return Ledger(state).reports
        return []

    async def read(self, topic):
        reader = self.bus.reader([topic])
        records = []
        while batch := await reader.fetch(1000, 0.05):
            records += batch
        await reader.close()
        return [record.value for record in records]

    async def run_until(self, condition, forwarder=None, seconds=8.0):
        """Run a forwarder until ``condition`` of the committed reports holds."""
        stop = asyncio.Event()
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            tasks.create_task((forwarder or self.forwarder()).run(stop))
            while not condition(await self.reports()):  # noqa: ASYNC110 - what is committed has no event to wait for
                await asyncio.sleep(0.02)
            stop.set()
        return await self.reports()


@asynccontextmanager
async def world(tmp_path):
    standin = await standin_module.start("127.0.0.1", 0, tmp_path / "receiver")
    place = World(tmp_path, standin)
    try:
        yield place
    finally:
        await place.bus.close()
        await standin.close()
