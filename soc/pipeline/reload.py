"""What is published on ``soc.rules`` in, the rule set that this process detects with out: compiled aside, or rejected with a reason."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import NamedTuple, Protocol

import structlog

from soc.detect.detector import Detector
from soc.errors import LogMismatchError, RuleError, UnavailableError
from soc.model import Bundle
from soc.normalize.kinds import expected
from soc.pipeline.ruleset import PublishedRules, RuleSets
from soc.sigma.ruleset import RuleSet
from soc.telemetry import LOADED_RULES, REFUSED_RULES, REJECTED_SETS

log = structlog.get_logger()

LOOK_SECONDS = 1.0
AWAY_SECONDS = 2.0


class Ready(NamedTuple):
    """A rule set, ready for events."""

    rules: RuleSet
    detector: Detector

    @property
    def hash(self) -> str:
        """Of its bundle."""
        return self.rules.hash


class RulesInUse(Protocol):
    """What an engine detects with now; asked between two units of work."""

    @property
    def current(self) -> Ready:
        """The newest set that this process has ready."""
        ...

    async def not_before(self, hash: str) -> Ready:  # noqa: A002
        """The newest set, once it is the one with this hash or was published later.

        Raises:
            LogMismatchError: this process rejected that one; another one did not.
            UnavailableError: the process ends.
        """
        ...


def _ready(rules: RuleSet) -> Ready:
    """A detector with its indexes built: the first events after a start or a change of rules wait for nothing."""
    detector = Detector(rules)
    detector.prepare(expected())
    return Ready(rules, detector)


class OneSet:
    """A set that never changes."""

    def __init__(self, rules: RuleSet) -> None:
        self.current = _ready(rules)

    async def not_before(self, hash: str) -> Ready:  # noqa: A002, ARG002
        """The set."""
        return self.current


Compile = Callable[[Bundle], Awaitable[RuleSet]]
"""Compiles a bundle without keeping this process from its work.

Raises:
    RuleError: it cannot be compiled as a whole.
"""


class FollowedRules:
    """The newest published set that can be used.

    Attributes:
        rejected: hash → why this process passes a set over; the newest last.
    """

    def __init__(
        self,
        sets: RuleSets,
        compile_aside: Compile,
        settled: Callable[[Ready], None] = lambda _: None,
        let_go: Callable[[], None] = lambda: None,
    ) -> None:
        """Follow published sets.

        Args:
            sets: the published ones.
            compile_aside: see ``Compile``.
            settled: called when another set took effect in this process, before any event meets it.
            let_go: called after the first set was taken, and whenever one that was in use is not needed any more.
        """
        self.rejected: dict[str, str] = {}
        self._sets = sets
        self._compile = compile_aside
        self._settled = settled
        self._let_go = let_go
        self._superseded = False
        self._ready: Ready | None = None
        self._moved = asyncio.Event()
        self._ended = False

    @property
    def current(self) -> Ready:
        """See ``RulesInUse``."""
        assert self._ready is not None, "start() comes first"
        return self._ready

    async def not_before(self, hash: str) -> Ready:  # noqa: A002
        """See ``RulesInUse``."""
        await self._sets.refresh()  # who worked on the partition before may have seen more
        while self._sets.order(self.current.hash) < self._sets.order(hash):
            if hash in self.rejected:
                raise LogMismatchError(
                    f"this partition was read with the rule set {hash}, which this process rejects: {self.rejected[hash]}; "
                    "publish the rules again with this version of soc"
                )
            if self._ended:
                raise UnavailableError("the process ends before its rules are ready")
            self._moved.clear()
            await self._moved.wait()
        return self.current

    async def start(self) -> None:
        """Take up the newest set that can be compiled.

        Raises:
            LogMismatchError: there is none.
        """
        for published in self._sets.newest_first():
            if await self._take(published):
                self._let_go()
                return
        raise LogMismatchError(f"no published rule set can be used: {'; '.join(self.rejected.values())}")

    async def follow(self, stop: asyncio.Event) -> None:
        """Take up every later set, until told to stop; while the bus is away the current one stays."""
        try:
            async with asyncio.TaskGroup() as tasks:
                looking = tasks.create_task(self._keep_looking(), name="rules-looks")
                await stop.wait()
                looking.cancel()
        finally:
            self._ended = True
            self._moved.set()

    async def _keep_looking(self) -> None:
        while True:
            try:
                async with aclosing(self._sets.watch(LOOK_SECONDS)) as looks:
                    async for _ in looks:
                        await self._look()
            except UnavailableError as error:
                log.warning("rules_not_read", error=str(error), again_in=AWAY_SECONDS)
                await asyncio.sleep(AWAY_SECONDS)

    async def _look(self) -> None:
        if self._superseded:  # a look ago: every partition has begun another unit of work since
            self._superseded = False
            self._let_go()
        for name, reason in self._sets.rejected.items():
            self._reject(name, reason)
        published = self._sets.current
        if published is not None and published.hash not in (self.current.hash, *self.rejected):
            self._superseded = await self._take(published)

    async def _take(self, published: PublishedRules) -> bool:
        try:
            rules = await self._compile(published.bundle)
        except RuleError as error:
            self._reject(published.hash, error.reason)
            return False
        ready = await asyncio.to_thread(_ready, rules)
        before = self._ready.hash if self._ready else ""
        self._ready = ready
        order = self._sets.order
        for name in [name for name in self.rejected if order(name) <= order(ready.hash)]:
            if name not in self._sets.rejected:
                del self.rejected[name]
        self._settled(ready)
        LOADED_RULES.set(len(rules.infos))
        REFUSED_RULES.set(len(rules.refused))
        log.info("rules_taken", hash=ready.hash, before=before, loaded=len(rules.infos))
        self._moved.set()
        return True

    def _reject(self, name: str, reason: str) -> None:
        if self.rejected.get(name) == reason:
            return
        self.rejected[name] = reason
        REJECTED_SETS.inc()
        in_use = self._ready.hash if self._ready else ""
        log.error("rules_rejected", hash=name, reason=reason, in_use=in_use)
        self._moved.set()
