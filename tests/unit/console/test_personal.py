"""Citizens' identifiers: masked wherever a page, the API, a count, the stream or a search could tell them; seen with a reason only."""

import msgspec
import pytest

from soc.console.masking import Masker, probes
from soc.console.personal import checked_privacy
from soc.desk import MASKED, PrivacySettings
from soc.errors import SettingsError
from soc.store.base import Document
from soc.store.documents import alert_document, event_document
from soc.store.query import parse

CCCD, PHONE, MAIL = "072099001234", "0912345678", "le.thi.hoa@example.vn"
ALL = frozenset(MASKED)


async def _fill(world, story):
    line = f"<86>Nov 22 portal citizen={CCCD} phone={PHONE} mail={MAIL} from 203.0.113.66 port 40123"
    step = story.STEPS[3]._replace(id="202611-pii01", lines=(line,))
    alert = msgspec.structs.replace(story.alert_of(step), entities=(("host.name", "mc-dvc01"), ("user.email", MAIL)))
    fields = {"event.original": line, "so_cccd": CCCD, "user.email": MAIL, "source.ip": "203.0.113.66"}
    event = story.Event("pii/1", "portal", story.T0, story.T0, story.T0, fields)
    await world.store.write([alert_document(alert), event_document(event)])


@pytest.fixture
def portal(console, story):
    """A console with one alert and one event that carry a citizen's data."""

    def run(body, **changes):
        async def filled(world):
            await _fill(world, story)
            await body(world)

        console(filled, **changes)

    return run


def told(world, act):
    return [entry for entry in world.desk.recorded if entry.act == act]


@pytest.mark.parametrize(
    "path",
    [
        "/alerts?status=all",
        "/alerts.json?status=all",
        "/alerts/202611-pii01",
        "/alerts/202611-pii01.json",
        "/search",
        "/search.json?q=portal",
        "/events/pii/1",
        "/events/pii/1.json",
    ],
)
@pytest.mark.parametrize("name", ["minh", "lan.nt", "hoa.pv", "kiem", "quan", "viet"])
def test_no_page_and_no_twin_shows_an_identifier_to_anybody_who_gave_no_reason(portal, sign_in, path, name):
    async def body(world):
        text = await sign_in(world, name).text(path)
        assert "202611-pii01" in text or "pii/1" in text
        for secret in (CCCD, PHONE, MAIL):
            assert secret not in text
        assert told(world, "read_personal") == []

    portal(body)


def test_a_reason_shows_one_document_to_one_session_for_some_minutes_and_is_in_the_audit(portal, sign_in, story):
    now = [story.NOW]

    async def body(world):
        lan, other = sign_in(world, "lan.nt"), sign_in(world, "lan.nt")
        form = {"kind": "alert", "id": "202611-pii01", "next": "/alerts/202611-pii01"}
        assert (await lan.post("/unmask", {**form, "reason": " "})).status == 403
        assert told(world, "unmask") == []
        answer = await lan.post("/unmask", {**form, "reason": "công an xã hỏi"})
        assert (answer.status, answer.headers["Location"]) == (303, "/alerts/202611-pii01")
        (entry,) = told(world, "unmask")
        assert (entry.actor, entry.object, entry.detail) == ("lan.nt", "alert/202611-pii01", "công an xã hỏi")
        shown = await lan.text("/alerts/202611-pii01")
        assert CCCD in shown
        assert PHONE in shown
        assert CCCD not in await other.text("/alerts/202611-pii01"), "another session of the same person"
        assert CCCD not in await lan.text("/events/pii/1"), "another document"
        assert len(told(world, "read_personal")) == 1
        await lan.text("/alerts/202611-pii01")
        (read,) = told(world, "read_personal")
        assert "cccd" in read.detail
        assert CCCD not in str(world.desk.recorded), "the audit itself names no identifier"
        now[0] += 16 * 60 * 1_000_000
        assert CCCD not in await lan.text("/alerts/202611-pii01")

    portal(body, clock=lambda: now[0])


