"""Every act and every page × every role × every scope, over HTTP, generated from the code's own tables: nothing new can be forgotten."""

import re
from typing import Any

import msgspec
import pytest

from soc.console.access import ROUTES, access_of
from soc.model import SystemHit
from soc.store.documents import alert_document, event_document, incident_document
from soc.triage.roles import ALLOWED, ROLES, WHOLE, may

SCOPES = ("whole", "limited")
MINE, OTHERS = "so-y-te", "so-tai-chinh"

ON_ALERT: frozenset[str] = frozenset({"detach"})
ELSEWHERE: dict[str, tuple[str, dict[str, str]]] = {
    "retry": ("/deadletters/retry", {"all": "1"}),
    "view": ("GET /alerts", {}),
    "read_audit": ("GET /audit", {}),
    "administer": ("GET /users", {}),
    "unmask": ("/unmask", {"kind": "alert", "id": "202611-in0001", "reason": "asked by the ministry"}),
}
"""Acts that are a page or a form of their own; those of other pages are tried by their routes (``ROUTES``)."""
FORMS = ("alerts", "incidents")
"""Where any other act is a form: what neither offers is nobody's act over HTTP, whatever his role."""


class _Clock:
    """Goes on by a second with each look, so that the stream looks again."""

    def __init__(self, start: int) -> None:
        self.now = start

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


class Register:
    """Two offices, one system each."""

    def under(self, unit: str) -> frozenset[str]:
        return frozenset({unit})

    def find(self, entities: Any) -> tuple[SystemHit, ...]:
        owners = {"192.0.2.10": MINE, "192.0.2.20": OTHERS}
        return tuple(SystemHit("s", "S", unit=owners[value]) for _, value in entities if value in owners)


async def _fill(world: Any, story: Any) -> None:
    """Documents of the first office, of the second, and the story's, which belong to nobody."""
    alert, incident = story.alert_of(story.STEPS[3]), story.incident()
    made = []
    for name, unit in (("in", MINE), ("out", OTHERS)):
        changes = {"id": f"202611-{name}0001", "units": (unit,)}
        made.append(alert_document(msgspec.structs.replace(alert, **changes, incident_id="")))
        made.append(incident_document(msgspec.structs.replace(incident, **changes, number=f"INC-2026-{name}")))
    for number, address in ((1, "192.0.2.10"), (2, "192.0.2.20")):
        event = story.Event(
            f"own/{number}", "src", story.T0, story.T0, story.T0, {"source.ip": address, "what": "seen"}
        )
        made.append(event_document(event))
    await world.store.write(made)


def _people(world: Any) -> None:
    """One account a role and scope, also those that the page would not make."""
    users = dict(world.users.all())
    for role in ROLES:
        for scope in SCOPES:
            units = (MINE,) if scope == "limited" else ()
            made = msgspec.structs.replace(users["minh"], name=f"{role}.{scope}", roles=(role,), organizations=units)
            users[made.name] = made
    world.users._save(users)


@pytest.fixture
def offices(console, story):
    """Run a test's body in a console with two offices and every kind of account."""

    def run(body: Any) -> None:
        async def filled(world: Any) -> None:
            await _fill(world, story)
            _people(world)
            await body(world)

        console(filled, register=Register, retry=_retried, clock=_Clock(story.NOW))

    return run


async def _retried(chosen: Any, actor: str) -> dict[str, int]:
    del chosen, actor
    return {"asked": 0, "under_way": 0, "left": 0}


def _routes(app: Any) -> set[str]:
    found = set()
    for route in app.router.routes():
        path = route.resource.canonical
        if route.method != "HEAD" and not path.startswith("/static"):
            found.add(f"{route.method} {re.sub(r'[.]json$', '', path)}")
    return found


def test_every_route_is_in_the_table_and_every_row_is_a_route(console):
    async def body(world):
        assert _routes(world.app) == set(ROUTES)

    console(body)


