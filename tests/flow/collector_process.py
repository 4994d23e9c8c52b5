"""A collector on the embedded bus as a process to be killed: HTTP and one followed file; prints its port as JSON."""

import asyncio
import json
import signal
import sys
from pathlib import Path

from collectors.file import FileTail
from collectors.http import HttpIngest
from collectors.intake import Intake
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.pipeline.table import topology


async def main(directory: Path, path: str) -> None:
    """Run until SIGTERM."""
    bus = EmbeddedBus(directory, topology(2))
    intake = Intake(lambda: bus.claim("collect", 0), clock=now)
    http = HttpIngest(intake, name="http", host="127.0.0.1", port=0, token="t0ken", clock=now)
    files = FileTail(intake, name="file", paths=[path], clock=now, rotate_wait=0.5)
    tasks = [asyncio.ensure_future(part.run()) for part in (intake, http, files)]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: [task.cancel() for task in tasks])
    await http.ready.wait()
    await files.ready.wait()
    assert http.address is not None
    print(json.dumps({"http": http.address[1]}), flush=True)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    await bus.close()
    assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
