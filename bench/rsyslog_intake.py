"""rsyslog as the intake bench runs it: a kind of input in, a process that writes every line to a file out, and how many it has written.

With ``synced`` each write of a batch ends in an fsync, which is what "durable" means of soc; without it lines are in the page
cache, as rsyslog is run by default.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

_INPUTS = {
    "udp": 'module(load="imudp" TimeRequery="8")\ninput(type="imudp" address="127.0.0.1" port="{port}" rcvbufSize="16m")\n',
    "tcp": 'module(load="imtcp")\ninput(type="imtcp" address="127.0.0.1" port="{port}")\n',
}
_OUTPUT = (
    'template(name="line" type="string" string="%rawmsg%\\n")\n'
    'action(type="omfile" file="{file}" template="line" ioBufferSize="1m" flushOnTXEnd="{flush}" {sync})\n'
)
_QUEUE = 'main_queue(queue.size="200000" queue.dequeueBatchSize="5000" queue.workerThreads="1")\n'
_STOP = 20.0  # seconds for it to write what it holds


def find_rsyslog() -> str | None:
    """Where the program is, None without it (Debian: ``apt-get install rsyslog``)."""
    return shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin:/sbin")


class Rsyslog:
    """One rsyslogd with one input and one file, for the length of a ``with`` block.

    Args:
        program: rsyslogd.
        kind: ``udp`` or ``tcp``.
        directory: where its files are made.
        line_bytes: length of every line that will be sent, without its ending.
        synced: fsync after each batch.
    """

    def __init__(self, program: str, kind: str, directory: Path, line_bytes: int, *, synced: bool) -> None:
        stream = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, stream) as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._file = directory / "lines"
        self._line = line_bytes + 1
        settings = directory / "rsyslog.conf"
        output = _OUTPUT.format(file=self._file, flush="on" if synced else "off", sync='sync="on"' if synced else "")
        settings.write_text(
            f'global(workDirectory="{directory}")\n{_QUEUE}{_INPUTS[kind].format(port=self.port)}{output}'
        )
        self._command = [program, "-n", "-f", str(settings), "-i", str(directory / "pid")]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        time.sleep(1)  # it says nowhere that it listens
        if self._process.poll() is not None:
            raise RuntimeError("rsyslogd ended at once: is its configuration refused?")
        self._cpu = self.cpu_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(_STOP)

    def stop(self) -> None:
        """Let it write what it holds, and end."""
        self.cpu = self.cpu_seconds() - self._cpu
        self._process.terminate()
        self._process.wait(_STOP)

    def written(self) -> int:
        """Lines in its file."""
        return self._file.stat().st_size // self._line if self._file.exists() else 0

    def cpu_seconds(self) -> float:
        """Of all its threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
