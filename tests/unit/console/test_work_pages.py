"""Silences, directives and tasks: what the pages show, what their forms ask triage for, and who may."""

from types import SimpleNamespace

import msgspec
import pytest

from soc.clock import DAY, HOUR
from soc.errors import UnavailableError
from soc.model import Answer, Directive, Silence, Task
from soc.model import Evidence as Evidence_
from soc.model.alert import IndicatorHit
from soc.store.documents import alert_document, directive_document, incident_document, silence_document


def silence(story, id_, **changes):
    made = Silence(
        id_, 1, 1, "silence", (("rule.id", "r1"), ("source.ip", "192.0.2.9")), story.NOW - HOUR, story.NOW + HOUR,
        "lan.nt", "Quét đã báo trước", story.NOW - HOUR, covered=3,
    )  # fmt: skip
    return silence_document(msgspec.structs.replace(made, **changes))


def directive(story, id_, **changes):
    made = Directive(
        id_, 1, 4, "123/CV-A05", "Cục A05", "Rà soát lỗ hổng", "Rà soát máy chủ thư", story.NOW - DAY, "lan.nt",
        due=story.NOW - HOUR, incident_ids=(story.INCIDENT,),
    )  # fmt: skip
    return directive_document(msgspec.structs.replace(made, **changes))


def with_tasks(story):
    late = Task("t1", "Cô lập máy chủ", "Sở Y tế", story.NOW - HOUR, story.NOW - DAY, "lan.nt")
    soon = Task("t2", "Gửi nhật ký", "Sở Tài chính", story.NOW + HOUR, story.NOW - DAY, "lan.nt")
    done = Task("t3", "Đổi mật khẩu", "Sở Y tế", story.NOW, story.NOW - DAY, "lan.nt", "done", "Đã đổi", story.NOW)
    return incident_document(msgspec.structs.replace(story.incident(), tasks=(soon, done, late), version=20))


def test_silences_are_listed_by_the_state_they_are_in_now(console, sign_in, story):
    async def body(world):
        await world.store.write(
            [
                silence(story, "202611-active"),
                silence(story, "202611-coming", starts=story.NOW + HOUR // 2, ends=story.NOW + HOUR),
                silence(story, "202611-past", ends=story.NOW),
                silence(story, "202611-ended", ended_at=story.NOW - 1, ended_by="lan.nt"),
            ]
        )
        lan = sign_in(world, "lan.nt")
        for state, ids in (("active", {"active"}), ("planned", {"coming"}), ("over", {"past", "ended"})):
            page = await (await lan.get(f"/silences.json?state={state}")).json()
            assert {one["id"].partition("-")[2] for one in page["silences"]} == ids
            assert {one["state"] for one in page["silences"]} == {state}
            assert dict(page["states"]) == {"active": 1, "planned": 1, "over": 2, "all": 4}

    console(body)


def test_an_alert_fills_in_the_form_that_silences_its_like(console, sign_in, story):
    async def body(world):
        lan = sign_in(world, "lan.nt")
        assert '/silences?alert=202611-a2#new"' in await lan.text("/alerts/202611-a2")
        proposal = (await (await lan.get("/silences.json?alert=202611-a2")).json())["proposal"]
        chosen = {one["match"]: one["alerts"] for one in proposal["options"] if one["chosen"]}
        rule = story.alert_of(story.STEPS[1]).rule_id
        assert chosen == {f"rule.id={rule}": 5, f"source.ip={story.ATTACKER}": 3, f"host.name={story.VICTIM}": 4}
        assert proposal["alerts"] == 2
        assert "checked" in await lan.text("/silences?alert=202611-a2")

    console(body)


def test_a_silence_is_made_of_ticked_boxes_lines_and_hours(console, sign_in, story):
    async def body(world):
        lan = sign_in(world, "lan.nt")
        fields = {"match": "rule.id=r1", "matchers": "source.ip = 192.0.2.0/28\n\n", "hours": "8", "reason": "đã báo"}
        answer = await lan.act("/silences", "silence", **fields)
        action = world.desk.actions[-1]
        assert answer.status == 303
        assert answer.headers["Location"] == f"/silences/{action.target_id}?outcome=accepted"
        assert (action.kind, action.target, action.target_id[:7]) == ("silence", "silence", "202611-")
        assert action.changes == {
            "kind": "silence",
            "matchers": [["rule.id", "r1"], ["source.ip", "192.0.2.0/28"]],
            "ends": story.NOW + 8 * HOUR,
            "reason": "đã báo",
        }

    console(body)


def test_a_form_that_is_sent_twice_makes_one_silence(console, sign_in):
    async def body(world):
        lan = sign_in(world, "lan.nt")
        for _ in range(2):
            await lan.act("/silences", "silence", match="rule.id=r1", hours="1", reason="x")
        first, second = world.desk.actions
        assert (first.id, first.target_id) == (second.id, second.target_id)

    console(body)


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"hours": "8", "reason": "vì sao"}, "vì sao"),
        ({"matchers": "no condition", "hours": "8", "reason": "vì sao"}, "no condition"),
        ({"matchers": "rule.id=r1", "ends": "tomorrow", "reason": "vì sao"}, "rule.id=r1"),
        ({"matchers": "rule.id=r1", "hours": "8", "reason": " "}, "rule.id=r1"),
    ],
)
def test_a_mistake_in_a_silence_is_said_and_what_was_typed_stays(console, sign_in, fields, kept):
    async def body(world):
        answer = await sign_in(world, "lan.nt").act("/silences", "silence", **fields)
        html = await answer.text()
        assert answer.status == 422
        assert "notice-error" in html
        assert kept in html
        assert not world.desk.actions

    console(body)


