"""A record's JSON in, the same as STIX 2.1 objects out: what is referenced first, a note with the record itself last.

    identity, marking-definition, attack-pattern     the same object, id and version in every record
    *-addr, indicator                                an attacker's address; the indicator is one of the day
    sighting                                         one row: how often, of whom, when
    note                                             the record, whole, in our extension

Everything in an object follows from what its id is made of, so that a repeat of a record is a repeat of its objects, byte by byte.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from uuid import uuid5

from soc.clock import SECOND, to_iso
from soc.forward.payload import NAMESPACE, canonical
from soc.forward.stix import BEGINNING, OBSERVABLES, OWN, TLP, TLP_2, TLP_CREATED

MOST_COUNT = 999_999_999
"""Of a sighting (STIX 2.1 section 5.2)."""


def objects(record: bytes) -> bytes:
    """The objects of one record as canonical JSON ``{"objects": [...]}``.

    Args:
        record: its canonical JSON (``soc.sharing.summary``).
    """
    return canonical({"objects": list(_objects(json.loads(record)))})


def _objects(tree: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    organization, day = str(tree["organization"]), str(tree["day"])
    who = _fixed("identity", organization) | {"name": organization, "identity_class": "organization"}
    marking = {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP[tree["tlp"]],
        "created": TLP_CREATED,
        "name": f"TLP:{tree['tlp']}",
        "extensions": {TLP_2: {"extension_type": "property-extension", "tlp_2_0": str(tree["tlp"]).lower()}},
    }
    yield who
    yield marking
    marks = {"created_by_ref": who["id"], "object_marking_refs": [marking["id"]]}
    made = _day_start(day)
    told: dict[str, dict[str, Any]] = {}
    sightings: list[dict[str, Any]] = []
    for place, row in enumerate(tree.get("rows", ())):
        of = list(_of_row(row, day, {**marks, "created": made, "modified": made}, organization))
        told |= {item["id"]: item for item in of}
        if row["alerts"] or row["events"]:
            sightings += _sightings(tree, place, row, [item["id"] for item in of if item["type"] in _SIGHTED], marks)
    yield from told.values()
    yield from sightings
    stamp = str(tree.get("to") or made)
    yield {
        "type": "note",
        "spec_version": "2.1",
        "id": f"note--{tree['id']}",
        "created": stamp,
        "modified": stamp,
        **marks,
        "abstract": f"{tree['kind']} {tree['number']} {day}",
        "content": _content(tree),
        "object_refs": [who["id"], *(item["id"] for item in sightings)],
        "labels": [f"soc-sharing:{tree['kind']}"],
        "extensions": {OWN: {"extension_type": "property-extension", "soc_sharing": dict(tree)}},
    }


_SIGHTED = frozenset({"indicator", "attack-pattern"})


def _of_row(row: Mapping[str, Any], day: str, common: Mapping[str, Any], organization: str) -> Iterator[dict[str, Any]]:
    """What a row is about: the attackers, or where none is listed the techniques."""
    for tag in row.get("techniques", ()):
        name = str(tag).removeprefix("attack.").upper()
        if name.startswith("T") and name[1:2].isdigit():
            outside = {"external_references": [{"source_name": "mitre-attack", "external_id": name}]}
            yield _fixed("attack-pattern", "sharing", name) | {"name": name} | outside
    for address in row.get("attackers", ()):
        kind = "ipv6-addr" if ":" in address else "ipv4-addr"
        value = json.dumps({"value": address}, separators=(",", ":"))
        yield {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid5(OBSERVABLES, value)}", "value": address}
        pattern = f"[{kind}:value = '{address}']"
        yield {
            "type": "indicator",
            "spec_version": "2.1",
            "id": _id("indicator", organization, day, pattern),
            **common,
            "name": address,
            "indicator_types": ["malicious-activity"],
            "pattern": pattern,
            "pattern_type": "stix",
            "valid_from": common["created"],
        }


def _sightings(
    tree: Mapping[str, Any], place: int, row: Mapping[str, Any], ids: list[str], marks: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """One sighting of each indicator of a row; of its techniques only where it lists no attacker."""
    indicators = [id_ for id_ in ids if id_.startswith("indicator--")]
    first = str(row.get("hour") or tree["from"])
    for id_ in indicators or ids:
        yield {
            "type": "sighting",
            "spec_version": "2.1",
            "id": _id("sighting", str(tree["id"]), str(place), id_),
            "created": tree["to"],
            "modified": tree["to"],
            **marks,
            "first_seen": first,
            "last_seen": max(first, str(tree["to"])),
            "count": max(1, min(MOST_COUNT, int(row["events"]))),
            "sighting_of_ref": id_,
            "where_sighted_refs": [marks["created_by_ref"]],
            "summary": True,
        }


def _content(tree: Mapping[str, Any]) -> str:
    if tree["kind"] == "day":
        return f"{tree['day']}: {tree['due']} summaries due, {tree['sent']} sent, {tree['acknowledged']} acknowledged"
    return f"{tree['from']} – {tree['to']}: {tree['alerts']} alerts, {tree['events']} events"


def _fixed(kind: str, *name: str) -> dict[str, Any]:
    return {"type": kind, "spec_version": "2.1", "id": _id(kind, *name), "created": BEGINNING, "modified": BEGINNING}


def _id(kind: str, *parts: str) -> str:
    return f"{kind}--{uuid5(NAMESPACE, '|'.join(('stix', kind, *parts)))}"


def _day_start(day: str) -> str:
    return to_iso((date.fromisoformat(day) - date(1970, 1, 1)).days * 86_400 * SECOND)
