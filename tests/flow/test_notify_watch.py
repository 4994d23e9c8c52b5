"""The dead man's switch with real processes: the notifier is killed, and the second host calls people; it is back, and they are told."""

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from soc.calling import HeartbeatSettings, NotifySettings
from soc.clock import MINUTE, SECOND, now
from soc.errors import RecordError, SettingsError
from soc.notify.heartbeat import Beat, Bounds, from_file, to_file, troubles
from soc.notify.roster_file import parse
from soc.pipeline.heartbeat import Heartbeat
from soc.pipeline.notifier_parts import senders
from soc.pipeline.watchman import Watchman

SECRET = "a secret of twenty characters"
ROSTER = """
people:
  truc: {name: Trực ban, channels: [{command: "+84900000009"}]}
escalations:
  default: [{call: truc, minutes: 15}]
"""
SCRIPT = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read().replace(chr(10), ' ') + chr(10))"
BOUNDS = Bounds(3 * MINUTE, 15 * MINUTE, 10 * MINUTE)
AT = 1_795_000_000 * SECOND


def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def second_host(tmp_path: Path, **watch) -> Watchman:
    settings = NotifySettings.model_validate(
        {
            "command": {"argv": (sys.executable, "-c", SCRIPT, str(tmp_path / "told"))},
            "watch": {"secret_key": SECRET, "silent_seconds": 3, **watch},
        }
    )
    return Watchman(settings, parse(ROSTER), senders(settings, now), tmp_path / "watch.state", now)


def told(tmp_path: Path) -> list[str]:
    path = tmp_path / "told"
    return path.read_text().splitlines() if path.exists() else []


async def until(what, seconds: float = 240.0) -> None:
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def test_a_notifier_that_is_killed_makes_the_second_host_call_people_and_its_return_is_told(tmp_path):
    heard_at = port()
    (tmp_path / "soc.toml").write_text(
        f"""data_dir = "{tmp_path / "data"}"
[archive]
enabled = false
[metrics]
port = {port()}
[notify.heartbeat]
url = "http://127.0.0.1:{heard_at}/heartbeat"
secret_key = "{SECRET}"
interval_seconds = 0.5
"""
    )

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "soc", "run", "--config", str(tmp_path / "soc.toml"), "--role", "notify"]
        return subprocess.Popen([*command, "--process", "notify", "0", "1"], stdin=subprocess.PIPE)

    async def main() -> None:
        first, status = start(), tmp_path / "data" / "run" / "notify.json"
        await until(lambda: status.exists() and b'"ready":true' in status.read_bytes())
        watchman = second_host(tmp_path, port=heard_at, silent_seconds=8)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watchman.run(stop))
            try:
                await until(lambda: watchman._deadman.heard.beat is not None)
                await asyncio.sleep(2)
                assert not [line for line in told(tmp_path) if "tin hieu" in line]
                first.send_signal(signal.SIGKILL)
                first.wait()
                await until(lambda: any("Khong con tin hieu" in line for line in told(tmp_path)))
                first = start()
                await until(lambda: any("da hoat dong lai" in line for line in told(tmp_path)))
            finally:
                first.kill()
                first.wait()
            stop.set()

    asyncio.run(main())
    assert sum("Khong con tin hieu" in line for line in told(tmp_path)) == 1


def test_a_second_host_that_is_restarted_while_the_first_is_silent_does_not_call_again(tmp_path):
    async def main() -> None:
        for _ in range(2):
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(second_host(tmp_path, file=str(tmp_path / "no-beat"), silent_seconds=0.5).run(stop))
                await until(lambda: told(tmp_path))
                await asyncio.sleep(1.5)
                stop.set()

    asyncio.run(main())
    assert len(told(tmp_path)) == 1


def test_a_heartbeat_by_file_is_heard_and_one_with_another_secret_is_not(tmp_path):
    beat = Beat(AT, AT, host="soc1")
    assert from_file(to_file(beat, SECRET), SECRET) == beat
    for forged in (
        to_file(beat, "another secret of twenty"),
        to_file(beat, SECRET).replace(b"soc1", b"soc2"),
        b"",
        b"\n\n{}",
    ):
        with pytest.raises(RecordError):
            from_file(forged, SECRET)


def test_a_heartbeat_file_is_written_by_the_first_host_and_heard_by_the_second(tmp_path):
    async def main() -> str:
        file = tmp_path / "beat"
        heartbeat = Heartbeat(HeartbeatSettings(file=str(file), secret_key=SECRET, interval_seconds=0.2), now)
        watchman, stop = second_host(tmp_path, file=str(file)), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(heartbeat.run(stop))
            tasks.create_task(watchman.run(stop))
            await until(lambda: watchman._deadman.heard.beat is not None)
            stop.set()
        return watchman._deadman.heard.beat.host

    assert asyncio.run(main()) == socket.gethostname()


def test_an_old_heartbeat_that_is_sent_again_is_no_sign_of_life(tmp_path):
    watchman = second_host(tmp_path, file=str(tmp_path / "beat"))
    assert watchman._deadman.hear(Beat(AT), AT)
    assert not watchman._deadman.hear(Beat(AT), AT + MINUTE)
    assert not watchman._deadman.hear(Beat(AT - 1), AT + MINUTE)


@pytest.mark.parametrize(
    ("beat", "age", "wrong"),
    [
        (Beat(AT, AT), 0, set()),
        (Beat(AT, AT), 3 * MINUTE - 1, set()),
        (Beat(AT, AT), 3 * MINUTE, {"silent"}),
        (None, 3 * MINUTE, {"silent"}),
        (None, MINUTE, set()),
        (Beat(AT, AT, unsent=1, oldest=AT - 15 * MINUTE), 0, {"queue"}),
        (Beat(AT, AT, unsent=1, oldest=AT - 15 * MINUTE + 1), 0, set()),
        (Beat(AT, AT, behind=10 * MINUTE), 0, {"lag"}),
        (Beat(AT, AT - 10 * MINUTE), 0, {"lag"}),
        (Beat(AT, AT, nobody="roster"), 0, {"nobody"}),
    ],
)
def test_what_is_wrong_with_the_first_host_follows_from_its_sign_of_life_and_its_silence(beat, age, wrong):
    assert troubles(beat, AT, BOUNDS, AT + age) == wrong


def test_a_watch_that_can_hear_or_call_nobody_does_not_start(tmp_path):
    with pytest.raises(SettingsError, match="nothing can be heard"):
        second_host(tmp_path)
    settings = NotifySettings.model_validate({"watch": {"secret_key": SECRET, "file": "/x"}})
    with pytest.raises(SettingsError, match="nobody can be called"):
        Watchman(settings, parse(ROSTER), {}, tmp_path / "state", now)


@pytest.mark.parametrize(("key", "value"), [("port", 8686), ("file", "/x")])
def test_a_heartbeat_without_a_secret_is_refused_by_the_settings(key, value):
    with pytest.raises(ValueError, match="secret_key must have at least 16"):
        NotifySettings.model_validate({"watch": {key: value}})
    with pytest.raises(ValueError, match="secret_key must have at least 16"):
        NotifySettings.model_validate({"heartbeat": {"url": "https://soc2.example/heartbeat"}})


def test_the_watch_command_says_what_is_not_set(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "soc", "notify", "watch"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "[notify.watch] roster is not set" in done.stderr
    assert not done.stdout
