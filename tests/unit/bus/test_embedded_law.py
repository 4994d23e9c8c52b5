"""The law of the bus: whatever is written, fetched, trimmed and taken over in any order, each record arrives once, in order."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from soc.bus.base import Message, Stage, Topology
from soc.bus.embedded import EmbeddedBus
from soc.bus.embedded_claim import EmbeddedClaim

TOPOLOGY = Topology((Stage("a", (), ("in",), 1), Stage("b", (), ("in",), 1), Stage("work", ("in",), (), 1)), {"in": 1})

ACTS = st.one_of(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 9)),
    st.tuples(st.just("fetch"), st.integers(1, 9)),
    st.tuples(st.sampled_from(["commit", "take over", "trim"]), st.just(0)),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(ACTS, max_size=25))
def test_any_order_of_acts_delivers_each_record_once_and_in_order(acts: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_play(Path(directory), acts))


async def _play(directory: Path, acts: list[tuple[str, int]]) -> None:
    # Batches of about 40 bytes: a commit of nine records is several batches, and fetches end inside of them.
    bus = EmbeddedBus(directory, TOPOLOGY, batch_bytes=40, fetch_bytes=100)
    writers = {name: await bus.claim(name, 0) for name in ("a", "b")}
    sent: dict[str, list[bytes]] = {"a": [], "b": []}
    done: list[bytes] = []
    work, pending = await bus.claim("work", 0), list[bytes]()
    for act, number in acts:
        if act in writers:
            values = [b"%s%d" % (act.encode(), len(sent[act]) + step) for step in range(number)]
            await writers[act].commit([Message("in", b"", value * 3, 0) for value in values])
            sent[act] += [value * 3 for value in values]
        elif act == "fetch":
            pending += [record.value for record in await work.fetch(number, 0)]
        elif act == "commit":
            done, pending = await _commit(work, done, pending)
        elif act == "trim":
            await bus.retain("in", max_age=-1, max_bytes=0)
        else:
            work, pending = await bus.claim("work", 0), []
    while records := await work.fetch(5, 0):
        pending += [record.value for record in records]
    done, _ = await _commit(work, done, pending)
    for name in ("a", "b"):
        assert [value for value in done if value.startswith(name.encode())] == sent[name]
    assert len(done) == len(sent["a"]) + len(sent["b"])
    assert await bus.problems() == ()
    await bus.close()


async def _commit(work: EmbeddedClaim, done: list[bytes], pending: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    await work.commit()
    return done + pending, []
