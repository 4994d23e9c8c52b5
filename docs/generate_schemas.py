"""Writes the JSON Schemas of what people and suppliers write by hand: ``python docs/generate_schemas.py`` (a test compares)."""

import json
from pathlib import Path

from soc.forward import schema as report
from soc.normalize import mapping
from soc.normalize.products import contract
from soc.sharing import schema as sharing
from soc.sigma import attributes, overlay

FOLDER = Path(__file__).parent / "reference"
SCHEMAS = {
    "soc-attributes.schema.json": attributes.json_schema,
    "soc-overlay.schema.json": overlay.json_schema,
    "soc-mapping.schema.json": mapping.json_schema,
    "log-contract.schema.json": contract.json_schema,
    "soc-report.schema.json": report.json_schema,
    "soc-sharing.schema.json": sharing.json_schema,
}


def page(name: str) -> str:
    """The text of one file."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for schema in SCHEMAS:
        (FOLDER / schema).write_text(page(schema), encoding="utf-8")
