"""A receiver of alert data that is dead or stalls, with a backlog that is full, beside reports: they leave as if it were not there."""

import asyncio
import time

import pytest
from forward_support import TOPOLOGY, World, made
from sharing_support import World as SharingWorld
from sharing_support import fresh, json_receiver, settings

from soc.bus.base import Stage, Topology
from soc.forward import standin as standin_module

BOTH = Topology(
    (
        Stage("triage", (), ("incidents", "alerts"), 1),
        *(stage for stage in TOPOLOGY.stages if stage.name != "triage"),
        Stage("share", ("alerts", "incidents"), (), 1),
    ),
    {**TOPOLOGY.topics, "alerts": 1},
)
SECONDS = 20.0
"""A report over an idle line takes a fraction of a second; the machine may be busy."""


@pytest.mark.parametrize("dead", [True, False], ids=["is not there", "never answers"])
def test_a_report_does_not_wait_for_a_receiver_of_alert_data(tmp_path, dead):
    async def main():
        standin = await standin_module.start("127.0.0.1", 0, tmp_path / "reports")
        async with json_receiver(tmp_path / "alerts") as there:
            there.plan = ["stall"] * 100
            url = "https://127.0.0.1:9/alerts" if dead else there.url
            one = {"url": url, "ca_file": str(tmp_path / "alerts" / "ca.pem"), "timeout_seconds": 60}
            shares = SharingWorld(tmp_path, settings(one, max_rows=1), BOTH)
            reports = World(tmp_path / "other", standin)
            await reports.bus.close()
            reports.bus = shares.bus
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                sharing = tasks.create_task(shares.sharer().run(stop))
                while not (book := await shares.book()) or book.lane("national") is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
                await shares.publish(*(fresh(n, rule_id=f"r{n}") for n in range(200)))
                while not (await shares.book()).lane("national").attempts:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
                began = time.monotonic()
                await reports.publish(made.approved(made.incident()))
                await reports.run_until(lambda found: [one.state for one in found] == ["accepted"], seconds=SECONDS)
                assert time.monotonic() - began < SECONDS
                assert len((await shares.book()).entries("national")) == 200
                stop.set()
                sharing.cancel()
        await shares.bus.close()
        await standin.close()

    (tmp_path / "alerts").mkdir()
    asyncio.run(main())
