"""What a person previews is what is sealed, for each receiver by his own profile, policy and wire; and what may not leave does not."""

import hashlib
import json

import msgspec
import pytest
from forward_made import ORGANIZATION, T0, incident

from soc.assets.entries import Entries
from soc.assets.reading import read
from soc.assets.register import EMPTY, Register
from soc.duties.fields import FIELDS
from soc.duties.policy import Policy
from soc.errors import SettingsError
from soc.forward import sealing
from soc.forward.ledger import ENDS_KEPT, Ledger
from soc.forward.outbox import TRANSITIONS
from soc.forward.payload import UnsendableError
from soc.forward.preview import preview
from soc.forward.profile import DEFAULT
from soc.forward.sealing import seal_new, settle
from soc.forward.terms import Recipient, Terms, addressees
from soc.model import Approval, Settlement
from soc.pipeline.policy import load_policy, readiness
from soc.pipeline.release import load_profiles, load_recipients, terms_of
from soc.receiver import ForwardSettings, Receiver
from soc.settings import Settings

NATIONAL, OWNER = Recipient("national"), Recipient("owner", "taxii21")
REGISTER = """
units: [{key: so, name: Sở}]
systems:
  - {key: dvc, name: Cổng dịch vụ công, owner: so, operator: so, networks: [198.51.100.0/24], public_addresses: [198.51.100.9],
     hosts: [{name: cong-truc-01, addresses: 198.51.100.7}]}
"""


def register():
    found = read([("register.yaml", REGISTER.encode())], Entries(), timezone="Asia/Ho_Chi_Minh")
    assert found.entries is not None, found.mistakes
    return Register(found.entries)


def policy(name="vn-2026"):
    return load_policy(Settings(policy={"file": name}))


def shown(about, kind="initial", name="", *, recipients=(NATIONAL,), terms=None, **given):
    return preview(about, kind, name, organization=ORGANIZATION, recipients=recipients, terms=terms or Terms(), **given)


def agreed(about, data, kind="initial", **fields):
    approval = Approval(kind, hashlib.sha256(data).hexdigest(), "hoa", T0, about.version, **fields)
    return msgspec.structs.replace(about, approvals=(*about.approvals, approval))


def sealed(about, ledger=None, *, recipients=(NATIONAL,), terms=None):
    ledger = ledger or Ledger({})
    return seal_new(ledger, about, organization=ORGANIZATION, recipients=recipients, now=T0, terms=terms)


@pytest.mark.parametrize("name", ["national", "owner"])
def test_what_is_sealed_is_byte_for_byte_what_was_previewed_for_that_receiver_and_its_wire(name):
    terms = Terms(standing={"contact_name": "Nguyễn Văn An"}, inside=lambda: inside)
    inside = terms_of(Settings(), policy(), register).inside()
    both = (NATIONAL, OWNER)
    previewed = shown(incident(), "update", name, recipients=both, terms=terms)
    (report,) = sealed(agreed(incident(), previewed.payload, "update", recipient=name), recipients=both, terms=terms)
    assert (report.state, report.recipient, report.payload) == ("queued", name, previewed.payload)
    assert report.payload_sha256 == previewed.sha256
    assert ("objects" in json.loads(report.payload)) == (name == "owner")


def test_a_register_that_changes_after_the_preview_makes_the_approval_stale_instead_of_sealing_other_bytes():
    about = incident(title="Quét cổng vào 198.51.100.7")
    before = shown(about)
    known = terms_of(Settings(), policy(), register)
    (report,) = sealed(agreed(about, before.payload), terms=Terms(inside=known.inside))
    assert (report.state, report.payload) == ("stale", b"")
    assert "approve again" in report.detail


def test_what_the_register_knows_leaves_as_the_name_of_its_system_and_the_public_address_as_it_is():
    known = terms_of(Settings(), policy(), register)
    about = incident(title="Máy cong-truc-01 (198.51.100.7) sau 198.51.100.9 bị dò mật khẩu")
    title = json.loads(shown(about, terms=Terms(inside=known.inside)).payload)["incident"]["title"]
    assert title == "Máy hệ thống dvc (hệ thống dvc) sau 198.51.100.9 bị dò mật khẩu"


