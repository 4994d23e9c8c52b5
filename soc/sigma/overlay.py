"""Overlay documents in: what an installation says of rules that it did not write, by rule id, so that their files stay untouched.

An overlay is a document of a rule file with the key ``overlay``: rule id or name → level, ``soc:`` attributes, or that the rule is
disabled and why. It lies in any folder that rules are read from and travels in the bundle with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from soc.errors import RuleError
from soc.sigma.attributes import Attributes, invalid
from soc.sigma.documents import Document


class Said(BaseModel):
    """What is said of one rule."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    level: Literal["informational", "low", "medium", "high", "critical"] | None = Field(
        default=None, description="Instead of the rule's own."
    )
    disabled: bool = Field(default=False, description="The rule is not run, nor are the correlations that refer to it.")
    reason: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        default="", description="Why: asked for where disabled."
    )
    soc: Attributes = Field(default=Attributes(), description="Key by key instead of the rule's own.")

    @model_validator(mode="after")
    def _has_reason(self) -> "Said":
        if self.disabled and not self.reason:
            raise ValueError("a disabled rule needs a reason")
        return self


class OverlayFile(BaseModel):
    """An overlay document."""

    model_config = ConfigDict(extra="forbid", title="An overlay on Sigma rules")

    overlay: dict[str, Said] = Field(description="By rule id, or by name.")
    title: str = ""
    description: str = ""
    author: str = ""
    date: Any = None
    modified: Any = None


@dataclass(frozen=True, slots=True)
class Overlay:
    """What one document says of one rule.

    Attributes:
        rule: id or name as written.
        document, line: where it says so.
    """

    rule: str
    said: Said
    document: Document
    line: int

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.document.path}:{self.line}"

    def note(self, reason: str) -> RuleError:
        """A remark at its line."""
        return RuleError(self.document.path, self.line, reason)


class Overlays:
    """Every overlay of a bundle, in the order read.

    Attributes:
        warnings: entries that say something of no rule of the set.
        disabled: rule id → why, with the place that says so.
    """

    def __init__(self) -> None:
        self._said: list[Overlay] = []
        self.warnings: list[RuleError] = []
        self.disabled: dict[str, str] = {}

    def add(self, document: Document) -> list[RuleError]:
        """Reads a document with the key ``overlay``; the mistakes found. An entry with a mistake is left out, the others hold."""
        mistakes = [
            document.error(f"an overlay has no key {key!r}, only {', '.join(OverlayFile.model_fields)}", str(key))
            for key in document.data
            if key not in OverlayFile.model_fields
        ]
        entries = document.data["overlay"]
        if not isinstance(entries, Mapping):
            return [
                *mistakes,
                document.error("overlay must be a mapping of rule ids to what is said of them", "overlay"),
            ]
        for rule, said in cast("Mapping[Any, Any]", entries).items():
            name = str(rule)
            try:
                read = Said.model_validate(said)
            except ValidationError as error:
                mistakes.append(invalid(document, error, "overlay", name))
                continue
            self._said.append(Overlay(name, read, document, document.line_of("overlay", name)))
        return mistakes

    def of(self, names: Mapping[str, str]) -> tuple[dict[str, Overlay], list[RuleError]]:
        """Rule id → its overlay; of two for one rule the later is refused, one for no rule is a warning.

        Args:
            names: what a rule may be called (id or name) → id.
        """
        found: dict[str, Overlay] = {}
        refused: list[RuleError] = []
        for overlay in self._said:
            rule = names.get(overlay.rule) or names.get(overlay.rule.lower())
            if rule is None:
                self.warnings.append(
                    overlay.note(
                        f"the overlay names the rule {overlay.rule!r}, which is no rule of this set (or was refused)"
                    )
                )
            elif rule in found:
                refused.append(overlay.note(f"the rule {overlay.rule!r} has an overlay already: {found[rule].where}"))
            else:
                found[rule] = overlay
                if overlay.said.disabled:
                    self.disabled[rule] = f"{overlay.said.reason} ({overlay.where})"
        return found, refused


def json_schema() -> dict[str, Any]:
    """The JSON Schema of an overlay document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **OverlayFile.model_json_schema()}
