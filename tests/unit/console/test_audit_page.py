"""The auditor's page: filtered by person, act, object and chain; taken away; verified."""

import json

import msgspec

from soc.audit.chain import Entry, Head, append
from soc.store.documents import audit_document

ACTS = (
    ("lan.nt", "sign_in", "user/lan.nt", ""),
    ("lan.nt", "unmask", "alert/202611-a1", "asked by the police"),
    ("hoa.pv", "unmask", "incident/202611-inc0001", "report"),
    ("quan", "account_roles", "user/tam", "lead"),
)


class Found(msgspec.Struct):
    """One chain as verifying found it."""

    chain: str
    lines: int
    fault: str = ""
    declared: str = ""


async def _fill(world, story):
    head, documents = Head("console/0"), []
    for number, (actor, act, thing, detail) in enumerate(ACTS):
        line, head = append(head, Entry(story.T0 + number, actor, act, thing, detail))
        documents.append(audit_document(line))
    await world.store.write(documents)


def test_lines_are_filtered_by_person_act_object_and_chain(console, sign_in, story):
    async def body(world):
        await _fill(world, story)
        kiem = sign_in(world, "kiem")

        async def acts(query: str) -> list[tuple[str, str]]:
            found = await (await kiem.get(f"/audit.json?{query}")).json()
            return [(entry["actor"], entry["act"]) for entry in found["entries"]]

        assert await acts("act=unmask") == [("hoa.pv", "unmask"), ("lan.nt", "unmask")]
        assert await acts("act=unmask&actor=lan.nt") == [("lan.nt", "unmask")]
        assert await acts("object=incident/") == [("hoa.pv", "unmask")]
        assert await acts("chain=triage") == [("lan.nt", "close")]
        page = await kiem.text("/audit?act=unmask")
        assert 'value="unmask" selected' in page

    console(body)


def test_an_export_is_what_the_filters_chose_and_is_recorded_before_it_leaves(console, sign_in, story):
    async def body(world):
        await _fill(world, story)
        answer = await sign_in(world, "kiem").get("/audit/export?act=unmask&q=police")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.ndjson"'
        rows = [json.loads(line) for line in (await answer.text()).splitlines()]
        assert [row["object"] for row in rows] == ["alert/202611-a1"]
        (entry,) = world.desk.recorded
        assert (entry.actor, entry.act, entry.detail) == ("kiem", "export", "act=unmask q=police")

    console(body)


def test_verifying_is_recorded_and_a_fault_is_told_to_people(console, sign_in, story):
    async def verify():
        return [
            Found("console/0", 4),
            Found("notify", 7, fault="line 3: edited"),
            Found("triage", 9, declared="restored"),
        ]

    async def body(world):
        html = await (await sign_in(world, "kiem").post("/audit/verify", {})).text()
        for said in ("line 3: edited", "restored", "console/0"):
            assert said in html
        assert [(entry.act, entry.object) for entry in world.desk.recorded] == [
            ("verify_audit", "audit"),
            ("audit_fault", "chain/notify"),
        ]

    console(body, verify=verify)


def test_the_page_says_where_the_heads_went_or_that_they_go_nowhere(console, sign_in, story):
    async def nowhere(world):
        assert "chip-warn" in await sign_in(world, "kiem").text("/audit")

    async def sent(world):
        html = await sign_in(world, "kiem").text("/audit")
        assert "/mnt/audit" in html
        assert "it answered 503" in html

    console(nowhere)
    targets = {"directory /mnt/audit": "", "url https://log2.example": "it answered 503"}
    console(sent, heads=lambda: {"at": story.T0, "tried": story.T0, "targets": targets})
