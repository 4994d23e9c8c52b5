"""The register changed in the console: all mistakes or all changes are shown, and nothing is taken before somebody says so."""

import io
import re
import zipfile
from typing import Any

from aiohttp import FormData

from soc.assets.entries import Entries, LogSource, System
from soc.assets.register import Register
from soc.console.uploads import GOOD_FOR, KEPT, Uploads

REGISTER = Register(Entries(systems=(System("dvc", "Cổng dịch vụ công", 3), System("mail", "Hộp thư"))))
GOOD = "key,name,level\ndvc,Cổng dịch vụ công,4\nportal,Trang tin,2\n"
BAD = "key,name,level\ndvc,Cổng,9\ndvc,,2\n"


class Published:
    """Stands in for the bus."""

    def __init__(self, *, taken: bool = True) -> None:
        self.taken = taken
        self.said: list[tuple[bytes, str, str, str]] = []

    async def __call__(self, data: bytes, base: str, actor: str, detail: str) -> bool:
        self.said.append((data, base, actor, detail))
        return self.taken


async def upload(browser: Any, *files: tuple[str, str]) -> Any:
    token = re.search(r'name="csrf" value="([^"]+)"', await browser.text("/assets"))
    assert token is not None
    form = FormData()
    form.add_field("csrf", token[1])
    for name, text in files:
        form.add_field("files", text.encode(), filename=name, content_type="text/csv")
    return await browser.client.post("/assets/check", data=form, cookies=browser.cookies, allow_redirects=False)


def test_changes_are_shown_and_taken_when_somebody_says_so(console, sign_in):
    published = Published()

    async def body(world):
        browser = sign_in(world, "quan")
        answer = await upload(browser, ("systems.csv", GOOD))
        text = await answer.text()
        assert answer.status == 200
        for part in ("portal", "mail", "thêm", "xóa", "sửa"):
            assert part in text
        assert published.said == []
        token = re.search(r'name="token" value="([^"]+)"', text)
        assert token is not None
        answer = await browser.post("/assets/publish", {"token": token[1]})
        assert answer.status == 303
        assert "đã được công bố" in await browser.text(answer.headers["Location"])
        ((data, base, actor, detail),) = published.said
        assert [one.key for one in Register.decode(data).entries.systems] == ["dvc", "portal"]
        assert (base, actor, "systems.csv" in detail) == ("h1", "quan", True)
        again = await browser.post("/assets/publish", {"token": token[1]})
        assert again.status == 400
        assert len(published.said) == 1

    console(body, register=lambda: REGISTER, publish_register=published, register_hash=lambda: "h1")


def test_every_mistake_is_shown_with_row_and_column_and_nothing_can_be_taken(console, sign_in):
    async def body(world):
        browser = sign_in(world, "quan")
        answer = await upload(browser, ("systems.csv", BAD), ("x.xlsx", "PK"))
        text = await answer.text()
        assert answer.status == 400
        assert 'name="token"' not in text
        twin = await browser.post("/assets/check", {"name": "systems.csv", "text": BAD})
        assert twin.status == 400
        for part in ("C &#34;level&#34;", "systems.csv", "x.xlsx", "CSV UTF-8"):
            assert part in text

    console(body, register=lambda: REGISTER)


def test_a_register_published_meanwhile_is_not_overwritten(console, sign_in):
    published = Published(taken=False)

    async def body(world):
        browser = sign_in(world, "quan")
        text = await (await upload(browser, ("systems.csv", GOOD))).text()
        token = re.search(r'name="token" value="([^"]+)"', text)
        assert token is not None
        answer = await browser.post("/assets/publish", {"token": token[1]})
        assert answer.status == 409
        assert "Người khác vừa công bố" in await answer.text()

    console(body, register=lambda: REGISTER, publish_register=published)


def test_an_upload_without_our_token_or_by_somebody_else_is_refused(console, sign_in):
    async def body(world):
        analyst = sign_in(world, "lan.nt")
        assert 'action="/assets/check"' not in await analyst.text("/assets")
        assert (await analyst.post("/assets/check", {"name": "a.csv", "text": GOOD})).status == 403
        browser = sign_in(world, "quan")
        await browser.text("/assets")
        form = FormData()
        form.add_field("files", b"x", filename="a.csv")
        forged = await browser.client.post("/assets/check", data=form, cookies=browser.cookies)
        assert forged.status == 403
        elsewhere = await browser.client.post("/users", data=form, cookies=browser.cookies)
        assert elsewhere.status == 400

    console(body, register=lambda: REGISTER)


def test_the_register_is_taken_as_files_and_the_audit_says_so(console, sign_in):
    said: list[Any] = []

    async def record(entry: Any) -> None:
        said.append(entry)

    async def body(world):
        browser = sign_in(world, "kiem")
        answer = await browser.get("/assets/export?format=csv")
        names = zipfile.ZipFile(io.BytesIO(await answer.read())).namelist()
        assert "systems.csv" in names
        assert "key: dvc" in await (await browser.get("/assets/export")).text()
        assert [(one.act, one.object) for one in said if one.act == "export"] == [
            ("export", "register/csv"), ("export", "register/yaml"),
        ]  # fmt: skip
        assert (await sign_in(world, "lan.nt").get("/assets/export")).status == 403

    console(body, register=lambda: REGISTER, record=record)


def test_a_log_source_of_a_system_says_when_it_was_last_heard(console, sign_in):
    sources = (LogSource("dvc", "192.0.2.250", "firewall", 300), LogSource("dvc", "never.example", "web"))
    register = Register(Entries(systems=REGISTER.entries.systems, log_sources=sources))

    async def body(world):
        browser = sign_in(world, "lan.nt")
        found = (await (await browser.get("/assets/dvc.json")).json())["log_sources"]
        assert [(one["last"], one["late"]) for one in found] == [(0, False), (0, False)]
        assert "không có trong các sự kiện" in await browser.text("/assets/dvc")

    console(body, register=lambda: register)


def test_a_preview_is_good_for_its_person_once_and_for_a_while():
    at = [0]
    uploads = Uploads(lambda: at[0])
    first = uploads.keep("a", "", (), Entries(), ())
    assert uploads.take(first.token, "b") is None
    assert uploads.take(first.token, "a") is first
    assert uploads.take(first.token, "a") is None
    made = [uploads.keep("a", "", (), Entries(), ()) for _ in range(KEPT + 1)]
    assert uploads.take(made[0].token, "a") is None
    at[0] = GOOD_FOR + 1
    assert uploads.take(made[-1].token, "a") is None
