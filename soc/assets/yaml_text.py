"""The text of a YAML file in, the rows of its tables and every mistake of its form out, each with line and path.

    systems:
      - key: portal
        name: …
        hosts:            # nested: they serve this system
          - name: web01

The tables stand at the top (``units``, ``systems``, ``hosts``, ``log_sources``, ``contacts``); of a system the last three may stand in
the system itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

from soc.assets.csv_text import text_of
from soc.assets.mistakes import Mistake, MistakesError
from soc.assets.tables import TABLES, Cell, Column, Row, Table, column_named, table_named
from soc.assets.values import cleaned

MAX_DEPTH = 12
"""Levels of nesting: a register has five. The parser calls itself for each, so deeper texts are refused before it sees them."""

_NESTED: Mapping[Table, str] = {"hosts": "systems", "log_sources": "system", "contacts": "of"}
_NULL = "tag:yaml.org,2002:null"


class _Found:
    """What was found so far in one file."""

    def __init__(self, file: str, mistakes: list[Mistake]) -> None:
        self.file = file
        self.mistakes = mistakes
        self.rows: list[Row] = []
        self.tables: set[Table] = set()

    def mistake(self, node: yaml.Node, path: str, reason: str) -> None:
        """Note a mistake where a node begins."""
        self.mistakes.append(Mistake(self.file, _line(node), path, reason))


def rows(file: str, data: bytes, mistakes: list[Mistake]) -> tuple[list[Row], frozenset[Table]]:
    """The rows of a file, and which tables it has (also empty ones); what is wrong is added to ``mistakes``.

    Raises:
        MistakesError: it is no YAML.
    """
    found = _Found(file, mistakes)
    root = _root(file, text_of(file, data))
    if root is None or (isinstance(root, yaml.ScalarNode) and root.tag == _NULL):
        return [], frozenset()
    if not isinstance(root, yaml.MappingNode):
        found.mistake(root, "", f"must hold tables: {', '.join(TABLES)}")
        return [], frozenset()
    for name, key, value in _pairs(root, "", found):
        table = table_named(name)
        if table is None:
            found.mistake(key, name, f"is no table of the register; known are {', '.join(TABLES)}")
            continue
        _table(table, value, name, found)
    return found.rows, frozenset(found.tables)


def _root(file: str, text: str) -> yaml.Node | None:
    try:
        depth = 0
        for event in yaml.parse(text, yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                mark = cast("Any", event).start_mark
                reason = "anchors (&) and aliases (*) are not taken: write the value out"
                raise MistakesError([Mistake(file, mark.line + 1, "", reason)])
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                mark = cast("Any", event).start_mark
                raise MistakesError([Mistake(file, mark.line + 1, "", f"is nested deeper than {MAX_DEPTH} levels")])
        return yaml.compose(text, yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise MistakesError([Mistake(file, mark.line + 1 if mark else 0, "", f"is no YAML: {said}")]) from error
    except yaml.YAMLError as error:
        raise MistakesError([Mistake(file, 0, "", f"is no YAML: {' '.join(str(error).split())}")]) from error


def _line(node: yaml.Node) -> int:
    return cast("int", cast("Any", node).start_mark.line) + 1


def _pairs(node: yaml.MappingNode, path: str, found: _Found) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """The pairs of a mapping; one that is written twice is a mistake and only the first counts."""
    seen: set[str] = set()
    for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        at = f"{path}.{name}" if path else str(name)
        if not name:
            found.mistake(key, path, "a key must be a word")
        elif name in seen:
            found.mistake(key, at, "is written twice")
        else:
            seen.add(name)
            yield name, key, value


def _table(table: Table, node: yaml.Node, path: str, found: _Found, given: Mapping[str, Cell] | None = None) -> None:
    """The rows of a list of entries.

    Args:
        given: cells of what the list is nested in.
    """
    found.tables.add(table)
    if isinstance(node, yaml.ScalarNode) and (node.tag == _NULL or not node.value):
        return
    if not isinstance(node, yaml.SequenceNode):
        found.mistake(node, path, "must be a list of entries, each beginning with a hyphen")
        return
    for number, item in enumerate(cast("list[yaml.Node]", node.value)):
        at = f"{path}[{number}]"
        if isinstance(item, yaml.MappingNode):
            _entry(table, item, at, found, given)
        else:
            found.mistake(item, at, f"must be an entry with {', '.join(TABLES[table])}")


def _entry(table: Table, node: yaml.MappingNode, path: str, found: _Found, given: Mapping[str, Cell] | None) -> None:
    cells: dict[str, Cell] = {}
    nested: list[tuple[Table, yaml.Node, str]] = []
    for name, key, value in _pairs(node, path, found):
        at = f"{path}.{name}"
        column = column_named(table, name)
        below = table_named(name) if table == "systems" else None
        if column is None and below is not None and below in _NESTED:
            nested.append((below, value, at))
        elif column is None:
            known = [*TABLES[table], *(_NESTED if table == "systems" else ())]
            found.mistake(key, at, f"is no field of {table}; known are {', '.join(known)}")
        elif column.name in cells:
            found.mistake(key, at, f"is the field {column.name} a second time")
        elif (cell := _cell(column, value, at, found)) is not None:
            cells[column.name] = cell
    for name, cell in (given or {}).items():
        if name in cells:
            own = cells[name]
            found.mistakes.append(
                Mistake(found.file, own.row, own.column, "is said by where the entry stands: leave it out")
            )
        cells[name] = cell
    found.rows.append(Row(table, found.file, _line(node), path, cells))
    if nested:
        own = cells.get("key", Cell((), _line(node), path))
        for below, value, at in nested:
            _table(below, value, at, found, {_NESTED[below]: own})


def _cell(column: Column, node: yaml.Node, path: str, found: _Found) -> Cell | None:
    if isinstance(node, yaml.ScalarNode):
        text = "" if node.tag == _NULL else cleaned(str(node.value))
        return Cell((text,), _line(node), path) if text else None
    if isinstance(node, yaml.SequenceNode) and column.many:
        texts: list[str] = []
        for number, item in enumerate(cast("list[yaml.Node]", node.value)):
            if not isinstance(item, yaml.ScalarNode):
                found.mistake(item, f"{path}[{number}]", "must be one value, not a list or a mapping")
            elif item.tag != _NULL and (text := cleaned(str(item.value))):
                texts.append(text)
        return Cell(tuple(texts), _line(node), path) if texts else None
    what = "a list of values" if column.many else "one value"
    found.mistake(node, path, f"must be {what}, not {'a list' if isinstance(node, yaml.SequenceNode) else 'a mapping'}")
    return None