def test_what_triage_refuses_of_a_silence_is_shown_with_its_reason(console, sign_in):
    async def body(world):
        world.desk.answer = lambda a: Answer(a.id, "refused", "a level alone is too wide", a.target, a.target_id, 0)
        answer = await sign_in(world, "lan.nt").act("/silences", "silence", match="level=low", hours="1", reason="x")
        assert answer.status == 409
        assert "a level alone is too wide" in await answer.text()

    console(body)


def test_a_silence_is_ended_from_the_list_and_by_who_only_reads_not(console, sign_in, story):
    async def body(world):
        await world.store.write([silence(story, "202611-active")])
        viewer, lan = sign_in(world, "minh"), sign_in(world, "lan.nt")
        assert "/silences/202611-active/act" not in await viewer.text("/silences")
        assert (await viewer.act("/silences/202611-active/act", "end_silence", reason="xong")).status == 403
        assert "/silences/202611-active/act" in await lan.text("/silences")
        fields = {"reason": "xong", "expected_revision": "1", "next": "/silences?state=over"}
        answer = await lan.act("/silences/202611-active/act", "end_silence", **fields)
        assert answer.headers["Location"] == "/silences?state=over&outcome=accepted"
        assert world.desk.actions[-1].changes == {"reason": "xong"}
        away = await lan.act("/silences/202611-active/act", "end_silence", **fields | {"next": "//evil.example"})
        assert away.headers["Location"].startswith("/alerts")

    console(body)


def test_directives_show_what_is_overdue_first_and_take_answers(console, sign_in, story):
    async def body(world):
        await world.store.write(
            [
                directive(story, "202611-dir1", due=story.NOW + DAY),
                directive(story, "202611-dir2"),
                directive(story, "202611-dir3", status="answered", answer="Đã rà soát", answered_at=story.NOW),
            ]
        )
        lead = sign_in(world, "hoa.pv")
        page = await (await lead.get("/directives.json")).json()
        assert [(one["id"], one["overdue"]) for one in page["directives"]] == [
            ("202611-dir2", True),
            ("202611-dir1", False),
        ]
        assert dict(page["states"]) == {"open": 2, "overdue": 1, "answered": 1, "closed": 0, "all": 3}
        html = await lead.text("/directives/202611-dir2")
        assert "INC-2026-000012" in html
        fields = {"answer": "Đã rà soát xong", "expected_revision": "4"}
        assert (await lead.act("/directives/202611-dir2/act", "answer_directive", **fields)).status == 303
        assert world.desk.actions[-1].changes == {"answer": "Đã rà soát xong"}

    console(body)


def test_a_directive_is_entered_by_who_decides_and_needs_what_stands_on_the_paper(console, sign_in, story):
    async def body(world):
        paper = {"number": "9/CV", "issuer": "A05", "title": "Rà soát", "text": "Rà soát", "due": "24/11/2026 17:00"}
        assert (await sign_in(world, "lan.nt").act("/directives", "direct", **paper)).status == 403
        lead = sign_in(world, "hoa.pv")
        assert (await lead.act("/directives", "direct", **paper | {"issuer": ""})).status == 422
        assert (await lead.act("/directives", "direct", **paper, incident_ids=story.INCIDENT)).status == 303
        assert world.desk.actions[-1].changes["incident_ids"] == [story.INCIDENT]

    console(body)


