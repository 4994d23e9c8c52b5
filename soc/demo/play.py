"""``soc demo``: a fresh installation, a stand-in receiver and the story told over real sockets; its summary out."""

import asyncio
import shutil
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import click

from soc.app import open_bus
from soc.assets.difference import summary as summary_of
from soc.assets.entries import Entries
from soc.assets.reading import read
from soc.assets.register import Register
from soc.clock import now
from soc.console.auth import Users
from soc.demo.province import REGISTER
from soc.demo.story import Line, Story, story
from soc.demo.walk import RECEIPT_SECONDS, Walk
from soc.errors import SettingsError, UnavailableError
from soc.forward.standin import Standin
from soc.forward.standin import start as start_standin
from soc.forward.standin_taxii import COLLECTION
from soc.installation import installation, say_where
from soc.pipeline.audit_heads import key_of
from soc.pipeline.context import publish
from soc.pipeline.reconcile import reconcile_when_drained
from soc.pipeline.status import ProcessStatus
from soc.settings import Settings, load
from soc.telemetry import configure_logging

MARKER = "this-is-a-demo"
"""A file that says that a data directory may be thrown away by the next demo."""

PREFERRED = {"syslog": 5514, "http": 5580, "console": 8080, "metrics": 9464}
"""Ports that the documentation names; another free one is used where somebody else has it."""

STORY_SECONDS = 60.0
"""How long the alerts may take after the last line."""


@dataclass
class Summary:
    """What the demo saw, and everything that is not as the story says."""

    lines: int = 0
    events: int = 0
    dead_letters: int = 0
    alerts: int = 0
    incidents: int = 0
    receipts: int = 0
    seconds: float = 0.0
    mistakes: list[str] = field(default_factory=list[str])

    def as_dict(self) -> dict[str, Any]:
        """For printing as JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def expect(self, what: str, found: object, expected: object) -> None:
        """Note a mistake unless both are equal."""
        if found != expected:
            self.mistakes.append(f"{what}: {found}, expected {expected}")


async def play_demo(
    *, once: bool, data_dir: Path | None, speed: float, language: str, stop_on_signals: Callable[[], asyncio.Event]
) -> Summary | None:
    """Run the demo until stopped, or with ``once`` to its end; None when it was stopped before.

    Raises:
        SettingsError: the data directory holds something that is not a demo.
        UnavailableError: a process did not become ready.
    """
    started = time.monotonic()
    directory = _fresh(data_dir or Path("soc-data/demo"))
    configure_logging("warning", "auto", process="supervisor")
    stop = stop_on_signals()
    standin = await start_standin("127.0.0.1", 0, directory / "receiver")
    try:
        config = _write_settings(directory, standin, language)
        settings = load(config, {})
        users = Users(settings.data_dir)
        password = users.bootstrap()
        token = users.add_token("admin", "demo")
        key_of(settings.data_dir, make=True)  # so that a dossier is signed
        await _publish_register(settings)
        async with installation(settings, ["run", "--config", str(config)], stop) as (statuses, _):
            if stop.is_set():
                return None
            say_where(statuses, password)
            told = story(now(), timezone=settings.timezone)
            say(f"the story: {len(told.lines)} raw lines over UDP and TCP; stand-in receiver at {standin.url}")
            await _tell(told.lines, _addresses(statuses), speed, stop)
            if not once:
                await _open_end(statuses, stop)
                return None
            summary = Summary(lines=len(told.lines))
            console = _addresses(statuses)["console"]
            await _judge(summary, told, settings, console=console, token=token, standin=standin)
            summary.seconds = round(time.monotonic() - started, 1)
            return summary
    finally:
        await standin.close()


async def _publish_register(settings: Settings) -> None:
    """Before anything runs, so that the first alert knows its systems."""
    found = read([("register.yaml", REGISTER.encode())], Entries(), timezone=settings.timezone)
    assert found.entries is not None, found.mistakes
    bus = open_bus(settings)
    try:
        data = Register(found.entries).encode()
        await publish(bus, "register", data, actor="demo", at=now(), detail=summary_of(found.entries))
    finally:
        await bus.close()


def say(text: str) -> None:
    """One line for the person at the terminal."""
    click.echo(f"  {text}", err=True)


def _fresh(directory: Path) -> Path:
    if directory.exists() and any(directory.iterdir()):
        if not (directory / MARKER).exists():
            raise SettingsError([f"--data-dir: {directory} holds something that is not a demo; name another directory"])
        shutil.rmtree(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / MARKER).touch()
    except OSError as error:
        raise SettingsError([f"--data-dir: {directory} cannot be made: {error.strerror}"]) from error
    return directory.resolve()


def _write_settings(directory: Path, standin: Standin, language: str) -> Path:
    port = {name: _free_port(preferred) for name, preferred in PREFERRED.items()}
    config = directory / "soc.toml"
    config.write_text(
        f"""# Written by `soc demo`; the next demo in this directory replaces it.
