"""An auditor's day: the chains of a real data directory, edited by SQL as an administrator could, against heads kept elsewhere."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from soc.audit.chain import Entry
from soc.bus.embedded import EmbeddedBus
from soc.cli import soc
from soc.clock import DAY, now
from soc.console.auth import Users
from soc.errors import SettingsError
from soc.model import encode
from soc.pipeline.audit_record import HEAD, head_of, lines, record
from soc.pipeline.table import topology

PASSWORD = "a long enough password"
Run = Callable[..., tuple[int, list[Any], str]]

ACTS = (
    Entry(now() - 3 * DAY, "lan.nt", "sign_in", "user/lan.nt"),
    Entry(now() - 2 * DAY, "lan.nt", "unmask", "alert/202611-a1", "tax office asked for the sender"),
    Entry(now() - 2 * DAY, "lan.nt", "close", "alert/202611-a1", "false_positive"),
    Entry(now() - DAY, "hoa.pv", "unmask", "incident/202611-i1", "report to the ministry"),
    Entry(now() - DAY, "lan.nt", "unmask", "alert/202611-a2", "second look"),
    Entry(now(), "hoa.pv", "sign_out", "user/hoa.pv"),
)


async def _act(directory: Path) -> None:
    """The console, a command and two more stages write their chains."""
    bus = EmbeddedBus(directory / "bus", topology(1))
    for stage, chain in (("console", "console/0"), ("notify", "notify"), ("retry", "retry")):
        claim = await bus.claim(stage, 0)
        head = head_of(claim.state, chain)
        for entry in ACTS:  # each in a commit of its own: a batch of the file is one line
            messages, head = lines(head, (entry,))
            await claim.commit(messages, {HEAD: encode(head)})
        await claim.release()
    await record(bus, *ACTS[:2])
    await bus.close()


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command over ``tmp_path``: its exit code, the values it printed, what it said."""
    monkeypatch.setenv("SOC_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SOC_BUS__PARTITIONS", "1")
    monkeypatch.chdir(tmp_path)
    asyncio.run(_act(tmp_path))

    def command(*words: str) -> tuple[int, list[Any], str]:
        capsys.readouterr()
        try:
            code = soc.main(["audit", *words], standalone_mode=False) or 0
        except click.exceptions.Exit as exit_:
            code = exit_.exit_code
        said = capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines() if line.startswith(("{", "["))], said.err

    return command