def test_tasks_of_all_incidents_are_listed_by_due_time_state_and_unit(console, sign_in, story):
    async def body(world):
        await world.store.write([with_tasks(story)])
        lan = sign_in(world, "lan.nt")

        async def ids(query):
            return [task["id"] for task in (await (await lan.get(f"/tasks.json?{query}")).json())["tasks"]]

        assert await ids("") == ["t1", "t2"]
        assert await ids("state=overdue") == ["t1"]
        assert await ids("state=all") == ["t1", "t2", "t3"]
        assert await ids("state=all&unit=S%E1%BB%9F+Y+t%E1%BA%BF") == ["t1", "t3"]
        html = await lan.text("/tasks")
        assert "Sở Y tế" in html
        assert "clock-late" in html

    console(body)


def test_a_task_is_answered_from_the_list_and_one_comes_back_to_it(console, sign_in, story):
    async def body(world):
        await world.store.write([with_tasks(story)])
        fields = {"task": "t1", "reply": "Đã cô lập", "expected_revision": "2", "next": "/tasks?state=open"}
        answer = await sign_in(world, "lan.nt").act(f"/incidents/{story.INCIDENT}/act", "answer_task", **fields)
        assert answer.headers["Location"] == "/tasks?state=open&outcome=accepted"

    console(body)


def test_the_menu_holds_what_the_visitor_may_open_and_nothing_without_a_route(console, sign_in):
    async def body(world):
        viewer, auditor = await sign_in(world, "minh").text("/tasks"), await sign_in(world, "kiem").text("/tasks")
        assert 'href="/tasks" aria-current="page"' in viewer
        assert 'href="/audit"' not in viewer
        assert 'href="/audit"' in auditor
        assert "/nowhere" not in viewer

    console(body)


def test_an_alert_shows_all_that_is_known_beside_it(console, sign_in, story):
    async def body(world):
        alert = msgspec.structs.replace(
            story.alert_of(story.STEPS[1]), version=9, repeats=1234, last_repeat=story.NOW, risk=87, prevalence=3,
            seen_before=(("false_positive", 7),), systems=("mot-cua",), silenced_by="202611-active", unauthenticated=True,
            indicators=(IndicatorHit("source.ip", story.ATTACKER, "feed-x", "GREEN", "botnet"),), fingerprint="f1",
            facts=((story.ATTACKER, "NL, AS64500"),),
        )  # fmt: skip
        await world.store.write([alert_document(alert), silence(story, "202611-active")])
        html = await sign_in(world, "lan.nt").text("/alerts/202611-a2")
        for text in (
            "1.234",
            "<b>87</b>/100",
            "× 7",
            "/assets/mot-cua",
            "Quét đã báo trước",
            "feed-x",
            "botnet",
            "AS64500",
        ):
            assert text in html, text
        assert "không xác thực bên gửi" in html
        assert "/silences?alert=" not in html  # it is silenced already
        row = await sign_in(world, "lan.nt").text("/alerts?status=all&q=alert.risk%3E80")
        assert 'data-key="202611-a2"' in row
        assert "feed-x" in row

    console(body)


def test_a_repeat_says_what_it_repeats(console, sign_in, story):
    async def body(world):
        alert = msgspec.structs.replace(story.alert_of(story.STEPS[1]), version=9, duplicate_of="202611-a1")
        await world.store.write([alert_document(alert)])
        assert 'href="/alerts/202611-a1"><code>' in await sign_in(world, "lan.nt").text("/alerts/202611-a2")

    console(body)


def test_the_range_narrows_counts_as_well_as_rows(console, sign_in):
    async def body(world):
        page = await (await sign_in(world, "lan.nt").get("/alerts.json?range=1h&status=all")).json()
        assert page["total"] == sum(count for _, count in page["levels"]) == 7
        assert dict(page["statuses"])["closed"] == 0

    console(body)


class Evidence:
    """Stands in for what pins: remembers who asked, knows one file."""

    def __init__(self):
        self.asked = []

    def ask(self, incident_id, actor, role, units):
        self.asked.append((incident_id, actor, role, units))
        return self.latest(incident_id)

    def latest(self, incident_id):
        done = SimpleNamespace(state="reading", read=12, lines=0, detail="", actor="lan.nt")
        return done if self.asked and self.asked[-1][0] == incident_id else None

    async def file(self, name, *, manifest=False):
        return b"{}" if manifest else b"lines of " + name.encode()


