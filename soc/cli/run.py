"""``soc run`` and ``soc demo``: start everything, or some roles."""

import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import cast, get_args

import click
import uvloop

from soc.cli.output import config_option, print_json, run_async, settings_of
from soc.settings import Role, Settings

ROLE = click.Choice(get_args(Role))


@click.command()
@config_option
@click.option("--role", "roles", type=ROLE, multiple=True, help="Only this role on this host; may be repeated.")
@click.option("--process", type=(str, int, int), default=None, hidden=True, help="Given by the supervisor.")
def run(config: Path | None, roles: tuple[str, ...], process: tuple[str, int, int] | None) -> None:
    """Run everything, or some roles.

    A supervisor starts one process a role group (more where [processes] says so), starts it again when it ends, serves
    /metrics, /healthz and /readyz, prints the console's address and ends cleanly on SIGTERM.

    \b
    Example:
      soc run --config soc.toml
      soc run --config soc.toml --role engine --role correlate --role triage
    """
    settings = settings_of(config)
    chosen = cast("tuple[Role, ...]", roles)
    if process is not None:
        _run_process(settings, chosen, *process)
        return
    from soc.installation import run_installation
    from soc.pipeline.policy import load_policy
    from soc.pipeline.release import load_profiles

    if not chosen or {"forward", "console", "notify"} & set(
        chosen
    ):  # said here, once: a role that cannot start is started again for ever
        load_policy(settings)
        load_profiles(settings)
    command = ["run", *(["--config", str(config)] if config else [])]
    run_async(run_installation(settings, command, stop_on_signals, chosen))


def _run_process(settings: Settings, roles: tuple[Role, ...], name: str, number: int, of: int) -> None:
    from soc.roles import run_process
    from soc.supervise import NICER, PATIENT
    from soc.telemetry import configure_logging

    if PATIENT.issuperset(roles):
        os.nice(NICER)
    configure_logging(settings.log.level, settings.log.format, process=name)

    async def main() -> None:
        stop = stop_on_signals()
        _stop_with_parent(stop)
        await run_process(settings, name, roles, stop, number=number, of=of)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _stop_with_parent(stop: asyncio.Event) -> None:
    """End when standard input does: it is a pipe from the supervisor, and closes however the supervisor died."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        # Not sys.stdin: a thread that waits inside its buffer's lock would abort the interpreter's end.
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="parent", daemon=True).start()


@click.command()
@click.option("--once", is_flag=True, help="Play the story, approve, wait for the receipt, print a summary, end.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), default=None, help="[default: soc-data/demo]"
)
@click.option(
    "--speed", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="How fast the story plays."
)
@click.option("--language", type=click.Choice(["vi", "en"]), default="vi", show_default=True)
def demo(*, once: bool, data_dir: Path | None, speed: float, language: str) -> None:
    """Run everything on a story told through raw log lines: console open, alerts arriving.

    A scan on the province's firewall, password guessing on the one-stop portal's server, a success, sudo, a large
    outbound transfer: five alerts, one incident, one report to a stand-in receiver.

    \b
    Example:
      soc demo --once
    """
    from soc.demo.play import play_demo

    summary = run_async(
        play_demo(once=once, data_dir=data_dir, speed=speed, language=language, stop_on_signals=stop_on_signals)
    )
    if summary is not None:
        print_json(summary.as_dict())
        if summary.mistakes:
            for mistake in summary.mistakes:
                click.echo(f"soc: not as the story says: {mistake}", err=True)
            raise click.exceptions.Exit(1)


COMMANDS = (run, demo)
