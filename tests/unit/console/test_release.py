"""The report on an incident's page: what is owed first, what it lacks, the bytes for each receiver, and what people decide."""

import hashlib
import json

import msgspec
from duties_support import shipped

from soc.clock import MINUTE
from soc.forward.payload import UnsendableError
from soc.forward.stix import OWN
from soc.model import Approval
from soc.store.documents import incident_document, report_document

POLICY = shipped()
PAGE = "/incidents/202611-inc0001"


def parts(story, **changes):
    """What the composition root gives a console with a policy and two receivers."""
    seen = []

    def preview(incident, kind, recipient=""):
        seen.append((kind, recipient))
        return story.FakePreview(f'{{"to":"{recipient}"}}'.encode(), hashlib.sha256(recipient.encode()).hexdigest(), ())

    given = {
        "policy": POLICY,
        "report_kinds": POLICY.kinds(),
        "preview": preview,
        "receivers": lambda _: ("national", "mirror"),
    }
    return seen, given | changes


async def put(world, story, reports=(), **fields):
    base = {"severity": "serious", "acknowledged_at": story.T0 + 30 * MINUTE, "version": 900, **fields}
    await world.store.write([incident_document(msgspec.structs.replace(story.incident(), **base))])
    await world.store.write([report_document(one) for one in reports])


async def twin(browser, query=""):
    return json.loads(await browser.text(f"{PAGE}.json{query}"))


def test_the_report_that_is_owed_first_is_shown_with_what_it_lacks_in_one_form(console, story, sign_in, forms):
    async def body(world):
        await put(world, story)
        html = await sign_in(world, "hoa.pv").text(PAGE)
        (form,) = [one for one in forms(html) if 'name="particulars.description"' in one]
        asked = [line.split('"')[0] for line in form.split('name="particulars.')[1:]]
        tree = await twin(sign_in(world, "hoa.pv"))
        assert tree["report_kind"] == "notice_initial"
        assert asked == [gap["field"] for gap in tree["release"]["missing"]]
        assert {"description", "current_state", "already_notified"} <= set(asked)
        assert "reporter_name" not in asked  # the settings say it

    _, given = parts(story)
    console(body, **given)


def test_what_is_typed_into_the_form_is_one_act(console, story, sign_in):
    async def body(world):
        await put(world, story)
        browser = sign_in(world, "hoa.pv")
        typed = {"particulars.description": "Dò mật khẩu", "particulars.current_state": "Đã chặn"}
        answer = await browser.act(f"{PAGE}/act", "describe", **typed)
        assert answer.status == 303
        (action,) = world.desk.actions
        assert action.changes == {"particulars": {"description": "Dò mật khẩu", "current_state": "Đã chặn"}}

    _, given = parts(story)
    console(body, **given)


def test_each_receiver_has_a_preview_of_its_own_and_the_approval_names_it(console, story, sign_in, forms):
    async def body(world):
        await put(world, story)
        browser = sign_in(world, "hoa.pv")
        html = await browser.text(f"{PAGE}?report=update&to=mirror")
        assert seen[-1] == ("update", "mirror")
        (form,) = [one for one in forms(html) if 'value="approve"' in one]
        assert 'name="recipient" value="mirror"' in form
        assert f'name="payload_sha256" value="{hashlib.sha256(b"mirror").hexdigest()}"' in form
        assert (await twin(browser, "?report=update&to=nobody"))["release"]["recipient"] == "national"

    seen, given = parts(story)
    console(body, **given)


def test_what_no_channel_may_carry_says_why_and_offers_no_approval(console, story, sign_in, forms):
    def refuse(*_):
        raise UnsendableError("it is TLP:RED: report on paper")

    async def body(world):
        await put(world, story)
        html = await sign_in(world, "hoa.pv").text(PAGE)
        assert "it is TLP:RED: report on paper" in html
        assert not [one for one in forms(html) if 'value="approve"' in one]

    _, given = parts(story, preview=refuse)
    console(body, **given)


def test_a_report_that_is_not_through_is_for_an_approver_to_decide_and_one_that_is_through_for_nobody(
    console, story, sign_in, forms
):
    async def body(world):
        held = msgspec.structs.replace(story.report("held"), id="held-1", seq=9)
        await put(world, story, (held, story.report("accepted")))
        html = await sign_in(world, "hoa.pv").text(PAGE)
        (form,) = [one for one in forms(html) if 'value="settle"' in one]
        assert 'name="report_id" value="held-1"' in form
        assert [name for name in ("resend", "out_of_band", "cancel") if f'value="{name}"' in form] == [
            "resend",
            "out_of_band",
            "cancel",
        ]
        assert 'value="settle"' not in await sign_in(world, "lan.nt").text(PAGE)

    _, given = parts(story)
    console(body, **given)


def test_an_approval_by_telephone_waits_for_the_signature_of_another_than_who_typed_it(console, story, sign_in, forms):
    async def body(world):
        told = Approval("update", "ab" * 32, "quan", story.T0, 9, "national", by_telephone="Giám đốc")
        await put(world, story, approvals=(told,))
        html = await sign_in(world, "hoa.pv").text(PAGE)
        assert "Giám đốc" in html
        assert [one for one in forms(html) if 'value="countersign"' in one and "<button" in one]
        own = msgspec.structs.replace(told, approver="hoa.pv")
        await put(world, story, approvals=(own,), version=901)
        html = await sign_in(world, "hoa.pv").text(PAGE)
        assert not [one for one in forms(html) if 'value="countersign"' in one and "<button" in one]

    _, given = parts(story)
    console(body, **given)


