"""What the documentation says of a product's fields is what its module declares and what the samples show."""

import pytest
from generator_support import generator

from soc.normalize.products.registry import PRODUCTS


def test_the_pages_of_fields_are_what_the_generator_writes():
    module = generator("generate_products")
    wanted = module.pages()
    found = {path.name: path.read_text(encoding="utf-8") for path in module.FOLDER.glob("*.md")}
    assert found == wanted, "run: python docs/generate_products.py"


@pytest.mark.parametrize("name", sorted(name for name, product in PRODUCTS.items() if product.fields))
def test_ecs_names_in_a_table_are_names_and_no_field_is_mapped_to_what_holds_ecs_own_words(name: str):
    for vendor, targets in PRODUCTS[name].fields.items():
        assert vendor
        for target in filter(None, (part.strip() for part in targets.split(","))):
            assert target in {"@timestamp", "message", "tags"} or "." in target, (vendor, target)
            assert target not in {"event.original", "event.created", "event.ingested"}, (vendor, target)
