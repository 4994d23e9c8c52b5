"""The published schema and the real payloads agree."""

import json
import re
from pathlib import Path

import pytest
from forward_made import ORGANIZATION, RECIPIENT, approved, incident

from soc.forward.payload import payload

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "report-schema.md"
SCHEMA = json.loads(re.search(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL).group(1))
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
        if set(value) != set(schema["required"]) or set(schema["properties"]) != set(schema["required"]):
            yield f"{where}: {sorted(value)} are not the fields {sorted(schema['required'])}"
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
        incident(status="closed", verdict="false_positive"),
    ],
    ids=["usual", "approved before", "empty", "closed"],
)
def test_a_payload_has_exactly_the_fields_of_the_published_schema(document):
    tree = json.loads(payload(document, "initial", ORGANIZATION, RECIPIENT))
    assert list(faults(tree, SCHEMA)) == []


def test_the_check_itself_finds_a_field_too_many_and_a_wrong_type():
    tree = json.loads(payload(incident(), "initial", ORGANIZATION, RECIPIENT))
    assert list(faults({**tree, "raw": "x"}, SCHEMA))
    assert list(faults({**tree, "sequence": "1"}, SCHEMA))
