"""Accounts, sessions and throttling."""

import stat

import pytest

from soc.clock import HOUR, MINUTE, SECOND
from soc.console.auth import AccountError, Users, hash_password, verify_password
from soc.console.sessions import Sessions, Throttle
from soc.triage.roles import ROLES


class Clock:
    def __init__(self) -> None:
        self.time = 10**15

    def __call__(self) -> int:
        return self.time


def test_the_first_account_is_made_once_with_every_role_and_a_private_file(tmp_path):
    users = Users(tmp_path)
    password = users.bootstrap()
    assert password is not None
    assert len(password) >= 20
    assert users.bootstrap() is None
    assert users.get("admin").roles == ROLES
    assert users.check("admin", password) is not None
    assert users.check("admin", password + "x") is None
    file = tmp_path / "users.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert password not in file.read_text()


def test_another_process_sees_a_change_at_once(tmp_path):
    mine, other = Users(tmp_path), Users(tmp_path)
    mine.bootstrap()
    assert other.get("admin") is not None
    mine.add("lan", ["analyst"])
    assert other.get("lan").roles == ("analyst",)


def test_a_disabled_account_cannot_sign_in_and_the_last_administrator_stays(tmp_path):
    users = Users(tmp_path)
    users.bootstrap()
    password = users.add("lan", ["analyst"])
    token = users.add_token("lan", "t")
    assert users.by_token(token).name == "lan"
    users.set_disabled("lan", disabled=True)
    assert users.check("lan", password) is None
    assert users.by_token(token) is None
    for change in (lambda: users.set_disabled("admin", disabled=True), lambda: users.set_roles("admin", ["viewer"])):
        with pytest.raises(AccountError):
            change()


@pytest.mark.parametrize("name", ["", "A B", "../x", "x" * 65, "đức", "-x"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(AccountError):
        Users(tmp_path).add(name, [])


def test_hashes_are_salted_and_damaged_ones_never_fit():
    first, second = hash_password("same"), hash_password("same")
    assert first != second
    assert verify_password("same", first)
    assert not verify_password("other", first)
    for damaged in ("", "scrypt$1$2", "scrypt$3$8$1$AAAA$AAAA", "md5$16384$8$5$AAAA$AAAA"):
        assert not verify_password("same", damaged)


def test_a_session_ends_by_time_by_sign_out_and_with_its_user_and_survives_a_restart(tmp_path):
    clock = Clock()
    sessions = Sessions(tmp_path, clock, 12)
    first, second = sessions.open("lan"), sessions.open("lan")
    assert first not in (tmp_path / "sessions.json").read_text()
    assert Sessions(tmp_path, clock, 12).get(first).user == "lan"
    sessions.close(first)
    assert sessions.get(first) is None
    assert sessions.get(second) is not None
    clock.time += 12 * HOUR
    assert sessions.get(second) is None
    third = sessions.open("lan")
    sessions.close_all("lan")
    assert sessions.get(third) is None


def test_wrong_passwords_cost_more_and_more_time():
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(4):
        throttle.failed("name:x")
    assert throttle.wait("name:x") == 0
    throttle.failed("name:x")
    assert throttle.wait("name:x", "from:y") == SECOND
    for _ in range(40):
        throttle.failed("name:x")
    assert throttle.wait("name:x") == 15 * MINUTE
    assert throttle.wait("name:other") == 0
    throttle.succeeded("name:x")
    assert throttle.wait("name:x") == 0


def test_signing_in_gives_a_strict_cookie_and_only_local_next_pages(console, story):
    async def body(world):
        import re

        for target, expected in (("/incidents?x=1", "/incidents?x=1"), ("//evil.example", "/alerts"), ("https://evil.example", "/alerts"), ("/\\evil", "/alerts")):  # fmt: skip
            world.client.session.cookie_jar.clear()
            html = await (await world.client.get("/login", params={"next": target})).text()
            csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', html)[1]
            form = {"csrf": csrf, "name": "Lan.NT", "password": story.PASSWORD, "next": target}
            answer = await world.client.post("/login", data=form, allow_redirects=False)
            assert answer.status == 303
            assert answer.headers["Location"] == expected
            cookie = answer.headers.getall("Set-Cookie")[0]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie

    console(body)


def test_a_wrong_password_says_no_more_than_that_and_is_throttled(console):
    async def body(world):
        import re

        html = await (await world.client.get("/login")).text()
        csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', html)[1]
        statuses = []
        for name in ("lan.nt", "nobody", "lan.nt", "lan.nt", "lan.nt", "lan.nt"):
            answer = await world.client.post("/login", data={"csrf": csrf, "name": name, "password": "wrong"})
            statuses.append(answer.status)
            assert "soc_session" not in str(answer.headers)
        assert statuses == [401, 401, 401, 401, 401, 429]

    console(body)


def test_without_a_session_pages_lead_to_sign_in_and_json_says_401(console):
    async def body(world):
        answer = await world.client.get("/alerts?q=x", allow_redirects=False)
        assert answer.headers["Location"] == "/login?next=/alerts?q%3Dx"
        for path in ("/alerts.json", "/alerts/stream", "/incidents/202611-inc0001.json"):
            assert (await world.client.get(path, allow_redirects=False)).status == 401
        assert (await world.client.get("/healthz")).status == 200

    console(body)


def test_only_the_administrator_sees_and_changes_accounts(console, sign_in):
    async def body(world):
        for name in ("lan.nt", "hoa.pv", "minh", "kiem", "viet"):
            browser = sign_in(world, name)
            assert (await browser.get("/users")).status == 403
            assert (
                await browser.post("/users", {"what": "add", "name": "evil", "roles": "administrator"})
            ).status == 403
        admin = sign_in(world, "quan")
        html = await (await admin.post("/users", {"what": "add", "name": "moi", "roles": "analyst"})).text()
        assert "chỉ hiện một lần" in html
        assert world.users.get("moi").roles == ("analyst",)
        session = sign_in(world, "moi")
        await admin.post("/users", {"what": "disable", "name": "moi"})
        assert (await session.get("/alerts")).status == 303

    console(body)


def test_the_audit_trail_is_for_auditors(console, sign_in):
    async def body(world):
        assert (await sign_in(world, "kiem").get("/audit")).status == 200
        assert (await sign_in(world, "quan").get("/audit")).status == 403

    console(body)


def test_changing_the_password_needs_the_old_one_and_ends_other_sessions(console, sign_in, story):
    async def body(world):
        other, browser = sign_in(world, "lan.nt"), sign_in(world, "lan.nt")
        new = {"what": "password", "new": "another long password", "again": "another long password"}
        assert (await browser.post("/account", {**new, "old": "wrong"})).status == 422
        assert (await browser.post("/account", {**new, "old": story.PASSWORD, "again": "x"})).status == 422
        assert (
            await browser.post("/account", {**new, "old": story.PASSWORD, "new": "short", "again": "short"})
        ).status == 422
        assert (await browser.post("/account", {**new, "old": story.PASSWORD})).status == 303
        assert (await other.get("/alerts")).status == 303
        assert world.users.check("lan.nt", "another long password") is not None

    console(body)
