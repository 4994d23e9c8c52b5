"""``soc evidence …`` and ``soc incidents act …`` from the outside, against a console that stands in."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cli_support import run_cli

from soc.app import open_bus, open_store
from soc.bus.base import Message
from soc.clock import MINUTE, SECOND, Micros
from soc.model import Alert, Incident, Member, RawRecord, encode
from soc.pipeline.table import RAW
from soc.settings import load
from soc.store.documents import alert_document, incident_document

START: Micros = 1_764_547_200 * SECOND


def documents(id_):
    member = Member(id_, "r", "fw", START, START, {}, ())
    alert = Alert(
        id="202512-alert1", version=1, revision=0, rule_id="r", title="t", title_vi="", level="high", tags=(), type="event",
        rule_set="s", episode_revision=1, state="live", merged_into="", group=(), first_seen=START, last_seen=START,
        count=1, members=(id_,), sample=(member,), value=0, late=False, entities=(), raised=START, incident_id="202512-inc1",
    )  # fmt: skip
    incident = Incident(
        id="202512-inc1", number="INC-2025-000001", version=1, revision=4, title="t", title_vi="", level="high",
        alerts=(alert.id,), joins=(), entities=(), first_seen=START, last_seen=START, raised=START,
    )  # fmt: skip
    return [alert_document(alert), incident_document(incident)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An installation with one incident of one line among twenty."""
    path = tmp_path / "soc.toml"
    path.write_text(f'data_dir = "{tmp_path / "data"}"\ntimezone = "UTC"\n[bus]\npartitions = 1\n', encoding="utf-8")
    settings = load(path, {})

    async def main() -> None:
        bus, store = open_bus(settings, lambda: START), open_store(settings)
        claim = await bus.claim("collect", 0)
        raws = [RawRecord(b"line %d" % n, START + (n - 10) * MINUTE, "udp", "192.0.2.1:1", "fw") for n in range(20)]
        written = await claim.commit([Message(RAW, b"fw", encode(raw)) for raw in raws])
        await claim.release()
        await store.write(documents(f"{written[10].log_id}/{written[10].partition}/{written[10].offset}"))
        await bus.close()
        await store.close()

    asyncio.run(main())
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch):
    """(address, what it was asked) of a console that accepts everything."""
    bodies: list[dict[str, str]] = []

    class Stand(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({"incident": {"revision": 4}, "alert": {"revision": 1}})

        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.answer({"outcome": "accepted"})

        def answer(self, tree: object) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(tree).encode())

        def log_message(self, *args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stand)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("SOC_TOKEN", "secret")
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()


def test_evidence_is_pinned_listed_and_verified_and_harm_is_found(config: Path, asked):
    url, bodies = asked
    done = run_cli("evidence", "pin", "202512-inc1", "--url", url, "--config", str(config))
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["lines"], bodies[0]["kind"], bodies[0]["expected_revision"]) == ("11", "pin", "4")
    assert bodies[0]["sha256"] == told["sha256"]
    listed = json.loads(run_cli("evidence", "list", "--config", str(config)).out)
    assert (listed["name"], listed["matched"], listed["incident"]) == (told["name"], 1, "INC-2025-000001")
    assert run_cli("evidence", "verify", "--config", str(config)).code == 0
    file = config.parent / "data" / "archive" / "evidence" / told["name"]
    file.write_bytes(file.read_bytes() + b"x")
    harmed = run_cli("evidence", "verify", "--config", str(config))
    assert (harmed.code, json.loads(harmed.out)["wrong"]) == (1, "the file is not what its manifest says")


def test_an_incident_that_is_not_there_is_a_wrong_argument(config: Path, asked):
    assert run_cli("evidence", "pin", "202512-none", "--url", asked[0], "--config", str(config)).code == 2


def test_acts_of_an_incident_s_life_are_options_named_after_their_fields(config: Path, asked):
    url, bodies = asked
    options = ("--severity", "serious", "--flags", "", "--reason", "lộ hồ sơ", "--url", url, "--config", str(config))
    assert run_cli("incidents", "act", "classify", "202512-inc1", *options).code == 0
    expected = {"kind": "classify", "severity": "serious", "flags": "", "reason": "lộ hồ sơ", "expected_revision": "4"}
    assert {name: value for name, value in bodies[0].items() if name != "action_id"} == expected
    assert run_cli("alerts", "act", "classify", "202512-alert1", "--url", url, "--config", str(config)).code == 2