@pytest.mark.parametrize("name", ["minh", "kiem", "quan", "viet"])
def test_viewer_auditor_administrator_and_rule_writer_cannot_unmask_at_all(portal, sign_in, name):
    async def body(world):
        visitor = sign_in(world, name)
        form = {"kind": "alert", "id": "202611-pii01", "reason": "because I am curious"}
        assert (await visitor.post("/unmask", form)).status == 403
        assert (await visitor.get("/alerts/202611-pii01", **{"X-Unmask-Reason": "curious"})).status == 403
        assert (await visitor.get(f"/search?q={CCCD}&reason=curious")).status == 403
        assert told(world, "unmask") == []

    portal(body)


def test_a_program_gives_its_reason_in_a_header_for_one_request(portal):
    async def body(world):
        token = world.users.add_token("lan.nt", "case tool")
        path, header = "/alerts/202611-pii01.json", {"Authorization": f"Bearer {token}"}
        masked = await (await world.client.get(path, headers=header)).text()
        plain = await (await world.client.get(path, headers={**header, "X-Unmask-Reason": "v%E1%BB%A5 123"})).text()
        again = await (await world.client.get(path, headers=header)).text()
        assert [CCCD in text for text in (masked, plain, again)] == [False, True, False]
        assert [entry.detail for entry in told(world, "unmask")] == ["vụ 123"]
        assert len(told(world, "token_use")) == 1, "the first use of a day"

    portal(body)


@pytest.mark.parametrize(
    "query", [CCCD, f"so_cccd:{CCCD[:6]}*", "0720990*", f"user.email:{MAIL}", "so_cccd>=72099001000"]
)
def test_a_search_cannot_tell_what_is_masked(portal, sign_in, query):
    async def body(world):
        visitor = sign_in(world, "lan.nt")
        answer = await visitor.client.get("/search.json", params={"q": query}, cookies=visitor.cookies)
        assert answer.status == 403
        assert "total" not in await answer.json()
        page = await visitor.client.get("/search", params={"q": query}, cookies=visitor.cookies)
        assert 'name="reason"' in await page.text()
        asked = {"q": query, "reason": "tracing a leak"}
        found = await (await visitor.client.get("/search.json", params=asked, cookies=visitor.cookies)).json()
        assert [event["id"] for event in found["events"]] == ["pii/1"]
        assert CCCD not in str(found["events"]), "what is found stays masked"
        assert [entry.detail for entry in told(world, "search_personal")] == ["tracing a leak"]

    portal(body)


def test_counts_by_value_are_masked(portal, sign_in):
    async def body(world):
        from soc.console.scope import NoRegister, VisitorStore
        from soc.store.query import All

        seen = VisitorStore(world.store, (), ALL, lambda *_: False, NoRegister())
        for field in ("so_cccd", "user.email"):
            ((value, count),) = await seen.counts("event", All(), field)
            assert (CCCD not in value, MAIL not in value, count) == (True, True, 1)

    portal(body)


def test_what_a_role_sees_without_a_reason_is_audited_too(portal, sign_in):
    async def body(world):
        lan = sign_in(world, "lan.nt")
        text = await lan.text("/alerts/202611-pii01")
        assert MAIL in text
        assert CCCD not in text
        (read,) = told(world, "read_personal")
        assert read.detail == "mail: by role"

    portal(body, privacy=PrivacySettings(seen_by={"analyst": ("mail",)}))


def test_while_the_audit_cannot_be_written_nothing_is_unmasked(portal, sign_in):
    from soc.errors import UnavailableError

    async def away(entry):
        raise UnavailableError("away")

    async def body(world):
        lan = sign_in(world, "lan.nt")
        form = {"kind": "alert", "id": "202611-pii01", "reason": "công an xã hỏi"}
        assert (await lan.post("/unmask", form)).status == 503
        answer = await lan.get("/alerts/202611-pii01", **{"X-Unmask-Reason": "công%20an"})
        assert answer.status == 503
        assert CCCD not in await lan.text("/alerts/202611-pii01")

    portal(body, record=away)


