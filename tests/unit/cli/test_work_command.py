"""``soc silence``, ``soc directive``, ``soc task`` from the outside, against a store of one's own and a console that stands in."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cli_support import run_cli

from soc.app import open_bus, open_store
from soc.clock import HOUR, now
from soc.model import Directive, Incident, Silence, Task
from soc.settings import load
from soc.store.documents import directive_document, incident_document, silence_document


def documents():
    at = now()
    silences = [
        Silence(
            "202611-aa01", 1, 1, "silence", (("rule.id", "r1"),), at - HOUR, at + HOUR, "lan.nt", "known", at, covered=4
        ),
        Silence("202611-aa02", 1, 1, "maintenance", (("system", "s1"),), at - 2 * HOUR, at - HOUR, "minh", "work", at),
    ]
    directives = [
        Directive("202611-dd01", 1, 1, "1/CV", "A05", "late", "do it", at - HOUR, "lan.nt", due=at - 1),
        Directive("202611-dd02", 1, 1, "2/CV", "A05", "early", "do it", at - HOUR, "lan.nt", due=at + HOUR),
    ]
    tasks = (
        Task("t1", "isolate", "Sở Y tế", at - HOUR, at - 2 * HOUR, "lan.nt"),
        Task("t2", "send logs", "Sở Tài chính", at + HOUR, at - 2 * HOUR, "lan.nt", "done"),
    )
    incident = Incident(
        "202611-inc1", "INC-2026-000001", 1, 4, "t", "", "high", (), (), (), at, at, at, tasks=tasks, exercise=True
    )
    return [*map(silence_document, silences), *map(directive_document, directives), incident_document(incident)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An installation with two silences, two directives and an incident with two tasks."""
    path = tmp_path / "soc.toml"
    path.write_text(f'data_dir = "{tmp_path / "data"}"\ntimezone = "UTC"\n[bus]\npartitions = 1\n', encoding="utf-8")
    settings = load(path, {})

    async def main() -> None:
        bus, store = open_bus(settings, now), open_store(settings)
        claim = await bus.claim("collect", 0)
        await claim.release()
        await store.write(documents())
        await bus.close()
        await store.close()

    asyncio.run(main())
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch):
    """(address, [(path, body)]) of a console that takes everything but what it is told to refuse."""
    got: list[tuple[str, dict[str, object]]] = []

    class Stand(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, {name: {"revision": 4} for name in ("incident", "silence", "directive")})

        def do_POST(self) -> None:
            got.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            refused = got[-1][1].get("reason") == "refuse me"
            self.answer(409 if refused else 200, {"outcome": "refused" if refused else "accepted"})

        def answer(self, status: int, tree: object) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(tree).encode())

        def log_message(self, *args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stand)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("SOC_TOKEN", "secret")
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()


def rows(config: Path, *arguments: str):
    done = run_cli(*arguments, "--config", str(config), "--output-format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_silences_directives_and_tasks_are_listed_by_their_state_now(config: Path):
    assert [(one["id"], one["covered"]) for one in rows(config, "silence", "list")] == [("202611-aa01", 4)]
    assert [one["state"] for one in rows(config, "silence", "list", "--state", "all")] == ["active", "over"]
    assert {one["number"] for one in rows(config, "directive", "list")} == {"1/CV", "2/CV"}
    assert [one["number"] for one in rows(config, "directive", "list", "--state", "overdue")] == ["1/CV"]
    assert [(one["id"], one["overdue"]) for one in rows(config, "task", "list")] == [("t1", True)]
    assert [one["id"] for one in rows(config, "task", "list", "--state", "all")] == ["t1", "t2"]
    assert rows(config, "task", "list", "--state", "all", "--unit", "Sở Tài chính")[0]["id"] == "t2"


def test_a_drill_is_marked_in_the_list_of_incidents(config: Path):
    done = run_cli("incidents", "list", "--config", str(config), "--output-format", "table")
    assert b"exercise" in done.out
    assert b"true" in done.out


@pytest.mark.parametrize(
    ("arguments", "path", "kind"),
    [
        (("silence", "add", "--match", "rule.id=r1", "--hours", "8", "--reason", "known"), "/silences", "silence"),
        (("silence", "end", "202611-aa01", "--reason", "done"), "/silences/202611-aa01/act", "end_silence"),
        (
            ("directive", "add", "--number", "3/CV", "--issuer", "A05", "--title", "t", "--text", "x"),
            "/directives",
            "direct",
        ),
        (("directive", "answer", "202611-dd01", "--text", "done"), "/directives/202611-dd01/act", "answer_directive"),
        (("directive", "close", "202611-dd01", "--reason", "done"), "/directives/202611-dd01/act", "close_directive"),
        (
            ("task", "add", "202611-inc1", "--title", "t", "--unit", "u", "--due", "2026-12-01T08:00"),
            "/incidents/202611-inc1/act",
            "add_task",
        ),
        (("task", "answer", "202611-inc1", "t1", "--reply", "done"), "/incidents/202611-inc1/act", "answer_task"),
        (("task", "close", "202611-inc1", "t1"), "/incidents/202611-inc1/act", "close_task"),
    ],
)
def test_each_act_goes_to_its_form_once(config: Path, asked, arguments, path, kind):
    url, got = asked
    done = run_cli(*arguments, "--url", url, "--config", str(config))
    assert (done.code, json.loads(done.out)) == (0, {"outcome": "accepted"})
    assert [(where, body["kind"]) for where, body in got] == [(path, kind)]
    assert None not in got[0][1].values()


def test_what_is_refused_ends_with_one_and_a_wrong_use_with_two(config: Path, asked):
    url, got = asked
    refused = ("silence", "end", "202611-aa01", "--reason", "refuse me", "--url", url, "--config", str(config))
    assert run_cli(*refused).code == 1
    both = ("silence", "add", "--match", "a=b", "--hours", "8", "--until", "2026-12-01T08:00", "--reason", "x")
    assert run_cli(*both, "--url", url, "--config", str(config)).code == 2
    assert len(got) == 1
