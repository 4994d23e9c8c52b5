"""How many syslog lines a second become durable on loopback, over UDP and TCP: ``python bench/intake.py`` prints one JSON line.

The sender is another process. UDP is sent at a given rate (a flood only measures the kernel's buffer), TCP as fast as it is
taken. A line counts when its commit is over; what is lost is counted by the listener and checked against what was sent.

Where rsyslog is installed it is measured beside it, in the same run and with the same senders: as it is by default (lines in the page
cache), and with an fsync a batch, which is what soc does.
"""

import argparse
import asyncio
import json
import multiprocessing
import platform
import socket
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop
from rsyslog_intake import Rsyslog, find_rsyslog

from collectors.base import Collector
from collectors.intake import Intake
from collectors.syslog_tcp import SyslogTcp
from collectors.syslog_udp import SyslogUdp
from soc.app import spare_the_collector
from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.pipeline.table import topology

LINE = (
    b'<189>date=2026-11-22 time=08:00:00 devname="fw-a" devid="FGT0000000000001" logid="0000000013" type="traffic" '
    b'subtype="forward" level="notice" srcip=192.0.2.7 srcport=51514 dstip=198.51.100.9 dstport=443 proto=6 action="accept" n=%09d'
)


def send_udp(began_at: Any, port: int, lines: int, rate: int) -> None:
    """Send at ``rate`` lines a second, in bursts of a millisecond."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", port))
    began_at.value = began = time.perf_counter()
    sent = 0
    while sent < lines:
        due = min(lines, int((time.perf_counter() - began) * rate) + 1)
        while sent < due:
            sock.send(LINE % sent)
            sent += 1
        time.sleep(0.001)


def send_tcp(began_at: Any, port: int, lines: int, connections: int, *, counted: bool) -> None:
    """Send as fast as it is taken, over several connections in turn."""
    socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    size = len(LINE % 0)
    framed = (b"%d " % size + LINE) if counted else LINE + b"\n"
    step = 500
    began_at.value = time.perf_counter()
    for at in range(0, lines, step):
        socks[at // step % connections].sendall(b"".join(framed % n for n in range(at, min(lines, at + step))))
    for sock in socks:
        sock.close()


@dataclass(frozen=True)
class Load:
    """What is sent."""

    kind: str
    lines: int
    rate: int
    connections: int

    def start(self, port: int) -> tuple[Any, Any]:
        """A process that sends it, and a cell where it writes when it began (``time.perf_counter``, the same in every process)."""
        context = multiprocessing.get_context("spawn")
        began_at = context.Value("d", 0.0)
        target, arguments, options = (
            (send_udp, (began_at, port, self.lines, self.rate), {})
            if self.kind == "udp"
            else (send_tcp, (began_at, port, self.lines, self.connections), {"counted": self.kind == "tcp-counted"})
        )
        sender = context.Process(target=target, args=arguments, kwargs=options)
        sender.start()
        return sender, began_at


def measure_rsyslog(program: str, load: Load, directory: Path, *, synced: bool) -> dict[str, Any]:
    """One run of rsyslog with a file of its own."""
    size = len(LINE % 0)
    with Rsyslog(program, load.kind.partition("-")[0], directory, size, synced=synced) as rsyslog:
        sender, began_at = load.start(rsyslog.port)
        while not rsyslog.written():
            time.sleep(0.001)
        quiet_since = time.perf_counter()
        last = 0
        while (sender.is_alive() or time.perf_counter() - quiet_since < 1.5) and last < load.lines:
            time.sleep(0.01)
            if (written := rsyslog.written()) != last:
                last, quiet_since = written, time.perf_counter()
        sender.join()
        rsyslog.stop()
        seconds = quiet_since - began_at.value
        return {
            "input": load.kind,
            "by": "rsyslog, synced" if synced else "rsyslog, page cache",
            "lines": load.lines,
            "line_bytes": size,
            "offered_per_second": load.rate if load.kind == "udp" else None,
            "seconds": round(seconds, 3),
            "written_per_second": round(last / seconds),
            "lost": load.lines - rsyslog.written(),
            "cpu_seconds": round(rsyslog.cpu, 3),
        }


async def measure(load: Load, directory: Path) -> dict[str, Any]:
    """One run on a fresh bus."""
    spare_the_collector()  # as the collecting process does
    bus = EmbeddedBus(directory, topology(2))
    intake = Intake(lambda: bus.claim("collect", 0), clock=now)
    listener: Collector
    if load.kind == "udp":
        listener = SyslogUdp(intake, name="bench", host="127.0.0.1", port=0, clock=now)
    else:
        listener = SyslogTcp(intake, name="bench", host="127.0.0.1", port=0, clock=now)
    tasks = [asyncio.ensure_future(part.run()) for part in (intake, listener)]
    await listener.ready.wait()
    assert listener.address is not None
    port = listener.address[1]
    cpu = time.process_time()
    sender, began_at = load.start(port)
    counters = listener.counters
    while not counters.received:  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0.001)
    last, quiet_since = 0, time.perf_counter()
    while (sender.is_alive() or time.perf_counter() - quiet_since < 1.5) and counters.received < load.lines:
        await asyncio.sleep(0.01)
        if counters.received != last:
            last, quiet_since = counters.received, time.perf_counter()
    seconds, cpu = quiet_since - began_at.value, time.process_time() - cpu
    await asyncio.to_thread(sender.join)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await bus.close()
    lost = load.lines - counters.received
    return {
        "input": load.kind,
        "by": "soc",
        "lines": load.lines,
        "line_bytes": len(LINE % 0),
        "offered_per_second": load.rate if load.kind == "udp" else None,
        "seconds": round(seconds, 3),
        "durable_per_second": round(counters.received / seconds) if seconds else None,
        "lost": lost,
        "loss_accounted_for": lost == counters.kernel_dropped + counters.refused,
        "cpu_seconds": round(cpu, 3),
        "commits": intake.counters.commits,
        "counters": {name: value for name, value in asdict(counters).items() if value},
    }


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=400_000)
    parser.add_argument("--rate", type=int, default=80_000, help="UDP lines a second offered")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument(
        "--inputs", nargs="+", default=["udp", "tcp-lines", "tcp-counted"], choices=["udp", "tcp-lines", "tcp-counted"]
    )
    parser.add_argument(
        "--directory", type=Path, help="where the bus is made; default: the system's temporary directory"
    )
    given = parser.parse_args()
    runs: list[dict[str, Any]] = []
    program = find_rsyslog()
    for kind in given.inputs:
        load = Load(kind, given.lines, given.rate, given.connections)
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            runs.append(uvloop.run(measure(load, Path(directory) / "bus")))
        for synced in (False, True) if program is not None else ():
            with tempfile.TemporaryDirectory(dir=given.directory) as directory:
                runs.append(measure_rsyslog(program, load, Path(directory), synced=synced))
    print(json.dumps({"bench": "intake", "python": platform.python_version(), "runs": runs}))


if __name__ == "__main__":
    main()
