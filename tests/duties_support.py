"""Incidents and reports made short, for the tests of duties."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from soc.clock import HOUR, MINUTE, to_micros
from soc.duties.policy import Policy
from soc.model import Incident, Receipt, Report, SystemHit

ROOT = Path(__file__).parent.parent
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def local(text: str) -> int:
    """``2026-12-14 23:59:59`` of Vietnam."""
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=ZONE))


SEEN = local("2026-11-20 09:00:00")
"""When the incident was acknowledged: T0."""

STANDING = {
    "reporter_name": "Trung tâm Giám sát",
    "reporter_address": "Số 1 đường Mẫu",
    "reporter_phone": "(số trực ban)",
    "reporter_email": "truc@soc.example",
    "contact_name": "Người Trực Ban",
    "contact_title": "Trưởng ca",
    "contact_phone": "(số liên hệ)",
    "contact_email": "ca@soc.example",
}

SYSTEM = SystemHit(
    "dvc",
    "Cổng dịch vụ công trực tuyến",
    level=3,
    purpose="Dịch vụ công",
    unit="so-khcn",
    owner="UBND tỉnh",
    operator="Trung tâm dữ liệu",
    public_addresses=("203.0.113.10",),
    domains=("dvc.example",),
)


def shipped(name: str = "vn-2026", **standing: str) -> Policy:
    text = (ROOT / "deploy" / "policy" / f"{name}.yaml").read_text(encoding="utf-8")
    return Policy.parse(text, f"{name}.yaml", STANDING | standing)


def incident(**changes: Any) -> Incident:
    """One that a person acknowledged at ``SEEN``, eight minutes after it was raised; nothing is owed of it yet."""
    made = Incident(
        id="202611-inc1",
        number="INC-2026-000001",
        version=3,
        revision=1,
        title="Repeated failed log-ons, then one that worked",
        title_vi="Dò mật khẩu rồi đăng nhập được",
        level="high",
        alerts=("202611-a1",),
        joins=(),
        entities=(),
        first_seen=SEEN - 10 * MINUTE,
        last_seen=SEEN,
        raised=SEEN - 8 * MINUTE,
        status="triage",
        acknowledged_at=SEEN,
        systems=(SYSTEM,),
    )
    return msgspec.structs.replace(made, **changes)


def report(kind: str, at: int, state: str = "accepted", recipient: str = "national", **changes: Any) -> Report:
    """A report sealed a minute before it was taken."""
    sealed = at - MINUTE
    taken = Receipt("R-1", "", 200, "https://receiver.example", 1, at) if state == "accepted" else None
    made = Report(
        id=f"{kind}-{at}",
        seq=3,
        incident_id="202611-inc1",
        kind=kind,
        recipient=recipient,
        state=state,
        payload=b"{}",
        payload_sha256="",
        sealed_at=sealed,
        approver="hoa",
        receipt=taken,
        history=(("queued", sealed, ""), (state, at, "")),
    )
    return msgspec.structs.replace(made, **changes)


HOURS = HOUR
