"""The life of an incident: an act and the state it meets in, the state it leads to and what else it changes out.

              start                     contain
    new ──► triage ──► in_progress ──► contained ──► closed ──► (reopen) triage
     └── acknowledge, confirm, classify, set_t0: whoever judges it has seen it

``TABLE`` is the whole truth of it: what is not in it is refused. Beside the state stand ``kind`` (an *event*, sự kiện, until a person
confirms an effect: then an *incident*, sự cố), severity and flags, and four times: ``first_seen``, ``raised``,
``acknowledged_at``, ``confirmed_at``.
"""

import re
from collections.abc import Mapping
from typing import Final, get_args

from soc.clock import DAY, Micros, to_iso
from soc.model import Action, ActionKind, Flag, Incident, IncidentStatus, Moment, Severity
from soc.triage.arguments import Done, RefusedError, choice, moment, pairs, text, texts, yes_or_no

OPEN_STATES: Final[tuple[IncidentStatus, ...]] = ("new", "triage", "in_progress", "contained")
_AND_CLOSED: Final[tuple[IncidentStatus, ...]] = (*OPEN_STATES, "closed")

_MOVES: Final[Mapping[ActionKind, Mapping[IncidentStatus, IncidentStatus]]] = {
    "acknowledge": {"new": "triage", "closed": "closed"},  # closed: its new activity was seen
    "start": dict.fromkeys(("new", "triage", "contained"), "in_progress"),  # from contained: it does harm again
    "contain": dict.fromkeys(("new", "triage", "in_progress"), "contained"),
    "close": dict.fromkeys(OPEN_STATES, "closed"),
    "reopen": {"closed": "triage"},
    "merge": dict.fromkeys(OPEN_STATES, "merged"),
}
_JUDGED: Final[tuple[ActionKind, ...]] = ("confirm", "unconfirm", "classify", "set_t0")
"""Done to an open incident; whoever judges a new one has seen it."""
_ONLY_OPEN: Final[tuple[ActionKind, ...]] = ("exercise", "split", "add_task")
_ALSO_CLOSED: Final[tuple[ActionKind, ...]] = (
    *("assign", "note", "describe", "link", "unlink", "pin", "answer_task", "close_task"),
    *("approve", "countersign", "settle"),  # a closing report is approved after closing
)

TABLE: Final[Mapping[tuple[IncidentStatus, ActionKind], IncidentStatus]] = {
    **{(state, act): to for act, moves in _MOVES.items() for state, to in moves.items()},
    **{(state, act): "triage" if state == "new" else state for act in _JUDGED for state in OPEN_STATES},
    **{(state, act): state for act in _ONLY_OPEN for state in OPEN_STATES},
    **{(state, act): state for act in _ALSO_CLOSED for state in _AND_CLOSED},
}
"""(state, act) → the state after it. A merged incident takes no act: what it became part of does."""

MAX_FIELDS: Final = 40
MAX_PARTICULARS: Final = 10_000
"""Characters of all particulars of an incident together."""

FIRST_MOMENTS: Final = 50
LATEST_MOMENTS: Final = 250
"""What a timeline keeps: how it began and what happened last; the audit chain has all of it."""

MAX_DETAIL: Final = 500
EARLIEST_T0: Micros = 366 * DAY
"""How long before it was raised an incident may have been learned of: a typing mistake in the year goes no further."""

_FIELD = re.compile(r"[a-z][a-z0-9_.]{0,59}")
_TLP: Final = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")
_GRAVITY: Final[tuple[Severity, ...]] = get_args(Severity)


def check(incident: Incident, act: ActionKind) -> IncidentStatus:
    """The state that ``act`` leads to.

    Raises:
        RefusedError: the table has no such step; the message says in which states it is possible.
    """
    to = TABLE.get((incident.status, act))
    if to is not None:
        return to
    if incident.status == "merged":
        raise RefusedError("it is part of another incident now; act on that one")
    states = [state for state in _AND_CLOSED if (state, act) in TABLE]
    if not states:
        raise RefusedError(f"{act} is not done to an incident")
    if incident.status == "closed":
        raise RefusedError("it is closed already" if act == "close" else "it is closed; reopen it first")
    raise RefusedError(f"it is {incident.status}; {act} is done to what is {' or '.join(states)}")


