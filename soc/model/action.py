"""``soc.actions``: one act of a person or API client, and ``soc.answers``: what became of it."""

from typing import Any, Literal

import msgspec

from soc.clock import Micros

ActionKind = Literal[
    "acknowledge",  # alert or incident
    "close",  # alert or incident; changes {"verdict", "reason"}
    "reopen",
    "assign",  # changes {"owner"}
    "note",  # changes {"text"}
    "approve",  # incident; changes {"report_kind", "payload_sha256"}: the hash of the previewed bytes; "incident_version" if known
    "merge",  # incident; changes {"into"}
    "detach",  # alert from its incident
]


class Action(msgspec.Struct, frozen=True):
    """One act.

    Attributes:
        id: unique, chosen by the client: repeating an act changes nothing.
        at: when the server took it.
        actor: the user's name.
        role: the role it was done under.
        kind: what is done.
        target: ``alert`` or ``incident``.
        target_id: which one.
        expected_revision: the ``revision`` of the human fields that the person saw; a stale one is answered with conflict.
        changes: the act's arguments, see ``ActionKind``.
    """

    id: str
    at: Micros
    actor: str
    role: str
    kind: ActionKind
    target: Literal["alert", "incident"]
    target_id: str
    expected_revision: int
    changes: dict[str, Any] = {}


class Answer(msgspec.Struct, frozen=True):
    """What triage made of an action.

    Attributes:
        action_id: the action's id.
        outcome: ``conflict``: the target changed since it was seen; ``refused``: not possible in its state.
        reason: for people: what changed, or why not.
        revision: the target's revision now.
    """

    action_id: str
    outcome: Literal["accepted", "conflict", "refused"]
    reason: str
    target: str
    target_id: str
    revision: int
