"""``soc report sent | withheld | late | receipts``: what an auditor asks of reports, each question one command."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soc.cli.operate import require_installation
from soc.cli.output import config_option, format_option, print_rows, run_async, settings_of
from soc.cli.report import Asked, with_store
from soc.clock import now, to_iso
from soc.errors import SettingsError

if TYPE_CHECKING:
    from datetime import date

    from soc.model import Incident, Report
    from soc.settings import Settings

SENT_COLUMNS = ("sent", "incident", "kind", "recipient", "state", "approver", "second", "receipt", "acknowledged")
RECEIPT_COLUMNS = ("day", "recipient", "sealed", "sent", "acknowledged", "other_way", "open")


async def _reports(settings: "Settings", wanted: "Incident | None") -> "list[Report]":
    """Reports as the forwarder itself has them, in the order of sealing."""
    from soc.app import open_bus
    from soc.forward.ledger import Ledger

    bus = open_bus(settings)
    try:
        found = [report async for _, state in bus.states("forward") for report in Ledger(state).reports]
    finally:
        await bus.close()
    return [report for report in found if wanted is None or report.incident_id == wanted.id]


async def _known(of: Asked, incident: str) -> "tuple[list[Report], dict[str, Incident]]":
    """The reports, of one incident or of all, and the incidents they are about."""
    from soc.forward.owed import incident_of
    from soc.pipeline.dossier import find_incident

    wanted = await find_incident(of.store, incident) if incident else None
    reports = await _reports(of.settings, wanted)
    documents = await of.store.get_many("incident", sorted({report.incident_id for report in reports}))
    incidents = {id_: found for id_, document in documents.items() if (found := incident_of(document))}
    return reports, incidents


@click.command()
@click.argument("incident", default="")
@config_option
@format_option
def sent(incident: str, config: Path | None, output_format: str | None) -> None:
    """List what was sent, when, to whom, by whose approval, and what came back: from the forwarder's own state, oldest first.

    INCIDENT is an id or a number; without it all reports. `sha256` is of the sealed bytes, which is what was approved; `sent` is empty
    for what never left.

    \b
    Example:
      soc report sent INC-2026-000012
    """
    from soc.duties.kinds import delivered_at

    async def ask(of: Asked) -> list[dict[str, Any]]:
        reports, incidents = await _known(of, incident)
        rows: list[dict[str, Any]] = []
        for report in reports:
            case = incidents.get(report.incident_id)
            given = next(
                (one for one in (case.approvals if case else ()) if one.payload_sha256 == report.payload_sha256), None
            )
            first = next((at for state, at, _ in report.history if state == "sending"), None)
            had = delivered_at(report)
            rows.append(
                {
                    "report": report.id,
                    "incident": case.number if case else report.incident_id,
                    "kind": report.kind,
                    "sequence": report.sequence,
                    "recipient": report.recipient,
                    "state": report.state,
                    "approver": report.approver,
                    "approved": to_iso(given.at) if given else "",
                    "by_telephone": given.by_telephone if given else "",
                    "missing": list(given.missing) if given else [],
                    "missing_reason": given.missing_reason if given else "",
                    "second": (given.second or given.countersigned_by) if given else "",
                    "sealed": to_iso(report.sealed_at),
                    "sent": "" if first is None else to_iso(first),
                    "attempts": report.attempts,
                    "acknowledged": "" if had is None else to_iso(had),
                    "receipt": report.receipt.receipt_id if report.receipt else "",
                    "detail": report.detail,
                    "sha256": report.payload_sha256,
                }
            )
        return rows

    print_rows(with_store(config, ask), output_format, SENT_COLUMNS)


@click.command()
@click.argument("incident", default="")
@config_option
@format_option
def withheld(incident: str, config: Path | None, output_format: str | None) -> None:
    """List what was left out of each report, by field and rule, with how many values; never a value.

    Rule `profile`: the recipient's profile (deploy/policy/recipients) does not list the field.

    \b
    Example:
      soc report withheld INC-2026-000012
    """

    async def ask(of: Asked) -> list[dict[str, Any]]:
        reports, incidents = await _known(of, incident)
        return [
            {
                "report": report.id,
                "incident": incidents[report.incident_id].number
                if report.incident_id in incidents
                else report.incident_id,
                "kind": report.kind,
                "recipient": report.recipient,
                "field": field,
                "rule": rule,
                "count": count,
            }
            for report in reports
            for field, rule, count in report.withheld
        ]

    rows = with_store(config, ask)
    print_rows(rows, output_format, ("incident", "kind", "recipient", "field", "rule", "count"))
    if not rows:
        click.echo("nothing was withheld from any report", err=True)


@click.command()
@click.argument("incident", default="")
@config_option
@format_option
def late(incident: str, config: Path | None, output_format: str | None) -> None:
    """List every report that was delivered late or is overdue, with the reasons; exit code 1 while any is overdue.

    A reason that a person gave (field `late_reason` of the incident) comes first.

    \b
    Example:
      soc report late
    """
    from soc.forward.late import missed
    from soc.forward.owed import incidents_of, reports_of
    from soc.pipeline.dossier import find_incident
    from soc.store.query import All

    at = now()

    async def ask(of: Asked) -> list[dict[str, Any]]:
        cases = [await find_incident(of.store, incident)] if incident else await incidents_of(of.store, All())
        return [
            {
                "state": clock.state,
                "incident": clock.number,
                "kind": clock.kind,
                "recipient": clock.recipient,
                "due": "" if clock.due is None else to_iso(clock.due),
                "delivered": "" if clock.delivered is None else to_iso(clock.delivered),
                "why": [str(cause) for cause in causes],
                "legal_basis": clock.legal_basis,
            }
            for clock, _, causes in missed(of.policy, cases, await reports_of(of.store, cases), at)
        ]

    rows = with_store(config, ask)
    print_rows(rows, output_format, ("state", "incident", "kind", "recipient", "due", "delivered", "why"))
    overdue = sum(row["state"] == "overdue" for row in rows)
    if overdue:
        click.echo(f"{overdue} overdue", err=True)
        raise click.exceptions.Exit(1)


@click.command()
@click.option("--day", default="", metavar="DAY", help="2026-11-23, today or yesterday [default: every day].")
@config_option
@format_option
def receipts(day: str, config: Path | None, output_format: str | None) -> None:
    """Compare, per receiver and day, what was sent with what he acknowledged; exit code 1 while any difference is open.

    Read from the forwarder's own state. Each difference is named in `differences` and on stderr, with what it needs: a person, or
    time (it is tried on). A day is one of the policy's zone; a report is of the day on which it was first sent.

    \b
    Example:
      soc report receipts --day yesterday
    """
    import msgspec

    from soc.forward.receipts import reconciled
    from soc.pipeline.policy import load_policy

    settings = settings_of(config)
    require_installation(settings)
    zone = load_policy(settings).zone
    wanted = _day(day, zone)
    rows = [
        row
        for row in reconciled(run_async(_reports(settings, None)), zone)
        if wanted is None or row.day == wanted.isoformat()
    ]
    print_rows([msgspec.to_builtins(row) for row in rows], output_format, RECEIPT_COLUMNS)
    for row in rows:
        for one in row.differences:
            said = f"{row.day} {row.recipient}: {one.kind} on {one.incident}, report {one.report}: {one.state}"
            click.echo(f"{said}, needs {one.needs}{': ' if one.detail else ''}{one.detail}", err=True)
    if any(row.open for row in rows):
        raise click.exceptions.Exit(1)


def _day(text: str, zone: Any) -> "date | None":
    """A day as it was typed.

    Raises:
        SettingsError: it is none.
    """
    from datetime import date, timedelta

    from soc.clock import to_datetime

    today = to_datetime(now()).astimezone(zone).date()
    if text in {"", "today", "yesterday"}:
        return {"": None, "today": today, "yesterday": today - timedelta(days=1)}[text]
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SettingsError([f"--day: {text!r} is no day; write 2026-11-23, today or yesterday"]) from error


COMMANDS = (sent, withheld, late, receipts)
