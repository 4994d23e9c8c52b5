"""``soc evidence …``: raw lines of incidents kept beyond retention: pinned, listed, verified, handed out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from soc.cli.acts import hand_in, token_option, url_option
from soc.cli.operate import require_installation
from soc.cli.output import actor, config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.clock import now, to_iso
from soc.errors import RecordError, SettingsError
from soc.settings import Settings

if TYPE_CHECKING:
    from soc.archive.evidence import EvidenceManifest


@click.group(name="evidence")
def evidence() -> None:
    """Raw lines of incidents, kept beyond retention with the SHA-256 of each.

    \b
    Example:
      soc evidence list
    """


@evidence.command()
@click.argument("incident")
@url_option
@token_option
@config_option
def pin(incident: str, url: str | None, token: str, config: Path | None) -> None:
    """Keep the lines that INCIDENT (its id) is made of, and what its sources sent five minutes before and after.

    The file goes to the folder evidence/ of the archive, and the act `pin` with its SHA-256 to the incident, under the roles of
    the token's owner. Exit code 1: no line of it is retained any more, or the act was refused.

    \b
    Example:
      soc evidence pin 202611-9f2c31aa
    """
    settings = settings_of(config)
    require_installation(settings)
    manifest = run_async(_collect(settings, incident))
    if manifest is None:
        click.echo("soc: no line of it is retained any more", err=True)
        raise click.exceptions.Exit(1)
    from soc.pipeline.evidence import pin_changes

    if manifest.left_out or manifest.damaged:
        click.echo(f"soc: {manifest.left_out} lines found no room; damaged: {', '.join(manifest.damaged)}", err=True)
    fields = {name: str(value) for name, value in pin_changes(manifest).items()}
    status, answer = hand_in(
        settings, url, token, target="incident", identifier=incident, act={"kind": "pin", **fields}
    )
    print_json({"name": manifest.name, **fields, "answer": answer})
    if status not in (200, 202):
        raise click.exceptions.Exit(1)


async def _collect(settings: Settings, incident_id: str) -> "EvidenceManifest | None":
    from soc.app import open_archive, open_bus, open_store
    from soc.model import Alert, Incident
    from soc.pipeline.evidence import collect

    store, bus = open_store(settings), open_bus(settings)
    try:
        document = await store.get("incident", incident_id)
        if document is None:
            raise SettingsError([f"there is no incident {incident_id!r}"])
        incident = msgspec.convert(document.body, Incident)
        alerts = (await store.get_many("alert", incident.alerts)).values()
        found = [msgspec.convert(alert.body, Alert) for alert in alerts]
        return await collect(bus, open_archive(settings), incident, found, actor=actor(), at=now())
    finally:
        await bus.close()
        await store.close()


@evidence.command(name="list")
@config_option
@format_option
def list_(config: Path | None, output_format: str | None) -> None:
    """List the files of evidence, with the incident, the interval and the SHA-256 of each.

    \b
    Example:
      soc evidence list --output-format json
    """
    from soc.app import open_archive
    from soc.archive import evidence as files

    place = open_archive(settings_of(config))
    rows: list[dict[str, Any]] = []
    for name in files.names(place):
        try:
            found = files.manifest(place, name)
        except RecordError as error:
            rows.append({"name": name, "error": error.reason})
            continue
        rows.append(
            {
                "name": name,
                "incident": found.number,
                "lines": len(found.lines),
                "matched": found.matched,
                "left_out": found.left_out,
                "start": to_iso(found.start),
                "end": to_iso(found.end),
                "made_by": found.made_by,
                "sha256": found.sha256,
            }
        )
    print_rows(rows, output_format, ("name", "incident", "lines", "start", "end", "made_by"))


@evidence.command()
@config_option
@format_option
def verify(config: Path | None, output_format: str | None) -> None:
    """Read every file of evidence and check it: its SHA-256 against its incident's, then each line against the manifest.

    Files that an incident names and that are missing are found too. Exit code 1 names every wrong one.

    \b
    Example:
      soc evidence verify
    """
    from soc.app import open_archive
    from soc.archive import evidence as files

    settings = settings_of(config)
    require_installation(settings)
    place, named = open_archive(settings), run_async(_named(settings))
    names = sorted({*files.names(place), *named})
    rows = [
        {"name": name, "wrong": files.wrong(place, name, named.get(name, "")), "pinned": name in named}
        for name in names
    ]
    print_rows(rows, output_format, ("name", "pinned", "wrong"))
    if any(row["wrong"] for row in rows):
        raise click.exceptions.Exit(1)


async def _named(settings: Settings) -> dict[str, str]:
    """File → the SHA-256 that its incident says, over all incidents."""
    from soc.app import open_store
    from soc.store.query import All

    store = open_store(settings)
    named: dict[str, str] = {}
    try:
        after = None
        while True:
            page = await store.search("incident", All(), limit=200, after=after)
            for document in page.documents:
                named |= {item["name"]: item["sha256"] for item in document.body.get("evidence") or ()}
            after = page.after
            if after is None:
                return named
    finally:
        await store.close()


COMMANDS = (evidence,)