def test_evidence_is_pinned_by_one_button_and_handed_out_with_a_reason_that_is_recorded_first(console, sign_in, story):
    name = "INC-2026-000012-x.ndjson.zst"
    pinned = Evidence_(name, "ab" * 32, 10, 3, story.NOW, story.NOW, "lan.nt", story.NOW)
    kept = Evidence()

    async def body(world):
        incident = msgspec.structs.replace(story.incident(), evidence=(pinned,), version=20)
        await world.store.write([incident_document(incident)])
        lan, lead = sign_in(world, "lan.nt"), sign_in(world, "hoa.pv")
        page = f"/incidents/{story.INCIDENT}"
        assert "/pin" in await lan.text(page)
        assert (await lan.post(f"{page}/pin", {})).headers["Location"] == f"{page}?outcome=pending#evidence"
        assert kept.asked == [(story.INCIDENT, "lan.nt", "analyst", ())]
        assert "đã xem 12 dòng" in await lan.text(page)
        fields = {"name": name, "reason": "bàn giao cho A05"}
        assert (await lan.post(f"{page}/evidence", fields)).status == 403
        assert (await lead.post(f"{page}/evidence", fields | {"reason": ""})).status == 403
        assert (await lead.post(f"{page}/evidence", fields | {"name": "other.ndjson.zst"})).status == 404
        assert not world.desk.recorded
        assert await (await lead.post(f"{page}/evidence", fields)).read() == b"lines of " + name.encode()
        assert await (await lead.post(f"{page}/evidence", fields | {"part": "manifest"})).read() == b"{}"
        told = [(one.actor, one.act, one.detail) for one in world.desk.recorded]
        assert told == [("hoa.pv", "export", "bàn giao cho A05")] * 2

    console(body, evidence=kept)


def test_evidence_that_cannot_be_recorded_is_not_handed_out(console, sign_in, story):
    name = "INC-2026-000012-x.ndjson.zst"
    pinned = Evidence_(name, "ab" * 32, 10, 3, story.NOW, story.NOW, "lan.nt", story.NOW)

    async def away(entry):
        raise UnavailableError(f"the brokers are away: {entry.act}")

    async def body(world):
        incident = msgspec.structs.replace(story.incident(), evidence=(pinned,), version=20)
        await world.store.write([incident_document(incident)])
        fields = {"name": name, "reason": "bàn giao cho A05"}
        answer = await sign_in(world, "hoa.pv").post(f"/incidents/{story.INCIDENT}/evidence", fields)
        assert answer.status == 503
        assert b"lines of" not in await answer.read()

    console(body, evidence=Evidence(), record=away)


def test_the_incident_page_proposes_what_its_alerts_speak_for(console, sign_in, story):
    async def body(world):
        lan = sign_in(world, "lan.nt")
        page = await (await lan.get(f"/incidents/{story.INCIDENT}.json")).json()
        assert (page["proposal"]["kind"], page["proposal"]["reason"]) == ("incident", "effect")
        assert 'id="proposal"' in await lan.text(f"/incidents/{story.INCIDENT}")

    console(body)


def test_the_list_of_incidents_is_narrowed_by_kind_severity_owner_and_drill(console, sign_in, story):
    async def body(world):
        drill = msgspec.structs.replace(
            story.incident(), severity="serious", kind="incident", exercise=True, version=20
        )
        await world.store.write([incident_document(drill)])
        lan, other = sign_in(world, "lan.nt"), sign_in(world, "minh")
        for query, found in (
            ("kind=incident&severity=serious&exercise=1&mine=1", 1),
            ("kind=event", 0),
            ("severity=none", 0),
        ):
            assert (await (await lan.get(f"/incidents.json?{query}")).json())["total"] == found, query
        assert (await (await other.get("/incidents.json?mine=1")).json())["total"] == 0
        assert "chip-drill" in await lan.text("/incidents")
        assert "watermark" in await lan.text(f"/incidents/{story.INCIDENT}")

    console(body)


def test_the_page_of_a_storm_of_more_rules_than_rows_shows_the_planted_alert_first(console, sign_in, story):
    async def body(world):
        alert = msgspec.structs.replace(story.alert_of(story.STEPS[1]), sample=(), members=(), level="medium")
        storm = [msgspec.structs.replace(alert, id=f"202611-s{n:03}", rule_id=f"r{n % 80}") for n in range(160)]
        await world.store.write([alert_document(one) for one in storm])
        lan = sign_in(world, "lan.nt")
        for query in ("", "?range=24h", "?status=all"):
            answer = await lan.get(f"/alerts{query}")
            html = await answer.text()
            assert answer.status == 200, query
            rows = html.partition("<tbody>")[2].split('<tr class="row-')[1:]
            assert len(rows) <= 50, query
            assert rows[0].startswith("critical"), query

    console(body)
