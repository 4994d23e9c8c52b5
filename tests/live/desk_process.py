"""A console's desk as a process of its own, for tests: hands acts in and kills itself at a step of the first commit.

``desk_process.py SERVER PREFIX NUMBER STEP``: acts come as MessagePack in hexadecimal on standard input, one a line.
"""

import asyncio
import os
import signal
import sys

from soc.bus.kafka import KafkaBus
from soc.model import Action, decode
from soc.pipeline.acts import ActionDesk
from soc.pipeline.table import topology
from soc.settings import KafkaSettings


async def main() -> None:
    server, prefix, number, deadly = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]

    def on_step(step):
        if step == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    bus = KafkaBus(KafkaSettings(servers=(server,), prefix=prefix), topology(2, 2), on_step=on_step)
    desk = ActionDesk(bus, lambda wait: bus.claim("console", number, wait=wait), number)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.run(asyncio.Event()))
        for line in sys.stdin:
            await desk.act(decode(bytes.fromhex(line), Action))


asyncio.run(main())
