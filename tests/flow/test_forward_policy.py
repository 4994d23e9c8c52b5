"""Approved reports under the policy that ships, through the real forwarder to a stand-in: what is owed, and what nobody may get."""

import asyncio
import hashlib
import json
from dataclasses import replace

import msgspec
import pytest
from duties_support import SEEN, incident, shipped
from forward_support import made, world

from soc.assets.register import EMPTY
from soc.clock import HOUR, MINUTE
from soc.duties.clocks import LIVE, clocks
from soc.forward import forwarder as forwarder_module
from soc.forward.preview import preview
from soc.forward.terms import Recipient
from soc.model import Approval, Settlement
from soc.pipeline.release import terms_of
from soc.settings import Settings

POLICY = shipped()
TERMS = terms_of(Settings(), POLICY, lambda: EMPTY)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(forwarder_module, "IDLE_SECONDS", 0.05)


def approved(about, kind, *, audit=None, **fields):
    """``about`` as somebody approved the report that is shown for it now."""
    given = {"audit": audit} if audit else {}
    recipients = (Recipient(made.RECIPIENT),)
    shown = preview(about, kind, "", organization=made.ORGANIZATION, recipients=recipients, terms=TERMS, **given)
    approval = Approval(kind, hashlib.sha256(shown.payload).hexdigest(), "hoa", SEEN, about.version, **fields)
    return msgspec.structs.replace(about, approvals=(*about.approvals, approval), version=about.version + 1)


def owed(about, reports, now):
    return {one.kind for one in clocks(POLICY, about, now, reports) if one.state in LIVE}


def every(state, count):
    return lambda reports: len(reports) == count and all(report.state == state for report in reports)


def test_a_false_positive_after_the_notice_left_is_owed_as_a_correction_and_ends_when_that_is_delivered(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            case = approved(incident(severity="serious"), "notice_initial")
            await place.publish(case)
            reports = await place.run_until(every("accepted", 1), place.forwarder(terms=TERMS), seconds=60)
            (first,) = reports
            assert "correction" not in owed(case, reports, SEEN + HOUR)
            closed = {"status": "closed", "verdict": "false_positive", "closed_at": first.receipt.at + 1}
            wrong = msgspec.structs.replace(case, **closed, particulars={"correction_reason": "Báo nhầm"})
            assert "correction" in owed(wrong, reports, first.receipt.at + HOUR)
            await place.publish(approved(wrong, "correction", audit=first.audit))
            both = await place.run_until(every("accepted", 2), place.forwarder(terms=TERMS), seconds=60)
            assert [json.loads(data)["kind"] for data in place.standin.received.values()] == [
                "notice_initial",
                "correction",
            ]
            (met,) = [
                one for one in clocks(POLICY, wrong, both[1].receipt.at + MINUTE, both) if one.kind == "correction"
            ]
            assert met.delivered == both[1].receipt.at

    asyncio.run(main())


def test_an_urgent_notice_goes_past_an_update_that_the_receiver_refuses_and_anything_else_waits_behind_it(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            place.standin.control("reject", 1)
            case = approved(incident(), "update")
            await place.publish(case)
            await place.run_until(every("rejected", 1), place.forwarder(terms=TERMS), seconds=60)
            case = approved(approved(case, "report_72h"), "notice_initial")
            await place.publish(case)

            def through(reports):
                return len(reports) == 3 and reports[2].state == "accepted"

            reports = await place.run_until(through, place.forwarder(terms=TERMS), seconds=60)
            assert [(one.kind, one.state) for one in reports] == [
                ("update", "rejected"),
                ("report_72h", "queued"),
                ("notice_initial", "accepted"),
            ]

    asyncio.run(main())


def test_a_kind_that_needs_two_people_leaves_when_the_second_agreed(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            terms = replace(TERMS, second_person={"update"})
            once = approved(incident(), "update")
            await place.publish(once)
            assert await place.run_until(lambda reports: not reports, place.forwarder(terms=terms), seconds=60) == []
            agreed = msgspec.structs.replace(once.approvals[0], second="minh")
            await place.publish(msgspec.structs.replace(once, approvals=(agreed,), version=once.version + 1))
            await place.run_until(every("accepted", 1), place.forwarder(terms=terms), seconds=60)
            assert place.standin.posts == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    "fields",
    [{"exercise": True}, {"tlp": "RED"}, {"flags": ("state_secret_risk",)}],
    ids=["drill", "TLP:RED", "secret"],
)
def test_what_no_automatic_channel_may_carry_never_reaches_the_wire_and_the_report_says_why(tmp_path, fields):
    async def main():
        async with world(tmp_path) as place:
            plain = approved(incident(), "notice_initial")
            await place.publish(msgspec.structs.replace(plain, **fields))
            (report,) = await place.run_until(every("stale", 1), place.forwarder(terms=TERMS), seconds=60)
            assert place.standin.posts == 0
            assert report.payload == b""
            assert "exercise" in report.detail or "paper" in report.detail

    asyncio.run(main())


def test_a_person_who_asks_for_it_now_does_not_wait_for_the_next_attempt_nor_for_the_breaker(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            slow = {"retry_min_seconds": 3600, "retry_max_seconds": 3600}
            place.standin.control("fail", 1)
            case = approved(incident(), "notice_initial")
            await place.publish(case)
            (report,) = await place.run_until(every("retry_wait", 1), place.forwarder(terms=TERMS, **slow), seconds=60)
            assert report.next_attempt - report.history[-1][1] > 30 * MINUTE
            word = Settlement(report.id, "resend", "hoa", SEEN, "", "they say that it is mended")
            await place.publish(msgspec.structs.replace(case, settlements=(word,), version=case.version + 1))
            await place.run_until(every("accepted", 1), place.forwarder(terms=TERMS, **slow), seconds=60)
            assert place.standin.posts == 2

    asyncio.run(main())


def test_the_stand_ins_taxii_side_takes_a_report_with_a_status_for_each_object(tmp_path):
    async def main():
        async with world(tmp_path) as place:
            place.settings |= {"binding": "taxii21", "url": place.standin.taxii_url, "collection": "reports"}
            place.url, place.settings["timeout_seconds"] = place.standin.taxii_url, 10
            shown = preview(
                incident(), "update", "", organization=made.ORGANIZATION, recipients=(Recipient(made.RECIPIENT, "taxii21"),), terms=TERMS
            )  # fmt: skip
            approval = Approval("update", shown.sha256, "hoa", SEEN, 3)
            await place.publish(msgspec.structs.replace(incident(), approvals=(approval,)))
            (report,) = await place.run_until(every("accepted", 1), place.forwarder(terms=TERMS), seconds=60)
            names = [name for name, _ in report.receipt.objects]
            assert [name.split(" ")[0] for name in place.standin.objects] == names
            assert {what for _, what in report.receipt.objects} == {"success"}

    asyncio.run(main())
