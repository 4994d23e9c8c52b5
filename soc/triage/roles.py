"""Who may do what: the acts of people and the roles they are done under, as one table that triage and the console share.

Two separations matter (issue 7; NĐ 331/2026 leaves them to the owner of the system): nobody but an approver releases a
report, and the administrator, who could give himself any account, neither approves nor closes. An approver is a senior
analyst in a small centre, so he may do what an analyst does; requiring a *second* person is a matter of policy, not of this table.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from soc.model import ActionKind

Role = Literal["viewer", "analyst", "approver", "rule_writer", "administrator", "auditor"]
ROLES: tuple[Role, ...] = get_args(Role)

Act = ActionKind | Literal["retry", "view", "read_audit", "write_rules", "administer"]

_PEOPLE_ON_SHIFT: frozenset[Role] = frozenset({"analyst", "approver"})

ALLOWED: Mapping[str, frozenset[Role]] = {
    "acknowledge": _PEOPLE_ON_SHIFT,
    "close": _PEOPLE_ON_SHIFT,
    "reopen": _PEOPLE_ON_SHIFT,
    "assign": _PEOPLE_ON_SHIFT,
    "note": _PEOPLE_ON_SHIFT,
    "merge": _PEOPLE_ON_SHIFT,
    "detach": _PEOPLE_ON_SHIFT,
    "approve": frozenset({"approver"}),
    "retry": frozenset[Role]((*_PEOPLE_ON_SHIFT, "rule_writer", "administrator")),
    "view": frozenset(ROLES),
    "read_audit": frozenset({"auditor"}),
    "write_rules": frozenset({"rule_writer"}),
    "administer": frozenset({"administrator"}),
}
"""Act → the roles that may do it. An act that is not here is nobody's."""


def may(role: str, act: str) -> bool:
    """Whether ``role`` may do ``act``; an unknown role or act may not."""
    return role in ALLOWED.get(act, frozenset())
