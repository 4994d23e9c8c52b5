"""Reports to a real TAXII 2.1 server: whatever it does, every object ends there once, and every bundle is valid STIX."""

import asyncio
import hashlib
import json
from uuid import uuid4

import msgspec
import pytest
from forward_support import made, world
from stix2validator import ValidationOptions, validate_string
from taxii_support import COLLECTION, PASSWORD, USER, taxii

from soc.forward.stix import bundle

OPTIONS = ValidationOptions(version="2.1", enforce_refs=True, disabled=["103"])
"""103: ids that are no random UUIDs; STIX 2.1 §2.9 allows them, and a repeat must have the same."""


def settings(server, **changes):
    return {
        "binding": "taxii21", "url": server.url, "collection": COLLECTION, "username": USER, "password": PASSWORD,
        "token": "", "timeout_seconds": 3, **changes,
    }  # fmt: skip


def previewed(document, kind="initial"):
    return bundle(made.previewed(document, kind))


def ids(data):
    return [item["id"] for item in json.loads(data)["objects"]]


def approved(document, kind="initial", after=None):
    return made.approved(document, kind, after=after, sha256=hashlib.sha256(previewed(document, kind)).hexdigest())


def final(count=1, states=("accepted",)):
    return lambda reports: len(reports) == count and all(report.state in states for report in reports)


@pytest.mark.parametrize("document", [made.incident(), made.incident(2)])
def test_every_bundle_is_valid_stix(document):
    data = json.loads(previewed(document))
    found = validate_string(json.dumps({"type": "bundle", "id": f"bundle--{uuid4()}", **data}), OPTIONS)
    assert found.is_valid, found.errors
    known = set()
    for item in data["objects"]:
        refs = [item[name] for name in item if name.endswith("_ref")]
        refs += [ref for name in item if name.endswith("_refs") for ref in item[name]]
        assert set(refs) <= known, item["id"]
        known.add(item["id"])


PLANS = {
    "nothing": [],
    "busy": [503, 429],
    "answer lost": ["lose_answer"],
    "answer lost twice": ["lose_answer", "lose_answer"],
    "at work": ["pending"],
    "in part": ["partial"],
    "in part, then lost": ["partial", "lose_answer"],
    "broken": [500, 502],
    "reset": ["reset"],
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_whatever_the_server_does_every_object_ends_there_once(tmp_path, plan):
    async def main(server):
        server.plan = list(plan)
        async with world(tmp_path) as place:
            place.settings |= settings(server)
            await place.publish(approved(made.incident()))
            (report,) = await place.run_until(final(), seconds=30)
            assert sorted(one for one, _ in server.objects) == sorted(ids(previewed(made.incident())))
            assert report.payload == previewed(made.incident())
            assert [one for one, _ in report.receipt.objects] == ids(report.payload)

    with taxii() as server:
        asyncio.run(main(server))


@pytest.mark.parametrize(
    ("status", "state"), [(401, "blocked_auth"), (403, "blocked_auth"), (413, "rejected"), (422, "rejected")]
)
def test_what_a_person_must_mend_waits_for_a_person(tmp_path, status, state):
    async def main(server):
        server.plan = [status] * 3
        async with world(tmp_path) as place:
            place.settings |= settings(server)
            await place.publish(approved(made.incident()))
            (report,) = await place.run_until(final(states=(state,)), seconds=20)
            assert str(status) in report.detail
            assert server.objects == []

    with taxii() as server:
        asyncio.run(main(server))


def test_a_bundle_larger_than_a_request_is_split_with_what_is_referenced_first(tmp_path):
    async def main(server):
        async with world(tmp_path) as place:
            place.settings |= settings(server)
            await place.publish(approved(made.incident()))
            (report,) = await place.run_until(final(), seconds=30)
            assert server.posts > 1
            assert [one for one, _ in server.objects] == ids(report.payload)
            assert len(report.receipt.request_sha256) == 64
            assert dict(report.receipt.objects) == dict.fromkeys(ids(report.payload), "success")

    with taxii(max_content_length=largest(previewed(made.incident())) + 200) as server:
        asyncio.run(main(server))


def largest(data):
    return max(len(json.dumps(item).encode()) for item in json.loads(data)["objects"])


def test_a_collection_that_takes_and_does_not_show_still_gets_each_object_once(tmp_path):
    async def main(server):
        server.plan = ["lose_answer"]
        async with world(tmp_path) as place:
            place.settings |= settings(server, readable=False)
            await place.publish(approved(made.incident()))
            (report,) = await place.run_until(final(), seconds=20)
            assert sorted(one for one, _ in server.objects) == sorted(ids(report.payload))
            assert report.detail.startswith("not verified")

    with taxii(readable=False) as server:
        asyncio.run(main(server))


def test_a_later_report_on_the_same_incident_brings_a_newer_version_of_it(tmp_path):
    async def main(server):
        async with world(tmp_path) as place:
            place.settings |= settings(server)
            first = approved(made.incident())
            later = made.incident(last_seen=first.last_seen + 3_600_000_000, version=9)
            await place.publish(first)
            await place.run_until(final(), seconds=20)
            later = msgspec.structs.replace(later, approvals=first.approvals)
            await place.publish(approved(later, "closing"))
            await place.run_until(final(2), seconds=20)
            versions = [version for one, version in server.objects if one.startswith("incident--")]
            assert len(versions) == 2
            assert versions == sorted(set(versions))

    with taxii() as server:
        asyncio.run(main(server))
