"""Every field that a report may have, out: the dictionary that profiles choose from, and the published JSON Schema made of it.

The schema is ``docs/reference/soc-report.schema.json``; ``docs/reference/report-schema.md`` explains it.
"""

from collections.abc import Mapping
from typing import Any

from soc.duties.fields import FIELDS as FORM_FIELDS

SCHEMA = "soc-report/2"

DRILL = "DIỄN TẬP – EXERCISE"
"""The watermark of an exercise, in every payload."""

_TEXT: Mapping[str, Any] = {"type": "string"}
_TEXTS: Mapping[str, Any] = {"type": "array", "items": _TEXT}
_TIME: Mapping[str, Any] = {"type": "string", "format": "date-time"}
_COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0}
_FLAG: Mapping[str, Any] = {"type": "boolean"}
_LEVEL: Mapping[str, Any] = {"enum": ["informational", "low", "medium", "high", "critical"]}


def _of(kind: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {**kind, "description": description}


ALWAYS: Mapping[str, Mapping[str, Any]] = {
    "schema": {"const": SCHEMA},
    "report_id": _of(_TEXT, "UUID version 5 of incident, kind, sequence and recipient"),
    "kind": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_]{0,39}$"},
    "sequence": {
        "type": "integer",
        "minimum": 1,
        "description": "the how many-th report of this kind on this incident",
    },
    "organization": _of(_TEXT, "who reports"),
    "recipient": _TEXT,
    "audit": {
        "type": "object",
        "description": "where the sender's audit chain stood when his latest report was sealed",
        "properties": {
            "chain": _TEXT,
            "line": _COUNT,
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        },
        "required": ["chain", "line", "sha256"],
        "additionalProperties": False,
    },
    "watermark": {"enum": ["", DRILL], "description": "an exercise says so at the top of every report"},
}
"""The envelope: it says nothing of anybody."""

INCIDENT: Mapping[str, Mapping[str, Any]] = {
    "number": {"type": "string", "pattern": "^INC-[0-9]{4}-[0-9]{6,}$"},
    "title": _TEXT,
    "title_vi": _TEXT,
    "level": _LEVEL,
    "status": {"enum": ["new", "triage", "in_progress", "contained", "closed", "merged"]},
    "verdict": {"enum": ["", "true_positive", "benign_true_positive", "false_positive"]},
    "first_seen": _of(_TIME, "UTC, of the first event"),
    "last_seen": _TIME,
    "detected_at": _of(_TIME, "when the first alert was raised, or the earlier time that a person set"),
    "as_of": _of(_TIME, "of the last change that this report tells of"),
    "exercise": _FLAG,
    "tlp": {
        "enum": ["CLEAR", "GREEN", "AMBER", "AMBER+STRICT"],
        "description": "TLP 2.0; RED has no automatic channel",
    },
    "type": {"enum": ["event", "incident"], "description": "event: an attempt without effect (sự kiện)"},
    "severity": {"enum": ["none", "normal", "serious"]},
    "flags": _TEXTS,
    "acknowledged_at": _TIME,
    "confirmed_at": _TIME,
    "contained_at": _TIME,
    "closed_at": _TIME,
    "techniques": {"type": "array", "items": {"type": "string", "pattern": "^attack\\."}},
    "keep_secret": _of(_FLAG, "the reporter asks the receiver to keep it secret"),
    "unauthenticated": _of(
        _FLAG,
        "some of it came without proof of its sender (UDP, or TCP without a client certificate): anybody may have sent it",
    ),
    "campaign": _of(_TEXT, "what incidents of one campaign share"),
    "linked": _of(_TEXTS, "numbers of the others of the campaign"),
}
ALWAYS_OF_INCIDENT = tuple(INCIDENT)[: tuple(INCIDENT).index("type")]
"""Without these a report is none."""

SYSTEM: Mapping[str, Mapping[str, Any]] = {
    "key": _of(_TEXT, "of our register; stands for internal addresses in texts"),
    "name": _TEXT,
    "level": _of(_COUNT, "cấp độ 1 to 5; 0 is not known"),
    "purpose": _TEXT,
    "owner": _TEXT,
    "operator": _TEXT,
    "public_addresses": _TEXTS,
    "domains": _TEXTS,
    "operating_systems": _TEXTS,
    "services": _TEXTS,
    "hosting_provider": _TEXT,
    "connectivity_provider": _TEXT,
    "security_provider": _TEXT,
}
ALERT: Mapping[str, Mapping[str, Any]] = {
    "rule_id": _TEXT,
    "title": _TEXT,
    "title_vi": _TEXT,
    "level": _LEVEL,
    "count": _of(_COUNT, "events of the alert"),
    "first_seen": _TIME,
    "last_seen": _TIME,
}
ENTITY: Mapping[str, Mapping[str, Any]] = {
    "kind": {"type": "string", "pattern": "^[A-Za-z0-9@_.-]+$"},
    "value": _of(_TEXT, "of the world as it was seen; of ours 'hệ thống <key>', or asset-1, asset-2 …"),
    "internal": _FLAG,
    "alerts": _COUNT,
}

PARTICULARS: frozenset[str] = frozenset(FORM_FIELDS)
"""Fields of the forms: people may type any of them, and what they typed goes before what the product knows."""

CONTACT: frozenset[str] = frozenset(name for name in PARTICULARS if name.startswith(("contact_", "reporter_")))
"""The one personal data that a report may carry: whom to ask."""

_PARTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "incident": INCIDENT,
    "systems": SYSTEM,
    "alerts": ALERT,
    "entities": ENTITY,
    "particulars": {name: _of(_TEXT, FORM_FIELDS[name].vi) for name in sorted(PARTICULARS)},
}
_LISTS = frozenset({"systems", "alerts", "entities"})

PATHS: frozenset[str] = frozenset(f"{part}.{name}" for part, fields in _PARTS.items() for name in fields) | {
    "alerts_total"
}
"""What a profile may name."""

WHOLE = frozenset({*(f"incident.{name}" for name in ALWAYS_OF_INCIDENT)})
"""What a profile need not name."""


def json_schema() -> dict[str, Any]:
    """The schema as it is published. A field that a profile does not list is absent, so few are required."""
    properties: dict[str, Any] = {name: dict(kind) for name, kind in ALWAYS.items()}
    for part, fields in _PARTS.items():
        required = list(ALWAYS_OF_INCIDENT) if part == "incident" else []
        shape = {
            "type": "object",
            "additionalProperties": False,
            **({"required": required} if required else {}),
            "properties": {name: dict(kind) for name, kind in fields.items()},
        }
        properties[part] = {"type": "array", "items": shape} if part in _LISTS else shape
    properties["alerts_total"] = _of(_COUNT, "alerts of the incident, told here or not")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "type": "object",
        "additionalProperties": False,
        "required": [*ALWAYS, "incident"],
        "properties": properties,
    }
