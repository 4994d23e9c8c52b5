"""An installation as far as dead letters go: lines in, an engine with this or that profile over them, letters and sums out."""

from unit.pipeline.rule_sets_support import T0, base, published

from soc.bus.base import Bus, Message
from soc.clock import MINUTE, SECOND, to_iso
from soc.model import DeadLetter, RawRecord, decode, encode
from soc.normalize.normalizer import Normalizer
from soc.pipeline.balance import Sums, compare, key
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.letters import open_letters
from soc.pipeline.loop import FETCH_LIMIT
from soc.pipeline.reload import OneSet
from soc.pipeline.table import RAW
from soc.settings import SourceProfile
from soc.sigma.load import load

PARTITIONS = 2


def line(at: int) -> bytes:
    text = f"<38>1 {to_iso(at)} bastion sshd 1 - - failed password for root from 203.0.113.7 port 4000 ssh2"
    return text.encode()


LINE = line(T0)
WRONG, RIGHT = "fortigate", "linux"
"""Products: the first reads no line of sshd, the second does."""


class Installation:
    """An engine over one bus, restarted with other profiles as its tests like."""

    def __init__(self, bus: Bus, patience: float = 0.0) -> None:
        self.bus = bus
        self.patience = patience

    async def collect(self, *lines: bytes, source: str = "bastion", received: int = T0) -> None:
        claim = await self.bus.claim("collect", 0)
        records = [RawRecord(line, received, "tcp", "192.0.2.1:1", source) for line in lines]
        name = key(received, source)
        counted = decode(claim.state[name], int) if name in claim.state else 0
        messages = [Message(RAW, source.encode(), encode(record)) for record in records]
        await claim.commit(messages, {name: encode(counted + len(lines))})
        await claim.release()

    async def run(self, product: str, *, now: int = T0, discard: str = "") -> None:
        """Start the engine, let it work off what there is, and stop it."""
        profile = SourceProfile(name="all", product=product, addresses=("192.0.2.0/24",), discard=discard)
        normalizer = Normalizer((profile,), timezone="UTC", lateness=600 * SECOND, future_skew=5 * SECOND)
        rules = OneSet(load(published(base("failed")).bundle))
        parts = EngineParts(normalizer, rules, PARTITIONS, 600 * SECOND, 60 * SECOND)
        for partition in range(PARTITIONS):
            claim = await self.bus.claim("engine", partition)
            engine = Engine(parts, partition)
            engine.restore(claim.state)
            while records := await claim.fetch(FETCH_LIMIT, self.patience):
                work = await engine.step(records, now)
                await claim.commit(work.outputs, work.state)
            idle = await engine.step((), now + MINUTE)
            await claim.commit(idle.outputs, idle.state)
            await claim.release()

    async def values(self, topic: str, type_: type) -> list:
        reader = self.bus.reader([topic])
        records = []
        while some := await reader.fetch(10_000, 0.5):
            records += some
        await reader.close()
        marks = (b"watermark/", b"rules/")
        return [decode(record.value, type_) for record in records if not record.key.startswith(marks)]

    async def sums(self) -> Sums:
        collected = [state async for _, state in self.bus.states("collect")]
        return compare(collected, [state async for _, state in self.bus.states("engine")], 0)

    async def open(self) -> list[DeadLetter]:
        return [letter async for letter in open_letters(self.bus)]
