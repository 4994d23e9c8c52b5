"""``soc report``: what is owed and until when, what a report still lacks, periodic reports, and what was sent."""

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from soc.cli.operate import require_installation
from soc.cli.output import actor, config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.cli.personal import shown, unmask_option
from soc.clock import Micros, now, to_iso
from soc.errors import SettingsError
from soc.settings import Settings
from soc.store.base import Kind, Store

if TYPE_CHECKING:
    from soc.duties.clocks import Clock
    from soc.duties.policy import Policy
    from soc.duties.schedule import PeriodicClock

T = TypeVar("T")

KINDS: tuple[Kind, ...] = ("report", "incident", "alert", "silence", "notice", "directive", "deadletter")
OWED_COLUMNS = ("state", "due", "left", "incident", "kind", "recipient", "missing", "verified")


@click.group()
def report() -> None:
    """Duties to report: what is due, what is missing, what was sent.

    \b
    Example:
      soc report due
    """


class Asked(NamedTuple):
    """What questions are put to: the installation's settings, its store, and the policy in force."""

    settings: Settings
    store: Store
    policy: "Policy"


def with_store(config: Path | None, ask: Callable[[Asked], Awaitable[T]]) -> T:
    """Ask the store of an installation, with the policy in force.

    Raises:
        SettingsError: there is no installation, or its settings or policy are wrong.
    """
    from soc.app import open_store
    from soc.pipeline.policy import load_policy

    settings = settings_of(config)
    require_installation(settings)
    policy = load_policy(settings)

    async def main() -> T:
        store = open_store(settings)
        try:
            return await ask(Asked(settings, store, policy))
        finally:
            await store.close()

    return run_async(main())


@report.command()
@config_option
@format_option
def due(config: Path | None, output_format: str | None) -> None:
    """List every report that is owed, overdue first; exit code 1 if any is overdue.

    \b
    Example:
      soc report due
    """
    from soc.forward.owed import Owed, owed
    from soc.pipeline.policy import since_of

    at = now()

    async def ask(of: Asked) -> Owed:
        return await owed(of.store, of.policy, at, since_of(of.settings, of.policy))

    found = with_store(config, ask)
    rows = sorted([*map(_row, found.clocks), *map(_periodic_row, found.periodic)], key=lambda row: row["due"] or "~")
    print_rows([row | {"left": _left(row["due_at"], at)} for row in rows], output_format, OWED_COLUMNS)
    if found.cut:
        click.echo("there are more incidents than were looked at: the newest ones were", err=True)
    if found.overdue:
        click.echo(f"{found.overdue} overdue", err=True)
        raise click.exceptions.Exit(1)


def _row(clock: "Clock") -> dict[str, Any]:
    return {
        "state": clock.state,
        "due": "" if clock.due is None else to_iso(clock.due),
        "due_at": clock.due,
        "incident": clock.number,
        "incident_id": clock.incident_id,
        "kind": clock.kind,
        "duty": clock.duty,
        "recipient": clock.recipient or ("(exercise)" if clock.exercise else ""),
        "t0": "" if clock.t0 is None else to_iso(clock.t0),
        "share": clock.share,
        "missing": list(clock.missing),
        "waits_for": list(clock.waits_for),
        "report_state": clock.report_state,
        "exercise": clock.exercise,
        "paper": clock.paper,
        "legal_basis": clock.legal_basis,
        "verified": clock.verified,
        "policy": clock.policy,
        "policy_hash": clock.policy_hash,
    }


def _periodic_row(clock: "PeriodicClock") -> dict[str, Any]:
    return {
        "state": clock.state,
        "due": to_iso(clock.due),
        "due_at": clock.due,
        "incident": "",
        "kind": f"{clock.report} {clock.period}",
        "duty": clock.report,
        "recipient": clock.recipient,
        "share": clock.share,
        "missing": [],
        "legal_basis": clock.legal_basis,
        "verified": clock.verified,
        "policy": clock.policy,
        "policy_hash": clock.policy_hash,
    }


def _left(due_at: Micros | None, at: Micros) -> str:
    if due_at is None:
        return "on demand"
    seconds = (due_at - at) // 1_000_000
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    return f"{sign}{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


