"""What stands beside alerts and incidents: an act that makes or ends a silence or a directive in, the document after it out."""

import ipaddress
import re
from typing import Final, TypeVar

import msgspec

from soc.clock import DAY, HOUR, Micros
from soc.model import Action, Directive, Silence
from soc.triage import directives
from soc.triage.alerts import LEVELS
from soc.triage.arguments import MAX_LINE, Done, RefusedError, choice, moment, pairs, text

Standing = TypeVar("Standing", Silence, Directive)

LONGEST_SILENCE: Micros = 30 * DAY
"""How far ahead a silence may end, and how long a maintenance window may last: noise that stays belongs in the rule."""
FURTHEST_MAINTENANCE: Micros = 366 * DAY
"""How far ahead maintenance may be announced."""
MAX_MATCHERS: Final = 10

_ID = re.compile(r"\d{6}-[0-9a-z-]{4,60}")
_FIELD = re.compile(r"[A-Za-z@][A-Za-z0-9_.@-]{0,99}")
_WIDEST_V4, _WIDEST_V6 = 8, 16
"""The shortest prefixes of a silence: the largest private network, and the largest block an organization is given."""


def made(action: Action) -> Silence | Directive:
    """The new document of ``silence`` or ``direct``, at revision 1; its id is the act's ``target_id``.

    Raises:
        RefusedError: an argument is missing or wrong; the message says which.
    """
    if not _ID.fullmatch(action.target_id):
        raise RefusedError("the id of what is new begins with its month: 202611-, then letters and digits")
    if action.kind == "silence":
        return _silence(action)
    if action.kind == "direct":
        return directives.direct(action, action.target_id)
    raise RefusedError(f"{action.kind} makes nothing")


def perform(action: Action, standing: Silence | Directive) -> Done:
    """What an act changes on a silence or directive that exists.

    Raises:
        RefusedError: its state does not allow it, or an argument is missing or wrong.
    """
    if isinstance(standing, Silence):
        if action.kind != "end_silence":
            raise RefusedError(f"{action.kind} is not done to a silence")
        return _end(action, standing)
    if action.kind == "answer_directive":
        return directives.answer(action, standing)
    if action.kind == "close_directive":
        return directives.close(action, standing)
    raise RefusedError(f"{action.kind} is not done to a directive")


def changed(standing: Standing, done: Done) -> Standing:
    """The document after an act; its revision counts it."""
    return msgspec.structs.replace(standing, revision=standing.revision + 1, **done.changes)


def _silence(action: Action) -> Silence:
    kind = choice(action, "kind", ("silence", "maintenance"))
    starts, ends = moment(action, "starts", needed=False), moment(action, "ends")
    begins = action.at if starts is None else max(starts, action.at)  # it covers nothing that was raised before
    if ends is None or ends <= begins:
        raise RefusedError("a silence always ends: ends must lie ahead, and after starts")
    if kind == "silence" and ends > action.at + LONGEST_SILENCE:
        raise RefusedError(
            f"a silence ends within {LONGEST_SILENCE // DAY} days; what is noise for longer is the rule's"
        )
    if kind == "maintenance" and (ends - begins > LONGEST_SILENCE or begins > action.at + FURTHEST_MAINTENANCE):
        raise RefusedError(f"maintenance lasts at most {LONGEST_SILENCE // DAY} days and is announced within a year")
    owner = text(action, "owner", needed=False, most=200) or action.actor
    return Silence(
        id=action.target_id,
        version=0,
        revision=1,
        kind="maintenance" if kind == "maintenance" else "silence",
        matchers=_matchers(action),
        starts=begins,
        ends=ends,
        owner=owner,
        reason=text(action, "reason", most=MAX_LINE),
        made=action.at,
    )


def _matchers(action: Action) -> tuple[tuple[str, str], ...]:
    """Fields and values that must all hold, checked.

    Raises:
        RefusedError: there are none, one is wrong, or together they would cover everything of a level.
    """
    found = pairs(action, "matchers", MAX_MATCHERS)
    if not found:
        raise RefusedError("matchers: name at least one field and its value")
    for field, value in found:
        _check_matcher(field, value)
    if all(field == "level" for field, _ in found):
        raise RefusedError("matchers: a level alone is too wide; name a rule, a system or an address too")
    return tuple(dict.fromkeys(found))


def _check_matcher(field: str, value: str) -> None:
    if not _FIELD.fullmatch(field):
        raise RefusedError(f"matchers: {field!r} is no field's name")
    if not value or len(value) > MAX_LINE:
        raise RefusedError(f"matchers: {field} needs a value of at most {MAX_LINE} characters")
    if field == "level" and value not in LEVELS:
        raise RefusedError(f"matchers: level is one of {', '.join(LEVELS)}")
    if field.endswith(".ip"):
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise RefusedError(f"matchers: {field} is an address or a range, not {value}") from None
        if network.prefixlen < (_WIDEST_V4 if network.version == 4 else _WIDEST_V6):
            raise RefusedError(f"matchers: {value} is too wide a range")


def _end(action: Action, silence: Silence) -> Done:
    reason = text(action, "reason")
    if silence.ended_at is not None:
        raise RefusedError(f"{silence.ended_by} ended it already")
    if silence.ends <= action.at:
        raise RefusedError("it ended by itself already")
    return Done({"ended_at": action.at, "ended_by": action.actor}, "ended before its time", reason)


def standing_now(silence: Silence, now: Micros) -> str:
    """``planned``, ``active`` or ``over``: what a list says of a silence."""
    if silence.ended_at is not None or silence.ends <= now:
        return "over"
    return "active" if silence.starts <= now else "planned"


DEFAULT_SILENCE: Micros = 24 * HOUR
"""What a form proposes."""
