"""Evidence: the lines that matched and five minutes around, in one file that proves itself, gathered from segments and the bus alike."""

import asyncio
import json

import pytest

from soc.archive import evidence
from soc.archive.folder import Folder
from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.clock import HOUR, MINUTE
from soc.model import Action, Alert, Answer, Incident, Member, encode
from soc.pipeline.evidence import Pins, collect, pin_changes, windows
from soc.pipeline.table import RAW, topology
from tests.unit.archive.archive_support import START, Stage, raw, records

SOURCE, OTHER = "192.0.2.7", "198.51.100.1"


def alert(members, sample, first, last, state="live"):
    return Alert(
        id="202512-a", version=1, revision=0, rule_id="r", title="t", title_vi="", level="high", tags=(), type="event",
        rule_set="s", episode_revision=1, state=state, merged_into="", group=(), first_seen=first, last_seen=last,
        count=len(members), members=tuple(members), sample=tuple(sample), value=0, late=False, entities=(), raised=last,
    )  # fmt: skip


def member(id_, at, source=SOURCE):
    return Member(id_, "r", source, at, at, {}, ())


INCIDENT = Incident(
    id="202512-i", number="INC-2025-000001", version=1, revision=0, title="t", title_vi="", level="high",
    alerts=("202512-a",), joins=(), entities=(), first_seen=START, last_seen=START, raised=START,
)  # fmt: skip


def test_windows_of_one_source_are_joined_and_reach_five_minutes_around():
    one = alert(["x"], [member("x", START)], START, START)
    two = alert(["y"], [member("y", START + 8 * MINUTE), member("z", START, OTHER)], START, START + 8 * MINUTE)
    found = windows([one, two, alert(["q"], [member("q", START, "elsewhere")], START, START, state="merged")])
    assert [(w.source, w.start - START, w.end - START) for w in found] == [
        (SOURCE, -5 * MINUTE, 13 * MINUTE + 1),
        (OTHER, -5 * MINUTE, 13 * MINUTE + 1),
    ]


def pinned(tmp_path, body):
    """Run ``body`` with a bus and a folder: one line a minute for two hours, hour one archived, hour two only on the bus."""

    async def run():
        bus = EmbeddedBus(tmp_path / "bus", topology(1, 1, archive=False))
        place = Folder(tmp_path / "archive")
        lines = [raw(b"line %d \xff" % n if n == 61 else b"line %d" % n, START + n * MINUTE) for n in range(120)]
        lines += [raw(b"other %d" % n, START + n * MINUTE, OTHER) for n in range(120)]
        claim = await bus.claim("collect", 0)
        addresses = await claim.commit([Message(RAW, one.source.encode(), encode(one)) for one in lines])
        await claim.release()
        stage = Stage(place)
        ids = [f"{a.log_id}/{a.partition}/{a.offset}" for a in addresses]
        archived = [
            record
            for record in records(lines, addresses[0].offset, addresses[0].log_id)
            if record.appended < START + HOUR
        ]
        for record in archived:
            stage.archiver.take([record], record.appended)
        stage.cut(START + 3 * HOUR, everything=True)
        stage.write()
        try:
            await body(bus, place, ids)
        finally:
            await bus.close()

    asyncio.run(run())


def test_lines_around_a_match_come_once_from_archive_and_bus_and_the_file_proves_each(tmp_path):
    async def body(bus, place, ids):
        found = alert([ids[61]], [member(ids[61], START + 61 * MINUTE)], START + 61 * MINUTE, START + 61 * MINUTE)
        manifest = await collect(bus, place, INCIDENT, [found], actor="lan", at=START + 2 * HOUR)
        assert (len(manifest.lines), manifest.matched, manifest.left_out) == (11, 1, 0)
        rows = list(evidence.rows(evidence.content(place, manifest.name)))
        assert [row["id"] for row in rows] == ids[56:67]
        assert [row["id"] for row in rows if row["matched"]] == [ids[61]]
        assert "base64" in rows[5]
        assert "line" in rows[4]
        assert evidence.names(place) == [manifest.name]
        assert evidence.wrong(place, manifest.name, manifest.sha256) == ""
        assert pin_changes(manifest)["lines"] == 11

    pinned(tmp_path, body)