def test_a_route_that_nobody_placed_is_for_people_who_see_everything_only():
    assert access_of("GET", "/brand-new").whole
    assert access_of("GET", "/brand-new").act == "view"
    assert access_of("HEAD", "/alerts/{id}.json") == ROUTES["GET /alerts/{id}"]


def test_every_page_opens_for_those_the_table_names_and_for_nobody_else(offices, sign_in):
    async def body(world):
        wrong = []
        for name in _routes(world.app):
            method, path = name.split(" ")
            if method != "GET":
                continue
            access = ROUTES[name]
            address = path.replace("{id}", "202611-in0001")
            for role in ROLES:
                for scope in SCOPES:
                    visitor = sign_in(world, f"{role}.{scope}")
                    act_whole = access.act in WHOLE and scope == "limited"
                    allowed = access.public or (
                        (not access.act or (may(role, access.act) and not act_whole))
                        and not (access.whole and scope == "limited")
                    )
                    if name == "GET /audit/export":
                        allowed = allowed and may(role, "export")
                    answer = await visitor.get(address)
                    if (answer.status == 403) == allowed or answer.status in (401, 500):
                        wrong.append((name, role, scope, answer.status))
                    answer.close()
        assert not wrong

    offices(body)


def test_nobody_who_is_not_signed_in_gets_any_page_but_the_public_ones(offices):
    async def body(world):
        for name in _routes(world.app):
            method, path = name.split(" ")
            address = path.replace("{id}", "202611-in0001") + "?x=1"
            answer = await world.client.request(
                method,
                address,
                allow_redirects=False,
                headers={"Authorization": "Bearer no", "Accept": "application/json"},
            )
            assert ROUTES[name].public or answer.status == 401, name

    offices(body)


def test_every_form_is_taken_from_those_the_table_names_and_from_nobody_else(offices, sign_in):
    async def body(world):
        wrong = []
        for name in sorted(_routes(world.app)):
            method, path = name.split(" ")
            access = ROUTES[name]
            if method != "POST" or access.public or path == "/logout":
                continue
            for role in ROLES:
                for scope in SCOPES:
                    limited = scope == "limited"
                    allowed = not (limited and (access.whole or access.act in WHOLE))
                    allowed = allowed and (not access.act or may(role, access.act))
                    visitor = sign_in(world, f"{role}.{scope}")
                    answer = await visitor.post(path.replace("{id}", "202611-in0001"), {"reason": "a good reason"})
                    if (answer.status == 403) == allowed or answer.status in (401, 500):
                        wrong.append((name, role, scope, answer.status))
        assert not wrong

    offices(body)


@pytest.mark.parametrize("act", sorted(ALLOWED))
def test_every_act_is_taken_from_the_roles_of_the_table_within_their_scope_only(offices, sign_in, act):
    async def body(world):
        for form in (None,) if act in ELSEWHERE else FORMS:
            tried = {}
            for role in ROLES:
                for scope in SCOPES:
                    visitor = sign_in(world, f"{role}.{scope}")
                    for place in ("in", "out"):
                        before = len(world.desk.actions)
                        status = await _do(visitor, act, form, place)
                        tried[role, scope, place] = status, world.desk.actions[before:]
            if form and {status for status, _ in tried.values()} == {400}:
                assert not any(done for _, done in tried.values())  # this form does not offer it: to nobody
            else:
                assert [key for key, (status, done) in tried.items() if not _is_right(act, key, status, done)] == []

    offices(body)


def _is_right(act: str, where: tuple[str, str, str], status: int, done: list[Any]) -> bool:
    """Whether an attempt ended as the tables say."""
    role, scope, place = where
    limited = scope == "limited"
    if not may(role, act) or (limited and act in WHOLE):
        return status == 403 and not done
    if limited and place == "out" and act not in ELSEWHERE:
        return status == 404 and not done
    units = (MINE,) if limited else ()
    taken = status not in (400, 401, 403, 404, 405, 500)
    return taken and all(one.units == units and one.role == role for one in done)


