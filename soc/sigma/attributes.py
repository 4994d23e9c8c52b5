"""The custom attribute ``soc:`` of a rule: what Sigma has no home for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from soc.clock import DAY, HOUR, MINUTE, SECOND, Micros
from soc.sigma.documents import Document

_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_KNOWN: Final = ("title_vi", "lateness", "entities", "generate", "risk", "runbook")


@dataclass(frozen=True, slots=True)
class Attributes:
    """What ``soc:`` says.

    Attributes:
        lateness: allowed lateness of a correlation, or None for the installation's.
        entities: fields whose values are the entities of an alert.
        generate: the rule raises alerts of its own, whatever the correlations that refer to it say.
    """

    title_vi: str = ""
    lateness: Micros | None = None
    entities: tuple[str, ...] = ()
    generate: bool = False


def attributes_of(document: Document, data: Mapping[str, Any]) -> Attributes:
    """The attribute of one document.

    Raises:
        RuleError: for an unknown key or a value of the wrong kind.
    """
    raw = data.get("soc")
    if raw is None:
        return Attributes()
    if not isinstance(raw, Mapping):
        raise document.error("soc must be a mapping", "soc")
    given = cast("Mapping[str, Any]", raw)
    for key in given:
        if key not in _KNOWN:
            raise document.error(f"soc has no attribute {key!r}, only {', '.join(_KNOWN)}", "soc", str(key))
    title = given.get("title_vi", "")
    if not isinstance(title, str):
        raise document.error("soc.title_vi must be text", "soc", "title_vi")
    entities = given.get("entities", [])
    if not isinstance(entities, list) or not all(isinstance(e, str) for e in cast("list[Any]", entities)):
        raise document.error("soc.entities must be a list of field names", "soc", "entities")
    generate = given.get("generate", False)
    if not isinstance(generate, bool):
        raise document.error("soc.generate must be true or false", "soc", "generate")
    lateness: Micros | None = None
    if "lateness" in given:
        found = _DURATION.fullmatch(str(given["lateness"]))
        if found is None:
            raise document.error("soc.lateness must be a number with s, m, h or d, such as 10m", "soc", "lateness")
        lateness = int(found[1]) * _UNITS[found[2]]
    return Attributes(title, lateness, tuple(cast("list[str]", entities)), generate)
