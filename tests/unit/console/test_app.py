"""Pages and their twins: everything is there, nothing breaks, nothing of an event's text becomes part of a page."""

import asyncio
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc.model import Answer
from soc.store.base import Document
from soc.store.documents import alert_document, event_document

PAGES = (
    "/alerts", "/alerts/202611-a2", "/alerts/202611-b1", "/incidents", "/incidents/202611-inc0001", "/reports", "/search",
    "/deadletters", "/audit", "/rules", "/health", "/users", "/account",
)  # fmt: skip


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_page_shows_in_both_languages(console, sign_in, language):
    async def body(world):
        admin = sign_in(world, "admin")
        admin.cookies["soc_language"] = language
        for path in PAGES:
            answer = await admin.get(path)
            html = await answer.text()
            assert answer.status == 200, path
            assert f'<html lang="{language}">' in html
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", html), f"{path} has inline code"

    console(body)


def test_every_page_has_a_json_twin_by_suffix_and_by_accept(console, sign_in):
    async def body(world):
        admin = sign_in(world, "admin")
        for path in PAGES:
            by_suffix = await (await admin.get(f"{path}.json")).json()
            by_accept = await (await admin.get(path, Accept="application/json")).json()
            assert by_suffix.keys() == by_accept.keys() != set(), path
        alerts = await (await admin.get("/alerts.json?status=all&level=critical")).json()
        assert [alert["id"] for alert in alerts["alerts"]] == ["202611-a3"]

    console(body)


def test_the_queue_is_newest_first_below_what_is_urgent_and_filters_by_status_level_and_query(console, sign_in):
    async def body(world):
        analyst = sign_in(world, "lan.nt")

        async def ids(query: str) -> list[str]:
            return [alert["id"] for alert in (await (await analyst.get(f"/alerts.json?{query}")).json())["alerts"]]

        assert (await ids("status=open"))[:3] == ["202611-a3", "202611-a5", "202611-a4"]
        assert await ids("status=closed") == ["202611-b1"]
        assert await ids("level=medium&status=new") == ["202611-b5"]
        assert await ids("q=do+mat+khau&status=all") == ["202611-a3", "202611-a2"]
        assert await ids("q=source.ip:198.51.100.20") == ["202611-a5"]
        assert await ids("mine=1") == ["202611-a1"]

    console(body)


def test_a_mistake_in_the_query_is_shown_where_it_is_and_what_was_typed_stays(console, sign_in):
    async def body(world):
        answer = await sign_in(world, "lan.nt").get("/search?q=(failed")
        html = await answer.text()
        assert answer.status == 400
        assert 'value="(failed"' in html
        assert "a ) is missing here" in html

    console(body)


def test_matched_fields_are_marked_in_the_table_and_in_the_raw_line(console, sign_in):
    async def body(world):
        html = await sign_in(world, "lan.nt").text("/alerts/202611-a2")
        assert re.search(r'<tr class="hit"><th scope="row">source.ip</th><td><mark>203.0.113.66</mark>', html)
        assert "from <mark>203.0.113.66</mark> port" in html
        assert "timespan: 5m" in html
        assert "INC-2026-000012" in html

    console(body)


def test_an_incident_says_why_each_alert_joined_and_shows_the_bytes_that_leave(console, sign_in, story):
    async def body(world):
        admin = sign_in(world, "admin")
        html = await admin.text("/incidents/202611-inc0001")
        made = story.preview(story.incident(), "initial")
        assert made.sha256 in html
        assert "account_names" in html
        assert "NCSC-20261122-0417" in html
        assert html.count('class="bar bar-') == 5
        twin = await (await admin.get("/incidents/202611-inc0001.json")).json()
        assert twin["preview"]["payload"].encode() == made.payload

    console(body)


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}"


