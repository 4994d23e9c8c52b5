"""A console and an incident in; the incident handled through its API as README tells people to do it by hand, every step checked.

acknowledge → confirm, serious → the first notice names what it lacks → filled in → approved → receipt, clock met
→ contained, closed → the report within 72 hours, which the closing report waits for: filled in → approved → receipt
→ the closing report names what it lacks → filled in → approved → receipt
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import msgspec

from soc.clock import now
from soc.errors import UnavailableError

RECEIPT_SECONDS = 30.0
MOST_TYPED = 6
"""Fields that a person types at most between acknowledging an incident and its first notice, where the register is filled in."""
TRIES = 8

TEXTS: Mapping[str, str] = {
    "description": "Dò mật khẩu thành công vào máy chủ một cửa điện tử; đã phát hiện và chặn.",
    "current_state": "Đã cô lập máy chủ, đang kiểm tra.",
    "already_notified": "Chủ quản hệ thống",
    "spread": "Một máy chủ ứng dụng; chưa thấy lan sang hệ thống khác.",
    "measures_done": "Cô lập máy chủ, đổi mật khẩu, chặn địa chỉ tấn công.",
    "cause": "Tài khoản quản trị dùng mật khẩu yếu.",
    "result": "Đã đổi mật khẩu, vá lỗi và khôi phục dịch vụ.",
    "lessons": "Bật xác thực hai lớp cho tài khoản quản trị.",
    "initial_report_number": "01/BC-TTGS ngày 23/11/2026",
}
"""What the demo's analyst types."""
OTHERWISE = "Minh họa"


class Walk:
    """One incident handled by one person.

    Args:
        session: signed in, with the console as its base.
        incident_id: it.
        expect: notes a mistake unless what was found is what was expected: (what, found, expected).
    """

    def __init__(
        self, session: aiohttp.ClientSession, incident_id: str, expect: Callable[[str, object, object], None]
    ) -> None:
        self._session, self._path = session, f"/incidents/{incident_id}"
        self._expect = expect

    async def handle(self) -> None:
        """From the first look to the receipt of the closing report.

        Raises:
            UnavailableError: the console does not answer.
        """
        await self._act("acknowledge")
        await self._act("confirm")
        await self._act("classify", {"severity": "serious", "reason": "Chiếm được quyền quản trị máy chủ"})
        typed = 1 + await self._fill("notice_initial")
        self._expect("no more fields to type than", max(typed, MOST_TYPED), MOST_TYPED)
        await self._approve("notice_initial")
        await self._met("notice_initial")
        await self._act("contain")
        await self._act("close", {"verdict": "true_positive", "reason": "Đã khắc phục"})
        for kind in ("report_72h", "closing"):
            await self._fill(kind)
            await self._approve(kind)
            await self._met(kind)

    async def _fill(self, kind: str) -> int:
        """Type what the report lacks; how many fields that were."""
        page = await self._page(kind)
        self._expect("the report that is shown", page["report_kind"], kind)
        lacking = [gap["field"] for gap in page["release"]["missing"]]
        self._expect(f"{kind}: something is missing and named", bool(lacking), True)
        await self._act("describe", {f"particulars.{name}": TEXTS.get(name, OTHERWISE) for name in lacking})
        left = (await self._page(kind))["release"]["missing"]
        self._expect(f"{kind}: missing after it was filled in", left, [])
        return len(lacking)

    async def _approve(self, kind: str) -> None:
        """Approve exactly what is previewed, and wait for the receipt."""

        def agreed(page: Mapping[str, Any]) -> dict[str, str]:
            to = page["release"]["recipient"]
            return {"report_kind": kind, "payload_sha256": page["preview"]["sha256"], "recipient": to}

        await self._act("approve", kind=kind, seen=agreed)
        deadline = time.monotonic() + RECEIPT_SECONDS
        while True:
            reports = [one for one in (await self._page(kind))["reports"] if one["kind"] == kind]
            if any(one["receipt"] for one in reports) or time.monotonic() > deadline:
                self._expect(f"{kind}: state", [one["state"] for one in reports], ["accepted"])
                return
            await asyncio.sleep(0.25)

    async def _met(self, kind: str) -> None:
        """The clock of a delivered report has stopped."""
        deadline = time.monotonic() + RECEIPT_SECONDS
        while True:
            states = {one["state"] for one in (await self._page(kind))["clocks"] if one["kind"] == kind}
            if states == {"met"} or time.monotonic() > deadline:
                self._expect(f"{kind}: its clock", sorted(states), ["met"])
                return
            await asyncio.sleep(0.25)

    async def _page(self, kind: str = "") -> Mapping[str, Any]:
        query = f"?report={kind}" if kind else ""
        async with self._session.get(f"{self._path}.json{query}") as answer:
            if answer.status != 200:
                raise UnavailableError(f"console: {self._path} answered {answer.status}: {(await answer.text())[:200]}")
            return await answer.json()

    async def _act(
        self,
        act: str,
        fields: Mapping[str, str] | None = None,
        kind: str = "",
        seen: Callable[[Mapping[str, Any]], dict[str, str]] | None = None,
    ) -> None:
        """Act on what the page shows; where a machine revision came in between, look again."""
        found: dict[str, Any] = {}
        for attempt in range(TRIES):
            page = await self._page(kind)
            given = {**(fields or {}), **(seen(page) if seen else {})}
            body = {
                "kind": act,
                "action_id": f"demo-{act}-{attempt}-{now()}",
                "expected_revision": str(page["incident"]["revision"]),
                **given,
            }
            async with self._session.post(f"{self._path}/act", json=body) as answer:
                found = await answer.json()
            if found["outcome"] == "accepted":
                return
            await asyncio.sleep(0.5)
        self._expect(act, msgspec.json.encode(found).decode(), "accepted")