@report.command()
@click.argument("incident")
@click.option("--kind", default="", help="Of this kind of report only.")
@config_option
@format_option
def missing(incident: str, kind: str, config: Path | None, output_format: str | None) -> None:
    """Name the required fields that are empty now, for each kind of report; exit code 1 if any is.

    INCIDENT is its id or number. `source` says where a field comes from: the register of systems, the settings
    ([policy.particulars]), or a person who types it on the incident.

    \b
    Example:
      soc report missing INC-2026-000012 --kind notice_initial
    """
    from soc.duties.clocks import gaps
    from soc.pipeline.dossier import find_incident

    async def ask(of: Asked) -> list[dict[str, Any]]:
        found = await find_incident(of.store, incident)
        if kind and kind not in of.policy.kinds():
            raise SettingsError([f"{of.policy.id} has no kind {kind!r}; known: {', '.join(of.policy.kinds())}"])
        return [
            {
                "kind": one,
                "field": gap.field.name,
                "label": gap.field.vi,
                "source": gap.field.source,
                "systems": list(gap.systems),
            }
            for one in ([kind] if kind else of.policy.kinds())
            for gap in gaps(of.policy, found, one)
        ]

    rows = with_store(config, ask)
    print_rows(rows, output_format, ("kind", "field", "label", "source", "systems"))
    if rows:
        raise click.exceptions.Exit(1)


@report.command()
@click.argument("incident")
@config_option
@format_option
def clocks(incident: str, config: Path | None, output_format: str | None) -> None:
    """Show every clock of one incident, also those that are met, void or not triggered.

    \b
    Example:
      soc report clocks INC-2026-000012
    """
    from soc.duties.clocks import clocks as clocks_of
    from soc.forward.owed import reports_of
    from soc.pipeline.dossier import find_incident

    at = now()

    async def ask(of: Asked) -> "list[Clock]":
        found = await find_incident(of.store, incident)
        reports = await reports_of(of.store, [found])
        return list(clocks_of(of.policy, found, at, reports[found.id]))

    rows = [
        _row(clock) | {"delivered": clock.delivered and to_iso(clock.delivered)} for clock in with_store(config, ask)
    ]
    print_rows(rows, output_format, ("state", "duty", "recipient", "t0", "due", "delivered"))