def test_a_stale_report_says_on_the_page_why_nothing_was_sealed(console, story, sign_in):
    async def body(world):
        stale = msgspec.structs.replace(
            story.report("stale"),
            id="stale-1",
            seq=9,
            kind="notice_initial",
            detail="phone at /incident/title",
            payload=b"",
        )
        await put(world, story, (stale,))
        assert "phone at /incident/title" in await sign_in(world, "hoa.pv").text(PAGE)

    _, given = parts(story)
    console(body, **given)


def test_of_a_stix_bundle_the_report_in_it_is_shown_and_the_exact_bytes_below(console, story, sign_in):

    bundle = {"objects": [{"id": "x"}, {"extensions": {OWN: {"soc_report": {"kind": "update"}}}}]}

    async def body(world):
        await put(world, story)
        shown = (await twin(sign_in(world, "hoa.pv")))["preview"]
        assert json.loads(shown["shown"]) == {"kind": "update"}
        assert (shown["objects"], json.loads(shown["payload"])) == (2, bundle)

    made = story.FakePreview(json.dumps(bundle).encode(), "ab" * 32, ())
    _, given = parts(story, preview=lambda *_: made)
    console(body, **given)


def test_what_lacks_required_fields_is_approved_with_a_reason_only_and_the_reason_goes_with_it(console, story, sign_in):
    async def body(world):
        await put(world, story)
        browser = sign_in(world, "hoa.pv")
        agreed = {"report_kind": "notice_initial", "payload_sha256": "ab" * 32, "recipient": "national"}
        refused = await browser.act(f"{PAGE}/act", "approve", **agreed, missing_reason="  ")
        assert refused.status == 422
        assert "hãy điền, hoặc nêu lý do" in await refused.text()
        assert not world.desk.actions
        taken = await browser.act(f"{PAGE}/act", "approve", **agreed, missing_reason="Chưa biết", missing="forged")
        assert taken.status == 303
        (action,) = world.desk.actions
        lacking = [gap["field"] for gap in (await twin(browser, "?report=notice_initial"))["release"]["missing"]]
        assert action.changes["missing"] == lacking
        assert "description" in lacking
        assert action.changes["missing_reason"] == "Chưa biết"

    _, given = parts(story)
    console(body, **given)


def test_a_second_person_who_agrees_to_the_same_bytes_gives_no_reason_again(console, story, sign_in):
    async def body(world):
        first = Approval("notice_initial", "ab" * 32, "quan", story.T0, 9, "national", missing=("cause",))
        await put(world, story, approvals=(first,))
        agreed = {"report_kind": "notice_initial", "payload_sha256": "ab" * 32, "recipient": "national"}
        assert (await sign_in(world, "hoa.pv").act(f"{PAGE}/act", "approve", **agreed)).status == 303
        assert "missing" not in world.desk.actions[0].changes

    _, given = parts(story)
    console(body, **given)


def test_after_an_act_the_page_stays_with_the_report_it_was_about(console, story, sign_in, forms):
    async def body(world):
        await put(world, story)
        browser = sign_in(world, "hoa.pv")
        html = await browser.text(f"{PAGE}?report=update&to=mirror")
        (form,) = [one for one in forms(html) if 'value="describe"' in one and 'name="next"' in one]
        assert f'name="next" value="{PAGE}?report=update&amp;to=mirror#report"' in form
        onward = f"{PAGE}?report=update&to=mirror#report"
        answer = await browser.act(f"{PAGE}/act", "describe", next=onward, **{"particulars.cause": "x"})
        assert answer.headers["Location"] == f"{PAGE}?report=update&to=mirror&outcome=accepted#report"

    _, given = parts(story)
    console(body, **given)


def test_the_panel_of_a_report_shows_its_receipt_and_what_is_owed_next(console, story, sign_in):
    async def body(world):
        sent = msgspec.structs.replace(story.report("accepted"), kind="notice_initial", id="n-1", seq=9)
        await put(world, story, (sent,), kind="incident")
        browser = sign_in(world, "hoa.pv")
        tree = (await twin(browser, "?report=notice_initial&to=national"))["release"]
        assert tree["sent"]["receipt"]["receipt_id"] == sent.receipt.receipt_id
        html = await browser.text(f"{PAGE}?report=notice_initial&to=national")
        panel = html.split('id="sent"')[1].split('id="missing"')[0]
        assert sent.receipt.receipt_id in panel
        assert f"/receipts?day={tree['sent']['day']}" in panel

    _, given = parts(story)
    console(body, **given)


def test_what_a_press_of_a_button_answers_is_not_to_be_typed(console, story, sign_in, forms):
    async def body(world):
        await put(world, story, severity="none", acknowledged_at=None)
        html = await sign_in(world, "hoa.pv").text(f"{PAGE}?report=notice_initial")
        assert "có ngay khi phân loại mức độ" in html
        assert "có ngay khi tiếp nhận sự cố" in html
        assert 'name="particulars.severity"' not in html
        assert 'name="particulars.detected_at"' not in html

    _, given = parts(story)
    console(body, **given)
