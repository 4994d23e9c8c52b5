"""A mapping file (TOML) → how the lines of a system that has no product module are read: format, fields, values, samples.

It is what makes a new product a file and not a program: a rented or local system without a public format is described by whoever
runs it, and its samples are tests that ``soc check`` runs.
"""

import re
import tomllib
from collections.abc import Mapping as Table
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from soc.errors import SettingsError
from soc.normalize import ecs
from soc.section import Section

Format = Literal["json", "kv", "logfmt", "csv", "regex", "cef", "leef"]

Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]

Constant = str | int | list[str]
"""What a mapping may write by itself."""

_ALLOWED: Table[str, frozenset[str]] = {
    "event.kind": ecs.KINDS,
    "event.category": ecs.CATEGORIES,
    "event.type": ecs.TYPES,
    "event.outcome": ecs.OUTCOMES,
    "network.direction": ecs.DIRECTIONS,
}
_LISTS = frozenset(["event.category", "event.type"])
_OURS = frozenset(["@timestamp", "event.created", "event.ingested", "event.original", "tags"])
"""What the normalizer writes into every event; no mapping may."""


def _check_target(name: str) -> str:
    if name in _OURS or name.startswith("related."):
        raise ValueError(f"{name} is written by the normalizer itself; leave it out")
    return name


def _check_constant(name: str, value: Constant) -> Constant:
    _check_target(name)
    allowed = _ALLOWED.get(name)
    values = value if isinstance(value, list) else [value]
    if allowed is not None and (wrong := [item for item in values if item not in allowed]):
        raise ValueError(f"{name}: ECS does not know {wrong[0]!r}; it allows {', '.join(sorted(allowed))}")
    if name in _LISTS and not isinstance(value, list):
        raise ValueError(f"{name} is a list in ECS: write [{value!r}]")
    if name in ecs.INTEGER_FIELDS and not isinstance(value, int):
        raise ValueError(f"{name} is a number in ECS, not {value!r}")
    return value


class LogSourceOf(Section):
    """A Sigma logsource."""

    product: str = ""
    category: str = ""
    service: str = ""


class Input(Section):
    """How the text is taken apart; only the keys of the mapping's format are looked at."""

    columns: tuple[Name, ...] = Field(default=(), description="csv: the names of the values, in order")
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="csv")
    escape: str = Field(default="", max_length=1, description="csv: the character before an escaped quote")
    pairs: str = Field(
        default="", max_length=4, description="kv: what stands between two pairs; empty = white space or ,;"
    )
    assign: str = Field(default="=", min_length=1, max_length=2, description="kv: what stands between name and value")
    pattern: str = Field(default="", description="regex: an expression with named groups, matched from the start")

    @field_validator("pattern")
    @classmethod
    def _check_pattern(cls, value: str) -> str:
        try:
            groups = re.compile(value).groupindex
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from error
        if value and not groups:
            raise ValueError("no named group: write (?P<name>...) for each part that is a field")
        return value


class Time(Section):
    """Where the time of the event stands."""

    fields: tuple[Name, ...] = Field(min_length=1, description="the first that is there and is a time")
    joined: bool = Field(
        default=False, description="the fields are parts of one stamp: date and clock, joined by a blank"
    )
    format: Literal["auto", "iso", "epoch", "bsd", "clf"] = "auto"


class Values(Section):
    """A field whose values have a meaning that the schema names otherwise."""

    field: Name
    to: Name
    map: dict[str, Constant] = Field(min_length=1, description="value, upper and lower case alike → what is written")
    default: Constant | None = Field(default=None, description="for any other value; without it nothing is written")

    @model_validator(mode="after")
    def _check(self) -> "Values":
        for value in (*self.map.values(), *(() if self.default is None else (self.default,))):
            _check_constant(self.to, value)
        return self


class When(Section):
    """What is so of some of the events: every condition must hold; later entries overwrite earlier ones."""

    match: dict[str, str | list[str]] = Field(
        default={}, description="field → value, or any of several; * at an end stands for anything; {} is every event"
    )
    set: dict[str, Constant] = Field(default={}, description="ECS name → value")
    logsource: LogSourceOf | None = Field(default=None, description="instead of the mapping's")

    @field_validator("set")
    @classmethod
    def _check_set(cls, value: dict[str, Constant]) -> dict[str, Constant]:
        for name, constant in value.items():
            _check_constant(name, constant)
        return value


class Sample(Section):
    """One line and what must come of it; ``soc check`` runs it."""

    line: str = Field(min_length=1)
    expect: dict[str, Any] = Field(min_length=1, description="field → value")


class MappingFile(Section):
    """One file: one product."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = Field(
        description="as a source profile names it"
    )
    description: Annotated[str, StringConstraints(min_length=1, max_length=160, pattern=r"^[^\n]*$")]
    format: Format
    input: Input = Input()
    time: Time | None = Field(default=None, description="without it: the stamp of the syslog header, else receive time")
    fields: dict[Name, str | list[str]] = Field(default={}, description="the sender's name → ECS name or names")
    values: tuple[Values, ...] = ()
    when: tuple[When, ...] = ()
    logsource: LogSourceOf = Field(default=LogSourceOf(), description="the Sigma logsource that rules name")
    sample: tuple[Sample, ...] = Field(min_length=1, description="at least one line, made by hand: no real data")

    @field_validator("fields")
    @classmethod
    def _check_fields(cls, value: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        for targets in value.values():
            for target in [targets] if isinstance(targets, str) else targets:
                _check_target(target)
                if target in _ALLOWED:
                    raise ValueError(f"{target} holds ECS's own words only: map the values with [[values]]")
        return value

    @model_validator(mode="after")
    def _check_format(self) -> "MappingFile":
        if self.format == "csv" and not self.input.columns:
            raise ValueError("input.columns: a csv line needs the names of its values")
        if self.format == "regex" and not self.input.pattern:
            raise ValueError("input.pattern: format regex needs the expression")
        return self


def parse(path: str, text: str) -> MappingFile:
    """One mapping file.

    Raises:
        SettingsError: every mistake of the file, with its key.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: not valid TOML: {error}"]) from error
    try:
        return MappingFile.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(
            [
                f"{path}: {'.'.join(map(str, item['loc'])) or 'the file'}: "
                + ("unknown key" if item["type"] == "extra_forbidden" else item["msg"])
                for item in error.errors()
            ]
        ) from error


def parse_all(files: Sequence[tuple[str, str]]) -> list[MappingFile]:
    """Every file, sorted by path.

    Raises:
        SettingsError: the mistakes of all files; also two of one name.
    """
    mistakes: list[str] = []
    found: dict[str, tuple[str, MappingFile]] = {}
    for path, text in sorted(files):
        try:
            mapping = parse(path, text)
        except SettingsError as error:
            mistakes += error.mistakes
            continue
        if mapping.name in found:
            mistakes.append(f"{path}: name {mapping.name!r} is taken by {found[mapping.name][0]}")
        found[mapping.name] = path, mapping
    if mistakes:
        raise SettingsError(mistakes)
    return [mapping for _, mapping in found.values()]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a mapping file, for editors."""
    return MappingFile.model_json_schema()
