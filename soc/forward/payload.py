"""An incident in, the bytes of a report out: canonical JSON, redacted, and the same bytes for the same content every time.

An approver agrees to the hash of these bytes, so they depend on nothing but the incident's reportable content, the kind, the
organization, the recipient and what it may get: not on the clock, not on the document's version, not on who looks. The schema is
``docs/reference/report-schema.md``.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from uuid import UUID, uuid5

from soc.audit.chain import ZERO
from soc.duties.kinds import paper_only
from soc.errors import SocError
from soc.forward.profile import DEFAULT, Profile
from soc.forward.redact import Withheld, nfc
from soc.forward.schema import CONTACT, DRILL, SCHEMA
from soc.forward.telling import content
from soc.model import Incident
from soc.privacy.inside import NOTHING, Inside

__all__ = [
    "NAMESPACE",
    "SCHEMA",
    "START",
    "Preview",
    "UnsendableError",
    "canonical",
    "content",
    "omitted",
    "payload",
    "payload_preview",
    "refused",
    "report_id",
    "sealed",
]

NAMESPACE = UUID("5c0a7c52-6f0e-4d3b-9a55-0c6f3b7a1e90")
"""Of report ids. Drawn once at random; changing it would make every known report a new one."""


START = (0, ZERO)
"""The end of the forwarder's audit chain before its first line: (number, hash)."""


class UnsendableError(SocError):
    """No automatic channel may carry a report of this incident: the person goes another way, and the clock goes on."""


class Preview(NamedTuple):
    """A report as it would leave.

    Attributes:
        payload: the bytes.
        sha256: their hash in hexadecimal, which an approval names.
        withheld: what is not in it, by field and rule.
    """

    payload: bytes
    sha256: str
    withheld: tuple[Withheld, ...]


def payload(incident: Incident, kind: str, organization: str, recipient: str) -> bytes:
    """The bytes of the next report of ``kind`` on ``incident``."""
    return payload_preview(incident, kind, organization, recipient).payload


def payload_preview(
    incident: Incident,
    kind: str,
    organization: str,
    recipient: str,
    *,
    profile: Profile = DEFAULT,
    inside: Inside = NOTHING,
    standing: Mapping[str, str] | None = None,
) -> Preview:
    """The bytes of the next report of ``kind`` on ``incident``, their hash, and what they withhold.

    Raises:
        UnsendableError: no automatic channel may carry it; the message says why and what to do.
    """
    reason = refused(incident, profile)
    if reason:
        raise UnsendableError(reason)
    tree, withheld = content(incident, inside)
    before = sum(given.report_kind == kind and given.recipient in {"", recipient} for given in incident.approvals)
    data = sealed(
        tree, incident.id, kind, before + 1,
        organization=organization, recipient=recipient, profile=profile, standing=standing,
    )  # fmt: skip
    return Preview(data, hashlib.sha256(data).hexdigest(), withheld)


def refused(incident: Incident, profile: Profile = DEFAULT) -> str:
    """Why no automatic channel may carry a report of this incident to this recipient; "" if one may."""
    if paper_only(incident):
        why = "it is TLP:RED" if incident.tlp == "RED" else "a state secret may be at risk"
        return (
            f"{incident.number}: {why}, so no automatic channel may carry it: report on paper, "
            "and keep only the paper register's number and time here"
        )
    if not profile.may_travel(incident.tlp):
        return f"{incident.number} is TLP:{incident.tlp}, and {profile.recipient} may get no more than TLP:{profile.max_tlp}"
    return ""


def report_id(incident_id: str, kind: str, sequence: int, recipient: str) -> str:
    """The id of a report, which is its idempotency key: the same report has the same id on every machine, for ever."""
    return str(uuid5(NAMESPACE, f"{incident_id}|{kind}|{sequence}|{recipient}"))


def sealed(
    tree: Mapping[str, Any],
    incident_id: str,
    kind: str,
    sequence: int,
    *,
    organization: str,
    recipient: str,
    profile: Profile = DEFAULT,
    standing: Mapping[str, str] | None = None,
    audit: tuple[int, str] = START,
) -> bytes:
    """The content of an incident as one report of one kind: what the profile lists, and nothing else.

    Args:
        tree: what ``content`` gave.
        incident_id: with kind, sequence and recipient the report's id.
        kind: of report.
        sequence: 1 for the first of its kind.
        organization: who reports.
        recipient: who gets it.
        profile: what he may get.
        standing: contact fields that are the same in every report, from the settings; what a person typed wins.
        audit: where the forwarder's audit chain stood when its latest report was sealed: whoever has this report can later tell
            whether the chain he is shown is the one that went on from there.
    """
    contact = {name: text for name, text in (standing or {}).items() if name in CONTACT and text}
    shown = profile.of({**tree, "particulars": {**contact, **tree.get("particulars", {})}}, kind)
    return canonical(
        {
            **shown,
            "schema": SCHEMA,
            "report_id": report_id(incident_id, kind, sequence, recipient),
            "kind": kind,
            "sequence": sequence,
            "organization": organization,
            "recipient": recipient,
            "audit": {"chain": "forward", "line": audit[0], "sha256": audit[1]},
            "watermark": DRILL if tree["incident"].get("exercise") else "",
        }
    )


def omitted(tree: Mapping[str, Any], kind: str, profile: Profile) -> tuple[Withheld, ...]:
    """Fields that hold something and that the profile does not list for this kind; contact fields are a person's and told too."""
    leaving = profile.leaving(kind)
    paths = {path for part, value in tree.items() for path in _filled(part, value)}
    return tuple(Withheld(path, "profile", 1) for path in sorted(paths - leaving))


def _filled(part: str, value: Any) -> set[str]:
    items = cast("list[Any]", value) if isinstance(value, list) else [value]
    if not all(isinstance(item, Mapping) for item in items):
        return {part} if value else set()
    each = cast("list[Mapping[str, Any]]", items)
    return {f"{part}.{name}" for item in each for name, text in item.items() if text not in (None, "", [], False)}


def canonical(tree: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys, without blanks, in UTF-8 and NFC. What is no Unicode scalar value becomes ``?``."""
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return nfc(text).encode("utf-8", "replace")
