"""The custom attribute ``soc:`` of a rule: what Sigma has no home for; and its JSON Schema, for editors."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, WithJsonSchema

from soc.clock import DAY, HOUR, MINUTE, SECOND, Micros
from soc.errors import RuleError
from soc.sigma.documents import Document

_DURATION: Final = r"^\d{1,9}[smhd]$"
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


def _duration(value: Any) -> Micros:
    if not isinstance(value, str) or re.match(_DURATION, value, re.ASCII) is None:
        raise ValueError("must be a number with s, m, h or d, such as 10m")
    return int(value[:-1]) * _UNITS[value[-1]]


Duration = Annotated[
    Micros, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": _DURATION, "examples": ["10m"]})
]
Words = Annotated[str, StringConstraints(min_length=1)]


class Attributes(BaseModel):
    """What ``soc:`` says."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, title="The attribute soc: of a Sigma rule")

    title_vi: str = Field(default="", description="The title in Vietnamese.")
    lateness: Duration | None = Field(
        default=None, description="Of a correlation: how late an event may arrive; else the installation's."
    )
    entities: list[Words] = Field(
        default=[], description="Fields whose values the alert is about; alerts are joined to incidents by them."
    )
    generate: bool = Field(
        default=False, description="The rule raises alerts of its own, whatever the correlations that refer to it say."
    )
    risk: int | None = Field(
        default=None, ge=0, le=100, description="How much one alert adds to the risk of its entities."
    )
    runbook: str = Field(default="", description="What to do about it: words, or an address where they stand.")

    def overlaid(self, other: "Attributes") -> "Attributes":
        """These, with what ``other`` says in their place."""
        return self.model_copy(update={name: getattr(other, name) for name in other.model_fields_set})


NONE: Final = Attributes()


def attributes_of(document: Document, data: Mapping[str, Any]) -> Attributes:
    """The attribute of one document.

    Raises:
        RuleError: for an unknown key or a value of the wrong kind.
    """
    raw = data.get("soc")
    if raw is None:
        return NONE
    try:
        return Attributes.model_validate(raw)
    except ValidationError as error:
        raise invalid(document, error, "soc") from error


_WORDS: Final = {
    "model_type": "must be a mapping",
    "string_type": "must be text",
    "list_type": "must be a list",
    "bool_type": "must be true or false",
    "extra_forbidden": "there is no such key",
    "literal_error": "must be {expected}",
}
"""Kinds of mistake that pydantic names for programmers."""


def invalid(document: Document, error: ValidationError, *above: str) -> RuleError:
    """Every mistake in what stands under the keys ``above``, at the line of the first."""
    mistakes = error.errors()
    places = [[*above, *(str(part) for part in mistake["loc"])] for mistake in mistakes]
    reasons: list[str] = []
    for place, mistake in zip(places, mistakes, strict=True):
        words = _WORDS.get(mistake["type"], mistake["msg"].removeprefix("Value error, "))
        reasons.append(f"{'.'.join(place)}: {words.format(**mistake.get('ctx', {}))}")
    return document.error("; ".join(reasons), *places[0])


def json_schema() -> dict[str, Any]:
    """The JSON Schema of what may stand under ``soc:``."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Attributes.model_json_schema()}
