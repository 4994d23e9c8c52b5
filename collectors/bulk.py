"""The body of Elasticsearch's bulk API: bytes in, its actions in order out (Elasticsearch API documentation, "Bulk API").

{"create": {"_index": "logs", "_id": "7"}}      an action
{"@timestamp": ...}                             its document, in the sender's own bytes; delete has none
"""

from dataclasses import dataclass
from typing import Literal, get_args

import msgspec

from collectors.bodies import BodyError

Operation = Literal["index", "create", "update", "delete"]

MAX_ACTIONS = 100_000
"""Each one costs a line of the answer: the smallest are 14 bytes, so a body within its limit could hold a million."""

_OPERATIONS = frozenset(get_args(Operation))
_ADVICE = 'write {"index": {}} or {"create": {}} and the document on a line each, and end the last one with LF'


class _Meta(msgspec.Struct, frozen=True, rename={"index": "_index", "id": "_id"}):
    index: str | None = None
    id: str | int | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    Attributes:
        operation: what is to be done with the document.
        index: its index, the one of the URL where the action names none.
        id: ``_id``, ``""`` if the sender gives none.
        document: its bytes; None for ``delete``.
    """

    operation: str
    index: str
    id: str
    document: bytes | None


_action = msgspec.json.Decoder(dict[str, _Meta | None])


def actions(body: bytes, index: str) -> list[Action]:
    """The actions of a body; ``index`` is the one of the URL.

    Raises:
        BodyError: 400 for a line that is no action, or an action without its document; 413 for too many.
    """
    found: list[Action] = []
    lines = body.split(b"\n")
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        if not line.strip(b" \t\r"):
            continue
        if len(found) >= MAX_ACTIONS:
            raise BodyError(413, f"more than {MAX_ACTIONS} actions in one request", "send them in several")
        try:
            ((operation, meta),) = _action.decode(line).items()
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            raise BodyError(400, f"line {at} of the body is no action", _ADVICE) from error
        if operation not in _OPERATIONS:
            raise BodyError(400, f"line {at} of the body is an unknown action", _ADVICE)
        document = None
        if operation != "delete":
            document = lines[at].removesuffix(b"\r") if at < len(lines) else b""
            if not document:
                raise BodyError(400, f"the action of line {at} has no document", _ADVICE)
            at += 1
        meta = meta or _Meta()
        found.append(Action(operation, meta.index or index, "" if meta.id is None else str(meta.id), document))
    if not found:
        raise BodyError(400, "the body holds no action", _ADVICE)
    return found
