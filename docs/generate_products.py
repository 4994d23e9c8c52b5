"""Writes the tables of fields, a page for each product: ``python docs/generate_products.py`` (a test compares).

In go the products' own lists of the vendor's fields and the hand-made samples of tests/data/normalize; out comes vendor field → ECS
name → a value of the samples.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from soc.errors import RecordError
from soc.normalize.products.product import Fields, Product
from soc.normalize.products.registry import PRODUCTS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference" / "fields"
INDEX = "index.md"
SAMPLES = ROOT / "tests" / "data" / "normalize"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DAY = 20_779  # 2026-11-22, the day that the samples are received on
LONGEST = 60


def listed() -> list[Product]:
    """The products whose vendor documents fields."""
    return [product for name, product in sorted(PRODUCTS.items()) if product.fields]


def examples() -> dict[str, dict[str, str]]:
    """Product → vendor field → the first value that a sample has."""
    found: dict[str, dict[str, str]] = {}
    for product in listed():
        values = found.setdefault(product.name, {})
        for fields in _events(product):
            for name in product.fields:
                value = fields.get(name)
                if name not in values and value not in (None, "", []):
                    values[name] = _shown(value)
    return found


def _events(product: Product) -> Iterator[Fields]:
    """Every sample that the product reads; recognition is not asked, so that a sample counts for whoever can read it."""
    for sample in _samples():
        if "error" in sample or sample.get("product", product.name) != product.name:
            continue
        fields: Fields = {}
        try:
            product.parse(str(sample["line"]).strip(), fields, ZONE, DAY)
        except RecordError:
            continue
        yield fields


_read: list[dict[str, Any]] = []


def _samples() -> list[dict[str, Any]]:
    if not _read:
        for path in sorted(SAMPLES.glob("*.yaml")):
            _read.extend(yaml.safe_load(path.read_text(encoding="utf-8")))
    return _read


def _shown(value: Any) -> str:
    text = str(value).replace("\r", " ").replace("\n", " ").replace("|", "\\|").replace("`", "'")
    return f"`{text[:LONGEST]}…`" if len(text) > LONGEST else f"`{text}`"


def page(product: Product, values: dict[str, str]) -> str:
    """One product's page."""
    rows = [
        f"| `{name}` | {', '.join(f'`{one.strip()}`' for one in ecs.split(',') if one.strip())} | {values.get(name, '')} |"
        for name, ecs in sorted(product.fields.items(), key=lambda row: row[0].casefold())
    ]
    mapped = sum(bool(ecs) for ecs in product.fields.values())
    return "\n".join(
        [
            f"# Fields of `{product.name}`",
            "",
            f"{product.description}. {len(product.fields)} fields, {mapped} of them also under an ECS name; every one is kept under the vendor's own",
            "name, with its value as it came. Written by `python docs/generate_products.py`: do not edit.",
            "",
            "| vendor's field | ECS | in a sample |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def index() -> str:
    """The list of the pages."""
    return "\n".join(
        [
            "# Fields by product",
            "",
            "Which field of the vendor becomes which ECS name. Written by `python docs/generate_products.py`: do not edit.",
            "",
            "| product | lines | fields | with an ECS name |",
            "| --- | --- | --- | --- |",
            *(
                f"| [`{product.name}`]({product.name}.md) | {product.description} | {len(product.fields)} | "
                f"{sum(bool(ecs) for ecs in product.fields.values())} |"
                for product in listed()
            ),
            "",
        ]
    )


def pages() -> dict[str, str]:
    """File name → text."""
    values = examples()
    return {INDEX: index()} | {f"{one.name}.md": page(one, values[one.name]) for one in listed()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    wanted = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
