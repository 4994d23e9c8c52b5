"""Following published sets: what takes effect, what is passed over, and what a take-over waits for."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from unit.pipeline.rule_sets_support import base, published

from soc.bus.base import Message
from soc.bus.embedded import EmbeddedBus
from soc.errors import LogMismatchError, RuleError, UnavailableError
from soc.model import Bundle, encode
from soc.pipeline import reload, ruleset
from soc.pipeline.reload import FollowedRules, Ready
from soc.pipeline.ruleset import PublishedRules, RuleSets, publish
from soc.pipeline.table import RULES, topology
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet

A, B, C = (published(*(base(name) for name in names)) for names in ("x", "xy", "xyz"))
USELESS = Bundle((("rules.yml", "title: nothing\n"),))


class Following:
    """Followed rules over a real topic; ``gate`` holds compiling back, ``broken`` cannot be compiled."""

    def __init__(self, directory: Path) -> None:
        self.bus = EmbeddedBus(directory, topology(1))
        self.sets = RuleSets(self.bus)
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken: set[str] = set()
        self.taken: list[str] = []
        self.rules = FollowedRules(self.sets, self._compile, self._settled)

    async def _compile(self, bundle: Bundle) -> RuleSet:
        await self.gate.wait()
        if bundle.hash in self.broken:
            raise RuleError("rules", 0, "too much for this machine")
        return load(bundle)

    def _settled(self, ready: Ready) -> None:
        self.taken.append(ready.hash)

    async def put(self, name: str, value: bytes) -> None:
        """Anything on the topic."""
        claim = await self.bus.claim("rules", 0)
        await claim.commit([Message(RULES, name.encode(), value)])
        await claim.release()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 - what is looked at tells nobody
                await asyncio.sleep(0.01)


def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Following], Awaitable[None]]) -> None:
    """Run ``act`` beside following, begun with set A."""
    monkeypatch.setattr(reload, "LOOK_SECONDS", 0.01)

    async def scenario() -> None:
        following = Following(tmp_path / "bus")
        await publish(following.bus, A)
        await following.sets.refresh()
        await following.rules.start()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(following.rules.follow(stop))
            await act(following)
            stop.set()
        await asyncio.sleep(0)
        await following.bus.close()

    asyncio.run(scenario())


def test_a_published_set_takes_effect_and_the_one_before_again_when_it_is_published_again(tmp_path, monkeypatch):
    async def act(following: Following) -> None:
        for one in (B, A):
            await publish(following.bus, one)
            await following.until(lambda one=one: following.rules.current.hash == one.hash)
        assert following.taken == [A.hash, B.hash, A.hash]

    follow(tmp_path, monkeypatch, act)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("f" * 32, b"\x00 no rule set", "cannot be read"),
        ("f" * 32, encode(B), "it was damaged or changed"),
        (
            USELESS.hash,
            encode(PublishedRules(USELESS.hash, USELESS, {}, {}, frozenset(), {}, {}, ())),
            "it holds no rule",
        ),
    ],
    ids=["unreadable", "another hash", "useless"],
)
def test_a_set_that_cannot_be_used_changes_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: bytes, reason: str
):
    async def act(following: Following) -> None:
        await following.put(name, value)
        await following.until(lambda: bool(following.rules.rejected))
        assert reason in following.rules.rejected[name]
        assert (following.rules.current.hash, following.sets.current) == (A.hash, await following.sets.latest())
        await publish(following.bus, C)
        await following.until(lambda: following.rules.current.hash == C.hash)
        assert not following.rules.rejected

    follow(tmp_path, monkeypatch, act)


def test_a_set_that_cannot_be_compiled_changes_nothing_and_a_later_one_does(tmp_path, monkeypatch):
    async def act(following: Following) -> None:
        following.broken.add(B.hash)
        await publish(following.bus, B)
        await following.until(lambda: B.hash in following.rules.rejected)
        assert following.rules.current.hash == A.hash
        with pytest.raises(LogMismatchError, match="too much for this machine"):
            await following.rules.not_before(B.hash)
        await publish(following.bus, C)
        await following.until(lambda: following.rules.current.hash == C.hash)
        assert (await following.rules.not_before(B.hash)).hash == C.hash

    follow(tmp_path, monkeypatch, act)


def test_who_asks_for_a_set_that_is_being_compiled_gets_it_and_an_older_one_is_never_given(tmp_path, monkeypatch):
    async def act(following: Following) -> None:
        following.gate.clear()
        await publish(following.bus, B)
        await following.sets.refresh()
        asked = asyncio.create_task(following.rules.not_before(B.hash))
        await asyncio.sleep(0.05)
        assert not asked.done()
        assert following.rules.current.hash == A.hash  # detects meanwhile
        following.gate.set()
        assert (await asyncio.wait_for(asked, 10)).hash == B.hash
        assert (await following.rules.not_before(A.hash)).hash == B.hash

    follow(tmp_path, monkeypatch, act)


def test_who_waits_when_the_process_ends_is_told(tmp_path, monkeypatch):
    waiting: list[asyncio.Task[Ready]] = []

    async def act(following: Following) -> None:
        following.gate.clear()
        await publish(following.bus, B)
        await following.sets.refresh()
        waiting.append(asyncio.create_task(following.rules.not_before(B.hash)))
        await asyncio.sleep(0.05)

    follow(tmp_path, monkeypatch, act)
    assert isinstance(waiting[0].exception(), UnavailableError)


def test_a_process_starts_with_the_newest_set_that_can_be_compiled(tmp_path):
    async def scenario() -> None:
        following = Following(tmp_path / "bus")
        for one in (A, B, C):
            await publish(following.bus, one)
        await following.sets.refresh()
        following.broken |= {C.hash}
        await following.rules.start()
        assert following.rules.current.hash == B.hash
        assert list(following.rules.rejected) == [C.hash]
        following.broken |= {A.hash, B.hash}
        with pytest.raises(LogMismatchError, match="too much for this machine"):
            await following.rules.start()
        await following.bus.close()

    asyncio.run(scenario())


def test_sets_share_what_they_have_in_common_and_old_ones_are_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(ruleset, "KEPT", 2)

    async def scenario() -> None:
        following = Following(tmp_path / "bus")
        for one in (A, B, C):
            await publish(following.bus, one)
        sets = following.sets
        await sets.refresh()
        assert [one.hash for one in sets.newest_first()] == [C.hash, B.hash]
        newest, before = sets.newest_first()
        assert newest.infos["x"] is before.infos["x"]
        assert (newest, before) == (C, B)
        assert await sets.get(A.hash) == A
        with pytest.raises(LogMismatchError, match="no rule set"):
            await sets.get("0" * 32)
        await following.bus.close()

    asyncio.run(scenario())
