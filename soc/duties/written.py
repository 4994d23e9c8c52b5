"""YAML text in, what it says and the line of each part out: so that a mistake can be told where it was made."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import yaml

from soc.errors import SettingsError

_LONGEST = 1_000_000
"""Characters of a file: a policy has some ten thousand. More is something else, or an alias bomb."""


class Written(NamedTuple):
    """A file of settings that people write.

    Attributes:
        where: its name.
        data: what it says.
        lines: path to a part → its 1-based line.
    """

    where: str
    data: Mapping[str, Any]
    lines: Mapping[tuple[str | int, ...], int]

    def told(self, path: Sequence[str | int], text: str) -> str:
        """A mistake with its file, line and path; the line is the innermost part's that is there."""
        steps = tuple(path)
        line = next((self.lines[steps[:n]] for n in range(len(steps), -1, -1) if steps[:n] in self.lines), 1)
        name = ".".join(str(step) for step in steps)
        return f"{self.where}:{line}: {name + ': ' if name else ''}{text}"


def read(text: str, where: str) -> Written:
    """What a file says.

    Raises:
        SettingsError: it is no YAML mapping, or a key is written twice.
    """
    if len(text) > _LONGEST:
        raise SettingsError([f"{where}: longer than {_LONGEST:,} characters: this is no policy"])
    lines: dict[tuple[str | int, ...], int] = {}
    mistakes: list[str] = []
    try:
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)  # pyright: ignore[reportUnknownMemberType]
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            raise SettingsError([f"{where}: anchors and aliases are not read here: write it out"])
        _walk(node, (), lines, mistakes, where)
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise SettingsError([f"{where}:{mark.line + 1 if mark else 1}: not valid YAML: {problem}"]) from error
    except (RecursionError, ValueError) as error:
        raise SettingsError([f"{where}: cannot be read: {error}"]) from error
    if not isinstance(data, dict):
        mistakes.append(f"{where}:1: is no mapping")
    if mistakes:
        raise SettingsError(mistakes)
    return Written(where, cast("dict[str, Any]", data), lines)


def _walk(
    node: Any, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int], mistakes: list[str], where: str
) -> None:
    if node is None:
        return
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                mistakes.append(f"{where}:{key.start_mark.line + 1}: {name!r} is written twice")
            seen.add(name)
            lines[*path, name] = key.start_mark.line + 1
            _walk(value, (*path, name), lines, mistakes, where)
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            _walk(value, (*path, place), lines, mistakes, where)
