"""Twelve sources at once, one of them at fifty times its rate, 1 % garbage: is the balance exact, memory flat, nobody else slowed?

    python bench/province.py [--lines 1000000] [--rate 30]

The installation is embedded, as `soc run` starts it; each source is a TCP or UDP sender with an address of its own on loopback. First
all twelve send at their rate for a minute, then the first sends at fifty times its rate until all lines are out. Printed, as one JSON
line: per phase the quiet sources' time from sending a line to its normalized event (p50, p99, milliseconds; it is in the line), the
resident memory of every process after each tenth of the lines, and what `soc reconcile` says against what was sent.
"""

import argparse
import asyncio
import json
import math
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from soc.bus.embedded import EmbeddedBus
from soc.clock import now
from soc.model import Event, decode
from soc.pipeline.status import read_statuses
from soc.pipeline.table import EVENTS, topology

TICK = 0.02
QUIET_SECONDS = 60.0
GARBAGE = 0.01
TIMES = 50
PROCESSES = 5  # groups of roles that an installation of one host runs in, the archive aside


def _stamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + "Z"


def _bsd() -> str:
    return time.strftime("%b %e %H:%M:%S", time.localtime())


MAKERS: tuple[Callable[[int], str], ...] = (
    lambda n: (
        f'<189>devname="fw" devid="FG100FTK00000000" eventtime={time.time_ns()} tz="+0700" logid="0000000013" type="traffic" '
        f'subtype="forward" level="notice" vd="root" srcip=203.0.113.{n % 250} srcport={1024 + n % 60000} dstip=192.0.2.{n % 40} '
        f'dstport=443 proto=6 action="accept" policyid=7 service="HTTPS" sentbyte={n} rcvdbyte=900 sentpkt=5 rcvdpkt=4'
    ),
    lambda n: (
        f"<166>{_bsd()} asa1 : %ASA-6-302013: Built inbound TCP connection {n} for outside:203.0.113.{n % 250}/{1024 + n % 60000} "
        f"(203.0.113.{n % 250}/{1024 + n % 60000}) to inside:192.0.2.{n % 40}/443 (192.0.2.{n % 40}/443)"
    ),
    lambda n: (
        f"<38>1 {_stamp()} host1 sshd {n % 9999 + 1} - - Accepted password for lan from 203.0.113.{n % 250} port {n % 60000} ssh2"
    ),
    lambda n: f"<85>1 {_stamp()} host2 sudo {n % 9999 + 1} - - mai : TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/ls {n}",
    lambda n: (
        f'<190>1 {_stamp()} web1 nginx {n % 9999 + 1} - - 203.0.113.{n % 250} - - [{time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())}] '
        f'"GET /p/{n} HTTP/1.1" 200 512 "-" "Browser/1"'
    ),
    lambda n: json.dumps({"EventID": 4625, "Channel": "Security", "TargetUserName": f"u{n % 99}", "IpAddress": f"192.0.2.{n % 200}"}),
    lambda n: (
        f"<4>{_bsd()} gw kernel: [UFW BLOCK] IN=eth0 OUT= SRC=203.0.113.{n % 250} DST=192.0.2.1 LEN=60 PROTO=TCP SPT={n % 60000} DPT=22"
    ),
    lambda n: json.dumps({"log_contract": "1", "when": _stamp(), "system": "one-stop", "who": {"id": f"u{n % 99}"}, "action": "read",
                          "on": {"type": "dossier", "id": str(n)}, "outcome": "success", "from": {"ip": "203.0.113.9"}}),
    lambda n: f"<30>1 {_stamp()} host3 systemd 1 - - Started session {n} of user lan.",
    lambda n: f"<86>1 {_stamp()} host4 su {n % 9999 + 1} - - pam_unix(su:session): session opened for user root by mai(uid={n})",
    lambda n: f"<78>1 {_stamp()} host5 CRON {n % 9999 + 1} - - (root) CMD (run {n})",
    lambda n: json.dumps({"timestamp": _stamp(), "src_ip": f"203.0.113.{n % 250}", "message": f"request {n}"}),
)  # fmt: skip
"""A line of each source; the sender's mark ``sent=<µs>`` is put behind it, or into it."""


@dataclass
class Source:
    """One sender and what it sent."""

    number: int
    make: Callable[[int], str]
    udp: bool
    sent: int = 0
    garbage: int = 0
    owed: float = 0.0
    writer: asyncio.StreamWriter | None = None
    datagrams: socket.socket | None = None
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    @property
    def address(self) -> str:
        """Loopback has 16 million addresses."""
        return f"127.0.1.{self.number + 1}"

    async def connect(self, port: int) -> None:
        """From its own address."""
        if self.udp:
            self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.datagrams.bind((self.address, 0))
            self.datagrams.connect(("127.0.0.1", port))
        else:
            _, self.writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(self.address, 0))

    async def send(self, count: int) -> None:
        """So many lines, now."""
        out: list[bytes] = []
        for _ in range(count):
            self.sent += 1
            if self.dice.random() < GARBAGE:
                self.garbage += 1
                out.append(b"\x80\xff" + self.dice.randbytes(20).replace(b"\n", b"").replace(b"\r", b"") + b"~")
                continue
            line = self.make(self.sent)
            mark = f"sent={time.time_ns() // 1000}"
            out.append((line[:-1] + f', "mark": "{mark}"}}' if line[-1] == "}" else f"{line} {mark}").encode())
        if self.datagrams is not None:
            for one in out:
                self.datagrams.send(one)
        elif self.writer is not None and out:
            self.writer.write(b"".join(one + b"\n" for one in out))
            await self.writer.drain()


