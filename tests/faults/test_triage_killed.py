"""``kill -9`` of triage, notify and a publication, again and again: what they wrote is what an undisturbed run writes, and nothing twice."""

import asyncio
import json
import random
import signal
import time
from collections import Counter
from typing import get_args

import pytest
from faults import stage_process
from faults.processes import prepared
from faults.stage_process import made

from soc.audit.chain import Head, verify
from soc.bus.base import Message, Step
from soc.clock import now
from soc.model import Action, Alert, Answer, Context, Directive, Incident, Notice, Silence, decode, encode
from soc.pipeline import context
from soc.pipeline.table import (
    ACTIONS,
    ALERTS,
    ANSWERS,
    AUDIT,
    CONTEXT,
    DIRECTIVES,
    EPISODES,
    INCIDENTS,
    NOTICES,
    SILENCES,
)

ROUNDS, EPISODES_EACH = 4, 24
KINDS = {ALERTS: Alert, INCIDENTS: Incident, SILENCES: Silence, DIRECTIVES: Directive}


@pytest.fixture(scope="module")
def processes():
    with prepared("faults.report_edges", "faults.stage_process") as context:
        yield context


class Centre:
    """One installation's bus, and a stage on it that is killed and started again until it has read everything."""

    def __init__(self, processes, directory, seed):
        directory.mkdir()
        self.processes, self.directory = processes, directory
        self.bus = stage_process.bus(directory)
        self.kills = 0
        self._chosen = random.Random(seed) if seed else None

    async def write(self, stage, *messages):
        claim = await self.bus.claim(stage, 0)
        await claim.commit(messages)
        await claim.release()

    async def read(self, topic):
        reader = self.bus.reader([topic])
        found = []
        while records := await reader.fetch(1000, 0.0):
            found += records
        await reader.close()
        return found

    async def work(self, stage, target, done=None, seconds=120):
        """Run the stage, killed at steps drawn from the seed, until it has read everything and ``done`` says so."""
        deadline = time.monotonic() + seconds
        process = None
        while await self._behind(stage) or (done and not await done()):
            assert time.monotonic() < deadline
            if process is not None and process.exitcode is not None:
                assert process.exitcode == -signal.SIGKILL
                self.kills += 1
                process = None
            if process is None:
                die = self._chosen.randrange(10**6) if self._chosen else None
                process = self.processes.Process(target=target, args=(self.directory, die))
                process.start()
            await asyncio.sleep(0.02)
        if process is not None:
            process.kill()
            process.join()

    async def _behind(self, stage):
        return any(lag.records for lag in await self.bus.lag() if lag.stage == stage)


def episodes(number):
    """Attacks and noise on a few hosts: told, revised, taken back and absorbed."""
    chosen = random.Random(number)
    found = []
    for n in range(EPISODES_EACH):
        name, at = f"{number}-{n}", number * 40 + n
        rule = chosen.choice(list(made.RULES))
        fields = {"host.name": f"web-{chosen.randrange(5)}", "source.ip": f"203.0.113.{chosen.randrange(6)}"}
        found.append(made.episode(name, rule, at, fields))
        if n % 3 == 0:
            found.append(made.episode(name, rule, at, fields, revision=2, until=at + 2))
        if n % 7 == 6:
            found.append(made.episode(f"{number}-{n - 1}", rule, at - 1, fields, revision=3, state="retracted"))
    return found


def acts(number, alerts, incidents):
    """People at work on what there is; the same for the same documents."""

    def act(what, target, id_, revision=0, **changes):
        at = made.T0 + made.HOUR + number
        given.append(Action(f"act-{number}-{len(given)}", at, "lan", "lead", what, target, id_, revision, changes))

    given = []
    live = sorted((one for one in incidents.values() if one.status not in {"merged", "closed"}), key=lambda one: one.id)
    act("silence", "silence", f"202611-quiet{number:04}", kind="silence", matchers=[["host.name", f"web-{number}"]],
        starts=made.T0 + made.HOUR, ends=made.T0 + 9 * made.HOUR, reason="planned work")  # fmt: skip
    act(
        "direct",
        "directive",
        f"202611-order{number:04}",
        number=f"{number}/CV",
        issuer="A05",
        title="Check",
        text="Check all",
    )
    for one in live[:3]:
        act("acknowledge", "incident", one.id, one.revision)
        act("note", "incident", one.id, one.revision + 1, text=f"seen in round {number}")
        act("note", "incident", one.id, one.revision, text="too late: it changed")
    if len(live) > 5:
        act("merge", "incident", live[4].id, live[4].revision, into=live[5].id)
        act("close", "incident", live[3].id, live[3].revision, verdict="false_positive", reason="a scanner of ours")
    if number:
        act("end_silence", "silence", f"202611-quiet{number - 1:04}", 1, reason="done")
        act("answer_directive", "directive", f"202611-order{number - 1:04}", 1, answer="checked")
    alert = min(alerts)
    act("note", "alert", alert, alerts[alert].revision, text=f"round {number}")
    return given


async def newest(centre, topic):
    return {record.key.decode(): decode(record.value, KINDS[topic]) for record in await centre.read(topic)}


