"""A real browser on the console: sign in, queue, alert, incident, in that order, as a person would."""

import asyncio
import importlib.util
import os
import sys
import time
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from soc.model import Action, Answer, Incident
from soc.store.documents import incident_document, silence_document
from soc.triage import acts, desk

pytestmark = pytest.mark.live

HERE = Path(__file__).parent


def _load(name: str, path: Path) -> ModuleType:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


browser = _load("live_browser", HERE / "browser.py")
story = _load("console_story", HERE.parent / "unit" / "console" / "story.py")


@pytest.fixture
def program() -> str:
    """The browser, or a skip that says so (a failure where live tests are required)."""
    found = browser.find()
    if found is None:
        reason = "no Chromium on PATH: the console was not looked at in a browser"
        if os.environ.get("SOC_REQUIRE_LIVE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


async def _sign_in(page, base: str) -> None:
    await page.open(f"{base}/alerts")
    await page.until("location.pathname === '/login'")
    await page.js("document.querySelector('[name=name]').value = 'admin'")
    await page.js(f"document.querySelector('[name=password]').value = {story.PASSWORD!r}")
    await page.js("document.querySelector('form.login button').click()")
    await page.until(
        "location.pathname === '/alerts' && document.readyState === 'complete'"
        " && document.querySelectorAll('[data-queue] tr[data-id]').length > 0"
    )


async def _walk(page, base: str, world) -> None:
    await _sign_in(page, base)
    assert await page.js("document.querySelectorAll('[data-queue] tr[data-id]').length") == 9
    assert await page.js("getComputedStyle(document.querySelector('.top')).position") == "sticky", (
        "the style sheet is not used"
    )

    # A new alert comes in by itself.
    await page.until("document.querySelector('[data-live-state]').classList.contains('on')")
    fresh = story.alert_of(story.STEPS[1]._replace(id="202611-live", at=story.T0 + 30 * story.MINUTE))
    await world.store.write([story.alert_document(fresh)])
    await page.until("document.querySelector('[data-queue] tr[data-id=\"202611-live\"]')")

    # Keys: down behind the urgent one and the new one, unfold, acknowledge, open.
    for _ in range(3):
        await page.key("j")
    await page.key("o")
    assert await page.js("document.querySelector('tr[aria-selected] details.more').open")
    chosen = await page.js("document.querySelector('tr[aria-selected]').dataset.id")
    assert chosen == "202611-a5"
    await page.key("a")
    async with asyncio.timeout(10):
        while not world.desk.actions:  # noqa: ASYNC110 - the act comes from another process
            await asyncio.sleep(0.05)
    assert (world.desk.actions[0].kind, world.desk.actions[0].target_id) == ("acknowledge", "202611-a5")
    await page.key("Enter")
    await page.until("location.pathname === '/alerts/202611-a5' && document.readyState === 'complete'")
    assert await page.js("document.querySelector('pre.raw mark').textContent") == "4831838208"
    assert await page.js("document.querySelector('pre.yaml').textContent.includes('timespan: 5m')")

    # To its incident, and approve what is shown.
    await page.js("document.querySelector('#incident a').click()")
    await page.until("location.pathname === '/incidents/202611-inc0001' && document.readyState === 'complete'")
    assert await page.js("document.querySelectorAll('svg.timeline rect.bar').length") == 5
    shown = await page.js("document.querySelector('code.hash').textContent")
    await page.js("document.querySelector('#approve').click()")
    await page.until("location.search.includes('outcome=accepted') && document.querySelector('.notice-ok')")
    assert world.desk.actions[-1].changes == {"report_kind": "initial", "payload_sha256": shown}
    assert not page.errors


def test_a_person_gets_from_sign_in_to_an_approved_report(program, tmp_path):
    async def body() -> None:
        clock = lambda: time.time_ns() // 1000  # noqa: E731 - one line says it
        async with story.world(tmp_path, tmp_path, clock) as world, browser.browser(program) as page:
            await _walk(page, str(world.client.make_url("")).rstrip("/"), world)

    asyncio.run(body())


def test_no_page_is_wider_than_a_small_laptop_screen(program, tmp_path):
    async def body() -> None:
        async with story.world(tmp_path, tmp_path) as world, browser.browser(program) as page:
            base = str(world.client.make_url("")).rstrip("/")
            await page.call(
                "Emulation.setDeviceMetricsOverride", width=1280, height=720, deviceScaleFactor=1, mobile=False
            )
            await _sign_in(page, base)
            for path in (
                "/alerts",
                "/alerts/202611-a2",
                "/incidents",
                "/incidents/202611-inc0001",
                "/silences?alert=202611-a2",
                "/directives",
                "/tasks",
                "/search",
                "/rules",
                "/users",
                "/health",
            ):
                await page.open(base + path)
                width = await page.js("document.documentElement.scrollWidth")
                assert width <= 1280, path
            assert not page.errors

    asyncio.run(body())


def _folding(world):
    """An answer to each act, which the store shows then: what triage would make of an incident or a new silence."""

    async def act(action: Action) -> Answer:
        world.desk.actions.append(action)
        revision = action.expected_revision + 1
        if action.target == "silence":
            made = desk.made(action)
            await world.store.write([silence_document(msgspec.structs.replace(made, version=1))])
            return Answer(action.id, "accepted", "", action.target, action.target_id, made.revision)
        document = await world.store.get(action.target, action.target_id)
        if action.target == "incident":
            before = msgspec.convert(document.body, Incident)
            after = acts.changed(before, acts.perform(action, before))
            after = msgspec.structs.replace(after, version=before.version + 1)
            await world.store.write([incident_document(after)])
            revision = after.revision
        return Answer(action.id, "accepted", "", action.target, action.target_id, revision)

    return act


async def _send(page, form: str, **fields: str) -> None:
    """Fill a form in and send it with its own button, as a person does; then wait for the page that follows."""
    await page.js("document.documentElement.id = 'before'")
    for name, value in fields.items():
        await page.js(f"document.querySelector({form!r}).elements[{name!r}].value = {value!r}")
    await page.js(f"document.querySelector({form!r}).querySelector('button[type=submit]').click()")
    await page.until(
        "document.documentElement.id !== 'before' && document.readyState === 'complete' && document.querySelector('.notice-ok')"
    )


def _of(kind: str) -> str:
    return f'form:has(input[name="kind"][value="{kind}"])'


async def _triage(page, base: str, world) -> None:
    await _sign_in(page, base)
    await page.open(f"{base}/alerts/202611-a3")
    await page.js("document.querySelector('#incident a').click()")
    await page.until("location.pathname === '/incidents/202611-inc0001' && document.readyState === 'complete'")
    await _send(page, "#acts " + _of("assign"))
    assert await page.js("document.querySelector('#acts .facts').innerText.includes('admin')")
    await _send(page, _of("note"), text="Đã gọi đơn vị vận hành")
    assert await page.js("document.querySelector('#notes').innerText.includes('Đã gọi đơn vị vận hành')")
    task = {"title": "Cô lập máy chủ", "unit": "Sở Y tế", "due": "2026-12-01T08:00"}
    await _send(page, "#add_task form", **task)
    await page.open(f"{base}/tasks")
    assert await page.js("document.querySelector('#queue').innerText.includes('Cô lập máy chủ')")
    await page.js("document.querySelector('#queue details.pop').open = true")
    await _send(page, _of("answer_task"), reply="Đã cô lập lúc 10:40")
    assert await page.js("location.pathname === '/tasks'")
    await page.open(f"{base}/incidents/202611-inc0001")
    await _send(page, "#close", verdict="true_positive", reason="Đã khống chế, đã báo cáo")
    assert await page.js("!document.querySelector('#close')")
    assert [one.kind for one in world.desk.actions] == ["assign", "note", "add_task", "answer_task", "close"]


async def _silence(page, base: str, world) -> None:
    await page.open(f"{base}/alerts/202611-b5")
    await page.js("document.querySelector('a[href^=\"/silences?alert\"]').click()")
    await page.until("location.pathname === '/silences' && document.readyState === 'complete'")
    await _send(page, "#new form", reason="Quét định kỳ đã báo trước")
    assert await page.js("document.querySelector('#queue').innerText.includes('198.51.100.201')")
    assert world.desk.actions[-1].kind == "silence"
    assert ["rule.id", "rule-202611-b5"] in world.desk.actions[-1].changes["matchers"]


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_alert_is_triaged_to_its_end_and_its_like_silenced(program, tmp_path, scripts):
    async def body() -> None:
        clock = lambda: time.time_ns() // 1000  # noqa: E731 - one line says it
        holder: list[object] = []

        async def act(action: Action) -> Answer | None:
            return await _folding(holder[0])(action)

        async with story.world(tmp_path, tmp_path, clock, act=act) as world, browser.browser(program) as page:
            holder.append(world)
            await page.call("Emulation.setScriptExecutionDisabled", value=not scripts)
            base = str(world.client.make_url("")).rstrip("/")
            await _triage(page, base, world)
            await _silence(page, base, world)
            assert not page.errors

    asyncio.run(body())
