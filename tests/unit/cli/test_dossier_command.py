"""``soc report dossier``: what is in it, that it proves itself, and that every change to it is found."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile

import pytest
from cli_support import run_cli
from hypothesis import given, settings
from hypothesis import strategies as st
from reported_support import INCIDENT, NUMBER, installation, sealed

from soc.app import audit_key
from soc.audit.signing import new_key, public_of
from soc.forward.dossier import verify
from soc.pipeline.audit_heads import key_of
from soc.settings import load


def make(tmp_path, config, name="dossier.zip"):
    outcome = run_cli("report", "dossier", NUMBER, "--output", str(tmp_path / name), "--config", config)
    assert outcome.code == 0, outcome.err
    return (tmp_path / name).read_bytes(), json.loads(outcome.out), outcome.err


def opened(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed_again(files, **changed):
    """The same container with other contents, as somebody would make it who knows how."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted({**files, **changed}.items()):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr, info.create_system = 0o600 << 16, 3
            archive.writestr(info, data)
    return stream.getvalue()


@pytest.fixture
def config(tmp_path):
    return installation(tmp_path)


@pytest.fixture
def signed(tmp_path, config):
    key_of(load(tmp_path / "soc.toml").data_dir, make=True)
    return config


def test_it_holds_the_sealed_bytes_who_approved_what_came_back_and_what_was_withheld(tmp_path, config):
    files = opened(make(tmp_path, config)[0])
    first = sealed("notice_initial", 0, "accepted")
    assert files["reports/01-notice_initial/payload.bin"] == first.payload
    told = json.loads(files["reports/01-notice_initial/report.json"])
    assert (told["state"], told["receipt"]["receipt_id"], told["approvals"][0]["second"]) == (
        "accepted",
        "R-2026-7741",
        "an",
    )
    assert {"field": "user.name", "rule": "account", "count": 2} in told["withheld"]
    assert json.loads(files["incident.json"])["approvals"][0]["payload_sha256"] == first.payload_sha256
    manifest = json.loads(files["dossier.json"])
    assert {one["name"]: one["sha256"] for one in manifest["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != "dossier.json"
    }


def test_a_missed_deadline_has_its_reasons_a_persons_words_first(tmp_path, config):
    rows = json.loads(opened(make(tmp_path, config)[0])["clocks.json"])
    late = next(row for row in rows if row["kind"] == "notice_initial")
    assert late["state"] == "late"
    assert late["why"][0] == "reason given: Mất điện tại trung tâm dữ liệu"
    assert late["why"][1].startswith("approved by hoa")
    assert "after it was due" in late["why"][1]


def test_the_audit_lines_of_the_incident_stand_in_runs_of_their_chains(tmp_path, config):
    files = opened(make(tmp_path, config)[0])
    objects = {json.loads(line)["object"] for line in files["audit/incident.ndjson"].splitlines()}
    assert objects == {f"incident/{INCIDENT}", f"report/notice_initial-{INCIDENT}", f"report/update-{INCIDENT}"}
    proof = json.loads(files["audit/proof.json"])
    assert {run["chain"] for run in proof["runs"]} == {"forward", "context"}
    assert all(not chain["fault"] for chain in proof["chains"])


def by_hand(files, folder):
    """What README.txt tells an auditor to paste into python3, run where the dossier was unpacked."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    lines = files["README.txt"].decode().splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip() == "import hashlib, json")
    script = "\n".join(line[3:] for line in lines[first : lines.index("", first)])
    return subprocess.run([sys.executable, "-I", "-c", script], cwd=folder, capture_output=True, check=False)


def test_its_readme_verifies_the_audit_without_the_product_and_finds_a_change(tmp_path, config):
    files = opened(make(tmp_path, config)[0])
    whole = by_hand(files, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.count(b"unbroken") == 2
    run = next(name for name in files if name.startswith("audit/forward-"))
    edited = files[run].replace(b'"actor":"hoa"', b'"actor":"lan"', 1)
    assert edited != files[run]
    assert b"was changed" in by_hand({**files, run: edited}, tmp_path / "edited").stderr
    shorter = files[run][: files[run].rstrip().rindex(b"\n") + 1]
    assert b"missing at its end" in by_hand({**files, run: shorter}, tmp_path / "shorter").stderr


def test_its_checksums_are_those_of_every_file_but_the_manifest(tmp_path, config):
    files = opened(make(tmp_path, config)[0])
    told = dict(reversed(line.split("  ", 1)) for line in files["SHA256SUMS"].decode().splitlines())
    own = {name: data for name, data in files.items() if name not in {"SHA256SUMS", "dossier.json", "dossier.sig"}}
    assert told == {name: hashlib.sha256(data).hexdigest() for name, data in own.items()}


def test_making_it_is_in_the_audit_with_its_hash(tmp_path, config):
    data, told, _ = make(tmp_path, config)
    outcome = run_cli("audit", "search", "--act", "dossier", "--config", config)
    line = json.loads(outcome.out)
    assert line["object"] == f"incident/{INCIDENT}"
    assert line["detail"] == f"sha256 {hashlib.sha256(data).hexdigest()}" == f"sha256 {told['sha256']}"
    assert run_cli("audit", "verify", "--config", config).code == 0


def test_one_that_nobody_touched_verifies_signed_or_not(tmp_path, signed):
    make(tmp_path, signed)
    public = tmp_path / "audit.pub"
    public.write_bytes(public_of(audit_key(load(tmp_path / "soc.toml"))))
    outcome = run_cli("report", "dossier", "--verify", str(tmp_path / "dossier.zip"), "--key", str(public))
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert (told["reports"], told["incident"], told["faults"]) == (2, NUMBER, [])
    (tmp_path / "data" / "audit-key.pem").unlink()
    assert "no audit key" in make(tmp_path, signed, "unsigned.zip")[2]
    outcome = run_cli("report", "dossier", "--verify", str(tmp_path / "unsigned.zip"))
    assert outcome.code == 0
    assert "not signed" in outcome.err
    assert run_cli("report", "dossier", "--verify", str(tmp_path / "unsigned.zip"), "--key", str(public)).code == 1


def test_another_installations_key_is_refused(tmp_path, signed):
    make(tmp_path, signed)
    other = tmp_path / "other.pub"
    other.write_bytes(public_of(new_key()))
    outcome = run_cli("report", "dossier", "--verify", str(tmp_path / "dossier.zip"), "--key", str(other))
    assert outcome.code == 1
    assert "another key signed it" in outcome.err


def test_a_change_of_any_one_byte_is_found(tmp_path, signed):
    data = make(tmp_path, signed)[0]
    assert verify(data).faults == ()

    @settings(max_examples=400, deadline=None)
    @given(st.integers(0, len(data) - 1), st.integers(1, 255))
    def changed(place, by):
        assert verify(data[:place] + bytes([data[place] ^ by]) + data[place + 1 :]).faults

    changed()
    assert verify(data + b"x").faults
    assert verify(data[:-1]).faults


def test_files_and_a_manifest_made_anew_still_do_not_fit_what_was_approved_and_chained(tmp_path, config):
    files = opened(make(tmp_path, config)[0])

    def faults(**changed):
        whole = {**files, **{name.replace("__", "/"): data for name, data in changed.items()}}
        manifest = json.loads(whole["dossier.json"])
        manifest["files"] = [
            {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(whole.items())
            if name != "dossier.json"
        ]
        return verify(packed_again({**whole, "dossier.json": json.dumps(manifest).encode()})).faults

    assert faults() == ()
    payload = "reports/01-notice_initial/payload.bin"
    assert faults(**{payload: b"{}"}) == (f"{payload}: these are not the bytes that were approved",)
    run = next(name for name in files if name.startswith("audit/forward-"))
    assert "edited" in faults(**{run: files[run].replace(b'"hoa"', b'"lan"')})[0]
    lines = files["audit/incident.ndjson"]
    assert "in no run" in faults(**{"audit/incident.ndjson": lines.replace(b'"minh"', b'"lan"')})[0]


def test_what_is_no_dossier_is_told_so(tmp_path):
    for name, data in (("a.zip", b"PK\x03\x04"), ("b.zip", packed_again({"x": b"y"})), ("c.zip", b"")):
        (tmp_path / name).write_bytes(data)
        assert run_cli("report", "dossier", "--verify", str(tmp_path / name)).code == 1


def test_it_never_takes_the_place_of_a_file_and_needs_to_be_told_what_to_do(tmp_path, config):
    (tmp_path / "there.zip").write_bytes(b"mine")
    outcome = run_cli("report", "dossier", NUMBER, "--output", str(tmp_path / "there.zip"), "--config", config)
    assert outcome.code == 2
    assert (tmp_path / "there.zip").read_bytes() == b"mine"
    assert run_cli("report", "dossier", NUMBER, "--config", config).code == 2
    assert run_cli("report", "dossier", "INC-1", "--output", str(tmp_path / "n.zip"), "--config", config).code == 2