@pytest.fixture
def kept(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The options that name the heads and the key as another host keeps them."""
    del run
    _keep_heads(tmp_path, capsys)
    return ["--head", str(tmp_path / "heads.json"), "--key", str(tmp_path / "soc-audit.pub")]


def _edit(path: Path, old: bytes, new: bytes) -> None:
    """Change the first line that has ``old``, where it lies, as somebody who may write the file can."""
    assert len(old) == len(new)
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT rowid, data FROM batches ORDER BY stream, base").fetchall()
        rowid, data = next((rowid, data) for rowid, data in rows if old in data)
        database.execute("UPDATE batches SET data = ? WHERE rowid = ?", (data.replace(old, new), rowid))
    database.close()


def _delete(path: Path, number: int) -> None:
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT rowid FROM batches ORDER BY base").fetchall()
        database.execute("DELETE FROM batches WHERE rowid = ?", rows[number])
    database.close()


def _keep_heads(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What another host keeps: the heads as they are now, signed, and the key."""
    for words, name in ((["heads"], "heads.json"), (["key"], "soc-audit.pub")):
        capsys.readouterr()
        assert (soc.main(["audit", *words], standalone_mode=False) or 0) == 0
        (directory / name).write_text(capsys.readouterr().out)


def _roll_back(directory: Path, file: str, older: Path) -> None:
    for leftover in (f"{file}-wal", f"{file}-shm"):
        (directory / "bus" / leftover).unlink(missing_ok=True)
    shutil.copy(older, directory / "bus" / file)


def _faults(found: list[Any]) -> dict[str, str]:
    (chains,) = found
    return {chain["chain"]: chain["fault"] for chain in chains if chain["fault"]}


def test_whole_chains_are_whole_against_signed_heads_of_every_chain_there_is(run, kept):
    code, found, _ = run("verify", *kept)
    assert code == 0
    assert {chain["chain"]: chain["lines"] for chain in found[0]} == {
        "console/0": 6,
        "notify": 6,
        "retry": 6,
        "context": 2,
    }


def test_one_edited_one_deleted_and_one_rolled_back_record_are_found(run, kept, tmp_path, capsys):
    shutil.copy(tmp_path / "bus" / "notify-0.db", tmp_path / "older.db")
    asyncio.run(_act(tmp_path))  # a second day
    _keep_heads(tmp_path, capsys)
    _edit(tmp_path / "bus" / "console-0.db", b"tax office", b"no reason!")
    _delete(tmp_path / "bus" / "retry-0.db", 3)
    _roll_back(tmp_path, "notify-0.db", tmp_path / "older.db")
    code, found, said = run("verify", *kept)
    assert code == 1
    faults = _faults(found)
    assert faults["console/0"] == "line 2: the line was edited: its hash does not fit"
    assert faults["retry"].startswith("line 4: the line is number 5")
    assert faults["notify"] == ("rolled back: the head kept elsewhere has 12 lines, here are 6; 6 are gone")
    assert "context" not in faults
    assert "console/0: line 2" in said


def test_a_last_line_deleted_together_with_its_end_shows_against_the_kept_head_only(run, kept, tmp_path):
    head = json.loads(json.loads((tmp_path / "heads.json").read_text())["document"])
    assert {one["chain"] for one in head["heads"]} == {"console/0", "notify", "retry", "context"}
    path = tmp_path / "bus" / "retry-0.db"
    _delete(path, 5)
    assert _faults(run("verify")[1])["retry"] == "line 6: lines are missing at the end: 5 of 6 are there"
    (tmp_path / "bus" / "retry-0.db").unlink()  # the whole chain with its state
    assert run("verify")[0] == 0
    code, found, _ = run("verify", *kept)
    assert code == 1
    assert "rolled back: the head kept elsewhere has 6 lines, here are 0" in _faults(found)["retry"]


def test_who_unmasked_what_is_answered_in_one_command(run):
    code, found, _ = run("who", "--act", "unmask", "--since", "30d", "--output-format", "ndjson")
    assert code == 0
    rows = {(row["actor"], row["object"]): (row["count"], row["why"]) for row in found}
    assert rows == {
        ("lan.nt", "alert/202611-a1"): (4, "tax office asked for the sender"),  # in three chains, and by command
        ("lan.nt", "alert/202611-a2"): (3, "second look"),
        ("hoa.pv", "incident/202611-i1"): (3, "report to the ministry"),
    }
    since = run("who", "--act", "unmask", "--since", "36h", "--output-format", "ndjson")[1]
    assert {row["object"] for row in since} == {"alert/202611-a2", "incident/202611-i1"}
    assert run("who", "--act", "unmask", "--since", "1h", "--output-format", "ndjson")[1] == []


def test_lines_are_searched_by_person_act_object_and_time(run):
    _, found, _ = run("search", "--actor", "lan.nt", "--object", "alert/202611-a1", "--output-format", "ndjson")
    assert {(row["act"], row["chain"]) for row in found} >= {("unmask", "console/0"), ("close", "notify")}
    assert {row["actor"] for row in found} == {"lan.nt"}
    _, found, _ = run("search", "--act", "close", "--limit", "1", "--output-format", "ndjson")
    assert len(found) == 1


def test_a_head_with_another_signature_or_none_is_refused(run, kept, tmp_path):
    text = (tmp_path / "heads.json").read_text()
    (tmp_path / "heads.json").write_text(text.replace('\\"seq\\":6', '\\"seq\\":5'))
    with pytest.raises(SettingsError, match="signature"):
        run("verify", *kept)
    (tmp_path / "heads.json").write_text(json.dumps(run("verify")[1][0]))
    with pytest.raises(SettingsError, match="not signed"):
        run("verify", *kept)


def test_a_restore_is_a_break_until_two_people_have_signed_it(run, kept, tmp_path, capsys):
    shutil.copy(tmp_path / "bus" / "notify-0.db", tmp_path / "older.db")
    asyncio.run(_act(tmp_path))
    _keep_heads(tmp_path, capsys)
    _roll_back(tmp_path, "notify-0.db", tmp_path / "older.db")
    users = Users(tmp_path)
    users.bootstrap()
    for name, role in (("quan", "administrator"), ("kiem", "auditor"), ("lan.nt", "analyst")):
        users.add(name, [role])
        users.set_password(name, PASSWORD)
    assert run("verify", *kept)[0] == 1
    asked = ["declare-break", *kept[:2], "--reason", "disk lost", "--password", PASSWORD]
    with pytest.raises(SettingsError, match="roles do not allow"):
        run(*asked, "--as", "lan.nt")
    code, (declared,), _ = run(*asked, "--as", "quan")
    assert (code, declared["chain"], declared["lost_after"], declared["lost_up_to"]) == (0, "notify", 6, 12)
    assert run("verify", *kept)[0] == 1, "one signature is none"
    signed = ["countersign", declared["id"], "--reason", "log of the back-up seen", "--password", PASSWORD]
    with pytest.raises(SettingsError, match="roles do not allow"):
        run(*signed, "--as", "quan")
    assert run(*signed, "--as", "kiem")[0] == 0
    code, found, said = run("verify", *kept)
    assert code == 0
    (notify,) = [chain for chain in found[0] if chain["chain"] == "notify"]
    assert "declared by quan" in notify["declared"]
    assert "countersigned by kiem: disk lost" in notify["declared"]
    assert "notify: lines 7 to 12" in said
    assert not soc.main(["store", "declare-restored", "notify", "0", "--yes"], standalone_mode=False)
    asyncio.run(_act(tmp_path))
    asyncio.run(_act(tmp_path))  # the restored chain is longer than the lost one now
    code, found, _ = run("verify", *kept)
    assert (code, _faults(found)) == (0, {})
    _edit(tmp_path / "bus" / "notify-0.db", b"tax office", b"no reason!")
    assert "the line was edited" in _faults(run("verify", *kept)[1])["notify"], "a declared break excuses no edit"


def test_a_chain_that_nobody_has_the_end_of_is_a_fault(run, tmp_path):
    with sqlite3.connect(tmp_path / "bus" / "retry-0.db") as database:
        assert database.execute("DELETE FROM state WHERE key = ?", (HEAD,)).rowcount == 1
    database.close()
    assert "no stage has the end of this chain" in _faults(run("verify")[1])["retry"]
