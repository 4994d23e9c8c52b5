"""``soc.silences``, ``soc.directives``: what stands beside alerts and incidents, written by triage from people's acts."""

from typing import Literal

import msgspec

from soc.clock import Micros


class Silence(msgspec.Struct, frozen=True):
    """Alerts that match are kept and marked, and nobody is called for them.

    Attributes:
        id: begins with the month it was made in.
        version: the fold's sequence at the last change; the store's external version.
        kind: ``maintenance``: announced work on a system; ``silence``: known noise.
        matchers: (field, value) that must all hold: ``rule.id``, ``system``, ``unit``, ``level`` or an entity's field; a value
            may be an address range (CIDR).
        starts, ends: it always ends; ``ended_at`` by hand, before its time.
        covered: how many alerts it has marked.
    """

    id: str
    version: int
    revision: int
    kind: Literal["silence", "maintenance"]
    matchers: tuple[tuple[str, str], ...]
    starts: Micros
    ends: Micros
    owner: str
    reason: str
    made: Micros
    ended_at: Micros | None = None
    ended_by: str = ""
    covered: int = 0


class Directive(msgspec.Struct, frozen=True):
    """A directive from above (chỉ đạo): what is asked, until when, and what was answered.

    Attributes:
        id: begins with the month it was entered in.
        number, issuer: as on the paper: ``123/CV-A05``.
        due: when the answer is expected; None where the paper sets no time.
        incident_ids: what it is about, as far as it is known.
    """

    id: str
    version: int
    revision: int
    number: str
    issuer: str
    title: str
    text: str
    made: Micros
    made_by: str
    due: Micros | None = None
    status: Literal["open", "answered", "closed"] = "open"
    answer: str = ""
    answered_at: Micros | None = None
    answered_by: str = ""
    closed_at: Micros | None = None
    incident_ids: tuple[str, ...] = ()
