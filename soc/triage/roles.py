"""Who may do what: the acts of people and the roles they are done under, as one table that triage and the console share.

Two separations matter (issue 7; NĐ 331/2026 leaves them to the owner of the system): nobody but an approver releases a
report, and the administrator, who could give himself any account, neither approves nor closes nor unmasks, nor reads the audit
that watches him. An approver is a senior analyst in a small centre, so he may do what an analyst does; requiring a *second*
person is a matter of policy, not of this table.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal, get_args

from soc.model import ActionKind

Role = Literal["viewer", "analyst", "lead", "approver", "rule_writer", "administrator", "auditor"]
ROLES: tuple[Role, ...] = get_args(Role)

OtherAct = Literal[
    "retry",
    "view",
    "read_audit",
    "write_rules",
    "administer",
    "unmask",
    "export",
    "edit_register",
    "import_intelligence",
    "declare_break",
    "countersign_break",
]
"""What people do that triage need not answer. ``declare_break``: say that audit chains were restored from a back-up; it counts only
after ``countersign_break`` by somebody else."""
Act = ActionKind | OtherAct

_PEOPLE_ON_SHIFT: frozenset[Role] = frozenset({"analyst", "lead", "approver"})
_DECIDE: frozenset[Role] = frozenset({"lead", "approver"})

ALLOWED: Mapping[str, frozenset[Role]] = {
    **dict.fromkeys(("acknowledge", "close", "reopen", "assign", "note", "merge", "detach"), _PEOPLE_ON_SHIFT),
    **dict.fromkeys(("split", "link", "unlink", "start", "contain", "describe", "pin"), _PEOPLE_ON_SHIFT),
    **dict.fromkeys(("add_task", "answer_task", "close_task", "answer_directive"), _PEOPLE_ON_SHIFT),
    **dict.fromkeys(("confirm", "classify", "set_t0", "silence", "end_silence"), _PEOPLE_ON_SHIFT),
    **dict.fromkeys(("unconfirm", "exercise", "direct", "close_directive"), _DECIDE),
    "approve": frozenset({"approver"}),
    "countersign": frozenset({"approver"}),
    "settle": frozenset({"approver"}),
    "retry": frozenset[Role]((*_PEOPLE_ON_SHIFT, "rule_writer", "administrator")),
    "view": frozenset(ROLES),
    "unmask": frozenset({"analyst", "lead", "approver"}),
    "export": frozenset({"lead", "approver", "auditor"}),
    "edit_register": frozenset({"lead", "administrator"}),
    "import_intelligence": frozenset({"lead", "rule_writer"}),
    "read_audit": frozenset({"auditor"}),
    "write_rules": frozenset({"rule_writer"}),
    "administer": frozenset({"administrator"}),
    "declare_break": frozenset({"administrator"}),
    "countersign_break": frozenset({"auditor"}),
}
"""Act → the roles that may do it. An act that is not here is nobody's."""

WHOLE: frozenset[str] = frozenset(
    {
        "retry",
        "read_audit",
        "write_rules",
        "administer",
        "edit_register",
        "import_intelligence",
        "direct",
        "answer_directive",
        "close_directive",
        "declare_break",
        "countersign_break",
    }
)
"""Acts that concern the whole installation: whoever is limited to some organizations may not do them, whatever his roles."""

SEPARATE: frozenset[str] = frozenset({"close", "approve", "countersign", "settle", "unmask", "read_audit"})
"""What an administrator never does: an account with that role is not given a role that may do one of these."""


def may(role: str, act: str) -> bool:
    """Whether ``role`` may do ``act``; an unknown role or act may not."""
    return role in ALLOWED.get(act, frozenset())


def in_scope(units: Collection[str], owned: Collection[str]) -> bool:
    """Whether somebody limited to ``units`` (() is not limited) may act on what belongs to ``owned``; what nobody owns is not his."""
    return not units or any(unit in units for unit in owned)


def is_split(roles: Iterable[str]) -> bool:
    """Whether one account may hold these roles: the administrator does nothing of ``SEPARATE``."""
    held = set(roles)
    return "administrator" not in held or not any(may(role, act) for role in held for act in SEPARATE)
