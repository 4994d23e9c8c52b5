"""Feeds that fail or that nobody asks are findings; the others are none."""

import asyncio
from pathlib import Path

import pytest

from soc.bus.embedded import EmbeddedBus
from soc.clock import HOUR, MINUTE, now
from soc.desk import IntelSettings
from soc.intel.indicator import Attempt, Attempts
from soc.model import encode
from soc.pipeline.context import Contexts, SupersededError, publish, replace
from soc.pipeline.health_intel import FeedEyes, feed_findings
from soc.pipeline.table import topology

T = 1_795_334_400_000_000


def settings(*, enabled: bool = True) -> IntelSettings:
    feed = {"name": "ncsc", "kind": "csv", "url": "x.csv", "every_hours": 6, "enabled": enabled}
    return IntelSettings.model_validate({"feeds": [feed]})


@pytest.mark.parametrize(
    ("attempt", "told"),
    [
        (None, []),
        (Attempt("ncsc", T - HOUR, got=5), []),
        (Attempt("ncsc", T, "no answer", T - 20 * MINUTE), []),
        (Attempt("ncsc", T, "no answer", T - 40 * MINUTE), ["feed_failing"]),
        (Attempt("ncsc", T - 12 * HOUR, got=5), []),
        (Attempt("ncsc", T - 14 * HOUR, got=5), ["feed_stale"]),
        (Attempt("ncsc", T - 14 * HOUR, "no answer", T - 20 * HOUR), ["feed_failing", "feed_stale"]),
        (Attempt("other", T - 99 * HOUR, "no answer", T - 99 * HOUR), []),
    ],
)
def test_a_feed_that_fails_or_that_nobody_asks_is_told(attempt: Attempt | None, told: list[str]) -> None:
    attempts = Attempts((attempt,) if attempt else ())
    assert [one.id for one in feed_findings(settings(), attempts, T)] == told
    assert feed_findings(settings(enabled=False), attempts, T) == []


def test_what_was_published_of_feeds_is_looked_at(tmp_path: Path) -> None:
    async def main() -> None:
        bus = EmbeddedBus(tmp_path / "bus", topology(1), clock=now)
        eyes = FeedEyes(bus, settings())
        assert await eyes(T) == []
        data = encode(Attempts((Attempt("ncsc", T, "no answer", T - HOUR),)))
        await publish(bus, "feeds", data, actor="a", at=T, detail="")
        (finding,) = await eyes(T)
        assert (finding.id, finding.where, finding.values["why"]) == ("feed_failing", "ncsc", "no answer")
        await bus.close()

    asyncio.run(main())


def test_a_publication_made_from_an_older_one_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        bus = EmbeddedBus(tmp_path / "bus", topology(1), clock=now)
        first = await replace(bus, "register", "", b"1", actor="a", at=T, detail="")
        await replace(bus, "register", first, b"2", actor="b", at=T, detail="")
        for base in ("", first):
            with pytest.raises(SupersededError):
                await replace(bus, "register", base, b"3", actor="c", at=T, detail="")
        contexts = Contexts(bus)
        await contexts.catch_up()
        known = contexts.get("register")
        assert known is not None
        assert known.data == b"2"
        await bus.close()

    asyncio.run(main())
