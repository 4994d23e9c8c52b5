"""Every fault of a receiver or of the way to it, over both wires: each report ends once at the receiver, in order.

A real TAXII 2.1 server (medallion) and the stand-in for https-json, each behind a proxy that breaks as it is told.
"""

import asyncio
import json
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import msgspec
import pytest
from faulty_proxy import Between
from flow import test_forward_taxii as taxii_wire
from forward_support import made, world
from taxii_support import taxii

from soc.forward import certificate
from soc.forward import forwarder as forwarder_module
from soc.forward.certificate import server_context
from soc.forward.outbox import WAITING_FOR_A_PERSON

WIRES = ["https-json", "taxii21"]
FAULTS = {
    "slow": ["slow", "slow"],
    "never answered": ["stall"],
    "taken and never answered": ["stall_after"],
    "cut halfway": ["halfway", "halfway"],
    "answer lost": ["lost"],
    "answer lost twice": ["lost", "lost"],
    "answer cut": ["cut"],
    "too many": [429, 429],
    "unavailable": [503],
    "broken": [500, 502],
    "not signed in": [401],
    "one after another": ["halfway", 429, "lost", 503, "cut", 401, "slow"],
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(forwarder_module, "IDLE_SECONDS", 0.05)


class Json:
    """Reports as JSON to the stand-in."""

    def __init__(self, place):
        self.place, self.settings = place, {}
        self.receiver_url = place.standin.url

    @staticmethod
    def approved(shown, kind="initial"):
        return made.approved(shown, kind)

    def arrived(self):
        """Ids of the reports in the order in which they came; one a copy."""
        return [json.loads(data)["report_id"] for data in self.place.standin.received.values()]


class Taxii:
    """Reports as bundles to a TAXII server."""

    def __init__(self, place, server):
        self.place, self._server = place, server
        self.settings = {**taxii_wire.settings(server), "timeout_seconds": 0.6}
        self.receiver_url = server.url

    @staticmethod
    def approved(shown, kind="initial"):
        return taxii_wire.approved(shown, kind)

    def arrived(self):
        """Ids of the reports whose last object came, in that order; one a copy."""
        sealed = self.place.sealed
        ends = {json.loads(data)["objects"][-1]["id"]: report_id for report_id, data in sealed.items()}
        assert len(ends) == len(sealed)
        return [ends[one] for one, _ in self._server.objects if one in ends]

    def whole(self):
        """Every object of every bundle is there once."""
        objects = [one for data in self.place.sealed.values() for one in json.loads(data)["objects"]]
        wanted = {(one["id"], one.get("modified", one.get("created", ""))) for one in objects}
        assert len(self._server.objects) == len(wanted)


@contextmanager
def backend(wire):
    if wire == "taxii21":
        with taxii() as server:
            yield server
    else:
        yield None


@asynccontextmanager
async def broken_way(tmp_path, wire, server):
    """The world, the wire, and the proxy between both, whose certificate the forwarder trusts."""
    async with world(tmp_path) as place:
        place.settings |= {"timeout_seconds": 0.6}
        speaks = Taxii(place, server) if wire == "taxii21" else Json(place)
        (tmp_path / "way").mkdir()
        between = Between(speaks.receiver_url)
        await between.listen(server_context_in(tmp_path / "way"))
        place.settings |= {**speaks.settings, "url": between.url, "ca_file": str(tmp_path / "way" / "ca.pem")}
        try:
            yield place, speaks, between
        finally:
            await between.close()


def server_context_in(directory):
    return server_context(directory, "127.0.0.1")


async def three(place, speaks):
    """Two reports on one incident and one on another."""
    first = speaks.approved(made.incident())
    later = msgspec.structs.replace(
        first, last_seen=first.last_seen + 3_600_000_000, version=first.version + 1, revision=first.revision + 1
    )
    await place.publish(first, speaks.approved(later, "closing"), speaks.approved(made.incident(2)))


def check(place, speaks, reports):
    """Each once, and those on one incident in the order of sealing."""
    place.sealed = {report.id: report.payload for report in reports}
    arrived = speaks.arrived()
    assert sorted(arrived) == sorted(report.id for report in reports)
    own = [report.id for report in reports if report.incident_id == made.incident().id]
    assert [one for one in arrived if one in own] == own
    if isinstance(speaks, Taxii):
        speaks.whole()


def final(reports):
    return [report.state for report in reports] == ["accepted"]


def done(reports):
    return len(reports) == 3 and all(report.state == "accepted" for report in reports)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("plan", FAULTS.values(), ids=FAULTS)
def test_whatever_breaks_on_the_way_each_report_ends_once_at_the_receiver_and_in_order(tmp_path, wire, plan):
    async def main(server):
        async with broken_way(tmp_path, wire, server) as (place, speaks, between):
            between.posts = list(plan)
            await three(place, speaks)
            reports = await place.run_until(done, seconds=60)
            check(place, speaks, reports)
            assert between.posts == [], "a fault was never met"

    with backend(wire) as server:
        asyncio.run(main(server))


@pytest.mark.parametrize("wire", WIRES)
def test_questions_that_get_no_answer_either_are_asked_again_before_anything_is_sent_again(tmp_path, wire):
    async def main(server):
        async with broken_way(tmp_path, wire, server) as (place, speaks, between):
            between.posts, between.gets = ["lost"], ["pass"] * (wire == "taxii21") + ["stall", "cut", 503, 401, 429]
            await place.publish(speaks.approved(made.incident()))
            (report,) = await place.run_until(final, seconds=60)
            assert report.receipt.verified
            assert [method for method, _ in between.seen].count("POST") == 1
            assert between.gets == []

    with backend(wire) as server:
        asyncio.run(main(server))


@pytest.mark.parametrize("wire", WIRES)
def test_one_that_is_too_large_for_the_receiver_waits_for_a_person_and_what_follows_it_waits_behind(tmp_path, wire):
    async def main(server):
        async with broken_way(tmp_path, wire, server) as (place, speaks, between):
            between.posts = [413]
            await three(place, speaks)
            seen = lambda reports: [report.state for report in reports] == ["rejected", "queued", "accepted"]  # noqa: E731
            reports = await place.run_until(seen, seconds=60)
            assert reports[0].state in WAITING_FOR_A_PERSON
            place.sealed = {report.id: report.payload for report in reports}
            assert speaks.arrived() == [reports[2].id]

    with backend(wire) as server:
        asyncio.run(main(server))


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", ["expired", "of another authority"])
def test_a_certificate_that_is_wrong_gets_no_byte_and_once_it_is_mended_everything_goes_out(
    tmp_path, monkeypatch, wire, fault
):
    async def main(server):
        async with broken_way(tmp_path, wire, server) as (place, speaks, between):
            wrong = tmp_path / "wrong"
            wrong.mkdir()
            with monkeypatch.context() as patched:
                if fault == "expired":
                    patched.setattr(certificate, "VALID", timedelta(minutes=-1))
                await between.listen(server_context_in(wrong))
            if fault == "expired":  # the authority is known, the certificate was good once
                known = tmp_path / "way" / "ca.pem"
                known.write_bytes(known.read_bytes() + (wrong / "ca.pem").read_bytes())
            await three(place, speaks)
            blocked = lambda reports: [report.state for report in reports].count("blocked_auth") == 2  # noqa: E731
            reports = await place.run_until(blocked, seconds=60)
            assert all("certificate" in one.detail for one in reports if one.state == "blocked_auth")
            assert between.seen == []
            await between.listen(server_context_in(tmp_path / "way"))
            check(place, speaks, await place.run_until(done, seconds=60))

    with backend(wire) as server:
        asyncio.run(main(server))