@report.command(name="list")
@click.argument("query", default="")
@click.option("--of", "of", type=click.Choice(KINDS), default="report", show_default=True, help="What to list.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@unmask_option
@config_option
@format_option
def list_(
    query: str, *, of: Kind, limit: int, unmask: str | None, config: Path | None, output_format: str | None
) -> None:
    """List reports that match QUERY, newest first; with --of what a figure of a periodic report counted.

    \b
    Example:
      soc report list report.state:accepted
    """
    from soc.store.base import Document
    from soc.store.query import QueryError, parse

    async def ask(asked: Asked) -> list[Document]:
        try:
            parsed = parse(query)
        except QueryError as error:
            raise SettingsError([str(error)]) from error
        return list((await asked.store.search(of, parsed, limit=limit)).documents)

    found = shown(settings_of(config), with_store(config, ask), unmask, f"{of}s/{query or 'all'}")
    print_rows([{"id": document.id, **(document.body or document.fields)} for document in found], output_format)


@report.command()
@click.option("--kind", required=True, help="weekly, half_year or year, as the policy calls them.")
@click.option("--period", required=True, help="2026-W47, 2026-H1 or 2026.")
@click.option("--as", "form", type=click.Choice(["json", "markdown", "html"]), default="json", show_default=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to make, its SHA-256 in the audit first; it must not exist.",
)
@config_option
def periodic(kind: str, period: str, form: str, output: Path | None, config: Path | None) -> None:
    """Make a periodic report: figures with the queries that make them again, and whether deadlines were kept.

    As JSON, as Markdown, or as one page of HTML in the layout of Vietnamese administrative documents, to be printed and signed.
    With --output the audit says who made it, when, and its SHA-256: that proves later which file it was.

    \b
    Example:
      soc report periodic --kind year --period 2026 --as html --output bao-cao-2026.html
    """
    import msgspec

    from soc.duties.figures import PeriodicReport
    from soc.duties.layout import html, markdown
    from soc.pipeline.periodic import make

    at = now()

    async def ask(of: Asked) -> PeriodicReport:
        return await make(of.store, of.policy, kind, period, organization=of.settings.forward.organization, now=at)

    if output is not None and output.exists():
        raise SettingsError([f"{output} exists; a report never takes the place of another file"])
    made = with_store(config, ask)
    if output is not None:
        text = html(made) if form == "html" else markdown(made)
        data = msgspec.json.encode(made) + b"\n" if form == "json" else text.encode()
        sha256 = hashlib.sha256(data).hexdigest()
        _audit(settings_of(config), "export", f"{kind}/{period}", f"periodic report as {form}, sha256 {sha256}")
        output.write_bytes(data)
        print_json({"file": str(output), "size": len(data), "sha256": sha256})
    elif form == "json":
        print_json(made)
    else:
        click.echo((markdown if form == "markdown" else html)(made), nl=False)


def _audit(settings: Settings, act: str, key: str, detail: str) -> None:
    """A line of the audit about a periodic report; it is durable when this returns."""
    from soc.app import open_bus
    from soc.audit.chain import Entry
    from soc.forward.owed import PERIODIC
    from soc.pipeline.audit_record import record

    async def main() -> None:
        bus = open_bus(settings)
        try:
            await record(bus, Entry(now(), actor(), act, f"{PERIODIC}{key}", detail))
        finally:
            await bus.close()

    run_async(main())


@report.command(name="delivered")
@click.option("--kind", required=True, help="weekly, half_year or year, as the policy calls them.")
@click.option("--period", required=True, help="2026-W47, 2026-H1 or 2026.")
@click.option("--to", "recipient", required=True, help="The recipient, as the policy calls it.")
@click.option("--document", required=True, help="Number and date of the paper or message.")
@click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What was handed over: its SHA-256 goes into the audit.",
)
@config_option
def handed_over(
    kind: str, period: str, recipient: str, document: str, *, file: Path | None, config: Path | None
) -> None:
    """Record in the audit that a periodic report was handed over; it is owed no more.

    \b
    Example:
      soc report delivered --kind year --period 2026 --to owner --document '123/BC-TTGS 18/12/2026'
    """
    from soc.duties.calendar import period as period_of
    from soc.forward.owed import HANDED_OVER
    from soc.pipeline.periodic import find
    from soc.pipeline.policy import load_policy

    settings = settings_of(config)
    require_installation(settings)
    policy = load_policy(settings)
    one = find(policy, kind)
    try:
        covered = period_of(one.every, period, one.first_day, policy.zone)
    except ValueError as error:
        raise SettingsError([f"--period: {error}"]) from error
    recipients = [step.recipient for step in one.steps]
    if recipient not in recipients:
        raise SettingsError([f"--to: {one.id} goes to {', '.join(recipients)}"])
    if not document.strip():
        raise SettingsError(["--document: number and date of the paper or message are needed"])
    key = f"{one.id}/{covered.name}/{recipient}"
    proof = f", sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}" if file else ""
    _audit(settings, HANDED_OVER, key, document.strip() + proof)
    print_json({"handed_over": key, "document": document.strip()})


@report.command()
@config_option
@format_option
def policy(config: Path | None, output_format: str | None) -> None:
    """Show the policy in force: each duty, its deadline and legal basis; exit code 1 while any is verified by nobody.

    On stderr: what keeps it from being ready for use.

    \b
    Example:
      soc report policy
    """
    from soc.pipeline.policy import load_policy, policy_path, readiness

    settings = settings_of(config)
    found = load_policy(settings)
    rows = [
        {
            "id": duty.id,
            "kind": duty.kind,
            "due": duty.due_text,
            "figure": duty.figure,
            "when": duty.when_text,
            "recipients": list(duty.recipients),
            "required": list(duty.required),
            "legal_basis": duty.legal_basis,
            "verified_by": duty.verified_by,
            "policy": found.id,
            "policy_hash": found.hash,
        }
        for duty in found.duties
    ]
    rows += [
        {
            "id": one.id,
            "kind": "periodic",
            "due": "; ".join(f"{step.sender} → {step.recipient} {step.before_text}" for step in one.steps),
            "figure": one.figure,
            "when": one.every,
            "recipients": [step.recipient for step in one.steps],
            "required": [],
            "legal_basis": one.legal_basis,
            "verified_by": one.verified_by,
            "policy": found.id,
            "policy_hash": found.hash,
        }
        for one in found.periodic
    ]
    print_rows(rows, output_format, ("id", "kind", "due", "figure", "when", "verified_by"))
    click.echo(f"{policy_path(settings)}: {found.id}, SHA-256 {found.hash}", err=True)
    for line in readiness(settings, found):
        click.echo(line, err=True)
    if found.unverified():
        raise click.exceptions.Exit(1)


COMMANDS = (report,)