def test_hostile_text_in_any_field_stays_text(console, sign_in, story):
    async def body(world):
        step = story.STEPS[1]._replace(
            id="202611-x1", title=HOSTILE, title_vi=HOSTILE, entities=((HOSTILE, HOSTILE),), group=((HOSTILE, HOSTILE),),
            lines=(HOSTILE,), matched=((HOSTILE, "alert"),), tags=(HOSTILE,), owner=HOSTILE, type=HOSTILE, level=HOSTILE,
        )  # fmt: skip
        alert = story.alert_of(step)
        event = story.Event(
            "e/<b>", HOSTILE, story.NOW, story.NOW, story.NOW, {HOSTILE: HOSTILE, "event.original": HOSTILE}
        )
        await world.store.write([alert_document(alert), event_document(event)])
        admin = sign_in(world, "admin")
        for path in (
            "/alerts?status=all",
            "/alerts/202611-x1",
            "/search",
            "/events/e%2F%3Cb%3E",
            f"/alerts?q={HOSTILE}",
        ):
            html = await admin.text(path)
            assert "<script>alert" not in html, path
            assert "<img src=x" not in html, path
            assert "49" not in re.findall(r"onerror=alert\(2\)&gt;(..)", html), path
            assert "&lt;script&gt;" in html, path

    console(body)


def test_an_unknown_id_is_a_friendly_page_and_a_json_404(console, sign_in):
    async def body(world):
        admin = sign_in(world, "admin")
        for path in ("/alerts/nope", "/incidents/..%2f..%2fetc", "/events/%00", "/nothing", "/static/%2e%2e/app.py"):
            answer = await admin.get(path)
            assert answer.status == 404, path
        assert "Không tìm thấy" in await admin.text("/alerts/nope")
        answer = await admin.get("/alerts/nope.json")
        assert answer.status == 404
        assert (await answer.json())["status"] == 404

    console(body)


def test_a_store_that_is_away_is_said_and_is_no_crash(console, sign_in):
    from soc.errors import UnavailableError

    async def body(world):
        async def away(*_: object, **__: object) -> None:
            raise UnavailableError("store: database is locked")

        admin = sign_in(world, "admin")
        world.store.search = away
        answer = await admin.get("/alerts")
        assert answer.status == 503
        assert "database is locked" in await answer.text()

    console(body)


def test_no_address_and_no_form_makes_the_console_fail(console, sign_in):
    async def body(world):
        admin = sign_in(world, "admin")
        loop = asyncio.get_running_loop()
        text = st.text(max_size=30)
        paths = st.sampled_from(
            ["/alerts", "/incidents", "/search", "/reports", "/deadletters", "/rules", "/language", "/audit"]
        )
        names = st.sampled_from(
            ["q", "after", "range", "status", "level", "state", "report", "next", "to", "outcome", "mine"]
        )
        posts = st.sampled_from(
            ["/alerts/202611-a2/act", "/incidents/202611-inc0001/act", "/users", "/account", "/login"]
        )
        fields = st.dictionaries(
            st.sampled_from(["kind", "action_id", "expected_revision", "verdict", "reason", "owner", "text", "what", "name", "label"]),
            st.one_of(text, st.sampled_from(["close", "note", "assign", "approve", "roles", "token", "1", "x" * 12])),
        )  # fmt: skip
        cases: list[tuple[str, str, dict[str, str]]] = []

        @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(paths, st.dictionaries(names, text, max_size=3), posts, fields)
        def collect(path, query, post, form):
            cases.append((path, post, {**{f"?{k}": v for k, v in query.items()}, **form}))

        await loop.run_in_executor(None, collect)
        for path, post, values in cases:
            query = {k[1:]: v.encode("utf-8", "replace").decode() for k, v in values.items() if k.startswith("?")}
            form = {k: v.encode("utf-8", "replace").decode() for k, v in values.items() if not k.startswith("?")}
            if form.get("what") == "password":
                continue
            answer = await world.client.get(path, params=query, cookies=admin.cookies, allow_redirects=False)
            assert answer.status < 500, (path, query)
            answer = await admin.post(post, form)
            assert answer.status < 500, (post, form)

    console(body)


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
        ("application/x-www-form-urlencoded; charset=nonsense", b"kind=close&reason=\xff\xfe"),
        ("application/json", b"[1,2"),
        ("application/json", b"[" * 5000),
        ("text/plain", b"\x00\xff"),
        ("application/x-www-form-urlencoded", b"a=1&" * 500),
        ("application/x-www-form-urlencoded", b"a" * 300_000),
    ],
)
def test_a_body_that_is_no_form_is_refused(console, sign_in, content_type, data):
    async def body(world):
        browser = sign_in(world, "lan.nt")
        headers = {"Content-Type": content_type, "X-CSRF-Token": browser.csrf}
        answer = await world.client.post(
            "/alerts/202611-a2/act", data=data, headers=headers, cookies=browser.cookies, allow_redirects=False
        )
        assert answer.status in {400, 413, 422}
        assert not world.desk.actions

    console(body)


