"""A recipient gets what his profile lists; a profile with mistakes is refused with all of them."""

import json
from pathlib import Path

import pytest
from forward_made import ORGANIZATION, incident

from soc.errors import SettingsError
from soc.forward.payload import UnsendableError, payload_preview, refused
from soc.forward.profile import DEFAULT, Profile
from soc.forward.schema import ALWAYS, CONTACT

FOLDER = Path(__file__).parents[3] / "deploy" / "policy" / "recipients"
FILES = sorted(FOLDER.glob("*.yaml"))


def told(document, profile, kind="report_72h", **fields):
    return json.loads(payload_preview(document, kind, ORGANIZATION, "national", profile=profile, **fields).payload)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_profile_is_without_mistake_and_named_like_its_file(file):
    assert Profile.parse(file.read_text(encoding="utf-8"), file.name).recipient == file.stem


def test_a_profile_that_lists_nothing_lets_nothing_out_but_what_makes_a_report():
    tree = told(incident(particulars={"cause": "x"}), Profile(recipient="national"))
    assert set(tree) == {*ALWAYS, "incident"}
    assert set(tree["incident"]) == {"number", "title", "title_vi", "level", "status", "verdict", "first_seen", "last_seen", "detected_at", "as_of", "exercise", "tlp"}  # fmt: skip


def test_a_kind_of_report_may_say_more_or_less():
    profile = Profile.parse(
        "recipient: a\nfields: [particulars.cause, alerts_total]\n"
        "kinds:\n  closing: {also: [particulars.lessons]}\n  update: {without: [alerts_total]}\n",
        "a.yaml",
    )
    document = incident(particulars={"cause": "x", "lessons": "y"})
    assert told(document, profile)["particulars"] == {"cause": "x"}
    assert told(document, profile, "closing")["particulars"] == {"cause": "x", "lessons": "y"}
    assert "alerts_total" not in told(document, profile, "update")


def test_all_mistakes_are_told_at_once_with_file_and_line():
    text = (
        "recipient: ''\nmax_tlp: RED\nfields:\n  - incident.severity\n  - incident.owner\n  - particulars.contact_phone\n"
        "  - incident.severity\ncontact: [cause]\nkinds:\n  closing: {without: [incident.title]}\nsharing: {by: [raw]}\n"
    )
    with pytest.raises(SettingsError) as caught:
        Profile.parse(text, "x.yaml")
    assert [line.split(" ")[0] for line in caught.value.mistakes] == [
        "x.yaml:1:", "x.yaml:2:", "x.yaml:5:", "x.yaml:6:", "x.yaml:7:", "x.yaml:10:", "x.yaml:8:", "x.yaml:11:",
    ]  # fmt: skip


def test_a_key_that_nobody_knows_is_a_mistake():
    with pytest.raises(SettingsError, match=r"x\.yaml:2: feilds"):
        Profile.parse("recipient: a\nfeilds: []\n", "x.yaml")


def test_the_contact_is_the_one_personal_data_and_leaves_only_where_it_is_listed():
    document = incident(
        particulars={"contact_name": "Nguyễn Văn An", "contact_phone": "0912 345 678", "cause": "gọi 0912 345 678"}
    )
    listed = DEFAULT.model_copy(update={"contact": ("contact_name", "contact_phone")})
    assert told(document, listed)["particulars"] == {
        "cause": "gọi [phone]",
        "contact_name": "Nguyễn Văn An",
        "contact_phone": "0912 345 678",
    }
    assert told(document, DEFAULT)["particulars"] == {"cause": "gọi [phone]"}


def test_a_contact_from_the_settings_is_told_unless_a_person_typed_another():
    listed = DEFAULT.model_copy(update={"contact": tuple(sorted(CONTACT))})
    standing = {"contact_phone": "0276 3822 222", "contact_name": "Trực ban", "cause": "not a contact"}
    document = incident(particulars={"contact_phone": "0912 345 678"})
    assert told(document, listed, standing=standing)["particulars"] == {
        "contact_name": "Trực ban",
        "contact_phone": "0912 345 678",
    }


def test_what_is_no_contact_is_redacted_in_a_contact_s_field_too():
    document = incident(
        particulars={"contact_name": "cookie PHPSESSID=abc12345", "contact_phone": "0912345678 mật khẩu: Abc@123"}
    )
    text = json.dumps(told(document, DEFAULT.model_copy(update={"contact": tuple(CONTACT)})), ensure_ascii=False)
    assert "abc12345" not in text
    assert "Abc@123" not in text


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"tlp": "RED"}, "TLP:RED"), ({"flags": ("state_secret_risk",)}, "state secret")],
    ids=["red", "state secret"],
)
def test_what_no_automatic_channel_may_carry_is_refused_with_the_way_out(fields, word):
    with pytest.raises(UnsendableError, match=f"{word}.*paper register"):
        payload_preview(incident(**fields), "notice_initial", ORGANIZATION, "national")


def test_a_recipient_gets_nothing_that_may_not_travel_so_far():
    narrow = DEFAULT.model_copy(update={"max_tlp": "GREEN"})
    assert "TLP:AMBER" in refused(incident(tlp="AMBER"), narrow)
    assert refused(incident(tlp="GREEN"), narrow) == ""
