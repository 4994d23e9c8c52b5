"""The fields of a form or JSON object in, the arguments of an act out, or what was typed wrong.

What an argument must be is triage's to say (``soc.triage``); here text becomes times, choices of yes and no, lists and pairs.
"""

import re
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from multidict import MultiDict

from soc.clock import to_micros

MAX_TEXT: Final = 8000
_ID = re.compile(r"[A-Za-z0-9_.:-]{8,100}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})[ ,T]+(\d{1,2}:\d\d(?::\d\d)?)")
_NUMBERS: Final = ("size", "lines", "start", "end")
_YES: Final = {"true", "1", "on", "yes"}
_NO: Final = {"", "false", "0", "off", "no"}
PARTICULAR: Final = "particulars."
VERDICTS: Final = ("true_positive", "benign_true_positive", "false_positive")

Form = MultiDict[str]


class MistakeError(Exception):
    """What was typed cannot be an act; ``reason`` is a key of the catalogue."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def changes_of(kind: str, form: Form, actor: str, zone: ZoneInfo) -> dict[str, Any]:
    """The arguments of the act ``kind``.

    Args:
        kind: of the act.
        form: what was sent.
        actor: who acts: the owner where none is named.
        zone: of times that are typed without one.

    Raises:
        MistakeError: one is missing or none.
    """
    match kind:
        case "assign":
            owner = form.get("owner", "").strip() or actor
            if not _NAME.fullmatch(owner):
                raise MistakeError("act.mistake.owner")
            return {"owner": owner}
        case "note":
            return {"text": _needed(form, "text", "act.mistake.text")}
        case "close":
            if form.get("verdict", "") not in VERDICTS:
                raise MistakeError("act.mistake.verdict")
            return {"verdict": form["verdict"], "reason": _needed(form, "reason", "act.mistake.reason")}
        case "approve" | "countersign":
            return _previewed(form)
        case "merge":
            return {"into": _id(form, "into"), **_given(form, "reason")}
        case "link" | "unlink":
            return {"to": _id(form, "to"), **_given(form, "reason")}
        case "describe":
            return {"particulars": _particulars(form)}
        case _:
            return _of_incident(kind, form, zone)


def _of_incident(kind: str, form: Form, zone: ZoneInfo) -> dict[str, Any]:
    """The acts of an incident's life."""
    match kind:
        case "classify":
            changes = _given(form, "severity", "tlp") | {"reason": _needed(form, "reason", "act.mistake.reason")}
            if "flags" in form:
                changes["flags"] = _list(form, "flags")
            if "keep_secret" in form:
                changes["keep_secret"] = _yes(form, "keep_secret")
            return changes
        case "set_t0":
            return {"at": time_of(form.get("at", ""), zone), "reason": _needed(form, "reason", "act.mistake.reason")}
        case "exercise":
            return {"exercise": _yes(form, "exercise"), "reason": _needed(form, "reason", "act.mistake.reason")}
        case "unconfirm":
            return {"reason": _needed(form, "reason", "act.mistake.reason")}
        case "split":
            return {"alerts": _list(form, "alerts"), "reason": _needed(form, "reason", "act.mistake.reason")}
        case "add_task":
            return _given(form, "title", "unit") | {"due": time_of(form.get("due", ""), zone)}
        case "answer_task":
            return _given(form, "task") | {"reply": _needed(form, "reply", "act.mistake.text")}
        case "close_task":
            return _given(form, "task", "status")
        case "pin":
            numbers = {name: int(form[name]) for name in _NUMBERS if re.fullmatch(r"\d{1,17}", form.get(name, ""))}
            return _given(form, "name", "sha256") | numbers
        case "settle":
            return _given(form, "report_id", "decision", "number", "reason")
        case _:
            return _of_standing(kind, form, zone)


