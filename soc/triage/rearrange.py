"""A person's act on several documents at once (merge, detach, split, link) in; the documents as they are then, out."""

from typing import cast

import msgspec

from soc.clock import Micros
from soc.model import Action, Alert, Incident
from soc.model.incident import Link
from soc.triage.arguments import RefusedError, text
from soc.triage.campaign import MAX_LINKS
from soc.triage.documents import Change, Documents
from soc.triage.grouping import MAX_ALERTS, Grouping
from soc.triage.joining import mergeable, parted
from soc.triage.lifecycle import check, remembered
from soc.triage.roles import in_scope


def merge(action: Action, target: Alert | Incident, grouping: Grouping, documents: Documents) -> str:
    """One incident becomes part of another. Both were acted on: whoever saw only what the survivor was before is told so.

    Raises:
        RefusedError: there is no such other one, one of them is closed or a drill, or they are too large together.
    """
    if not isinstance(target, Incident):
        raise RefusedError("only incidents are merged")
    into = documents.incident(text(action, "into"))
    if into is None or into.id == target.id or not in_scope(action.units, into.units):
        raise RefusedError("into must be the id of another incident")
    if not documents.is_open(target.id) or not documents.is_open(into.id):
        raise RefusedError("both incidents must be open")
    mergeable(target, into)
    if len(target.alerts) + len(into.alerts) > MAX_ALERTS:
        raise RefusedError(f"together they would have more than {MAX_ALERTS} alerts")
    timeline = remembered(target, action.at, action.actor, "merge", into.number)
    survivor = grouping.merge(msgspec.structs.replace(target, revision=target.revision + 1), into)
    _note(survivor, action, documents, f"{target.number} merged into it", target.number)
    gone = documents.incident(target.id) or target
    documents.put_incident(msgspec.structs.replace(gone, timeline=timeline))
    return f"merged into {into.number}"


def detach(action: Action, target: Alert | Incident, grouping: Grouping, documents: Documents, now: Micros) -> str:
    """An alert leaves its incident for good, which a person has touched by that.

    Raises:
        RefusedError: it is no alert, in no open incident, a repeat, or the only one there.
    """
    if not isinstance(target, Alert):
        raise RefusedError("an alert is detached, not an incident")
    if target.duplicate_of:
        raise RefusedError(f"it repeats {target.duplicate_of}, which stands for it: detach that one")
    home = documents.incident(target.incident_id)
    if home is None:
        raise RefusedError("it is in no incident")
    if home.alerts == (target.id,):
        raise RefusedError(f"it is the only alert of {home.number}")
    if not documents.is_open(home.id):
        raise RefusedError(f"{home.number} is {home.status}")
    detached = msgspec.structs.replace(target, revision=target.revision + 1)
    documents.put_alert(detached)
    grouping.detach(detached, home, now)
    _note(documents.incident(home.id) or home, action, documents, f"{target.id} detached", target.title)
    return f"detached from {home.number}"


def split(action: Action, incident: Incident, grouping: Grouping, documents: Documents, now: Micros) -> str:
    """Chosen alerts become an incident of their own. A person has touched both, so that no machine joins them again.

    Raises:
        RefusedError: it is closed, the alerts are not its own, or they are all of them.
    """
    check(incident, "split")
    value: object = action.changes.get("alerts")
    listed = cast("list[object]", value) if isinstance(value, list) else []
    chosen = [alert_id for alert_id in incident.alerts if alert_id in listed]
    if not chosen or len(chosen) != len(listed):
        raise RefusedError("alerts must list ids of alerts of this incident, each once")
    if len(chosen) == len(incident.alerts):
        raise RefusedError("some alert must stay")
    reason = text(action, "reason", needed=False)
    fresh = grouping.take_out(incident, [documents.card(id_) for id_ in chosen], now, f"split off {incident.number}")
    human = parted(incident)
    documents.put_incident(msgspec.structs.replace(fresh, revision=1, raised=incident.raised, **human))
    rest = documents.incident(incident.id) or incident
    timeline = remembered(rest, action.at, action.actor, "split", f"{fresh.number} {reason}".strip())
    documents.put_incident(msgspec.structs.replace(rest, revision=rest.revision + 1, timeline=timeline))
    return f"{len(chosen)} alerts split off as {fresh.number}"


def link(action: Action, incident: Alert | Incident, documents: Documents) -> str:
    """Link or unlink two incidents, on both of them.

    Raises:
        RefusedError: there is no such other one, or nothing to change.
    """
    other = documents.incident(text(action, "to"))
    if not isinstance(incident, Incident):
        raise RefusedError("only incidents are linked")
    check(incident, action.kind)
    if other is None or other.id == incident.id or not in_scope(action.units, other.units):
        raise RefusedError("to must be the id of another incident")
    linked = any(known.incident_id == other.id for known in incident.links)
    if linked == (action.kind == "link"):
        raise RefusedError("they are linked already" if linked else "they are not linked")
    if not linked and max(len(incident.links), len(other.links)) >= MAX_LINKS:
        raise RefusedError(f"an incident has at most {MAX_LINKS} links")
    reason = text(action, "reason", needed=False)
    for one, two in ((incident, other), (other, incident)):
        kept = tuple(known for known in one.links if known.incident_id != two.id)
        links = kept if linked else (*kept, Link(two.id, two.number, reason))
        timeline = remembered(one, action.at, action.actor, action.kind, f"{two.number} {reason}".strip())
        documents.put_incident(msgspec.structs.replace(one, revision=one.revision + 1, links=links, timeline=timeline))
    documents.campaigns.unlink(incident.id, other.id, documents.state, undone=not linked)
    what = "unlinked from" if linked else "linked with"
    change = Change(other.revision + 1, action.at, action.actor, f"{what} {incident.number}")
    documents.note_change(other.id, change)
    return f"{what} {other.number}"


def _note(incident: Incident, action: Action, documents: Documents, what: str, detail: str) -> None:
    """The other incident of an act: its revision and history count it too, and a conflict on it names it."""
    revision = incident.revision + 1
    timeline = remembered(incident, action.at, action.actor, action.kind, detail)
    documents.put_incident(msgspec.structs.replace(incident, revision=revision, timeline=timeline))
    documents.note_change(incident.id, Change(revision, action.at, action.actor, what))
