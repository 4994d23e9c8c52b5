"""Indicators from a file, a folder or a TAXII server to an alert that names them; and what hostile input becomes."""

import asyncio
import gzip
import json
import uuid
from pathlib import Path

import pytest
from taxii_support import COLLECTION, PASSWORD, USER, taxii
from unit.pipeline.rule_sets_support import T0

from soc.bus.base import Message, Record
from soc.bus.embedded import EmbeddedBus
from soc.clock import DAY, HOUR, SECOND, now
from soc.desk import FeedSettings, IntelSettings
from soc.errors import RecordError, SettingsError, UnavailableError
from soc.intel.indicator import Attempts, IndicatorSet
from soc.intel.matcher import NO_INDICATORS, Indicators
from soc.model import Bundle, Detection, Event, RawRecord, decode, encode
from soc.normalize.normalizer import Normalizer
from soc.pipeline import intel_fetch
from soc.pipeline.auditing import verify_audit
from soc.pipeline.context import Contexts, Known
from soc.pipeline.engine import Engine, EngineParts
from soc.pipeline.intel_feeds import Taking, due, forget, pull, take_in
from soc.pipeline.intel_fetch import fetch, read_file
from soc.pipeline.reload import OneSet
from soc.pipeline.table import DETECTIONS, EVENTS, RAW, topology
from soc.settings import SourceProfile
from soc.sigma.load import load

RULES = Path(__file__).parent.parent.parent / "rules" / "intel"
LINE = b"<38>1 2026-11-22T08:00:00Z bastion sshd 1 - - Accepted password for root from 203.0.113.7 port 4000 ssh2"
SETTINGS = IntelSettings()


def opened(tmp_path: Path) -> EmbeddedBus:
    return EmbeddedBus(tmp_path / "bus", topology(1), clock=now)


def feed(kind: str, url: object, **more: object) -> FeedSettings:
    return FeedSettings.model_validate({"name": "ncsc", "kind": kind, "url": str(url), **more})


async def published(bus: EmbeddedBus) -> IndicatorSet:
    contexts = Contexts(bus)
    await contexts.catch_up()
    known = contexts.get("indicators")
    return IndicatorSet.decode(known.data) if known else IndicatorSet()


def stix(pattern: str, *, added: str = "2026-11-01T00:00:00.000Z", **more: object) -> dict[str, object]:
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid.uuid4()}",
        "created": added,
        "modified": added,
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": "2026-11-01T00:00:00Z",
        **more,
    }


def test_what_is_imported_reaches_a_running_engine_and_its_events_become_detections(tmp_path: Path):
    async def main():
        bus = opened(tmp_path)
        contexts = Contexts(bus)
        bundle = Bundle(tuple((path.name, path.read_text(encoding="utf-8")) for path in sorted(RULES.glob("*.yml"))))
        normalizer = Normalizer(
            (SourceProfile(name="all", product="sshd"),), timezone="UTC", lateness=600 * SECOND, future_skew=5 * SECOND
        )
        known = Known(contexts, "indicators", Indicators.decode, NO_INDICATORS)
        parts = EngineParts(normalizer, OneSet(load(bundle)), 1, 600 * SECOND, 60 * SECOND, known)
        stage = Engine(parts, 0)
        stage.restore({})

        async def step(number: int) -> tuple[Event, list[Detection]]:
            raw = RawRecord(LINE, T0, "tcp", "192.0.2.1:1", "s")
            work = await stage.step([Record(RAW, 0, "log", number, b"s", encode(raw), T0)], T0)
            (event,) = (decode(one.value, Event) for one in work.outputs if one.topic == EVENTS)
            found = [decode(m.value, Detection) for m in work.outputs if is_detection(m)]
            return event, found

        event, found = await step(1)
        assert found == []
        assert "threat.indicator.name" not in event.fields
        path = tmp_path / "list.csv"
        path.write_text("value,confidence,note\n203.0.113.7,85,scanner\n", encoding="utf-8")
        one = feed("csv", path)
        await take_in(bus, await fetch(one, "", now()), Taking("ncsc", SETTINGS, "test"), now())
        await contexts.refresh()
        event, found = await step(2)
        assert event.fields["threat.feed.name"] == "ncsc"
        assert [one.target for one in found] != []
        assert {dict(one.matched)["threat.indicator.name"] for one in found} == {"203.0.113.7"}
        (hit,) = known().hits([("source.ip", "203.0.113.7")], T0)
        assert (hit.feed, hit.note) == ("ncsc", "scanner")
        await bus.close()

    asyncio.run(main())


def is_detection(message: Message) -> bool:
    return message.topic == DETECTIONS and not message.key.startswith((b"watermark/", b"rules/"))


