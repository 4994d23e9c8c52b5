"""``soc report package``: reports that people deliver (binding ``file``): which wait, number and day filled in, the signed file taken back."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soc.cli.acts import hand_in, token_option, url_option
from soc.cli.operate import require_installation
from soc.cli.output import config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.errors import SettingsError, UnavailableError
from soc.settings import Settings

if TYPE_CHECKING:
    from datetime import date

    from soc.model import Report
    from soc.receiver import Receiver

ISSUED = "issued.pdf"
MAX_SIGNED = 64 * 1024 * 1024
"""Bytes of a signed file that are read: a form with a scanned seal has a few million."""


@click.group()
def package() -> None:
    """Reports that people deliver: forms to be signed, and signed files taken back.

    \b
    Example:
      soc report package list
    """


def _held(settings: Settings) -> "list[tuple[Report, Receiver, Path]]":
    """The reports to receivers of the binding ``file`` that wait for a person, with the path of each package."""
    from soc.app import reports
    from soc.forward.package.writing import name_of

    require_installation(settings)
    receivers = {one.name: one for one in settings.forward.all_receivers if one.directory}
    return [
        (report, receivers[report.recipient], Path(receivers[report.recipient].directory) / name_of(report))
        for report in run_async(reports(settings))
        if report.recipient in receivers and report.state == "held"
    ]


def _one(settings: Settings, identifier: str) -> "tuple[Report, Receiver, Path]":
    """The waiting report with this id, or one that begins so.

    Raises:
        SettingsError: there is none, or there are several.
    """
    found = [item for item in _held(settings) if item[0].id.startswith(identifier)] if identifier else []
    if len(found) != 1:
        why = "none begins so" if not found else f"{len(found)} begin so"
        raise SettingsError(
            [f"no report {identifier!r} waits for delivery: {why}; `soc report package list` names them"]
        )
    return found[0]


@package.command(name="list")
@config_option
@format_option
def list_(config: Path | None, output_format: str | None) -> None:
    """List the reports that wait for a person to deliver them, with the directory of each.

    \b
    Example:
      soc report package list
    """
    rows: list[dict[str, Any]] = [
        {
            "report": report.id,
            "incident": report.incident_id,
            "kind": report.kind,
            "recipient": report.recipient,
            "directory": str(path),
            "there": path.is_dir(),
            "sha256": report.payload_sha256,
        }
        for report, _, path in _held(settings_of(config))
    ]
    print_rows(rows, output_format, ("report", "kind", "recipient", "directory", "there"))


@package.command()
@click.argument("report")
@click.option("--number", required=True, help="The document's number without its symbol: 123.")
@click.option("--day", required=True, metavar="DAY", help="Of the document: 2026-11-24.")
@config_option
def issue(report: str, number: str, day: str, config: Path | None) -> None:
    """Write the form of REPORT (its id, or the beginning) with number and day filled in, as issued.pdf in its package.

    That is the file to sign. Nothing is delivered by it.

    \b
    Example:
      soc report package issue 5f0c1a2b --number 123 --day 2026-11-24
    """
    from soc.forward.package.form import Issued
    from soc.forward.package.writing import add, issued_form

    found, receiver, path = _one(settings_of(config), report)
    if not number.strip() or len(number) > 40:
        raise SettingsError(["--number: the number that the clerk gave it, at most 40 characters"])
    data = issued_form(found, receiver.paper, Issued(number.strip(), _day(day)))
    add(path, ISSUED, data)
    print_json({"report": found.id, "file": str(path / ISSUED), "sha256": hashlib.sha256(data).hexdigest()})


@package.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--report", required=True, help="Which report it is: its id, or the beginning.")
@click.option("--number", required=True, help="Number and symbol of the document: 123/TB-TTGS.")
@click.option("--note", default="", help="To whom it was handed, when, by which way.")
@click.option(
    "--unchecked",
    is_flag=True,
    help="It is a scan, or was written anew by the tool that signed it: nobody can check that it says what was sealed.",
)
@url_option
@token_option
@config_option
def import_(
    file: Path,
    *,
    report: str,
    number: str,
    note: str,
    unchecked: bool,
    url: str | None,
    token: str,
    config: Path | None,
) -> None:
    """Take back the signed FILE of a report that was delivered: its SHA-256, number and time are recorded and the clock stops.

    FILE must be the form (form.pdf or issued.pdf) with a signature appended, as PAdES does: then it says what was sealed. It is kept in the
    package as signed.pdf. The report is settled as delivered under the roles of the token's owner (role approver).

    \b
    Example:
      soc report package import signed.pdf --report 5f0c1a2b --number 123/TB-TTGS --note 'trục liên thông 24/11 09:12'
    """
    from soc.forward.package.writing import FORM, SIGNED, add, signed_of

    settings = settings_of(config)
    found, _, path = _one(settings, report)
    if not number.strip():
        raise SettingsError(["--number: number and symbol of the document are needed"])
    if file.stat().st_size > MAX_SIGNED:
        raise SettingsError([f"{file}: larger than {MAX_SIGNED} bytes"])
    data = file.read_bytes()
    ours = {name: (path / name).read_bytes() for name in (FORM, ISSUED) if (path / name).is_file()}
    if not ours:
        raise UnavailableError(f"{path}: the package is not there; is the directory mounted?")
    of = signed_of(ours, data)
    if not of and not unchecked:
        raise SettingsError(
            [
                f"{file}: it is neither {' nor '.join(ours)} of {path} with a signature appended",
                "sign one of these files, or say --unchecked for a scan or a file that the tool wrote anew",
            ]
        )
    name = SIGNED if of else f"unchecked{file.suffix[:8] or '.bin'}"
    add(path, name, data)
    sha256 = hashlib.sha256(data).hexdigest()
    said = f"signed {of}" if of else "unchecked file"
    reason = f"{said}, SHA-256 {sha256}{'; ' if note else ''}{note}"
    act = {
        "kind": "settle",
        "report_id": found.id,
        "decision": "out_of_band",
        "number": number.strip(),
        "reason": reason,
    }
    status, answer = hand_in(settings, url, token, target="incident", identifier=found.incident_id, act=act)
    print_json({"report": found.id, "file": str(path / name), "sha256": sha256, "signed": of, "answer": answer})
    if status not in (200, 202):
        raise click.exceptions.Exit(1)


def _day(text: str) -> "date":
    """A day as it was typed.

    Raises:
        SettingsError: it is none.
    """
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SettingsError([f"--day: {text!r} is no day; write 2026-11-24"]) from error


COMMANDS = (package,)
