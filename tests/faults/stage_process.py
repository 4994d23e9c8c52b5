"""Stages as processes of their own that end with ``kill -9`` at a step drawn from a seed (``test_triage_killed``).

``triage``, ``notify`` and ``publish`` are targets of processes: each works on the embedded bus in a directory until it dies or is killed.
"""

import asyncio
import importlib.util
import json
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

from soc.bus.embedded import EmbeddedBus
from soc.calling import NotifySettings
from soc.clock import HOUR, now
from soc.notify.attempts import Outcome
from soc.notify.roster_file import parse
from soc.notify.watching import Patience
from soc.pipeline import context, loop, notifier, pace
from soc.pipeline.notifier import Notifier
from soc.pipeline.notifier_parts import calling
from soc.pipeline.table import topology
from soc.pipeline.triage import TriageStage
from soc.triage.fold import Triage

_spec = importlib.util.spec_from_file_location(
    "triage_made", Path(__file__).parents[1] / "unit" / "triage" / "triage_made.py"
)
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

MOST_STEPS = 24
"""A process that is to die does so at one of so many steps of its commits and reads: a few commits on."""


ROSTER = """
people:
  lan: {name: Lan, language: vi, channels: [{command: "+84900000001"}]}
escalations:
  default: [{call: lan, minutes: 600}]
"""


def killer(seed: int | None) -> Callable[[str], None] | None:
    """Ends the process at a step drawn from the seed; None lets it live."""
    if seed is None:
        return None
    left = random.Random(seed).randrange(1, MOST_STEPS)

    def on_step(step: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_step


class Rules:
    """The rule set of the story."""

    current = None

    @staticmethod
    def info(_, rule):
        return made.RULES.get(rule)

    @staticmethod
    async def get(_):
        return None


def bus(directory: Path, seed: int | None = None) -> EmbeddedBus:
    """The bus of the story."""
    return EmbeddedBus(directory / "bus", topology(1), on_step=killer(seed))


def triage(directory: Path, seed: int | None) -> None:
    """The fold over its partition, a few records a commit, the time standing still."""
    loop.FETCH_LIMIT, loop.FETCH_TIMEOUT, pace.PACE_SECONDS = 4, 0.02, 0.0

    def fold(info):
        return Triage(info, window=HOUR, shared_entities=(), max_degree=25)

    stage = loop.run_stage(
        bus(directory, seed), "triage", 0, lambda: TriageStage(Rules(), fold), clock=lambda: made.T0 + HOUR,
        stop=asyncio.Event(), take_over_wait=0.0,
    )  # fmt: skip
    asyncio.run(stage)


class Writing:
    """A channel that writes down what it sent, durably, before it says so."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def send(self, notice, address):
        with self._file.open("a") as file:
            file.write(json.dumps([notice.id, notice.about, notice.reason, address]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return Outcome("sent")

    async def close(self):
        """Nothing is held."""


def notify(directory: Path, seed: int | None) -> None:
    """The notifier, a few records a commit."""
    notifier.FETCH_LIMIT, notifier.FETCH_SECONDS = 4, 0.02
    settings = NotifySettings.model_validate(
        {"command": {"argv": ("/bin/true",), "timeout_seconds": 0.1}, "max_messages": 100, "retry_min_seconds": 0.1}
    )
    roster = parse(ROSTER)
    own = bus(directory, seed)
    one = Notifier(
        lambda: own.claim("notify", 0), settings=calling(settings), senders={"command": Writing(directory / "sent")},
        roster=lambda: roster, policy=lambda: None, patience=Patience(1), clock=now,
    )  # fmt: skip
    asyncio.run(one.run(asyncio.Event()))


def publish(directory: Path, data: bytes, dies: str) -> None:
    """A first publication, and one during which the process dies at a step."""

    async def both() -> None:
        own = bus(directory)
        await context.publish(own, "register", b"v1", actor="lan", at=1, detail="first")
        await own.close()
        deadly = EmbeddedBus(directory / "bus", topology(1), on_step=lambda step: step == dies and _die())
        await context.publish(deadly, "register", data, actor="lan", at=2, detail="second")

    asyncio.run(both())


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