def test_each_receiver_gets_what_its_own_profile_lists():
    short = DEFAULT.model_copy(update={"recipient": "owner", "fields": ("incident.severity",)})
    both = (NATIONAL, Recipient("owner", profile=short))
    full = json.loads(shown(incident(), name="national", recipients=both).payload)
    bare = shown(incident(), name="owner", recipients=both)
    assert "entities" in full
    assert not {"entities", "alerts"} & set(json.loads(bare.payload))
    assert ("alerts.count", "profile", 1) in {(one.field, one.rule, one.count) for one in bare.withheld}


def test_a_sealed_report_records_what_was_withheld_by_field_and_rule():
    (report,) = sealed(agreed(incident(), shown(incident()).payload))
    assert ("destination.ip", "internal-address", 1) in report.withheld
    assert "10.20.0.15" not in str(report.withheld)


def test_bytes_in_which_the_second_scan_finds_something_are_not_sealed_and_the_value_is_not_told(monkeypatch):
    leaky = "Gọi 0912 345 678 để biết thêm"
    monkeypatch.setattr("soc.forward.telling.Redactor.text", lambda _, text, __="": text)
    about = incident(title=leaky)
    with pytest.raises(UnsendableError, match="phone at /incident/title") as told:
        shown(about)
    assert "0912" not in str(told.value)
    monkeypatch.setattr("soc.forward.preview.leak", lambda *_: "")
    (report,) = sealed(agreed(about, shown(about).payload))
    assert (report.state, report.payload) == ("stale", b"")
    assert "phone at /incident/title" in report.detail
    assert "0912" not in report.detail


@pytest.mark.parametrize("fields", [{"tlp": "RED"}, {"flags": ("state_secret_risk",)}], ids=["TLP:RED", "state secret"])
def test_what_only_paper_may_carry_has_no_preview_and_is_not_sealed_whatever_was_approved(fields):
    about = incident(**fields)
    with pytest.raises(UnsendableError, match="paper"):
        shown(about)
    (report,) = sealed(agreed(about, shown(incident()).payload))
    assert (report.state, report.payload) == ("stale", b"")
    assert "paper" in report.detail


def test_a_drill_goes_to_nobody_who_does_not_accept_exercises_and_says_on_top_what_it_is_to_who_does():
    about = incident(exercise=True)
    with pytest.raises(UnsendableError, match="exercise"):
        shown(about)
    willing = (Recipient("national", accepts_exercises=True),)
    made = shown(about, recipients=willing)
    assert json.loads(made.payload)["watermark"] == "DIỄN TẬP – EXERCISE"
    (report,) = sealed(agreed(about, made.payload), recipients=willing)
    assert report.state == "queued"


def test_a_kind_goes_only_to_whom_the_policy_names_and_a_receiver_it_does_not_know_takes_all():
    terms = terms_of(Settings(), policy(), lambda: EMPTY)
    all_of_them = (NATIONAL, Recipient("mirror"))
    assert [one.name for one in addressees("notice_initial", all_of_them, terms)] == ["national", "mirror"]
    assert [one.name for one in addressees("pdp_notice", all_of_them, terms)] == ["mirror"]
    with pytest.raises(UnsendableError, match="pdp_authority"):
        shown(incident(), "pdp_notice", "national", recipients=all_of_them, terms=terms)


def test_an_approval_that_names_nobody_means_the_first_who_may_get_the_kind():
    terms = Terms(addressees={"pdp_notice": ("owner",), "update": ("national",)})
    both = (NATIONAL, Recipient("owner"))
    made = shown(incident(), "pdp_notice", recipients=both, terms=terms)
    (report,) = sealed(agreed(incident(), made.payload, "pdp_notice"), recipients=both, terms=terms)
    assert (report.state, report.recipient) == ("queued", "owner")


def test_a_kind_that_needs_two_people_shows_the_second_the_same_bytes_and_is_sealed_when_he_agrees():
    terms, ledger = Terms(second_person={"initial"}), Ledger({})
    first = shown(incident(), terms=terms)
    once = agreed(incident(), first.payload)
    assert sealed(once, ledger, terms=terms) == []
    assert shown(once, terms=terms) == first
    both = msgspec.structs.replace(once, approvals=(msgspec.structs.replace(once.approvals[0], second="minh"),))
    (report,) = sealed(both, ledger, terms=terms)
    assert report.payload == first.payload


