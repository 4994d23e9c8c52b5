# Types of native.pyx.
from collections.abc import Collection, Iterable
from typing import Any

from soc.detect.index import FieldIndex, Slots

class Gate:
    def __init__(self, literals: Collection[str], odd: Iterable[str]) -> None: ...
    def possible(self, fields: dict[str, Any]) -> bool: ...

def triggered(
    fields: dict[str, Any], names: tuple[str, ...], indexes: tuple[FieldIndex, ...]
) -> list[Slots] | None: ...
