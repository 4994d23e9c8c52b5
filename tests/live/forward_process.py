"""The forward role of one host as a process of its own, for tests: it signals itself where it is told to.

``forward_process.py SETTINGS [SIGNAL STEP TIMES]``: at the TIMES-th time of STEP (``soc.bus.base.Step``, or ``claimed+STEP``: counted
from when the claim is owned) it sends itself SIGNAL.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from soc import roles
from soc.bus.kafka import KafkaBus
from soc.pipeline.table import topology
from soc.settings import load
from soc.telemetry import configure_logging


def interfering(arguments):
    """An ``on_step`` as the arguments say."""
    if not arguments:
        return None
    number, step, times = signal.Signals[arguments[0]], arguments[1], int(arguments[2])
    seen = 0

    def on_step(now):
        nonlocal seen
        seen += now == step
        if seen == times and now == step:
            os.kill(os.getpid(), number)

    return on_step


async def main() -> None:
    settings = load(Path(sys.argv[1]))
    configure_logging("info", "json", process="forward")
    on_step = interfering(sys.argv[2:])
    kafka = settings.kafka
    roles.open_bus = lambda _: KafkaBus(kafka, topology(kafka.partitions, kafka.instances), on_step=on_step)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await roles.run_process(settings, "forward", ("forward",), stop)


asyncio.run(main())
