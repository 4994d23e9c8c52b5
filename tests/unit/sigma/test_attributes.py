"""The attribute ``soc:`` and the schemas that editors check it with."""

import pytest
from generator_support import generator

from tests.unit.sigma.test_load import A, loaded, rule

SCHEMAS = generator("generate_schemas")


@pytest.mark.parametrize("name", sorted(SCHEMAS.SCHEMAS))
def test_the_schemas_are_generated_from_the_types(name: str):
    assert (SCHEMAS.FOLDER / name).read_text(encoding="utf-8") == SCHEMAS.page(name), "run: docs/generate_schemas.py"


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("{title_vi: Quét cổng, lateness: 10m, entities: [source.ip], generate: true, risk: 0, runbook: Gọi.}", True),
        ("{risk: 100, lateness: 999999999d}", True),
        ("{}", True),
        ("{risk: 100.5}", False),
        ("{risk: -1}", False),
        ("{risk: high}", False),
        ("{lateness: 10}", False),
        ("{lateness: 10 m}", False),
        ("{lateness: 1w}", False),
        ("{lateness: -1m}", False),
        ("{entities: source.ip}", False),
        ("{entities: [1]}", False),
        ("{generate: 1}", False),
        ("{title_en: Port scan}", False),
        ("[title_vi]", False),
    ],
)
def test_what_the_schema_says_may_be_written_is_taken_and_nothing_else(written: str, right: bool):
    assert (A in loaded(rule(more=f"soc: {written}\n")).rules) is right


def test_every_mistake_in_an_attribute_is_named():
    (error,) = loaded(rule(more="soc:\n  risk: 101\n  colour: red\n")).refused
    assert error.line == 8
    assert "soc.risk" in error.reason
    assert "soc.colour: there is no such key" in error.reason