def test_the_stream_tells_new_and_changed_alerts(console, sign_in, story):
    async def body(world):
        browser = sign_in(world, "minh")
        answer = await browser.get("/alerts/stream")
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        changed = story.alert_of(story.STEPS[0]._replace(id="202611-live"))
        await asyncio.sleep(0.1)
        await world.store.write([alert_document(changed)])
        async with asyncio.timeout(8):
            while True:
                line = (await answer.content.readline()).decode()
                if line.startswith("data:"):
                    break
        told = json.loads(line[5:])
        assert (told["kind"], told["id"], told["alert"]["title"]) == ("alert", "202611-live", changed.title)
        answer.close()

    import time

    console(body, clock=lambda: time.time_ns() // 1000)


def test_streams_are_bounded(console, sign_in):
    from soc.console.context import CONSOLE
    from soc.console.stream import MAX_CLIENTS

    async def body(world):
        world.app[CONSOLE].stream.clients = MAX_CLIENTS
        answer = await sign_in(world, "minh").get("/alerts/stream")
        assert answer.status == 503

    console(body)


def test_the_next_page_goes_on_where_the_first_ended(console, sign_in, story):
    async def body(world):
        await world.store.write(
            [Document("event", f"p{n:03}", 1, story.NOW + n, {"event.original": f"line {n}"}) for n in range(150)]
        )
        browser = sign_in(world, "minh")
        first = await (await browser.get("/search.json?q=line")).json()
        second = await (await browser.get(f"/search.json?q=line&after={first['next']}")).json()
        seen = [event["id"] for event in first["events"] + second["events"]]
        assert seen == [f"p{n:03}" for n in reversed(range(150))]
        assert second["next"] == ""

    console(body)


def test_times_are_shown_in_the_zone_with_utc_beside(console, sign_in):
    async def body(world):
        html = await sign_in(world, "minh").text("/alerts/202611-a4")
        assert (
            '<time datetime="2026-11-22T02:15:00.000Z" title="2026-11-22T02:15:00.000Z UTC">22/11/2026 09:15:00</time>'
            in html
        )
        assert "UTC+07:00" in html

    console(body)


def test_acknowledging_waits_until_the_store_shows_it(console, sign_in, story):
    async def body(world):
        import msgspec

        document = alert_document(
            msgspec.structs.replace(story.alert_of(story.STEPS[1]), version=4, revision=1, status="acknowledged")
        )

        def answer(action):
            asyncio.get_running_loop().call_later(
                0.3, lambda: writes.append(asyncio.ensure_future(world.store.write([document])))
            )
            return Answer(action.id, "accepted", "", action.target, action.target_id, 1)

        writes: list[object] = []
        world.desk.answer = answer
        browser = sign_in(world, "lan.nt")
        await browser.act("/alerts/202611-a2/act", "acknowledge")
        twin = await (await browser.get("/alerts/202611-a2.json")).json()
        assert twin["alert"]["status"] == "acknowledged"

    import time

    console(body, clock=lambda: time.time_ns() // 1000)


def test_a_link_to_a_value_finds_that_value_whatever_is_in_it():
    from soc.console.pages import field_query
    from soc.store.query import matches, parse

    for value in ("a b", 'say "x"', "CORP\\user", "\\\\host\\", "*?()", "OR"):
        assert matches(parse(field_query("f", value)), {"f": value}), value
