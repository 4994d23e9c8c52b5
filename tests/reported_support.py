"""An installation on disk whose one incident was reported: sealed reports in the forwarder's state, audit lines, documents in the store."""

import asyncio
import hashlib

import msgspec
from duties_support import HOURS, STANDING, incident

from soc.app import open_bus, open_store
from soc.audit.chain import Entry
from soc.bus.base import Message
from soc.clock import MINUTE, now
from soc.forward.ledger import CHAIN, Ledger
from soc.model import Approval, Receipt, Report, Settlement, encode
from soc.model.incident import Moment
from soc.pipeline.audit_record import record
from soc.pipeline.table import AUDIT, OUTBOX
from soc.settings import load
from soc.store.documents import incident_document, report_document

NUMBER, INCIDENT = "INC-2026-000001", "202611-inc1"
RECEIPT = "R-2026-7741"


def sealed(kind, at, state, *, about=INCIDENT, payload=None, **changes):
    """A report sealed at ``at``, tried a minute later and answered another minute later."""
    payload = payload or f'{{"kind":"{kind}","about":"{about}"}}'.encode()
    receipt = Receipt(RECEIPT, "", 201, "https://nhan.example/reports", 1, at + 2 * MINUTE, peer="ab" * 32)
    history = [("queued", at, "approved by hoa")]
    if changes.get("attempts", 1):
        history.append(("sending", at + MINUTE, ""))
    if state not in {"queued", "sending"}:
        history.append((state, at + 2 * MINUTE, changes.get("detail", "")))
    made = Report(
        id=f"{kind}-{about}", seq=3, incident_id=about, kind=kind, recipient="national", state=state, payload=payload,
        payload_sha256=hashlib.sha256(payload).hexdigest(), sealed_at=at, approver="hoa", attempts=1,
        receipt=receipt if state == "accepted" else None, history=tuple(history),
        withheld=(("user.name", "account", 2), ("text", "phone", 1)),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def approval(report, **changes):
    at = report.sealed_at - MINUTE
    return Approval(report.kind, report.payload_sha256, report.approver, at, 3, **changes)


def installation(tmp_path, *, reports=None, receiver="", **changes):
    """Make one; the path of its settings.

    By default the first notice was approved an hour after it was due and acknowledged, and an update waits for a person.
    """
    start = now() - 30 * HOURS
    reports = reports if reports is not None else [
        sealed("notice_initial", start + 25 * HOURS, "accepted"),
        sealed("update", start + 26 * HOURS, "held", detail="the receiver can neither be asked nor recognizes a repeat"),
    ]  # fmt: skip
    case = incident(
        severity="serious", acknowledged_at=start, raised=start, first_seen=start - MINUTE, last_seen=start,
        approvals=tuple(approval(one, second="an") for one in reports if one.incident_id == INCIDENT),
        particulars={"late_reason": "Mất điện tại trung tâm dữ liệu"},
        timeline=(Moment(start + HOURS, "minh", "classify", "serious"),),
        settlements=(Settlement("other", "resend", "hoa", start),),
    )  # fmt: skip
    case = msgspec.structs.replace(case, **changes)
    file = tmp_path / "soc.toml"
    particulars = "\n".join(f'{name} = "{text}"' for name, text in STANDING.items())
    file.write_text(
        f'data_dir = "{tmp_path / "data"}"\n[forward]\norganization = "Trung tâm Giám sát"\n{receiver}'
        f"[policy]\nsince = 2026-11-01\n[policy.particulars]\n{particulars}\n",
        encoding="utf-8",
    )
    asyncio.run(_write(load(file), case, reports))
    return str(file)


async def _write(settings, case, reports):
    bus, store = open_bus(settings), open_store(settings)
    ledger = Ledger({})
    for report in reports:
        ledger.put(report)
        about = f"report/{report.id}"
        ledger.record(Entry(report.sealed_at, report.approver, "seal", about, "sha256 " + report.payload_sha256))
        ledger.record(Entry(report.sealed_at, "soc", "seal", "report/another", "of another incident"))
        ledger.record(Entry(report.sealed_at + MINUTE, "soc", report.state, about, "told"))
    changes = ledger.take()
    claim = await bus.claim("forward", 0)
    outputs = [Message(OUTBOX, one.id.encode(), encode(one)) for one in changes.reports]
    await claim.commit(outputs + [Message(AUDIT, CHAIN.encode(), line) for line in changes.audit], changes.state)
    await claim.release()
    told = [Entry(case.raised, "minh", "classify", f"incident/{case.id}", "serious")]
    told += [Entry(one.at, one.approver, "approve", f"incident/{case.id}", one.report_kind) for one in case.approvals]
    await record(bus, *told)
    await bus.close()
    await store.write([incident_document(case), *(report_document(one) for one in reports)])
    await store.close()