def _of_standing(kind: str, form: Form, zone: ZoneInfo) -> dict[str, Any]:
    """The acts on silences and directives; of any other act its reason."""
    match kind:
        case "silence":
            changes: dict[str, Any] = {"kind": form.get("silence_kind", "") or "silence", "matchers": _matchers(form)}
            if form.get("starts", "").strip():
                changes["starts"] = time_of(form["starts"], zone)
            changes["ends"] = time_of(form.get("ends", ""), zone)
            return changes | _given(form, "owner") | {"reason": _needed(form, "reason", "act.mistake.reason")}
        case "end_silence" | "close_directive":
            return {"reason": _needed(form, "reason", "act.mistake.reason")}
        case "direct":
            due = form.get("due", "").strip()
            changes = {"due": time_of(due, zone)} if due else {}
            named = {name: _needed(form, name, "act.mistake.paper") for name in ("number", "issuer", "title", "text")}
            return changes | named | {"incident_ids": _list(form, "incident_ids")}
        case "answer_directive":
            return {"answer": _needed(form, "answer", "act.mistake.text")}
        case _:
            return _given(form, "reason")


def _matchers(form: Form) -> list[list[str]]:
    """``field=value`` of ``match`` boxes that are ticked and of lines of ``matchers``."""
    lines = [*form.getall("match", []), *(line for text in form.getall("matchers", []) for line in text.splitlines())]
    pairs = [[part.strip() for part in line.partition("=")[::2]] for line in lines if line.strip()]
    if not pairs or not all(field and value for field, value in pairs):
        raise MistakeError("act.mistake.matchers")
    return pairs


def time_of(text: str, zone: ZoneInfo) -> int:
    """A time as people type it: ISO 8601 (``2026-11-24T17:00``), or ``24/11/2026 17:00``; without a zone it is in ``zone``.

    Raises:
        MistakeError: it is none.
    """
    text = text.strip()
    if re.fullmatch(r"\d{15,17}", text):
        return int(text)
    if found := _DAY_FIRST.fullmatch(text):
        day, month, year, clock = found.groups()
        text = f"{year}-{month:0>2}-{day:0>2}T{clock:0>5}"
    try:
        moment = datetime.fromisoformat(text)
        return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise MistakeError("act.mistake.time") from None


def _needed(form: Form, name: str, reason: str) -> str:
    text = form.get(name, "").strip()[:MAX_TEXT]
    if not text:
        raise MistakeError(reason)
    return text


def _given(form: Form, *names: str) -> dict[str, Any]:
    return {name: text for name in names if (text := form.get(name, "").strip()[:MAX_TEXT])}


def _id(form: Form, name: str) -> str:
    text = form.get(name, "").strip()
    if not _ID.fullmatch(text):
        raise MistakeError("act.mistake.into")
    return text


def _list(form: Form, name: str) -> list[str]:
    return [item for text in form.getall(name, []) for item in re.split(r"[\s,]+", text) if item]


def _yes(form: Form, name: str) -> bool:
    """The last value counts: a form says no in a hidden field, and yes in the box behind it."""
    word = form.getall(name, [""])[-1].strip().casefold()
    if word not in _YES | _NO:
        raise MistakeError("act.mistake.choice")
    return word in _YES


def _particulars(form: Form) -> dict[str, str]:
    """``particulars.cause=…`` fields, and one pair ``field`` and ``value``."""
    found = {
        name.removeprefix(PARTICULAR): value.strip() for name, value in form.items() if name.startswith(PARTICULAR)
    }
    if form.get("field", "").strip():
        found[form["field"].strip()] = form.get("value", "").strip()
    if not found:
        raise MistakeError("act.mistake.field")
    return found


def _previewed(form: Form) -> dict[str, Any]:
    if not _SHA256.fullmatch(form.get("payload_sha256", "")) or not _NAME.fullmatch(form.get("report_kind", "")):
        raise MistakeError("act.mistake.preview")
    chosen = {"report_kind": form["report_kind"], "payload_sha256": form["payload_sha256"]}
    return chosen | _given(form, "recipient", "by_telephone")
