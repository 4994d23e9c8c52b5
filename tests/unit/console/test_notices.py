"""The page of messages to people: what was told to whom, what nobody acknowledged, who is on duty."""

from datetime import datetime

import msgspec

from soc.clock import MINUTE, to_micros
from soc.model import Notice
from soc.notify.readiness import Gap
from soc.notify.roster_file import parse
from soc.store.documents import incident_document, notice_document

NOON = to_micros(datetime.fromisoformat("2026-11-23T12:00:00+07:00"))
ROSTER = parse("""
people:
  lan: {name: Nguyễn Thị Lan, channels: [{smtp: lan@soc.example}]}
  minh: {name: Trần Văn Minh, channels: [{command: "+84900000002"}]}
shifts:
  - {team: analysts, people: lan, from: "07:30", to: "19:30"}
  - {team: analysts, people: minh, from: "19:30", to: "06:30"}
escalations:
  default: [{call: analysts, minutes: 15}]
""")


def notice(number: int, **changes: object) -> Notice:
    made = Notice(
        f"n{number}", 3, NOON - 20 * MINUTE, "incident", "incident/202611-unanswered", number, "lan", "smtp",
        "[SOC] Nghiêm trọng: INC-2026-000777 <b>", "Mức độ: Nghiêm trọng\n", "sent", 1, 0, NOON - 19 * MINUTE,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


async def fill(world, story) -> None:
    waiting = msgspec.structs.replace(
        story.incident(), id="202611-unanswered", number="INC-2026-000777", status="new", acknowledged_at=None
    )
    taken = msgspec.structs.replace(story.incident(), id="202611-taken", status="in_progress")
    notices = [
        notice(0),
        notice(1, person="minh", channel="command", made=NOON - 5 * MINUTE, sent_at=NOON - 5 * MINUTE),
        notice(2, about="incident/202611-taken"),
        notice(3, state="failed", detail="the server refuses the recipient: 550", sent_at=None),
        notice(4, reason="break_glass", about="audit/console/7", person="gone"),
    ]
    await world.store.write([incident_document(one) for one in (waiting, taken)])
    await world.store.write([notice_document(one) for one in notices])


def test_what_nobody_acknowledged_is_on_top_with_whom_it_was_told_and_since_when(console, sign_in, story):
    async def body(world):
        await fill(world, story)
        found = await (await sign_in(world, "lan.nt").get("/notices.json")).json()
        (waiting,) = found["unanswered"]
        assert waiting["number"] == "INC-2026-000777"
        assert waiting["people"] == ["Nguyễn Thị Lan", "Trần Văn Minh"]
        assert waiting["since"] == NOON - 19 * MINUTE
        assert dict(found["states"])["failed"] == 1
        assert {one["name"] for one in found["notices"]} == {"Nguyễn Thị Lan", "Trần Văn Minh", "gone"}

    console(body, roster=lambda: ROSTER)


def test_who_is_on_duty_now_and_next_is_said_and_a_hole_is_marked(console, sign_in, story):
    async def body(world):
        found = await (await sign_in(world, "lan.nt").get("/notices.json")).json()
        (row,) = found["duty"]
        assert row["now"] == ["Nguyễn Thị Lan"]
        assert row["next"] == ["Trần Văn Minh"]
        assert row["until"] == to_micros(datetime.fromisoformat("2026-11-23T19:30:00+07:00"))
        text = await sign_in(world, "lan.nt").text("/notices")
        assert "Khoảng thời gian không có ai trực" in text

    gap = Gap("nobody_on_duty", "default", "2026-11-24 06:30 to 2026-11-24 07:30")
    console(body, roster=lambda: ROSTER, gaps=lambda *_: [gap], clock=lambda: NOON)


def test_messages_are_found_by_query_and_state_and_are_shown_as_text(console, sign_in, story):
    async def body(world):
        await fill(world, story)
        browser = sign_in(world, "lan.nt")
        failed = await (await browser.get("/notices.json?state=failed")).json()
        assert [one["id"] for one in failed["notices"]] == ["n3"]
        asked = await (await browser.get("/notices.json?q=notice.person:minh")).json()
        assert [one["id"] for one in asked["notices"]] == ["n1"]
        assert (await browser.get("/notices.json?q=(")).status == 400
        text = await browser.text("/notices")
        assert "INC-2026-000777 &lt;b&gt;" in text
        assert "the server refuses the recipient: 550" in text

    console(body, roster=lambda: ROSTER)


def test_without_a_roster_the_page_says_that_nobody_is_told(console, sign_in):
    async def body(world):
        assert "soc notify roster import" in await sign_in(world, "lan.nt").text("/notices")

    console(body)
