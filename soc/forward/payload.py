"""An incident in, the bytes of a report out: canonical JSON, redacted, and the same bytes for the same content every time.

An approver agrees to the hash of these bytes, so they depend on nothing but the incident's reportable content, the kind, the
organization and the recipient: not on the clock, not on the document's version, not on who looks. The schema is
``docs/reference/report-schema.md``.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from soc.clock import to_iso
from soc.forward.redact import Redactor, Withheld, nfc
from soc.model import Incident

SCHEMA = "soc-report/1"

NAMESPACE = UUID("5c0a7c52-6f0e-4d3b-9a55-0c6f3b7a1e90")
"""Of report ids. Drawn once at random; changing it would make every known report a new one."""


class Preview(NamedTuple):
    """A report as it would leave.

    Attributes:
        payload: the bytes.
        sha256: their hash in hexadecimal, which an approval names.
        withheld: what is not in it, by field and rule.
    """

    payload: bytes
    sha256: str
    withheld: tuple[Withheld, ...]


def payload(incident: Incident, kind: str, organization: str, recipient: str) -> bytes:
    """The bytes of the next report of ``kind`` on ``incident``."""
    return payload_preview(incident, kind, organization, recipient).payload


def payload_preview(incident: Incident, kind: str, organization: str, recipient: str) -> Preview:
    """The bytes of the next report of ``kind`` on ``incident``, their hash, and what they withhold."""
    tree, withheld = content(incident)
    sequence = 1 + sum(given.report_kind == kind for given in incident.approvals)
    data = sealed(tree, incident.id, kind, sequence, organization=organization, recipient=recipient)
    return Preview(data, hashlib.sha256(data).hexdigest(), withheld)


def report_id(incident_id: str, kind: str, sequence: int, recipient: str) -> str:
    """The id of a report, which is its idempotency key: the same report has the same id on every machine, for ever."""
    return str(uuid5(NAMESPACE, f"{incident_id}|{kind}|{sequence}|{recipient}"))


def sealed(
    tree: Mapping[str, Any], incident_id: str, kind: str, sequence: int, *, organization: str, recipient: str
) -> bytes:
    """The content of an incident as one report of one kind."""
    return canonical(
        {
            **tree,
            "schema": SCHEMA,
            "report_id": report_id(incident_id, kind, sequence, recipient),
            "kind": kind,
            "sequence": sequence,
            "organization": organization,
            "recipient": recipient,
        }
    )


def content(incident: Incident) -> tuple[dict[str, Any], tuple[Withheld, ...]]:
    """What a report of any kind says of an incident as it is now, redacted, and what was withheld."""
    redactor = Redactor(incident.entities)
    entities: list[dict[str, Any]] = []
    for kind, value, count in incident.entities:
        shown = redactor.entity(kind, value)
        if shown:
            entities.append({"kind": kind, "value": shown[0], "internal": shown[1], "alerts": count})
    tree: dict[str, Any] = {
        "incident": {
            "number": incident.number,
            "level": incident.level,
            "title": redactor.text(incident.title),
            "title_vi": redactor.text(incident.title_vi),
            "status": incident.status,
            "verdict": incident.verdict,
            "first_seen": to_iso(incident.first_seen),
            "last_seen": to_iso(incident.last_seen),
            "detected_at": to_iso(incident.raised),
            "techniques": [tag for tag in incident.tags if tag.startswith("attack.")],
        },
        "alerts": [
            {
                "rule_id": summary.rule_id,
                "title": redactor.text(summary.title),
                "title_vi": redactor.text(summary.title_vi),
                "level": summary.level,
                "count": summary.count,
                "first_seen": to_iso(summary.first_seen),
                "last_seen": to_iso(summary.last_seen),
            }
            for summary in incident.summaries
        ],
        "alerts_total": len(incident.alerts),
        "entities": entities,
    }
    return tree, redactor.withheld


def canonical(tree: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys, without blanks, in UTF-8 and NFC. What is no Unicode scalar value becomes ``?``."""
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return nfc(text).encode("utf-8", "replace")