def possible(incident: Incident, act: ActionKind) -> bool:
    """Whether the table has a step for the act, and nothing that is known beside the state speaks against it."""
    if (incident.status, act) not in TABLE:
        return False
    if act == "acknowledge" and incident.status == "closed":
        return incident.new_activity
    if act in {"confirm", "unconfirm"}:
        return (incident.kind == "event") is (act == "confirm")
    return not (act == "exercise" and incident.approvals)


def entered(incident: Incident, to: IncidentStatus, at: Micros) -> dict[str, object]:
    """The state and the times that go with entering it. The time of acknowledgement is kept once it is known."""
    fields: dict[str, object] = {"status": to}
    if incident.acknowledged_at is None and to != "new":
        fields["acknowledged_at"] = at
    if to == "contained" and incident.status != "contained":
        fields["contained_at"] = at
    elif to in {"triage", "in_progress"}:
        fields["contained_at"] = None
    if to == "closed":
        fields |= {"closed_at": at, "new_activity": False}
    return fields


def moved(action: Action, incident: Incident) -> Done:
    """``start`` and ``contain``.

    Raises:
        RefusedError: its state does not allow it.
    """
    to = check(incident, action.kind)
    words = {"start": "work begun", "contain": "contained"}
    return Done(entered(incident, to, action.at), words[action.kind], text(action, "reason", needed=False))


def confirm(action: Action, incident: Incident) -> Done:
    """A person found an effect: it is an incident (sự cố), which duties to report begin with.

    Raises:
        RefusedError: its state does not allow it, or it is one already.
    """
    to = check(incident, action.kind)
    if incident.kind == "incident":
        raise RefusedError("it is confirmed as an incident already")
    seen = entered(incident, to, action.at) if to != incident.status else {}
    fields = {**seen, "kind": "incident", "confirmed_at": action.at}
    return Done(fields, "confirmed as an incident", text(action, "reason", needed=False))


def unconfirm(action: Action, incident: Incident) -> Done:
    """It turned out an attempt without effect: an event (sự kiện) again.

    Raises:
        RefusedError: its state does not allow it, it is none that was confirmed, or the reason is missing.
    """
    to = check(incident, action.kind)
    if incident.kind == "event":
        raise RefusedError("it is an event already: nobody confirmed it")
    reason = text(action, "reason")
    seen = entered(incident, to, action.at) if to != incident.status else {}
    return Done({**seen, "kind": "event", "confirmed_at": None}, "no longer confirmed: an event", reason)


def classify(action: Action, incident: Incident) -> Done:
    """Severity, flags, TLP and secrecy, each as far as it is given; ``flags`` replaces all flags.

    Raises:
        RefusedError: its state does not allow it, an argument is wrong, nothing changes, or the reason is missing.
    """
    to = check(incident, action.kind)
    reason = text(action, "reason")
    fields: dict[str, object] = {}
    told: list[str] = []
    if "severity" in action.changes:
        fields["severity"] = severity = choice(action, "severity", _GRAVITY)
        told += [f"{incident.severity} → {severity}"] if severity != incident.severity else []
    flags = texts(action, "flags", 20)
    if flags is not None:
        if unknown := sorted(set(flags) - set(get_args(Flag))):
            raise RefusedError(f"flags: {', '.join(unknown)} is none of {', '.join(get_args(Flag))}")
        fields["flags"] = kept = tuple(flag for flag in get_args(Flag) if flag in flags)
        told += [f"+{flag}" for flag in kept if flag not in incident.flags]
        told += [f"−{flag}" for flag in incident.flags if flag not in kept]
    if "tlp" in action.changes:
        fields["tlp"] = tlp = choice(action, "tlp", _TLP)
        told += [f"TLP {incident.tlp} → {tlp}"] if tlp != incident.tlp else []
    secret = yes_or_no(action, "keep_secret")
    if secret is not None:
        fields["keep_secret"] = secret
        told += ["+keep_secret" if secret else "−keep_secret"] if secret != incident.keep_secret else []
    if not told:
        raise RefusedError("it is classified so already")
    seen = entered(incident, to, action.at) if to != incident.status else {}
    return Done({**seen, **fields}, f"classified: {', '.join(told)}", f"{', '.join(told)}: {reason}")


