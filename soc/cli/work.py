"""``soc silence``, ``soc directive``, ``soc task``: what stands beside alerts and incidents, listed from the store, changed through a console."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import click
import msgspec

from soc.cli.acts import hand_in, hand_in_new, print_answer, token_option, url_option
from soc.cli.cases import found_documents, show_command
from soc.cli.output import config_option, format_option, print_rows, settings_of
from soc.cli.personal import shown, unmask_option
from soc.clock import now, to_iso
from soc.model import Directive, Silence, Task
from soc.store.base import Document
from soc.triage.desk import standing_now
from soc.triage.directives import overdue as is_late
from soc.triage.tasks import overdue

LIMIT = 10_000


class Through(NamedTuple):
    """The console an act goes through."""

    config: Path | None
    url: str | None
    token: str


def _act(
    through: Through, target: Literal["incident", "silence", "directive"], identifier: str, act: Mapping[str, Any]
) -> None:
    settings = settings_of(through.config)
    print_answer(hand_in(settings, through.url, through.token, target=target, identifier=identifier, act=act))


@click.group(name="silence")
def silence() -> None:
    """Silences and maintenance windows: alerts that match are kept and marked, and nobody is called for them.

    \b
    Example:
      soc silence list
    """


@silence.command(name="add")
@click.option("--match", "match", multiple=True, required=True, metavar="FIELD=VALUE", help="All of them must hold.")
@click.option("--hours", type=click.Choice(["1", "4", "8", "24", "72", "168"]), help="How long it holds.")
@click.option("--until", help="Until when: 2026-11-24T17:00, in the installation's zone or with its own.")
@click.option("--from", "starts", help="From when [default: now].")
@click.option("--kind", type=click.Choice(["silence", "maintenance"]), default="silence", show_default=True)
@click.option("--reason", required=True)
@click.option("--owner", help="Who answers for it [default: you].")
@url_option
@token_option
@config_option
def add_silence(
    match: tuple[str, ...],
    *,
    hours: str | None,
    until: str | None,
    starts: str | None,
    kind: str,
    reason: str,
    owner: str | None,
    url: str | None,
    token: str,
    config: Path | None,
) -> None:
    """Make a silence, or announce maintenance. FIELD is rule.id, system, unit, level or an entity's; an address may be a range.

    Exit code 1: it is not possible (the answer says why).

    \b
    Example:
      soc silence add --match rule.id=7b0c3a52 --match source.ip=192.0.2.0/28 --hours 8 --reason "announced scan"
    """
    if (hours is None) == (until is None):
        raise click.UsageError("give either --hours or --until")
    act = {"kind": "silence", "silence_kind": kind, "match": list(match), "hours": hours, "ends": until}
    act |= {"starts": starts, "owner": owner, "reason": reason}
    print_answer(hand_in_new(settings_of(config), url, token, target="silence", act=act))


@silence.command(name="list")
@click.argument("query", default="")
@click.option("--state", type=click.Choice(["active", "planned", "over", "all"]), default="active", show_default=True)
@config_option
@format_option
def list_silences(query: str, state: str, config: Path | None, output_format: str | None) -> None:
    """List silences that match QUERY, those that begin last first.

    \b
    Example:
      soc silence list --state all owner:lan.nt
    """
    rows: list[dict[str, Any]] = []
    at = now()
    found = found_documents("silence", query, LIMIT, config)
    for document in shown(settings_of(config), found, None, "silences"):
        known = msgspec.convert(document.body, Silence)
        row = {
            "id": known.id,
            "state": standing_now(known, at),
            "kind": known.kind,
            "matchers": " ".join(f"{field}={value}" for field, value in known.matchers),
            "starts": to_iso(known.starts),
            "ends": to_iso(known.ends if known.ended_at is None else known.ended_at),
            "owner": known.owner,
            "covered": known.covered,
            "reason": known.reason,
        }
        if state in {"all", row["state"]}:
            rows.append(row)
    print_rows(rows, output_format, ("id", "state", "kind", "matchers", "ends", "owner", "covered", "reason"))


@silence.command(name="end")
@click.argument("identifier")
@click.option("--reason", required=True)
@url_option
@token_option
@config_option
def end_silence(identifier: str, reason: str, url: str | None, token: str, config: Path | None) -> None:
    """End one before its time.

    \b
    Example:
      soc silence end 202611-4f1c09aa73b2 --reason "the work is done"
    """
    _act(Through(config, url, token), "silence", identifier, {"kind": "end_silence", "reason": reason})


@click.group(name="directive")
def directive() -> None:
    """Directives from above (chỉ đạo): what is asked, until when, what was answered.

    \b
    Example:
      soc directive list --state overdue
    """


@directive.command(name="add")
@click.option("--number", required=True, help="As on the paper: 123/CV-A05.")
@click.option("--issuer", required=True)
@click.option("--title", required=True)
@click.option("--text", required=True, help="What is asked.")
@click.option("--due", help="When the answer is expected: 2026-11-24T17:00.")
@click.option("--incident", "incidents", multiple=True, metavar="ID", help="What it is about.")
@url_option
@token_option
@config_option
def add_directive(
    *, incidents: tuple[str, ...], url: str | None, token: str, config: Path | None, **fields: str | None
) -> None:
    """Enter a directive that was received.

    \b
    Example:
      soc directive add --number 123/CV-A05 --issuer A05 --title "Rà soát" --text "Rà soát máy chủ" --due 2026-11-24T17:00
    """
    act = {"kind": "direct", "incident_ids": list(incidents), **fields}
    print_answer(hand_in_new(settings_of(config), url, token, target="directive", act=act))


@directive.command(name="list")
@click.argument("query", default="")
@click.option(
    "--state",
    type=click.Choice(["open", "overdue", "answered", "closed", "all"]),
    default="open",
    show_default=True,
)
@unmask_option
@config_option
@format_option
def list_directives(
    query: str, *, state: str, unmask: str | None, config: Path | None, output_format: str | None
) -> None:
    """List directives that match QUERY, the latest first.

    \b
    Example:
      soc directive list --state all --output-format json
    """
    rows: list[dict[str, Any]] = []
    at = now()
    found = found_documents("directive", query, LIMIT, config)
    for document in shown(settings_of(config), found, unmask, f"directives/{query or 'all'}"):
        known = msgspec.convert(document.body, Directive)
        late = is_late(known, at)
        if state in {"all", known.status} or (state == "overdue" and late):
            due = to_iso(known.due) if known.due is not None else None
            rows.append({**document.body, "due": due, "made": to_iso(known.made), "overdue": late})
    print_rows(rows, output_format, ("id", "number", "issuer", "status", "due", "overdue", "title"))


directive.add_command(show_command("directive", "Show one directive by its id."))


@directive.command(name="answer")
@click.argument("identifier")
@click.option("--text", "answer", required=True, help="What was answered.")
@url_option
@token_option
@config_option
def answer_directive(identifier: str, answer: str, url: str | None, token: str, config: Path | None) -> None:
    """Record what was answered; a further answer is added.

    \b
    Example:
      soc directive answer 202611-4f1c09aa73b2 --text "Đã trả lời tại văn bản 45/BC-SOC"
    """
    _act(Through(config, url, token), "directive", identifier, {"kind": "answer_directive", "answer": answer})


@directive.command(name="close")
@click.argument("identifier")
@click.option("--reason", required=True)
@url_option
@token_option
@config_option
def close_directive(identifier: str, reason: str, url: str | None, token: str, config: Path | None) -> None:
    """Nothing more is to be done about it.

    \b
    Example:
      soc directive close 202611-4f1c09aa73b2 --reason "accepted by A05"
    """
    _act(Through(config, url, token), "directive", identifier, {"kind": "close_directive", "reason": reason})


@click.group(name="task")
def task() -> None:
    """What units were asked to do, over all incidents.

    \b
    Example:
      soc task list --state overdue
    """


@task.command(name="list")
@click.argument("query", default="")
@click.option("--state", type=click.Choice(["open", "overdue", "answered", "all"]), default="open", show_default=True)
@click.option("--unit", help="Of this unit only.")
@unmask_option
@config_option
@format_option
def list_tasks(
    query: str, *, state: str, unit: str | None, unmask: str | None, config: Path | None, output_format: str | None
) -> None:
    """List the tasks of incidents that match QUERY, those that are due first.

    \b
    Example:
      soc task list incident.severity:serious --state all
    """
    wanted = f"({query}) _exists_:task.status" if query else "_exists_:task.status"
    documents = found_documents("incident", wanted, LIMIT, config)
    at = now()
    rows = [row for one in shown(settings_of(config), documents, unmask, "tasks") for row in _tasks_of(one, at)]
    rows = [
        row
        for row in rows
        if (state in {"all", row["status"]} or (state == "overdue" and row["overdue"])) and unit in {None, row["unit"]}
    ]
    rows.sort(key=lambda row: row["due"])
    columns = ("incident", "id", "number", "status", "due", "overdue", "unit", "title")
    print_rows(rows, output_format, columns)


def _tasks_of(document: Document, at: int) -> list[dict[str, Any]]:
    tasks = msgspec.convert(document.body.get("tasks") or (), tuple[Task, ...])
    return [
        {
            "incident": document.id,
            "number": document.body.get("number"),
            **msgspec.to_builtins(one),
            "due": to_iso(one.due),
            "overdue": overdue(one, at),
        }
        for one in tasks
    ]


@task.command(name="add")
@click.argument("incident")
@click.option("--title", required=True, help="What is asked.")
@click.option("--unit", required=True, help="Who is asked; a unit needs no account.")
@click.option("--due", required=True, help="When the answer is expected: 2026-11-24T17:00.")
@url_option
@token_option
@config_option
def add_task(incident: str, *, url: str | None, token: str, config: Path | None, **fields: str) -> None:
    """Ask a unit for something about an incident.

    \b
    Example:
      soc task add 202611-9f2c31aa --unit "Sở Y tế" --title "Cô lập máy chủ" --due 2026-11-24T17:00
    """
    _act(Through(config, url, token), "incident", incident, {"kind": "add_task", **fields})


@task.command(name="answer")
@click.argument("incident")
@click.argument("identifier")
@click.option("--reply", required=True)
@url_option
@token_option
@config_option
def answer_task(
    incident: str, identifier: str, *, reply: str, url: str | None, token: str, config: Path | None
) -> None:
    """Type in what the unit answered.

    \b
    Example:
      soc task answer 202611-9f2c31aa 1f6c09aa --reply "Đã cô lập lúc 10:40"
    """
    _act(Through(config, url, token), "incident", incident, {"kind": "answer_task", "task": identifier, "reply": reply})


@task.command(name="close")
@click.argument("incident")
@click.argument("identifier")
@click.option("--status", type=click.Choice(["done", "dropped"]), default="done", show_default=True)
@url_option
@token_option
@config_option
def close_task(
    incident: str, identifier: str, *, status: str, url: str | None, token: str, config: Path | None
) -> None:
    """The task is done, or nobody waits for it any more.

    \b
    Example:
      soc task close 202611-9f2c31aa 1f6c09aa
    """
    _act(
        Through(config, url, token), "incident", incident, {"kind": "close_task", "task": identifier, "status": status}
    )


COMMANDS = (silence, directive, task)