async def _do(visitor: Any, act: str, form: str | None, place: str) -> int:
    """The act over HTTP, on what is of the first office or of the second; its status."""
    if form is not None:
        return (await visitor.act(f"/{form}/202611-{place}0001/act", act)).status
    path, fields = ELSEWHERE[act]
    if path.startswith("GET "):
        return (await visitor.get(path.removeprefix("GET "))).status
    return (await visitor.post(path, fields)).status


@pytest.mark.parametrize(
    ("path", "key"),
    [("/alerts.json?status=all", "alerts"), ("/incidents.json?status=all", "incidents"), ("/search.json", "events")],
)
def test_lists_counts_and_searches_show_a_limited_person_his_own_only(offices, sign_in, path, key):
    async def body(world):
        limited = await (await sign_in(world, "analyst.limited").get(path)).json()
        whole = await (await sign_in(world, "analyst.whole").get(path)).json()
        assert [one["id"] for one in limited[key]] in (["202611-in0001"], ["own/1"])
        assert limited["total"] == 1 < whole["total"]
        for name in ("statuses", "levels"):
            assert sum(count or 0 for _, count in limited.get(name, ())) <= 2

    offices(body)


def test_what_is_out_of_scope_is_not_there_at_all(offices, sign_in):
    async def body(world):
        limited = sign_in(world, "lead.limited")
        for path in ("/alerts/202611-out0001", "/incidents/202611-out0001", "/events/own/2", "/alerts/202611-a3"):
            assert (await limited.get(path)).status == 404, path
        for path in ("/alerts/202611-in0001", "/incidents/202611-in0001", "/events/own/1"):
            assert (await limited.get(path)).status == 200, path
        assert (await (await limited.get("/reports.json")).json())["total"] == 0

    offices(body)


def test_an_account_that_is_limited_to_a_unit_nobody_knows_sees_nothing_rather_than_everything(offices, sign_in):
    async def body(world):
        world.users.set_organizations("lan.nt", ["gone"])
        found = await (await sign_in(world, "lan.nt").get("/alerts.json?status=all")).json()
        assert (found["alerts"], found["total"]) == ([], 0)

    offices(body)


def test_the_stream_tells_a_limited_person_of_his_own_only_and_masks_for_everybody(offices, sign_in, story):
    async def body(world):
        lines = {}
        for name in ("analyst.limited", "analyst.whole"):
            answer = await sign_in(world, name).get("/alerts/stream")
            assert await answer.content.readline() == b"retry: 3000\n"
            lines[name] = answer
        told = {"analyst.limited": b"", "analyst.whole": b""}
        for name, unit, reader in (("out", OTHERS, "analyst.whole"), ("in", MINE, "analyst.limited")):
            changes = {"id": f"202611-{name}0001", "units": (unit,), "version": 9}
            entities = (("user.name", "072099001234"),)
            made = msgspec.structs.replace(story.alert_of(story.STEPS[3]), **changes, entities=entities)
            await world.store.write([alert_document(made)])
            told[reader] += await _until_change(lines[reader], changes["id"].encode())
        assert b"202611-out0001" not in told["analyst.limited"]
        assert b"072099001234" not in told["analyst.limited"] + told["analyst.whole"]
        for answer in lines.values():
            answer.close()

    offices(body)


def test_a_stream_ends_when_its_account_is_limited_or_closed(offices, sign_in):
    async def body(world):
        answer = await sign_in(world, "lan.nt").get("/alerts/stream")
        world.users.set_organizations("lan.nt", [MINE])
        assert (await answer.content.read()).startswith(b"retry:")

    offices(body)


async def _until_change(answer: Any, wanted: bytes) -> bytes:
    seen = b""
    for _ in range(200):
        seen += await answer.content.readline()
        if wanted in seen and seen.endswith(b"}\n"):
            return seen
    raise AssertionError(seen)
