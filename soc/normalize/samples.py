"""A mapping file's samples → what of them does not come out as written."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from soc.clock import DAY, Micros
from soc.errors import RecordError
from soc.normalize.mapped import product
from soc.normalize.mapping import MappingFile
from soc.normalize.products.product import Fields


def failures(mapping: MappingFile, zone: ZoneInfo, now: Micros) -> Iterator[str]:
    """One line for each difference: which sample, which field, what was expected and what came.

    Args:
        mapping: the file.
        zone: of stamps without one.
        now: stamps without a year are read as near to it.
    """
    parse = product(mapping).parse
    for number, sample in enumerate(mapping.sample, 1):
        where = f"mapping {mapping.name}, sample {number}"
        fields: Fields = {}
        try:
            parse(sample.line.strip(), fields, zone, now // DAY)
        except RecordError as error:
            yield f"{where}: {error.reason}"
            continue
        for name, wanted in sample.expect.items():
            found = fields.get(name)
            if found != wanted:
                yield f"{where}: {name} is {found!r}, expected {wanted!r}"