def test_a_taxii_server_is_asked_once_for_everything_and_then_for_what_is_new(tmp_path: Path):
    many = [stix(f"[ipv4-addr:value = '203.0.113.{n}']") for n in range(1, 251)]

    async def main(url: str, backend_add):
        bus = opened(tmp_path)
        one = feed("taxii", url, username=USER, password=PASSWORD, expiry_days=0)
        first = await pull(bus, SETTINGS, one, actor="test", now=now(), zone="UTC")
        assert first is not None
        assert len(first.content.indicators) == 3
        await asyncio.to_thread(backend_add, many)
        second = await pull(bus, SETTINGS, one, actor="test", now=now(), zone="UTC")
        assert second is not None
        assert len(second.content.indicators) == 253
        content = (await published(bus)).feed("ncsc")
        assert content is not None
        assert content.cursor
        again = await fetch(one, content.cursor, now())
        assert sum(len(page.indicators) for page in again.pages) == 0
        await bus.close()

    import urllib.request
    from base64 import b64encode

    with taxii() as server:

        def add(objects: list[dict[str, object]]) -> None:
            request = urllib.request.Request(
                f"{server.url}/collections/{COLLECTION}/objects/",
                json.dumps({"objects": objects}).encode(),
                {
                    "Content-Type": intel_fetch.TAXII,
                    "Accept": intel_fetch.TAXII,
                    "Authorization": "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
                },
            )
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert answer.status == 202

        add([stix(f"[ipv4-addr:value = '198.51.100.{n}']") for n in (1, 2, 3)])
        asyncio.run(main(server.url, add))


def test_a_wrong_password_is_told_and_noted_and_changes_no_indicator(tmp_path: Path):
    async def main(url: str):
        bus = opened(tmp_path)
        one = feed("taxii", url, username=USER, password="wrong")
        for _ in range(2):
            with pytest.raises(UnavailableError, match="401"):
                await pull(bus, SETTINGS, one, actor="test", now=now(), zone="UTC")
        contexts = Contexts(bus)
        await contexts.catch_up()
        known = contexts.get("feeds")
        assert known is not None
        attempt = Attempts.decode(known.data).of("ncsc")
        assert attempt is not None
        assert "wrong" not in attempt.error
        assert 0 < attempt.since < attempt.at
        assert not due(one, Attempts((attempt,)), attempt.at + 60 * SECOND)
        assert due(one, Attempts((attempt,)), attempt.at + HOUR)
        assert contexts.get("indicators") is None
        assert all(not chain.fault for chain in await verify_audit(bus))
        await bus.close()

    with taxii() as server:
        asyncio.run(main(server.url))


def test_a_misp_folder_is_read_whole_and_a_feed_is_forgotten(tmp_path: Path):
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"aa-1": {"timestamp": "1"}}')
    attribute = {"type": "ip-dst", "value": "203.0.113.7", "to_ids": True}
    (folder / "aa-1.json").write_text(json.dumps({"Event": {"info": "x", "uuid": "aa-1", "Attribute": [attribute]}}))

    async def main():
        bus = opened(tmp_path)
        merged = await pull(bus, SETTINGS, feed("misp", folder), actor="test", now=now(), zone="UTC")
        assert merged is not None
        assert len(merged.content.indicators) == 1
        assert await forget(bus, "ncsc", "test", now()) == 1
        assert (await published(bus)).count == 0
        with pytest.raises(SettingsError, match="no feed is called"):
            await forget(bus, "ncsc", "test", now())
        await bus.close()

    asyncio.run(main())


def test_more_indicators_than_allowed_change_nothing(tmp_path: Path):
    path = tmp_path / "l.txt"
    path.write_text("203.0.113.7\n203.0.113.8\n")

    async def main():
        bus = opened(tmp_path)
        fetched = await fetch(feed("csv", path), "", now())
        with pytest.raises(SettingsError, match="max_indicators"):
            await take_in(bus, fetched, Taking("ncsc", IntelSettings(max_indicators=1), "test"), now())
        assert (await published(bus)).count == 0
        await bus.close()

    asyncio.run(main())


def test_own_and_listed_values_never_become_indicators(tmp_path: Path):
    (tmp_path / "top.csv").write_text("1,popular.example\n2,other.example\n")
    (tmp_path / "l.txt").write_text("198.51.100.7\npopular.example\n8.8.8.8\nbad.example\n")
    settings = IntelSettings(own=("198.51.100.0/24",), allow=(str(tmp_path / "top.csv"),))

    async def main():
        bus = opened(tmp_path)
        fetched = await fetch(feed("csv", tmp_path / "l.txt"), "", now())
        merged = await take_in(bus, fetched, Taking("ncsc", settings, "test"), now())
        assert [one.value for one in merged.content.indicators] == ["bad.example"]
        assert len(merged.left_out) == merged.content.dropped == 3
        await bus.close()

    asyncio.run(main())


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intel_fetch, "MOST_BYTES", 1 << 20)
    bomb = tmp_path / "l.csv.gz"
    bomb.write_bytes(gzip.compress(b"0" * (20 << 20)))
    with pytest.raises(RecordError, match="larger than 1 MiB"):
        read_file(bomb)
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(b"203.0.113.7")[:-6])
    with pytest.raises(RecordError, match="ends too early"):
        read_file(cut)


def test_an_error_page_in_the_place_of_a_feed_empties_nothing(tmp_path: Path):
    path = tmp_path / "b.json"
    path.write_text("<html>502</html>")
    with pytest.raises(RecordError, match="nothing in it can be used"):
        asyncio.run(fetch(feed("stix", path), "", now()))


def test_an_expired_indicator_is_no_hit(tmp_path: Path):
    path = tmp_path / "l.csv"
    path.write_text("value,last\n203.0.113.7,2026-11-01T00:00:00Z\n")
    at = now()
    fetched = asyncio.run(fetch(feed("csv", path, expiry_days=36_500), "", at))
    (one,) = fetched.pages[0].indicators
    assert one.holds(one.expires - 1)
    assert not one.holds(one.expires)
    assert one.expires - one.last == 36_500 * DAY
