"""Signing in: what is in the audit of it, and the sealed account that opens once."""

import pytest

from soc.audit.chain import Entry
from soc.console.auth import AccountError, Users
from soc.errors import UnavailableError

REASON = "the directory is down, portal under attack"


async def _sign_in(world, name, password, **fields):
    page = await world.client.get("/login")
    csrf = (await page.text()).split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": csrf, "name": name, "password": password, "next": "/alerts", **fields}
    return await world.client.post("/login", data=form, allow_redirects=False)


def acts(world):
    return [(entry.act, entry.actor) for entry in world.desk.recorded]


def test_a_sign_in_a_failed_one_and_a_sign_out_are_in_the_audit(console, story):
    async def body(world):
        assert (await _sign_in(world, "lan.nt", "wrong")).status == 401
        assert (await _sign_in(world, "my secret password", "x")).status == 401
        assert (await _sign_in(world, "lan.nt", story.PASSWORD)).status == 303
        page = await (await world.client.get("/account")).text()
        csrf = page.split('name="csrf" value="')[1].split('"')[0]
        await world.client.post("/logout", data={"csrf": csrf})
        assert acts(world) == [
            ("sign_in_failed", "lan.nt"),
            ("sign_in_failed", "unknown"),
            ("sign_in", "lan.nt"),
            ("sign_out", "lan.nt"),
        ]
        assert "my secret password" not in str(world.desk.recorded), "somebody typed it into the wrong box"

    console(body)


def test_a_throttled_sign_in_is_told_once_for_each_wait(console):
    async def body(world):
        for _ in range(5):
            await _sign_in(world, "lan.nt", "wrong")
        for _ in range(4):
            assert (await _sign_in(world, "lan.nt", "wrong")).status == 429
        assert [act for act, _ in acts(world)] == ["sign_in_failed"] * 5 + ["sign_in_throttled"]

    console(body)


def test_a_sealed_account_opens_once_with_a_reason_and_shows_it_on_every_page(console, sign_in):
    async def body(world):
        password = world.users.add("khan-cap", ["lead", "approver"], kind="break_glass")
        assert (await _sign_in(world, "khan-cap", password)).status == 422, "no reason"
        assert acts(world) == []
        answer = await _sign_in(world, "khan-cap", password, reason=REASON)
        assert answer.status == 303
        (entry,) = world.desk.recorded
        assert (entry.act, entry.actor, entry.object) == ("break_glass", "khan-cap", "user/khan-cap")
        assert entry.detail.startswith(REASON)
        page = await (await world.client.get("/alerts")).text()
        assert 'role="alert"' in page
        assert REASON in page
        assert (await _sign_in(world, "khan-cap", password, reason=REASON)).status == 401, "spent"
        administrator = sign_in(world, "quan")
        sealed = await (await administrator.post("/users", {"what": "reset", "name": "khan-cap"})).text()
        fresh = sealed.split('class="secret">')[1].split("<")[0]
        assert (await _sign_in(world, "khan-cap", fresh, reason=REASON)).status == 303

    console(body)


def test_an_emergency_session_is_short(console, story):
    now = [story.NOW]

    async def body(world):
        password = world.users.add("khan-cap", ["lead"], kind="break_glass")
        await _sign_in(world, "khan-cap", password, reason=REASON)
        assert (await world.client.get("/alerts", allow_redirects=False)).status == 200
        now[0] += 61 * 60 * 1_000_000
        assert (await world.client.get("/alerts", allow_redirects=False)).status == 303

    console(body, clock=lambda: now[0])


def test_an_emergency_sign_in_that_cannot_be_recorded_anywhere_opens_nothing_and_spends_nothing(console):
    async def away(entry: Entry) -> None:
        raise UnavailableError("away")

    async def body(world):
        password = world.users.add("khan-cap", ["lead"], kind="break_glass")
        assert (await _sign_in(world, "khan-cap", password, reason=REASON)).status == 503
        assert world.users.all()["khan-cap"].spent is None

    console(body, record=away)


def test_of_two_who_use_a_sealed_password_at_once_one_gets_in(tmp_path):
    users = Users(tmp_path)
    users.bootstrap()
    users.add("khan-cap", ["lead"], kind="break_glass")
    assert [users.spend("khan-cap", 5), Users(tmp_path).spend("khan-cap", 6)] == [True, False]
    assert users.all()["khan-cap"].spent == 5


def test_a_sealed_account_has_no_tokens_and_no_password_of_its_own(tmp_path):
    users = Users(tmp_path)
    users.bootstrap()
    users.add("khan-cap", ["lead"], kind="break_glass")
    for change in (lambda: users.add_token("khan-cap", "t"), lambda: users.set_password("khan-cap", "x" * 20)):
        with pytest.raises(AccountError):
            change()


def test_a_new_password_from_wherever_signs_a_person_out_everywhere(console, story):
    async def body(world):
        await _sign_in(world, "lan.nt", story.PASSWORD)
        assert (await world.client.get("/alerts", allow_redirects=False)).status == 200
        Users(world.users._path.parent).reset_password("lan.nt")  # as the command line does
        assert (await world.client.get("/alerts", allow_redirects=False)).status == 303

    console(body)


@pytest.mark.parametrize(
    ("roles", "organizations", "reason"),
    [
        (["administrator", "approver"], [], "users.error.split"),
        (["administrator", "analyst"], [], "users.error.split"),
        (["administrator", "auditor"], [], "users.error.split"),
        (["auditor"], ["so-y-te"], "users.error.whole"),
        (["analyst"], ["../etc"], "users.error.organization"),
    ],
)
def test_roles_and_organizations_that_do_not_go_together_are_refused(tmp_path, roles, organizations, reason):
    users = Users(tmp_path)
    users.bootstrap()
    with pytest.raises(AccountError) as refused:
        users.add("lan", roles, organizations)
    assert refused.value.reason == reason


def test_every_change_of_an_account_is_in_the_audit_before_it_is_made_and_a_refused_one_too(console, sign_in):
    async def body(world):
        quan = sign_in(world, "quan")
        await quan.post(
            "/users", {"what": "add", "name": "tam", "roles": "analyst", "organizations": "so-y-te so-xay-dung"}
        )
        assert world.users.all()["tam"].organizations == ("so-y-te", "so-xay-dung")
        await quan.post("/users", {"what": "roles", "name": "tam", "roles": "lead"})
        await quan.post("/users", {"what": "scope", "name": "tam", "organizations": ""})
        await quan.post("/users", {"what": "disable", "name": "tam"})
        await quan.post("/users", {"what": "add", "name": "quan", "roles": "viewer"})
        said = [(entry.act, entry.object, entry.detail) for entry in world.desk.recorded]
        assert said == [
            ("account_add", "user/tam", "person: analyst; so-y-te, so-xay-dung"),
            ("account_roles", "user/tam", "lead"),
            ("account_scope", "user/tam", "everything"),
            ("account_disable", "user/tam", ""),
            ("account_add", "user/quan", "person: viewer; everything"),
            ("account_add_refused", "user/quan", "users.error.taken"),
        ]

    console(body)