def test_what_is_retained_no_more_gives_no_file(tmp_path):
    async def body(bus, place, ids):
        gone = alert(["x"], [member("x", START - HOUR)], START - HOUR, START - HOUR)
        assert await collect(bus, place, INCIDENT, [gone], actor="lan", at=START) is None
        assert evidence.names(place) == []

    pinned(tmp_path, body)


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (lambda paths: paths[0].unlink(), "file is missing"),
        (lambda paths: paths[1].unlink(), "manifest is missing"),
        (lambda paths: paths[0].write_bytes(paths[0].read_bytes()[:-3]), "not what its manifest says"),
        (lambda paths: paths[1].write_bytes(b"{"), "cannot be read"),
    ],
)
def test_a_file_that_was_harmed_is_found(tmp_path, harm, word):
    async def body(bus, place, ids):
        found = alert([ids[9]], [member(ids[9], START + 9 * MINUTE)], START + 9 * MINUTE, START + 9 * MINUTE)
        manifest = await collect(bus, place, INCIDENT, [found], actor="lan", at=START + 2 * HOUR)
        file = tmp_path / "archive" / "evidence" / manifest.name
        harm((file, file.with_name(file.name.replace(".ndjson.zst", ".manifest.json"))))
        assert word in evidence.wrong(place, manifest.name)

    pinned(tmp_path, body)


def test_a_file_rewritten_with_its_manifest_is_found_by_what_the_incident_says(tmp_path):
    async def body(bus, place, ids):
        found = alert([ids[9]], [member(ids[9], START + 9 * MINUTE)], START + 9 * MINUTE, START + 9 * MINUTE)
        manifest = await collect(bus, place, INCIDENT, [found], actor="lan", at=START + 2 * HOUR)
        assert "the incident says" in evidence.wrong(place, manifest.name, "b" * 64)
        file = tmp_path / "archive" / "evidence" / manifest.name.replace(".ndjson.zst", ".manifest.json")
        tree = json.loads(file.read_text())
        tree["lines"][3][2] = "c" * 64
        file.write_text(json.dumps(tree))
        assert evidence.wrong(place, manifest.name, manifest.sha256) == "line 4 is not what the manifest says"

    pinned(tmp_path, body)


@pytest.mark.parametrize("name", ["../x.ndjson.zst", "x", "a/b.ndjson.zst", ""])
def test_a_name_that_is_none_reads_nothing(tmp_path, name):
    assert "no name" in evidence.wrong(Folder(tmp_path), name)


def test_a_console_pins_one_incident_at_a_time_and_rides_over_a_conflict(tmp_path):
    async def body(bus, place, ids):
        found = alert([ids[9]], [member(ids[9], START + 9 * MINUTE)], START + 9 * MINUTE, START + 9 * MINUTE)
        acts: list[Action] = []

        async def act(action):
            acts.append(action)
            outcome = "conflict" if len(acts) == 1 else "accepted"
            if outcome == "accepted":
                asyncio.get_running_loop().call_later(0.05, stop.set)
            return Answer(action.id, outcome, "somebody else", "incident", INCIDENT.id, 3)

        async def incident(_):
            return INCIDENT, [found]

        pins, stop = Pins(bus, place, incident, act, lambda: START + 2 * HOUR), asyncio.Event()
        first = pins.ask(INCIDENT.id, "lan", "analyst", ())
        assert pins.ask(INCIDENT.id, "hoa", "analyst", ()) is first
        running = asyncio.create_task(pins.run(stop))
        async with asyncio.timeout(20):
            await stop.wait()
        await running
        assert (first.state, first.lines, pins.latest(INCIDENT.id)) == ("pinned", 11, first)
        assert [one.kind for one in acts] == ["pin", "pin"]
        assert len({one.id for one in acts}) == 2
        assert acts[1].changes["sha256"] == evidence.manifest(place, first.detail).sha256

    pinned(tmp_path, body)
