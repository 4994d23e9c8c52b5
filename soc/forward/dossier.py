"""Everything known of an incident's reports in, one file that proves itself out; and such a file in, every change that was made to it out.

A dossier is a ZIP without compression, its entries in order, its times fixed: the same content has the same bytes for ever, so that a
change of a single byte anywhere shows, in the container too.

    README.txt                        what each file is, in Vietnamese and English, and how to verify it all without this program
    SHA256SUMS                        the SHA-256 of every file below, as `sha256sum --check` reads it
    incident.json                     what was reported on: times, classification, approvals, settlements, timeline
    clocks.json                       every duty: due, delivered, met or missed, and why
    reports/01-notice_initial/        payload.bin   the sealed bytes as they left
                                      report.json   states, receipt, who approved, what was withheld
    audit/incident.ndjson             the lines of the audit that concern it
    audit/triage-000017.ndjson        runs of whole chains that hold these lines, from the first to the last
    audit/proof.json                  where each run stands in its chain, and how the chains ended
    evidence/….manifest.json          of each file of evidence, which is kept beside the archive
    dossier.json                      size and SHA-256 of every file above, and whose, when made, by whom
    dossier.sig                       dossier.json signed by the installation's audit key, if it has one
"""

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature

from soc.audit.chain import Head, fault_of
from soc.audit.signing import fingerprint, public_of, signature_of, verify_signature
from soc.audit.walk import hash_of
from soc.clock import Micros
from soc.errors import RecordError, SettingsError

FORMAT: Final = "soc-dossier/1"
MANIFEST, SIGNATURE = "dossier.json", "dossier.sig"
LONGEST: Final = 1024 * 1024 * 1024
"""Bytes of a dossier that are read: more was never written by this program."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PAYLOAD = re.compile(r"reports/[^/]+/payload\.bin")


class File(msgspec.Struct, frozen=True):
    """One file of a dossier, as its manifest says."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a dossier is of.

    Attributes:
        organization: whose it is.
        incident, number: which incident.
        made, made_by: when, by whom.
        keep_until: not to be deleted before this day (ISO 8601).
        policy, policy_hash: by which clocks were computed.
        files: all but the manifest and its signature.
    """

    format: str
    organization: str
    incident: str
    number: str
    made: Micros
    made_by: str
    keep_until: str
    policy: str
    policy_hash: str
    files: tuple[File, ...]


class Signature(msgspec.Struct, frozen=True):
    """By which key a dossier is signed.

    Attributes:
        key: fingerprint. ``public``: the key itself (PEM): who trusts nobody compares its fingerprint with the one he noted down.
        signature: base64, Ed25519 over ``dossier.json`` as it stands.
    """

    key: str
    public: str
    signature: str


class Run(msgspec.Struct, frozen=True):
    """Where lines stand in their chain: ``file`` has all of them from ``start`` (the end before its first) to ``end``."""

    chain: str
    file: str
    start: Head
    end: Head


class Chain(msgspec.Struct, frozen=True):
    """How a chain was when the dossier was made: its end, and what was wrong with it, "" if nothing was."""

    head: Head
    fault: str


class Proof(msgspec.Struct, frozen=True):
    """How the lines of ``audit/incident.ndjson`` are proved.

    Attributes:
        left_out: why there are no runs, "" where they are.
    """

    runs: tuple[Run, ...]
    chains: tuple[Chain, ...]
    left_out: str = ""


class Checked(msgspec.Struct, frozen=True):
    """What verifying a dossier found.

    Attributes:
        manifest: what it says of itself; None where it cannot be read.
        key: fingerprint of the key that signed it, "" where it is not signed.
        faults: every change, in order; () where it is as it was made.
        files, reports, lines: how many there are of each.
    """

    manifest: Manifest | None
    key: str
    faults: tuple[str, ...]
    files: int
    reports: int
    lines: int


def packed(manifest: Manifest, files: Mapping[str, bytes], private: bytes | None) -> bytes:
    """The dossier's bytes.

    Args:
        manifest: without its ``files``.
        files: name → bytes.
        private: the audit key (PEM); None leaves it unsigned.

    Raises:
        SettingsError: the key is none.
    """
    listed = tuple(File(name, len(data), _sha256(data)) for name, data in sorted(files.items()))
    told = msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(manifest, files=listed))) + b"\n"
    whole = {**files, MANIFEST: told}
    if private is not None:
        public = public_of(private)
        made = Signature(fingerprint(public), public.decode(), base64.b64encode(signature_of(told, private)).decode())
        whole[SIGNATURE] = msgspec.json.format(msgspec.json.encode(made)) + b"\n"
    return _zipped(whole)


def sums(files: Mapping[str, bytes]) -> bytes:
    """Name → bytes in, what ``sha256sum --check`` reads out."""
    return "".join(f"{_sha256(data)}  {name}\n" for name, data in sorted(files.items())).encode()


def verify(data: bytes, public: bytes | None = None) -> Checked:
    """What was done to a dossier since it was made.

    Args:
        data: its bytes.
        public: the key (PEM) that it must be signed with; None takes the one inside, so that the caller compares its fingerprint.
    """
    try:
        files = _unzipped(data)
        manifest = msgspec.json.decode(files[MANIFEST], type=Manifest)
    except RecordError as error:
        return Checked(None, "", (error.reason,), 0, 0, 0)
    except (KeyError, msgspec.MsgspecError):
        return Checked(None, "", (f"{MANIFEST} is missing or cannot be read",), 0, 0, 0)
    faults = [] if _zipped(files) == data else ["the container was changed: it is not the one that this program writes"]
    if manifest.format != FORMAT:
        faults.append(f"its format is {manifest.format}, this version reads {FORMAT}")
    key, said = _signed(files, public)
    faults += said
    own = {name: found for name, found in files.items() if name not in {MANIFEST, SIGNATURE}}
    listed = {one.name: one for one in manifest.files}
    faults += [f"{name}: missing" for name in sorted(listed.keys() - own.keys())]
    faults += [f"{name}: not in the manifest" for name in sorted(own.keys() - listed.keys())]
    for name in sorted(listed.keys() & own.keys()):
        if _sha256(own[name]) != listed[name].sha256 or len(own[name]) != listed[name].size:
            faults.append(f"{name}: changed, its SHA-256 is not the manifest's")
    faults += _unlike_reports(own)
    lines, wrong = _wrong_lines(own)
    payloads = sum(bool(_PAYLOAD.fullmatch(name)) for name in own)
    return Checked(manifest, key, (*faults, *wrong), len(own), payloads, lines)


def _signed(files: Mapping[str, bytes], public: bytes | None) -> tuple[str, list[str]]:
    """The fingerprint of the key, and what is wrong with the signature."""
    if SIGNATURE not in files:
        return "", [] if public is None else ["it is not signed, and a signature is asked for"]
    try:
        made = msgspec.json.decode(files[SIGNATURE], type=Signature)
        own = public or made.public.encode()
        verify_signature(files[MANIFEST], base64.b64decode(made.signature, validate=True), own)
        return fingerprint(own), []
    except InvalidSignature:
        return "", [f"{SIGNATURE}: the signature does not fit: {MANIFEST} was changed, or another key signed it"]
    except (msgspec.MsgspecError, ValueError, SettingsError) as error:
        return "", [f"{SIGNATURE}: cannot be read: {error}"]


def _unlike_reports(files: Mapping[str, bytes]) -> Iterator[str]:
    """Sealed bytes that are not those whose hash was approved."""
    for name in sorted(files):
        if not _PAYLOAD.fullmatch(name):
            continue
        try:
            report = msgspec.json.decode(files[name.replace("payload.bin", "report.json")], type=dict[str, Any])
        except (KeyError, msgspec.MsgspecError):
            yield f"{name}: its report.json is missing or cannot be read"
            continue
        if report.get("state") != "stale" and report.get("payload_sha256") != _sha256(files[name]):
            yield f"{name}: these are not the bytes that were approved"


def _wrong_lines(files: Mapping[str, bytes]) -> tuple[int, list[str]]:
    """How many lines of the audit there are, and what does not hold of runs and of the incident's own lines."""
    try:
        proof = msgspec.json.decode(files["audit/proof.json"], type=Proof)
        own = files["audit/incident.ndjson"].splitlines()
    except (KeyError, msgspec.MsgspecError):
        return 0, ["audit/: the proof or the lines are missing or cannot be read"]
    faults = [
        f"the audit chain {one.head.chain} was not whole when this was made: {one.fault}"
        for one in proof.chains
        if one.fault
    ]
    known: set[bytes] = set()
    for run in proof.runs:
        head = run.start
        lines = files.get(run.file, b"").splitlines()
        for line in lines:
            reason = fault_of(line, head)
            if reason:
                faults.append(f"{run.file}: line {head.seq + 1}: {reason}")
                break
            head = Head(run.chain, head.seq + 1, hash_of(line))
        else:
            if head != run.end:
                faults.append(f"{run.file}: it ends at line {head.seq}, not at {run.end.seq}")
        known.update(lines)
    if not proof.left_out:
        lost = sum(line not in known for line in own)
        faults += [f"audit/incident.ndjson: {lost} lines are in no run of a chain"] if lost else []
    return len(own), faults


