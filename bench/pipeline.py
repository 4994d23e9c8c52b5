"""The whole embedded path: lines posted over HTTP until they are durable, detected, folded and searchable; lines/s, CPU per process.

python bench/pipeline.py [--lines 100000]
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

BATCH = 1000
TOKEN = "bench-token"


def free_port() -> int:
    """A free TCP port on loopback."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def lines(count: int) -> list[str]:
    """FortiGate denies and sshd failures, half and half, of 500 addresses, spread over ten minutes up to now."""
    start = int(time.time()) - 600
    made: list[str] = []
    for n in range(count):
        at = start + n * 600 // count
        address = f"203.0.113.{n % 250}"
        if n % 2:
            made.append(
                f'<189>date=2026-01-01 time=00:00:00 devname="fw" devid="FG100FTK00000000" eventtime={at}000000000 tz="+0700" '
                f'logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip={address} '
                f'srcport={1024 + n % 60000} srcintf="wan1" dstip=192.0.2.{n % 40} dstport={n % 1000} dstintf="dmz" '
                f'proto=6 action="deny" policyid=0 service="tcp" duration=0 sentbyte=0 rcvdbyte=0 sentpkt=0 rcvdpkt=0'
            )
        else:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
            made.append(
                f"<38>1 {stamp} bastion sshd {n} - - Failed password for user{n % 50} from {address} port {n % 60000} ssh2"
            )
    return made


def post(port: int, batch: list[str]) -> None:
    """One acknowledged request."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/ingest", "\n".join(batch).encode(), headers)
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30):
                return
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(0.1)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=100_000)
    count = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        port, metrics = free_port(), free_port()
        config = Path(directory) / "soc.toml"
        config.write_text(
            f'data_dir = "{data}"\n[[listeners]]\ntype = "http"\nname = "http"\nport = {port}\ntoken = "{TOKEN}"\n'
            f"[correlation]\nlateness_seconds = 3600\n[console]\nport = {free_port()}\n[metrics]\nport = {metrics}\n"
            '[log]\nlevel = "error"\n'
        )
        command = [sys.executable, "-m", "soc", "run", "--config", str(config)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            result = run(config, data, port, metrics, lines(count))
        finally:
            process.terminate()
            process.wait(60)
    print(json.dumps(result))


def run(config: Path, data: Path, port: int, metrics: int, made: list[str]) -> dict[str, object]:
    """Post everything, wait until every stage has caught up, and say how long both took."""
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/readyz", timeout=5):
                break
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pids = {path.stem: json.loads(path.read_text())["pid"] for path in (data / "run").glob("*.json")}
    before = {group: cpu_seconds(pid) for group, pid in pids.items()}
    started = time.perf_counter()
    for first in range(0, len(made), BATCH):
        post(port, made[first : first + BATCH])
    durable = time.perf_counter() - started
    command = [sys.executable, "-m", "soc", "reconcile", "--wait", "--timeout", "600", "--config", str(config)]
    reconciled = subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL)
    through = time.perf_counter() - started
    return {
        "lines": len(made),
        "durable_lines_per_second": round(len(made) / durable),
        "through_lines_per_second": round(len(made) / through),
        "cpu_seconds": {group: round(cpu_seconds(pid) - before[group], 2) for group, pid in pids.items()},
        "balance": json.loads(reconciled.stdout),
    }


if __name__ == "__main__":
    main()
