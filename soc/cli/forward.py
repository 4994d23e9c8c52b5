"""``soc forward``: reports to the national system; where each one stands, and the forwarder's state made anew."""

from pathlib import Path

import click
import msgspec

from soc.cli.acts import hand_in, token_option, url_option
from soc.cli.cases import documents
from soc.cli.operate import require_installation
from soc.cli.output import config_option, format_option, print_rows, run_async, settings_of
from soc.clock import now, to_iso

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


@forward.command()
@click.argument("reports", nargs=-1, metavar="[REPORT]...")
@click.option("--all", "all_waiting", is_flag=True, help="Every report that waits to be tried or asked for again.")
@click.option("--reason", required=True, help="Why now; it is kept in the incident and in the audit.")
@url_option
@token_option
@config_option
@format_option
def retry(
    reports: tuple[str, ...],
    config: Path | None,
    output_format: str | None,
    *,
    all_waiting: bool,
    reason: str,
    url: str | None,
    token: str,
) -> None:
    """Do not wait for the next attempt: try these reports now, under the roles of a token's owner (an approver).

    What is queued, waits or is blocked is sent; what may have arrived already is asked for, never sent unseen; what is held or was
    rejected is sent again with the same bytes. A receiver that was left alone because it failed again and again is tried as well.
    Prints what became of each wish; exit code 1 if one was not taken.

    \b
    Example:
      soc forward retry 6d0fd0f2-9a66-5754-85f4-101232748936 --reason "they say that it is mended"
      soc forward retry --all --reason "the link is up again"
    """
    from soc.app import reports as read_reports
    from soc.forward.outbox import TRANSITIONS

    settings = settings_of(config)
    require_installation(settings)
    known = run_async(read_reports(settings))
    wanted = [one for one in known if one.id in reports]
    if unknown := sorted(set(reports) - {one.id for one in known}):
        raise click.UsageError(f"no report has the id {', '.join(unknown)}; soc forward status lists them")
    if all_waiting:
        wanted = [
            one for one in known if one.state in {"queued", "retry_wait", "blocked_auth", "uncertain", "processing"}
        ]
    elif not reports:
        raise click.UsageError("which? Name reports, or say --all")
    rows: list[dict[str, object]] = []
    for one in wanted:
        row: dict[str, object] = {"report": one.id, "state": one.state, "taken": False, "detail": ""}
        if (one.state, "resend") not in TRANSITIONS:
            row["detail"] = f"it is {one.state}: nothing is to be tried"
        else:
            act = {"kind": "settle", "action_id": f"retry-{one.id[:8]}-{now()}", "report_id": one.id}
            act |= {"decision": "resend", "reason": reason}
            status, answer = hand_in(settings, url, token, target="incident", identifier=one.incident_id, act=act)
            row |= {"taken": status in (200, 202), "detail": answer.get("error", "") or answer.get("outcome", "")}
        rows.append(row)
    print_rows(rows, output_format)
    if not all(row["taken"] for row in rows):
        raise click.exceptions.Exit(1)


COMMANDS = (forward,)