async def play(sources: list[Source], port: int, total: int, rate: float, at_tenth: Callable[[], None]) -> int:
    """Send ``total`` lines; the microsecond at which the loud phase began."""
    for source in sources:
        if not source.udp:
            await source.connect(port)
    began = time.monotonic()
    loud_since, tenth, last = 0, 1, began
    while (sent := sum(source.sent for source in sources)) < total:
        await asyncio.sleep(TICK)
        instant = time.monotonic()
        loud = instant - began >= QUIET_SECONDS
        if loud and not loud_since:
            loud_since = time.time_ns() // 1000
        for source in sources:
            source.owed += (instant - last) * rate * (TIMES if loud and source.number == 0 else 1)
            whole = math.floor(source.owed)
            source.owed -= whole
            await source.send(whole)
        last = instant
        if sent >= total * tenth // 10:
            tenth += 1
            at_tenth()
    for source in sources:
        if source.writer is not None:
            source.writer.close()
            await source.writer.wait_closed()
    return loud_since


def resident(pids: dict[str, int]) -> dict[str, int]:
    """MiB by process."""
    page = os.sysconf("SC_PAGE_SIZE")
    return {name: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page >> 20 for name, pid in pids.items()}


async def delays(data: Path, partitions: int, noisy: str, loud_since: int) -> dict[str, dict[str, float]]:
    """Time from sending to the normalized event, of all but the noisy source, in each phase."""
    bus = EmbeddedBus(data / "bus", topology(partitions), clock=now)
    reader = bus.reader([EVENTS])
    found: dict[str, list[float]] = {"alone": [], "beside": []}
    while records := await reader.fetch(5000, 0):
        for record in records:
            event = decode(record.value, Event)
            text = event.fields["event.original"]
            at = text.rfind("sent=")
            if at < 0 or event.source == noisy:
                continue
            sent = int(text[at + 5 : at + 21])
            found["beside" if loud_since and sent >= loud_since else "alone"].append((record.appended - sent) / 1000)
    await reader.close()
    await bus.close()
    told: dict[str, dict[str, float]] = {}
    for phase, values in found.items():
        values.sort()
        told[phase] = {
            "lines": len(values),
            **{f"p{q}_ms": round(values[min(len(values) - 1, len(values) * q // 100)], 1) for q in (50, 99) if values},
        }
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=30.0, help="lines/s of a quiet source")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        data, config = Path(directory) / "data", Path(directory) / "soc.toml"
        config.write_text(
            f'data_dir = "{data}"\n[[listeners]]\ntype = "syslog-tcp"\nname = "tcp"\nport = 0\n'
            '[[listeners]]\ntype = "syslog-udp"\nname = "udp"\nport = 0\n[console]\nport = 0\n[metrics]\nport = 0\n'
            '[log]\nlevel = "error"\n'
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "soc", "run", "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            print(json.dumps(run(config, data, given.lines, given.rate)))
        finally:
            process.terminate()
            process.wait(60)


def run(config: Path, data: Path, total: int, rate: float) -> dict[str, object]:
    """Wait until it listens, play, wait until everything is through."""
    found = read_statuses(data)
    while len(found) < PROCESSES or not all(one.ready for one in found):
        time.sleep(0.2)
        found = read_statuses(data)
    addresses = {name: at for one in found for name, at in one.addresses.items()}
    port, udp_port = (int(addresses[name].rpartition(":")[2]) for name in ("tcp", "udp"))
    pids = {one.group: one.pid for one in found}
    memory: list[dict[str, int]] = []
    sources = [Source(number, make, udp=number in (8, 10)) for number, make in enumerate(MAKERS)]

    async def both() -> int:
        for source in sources:
            if source.udp:
                await source.connect(udp_port)
        return await play([*sources], port, total, rate, lambda: memory.append(resident(pids)))

    loud_since = asyncio.run(both())
    command = [sys.executable, "-m", "soc", "reconcile", "--wait", "--timeout", "900", "--config", str(config)]
    reconciled = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL, text=True)
    return {
        "sent": sum(source.sent for source in sources),
        "garbage": sum(source.garbage for source in sources),
        "noisy": sources[0].sent,
        "delays": asyncio.run(delays(data, 2, sources[0].address, loud_since)),
        "memory_mib": memory,
        "reconcile_exit": reconciled.returncode,
        "balance": json.loads(reconciled.stdout.splitlines()[0]),
    }


if __name__ == "__main__":
    main()
