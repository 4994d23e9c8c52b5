"""A person's act on several incidents at once (split, link, unlink) in; the incidents as they are then, through the documents, out."""

from typing import cast

import msgspec

from soc.clock import Micros
from soc.model import Action, Alert, Incident
from soc.model.incident import Link
from soc.triage.arguments import RefusedError, text
from soc.triage.documents import Documents
from soc.triage.grouping import Grouping
from soc.triage.joining import parted
from soc.triage.lifecycle import check, remembered
from soc.triage.roles import in_scope

MAX_LINKS = 50
"""Other incidents that one names."""


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
    return f"{action.kind}ed with {other.number}" if not linked else f"unlinked from {other.number}"
