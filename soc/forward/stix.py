"""A report's JSON in, the same report as STIX 2.1 objects out: what is referenced first, the report itself last.

    identity            who reports                        incident      the common subset, and what STIX has no word for in
    marking-definition  TLP 2.0                                          an extension of ours
    attack-pattern      a technique                        report        everything that belongs to it; the JSON itself in our
    *-addr, domain …    what was seen from outside                       extension, so that nothing is lost on the way
    indicator, sighting, observed-data

Ids are UUIDv5 of what they name, so the same thing has the same id in every report; versions (``modified``) are the time the
incident last changed, so the same content has the same version. Observables have the ids that STIX 2.1 §2.9 prescribes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any
from uuid import UUID, uuid5

from soc.forward.payload import NAMESPACE, canonical

OBSERVABLES = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""Of the ids of cyber-observables (STIX 2.1 §2.9)."""

INCIDENT_CORE = "extension-definition--ef765651-680c-498d-9894-99799f2fa126"
"""OASIS Incident Core Extension: a draft; only what its versions 2.0 and 2.1 have in common is used."""

OWN = f"extension-definition--{uuid5(NAMESPACE, 'stix|extension')}"
TLP_2 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP: Mapping[str, str] = {
    "CLEAR": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "GREEN": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "AMBER": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "AMBER+STRICT": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "RED": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""The markings of TLP 2.0 as OASIS published them for STIX 2.1."""
TLP_CREATED = "2022-10-01T00:00:00.000Z"
BEGINNING = "2026-01-01T00:00:00.000Z"
"""The version of what never changes."""

_DETERMINATION = {"false_positive": "false-positive", "benign_true_positive": "false-positive"}
_STATUS = {"new": "new", "closed": "closed", "merged": "closed"}
_PATTERNS = {"ipv4-addr": "value", "ipv6-addr": "value", "domain-name": "value", "url": "value"}


def bundle(payload: bytes) -> bytes:
    """The objects of a report as they leave: canonical JSON ``{"objects": [...]}``, the same bytes for the same report.

    Args:
        payload: the report's own JSON (``soc.forward.payload``).
    """
    tree: dict[str, Any] = json.loads(payload)
    return canonical({"objects": list(_objects(tree))})


def _objects(tree: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    about: Mapping[str, Any] = tree["incident"]
    tlp = str(about.get("tlp", "AMBER"))
    made, changed = _time(about["detected_at"]), _time(about.get("as_of") or about["last_seen"])
    who = _identity(str(tree["organization"]))
    marking = {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP[tlp],
        "created": TLP_CREATED,
        "name": f"TLP:{tlp}",
        "extensions": {TLP_2: {"extension_type": "property-extension", "tlp_2_0": tlp.lower()}},
    }
    yield who
    yield marking
    common = {
        "spec_version": "2.1",
        "created": made,
        "modified": max(made, changed),
        "created_by_ref": who["id"],
        "object_marking_refs": [marking["id"]],
    }
    techniques = list(_techniques(about.get("techniques", ()), common))
    seen = list(_seen(tree, common))
    yield from techniques
    yield from seen
    incident = _incident(tree, common)
    yield incident
    named = [item for item in (*techniques, *seen, incident) if item["type"] != "marking-definition"]
    yield {
        "type": "report",
        "id": f"report--{tree['report_id']}",
        **common,
        "name": f"{about['number']}: {about.get('title_vi') or about['title']}",
        "description": _description(tree),
        "report_types": ["observed-data", "indicator"] if seen else ["observed-data"],
        "published": common["modified"],
        "object_refs": [who["id"], *(item["id"] for item in named)],
        "labels": _labels(tree),
        "external_references": [{"source_name": "soc", "external_id": str(about["number"])}],
        "extensions": {OWN: {"extension_type": "property-extension", "soc_report": dict(tree)}},
    }


def _identity(organization: str) -> dict[str, Any]:
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": _id("identity", organization),
        "created": BEGINNING,
        "modified": BEGINNING,
        "name": organization,
        "identity_class": "organization",
    }


def _incident(tree: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    about: Mapping[str, Any] = tree["incident"]
    return {
        "type": "incident",
        "id": _id("incident", str(about["number"]), str(tree["organization"])),
        **common,
        "name": str(about.get("title_vi") or about["title"]),
        "description": _description(tree),
        "labels": [label for label in _labels(tree) if not label.startswith("kind:")],
        "external_references": [{"source_name": "soc", "external_id": str(about["number"])}],
        "extensions": {
            INCIDENT_CORE: {
                "extension_type": "property-extension",
                "determination": _DETERMINATION.get(str(about.get("verdict")), "suspected"),
                "investigation_status": _STATUS.get(str(about.get("status")), "open"),
            },
        },
    }


def _description(tree: Mapping[str, Any]) -> str:
    about: Mapping[str, Any] = tree["incident"]
    parts = [
        f"{about.get('title_vi') or about['title']} ({about['level']})",
        f"{about['first_seen']} – {about['last_seen']}",
        f"{tree.get('alerts_total', len(tree.get('alerts', ())))} alerts",
    ]
    exercise = "DIỄN TẬP – EXERCISE. " if about.get("exercise") else ""
    return exercise + "; ".join(parts)


def _labels(tree: Mapping[str, Any]) -> list[str]:
    about: Mapping[str, Any] = tree["incident"]
    labels = [f"level:{about['level']}", f"kind:{tree['kind']}"]
    labels += [f"severity:{about['severity']}"] if about.get("severity") else []
    return labels + (["exercise"] if about.get("exercise") else [])


def _techniques(tags: Sequence[str], common: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for tag in sorted(set(tags)):
        name = tag.removeprefix("attack.").upper()
        if name.startswith("T") and name[1:2].isdigit():
            fixed = {**common, "created": BEGINNING, "modified": BEGINNING}
            yield {
                "type": "attack-pattern",
                "id": _id("attack-pattern", name),
                **fixed,
                "name": name,
                "external_references": [{"source_name": "mitre-attack", "external_id": name}],
            }


def _seen(tree: Mapping[str, Any], common: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What came from outside: observables, an indicator of each, one observation of all, a sighting of each indicator."""
    about: Mapping[str, Any] = tree["incident"]
    outside = [item for item in tree.get("entities", ()) if not item.get("internal")]
    observables = {made["id"]: made for item in outside if (made := _observable(str(item["kind"]), str(item["value"])))}
    if not observables:
        return
    first, last = _time(about["first_seen"]), _time(about["last_seen"])
    total = max(1, sum(int(alert.get("count", 1)) for alert in tree.get("alerts", ())))
    number = str(about["number"])
    yield from observables.values()
    observation = {
        "type": "observed-data",
        "id": _id("observed-data", number, str(tree["organization"])),
        **common,
        "first_observed": first,
        "last_observed": max(first, last),
        "number_observed": min(total, 999_999_999),
        "object_refs": list(observables),
    }
    yield observation
    for observable in observables.values():
        pattern = f"[{observable['type']}:{_PATTERNS[observable['type']]} = '{_quoted(str(observable['value']))}']"
        indicator = {
            "type": "indicator",
            "id": _id("indicator", pattern, number, str(tree["organization"])),
            **common,
            "name": str(observable["value"]),
            "indicator_types": ["malicious-activity"],
            "pattern": pattern,
            "pattern_type": "stix",
            "valid_from": first,
        }
        yield indicator
        yield {
            "type": "sighting",
            "id": _id("sighting", pattern, number),
            **common,
            "first_seen": first,
            "last_seen": max(first, last),
            "sighting_of_ref": indicator["id"],
            "observed_data_refs": [observation["id"]],
            "where_sighted_refs": [common["created_by_ref"]],
        }


def _observable(kind: str, value: str) -> dict[str, Any] | None:
    """A cyber-observable of an entity, or None for what STIX has none for."""
    if kind.endswith(".ip"):
        try:
            type_ = f"ipv{ip_address(value).version}-addr"
        except ValueError:
            return None
    elif kind.endswith("domain"):
        type_ = "domain-name"
    elif kind.startswith("url."):
        type_ = "url"
    else:
        return None
    content = json.dumps({"value": value}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {"type": type_, "spec_version": "2.1", "id": f"{type_}--{uuid5(OBSERVABLES, content)}", "value": value}


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _id(type_: str, *parts: str) -> str:
    return f"{type_}--{uuid5(NAMESPACE, '|'.join(('stix', type_, *parts)))}"


def _time(text: Any) -> str:
    """A time as STIX wants it: UTC with milliseconds."""
    whole, _, fraction = str(text).removesuffix("Z").partition(".")
    return f"{whole}.{fraction[:3]:0<3}Z"
