"""Incidents, approvals and reports for the tests of forward."""

import hashlib
from datetime import UTC, datetime

import msgspec

from soc.clock import MINUTE, to_micros
from soc.forward.payload import payload_preview, report_id
from soc.model import Approval, Incident, Report
from soc.model.incident import AlertSummary

T0 = to_micros(datetime(2026, 11, 22, 8, 0, tzinfo=UTC))
ORGANIZATION, RECIPIENT = "Trung tâm Giám sát", "national"


def incident(number=1, *, count=5, version=7, **fields):
    base = Incident(
        id=f"202611-{number:020x}",
        number=f"INC-2026-{number:06d}",
        version=version,
        revision=1,
        title="Password guessing",
        title_vi="Dò mật khẩu",
        level="high",
        alerts=("202611-a", "202611-b"),
        joins=(),
        entities=(
            ("source.ip", "203.0.113.77", 2),
            ("destination.ip", "10.20.0.15", 1),
            ("host.name", "mc-web-01", 2),
            ("user.name", "lan.nt", 1),
            ("process.name", "bash", 1),
        ),
        first_seen=T0,
        last_seen=T0 + 9 * MINUTE,
        raised=T0 + MINUTE,
        tags=("attack.t1110", "cve.2026-1"),
        owner="minh",
        summaries=(
            AlertSummary(
                "202611-a", "guess", "Password guessing", "Dò mật khẩu", "high", count, T0, T0 + MINUTE, "live"
            ),
        ),
    )
    return msgspec.structs.replace(base, **fields)


def previewed(shown, kind="initial", recipient=RECIPIENT):
    """The bytes of the next report of a kind."""
    return payload_preview(shown, kind, ORGANIZATION, recipient).payload


def approved(shown, kind="initial", approver="hoa", after=None, sha256="", **fields):
    """``after`` (or what was shown) with an approval of exactly the bytes that a preview of ``shown`` has."""
    sha256 = sha256 or hashlib.sha256(previewed(shown, kind, fields.get("recipient") or RECIPIENT)).hexdigest()
    approval = Approval(kind, sha256, approver, T0 + 10 * MINUTE, shown.version, **fields)
    after = after or shown
    return msgspec.structs.replace(
        after, approvals=(*after.approvals, approval), version=after.version + 1, revision=after.revision + 1
    )


def report(state="queued", payload=b'{"report_id":"x"}', kind="initial", sequence=1, about="202611-1", **fields):
    base = Report(
        id=report_id(about, kind, sequence, RECIPIENT),
        seq=1,
        incident_id=about,
        kind=kind,
        recipient=RECIPIENT,
        state=state,
        payload=payload,
        payload_sha256=hashlib.sha256(payload).hexdigest(),
        sealed_at=T0,
        approver="hoa",
        sequence=sequence,
    )
    return msgspec.structs.replace(base, **fields)