async def told(processes, directory, seed):
    """The whole story through triage; the centre after it."""
    centre = Centre(processes, directory, seed)
    for number in range(ROUNDS):
        await centre.write("correlate", *(Message(EPISODES, one.id.encode(), encode(one)) for one in episodes(number)))
        await centre.work("triage", stage_process.triage)
        done = acts(number, await newest(centre, ALERTS), await newest(centre, INCIDENTS))
        await centre.write("console", *(Message(ACTIONS, one.id.encode(), encode(one)) for one in done))
        await centre.work("triage", stage_process.triage)
    return centre


async def written(centre):
    """Everything triage wrote that counts: each document as it is last, each answer, each line of its audit."""
    documents = {topic: await newest(centre, topic) for topic in KINDS}
    for topic, kind in KINDS.items():
        seen = Counter((record.key, decode(record.value, kind).version) for record in await centre.read(topic))
        assert set(seen.values()) <= {1}, f"{topic}: a version of a document was written twice"
    answers = [decode(record.value, Answer) for record in await centre.read(ANSWERS)]
    lines = [record.value for record in await centre.read(AUDIT)]
    assert verify(lines, Head("triage", len(lines), json.loads(lines[-1])["hash"])) is None
    acted = [(line["act"], line["object"], line["actor"], line["detail"]) for line in map(json.loads, lines)]
    return documents, answers, acted


@pytest.mark.parametrize("seed", [20261123, 20261124])
def test_triage_killed_again_and_again_writes_what_an_undisturbed_one_writes_and_nothing_twice(
    tmp_path, processes, seed
):
    async def main():
        calm = await told(processes, tmp_path / "calm", None)
        rough = await told(processes, tmp_path / "rough", seed)
        assert (calm.kills, rough.kills > 10) == (0, True), rough.kills
        expected, found = await written(calm), await written(rough)
        assert found == expected
        assert {outcome.outcome for outcome in found[1]} >= {"accepted", "conflict"}
        assert all(found[0].values())
        for centre in (calm, rough):
            await centre.bus.close()

    asyncio.run(main())


MATTERS, AT = 14, now()


def matters():
    """Incidents with an alert each, a report that waits for a person, and a directive nobody answered."""
    at = AT
    for number in range(MATTERS):
        incident_id, alert_id = f"202611-i{number:03}", f"202611-a{number:03}"
        incident = Incident(
            incident_id,
            f"INC-2026-{number:06}",
            1,
            0,
            f"Story {number}",
            "",
            "critical",
            (alert_id,),
            (),
            (),
            at,
            at,
            at,
        )
        alert = Alert(
            alert_id, 1, 0, f"rule-{number}", f"Story {number}", "", "critical", (), "event", "s", 1, "live", "", (), at, at, 1,
            (), (), 1.0, False, (("source.ip", f"192.0.2.{number}"),), at, incident_id=incident_id,
        )  # fmt: skip
        yield Message(INCIDENTS, incident_id.encode(), encode(incident))
        yield Message(ALERTS, alert_id.encode(), encode(alert))
    directive = Directive("202611-d1", 1, 1, "1/CV", "A05", "Check", "Check all", at, "lan", at - 1)
    yield Message(DIRECTIVES, b"202611-d1", encode(directive))


async def called(processes, directory, seed):
    """What was sent to people, by whom it was about; and the notices on the bus."""
    centre = Centre(processes, directory, seed)
    await centre.write("triage", *matters())

    async def told():
        notices = [decode(record.value, Notice) for record in await centre.read(NOTICES)]
        return len({notice.about for notice in notices if notice.state == "sent"}) == MATTERS + 1

    await centre.work("notify", stage_process.notify, told)
    notices = [decode(record.value, Notice) for record in await centre.read(NOTICES)]
    sent = [json.loads(line) for line in (directory / "sent").read_text().splitlines()]
    await centre.bus.close()
    return centre.kills, sent, notices


def test_notify_killed_again_and_again_tells_everybody_of_everything_and_twice_only_where_nobody_can_tell(
    tmp_path, processes
):
    async def main():
        _, expected, _ = await called(processes, tmp_path / "calm", None)
        kills, sent, notices = await called(processes, tmp_path / "rough", 20261125)
        assert kills > 5
        assert len(expected) == MATTERS + 1
        assert sorted(set(map(tuple, sent))) == sorted(map(tuple, expected)), "the same messages under the same ids"
        twice = {id_ for id_, count in Counter(one[0] for one in sent).items() if count > 1}
        assert twice <= {notice.id for notice in notices if "twice" in notice.detail}
        versions = Counter((notice.id, notice.version) for notice in notices)
        assert set(versions.values()) == {1}

    asyncio.run(main())


@pytest.mark.parametrize("step", [step for step in get_args(Step) if step != "fetched"])
def test_a_publication_killed_at_any_step_and_made_again_is_published_once_and_audited_once(tmp_path, processes, step):
    process = processes.Process(target=stage_process.publish, args=(tmp_path, b"v2", step))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL

    async def main():
        centre = Centre(processes, tmp_path / "other", None)
        centre.bus = stage_process.bus(tmp_path)
        await context.publish(centre.bus, "register", b"v2", actor="lan", at=2, detail="again")
        published = [decode(record.value, Context).data for record in await centre.read(CONTEXT)]
        assert published == [b"v1", b"v2"]
        lines = [record.value for record in await centre.read(AUDIT)]
        assert len(lines) == 2
        assert verify(lines, Head("context", 2, json.loads(lines[-1])["hash"])) is None
        await centre.bus.close()

    asyncio.run(main())
