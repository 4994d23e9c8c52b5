"""A policy as people write it: what it says, and every mistake with its line."""

import contextlib

import pytest
from duties_support import ROOT, shipped
from hypothesis import given
from hypothesis import strategies as st

from soc.duties.policy import Policy
from soc.duties.trigger import NAMES, parse_trigger
from soc.errors import SettingsError

FACTS = {
    "severity": "normal",
    "kind": "incident",
    "status": "triage",
    "verdict": "undecided",
    "level": "high",
    "system_level": 3,
    "flags": frozenset({"public_order"}),
    "systems": frozenset({"dvc"}),
    "units": frozenset({"so-khcn"}),
    "filled": frozenset({"cause"}),
    "sent": frozenset({"notice_initial"}),
    "exercise": False,
    "campaign": True,
    "reported": True,
    "outdated": False,
}


@pytest.mark.parametrize("name", ["vn-2026", "vn-2017"])
def test_the_policies_that_ship_are_whole_and_verified_by_nobody(name):
    policy = shipped(name)
    assert policy.id == name
    assert len(policy.unverified()) == len(policy.duties) + len(policy.periodic)
    assert all(duty.legal_basis for duty in policy.duties)
    assert {"notice_initial", "closing", "correction"} <= set(policy.kinds())
    assert policy.overtakes("notice_initial")
    assert not policy.overtakes("closing")


def test_every_particular_that_a_report_could_say_has_a_label_in_both_languages():
    from soc.duties.fields import FIELDS

    assert all(field.vi and field.en and field.name == name for name, field in FIELDS.items())


def test_all_mistakes_are_told_at_once_each_with_its_line():
    text = (ROOT / "deploy/policy/vn-2026.yaml").read_text(encoding="utf-8")
    wrong = {
        "when: severity == serious\n": "when: severity == grave\n",
        "due: 72 hours": "due: 72h",
        "recipients: [pdp_authority]": "recipients: [somebody]",
        "after: [notice_initial, report_72h]": "after: [notice_initial, response_plan]",
        "before: 25/12}": "before: 31/02}",
        "      template: pdp\n": "      template: pdp\n      tempo: slow\n",
        "required: [incident_number, current_state, change_since_last]": "required: [incident_number, mood]",
    }
    for right, mistake in wrong.items():
        assert right in text
        text = text.replace(right, mistake, 1)
    lines = text.splitlines()
    with pytest.raises(SettingsError) as caught:
        Policy.parse(text, "mine.yaml", {"no_such_field": "x"})
    told = caught.value.mistakes
    assert len(told) == len(wrong) + 1
    for mistake in ("grave", "72h", "somebody", "response_plan", "31/02", "tempo", "mood"):
        (said,) = [one for one in told if mistake in one]
        assert mistake in lines[int(said.split(":")[1]) - 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no mapping"),
        ("- a\n", "no mapping"),
        ("a: [\n", "not valid YAML"),
        ("policy: a\npolicy: b\n", "written twice"),
        ("a: &x 1\nb: *x\n", "aliases"),
        ("{}", "is missing"),
        ("[" * 5000, "mine.yaml"),
    ],
)
def test_what_is_no_policy_is_refused_in_one_line_each(text, said):
    with pytest.raises(SettingsError, match=said):
        Policy.parse(text, "mine.yaml")


def test_an_id_is_used_once():
    text = (ROOT / "deploy/policy/vn-2026.yaml").read_text(encoding="utf-8").replace("id: closing", "id: correction")
    with pytest.raises(SettingsError, match="another entry"):
        Policy.parse(text, "mine.yaml")


def test_a_changed_policy_has_another_hash():
    text = (ROOT / "deploy/policy/vn-2026.yaml").read_text(encoding="utf-8")
    other = text.replace("due: 15 minutes", "due: 10 minutes", 1)
    assert Policy.parse(text, "a.yaml").hash == Policy.parse(text, "b.yaml").hash != Policy.parse(other, "a.yaml").hash


def test_an_entry_is_verified_when_a_name_and_a_day_are_there():
    text = (ROOT / "deploy/policy/vn-2026.yaml").read_text(encoding="utf-8")
    by = text.replace("      template: correction\n", "      template: correction\n      verified_by: Phòng Pháp chế\n")
    assert "correction" in Policy.parse(by, "a.yaml").unverified()
    on = by.replace("      verified_by", "      verified_on: 2026-12-01\n      verified_by")
    assert "correction" not in Policy.parse(on, "a.yaml").unverified()


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("severity == normal", True),
        ("severity >= serious", False),
        ("severity < serious and kind == incident", True),
        ("severity in (normal, serious)", True),
        ("level >= high", True),
        ("level > high", False),
        ("system_level >= 4", False),
        ("system_level == 3", True),
        ("flags has public_order", True),
        ("flags any (national_security, public_order)", True),
        ("not flags has public_order", False),
        ("systems any (lgsp, dvc)", True),
        ("filled has cause and sent has notice_initial", True),
        ("exercise or campaign and not outdated", True),
        ("(exercise or campaign) and outdated", False),
        ("not exercise and not outdated", True),
        ("verdict != undecided", False),
    ],
)
def test_a_trigger_asks_what_it_says(text, holds):
    assert parse_trigger(text)(FACTS) is holds


@pytest.mark.parametrize(
    "text",
    [
        "", "severity", "severity ==", "severity == grave", "severity is normal", "flags == public_order", "flags has peace",
        "kind >= event", "system_level >= high", "exercise == true", "severity == normal kind == event", "(severity == normal",
        "severity in normal", "and", "not", "__import__", "severity == normal; x", "filled has mood", "sent has letter",
        "(" * 200 + "exercise" + ")" * 200,
    ],
)  # fmt: skip
def test_a_trigger_that_means_nothing_is_a_mistake_of_the_policy(text):
    with pytest.raises(ValueError, match="trigger:"):
        parse_trigger(text)


ATOMS = st.sampled_from(
    ["exercise", "campaign", "severity == normal", "flags has public_order", "system_level >= 4", "level < high"]
)
TREES = st.recursive(
    ATOMS.map(lambda text: (text, parse_trigger(text)(FACTS))),
    lambda inner: st.one_of(
        inner.map(lambda one: (f"not ({one[0]})", not one[1])),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) and ({two[1][0]})", two[0][1] and two[1][1])),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) or ({two[1][0]})", two[0][1] or two[1][1])),
    ),
    max_leaves=12,
)


@given(TREES)
def test_triggers_combine_as_logic_does(tree):
    text, holds = tree
    assert parse_trigger(text)(FACTS) is holds


@given(st.text(max_size=60))
def test_no_text_does_anything_but_mean_something_or_be_refused(text):
    with contextlib.suppress(ValueError):
        assert parse_trigger(text)(FACTS) in {True, False}


def test_every_name_has_a_fact():
    from duties_support import incident

    from soc.duties.clocks import _facts

    assert set(_facts(shipped(), incident(), (), outdated=False)) == set(NAMES) == set(FACTS)
