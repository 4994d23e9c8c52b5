"""``soc forward``: reports to the national system; where each one stands, and the forwarder's state made anew."""

from pathlib import Path

import click
import msgspec

from soc.cli.cases import documents
from soc.cli.operate import require_installation
from soc.cli.output import config_option, format_option, print_rows, run_async, settings_of
from soc.clock import to_iso

forward = documents(
    "forward",
    "report",
    "reports to the national system, with state and receipt",
    "soc forward list state:accepted",
    ("id", "incident_id", "kind", "recipient", "state", "attempts", "detail"),
)


@forward.command()
@config_option
@format_option
def status(config: Path | None, output_format: str | None) -> None:
    """Where each report stands, from the forwarder's own state, in the order of sealing; the store is not asked.

    \b
    Example:
      soc forward status
    """
    from soc.app import reports

    settings = settings_of(config)
    require_installation(settings)
    rows = [
        {
            "report": report.id,
            "incident": report.incident_id,
            "kind": report.kind,
            "state": report.state,
            "since": to_iso(report.history[-1][1] if report.history else report.sealed_at),
            "attempts": report.attempts,
            "detail": report.detail,
        }
        for report in run_async(reports(settings))
    ]
    print_rows(rows, output_format)


@forward.command()
@config_option
@format_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def rebuild(config: Path | None, output_format: str | None, *, yes: bool) -> None:
    """Make the forwarder's state anew from soc.outbox, soc.audit and soc.incidents, and print what became of each report.

    For a state that was lost or rolled back: `soc run` then says that it does not fit, and sends nothing. Every report that was not
    final becomes uncertain, and so does every approval that soc.outbox knows no report of: the receiver is asked for it
    before anything is sent. Stop the forward role on every host first. A log file restored from an older copy is declared so
    first (`soc store declare-restored forward 0`).

    \b
    Example:
      soc forward rebuild
    """
    from soc.app import rebuild_forward

    settings = settings_of(config)
    require_installation(settings)
    if not yes:
        click.confirm("The forwarder's state is lost or older than what was sent?", abort=True, err=True)
    rows = [msgspec.to_builtins(row) for row in run_async(rebuild_forward(settings))]
    print_rows(rows, output_format)
    asked = sum(row["state"] == "uncertain" for row in rows)
    click.echo(f"{len(rows)} reports; the receiver will be asked for {asked}", err=True)


COMMANDS = (forward,)
