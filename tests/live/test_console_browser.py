"""A real browser on the console: sign in, queue, alert, incident, in that order, as a person would."""

import asyncio
import importlib.util
import os
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

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
    await page.until("document.querySelector('[data-queue] tr[data-id]').dataset.id === '202611-live'")

    # Keys: down twice, acknowledge, open.
    await page.key("j")
    await page.key("j")
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
