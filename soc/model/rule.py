"""What an alert needs to know of its rule, and the bundle a rule set travels in (``soc.rules``)."""

import hashlib
from typing import NamedTuple

import msgspec


class RuleInfo(msgspec.Struct, frozen=True):
    """A rule as people see it.

    Attributes:
        id: the rule's id, or its name, or a digest of its content where it has neither.
        level: ``informational`` ``low`` ``medium`` ``high`` ``critical``.
        title_vi: from the custom attribute ``soc: {title_vi: ...}``; "" where there is none.
        tags: as written, e.g. ``attack.t1110.001``.
        yaml: the rule's source text, for the alert page.
        path: where it was read from.
        line: 1-based line of the document in its file.
        type: ``event`` or the correlation type.
        entities: fields whose values are the entities of an alert; () = the default list of triage.
        risk: 0 to 100, from ``soc:``; None where the rule does not say.
        runbook: what to do about it, from ``soc:``.
    """

    id: str
    title: str
    level: str = "medium"
    title_vi: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    author: str = ""
    yaml: str = ""
    path: str = ""
    line: int = 1
    type: str = "event"
    entities: tuple[str, ...] = ()
    risk: int | None = None
    runbook: str = ""


class Unread(NamedTuple):
    """A rule file, or a folder of them, that could not be read; ``line`` 0 is all of it."""

    path: str
    line: int
    reason: str


class Bundle(msgspec.Struct, frozen=True):
    """A rule set as it was loaded: the texts themselves, so that any stage at any time compiles exactly the same rules.

    Attributes:
        files: (path, text) of every rule and filter file, sorted by path.
        pipelines: (path, text) of every field map, sorted by path.
        unread: files that have no text to put here: they are refused with the others.
    """

    files: tuple[tuple[str, str], ...]
    pipelines: tuple[tuple[str, str], ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 over paths and texts, first 32 hex digits."""
        parts: dict[str, object] = {"files": self.files, "pipelines": self.pipelines}
        if self.unread:
            parts["unread"] = self.unread
        return hashlib.sha256(msgspec.msgpack.encode(parts)).hexdigest()[:32]