def test_the_hash_of_a_masked_report_is_that_of_the_true_one(portal, sign_in, story):
    async def body(world):
        shown = story.incident()
        true = story.preview(shown, "initial")
        for name in ("minh", "hoa.pv"):
            found = await (await sign_in(world, name).get(f"/incidents/{story.INCIDENT}.json")).json()
            assert found["preview"]["sha256"] == true.sha256

    portal(body)


def test_an_approver_sees_what_he_signs_and_that_he_did_is_in_the_audit(portal, sign_in, story):
    def preview(incident, kind):
        del incident, kind
        return story.FakePreview(f"reporter {MAIL}".encode(), "ab" * 32, ())

    async def body(world):
        path = f"/incidents/{story.INCIDENT}.json"
        assert MAIL not in await sign_in(world, "lan.nt").text(path)
        assert told(world, "read_personal") == []
        assert MAIL in await sign_in(world, "hoa.pv").text(path)
        (read,) = told(world, "read_personal")
        assert (read.actor, read.object, read.detail) == ("hoa.pv", f"incident/{story.INCIDENT}", "mail: by role")

    portal(body, preview=preview)


def test_what_names_a_thing_of_ours_is_never_masked():
    body = {"id": "202611-072099001234", "alerts": ["072099001234"], "hash": "072099001234", "note": "072099001234"}
    shown = Masker(ALL).document(
        Document("alert", body["id"], 1, 0, {"alert.id": "072099001234", "x": "072099001234"}, body)
    )
    assert {name: shown.body[name] == body[name] for name in body} == {
        "id": True,
        "alerts": True,
        "hash": True,
        "note": False,
    }
    assert (shown.fields["alert.id"], shown.fields["x"] == "072099001234") == ("072099001234", False)


def test_an_identifier_in_an_address_of_a_page_is_masked_and_the_rest_stays():
    line = f"GET /tra-cuu?so={CCCD}&trang=2 HTTP/1.1 from {MAIL}"
    assert Masker(ALL).text(line) == "GET /tra-cuu?so=•••34&trang=2 HTTP/1.1 from •••@example.vn"
    assert Masker(frozenset()).text(line) == line


def test_a_number_in_a_field_that_is_named_so_is_masked_whatever_it_looks_like():
    shown = Masker(ALL).document(
        Document("event", "e", 1, 0, {"so_cccd": 72099001234, "user.phone": "x1", "bytes": 72099001234})
    )
    assert shown.fields == {"so_cccd": "•••", "user.phone": "•••", "bytes": 72099001234}


@pytest.mark.parametrize(
    "query",
    [
        "203.0.113.66",
        "source.ip:203.0.113.*",
        "event.id:072099001234",
        "level:high",
        "4625",
        "fail*",
        "port>=1024",
        "event.code:46*",
        "host.name:web??",
        '"a b"',
    ],
)
def test_everyday_searches_are_no_probes(query):
    assert not probes(parse(query), ALL)


@pytest.mark.parametrize(
    "query",
    [
        f"NOT {CCCD}",
        f"ssh OR {PHONE}",
        "note:*@example.vn",
        "user.email:le*",
        '"0912 345 678"',
        "user.name:?7*",
        "x:*7*2*",
    ],
)
def test_probes_are_found_wherever_they_stand(query):
    assert probes(parse(query), ALL)
    assert not probes(parse(query), frozenset())


def test_settings_that_would_show_identifiers_to_the_wrong_people_are_refused():
    with pytest.raises(SettingsError) as told_all:
        checked_privacy(
            PrivacySettings(masked=("cccd", "ccd"), seen_by={"administrator": ("mail",), "analyst": ("male",)})
        )
    assert len(told_all.value.mistakes) == 3
