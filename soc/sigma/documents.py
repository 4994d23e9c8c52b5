"""YAML text in, documents with their lines out: what each file of a bundle holds, before anybody asks what it means."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import yaml

from soc.errors import RuleError

_MAX_NODES: Final = 200_000
"""YAML nodes of one document with its aliases written out: more is an alias bomb, not a rule."""


class _Loader(yaml.CSafeLoader):
    """The C parser; a key written twice is an error, as in pySigma's own loader (else the last would win in silence)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # its signature
        """See ``yaml``."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key.value!r} is written twice", key.start_mark
                    )
                seen.add(key.value)
        return cast("dict[Any, Any]", super().construct_mapping(node, deep=deep))


@dataclass(slots=True)
class Document:
    """One YAML document of a rule file.

    Attributes:
        line: 1-based line where it begins.
        text: its own text.
        data: what it says.
    """

    path: str
    line: int
    text: str
    data: dict[str, Any]
    node: yaml.Node = field(repr=False)

    def line_of(self, *keys: str) -> int:
        """The 1-based line of the innermost of nested ``keys`` that is there, e.g. ``line_of("correlation", "rules")``."""
        node, line = self.node, self.line
        for key in keys:
            found = next(((k, v) for k, v in _pairs(node) if getattr(k, "value", None) == key), None)
            if found is None:
                break
            line = found[0].start_mark.line + 1
            node = found[1]
        return line

    def error(self, reason: str, *keys: str) -> RuleError:
        """A refusal of this document, at the line of ``keys``."""
        return RuleError(self.path, self.line_of(*keys), reason)


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def read(path: str, text: str) -> tuple[list[Document], list[RuleError]]:
    """The documents of one file; what is no mapping, or no YAML, is an error. A syntax error ends the file there."""
    documents: list[Document] = []
    errors: list[RuleError] = []
    lines = text.splitlines()
    try:
        for node, data in _nodes(text):
            line = node.start_mark.line + 1
            if data is None:
                continue
            if not isinstance(data, Mapping):
                errors.append(RuleError(path, line, "not a rule: a document must be a mapping of keys to values"))
                continue
            own = "\n".join(lines[line - 1 : node.end_mark.line + 1])
            own = re.split(r"^(?:---|\.\.\.)\s*$", own, maxsplit=1, flags=re.MULTILINE)[0].strip("\n")
            documents.append(Document(path, line, own, dict(cast("Mapping[str, Any]", data)), node))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        errors.append(RuleError(path, mark.line + 1 if mark else 0, f"not valid YAML: {problem}"))
    except (ValueError, RecursionError, TypeError) as error:
        # ValueError: a date such as 2024-13-45; TypeError: a key that is a mapping; RecursionError: nested beyond reason.
        errors.append(RuleError(path, 0, f"not valid YAML: {error}"))
    return documents, errors


def _nodes(text: str) -> Iterator[tuple[yaml.Node, Any]]:
    loader = _Loader(text)
    aliased = "&" in text and "*" in text
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                continue
            if aliased and _size(node, {}) > _MAX_NODES:
                raise yaml.constructor.ConstructorError(
                    None, None, "its aliases write out to too much", node.start_mark
                )
            yield node, cast("Any", loader).construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Nodes with aliases written out, each node visited once."""
    size = known.get(id(node))
    if size is None:
        known[id(node)] = 0  # a node within itself: constructing it is refused elsewhere
        size = 1
        if isinstance(node, yaml.MappingNode):
            size += sum(_size(k, known) + _size(v, known) for k, v in node.value)
        elif isinstance(node, yaml.SequenceNode):
            size += sum(_size(item, known) for item in node.value)
        known[id(node)] = size
    return size
