"""``soc report package``: what waits, number and day filled in, and the signed file taken back."""

import hashlib
import io
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cli_support import run_cli
from pypdf import PdfReader, PdfWriter
from reported_support import INCIDENT, installation, sealed

from soc.clock import HOUR, now
from soc.forward.package.writing import write
from soc.settings import load

sys.path.insert(0, str(Path(__file__).parent.parent / "forward"))
import package_made

PAYLOAD = package_made.sealed().payload
SIGNATURE = b"\n9 0 obj\n<< /Type /Sig /ByteRange [0 10 20 30] /Contents <00> >>\nendobj\n%%EOF\n"


@pytest.fixture
def packages(tmp_path):
    directory = tmp_path / "packages"
    directory.mkdir()
    return directory


@pytest.fixture
def config(tmp_path, packages):
    """An installation with one report that waits for delivery, its package written."""
    report = sealed("notice_initial", now() - HOUR, "held", payload=PAYLOAD, id="5f0c1a2b-report")
    file = installation(
        tmp_path, reports=[report], receiver=f'[forward.receiver]\nbinding = "file"\ndirectory = "{packages}"\n'
    )
    write(packages, report, load(Path(file)).forward.receiver.paper, lambda: True)
    return file


@pytest.fixture
def console(monkeypatch):
    """(address, what it was asked) of a console that accepts everything."""
    bodies = []

    class Stand(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer({"incident": {"revision": 4}})

        def do_POST(self):
            bodies.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.answer({"outcome": "accepted"})

        def answer(self, tree):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(tree).encode())

        def log_message(self, *args):
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stand)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("SOC_TOKEN", "secret")
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()


def package_of(packages):
    (path,) = packages.iterdir()
    return path


def test_what_waits_for_delivery_is_listed_with_its_directory(config, packages):
    (row,) = [json.loads(line) for line in run_cli("report", "package", "list", "--config", config).out.splitlines()]
    assert (row["report"], row["directory"], row["there"]) == ("5f0c1a2b-report", str(package_of(packages)), True)


def test_number_and_day_are_filled_in_on_the_form_to_be_signed(config, packages):
    outcome = run_cli(
        "report", "package", "issue", "5f0c", "--number", "123", "--day", "2026-11-24", "--config", config
    )
    assert outcome.code == 0, outcome.err
    data = (package_of(packages) / "issued.pdf").read_bytes()
    assert json.loads(outcome.out)["sha256"] == hashlib.sha256(data).hexdigest()
    text = PdfReader(io.BytesIO(data)).pages[0].extract_text()
    assert "Số: 123/TB-TTGS" in text
    assert "ngày 24 tháng 11 năm 2026" in text
    wrong = ("report", "package", "issue", "5f0c", "--number", "123", "--day", "monday", "--config", config)
    assert run_cli(*wrong).code == 2


def test_the_signed_file_is_kept_and_its_hash_and_number_settle_the_report(config, packages, console, tmp_path):
    url, bodies = console
    path = package_of(packages)
    signed = tmp_path / "signed.pdf"
    signed.write_bytes((path / "form.pdf").read_bytes() + SIGNATURE)
    taken = ("report", "package", "import", str(signed), "--report", "5f0c", "--number", "123/TB-TTGS")
    outcome = run_cli(*taken, "--note", "trục liên thông", "--url", url, "--config", config)
    assert outcome.code == 0, outcome.err
    ((asked, act),) = bodies
    sha256 = hashlib.sha256(signed.read_bytes()).hexdigest()
    assert asked == f"/incidents/{INCIDENT}/act"
    assert (act["kind"], act["decision"], act["number"]) == ("settle", "out_of_band", "123/TB-TTGS")
    assert act["reason"] == f"signed form.pdf, SHA-256 {sha256}; trục liên thông"
    assert (path / "signed.pdf").read_bytes() == signed.read_bytes()


def test_a_file_that_is_not_our_form_with_a_signature_settles_nothing_unless_somebody_answers_for_it(
    config, packages, console, tmp_path
):
    url, bodies = console
    path = package_of(packages)
    written_anew = io.BytesIO()
    PdfWriter(clone_from=io.BytesIO((path / "form.pdf").read_bytes())).write(written_anew)
    file = tmp_path / "scan.pdf"
    for data in ((path / "form.pdf").read_bytes(), written_anew.getvalue(), b"%PDF-1.7 something else"):
        file.write_bytes(data)
        taken = ("report", "package", "import", str(file), "--report", "5f0c", "--number", "9/BC", "--url", url)
        outcome = run_cli(*taken, "--config", config)
        assert outcome.code == 2
        assert "with a signature appended" in outcome.err
    assert bodies == []
    assert run_cli(*taken, "--unchecked", "--config", config).code == 0
    assert bodies[0][1]["reason"].startswith("unchecked file, SHA-256 ")
    assert (path / "unchecked.pdf").is_file()


def test_a_report_that_does_not_wait_cannot_be_taken_back(config, tmp_path, console):
    file = tmp_path / "f.pdf"
    file.write_bytes(b"x")
    asked = ("report", "package", "import", str(file), "--number", "1", "--url", console[0], "--config", config)
    for name in ("", "nothing"):
        assert run_cli(*asked, "--report", name).code == 2