data_dir = '{directory / "data"}'

[[listeners]]
type = "syslog-udp"
name = "syslog-udp"
port = {port["syslog"]}

[[listeners]]
type = "syslog-tcp"
name = "syslog-tcp"
port = {port["syslog"]}

[[listeners]]
type = "http"
name = "http"
port = {port["http"]}

[forward]
organization = "SOC Tây Ninh (demo)"

[forward.receiver]
name = "national"
binding = "taxii21"
url = '{standin.taxii_url}'
collection = "{COLLECTION}"
ca_file = '{standin.ca_file}'
token = '{standin.token}'
retry_min_seconds = 1
retry_max_seconds = 10

[policy.particulars]
reporter_name = "Trung tâm Giám sát an toàn, an ninh mạng (minh họa)"
reporter_address = "Tây Ninh"
reporter_phone = "0276 3999 999"
reporter_email = "soc@tayninh.example"
contact_name = "Nguyễn Văn Minh Họa"
contact_title = "Trưởng ca trực"
contact_phone = "0276 3999 998"
contact_email = "truc-ca@tayninh.example"

[console]
port = {port["console"]}
language = "{language}"

[metrics]
port = {port["metrics"]}

[log]
level = "warning"
""",
        encoding="utf-8",
    )
    (directory / "data").mkdir(exist_ok=True)
    return config


def _free_port(preferred: int) -> int:
    """``preferred`` if it is free for UDP and TCP on loopback, else one that is."""
    for port in (preferred, 0):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]
    raise UnavailableError("no free port on 127.0.0.1")


def _addresses(statuses: Sequence[ProcessStatus]) -> dict[str, str]:
    return {name: address for status in statuses for name, address in status.addresses.items()}


async def _tell(lines: Sequence[Line], addresses: Mapping[str, str], speed: float, stop: asyncio.Event) -> None:
    """Send each line when its time has come, the firewall's by UDP and the servers' over one TCP connection."""
    host, port = addresses["syslog-udp"].rsplit(":", 1)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    _, writer = await asyncio.wait_for(asyncio.open_connection(*_host_port(addresses["syslog-tcp"])), 5)
    try:
        for line in lines:
            pause = line.delay / speed - (loop.time() - begin)
            if pause > 0:
                try:
                    await asyncio.wait_for(stop.wait(), pause)
                except TimeoutError:
                    pass
                else:
                    return
            if line.transport == "udp":
                udp.sendto(line.data, (host, int(port)))
            else:
                writer.write(line.data + b"\n")
                await asyncio.wait_for(writer.drain(), 10)
    finally:
        udp.close()
        writer.close()
        await asyncio.wait_for(writer.wait_closed(), 5)


def _host_port(address: str) -> tuple[str, int]:
    host, port = address.rsplit(":", 1)
    return host, int(port)


async def _open_end(statuses: Sequence[ProcessStatus], stop: asyncio.Event) -> None:
    host, port = _host_port(_addresses(statuses)["syslog-udp"])
    say("the story is told: open the console, look at the incident: what its report lacks, fill it in, approve it")
    say("one more alert, from another terminal:")
    line = "Accepted password for root from 203.0.113.9 port 4242 ssh2"
    say(f'  logger -n {host} -P {port} -d -t sshd "{line}"')
    say("Ctrl-C ends it")
    await stop.wait()


async def _judge(
    summary: Summary, told: Story, settings: Settings, *, console: str, token: str, standin: Standin
) -> None:
    """Wait for what the story says, handle the incident as a person would, wait for the receipts, and compare."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    timeout = aiohttp.ClientTimeout(total=15)
    async with aiohttp.ClientSession(console, headers=headers, timeout=timeout) as session:
        alerts = await _wait_for_alerts(session, told, summary)
        incidents = {alert["incident_id"] for alert in alerts if alert["rule_id"] in told.alerts}
        summary.expect("incidents that hold the story's alerts", len(incidents - {""}), told.incidents)
        listed = await _get(session, "/incidents.json?status=all")
        summary.incidents = len(listed["incidents"])
        summary.expect("incidents", summary.incidents, told.incidents)
        for incident in sorted(incidents - {""}):
            await Walk(session, incident, summary.expect).handle()
        summary.receipts = await _wait_for_receipts(session, told.receipts)
        summary.expect("receipts", summary.receipts, told.receipts)
        reports = sum(name.startswith("report--") for name in standin.objects)
        summary.expect("reports at the receiver", reports, told.receipts)
    await _balance(summary, told, settings)


