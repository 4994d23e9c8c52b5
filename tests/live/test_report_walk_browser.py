"""README's walk by hand: `soc demo` and a real browser, from an acknowledged incident to a dossier that is verified without the product."""

import asyncio
import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
MOST_TYPED = 6
LONG = 240.0
"""Seconds that a loaded machine may take for a step; every wait ends as soon as what it waits for is there."""
ALERTS = 5


def _load(name: str, path: Path) -> ModuleType:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


browser = _load("live_browser", HERE / "browser.py")


@pytest.fixture
def program() -> str:
    """The browser, or a skip that says so (a failure where live tests are required)."""
    found = browser.find()
    if found is None:
        reason = "no Chromium on PATH: the report was not sent through a browser"
        if os.environ.get("SOC_REQUIRE_LIVE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@asynccontextmanager
async def _demo(directory: Path) -> AsyncIterator[tuple[str, str]]:
    """`soc demo` while the block runs: the console's address and the password it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "soc", "demo", "--speed", "8", "--data-dir", str(directory),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    try:
        async with asyncio.timeout(LONG):
            while "Ctrl-C" not in said:
                line = (await process.stderr.readline()).decode()
                assert line, f"the demo ended: {said}"
                said += line
        address = re.search(r"console +(http://\S+)", said)
        password = re.search(r"sign in as +admin / (\S+)", said)
        assert address, said
        assert password, said
        yield address[1], password[1]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


class _Person:
    """Somebody at the page of one incident, who types, presses, and looks at what came of it.

    Attributes:
        typed: fields that were typed or chosen so far.
        sealed: the hash that was agreed to last.
    """

    def __init__(self, page, base: str) -> None:
        self.page, self.base, self.path, self.sealed, self.typed = page, base, "", "", 0

    async def sign_in(self, password: str) -> None:
        await self.page.open(f"{self.base}/login")
        await self._type("form.login", "name", "admin")
        await self._type("form.login", "password", password)
        await self.page.js("document.querySelector('form.login button').click()")
        await self.page.until("location.pathname === '/alerts' && document.readyState === 'complete'", LONG)

    async def find_incident(self) -> None:
        """The story's incident, once it holds all of the story's alerts."""
        ready = (
            "fetch('/incidents.json?status=all').then((it) => it.json()).then((it) =>"
            f" it.incidents.length === 1 && it.incidents[0].alerts === {ALERTS})"
        )
        async with asyncio.timeout(LONG):
            while not await self._is(ready):  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.2)
        await self.page.open(f"{self.base}/incidents")
        await self.page.js("document.querySelector('table a[href^=\"/incidents/\"]').click()")
        await self.page.until("location.pathname.startsWith('/incidents/') && document.readyState === 'complete'", LONG)
        self.path = await self.page.js("location.pathname")

    async def do(self, form: str, then: str, **fields: str) -> None:
        """Fill a form in, press its button, and look until the page says ``then``; if the machine was faster, once more."""
        for _ in range(6):
            for name, text in fields.items():
                await self._type(form, name, text)
            await self.page.js("document.documentElement.id = 'before'")
            await self.page.js(f"document.querySelector({form!r}).querySelector('button[type=submit]').click()")
            gone = "document.documentElement.id !== 'before' && document.readyState === 'complete'"
            await self.page.until(gone, LONG)
            if not await self.page.js("!!document.querySelector('.notice-error')"):
                break
            await self.page.open(
                f"{self.base}{self.path}"
            )  # a conflict: what was typed is typed again, and not counted twice
            self.typed -= len(fields)
        await self.see(then)

    async def see(self, expression: str) -> None:
        """Look until it is so: the page renews itself, and is opened again now and then."""
        async with asyncio.timeout(LONG):
            while True:
                for _ in range(10):
                    if await self._is(expression):
                        return
                    await asyncio.sleep(0.2)
                # Without its fragment: to go where one is already would load nothing.
                await self.page.open(await self.page.js("location.origin + location.pathname + location.search"))

    async def _is(self, expression: str) -> bool:
        """Whether it is so now; what cannot be said while a page changes is not."""
        try:
            return bool(await self.page.js(f"Promise.resolve({expression}).then((it) => !!it)"))
        except RuntimeError:
            return False

    async def text(self, selector: str) -> str:
        return await self.page.js(f"document.querySelector({selector!r})?.innerText ?? ''")

    async def _type(self, form: str, name: str, text: str) -> None:
        """Into a field as keys would: chosen in a list, a box or button set, or typed."""
        kind = await self.page.js(
            f"(() => {{ const all = document.querySelector({form!r}).elements[{name!r}];"
            f" if (all instanceof RadioNodeList) {{ [...all].find((it) => it.value === {text!r}).checked = true; return 'radio'; }}"
            f" all.closest('details')?.setAttribute('open', '');"
            f" if (all.tagName === 'SELECT') {{ all.value = {text!r}; return 'select'; }}"
            " all.focus(); all.select?.(); return 'text'; })()"
        )
        if kind == "text":
            await self.page.call("Input.insertText", text=text)
        self.typed += 1

    async def fill(self, texts: dict[str, str]) -> None:
        """Type what the page names as missing; nothing else is offered."""
        asked = await self.page.js(
            "[...document.querySelectorAll('#missing [name^=\"particulars.\"]')].map((it) => it.name)"
        )
        assert {name.removeprefix("particulars.") for name in asked} == texts.keys()
        fields = {f"particulars.{name}": text for name, text in texts.items()}
        await self.do("#missing form", "!document.querySelector('#missing')", **fields)

    async def approve(self, kind: str) -> str:
        """Agree to what is previewed; the receipt's number, which the panel of the report then shows."""
        previewed = await self.page.js("document.querySelector('form:has(#approve) [name=payload_sha256]').value")
        assert await self.page.js("document.querySelector('form:has(#approve) [name=report_kind]').value") == kind
        await self.do("form:has(#approve)", "document.querySelector('#sent .state-accepted')")
        assert "report=" + kind in await self.page.js("location.search")
        assert (await self.page.js("document.querySelector('#reports .receipt code').innerText")).strip()
        self.sealed = previewed
        return await self.page.js("document.querySelector('#sent code').innerText")


def _of(kind: str) -> str:
    return f'form:has(input[name="kind"][value="{kind}"])'


async def _walk(page, base: str, password: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """From sign-in to the receipt of the closing report: the incident's path, and kind → (hash that was approved, receipt)."""
    person = _Person(page, base)
    await person.sign_in(password)
    await person.find_incident()
    person.typed = 0
    await person.do(_of("acknowledge"), f"!document.querySelector('{_of('acknowledge')}')")
    await person.do(f"#life {_of('confirm')}", f"!document.querySelector('#life {_of('confirm')}')")
    reason = "Chiếm được quyền quản trị máy chủ một cửa"
    owed = "document.querySelector('#missing textarea[name=\"particulars.description\"]') && !document.querySelector('#missing [name=\"particulars.cause\"]')"
    await person.do("#classify form", owed, severity="serious", reason=reason)
    assert await page.js("document.querySelector('#approve').form.elements.missing_reason.required")
    await person.fill(
        {
            "description": "Dò được mật khẩu vào máy chủ một cửa điện tử; gọi 0912 345 678 để biết thêm.",
            "current_state": "Đã cô lập máy chủ, đang kiểm tra.",
            "already_notified": "Chủ quản hệ thống",
        }
    )
    assert "0912 345 678" not in await person.text("pre.payload")
    assert "particulars.description" in await person.text("ul.withheld")
    receipts = {"notice_initial": (await _given(person, "notice_initial"))}
    assert person.typed <= MOST_TYPED, person.typed
    assert "Đúng hạn" in await person.text("#clocks .duty-met")

    await person.do(_of("contain"), f"!document.querySelector('{_of('contain')}')")
    await person.do("#close", "!document.querySelector('#close')", verdict="true_positive", reason="Đã khắc phục")
    await page.open(f"{base}{person.path}?report=closing")
    assert "72" in await person.text("#waits_for")
    await page.open(f"{base}{person.path}")
    await person.fill(
        {"cause": "Mật khẩu quản trị yếu.", "spread": "Một máy chủ.", "measures_done": "Cô lập, đổi mật khẩu."}
    )
    receipts["report_72h"] = await _given(person, "report_72h")
    await page.js("document.querySelector('#sent a[href*=\"report=closing\"]').click()")
    await page.until("location.search.includes('report=closing') && document.readyState === 'complete'", LONG)
    await person.fill(
        {
            "initial_report_number": "01/BC-TTGS ngày 23/11/2026",
            "result": "Đã khôi phục dịch vụ.",
            "lessons": "Bật xác thực hai lớp.",
        }
    )
    receipts["closing"] = await _given(person, "closing")
    assert await page.js("document.querySelectorAll('#clocks .duty-met').length") == 3
    return person.path, receipts


async def _given(person: _Person, kind: str) -> tuple[str, str]:
    receipt = await person.approve(kind)
    return person.sealed, receipt


async def _download(page, base: str, path: str, folder: Path) -> bytes:
    """The dossier, by its button."""
    await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    await page.open(f"{base}{path}")
    await page.js("document.querySelector('#dossier').click()")
    async with asyncio.timeout(LONG):
        while not (found := list(folder.glob("INC-*.zip"))):  # noqa: ASYNC110, ASYNC240 - a browser writes it
            await asyncio.sleep(0.1)
    return found[0].read_bytes()


def _verified_by_hand(data: bytes, folder: Path, receipts: dict[str, tuple[str, str]]) -> None:
    """As README.txt in it says: checksums, approvals, the audit's chain, the signature; none of it with the product."""
    zipfile.ZipFile(io.BytesIO(data)).extractall(folder)
    readme = (folder / "README.txt").read_text(encoding="utf-8")
    for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        expected, name = line.split("  ", 1)
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected, name
    told = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("reports/*/report.json"))]
    assert [one["kind"] for one in told] == list(receipts)
    for one, file in zip(told, sorted(folder.glob("reports/*/payload.bin")), strict=True):
        sealed, receipt = receipts[one["kind"]]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == one["payload_sha256"] == sealed
        assert (one["state"], one["receipt"]["receipt_id"]) == ("accepted", receipt)
        assert [given["approver"] for given in one["approvals"]] == ["admin"]
        assert b"0912 345 678" not in file.read_bytes()
    clocks = json.loads((folder / "clocks.json").read_text(encoding="utf-8"))
    assert {one["kind"]: one["state"] for one in clocks}.items() >= dict.fromkeys(receipts, "met").items()
    lines = readme.splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip() == "import hashlib, json")
    script = "\n".join(line[3:] for line in lines[first : lines.index("", first)])
    command = [sys.executable, "-I", "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=LONG)
    assert done.returncode == 0, done.stderr.decode()
    assert b"unbroken" in done.stdout
    _signature(readme, folder)


def _signature(readme: str, folder: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        return
    lines = [line.strip() for line in readme.splitlines()]
    commands = [line for line in lines if line.startswith(("python3 -c", "openssl "))]
    assert len(commands) == 2
    for line in commands:
        done = subprocess.run(["/bin/sh", "-c", line], cwd=folder, capture_output=True, check=False, timeout=LONG)
        assert done.returncode == 0, (line, done.stderr.decode())


async def _questions(directory: Path) -> None:
    """The auditor's questions, one command each."""

    async def ask(*words: str) -> tuple[int, list[dict[str, object]]]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "soc", "report", *words, "--config", str(directory / "soc.toml"), "--output-format", "ndjson",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode or 0, [json.loads(line) for line in out.splitlines()]

    code, sent = await ask("sent")
    assert code == 0
    assert [(one["kind"], one["state"], one["approver"]) for one in sent] == [
        (kind, "accepted", "admin") for kind in ("notice_initial", "report_72h", "closing")
    ]
    assert all(one["sent"] and one["acknowledged"] for one in sent)
    code, withheld = await ask("withheld")
    assert (code, {one["rule"] for one in withheld} >= {"phone", "host-name"}) == (0, True)
    assert (await ask("late")) == (0, [])


def test_an_incident_is_reported_from_the_first_look_to_a_dossier_with_at_most_six_fields_typed_for_the_first_notice(
    program, tmp_path
):
    async def body() -> None:
        async with _demo(tmp_path / "demo") as (base, password), browser.browser(program) as page:
            path, receipts = await _walk(page, base, password)
            (tmp_path / "downloads").mkdir()
            data = await _download(page, base, path, tmp_path / "downloads")
            _verified_by_hand(data, tmp_path / "dossier", receipts)
            await _questions(tmp_path / "demo")
            assert [
                one for one in page.errors if "Failed to load resource" not in one
            ] == []  # 409: a conflict, acted again

    asyncio.run(body())
