"""The engine while rules change: the set of a unit of work is in its state and said on every detections partition."""

import asyncio
from typing import Any

from unit.pipeline.rule_sets_support import T0, base, published

from soc.bus.base import Record
from soc.clock import SECOND
from soc.model import Detection, RawRecord, RulesChange, decode, encode
from soc.normalize.normalizer import Normalizer
from soc.pipeline.engine import RULE_SET, Engine, EngineParts
from soc.pipeline.loop import Work
from soc.pipeline.reload import OneSet, Ready
from soc.pipeline.ruleset import PublishedRules
from soc.pipeline.table import DETECTIONS, RAW
from soc.settings import SourceProfile
from soc.sigma.load import load

A, B = published(base("failed")), published(base("failed"), base("password"))
DETECTION_PARTITIONS = 3
_ITEM: Any = Detection | RulesChange


class Holder:
    """Rules that the test swaps; who asks for a later set waits for it."""

    def __init__(self, rules: PublishedRules) -> None:
        self.asked: list[str] = []
        self.swap(rules)

    def swap(self, rules: PublishedRules) -> None:
        self.current: Ready = OneSet(load(rules.bundle)).current

    async def not_before(self, name: str) -> Ready:
        self.asked.append(name)
        while self.current.hash != name:  # noqa: ASYNC110 - the test swaps it in between
            await asyncio.sleep(0)
        return self.current


def engine(rules: Holder, state: dict[bytes, bytes] | None = None) -> Engine:
    profile = SourceProfile(name="all", product="linux")
    normalizer = Normalizer((profile,), timezone="UTC", lateness=600 * SECOND, future_skew=5 * SECOND)
    found = Engine(EngineParts(normalizer, rules, DETECTION_PARTITIONS, 600 * SECOND, 60 * SECOND), 1)
    found.restore(state or {})
    return found


def line(number: int) -> Record:
    text = b"<38>1 2026-11-22T08:00:00Z bastion sshd 1 - - failed password for root from 203.0.113.7 port 4000 ssh2"
    return Record(RAW, 1, "log", number, b"s", encode(RawRecord(text, T0, "tcp", "192.0.2.1:1", "s")), T0)


def said(work: Work) -> list[tuple[int, Detection | RulesChange]]:
    items = [(m.partition, m.value) for m in work.outputs if m.topic == DETECTIONS and not m.key.startswith(b"water")]
    return [(partition, decode(value, _ITEM)) for partition, value in items]


def test_a_change_is_said_to_every_partition_before_the_first_detection_under_it():
    holder = Holder(A)
    stage = engine(holder)
    work = asyncio.run(stage.step([line(1)], T0))
    assert work.state[RULE_SET] == A.hash.encode()
    changes, (_, found) = said(work)[:-1], said(work)[-1]
    assert changes == [(partition, RulesChange(1, A.hash)) for partition in range(DETECTION_PARTITIONS)]
    assert isinstance(found, Detection)
    assert found.rule_set == A.hash


def test_a_set_is_taken_between_two_units_of_work_and_said_once():
    holder = Holder(A)
    stage = engine(holder)
    asyncio.run(stage.step([line(1)], T0))
    same = asyncio.run(stage.step([line(2)], T0))
    assert RULE_SET not in same.state
    assert [item.rule for _, item in said(same) if isinstance(item, Detection)] == ["failed"]
    holder.swap(B)
    work = asyncio.run(stage.step([line(3)], T0))
    assert work.state[RULE_SET] == B.hash.encode()
    found = [item for _, item in said(work) if isinstance(item, Detection)]
    assert {(item.rule, item.rule_set) for item in found} == {("failed", B.hash), ("password", B.hash)}


def test_a_change_is_said_without_any_line_too():
    work = asyncio.run(engine(Holder(A)).step([], T0))
    assert [item for _, item in said(work)] == [RulesChange(1, A.hash)] * DETECTION_PARTITIONS


def test_nothing_is_said_by_who_takes_over_with_the_same_set():
    work = asyncio.run(engine(Holder(A), {RULE_SET: A.hash.encode()}).step([line(1)], T0))
    assert RULE_SET not in work.state
    assert not [item for _, item in said(work) if isinstance(item, RulesChange)]


def test_who_takes_over_waits_for_the_set_that_the_partition_was_read_with():
    async def scenario() -> None:
        holder = Holder(A)
        stage = engine(holder, {RULE_SET: B.hash.encode()})
        step = asyncio.create_task(stage.step([line(1)], T0))
        await asyncio.sleep(0.02)
        assert not step.done()
        holder.swap(B)
        work = await asyncio.wait_for(step, 5)
        assert RULE_SET not in work.state
        assert {item.rule_set for _, item in said(work)} == {B.hash}
        assert holder.asked == [B.hash]

    asyncio.run(scenario())
