"""``kill -9`` of a collector process, again and again, while a client posts and a file grows and is rotated."""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import aiohttp

from tests.unit.collectors.support.raw_log import check_balance, read_raw

PROCESS = Path(__file__).with_name("collector_process.py")
KILLS = 3


class Client:
    """Posts 20 lines a request until it is acknowledged: to /ingest with a key, to /_bulk with an id each, in turn."""

    def __init__(self) -> None:
        self.acknowledged: list[bytes] = []
        self._request = 0

    async def post(self, session: aiohttp.ClientSession, port: int) -> bool:
        """One try; False: no answer, the next try repeats it."""
        number = self._request
        lines = [b"http %d-%d" % (number, n) for n in range(20)]
        headers = {"Authorization": "Bearer t0ken", "Content-Type": "text/plain"}
        if number % 2:
            body = b"".join(b'{"create":{"_id":"%s"}}\n%s\n' % (line, line) for line in lines)
            path = "_bulk"
        else:
            body = b"\n".join(lines)
            path = "ingest"
            headers["Idempotency-Key"] = f"key-{number}"
        try:
            async with session.post(f"http://127.0.0.1:{port}/{path}", data=body, headers=headers) as response:
                assert response.status == 200
                answer = await response.json()
                assert answer.get("accepted") == 20 or (answer["errors"] is False and len(answer["items"]) == 20)
        except aiohttp.ClientError:
            return False
        self.acknowledged += lines
        self._request += 1
        return True


class Writer:
    """Appends numbered lines to a file and renames it every 1000 lines, as logrotate does."""

    def __init__(self, path: Path) -> None:
        self.written = 0
        self._path = path

    def write(self, lines: int = 50) -> None:
        """Some lines more."""
        with self._path.open("a") as file:
            file.write("".join(f"file {n}\n" for n in range(self.written, self.written + lines)))
        self.written += lines
        if self.written % 1000 == 0:
            generations = sorted(self._path.parent.glob(self._path.name + ".*"), reverse=True)
            for old in generations:
                old.rename(old.with_suffix(f".{int(old.suffix[1:]) + 1}"))
            self._path.rename(self._path.with_name(self._path.name + ".1"))


def start(bus: Path, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(PROCESS), str(bus), str(path)], stdout=subprocess.PIPE)


async def round_of(
    process: subprocess.Popen[bytes], client: Client, writer: Writer, seconds: float, *, kill: bool
) -> None:
    """Load for some seconds, then a kill in the middle of a request or a clean stop."""
    assert process.stdout is not None
    loop = asyncio.get_running_loop()
    port = json.loads(await asyncio.to_thread(process.stdout.readline))["http"]
    ends = loop.time() + seconds
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        if kill:
            loop.call_later(seconds, process.send_signal, signal.SIGKILL)
        while await client.post(session, port):
            if kill or loop.time() < ends:
                writer.write()
            if not kill and loop.time() >= ends:
                break
    if not kill:
        await asyncio.sleep(1.5)  # a rotated file is finished after its wait, the last lines are read
        process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(process.wait, 20)


def test_no_acknowledged_request_and_no_file_line_is_lost_or_doubled(tmp_path: Path) -> None:
    client, writer = Client(), Writer(tmp_path / "app.log")
    writer.write()  # a file that is rotated away before anybody ever saw it cannot be found
    returned: list[int] = []
    for round_ in range(KILLS + 1):
        process = start(tmp_path / "bus", tmp_path / "app.log")
        try:
            asyncio.run(round_of(process, client, writer, 0.3 + 0.05 * round_, kill=round_ < KILLS))
        finally:
            process.kill()
            returned.append(process.wait())
            if process.stdout is not None:
                process.stdout.close()
    assert returned == [-signal.SIGKILL] * KILLS + [0]
    raw = read_raw(tmp_path / "bus")
    lines = Counter(value.data for _, value in raw)
    assert {line: n for line, n in lines.items() if line.startswith(b"http")} == dict.fromkeys(client.acknowledged, 1)
    assert {line: n for line, n in lines.items() if line.startswith(b"file")} == {
        b"file %d" % n: 1 for n in range(writer.written)
    }
    assert len({value.id for _, value in raw}) == len(raw)
    check_balance(tmp_path / "bus", raw)
