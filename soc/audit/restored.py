"""Breaks of chains that are no crime: a back-up was restored. An administrator declares it, an auditor countersigns; both in lines.

    act declare_break       object break/<chain>@<seq>:<hash>     the head kept elsewhere that the chain no longer goes through
                            detail <seq>:<hash> <why>             the line after which the restored chain goes on
    act countersign_break   object declared/<hash of that line>   by somebody else

A declaration counts only with both, and only if the chain really goes through the line that it names.
"""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from soc.audit.chain import Entry, Head
from soc.clock import Micros, to_iso

DECLARE, COUNTERSIGN = "declare_break", "countersign_break"
_OBJECT = re.compile(r"break/(?P<chain>[^@]{1,200})@(?P<seq>[0-9]{1,15}):(?P<hash>[0-9a-f]{64})")
_DETAIL = re.compile(r"(?P<seq>[0-9]{1,15}):(?P<hash>[0-9a-f]{64}) (?P<why>.+)", re.DOTALL)


class Declared(NamedTuple):
    """One declared break.

    Attributes:
        id: hash of the line that declares it.
        lost: the head kept elsewhere that was lost.
        kept: the line after which the chain goes on.
        countersigner: "" while nobody has.
    """

    id: str
    lost: Head
    kept: Head
    actor: str
    at: Micros
    why: str
    countersigner: str = ""

    @property
    def said(self) -> str:
        """For people."""
        return (
            f"lines {self.kept.seq + 1} to {self.lost.seq} of the head were lost by a restore, declared by {self.actor}"
            f" at {to_iso(self.at)}, countersigned by {self.countersigner}: {self.why}"
        )


def declaration(lost: Head, kept: Head, actor: str, at: Micros, why: str) -> Entry:
    """The line that declares a break."""
    where = f"break/{lost.chain}@{lost.seq}:{lost.hash}"
    return Entry(at, actor, DECLARE, where, f"{kept.seq}:{kept.hash} {why}")


def countersignature(declared: str, actor: str, at: Micros, note: str) -> Entry:
    """The line that countersigns a declaration by its id."""
    return Entry(at, actor, COUNTERSIGN, f"declared/{declared}", note)


def is_about_breaks(line: bytes) -> bool:
    """Whether a line may be one of the two: cheap, for every line of every chain."""
    return b'"act":"declare_break"' in line or b'"act":"countersign_break"' in line


def declared_in(lines: Iterable[bytes]) -> list[Declared]:
    """The breaks that these lines declare, in order; what is no declaration is left out.

    Nobody countersigns his own declaration.
    """
    found: dict[str, Declared] = {}
    for line in lines:
        try:
            tree = json.loads(line)
            act, actor, at = str(tree["act"]), str(tree["actor"]), int(tree["at"])
            thing, detail, digest = str(tree["object"]), str(tree["detail"]), str(tree["hash"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if act == DECLARE:
            lost, kept = _OBJECT.fullmatch(thing), _DETAIL.fullmatch(detail)
            if lost and kept:
                gone = Head(lost["chain"], int(lost["seq"]), lost["hash"])
                left = Head(lost["chain"], int(kept["seq"]), kept["hash"])
                found[digest] = Declared(digest, gone, left, actor, at, kept["why"])
        elif act == COUNTERSIGN:
            declared = found.get(thing.removeprefix("declared/"))
            if declared is not None and actor != declared.actor and not declared.countersigner:
                found[declared.id] = declared._replace(countersigner=actor)
    return list(found.values())
