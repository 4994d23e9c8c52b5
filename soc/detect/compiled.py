"""What of ``native.pyx`` was built on this machine; None where nothing was: whoever asks then does the same in Python.

It is built by hatchling (``.ci/native.py``) where there is a C compiler. It never decides a result, only how long that takes (ADR 0026).
"""

from collections.abc import Collection, Iterable
from typing import Any, Final, Protocol

try:
    from soc.detect import native
except ImportError:
    native = None

_SHORTEST: Final = 4
_MOST: Final = 1_024


class Gate(Protocol):
    """What may let an event pass that has none of some literals."""

    def possible(self, fields: dict[str, Any]) -> bool:
        """False only if none of the literals is in a value of the event."""
        ...


def gate(literals: Collection[str], odd: Iterable[str]) -> Gate | None:
    """The gate for these literals; None where nothing was built, or it takes no such literals.

    Args:
        literals: case-folded.
        odd: the characters beyond ASCII whose folding has ASCII characters.
    """
    fit = 0 < len(literals) <= _MOST and all(len(literal) >= _SHORTEST and literal.isascii() for literal in literals)
    return native.Gate(literals, odd) if native is not None and fit else None