def _zipped(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o600 << 16
            info.create_system = 3  # Unix on every machine: it is a byte of the file
            archive.writestr(info, files[name])
    return stream.getvalue()


def _unzipped(data: bytes) -> dict[str, bytes]:
    """Name → bytes.

    Raises:
        RecordError: stage ``dossier``; it cannot be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if sum(info.file_size for info in infos) > LONGEST:
                raise RecordError("dossier", "it is larger than any that this program writes")
            if len({info.filename for info in infos}) != len(infos):
                raise RecordError("dossier", "a name is there twice")
            return {info.filename: archive.read(info) for info in infos}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise RecordError("dossier", f"it cannot be read: {error}") from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def runs_of(chain: str, pieces: Sequence[Sequence[bytes]]) -> tuple[tuple[Run, ...], dict[str, bytes]]:
    """Runs of sound lines of one chain as files: what ``Proof.runs`` says of them, and name → bytes."""
    runs: list[Run] = []
    files: dict[str, bytes] = {}
    for lines in pieces:
        first = msgspec.json.decode(lines[0], type=_Ends)
        last = msgspec.json.decode(lines[-1], type=_Ends)
        name = f"audit/{re.sub(r'[^A-Za-z0-9_-]', '_', chain)}-{first.seq:09d}.ndjson"
        runs.append(Run(chain, name, Head(chain, first.seq - 1, first.prev), Head(chain, last.seq, last.hash)))
        files[name] = b"\n".join(lines) + b"\n"
    return tuple(runs), files


class _Ends(msgspec.Struct):
    """What a line says of its place."""

    seq: int
    prev: str
    hash: str
