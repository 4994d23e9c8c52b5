"""YAML text in, documents with their lines out: what each file of a bundle holds, before anybody asks what it means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import yaml

from soc.errors import RuleError

_MAX_NODES: Final = 200_000
"""YAML nodes of one document with its aliases written out: more is an alias bomb, not a rule."""
_MAX_DEPTH: Final = 100
"""Levels of nesting: a rule has six."""
_TOO_DEEP: Final = f"it is nested deeper than {_MAX_DEPTH} levels"
_SHALLOW: Final = 10_000
"""Characters of a text that is given to the parser as it is: a level takes at least one of them, and the parser calls itself
for each level until, with some tens of thousands of ``[``, the process dies of it."""

_WITHIN: Final = 0
"""The size of a node while it is being counted."""

_TEXT: Final = "tag:yaml.org,2002:str"
_LIST: Final = "tag:yaml.org,2002:seq"
_MAP: Final = "tag:yaml.org,2002:map"
_MERGE: Final = "tag:yaml.org,2002:merge"


class _Loader(yaml.CSafeLoader):
    """The C parser; a key written twice is an error, as in pySigma's own loader (else the last would win in silence)."""

    def build(self, node: yaml.Node, depth: int = 0) -> Any:
        """What a node without aliases says: what ``construct_document`` gives, in a third of its time."""
        if isinstance(node, yaml.ScalarNode):
            return node.value if node.tag == _TEXT else self.scalar(node)
        if depth >= _MAX_DEPTH:
            raise _error(_TOO_DEEP, node)
        if isinstance(node, yaml.SequenceNode) and node.tag == _LIST:
            return [self.build(item, depth + 1) for item in node.value]
        if node.tag != _MAP or any(key.tag == _MERGE for key, _ in node.value):
            return cast("Any", self).construct_document(node)
        built: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _error("a key must be a word, not a list or a mapping", key)
            name = key.value if key.tag == _TEXT else self.scalar(key)
            built[name] = self.build(value, depth + 1)
        if len(built) != len(node.value):
            _refuse_repeats(cast("yaml.MappingNode", node))
        return built

    def scalar(self, node: yaml.Node) -> Any:
        """A number, a date, a truth value or null."""
        try:
            return cast("Any", self).construct_object(node)
        except ValueError as error:  # a date such as 2024-13-45
            raise _error(str(error), node) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # its signature
        """See ``yaml``."""
        _refuse_repeats(node)
        return cast("dict[Any, Any]", super().construct_mapping(node, deep=deep))


def _error(problem: str, where: yaml.Node | yaml.Event) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, cast("Any", where).start_mark)


def _refuse_repeats(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
            if key.value in seen:
                raise _error(f"key {key.value!r} is written twice", key)
            seen.add(key.value)


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
    _node: yaml.Node | None = field(default=None, repr=False, compare=False)

    def line_of(self, *keys: str) -> int:
        """The 1-based line of the innermost of nested ``keys`` that is there, e.g. ``line_of("correlation", "rules")``.

        The first time it reads the text once more: few documents are asked, and the places of all keys of all documents weigh
        more than the rules.
        """
        line = self.line
        if self._node is None:
            try:
                self._node = next(_nodes(self.text), (None, None))[0]
            except yaml.YAMLError:  # a tag that was declared before the document began
                return line
        node: Any = self._node
        for key in keys:
            pairs: list[tuple[Any, Any]] = node.value if isinstance(node, yaml.MappingNode) else []
            found = next(((k, v) for k, v in pairs if getattr(k, "value", None) == key), None)
            if found is None:
                break
            line = self.line + cast("int", found[0].start_mark.line)
            node = found[1]
        return line

    def error(self, reason: str, *keys: str) -> RuleError:
        """A refusal of this document, at the line of ``keys``."""
        return RuleError(self.path, self.line_of(*keys), reason)


def read(path: str, text: str) -> tuple[list[Document], list[RuleError]]:
    """The documents of one file; what is no mapping, or no YAML, is an error. A syntax error ends the file there."""
    documents: list[Document] = []
    errors: list[RuleError] = []
    text = text.removeprefix("\ufeff")
    try:
        for node, data in _nodes(text):
            start, end = node.start_mark, node.end_mark
            if data is None:
                continue
            if not isinstance(data, Mapping):
                reason = "not a rule: a document must be a mapping of keys to values"
                errors.append(RuleError(path, start.line + 1, reason))
                continue
            indent = text[start.index - start.column : start.index]
            own = (indent if indent.isspace() else "") + text[start.index : end.index].rstrip()
            documents.append(Document(path, start.line + 1, own, dict(cast("Mapping[str, Any]", data))))
    except yaml.YAMLError as error:
        errors.append(RuleError(path, *_told(error, text)))
    except (ValueError, RecursionError, TypeError) as error:
        # Of documents with aliases, which yaml constructs by itself: a date such as 2024-13-45, a key that is a mapping.
        errors.append(RuleError(path, 0, f"not valid YAML: {error}"))
    return documents, errors


def _told(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """Line and reason."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode()[: error.position].count(b"\n") + 1
        return line, f"not valid YAML: {error.reason}: #x{error.character:02x}"
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return mark.line + 1 if mark else 0, f"not valid YAML: {problem}"


def _nodes(text: str) -> Iterator[tuple[yaml.Node, Any]]:
    if len(text) > _SHALLOW:
        _refuse_depth(text)
    loader = _Loader(text)
    aliased = "&" in text and "*" in text
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                continue
            if not aliased:
                yield node, loader.build(node)
                continue
            if _size(node, {}) > _MAX_NODES:
                raise _error("its aliases write out to too much", node)
            yield node, cast("Any", loader).construct_document(node)
    finally:
        loader.dispose()


def _refuse_depth(text: str) -> None:
    """Counts levels as the parser meets them, without calling itself."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise _error(_TOO_DEEP, event)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Nodes with aliases written out, each node visited once."""
    size = known.get(id(node))
    if size is None:
        known[id(node)] = _WITHIN
        size = 1
        if isinstance(node, yaml.MappingNode):
            size += sum(_size(k, known) + _size(v, known) for k, v in node.value)
        elif isinstance(node, yaml.SequenceNode):
            size += sum(_size(item, known) for item in node.value)
        known[id(node)] = size
    elif size == _WITHIN:
        raise _error("an alias stands within what it repeats", node)
    return size
