"""``soc.actions``: one act of a person or API client, and ``soc.answers``: what became of it."""

from typing import Any, Literal

import msgspec

from soc.clock import Micros

Target = Literal["alert", "incident", "silence", "directive"]

ActionKind = Literal[
    "acknowledge",  # alert or incident
    "close",  # alert or incident; changes {"verdict", "reason"}
    "reopen",
    "assign",  # changes {"owner"}
    "note",  # changes {"text"}
    "approve",  # incident; changes {"report_kind", "payload_sha256"}: the hash of the previewed bytes; "incident_version",
    # "recipient", "by_telephone" if there are; "missing" and "missing_reason" where required fields are empty
    "settle",  # incident; changes {"report_id", "decision", "number", "reason"}: see model.Settlement
    "countersign",  # incident; changes {"report_kind", "payload_sha256"}
    "merge",  # incident; changes {"into"}
    "split",  # incident; changes {"alerts": [...], "reason"}: they become an incident of their own
    "detach",  # alert from its incident
    "link",  # incident; changes {"to", "reason"}
    "unlink",  # incident; changes {"to"}
    "start",  # incident: somebody works on it
    "contain",  # incident: it can do no more harm
    "confirm",  # incident: it is an incident (sự cố), not only an event (sự kiện); changes {"reason"}
    "unconfirm",  # incident; changes {"reason"}
    "classify",  # incident; changes {"severity", "flags", "tlp", "keep_secret", "reason"}
    "set_t0",  # incident; changes {"at", "reason"}: only ever earlier
    "describe",  # incident; changes {"particulars": {field: text}}
    "exercise",  # incident; changes {"exercise": bool, "reason"}
    "add_task",  # incident; changes {"title", "unit", "due"}
    "answer_task",  # incident; changes {"task", "reply"}
    "close_task",  # incident; changes {"task", "status": "done" | "dropped"}
    "pin",  # incident; changes: the fields of model.Evidence that the collector filled
    "silence",  # silence (new); changes: matchers, kind, starts, ends, reason
    "end_silence",  # silence; changes {"reason"}
    "direct",  # directive (new); changes {"number", "issuer", "title", "text", "due"}
    "answer_directive",  # directive; changes {"answer"}
    "close_directive",  # directive; changes {"reason"}
]


class Action(msgspec.Struct, frozen=True):
    """One act.

    Attributes:
        id: unique, chosen by the client: repeating an act changes nothing.
        at: when the server took it.
        actor: the user's name.
        role: the role it was done under.
        kind: what is done.
        target: what it is done to.
        target_id: which one; of a new silence or directive the id it gets.
        expected_revision: the ``revision`` of the human fields that the person saw; a stale one is answered with conflict. 0 for
            what is new.
        changes: the act's arguments, see ``ActionKind``.
        units: the actor's scope: () is everything, else an act on what belongs to other organizations is refused.
    """

    id: str
    at: Micros
    actor: str
    role: str
    kind: ActionKind
    target: Target
    target_id: str
    expected_revision: int
    changes: dict[str, Any] = {}
    units: tuple[str, ...] = ()


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
