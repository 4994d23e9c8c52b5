"""2,000 canaries in every field of an incident that takes text: none in any sealed byte, and the second scan agrees."""

import json
import unicodedata
from itertools import islice
from pathlib import Path

import pytest
from forward_made import ORGANIZATION, T0, incident
from privacy_canaries import canaries

from soc.duties.fields import FIELDS
from soc.forward.payload import payload_preview
from soc.forward.profile import DEFAULT, Profile
from soc.forward.scan import scan
from soc.forward.schema import CONTACT
from soc.forward.stix import bundle
from soc.model import Evidence, Link, SystemHit, Task
from soc.model.alert import Note
from soc.model.incident import AlertSummary, Join, Moment

NATIONAL = Path(__file__).parents[3] / "deploy" / "policy" / "recipients" / "national.yaml"
KINDS = (
    "source.ip", "destination.ip", "host.name", "host.hostname", "user.name", "user.email", "process.command_line", "url.full", "url.original",
    "url.query", "file.path", "file.name", "file.hash.sha256", "dns.question.name", "destination.domain", "http.request.body", "event.original",
    "user_agent.original", "email.from.address", "geo.location",
)  # fmt: skip
TYPED = sorted(set(FIELDS) - CONTACT)


def nfc(text):
    return unicodedata.normalize("NFC", text)


def planted(texts):
    """An incident with the next text in each of its fields."""
    take = lambda: next(texts)  # noqa: E731
    system = SystemHit(
        key=take(), name=take(), purpose=take(), unit=take(), owner=take(), operator=take(), criticality=take(), public_addresses=(take(), "203.0.113.9"),
        domains=(take(),), operating_systems=(take(),), services=(take(),), hosting_provider=take(), connectivity_provider=take(),
        security_provider=take(), missing=(take(),), found_by=(take(),),
    )  # fmt: skip
    summary = AlertSummary(take(), take(), take(), take(), "high", 3, T0, T0, "live")
    return incident(
        title=take(), title_vi=take(), owner=take(), close_reason=take(), t0_reason=take(), campaign=take(), tags=(take(), "attack.t1110"),
        entities=tuple((kind, take(), 1) for kind in KINDS), summaries=(summary,), systems=(system,),
        particulars={name: take() for name in (*TYPED, "unknown_field", "paper_notice_initial")},
        notes=(Note(T0, take(), take()),), joins=(Join("a", T0, "user.name", take()),), links=(Link(take(), "INC-2026-000002", take()),),
        tasks=(Task("1", take(), take(), T0, T0, take(), reply=take()),), evidence=(Evidence(take(), "0" * 64, 1, 1, T0, T0, take(), T0),),
        timeline=(Moment(T0, take(), "classify", take()),),
    )  # fmt: skip


@pytest.mark.parametrize(
    "profile",
    [DEFAULT, Profile.parse(NATIONAL.read_text(encoding="utf-8"), "national.yaml")],
    ids=["default", "national"],
)
def test_no_canary_in_any_field_is_in_any_sealed_byte(profile):
    made = list(canaries(2400, seed=21))
    texts = iter([canary.text for canary in made])
    count = 0
    while True:
        rest = list(islice(texts, 110))
        if len(rest) < 110:
            break
        count += 1
        preview = payload_preview(planted(iter(rest)), "closing", ORGANIZATION, "national", profile=profile)
        data = nfc(preview.payload.decode())
        own = [canary for canary in made if canary.text in rest]
        for value in (value for canary in own for value in canary.values):
            written = json.dumps(nfc(value), ensure_ascii=False)[1:-1]
            assert written not in data, (value, written)
        assert scan(preview.payload, (), CONTACT) == ()
        assert scan(bundle(preview.payload), (), CONTACT) == ()
        assert preview.withheld
        assert not any(value in str(preview.withheld) for canary in own for value in canary.values if len(value) > 6)
    assert count * 110 >= 2000


def test_raw_lines_notes_tasks_and_evidence_are_never_told():
    text = payload_preview(
        planted(iter(f"zz{n}zz" for n in range(200))), "update", ORGANIZATION, "national"
    ).payload.decode()
    document = planted(iter(f"zz{n}zz" for n in range(200)))
    for secret in (
        document.owner,
        document.notes[0].text,
        document.tasks[0].title,
        document.tasks[0].reply,
        document.evidence[0].name,
        document.t0_reason,
    ):
        assert secret not in text
