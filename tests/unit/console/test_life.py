"""The life of an incident on its page: steps of its state as buttons, forms as acts, what was typed kept, drills marked."""

import re
from zoneinfo import ZoneInfo

import msgspec
import pytest
from multidict import MultiDict

from soc.clock import to_iso
from soc.console.act_forms import MistakeError, changes_of, time_of
from soc.model import Answer
from soc.store.documents import incident_document
from soc.triage import lifecycle

PAGE, ACT = "/incidents/202611-inc0001", "/incidents/202611-inc0001/act"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")

FORMS = [
    (
        "classify",
        [("severity", "serious"), ("flags", ""), ("flags", "personal_data"), ("tlp", "RED"), ("keep_secret", "false"),
         ("keep_secret", "true"), ("reason", "lộ hồ sơ")],
        {"severity": "serious", "flags": ["personal_data"], "tlp": "RED", "keep_secret": True, "reason": "lộ hồ sơ"},
    ),
    ("classify", [("flags", ""), ("reason", "nhầm")], {"flags": [], "reason": "nhầm"}),
    ("set_t0", [("at", "2026-11-23T08:00"), ("reason", "báo")], {"at": 1_795_395_600_000_000, "reason": "báo"}),
    ("describe", [("field", "cause"), ("value", "mật khẩu yếu")], {"particulars": {"cause": "mật khẩu yếu"}}),
    ("describe", [("particulars.cause", "a"), ("particulars.results", "b")], {"particulars": {"cause": "a", "results": "b"}}),
    ("exercise", [("exercise", "true"), ("reason", "diễn tập")], {"exercise": True, "reason": "diễn tập"}),
    ("split", [("alerts", "202611-a1"), ("alerts", "202611-a2"), ("reason", "khác")], {"alerts": ["202611-a1", "202611-a2"], "reason": "khác"}),
    ("link", [("to", "202611-inc0002"), ("reason", "cùng mã độc")], {"to": "202611-inc0002", "reason": "cùng mã độc"}),
    ("close_task", [("task", "t1"), ("status", "done")], {"task": "t1", "status": "done"}),
    ("approve", [("report_kind", "initial"), ("payload_sha256", "a" * 64), ("by_telephone", "giám đốc")],
     {"report_kind": "initial", "payload_sha256": "a" * 64, "by_telephone": "giám đốc"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "changes"), FORMS)
def test_a_form_becomes_the_arguments_of_its_act(kind, fields, changes):
    assert changes_of(kind, MultiDict(fields), "lan", ZONE) == changes


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-11-24T17:00", "2026-11-24T10:00:00Z"),
        ("24/11/2026 17:00", "2026-11-24T10:00:00Z"),
        ("4/1/2026 7:05", "2026-01-04T00:05:00Z"),
        ("2026-11-24T17:00:00Z", "2026-11-24T17:00:00Z"),
    ],
)
def test_a_time_without_a_zone_is_in_the_installations(text, iso):
    assert to_iso(time_of(text, ZONE)).replace(".000000", "").replace(".000", "") == iso


@pytest.mark.parametrize("text", ["", "tomorrow", "31/2/2026 10:00", "24/11/2026", "9" * 30])
def test_what_is_no_time_is_a_mistake(text):
    if text == "24/11/2026":
        text += " 25:00"
    with pytest.raises(MistakeError, match="time"):
        time_of(text, ZONE)


def kinds_of(html):
    return set(re.findall(r'name="kind" value="(\w+)"', html))


def test_the_page_offers_what_the_state_and_the_role_allow(console, sign_in, story):
    async def body(world):
        incident = story.incident()
        for name, role in (("lan.nt", "analyst"), ("minh", "viewer")):
            offered = kinds_of(await sign_in(world, name).text(PAGE))
            for kind in ("start", "contain", "confirm", "classify", "describe", "add_task", "set_t0", "link"):
                assert (kind in offered) is (role == "analyst" and lifecycle.possible(incident, kind)), kind
            assert "exercise" not in offered

    console(body)


def test_what_was_typed_stays_on_a_conflict(console, sign_in):
    async def body(world):
        world.desk.answer = lambda action: Answer(
            action.id, "conflict", "hoa closed it", "incident", action.target_id, 7
        )
        answer = await sign_in(world, "lan.nt").act(
            ACT, "classify", severity="serious", flags="public_order", tlp="RED", reason="mất điện <b>"
        )
        html = await answer.text()
        assert answer.status == 409
        assert "mất điện &lt;b&gt;" in html
        assert '<option value="serious" selected>' in html
        assert re.search(r'value="public_order" checked', html)
        assert 'id="classify" open' in html

    console(body)


def test_a_drill_and_a_state_secret_are_marked_loudly_on_the_page_and_the_drill_in_the_list(console, sign_in, story):
    async def body(world):
        browser = sign_in(world, "lan.nt")
        plain = await browser.text(PAGE)
        assert "DIỄN TẬP" not in plain
        assert "KÊNH TỰ ĐỘNG" not in plain
        known = story.incident()
        changes = {"version": known.version + 1, "exercise": True, "flags": ("state_secret_risk",)}
        await world.store.write([incident_document(msgspec.structs.replace(known, **changes))])
        html = await browser.text(PAGE)
        assert "DIỄN TẬP – KHÔNG PHẢI SỰ CỐ THẬT" in html
        assert "KHÔNG GỬI QUA KÊNH TỰ ĐỘNG" in html
        assert "DIỄN TẬP" in await browser.text("/incidents?status=all")

    console(body)


def test_a_field_named_in_the_address_is_chosen_and_its_form_open(console, sign_in):
    async def body(world):
        browser = sign_in(world, "lan.nt")
        html = await browser.text(f"{PAGE}?field=cause")
        assert 'id="describe" open' in html
        assert '<option value="cause" selected>' in html
        assert 'id="describe" open' not in await browser.text(f"{PAGE}?field=%22%3E")

    console(body)
