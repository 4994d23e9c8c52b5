"""What people do: forms become acts with the right role, and nothing else becomes one."""

import pytest

from soc.model import Answer
from soc.triage.roles import ALLOWED

ALERT, INCIDENT = "/alerts/202611-a2/act", "/incidents/202611-inc0001/act"
FIELDS = {
    "acknowledge": {}, "reopen": {}, "assign": {"owner": "lan.nt"}, "note": {"text": "đã xem"},
    "close": {"verdict": "false_positive", "reason": "lịch quét"},
    "approve": {"report_kind": "initial", "payload_sha256": "a" * 64},
}  # fmt: skip
NAMES = {"analyst": "lan.nt", "approver": "hoa.pv", "viewer": "minh", "auditor": "kiem", "administrator": "quan", "rule_writer": "viet"}  # fmt: skip


@pytest.mark.parametrize("role", NAMES)
def test_each_role_does_what_the_table_allows_and_is_refused_the_rest(console, sign_in, role):
    async def body(world):
        browser = sign_in(world, NAMES[role])
        for kind, fields in FIELDS.items():
            world.desk.actions.clear()
            answer = await browser.act(INCIDENT, kind, **fields)
            if role in ALLOWED[kind]:
                assert answer.status == 303, kind
                assert [(a.kind, a.actor, a.role) for a in world.desk.actions] == [(kind, NAMES[role], role)]
            else:
                assert answer.status == 403, kind
                assert not world.desk.actions

    console(body)


def test_the_administrator_neither_approves_nor_closes(console, sign_in):
    async def body(world):
        browser = sign_in(world, "quan")
        for kind in ("approve", "close"):
            assert (await browser.act(INCIDENT, kind, **FIELDS[kind])).status == 403
        html = await browser.text("/incidents/202611-inc0001")
        assert 'id="approve"' not in html
        assert 'value="close"' not in html

    console(body)


def test_an_act_carries_what_the_form_said(console, sign_in):
    async def body(world):
        await sign_in(world, "hoa.pv").act(INCIDENT, "approve", expected_revision="2", **FIELDS["approve"])
        [action] = world.desk.actions
        assert action.id == "hoa.pv:action-approve"
        assert (action.target, action.target_id, action.expected_revision) == ("incident", "202611-inc0001", 2)
        assert action.changes == {"report_kind": "initial", "payload_sha256": "a" * 64}

    console(body)


def test_the_page_names_the_hash_that_its_approval_sends(console, sign_in, story, forms):
    async def body(world):
        html = await sign_in(world, "hoa.pv").text("/incidents/202611-inc0001")
        [form] = [form for form in forms(html) if 'value="approve"' in form]
        assert f'name="payload_sha256" value="{story.preview(story.incident(), "initial").sha256}"' in form
        assert 'name="expected_revision" value="2"' in form

    console(body)


def test_each_form_has_an_action_id_of_its_own(console, sign_in):
    import re

    async def body(world):
        html = await sign_in(world, "lan.nt").text("/alerts/202611-a2")
        ids = re.findall(r'name="action_id" value="([^"]+)"', html)
        assert len(set(ids)) == len(ids) >= 4

    console(body)


def test_a_form_without_its_token_is_refused(console, sign_in):
    async def body(world):
        browser = sign_in(world, "lan.nt")
        for token in ("", "0" * 64, "ü"):
            browser.csrf = token
            assert (await browser.act(ALERT, "acknowledge")).status == 403
        browser = sign_in(world, "lan.nt")
        filled = {"kind": "acknowledge", "action_id": "12345678", "expected_revision": "0"}
        assert (await browser.post(ALERT, filled, Origin="https://elsewhere.example")).status == 403
        assert not world.desk.actions

    console(body)


def test_a_conflict_says_what_changed_and_keeps_what_was_typed(console, sign_in):
    async def body(world):
        world.desk.answer = lambda a: Answer(
            a.id, "conflict", "status: new → acknowledged by lan.nt", a.target, a.target_id, 5
        )
        answer = await sign_in(world, "hoa.pv").act(ALERT, "close", verdict="false_positive", reason="đã kiểm tra <kỹ>")
        html = await answer.text()
        assert answer.status == 409
        assert "status: new → acknowledged by lan.nt" in html
        assert "đã kiểm tra &lt;kỹ&gt;</textarea>" in html
        assert 'value="false_positive" required checked' in html

    console(body)


def test_an_act_without_an_answer_yet_is_pending(console, sign_in):
    async def body(world):
        world.desk.answer = lambda _: None
        browser = sign_in(world, "lan.nt")
        answer = await browser.act(ALERT, "acknowledge")
        assert answer.headers["Location"] == "/alerts/202611-a2?outcome=pending"
        assert "đang chờ" in await browser.text(answer.headers["Location"])

    console(body)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("close", {"verdict": "", "reason": "x"}), ("close", {"verdict": "false_positive", "reason": "  "}), ("note", {"text": " "}),
        ("assign", {"owner": "a b"}), ("acknowledge", {"action_id": "x"}), ("acknowledge", {"expected_revision": "-1"}),
        ("acknowledge", {"expected_revision": "9" * 40}),
    ],
)  # fmt: skip
def test_an_incomplete_form_comes_back_and_acts_on_nothing(console, sign_in, kind, fields):
    async def body(world):
        answer = await sign_in(world, "lan.nt").act(ALERT, kind, **fields)
        assert answer.status == 422
        assert 'role="alert"' in await answer.text()
        assert not world.desk.actions

    console(body)


def test_the_api_acts_with_a_token_and_json_and_needs_no_form_token(console):
    async def body(world):
        token = world.users.add_token("lan.nt", "script")
        headers = {"Authorization": f"Bearer {token}"}
        act = {"kind": "note", "text": "từ chương trình", "action_id": "script-0001", "expected_revision": 0}
        answer = await world.client.post(ALERT, json=act, headers=headers)
        assert (await answer.json())["outcome"] == "accepted"
        assert world.desk.actions[0].changes == {"text": "từ chương trình"}
        assert world.desk.actions[0].expected_revision == 0
        answer = await world.client.post(
            INCIDENT, json={**act, "kind": "approve", **FIELDS["approve"]}, headers=headers
        )
        assert answer.status == 403
        world.desk.answer = lambda a: Answer(a.id, "conflict", "changed", a.target, a.target_id, 5)
        answer = await world.client.post(ALERT, json=act, headers=headers)
        assert answer.status == 409
        assert (await answer.json())["outcome"] == "conflict"
        answer = await world.client.get("/alerts.json", headers={"Authorization": "Bearer soc_wrong"})
        assert answer.status == 401

    console(body)


def test_an_act_on_what_is_not_there_is_404(console, sign_in):
    async def body(world):
        assert (await sign_in(world, "lan.nt").act("/alerts/none/act", "acknowledge")).status == 404
        assert (await sign_in(world, "lan.nt").act(ALERT, "approve")).status == 400

    console(body)
