"""A finding of the health page in a visitor's language: its id and values in, what is wrong and what to do out."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from soc.clock import SECOND
from soc.console.i18n import Texts


class Told(NamedTuple):
    """What is wrong, and what to do about it."""

    what: str
    advice: str


def tell(texts: Texts, id: str, values: Mapping[str, Any]) -> Told:  # noqa: A002 - the finding's own name
    """The words of a finding; lengths of time, moments and numbers as the language writes them.

    Raises:
        KeyError: there is no such finding.
    """
    shown = {name: _shown(texts, name, value) for name, value in values.items()}
    return Told(texts(f"finding.{id}.what", **shown), texts(f"finding.{id}.advice", **shown))


def _shown(texts: Texts, name: str, value: Any) -> str:
    if name.endswith("_seconds"):
        return texts.span(round(value * SECOND))
    if name == "confidence":
        return texts.named("confidence", value)
    if name == "since":
        return texts.local(value) if value else "–"
    return texts.number(value)
