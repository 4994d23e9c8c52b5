"""An act on a silence or directive, which may be new, in; the document as it is then, or why not, out."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from soc.clock import to_iso
from soc.model import Action, Directive, Silence
from soc.triage import desk
from soc.triage.arguments import RefusedError
from soc.triage.roles import in_scope, may

Standing = TypeVar("Standing", Silence, Directive)


def check(action: Action, known: Silence | Directive | None) -> None:
    """Whether the act fits what there is.

    Raises:
        RefusedError: the role may not, it exists already, or it does not exist.
    """
    makes = action.kind in {"silence", "direct"}
    if not may(action.role, action.kind):
        raise RefusedError(f"the role {action.role} may not {action.kind}")
    if makes and known is not None:
        raise RefusedError(f"there is a {action.target} {action.target_id} already")
    if not makes and known is None:
        raise RefusedError(f"there is no {action.target} {action.target_id}")


def done(
    action: Action, known: Silence | Directive | None, units_of: Callable[[Iterable[str]], tuple[str, ...]]
) -> tuple[Silence | Directive, str]:
    """The document after the act, and what was done, for the audit.

    Raises:
        RefusedError: an argument is missing or wrong, or a silence reaches beyond the actor's organizations.
    """
    if known is None:
        fresh = desk.made(action)
        what = _told(fresh)
    elif isinstance(known, Silence):
        done_to = desk.perform(action, known)
        fresh, what = desk.changed(known, done_to), done_to.what
    else:
        done_to = desk.perform(action, known)
        fresh, what = desk.changed(known, done_to), done_to.what
    if isinstance(fresh, Silence):
        units = [value for name, value in fresh.matchers if name == "unit"]
        systems = [value for name, value in fresh.matchers if name == "system"]
        if not in_scope(action.units, (*units, *units_of(systems))):
            raise RefusedError("it is outside of your organizations: name a unit or system of yours")
    return fresh, what


def _told(fresh: Silence | Directive) -> str:
    if isinstance(fresh, Directive):
        return f"directive {fresh.number} recorded"
    matched = ", ".join(f"{field}={value}" for field, value in fresh.matchers)
    return f"{fresh.kind} of {matched} from {to_iso(fresh.starts)} to {to_iso(fresh.ends)}"