def test_a_report_names_where_the_audit_chain_stood_and_the_one_after_it_names_its_own_sealing():
    ledger = Ledger({})
    (one,) = sealed(agreed(incident(), shown(incident()).payload), ledger)
    assert json.loads(one.payload)["audit"]["line"] == 0
    assert one.audit == (1, ledger.counters.audit.hash)
    two = shown(incident(2), audit=one.audit)
    assert json.loads(two.payload)["audit"] == {"chain": "forward", "line": 1, "sha256": one.audit[1]}
    (report,) = sealed(agreed(incident(2), two.payload), ledger)
    assert report.payload == two.payload


def test_an_approval_holds_while_some_other_reports_were_sealed_since_the_preview_and_is_stale_after_many():
    for between, state in ((ENDS_KEPT - 1, "queued"), (ENDS_KEPT, "stale")):
        ledger = Ledger({})
        previewed = shown(incident(99)).payload
        for number in range(1, between + 1):
            made = shown(incident(number), audit=ledger.ends()[0])
            sealed(agreed(incident(number), made.payload), ledger)
        (report,) = sealed(agreed(incident(99), previewed), ledger)
        assert report.state == state


@pytest.mark.parametrize("state", ["queued", "retry_wait", "blocked_auth", "uncertain", "processing"])
def test_a_person_who_does_not_want_to_wait_makes_it_due_now_and_never_skips_the_question(state):
    ledger = Ledger({})
    (report,) = sealed(agreed(incident(), shown(incident()).payload), ledger)
    ledger.put(msgspec.structs.replace(report, state=state, next_attempt=T0 + 10**9))
    ledger.take_up(
        msgspec.structs.replace(incident(), settlements=(Settlement(report.id, "resend", "hoa", T0, "", "now"),))
    )
    (after,) = settle(ledger, T0)
    assert after.next_attempt == 0
    assert after.state == ("queued" if (state, "attempt") in TRANSITIONS else state)
    assert after.payload == report.payload


def test_a_receiver_without_a_profile_is_refused_with_its_name_and_what_ships():
    settings = Settings(
        forward=ForwardSettings(
            receiver=Receiver(profile="nowhere"), receivers=(Receiver(name="x", profile="/no/such.yaml"),)
        )
    )
    with pytest.raises(SettingsError) as told:
        load_profiles(settings)
    assert len(told.value.mistakes) == 2
    assert "receiver national: profile 'nowhere'" in told.value.mistakes[0]
    assert "national, operator, owner" in told.value.mistakes[0]


@pytest.mark.parametrize("name", ["vn-2026", "vn-2017"])
def test_every_field_that_people_type_for_a_report_leaves_to_whom_the_policy_sends_it(name):
    """Default deny would otherwise make people fill in what nobody reads."""
    held_back: list[tuple[str, str, str]] = []
    law = policy(name)
    for id_ in law.recipients:
        settings = Settings(forward=ForwardSettings(receiver=Receiver(name=id_, profile=id_)))
        if id_ == "data_subjects":
            continue  # told by letter, one by one: no receiver
        (recipient,) = load_recipients(settings)
        for duty in law.duties:
            typed = [field for field in duty.required if FIELDS[field].source in {"person", "installation"}]
            leaving = recipient.profile.leaving(duty.kind)
            held_back += [
                (id_, duty.kind, field)
                for field in typed
                if id_ in duty.recipients and f"particulars.{field}" not in leaving
            ]
    assert held_back == []


def test_readiness_names_an_automatic_channel_that_no_receiver_is_and_a_receiver_that_answers_no_duty():
    settings = Settings(forward=ForwardSettings(receiver=Receiver(name="stand-in")))
    lines = readiness(settings, policy())
    assert any("'stand-in' is no recipient" in line for line in lines)
    assert any("automatic channel to national" in line for line in lines)
    assert not any("automatic channel" in line for line in readiness(Settings(), policy()))


def test_the_terms_are_the_policys():
    law = policy()
    assert isinstance(law, Policy)
    terms = terms_of(Settings(policy={"particulars": {"contact_name": "An"}}), law, lambda: EMPTY)
    assert {"notice_immediate", "notice_initial"} <= set(terms.overtaking)
    assert set(terms.second_person) == {kind for kind in law.kinds() if law.second_person(kind)}
    assert terms.standing == {"contact_name": "An"}
    assert sealing.leak(b'{"a":"b"}', NATIONAL, terms) == ""
