"""An incident in, what reports of any kind may say of it out, redacted; each recipient gets the part that his profile lists.

It depends on nothing but the incident's reportable content and on what is inside: not on the clock, the document's version or who
looks. Tasks, notes and evidence are not told.
"""

import re
from collections.abc import Iterator
from typing import Any

from soc.clock import Micros, to_iso
from soc.forward.redact import Redactor, Withheld
from soc.forward.schema import CONTACT, PARTICULARS
from soc.model import Incident, SystemHit
from soc.privacy.inside import NOTHING, Inside, address_of

SILENT_ACTS = frozenset(
    {
        "note",
        "assign",
        "add_task",
        "answer_task",
        "close_task",
        "pin",
        "approve",
        "countersign",
        "settle",
        "link",
        "unlink",
    }
)
"""Acts that change nothing that a report tells."""

_CONTACT_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("_phone", re.compile(r"\+?[\d (][\d .()-]{5,24}")),
    ("_email", re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")),
    ("_name", re.compile(r"[^\W\d_][^\d_@:/\\=?]{0,119}")),
)
"""What a contact may look like; anything else is redacted like every other text."""


def content(incident: Incident, inside: Inside = NOTHING) -> tuple[dict[str, Any], tuple[Withheld, ...]]:
    """What a report of any kind says of an incident as it is now, redacted, and what was withheld.

    Args:
        incident: the incident.
        inside: what the register says is ours.
    """
    redactor = Redactor(incident.entities, inside, incident.systems)
    entities: list[dict[str, Any]] = []
    for kind, value, count in incident.entities:
        shown = redactor.entity(kind, value)
        if shown:
            entities.append({"kind": kind, "value": shown[0], "internal": shown[1], "alerts": count})
    tree: dict[str, Any] = {
        "incident": _incident(incident, redactor),
        "systems": [_system(system, redactor, inside) for system in incident.systems],
        "particulars": dict(_particulars(incident, redactor)),
        "alerts": [
            {
                "rule_id": redactor.text(summary.rule_id, "alerts.rule_id"),
                "title": redactor.text(summary.title, "alerts.title"),
                "title_vi": redactor.text(summary.title_vi, "alerts.title_vi"),
                "level": summary.level,
                "count": summary.count,
                "first_seen": to_iso(summary.first_seen),
                "last_seen": to_iso(summary.last_seen),
            }
            for summary in incident.summaries
        ],
        "alerts_total": len(incident.alerts),
        "entities": entities,
    }
    return tree, redactor.withheld


def as_of(incident: Incident) -> Micros:
    """When what is told of an incident last changed."""
    acted = (moment.at for moment in incident.timeline if moment.act not in SILENT_ACTS)
    times = (incident.acknowledged_at, incident.confirmed_at, incident.contained_at, incident.closed_at)
    return max(
        incident.raised, incident.first_seen, incident.last_seen, *acted, *(at for at in times if at is not None)
    )


def _incident(incident: Incident, redactor: Redactor) -> dict[str, Any]:
    began = incident.raised if incident.t0 is None else min(incident.t0, incident.raised)
    told: dict[str, Any] = {
        "number": incident.number,
        "level": incident.level,
        "title": redactor.text(incident.title, "incident.title"),
        "title_vi": redactor.text(incident.title_vi, "incident.title_vi"),
        "status": incident.status,
        "verdict": incident.verdict,
        "first_seen": to_iso(incident.first_seen),
        "last_seen": to_iso(incident.last_seen),
        "detected_at": to_iso(began),
        "as_of": to_iso(as_of(incident)),
        "techniques": [tag for tag in incident.tags if tag.startswith("attack.")],
        "exercise": incident.exercise,
        "tlp": incident.tlp,
        "type": incident.kind,
        "severity": incident.severity,
        "flags": list(incident.flags),
        "keep_secret": incident.keep_secret,
        "unauthenticated": incident.unauthenticated,
        "campaign": redactor.text(incident.campaign, "incident.campaign"),
        "linked": sorted({link.number for link in incident.links}),
    }
    for name in ("acknowledged_at", "confirmed_at", "contained_at", "closed_at"):
        at: Micros | None = getattr(incident, name)
        if at is not None:
            told[name] = to_iso(at)
    return told


def _system(system: SystemHit, redactor: Redactor, inside: Inside) -> dict[str, Any]:
    def shown(name: str) -> str:
        return redactor.text(getattr(system, name), f"systems.{name}")

    told: dict[str, Any] = {
        name: shown(name)
        for name in (
            "key",
            "name",
            "purpose",
            "owner",
            "operator",
            "hosting_provider",
            "connectivity_provider",
            "security_provider",
        )
    }
    for name in ("domains", "operating_systems", "services"):
        told[name] = [redactor.text(text, f"systems.{name}") for text in getattr(system, name)]
    public: list[str] = []
    for text in system.public_addresses:
        address = address_of(text)
        if address is None or inside.internal(address):
            redactor.count("systems.public_addresses", "not-listed" if address is None else "internal-address")
        else:
            public.append(text)
    return {**told, "level": system.level, "public_addresses": public}


def _particulars(incident: Incident, redactor: Redactor) -> Iterator[tuple[str, str]]:
    for name, text in sorted(incident.particulars.items()):
        if name not in PARTICULARS:
            redactor.count("particulars", "not-listed")
        elif name in CONTACT and _is_contact(name, text):
            yield name, text.strip()
        else:
            yield name, redactor.text(text, f"particulars.{name}")


def _is_contact(name: str, text: str) -> bool:
    return any(name.endswith(end) and shape.fullmatch(text.strip()) for end, shape in _CONTACT_SHAPES)
