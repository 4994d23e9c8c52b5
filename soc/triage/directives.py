"""Directives from above (chỉ đạo): an act in, the directive after it out.

direct ──► open ──► answer_directive ──► answered ──► close_directive ──► closed
             └────────── close_directive (withdrawn, or without an answer) ───┘
"""

from collections.abc import Mapping
from typing import Final

from soc.clock import DAY, Micros
from soc.model import Action, ActionKind, Directive
from soc.triage.arguments import MAX_LINE, MAX_TEXT, Done, RefusedError, moment, text, texts

TABLE: Final[Mapping[tuple[str, ActionKind], str]] = {
    ("open", "answer_directive"): "answered",
    ("answered", "answer_directive"): "answered",  # a further answer is added
    ("open", "close_directive"): "closed",
    ("answered", "close_directive"): "closed",
}
"""(status, act) → the status after it; what is not in it is refused."""

MAX_INCIDENTS: Final = 50
LONGEST: Micros = 5 * 366 * DAY


def direct(action: Action, id_: str) -> Directive:
    """A directive as its paper says it, entered by whoever received it.

    ``due`` may lie in the past: a paper that arrives late is overdue at once, which must show.

    Raises:
        RefusedError: number, issuer, title or text is missing, or an argument is wrong.
    """
    number, issuer = text(action, "number", most=MAX_LINE), text(action, "issuer", most=MAX_LINE)
    title, said = text(action, "title", most=MAX_LINE), text(action, "text")
    due = moment(action, "due", needed=False)
    if due is not None and abs(due - action.at) > LONGEST:
        raise RefusedError("due lies more than five years away")
    about = texts(action, "incident_ids", MAX_INCIDENTS) or ()
    return Directive(id_, 0, 1, number, issuer, title, said, action.at, action.actor, due, incident_ids=about)


def answer(action: Action, directive: Directive) -> Done:
    """What was answered, and who typed it; a further answer is added to the one before.

    Raises:
        RefusedError: it is closed, or the answer is missing or too long.
    """
    _check(directive, action.kind)
    said = text(action, "answer")
    both = f"{directive.answer}\n\n{said}" if directive.answer else said
    if len(both) > MAX_TEXT:
        raise RefusedError(f"the answers would have more than {MAX_TEXT} characters")
    first = directive.answered_at if directive.answered_at is not None else action.at  # what was in time stays in time
    fields = {"status": "answered", "answer": both, "answered_at": first, "answered_by": action.actor}
    return Done(fields, f"directive {directive.number} answered", directive.number)


def close(action: Action, directive: Directive) -> Done:
    """Nothing more is to be done about it. Closing one without an answer says so in the reason, which stays with it.

    Raises:
        RefusedError: it is closed already, or the reason is missing.
    """
    _check(directive, action.kind)
    reason = text(action, "reason")
    fields: dict[str, object] = {"status": "closed", "closed_at": action.at}
    if not directive.answer:
        fields |= {"answer": reason, "answered_by": action.actor}
    return Done(fields, f"directive {directive.number} closed", reason)


def overdue(directive: Directive, now: Micros) -> bool:
    """Whether an answer should be there and is not."""
    return directive.status == "open" and directive.due is not None and directive.due <= now


def _check(directive: Directive, act: ActionKind) -> None:
    if (directive.status, act) not in TABLE:
        raise RefusedError(f"directive {directive.number} is {directive.status}")
