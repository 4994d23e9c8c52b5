"""A sealed report in, its package out: a directory that is there whole or not at all, and the same every time it is made.

<directory>/INC-2026-000012-notice_initial-1-5f0c1a2b/
    report.json      the sealed bytes
    form.pdf         the form, made of these bytes alone
    mail.txt         subject and text of the mail
    manifest.json    which report, and the SHA-256 of every file
    signed.pdf       later: the form as it was signed and imported (``soc report package import``)
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from soc.errors import RecordError, UnavailableError
from soc.forward.package.fonts import find
from soc.forward.package.form import Issued, form
from soc.forward.package.mail import mail
from soc.forward.package.pdf import pdf
from soc.model import Report
from soc.receiver import Paper

FORMAT = "soc-package/1"
SEALED, FORM, MAIL, MANIFEST, SIGNED = "report.json", "form.pdf", "mail.txt", "manifest.json", "signed.pdf"


class File(msgspec.Struct, frozen=True):
    """One file of a package."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a package is of, and its files but this one."""

    format: str
    report: str
    incident: str
    kind: str
    sequence: int
    recipient: str
    sealed_sha256: str
    files: tuple[File, ...]


def name_of(report: Report) -> str:
    """The directory's name: the incident's number, the kind, and enough of the id that no two are alike."""
    return f"{_number(report)}-{report.kind}-{report.sequence}-{report.id[:8]}"


def _number(report: Report) -> str:
    try:
        tree: Any = json.loads(report.payload)
        found = cast("dict[str, Any]", tree)["incident"]["number"]
    except (ValueError, KeyError, TypeError, RecursionError):
        found = ""
    return found if isinstance(found, str) and re.fullmatch(r"[A-Za-z0-9-]{1,40}", found) else "report"


def files_of(report: Report, paper: Paper) -> dict[str, bytes]:
    """Name → bytes of everything in a package.

    Raises:
        RecordError: its bytes are no report.
        UnavailableError: there is no font.
    """
    try:
        made = form(report.payload, paper)
    except (ValueError, KeyError) as error:
        raise RecordError("package", f"no form can be made: {error}") from error
    files = {SEALED: report.payload, FORM: pdf(made, find(paper.fonts))}
    files[MAIL] = mail(made, paper.subject_mark, files).encode()
    listed = tuple(File(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in sorted(files.items()))
    manifest = Manifest(
        FORMAT,
        report.id,
        _number(report),
        report.kind,
        report.sequence,
        report.recipient,
        report.payload_sha256,
        listed,
    )
    files[MANIFEST] = msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"
    return files


def issued_form(report: Report, paper: Paper, issued: Issued) -> bytes:
    """The form with its number and day filled in.

    Raises:
        RecordError: its bytes are no report.
        UnavailableError: there is no font.
    """
    try:
        return pdf(form(report.payload, paper, issued), find(paper.fonts))
    except (ValueError, KeyError) as error:
        raise RecordError("package", f"no form can be made: {error}") from error


def write(directory: Path, report: Report, paper: Paper, may_appear: Callable[[], bool]) -> Path | None:
    """Write a package; one that is there already stays as it is.

    Args:
        directory: where packages are; it must be there, so that a share that is not mounted is not taken for an empty one.
        report: the sealed report.
        paper: how documents are written.
        may_appear: asked last of all, before the package appears under its name.

    Returns:
        Its path; None where it may not appear any more.

    Raises:
        RecordError: its bytes are no report, or another package stands under its name.
        UnavailableError: there is no font, or the directory cannot be written.
    """
    path = directory / name_of(report)
    try:
        if (there := sealed_in(path)) is not None:
            if there != report.payload:
                raise RecordError("package", f"{path} holds other bytes than were sealed")
            return path
        if not directory.is_dir():
            raise UnavailableError(f"{directory} is no directory: is it mounted?")
        files = files_of(report, paper)
        part = directory / f".{path.name}.part"
        if part.exists():
            shutil.rmtree(part)  # of an attempt that was killed
        part.mkdir(mode=0o750)
        for name, data in files.items():
            _write(part / name, data)
        _sync(part)
        if not may_appear():
            shutil.rmtree(part)
            return None
        part.rename(path)
        _sync(directory)
    except OSError as error:
        raise UnavailableError(f"{error.filename or directory}: {error.strerror or error}") from error
    return path


def sealed_in(path: Path) -> bytes | None:
    """The sealed bytes of a package; None if there is none."""
    try:
        return (path / SEALED).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def add(path: Path, name: str, data: bytes) -> None:
    """Put one more file into a package, whole or not at all.

    Raises:
        UnavailableError: it cannot be written.
    """
    part = path / f".{name}.part"
    try:
        _write(part, data)
        part.rename(path / name)
        _sync(path)
    except OSError as error:
        raise UnavailableError(f"{error.filename or path}: {error.strerror or error}") from error


def signed_of(original: Mapping[str, bytes], data: bytes) -> str:
    """Which of our forms a signed file is; "" where it is none of them with something appended.

    A PDF signature (PAdES) leaves the signed bytes as they are and appends to them, so a file that begins with the bytes of our form and
    goes on with a signature says what our form says.
    """
    for name, form_bytes in original.items():
        if len(data) > len(form_bytes) and data.startswith(form_bytes) and b"/ByteRange" in data[len(form_bytes) :]:
            return name
    return ""


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
