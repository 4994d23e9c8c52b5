"""The published schema and the real payloads agree."""

import json
import re
from pathlib import Path

import pytest
from forward_made import ORGANIZATION, RECIPIENT, approved, incident

from soc.forward.payload import payload
from soc.forward.schema import DRILL
from soc.model import SystemHit

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "reference" / "soc-report.schema.json").read_text(encoding="utf-8")
)
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def faults(value, schema, where="report"):
    """Where ``value`` departs from ``schema``: the few keywords that the schema uses."""
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (kind == "integer" and isinstance(value, bool))):
        yield f"{where}: {value!r} is no {kind}"
        return
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} does not match"
    if kind == "object":
        if set(schema.get("required", ())) - set(value) or set(value) - set(schema["properties"]):
            yield f"{where}: {sorted(value)} are not the fields that the schema has"
        for name in value.keys() & schema["properties"].keys():
            yield from faults(value[name], schema["properties"][name], f"{where}.{name}")
    if kind == "array":
        for number, item in enumerate(value):
            yield from faults(item, schema["items"], f"{where}[{number}]")


@pytest.mark.parametrize(
    "document",
    [
        incident(),
        approved(incident()),
        incident(entities=(), summaries=(), alerts=()),
        incident(status="closed", verdict="false_positive", closed_at=5),
        incident(exercise=True, particulars={"cause": "x"}, systems=(SystemHit("dvc", "Cổng", 3),)),
    ],
    ids=["usual", "approved before", "empty", "closed", "exercise"],
)
def test_a_payload_has_exactly_the_fields_of_the_published_schema(document):
    tree = json.loads(payload(document, "initial", ORGANIZATION, RECIPIENT))
    assert list(faults(tree, SCHEMA)) == []


def test_the_check_itself_finds_a_field_too_many_and_a_wrong_type():
    tree = json.loads(payload(incident(), "initial", ORGANIZATION, RECIPIENT))
    assert list(faults({**tree, "raw": "x"}, SCHEMA))
    assert list(faults({**tree, "sequence": "1"}, SCHEMA))


def test_an_exercise_is_watermarked_in_every_payload():
    for exercise in (True, False):
        tree = json.loads(payload(incident(exercise=exercise), "notice_initial", ORGANIZATION, RECIPIENT))
        assert (tree["watermark"], tree["incident"]["exercise"]) == (DRILL if exercise else "", exercise)