async def _wait_for_alerts(
    session: aiohttp.ClientSession, told: Story, summary: Summary
) -> Sequence[Mapping[str, Any]]:
    deadline = time.monotonic() + STORY_SECONDS
    while True:
        alerts: list[dict[str, Any]] = (await _get(session, "/alerts.json?status=all"))["alerts"]
        live = [alert for alert in alerts if alert["state"] == "live"]
        counts = {rule: sum(alert["rule_id"] == rule for alert in live) for rule in told.alerts}
        missing = [rule for rule, least in told.alerts.items() if counts[rule] < least]
        one = len({alert["incident_id"] for alert in live if alert["rule_id"] in told.alerts}) == told.incidents
        if (not missing and one) or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.25)
    summary.alerts = len(live)
    summary.mistakes += [
        f"rule {rule}: {counts[rule]} alerts, expected {told.alerts[rule]} at least" for rule in missing
    ]
    return live


async def _wait_for_receipts(session: aiohttp.ClientSession, expected: int) -> int:
    deadline = time.monotonic() + RECEIPT_SECONDS
    while True:
        reports = (await _get(session, "/reports.json"))["reports"]
        receipts = sum(report["receipt"] is not None for report in reports)
        if receipts >= expected or time.monotonic() > deadline:
            return receipts
        await asyncio.sleep(0.25)


async def _balance(summary: Summary, told: Story, settings: Settings) -> None:
    bus = open_bus(settings)
    deadline = time.monotonic() + STORY_SECONDS
    try:
        while True:  # datagrams may still be in the kernel's hands: nothing in flight does not say that everything came
            found = await reconcile_when_drained(bus, 30)
            if found.sums.raw >= told.events + told.dead_letters or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.25)
    finally:
        await bus.close()
    summary.events, summary.dead_letters = found.sums.normalized, found.sums.dead
    summary.expect("balance", found.balanced, expected=True)
    summary.expect("events", summary.events, told.events)
    summary.expect("dead letters", summary.dead_letters, told.dead_letters)


async def _get(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as answer:
        if answer.status != 200:
            raise UnavailableError(f"console: {path} answered {answer.status}: {(await answer.text())[:200]}")
        return await answer.json()
