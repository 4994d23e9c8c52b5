"""``soc report dossier``: everything known of an incident's reports as one file that proves itself; and such a file, verified."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soc.cli.operate import require_installation
from soc.cli.output import actor, config_option, print_json, run_async, settings_of
from soc.clock import to_iso
from soc.errors import RecordError, SettingsError
from soc.settings import Settings

if TYPE_CHECKING:
    from soc.model import Incident


@click.command()
@click.argument("incident", default="")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="The file to make; it must not exist.")
@click.option(
    "--verify",
    "verified",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Verify this file instead; exit code 1 names every change.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="With --verify: the public key (`soc audit key`) that it must be signed with.",
)
@config_option
def dossier(incident: str, output: Path | None, verified: Path | None, key: Path | None, config: Path | None) -> None:
    """Make the dossier of INCIDENT (id or number), or verify one.

    One ZIP file: the sealed bytes of every report, receipts, approvals, what was withheld, deadlines met and missed with reasons, the
    incident's lines of the audit with the chains that prove them, manifests of evidence, and the SHA-256 of every file; signed with
    the audit key if there is one. That it was made is in the audit, with its SHA-256, before it is written. Verifying needs no
    installation.

    \b
    Examples:
      soc report dossier INC-2026-000012 --output INC-2026-000012.zip
      soc report dossier --verify INC-2026-000012.zip --key audit.pub
    """
    if verified is not None:
        if incident or output is not None:
            raise SettingsError(["--verify: name the file only"])
        _verify(verified, key)
        return
    if not incident or output is None:
        raise SettingsError(["name an incident and --output FILE.zip, or --verify FILE.zip"])
    settings = settings_of(config)
    require_installation(settings)
    if output.exists():
        raise SettingsError([f"{output} exists; a dossier never takes the place of another file"])
    print_json(run_async(_make(settings, incident, output)))


async def _make(settings: Settings, identifier: str, output: Path) -> dict[str, object]:
    from soc.app import make_dossier, open_store
    from soc.pipeline.dossier import find_incident

    store = open_store(settings)
    try:
        incident = _masked(settings, await find_incident(store, identifier))
        made = await make_dossier(settings, store, incident, actor())
    finally:
        await store.close()
    _write(output, made.data)
    signed = "" if made.key else "no audit key: it is not signed; make one with `soc audit key`"
    if signed:
        click.echo(signed, err=True)
    return {
        "file": str(output),
        "incident": incident.number,
        "size": len(made.data),
        "sha256": made.sha256,
        "signed_by": made.key,
    }


def _masked(settings: Settings, incident: "Incident") -> "Incident":
    """The incident without citizens' identifiers, as the console would show it; what was sealed has none anyway."""
    from soc.console.masking import Masker
    from soc.forward.owed import incident_of
    from soc.store.documents import incident_document

    found = incident_of(Masker(frozenset(settings.privacy.masked)).document(incident_document(incident)))
    if found is None:  # never the unmasked one instead
        raise RecordError("dossier", f"{incident.number} is no incident any more when identifiers are masked")
    return found


def _write(output: Path, data: bytes) -> None:
    """Whole under its name, or not there; readable by its owner only."""
    temporary = output.with_name(f".{output.name}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(output)


def _verify(path: Path, key: Path | None) -> None:
    from soc.forward.dossier import LONGEST, verify

    if path.stat().st_size > LONGEST:
        raise SettingsError([f"{path}: larger than any dossier that this program writes"])
    found = verify(path.read_bytes(), key.read_bytes() if key else None)
    manifest = found.manifest
    print_json(
        {
            "file": str(path),
            "incident": manifest.number if manifest else "",
            "made": to_iso(manifest.made) if manifest else "",
            "made_by": manifest.made_by if manifest else "",
            "signed_by": found.key,
            "files": found.files,
            "reports": found.reports,
            "audit_lines": found.lines,
            "faults": list(found.faults),
        }
    )
    for fault in found.faults:
        click.echo(fault, err=True)
    if found.faults:
        raise click.exceptions.Exit(1)
    if not found.key:
        click.echo("whole, but not signed: whoever could change it could change its manifest too", err=True)
    elif key is None:
        click.echo(f"whole, and signed by key {found.key}: compare it with the one you know, or give --key", err=True)


COMMANDS = (dossier,)