def start_of_clock(incident: Incident) -> Micros | None:
    """T0 as far as the incident itself says: what a person set, else when it was acknowledged (a policy may say earlier)."""
    times = [time for time in (incident.t0, incident.acknowledged_at) if time is not None]
    return min(times, default=None)


def set_t0(action: Action, incident: Incident) -> Done:
    """The clock of the duties began earlier than the product knew; it never begins later.

    Raises:
        RefusedError: its state does not allow it, the time is not earlier, or the reason is missing.
    """
    to = check(incident, action.kind)
    at, reason = moment(action, "at"), text(action, "reason")
    current = start_of_clock(incident)
    limit = action.at if current is None else current
    if at is None or at >= limit:
        raise RefusedError(f"T0 is {to_iso(limit)} and only ever moves earlier")
    if at < incident.raised - EARLIEST_T0:
        raise RefusedError(f"T0 lies more than a year before it was raised ({to_iso(incident.raised)})")
    seen = entered(incident, to, action.at) if to != incident.status else {}
    detail = f"{to_iso(limit)} → {to_iso(at)}: {reason}"
    return Done({**seen, "t0": at, "t0_reason": reason}, f"T0 set to {to_iso(at)}", detail)


def describe(action: Action, incident: Incident) -> Done:
    """Particulars of its report: each field given replaces what it said, a blank one is taken out.

    Raises:
        RefusedError: a field's name is none, or there are too many of them, or too much text.
    """
    check(incident, action.kind)
    given = pairs(action, "particulars", MAX_FIELDS)
    if wrong := [name for name, _ in given if not _FIELD.fullmatch(name)]:
        raise RefusedError(f"particulars: {wrong[0]!r} is no field: lower-case letters, digits, _ and ., at most 60")
    both = {**incident.particulars, **dict(given)}
    particulars = {name: value for name, value in both.items() if value}
    if particulars == incident.particulars:
        raise RefusedError("its particulars say so already")
    if len(particulars) > MAX_FIELDS:
        raise RefusedError(f"it would have more than {MAX_FIELDS} particulars")
    if sum(map(len, particulars.values())) > MAX_PARTICULARS:
        raise RefusedError(f"its particulars would have more than {MAX_PARTICULARS} characters")
    named = ", ".join(name for name, value in given if value != incident.particulars.get(name, ""))
    return Done({"particulars": particulars}, f"described: {named}", named)


def exercise(action: Action, incident: Incident) -> Done:
    """The mark of a drill (diễn tập), set or taken away.

    Raises:
        RefusedError: its state does not allow it, a report of it was approved already (as real, or as a drill: bytes that
            left do not change), it is so already, or the reason is missing.
    """
    check(incident, action.kind)
    mark, reason = yes_or_no(action, "exercise"), text(action, "reason")
    if mark is None:
        raise RefusedError("exercise needs exercise: true or false")
    if mark == incident.exercise:
        raise RefusedError("it is marked as a drill already" if mark else "it is not marked as a drill")
    if incident.approvals:
        raise RefusedError("a report of it was approved already, so what it is can no longer change; split it instead")
    return Done({"exercise": mark}, "marked as a drill" if mark else "no longer a drill", reason)


def may_report(incident: Incident, accepts_exercises: bool) -> str:
    """Why a receiver must not get a report of this incident; "" if it may."""
    if incident.status == "merged":
        return f"it is part of incident {incident.merged_into} now, which is reported in its place"
    if incident.exercise and not accepts_exercises:
        return "it is a drill (diễn tập), and this receiver accepts none"
    return ""


def held_back(incident: Incident) -> str:
    """Why no automatic channel may carry it (only a paper register's number is kept then); "" if one may."""
    if "state_secret_risk" in incident.flags:
        return "state_secret_risk"
    return "TLP:RED" if incident.tlp == "RED" else ""


def remembered(incident: Incident, at: Micros, actor: str, act: str, detail: str = "") -> tuple[Moment, ...]:
    """The timeline with one more entry; past its bound entries of the middle go, never the first or the latest."""
    short = detail if len(detail) <= MAX_DETAIL else detail[: MAX_DETAIL - 1] + "…"
    timeline = (*incident.timeline, Moment(at, actor, act, short))
    if len(timeline) <= FIRST_MOMENTS + LATEST_MOMENTS:
        return timeline
    return (*timeline[:FIRST_MOMENTS], *timeline[-LATEST_MOMENTS:])
