"""Who may do what: the acts of people and the roles they are done under, as one table that triage and the console share.

Two separations matter (issue 7; NĐ 331/2026 leaves them to the owner of the system): nobody but an approver releases a
report, and the administrator, who could give himself any account, neither approves nor closes. An approver is a senior
analyst in a small centre, so he may do what an analyst does; requiring a *second* person is a matter of policy, not of this table.
"""

from collections.abc import Mapping
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
]
"""What people do that triage need not answer."""
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
    "retry": frozenset[Role]((*_PEOPLE_ON_SHIFT, "rule_writer", "administrator")),
    "view": frozenset(ROLES),
    "unmask": frozenset({"analyst", "lead", "approver"}),
    "export": frozenset({"lead", "approver", "auditor"}),
    "edit_register": frozenset({"lead", "administrator"}),
    "import_intelligence": frozenset({"lead", "rule_writer"}),
    "read_audit": frozenset({"auditor"}),
    "write_rules": frozenset({"rule_writer"}),
    "administer": frozenset({"administrator"}),
}
"""Act → the roles that may do it. An act that is not here is nobody's."""


def may(role: str, act: str) -> bool:
    """Whether ``role`` may do ``act``; an unknown role or act may not."""
    return role in ALLOWED.get(act, frozenset())
