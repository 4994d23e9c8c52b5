"""Nothing in; the JSON Schema of shared records out (``docs/reference/soc-sharing.schema.json``)."""

from typing import Any

from soc.sharing.summary import SCHEMA, TLP
from soc.sharing_receiver import LEVELS

_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_STAMP = {"type": "string", "format": "date-time"}
_DAY = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
_SUMS: dict[str, Any] = dict.fromkeys(("alerts", "events", "alerts_withdrawn", "events_withdrawn"), _COUNT)


def json_schema() -> dict[str, Any]:
    """The schema of one record."""
    head = {
        "schema": {"const": SCHEMA},
        "id": {"type": "string", "format": "uuid", "description": "names the record; a repeat has the same"},
        "organization": _TEXT,
        "series": _STAMP | {"description": "when the numbering began"},
        "number": {"type": "integer", "minimum": 1},
        "day": _DAY | {"description": "local day on which it is counted"},
        "tlp": {"const": TLP},
    }
    row = {
        "rule": _TEXT,
        "title": _TEXT,
        "level": {"enum": [*LEVELS, "[withheld]"]},
        "techniques": _TEXTS | {"description": "attack.t1110"},
        "systems": _TEXTS | {"description": "keys of the sender's register"},
        "attackers": _TEXTS | {"description": "addresses of the world, IPv4 or IPv6"},
        "attackers_more": _COUNT | {"description": "that are not listed"},
        "hour": _STAMP | {"description": "in which they were last seen, its beginning"},
        **_SUMS,
    }
    rows = {"type": "array", "items": _object(row, list(_SUMS)), "description": "what the recipient's profile lists"}
    summary = {**head, "kind": {"const": "summary"}, "from": _STAMP, "to": _STAMP, **_SUMS, "rows": rows}
    figures = dict.fromkeys(("first", "last", "due", "sent", "acknowledged", "refused", "withheld"), _COUNT)
    digest = {"type": "string", "pattern": "^([0-9a-f]{64})?$"}
    day = {**head, "kind": {"const": "day"}, "timezone": _TEXT, **figures, **_SUMS, "digest": digest}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Shared alert data",
        "oneOf": [_object(summary, list(summary)), _object(day, list(day))],
    }


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
