"""Which alerts belong together, and what proves nothing."""

import pytest
from triage_made import ATTACKER, Desk, act, episode

from soc.clock import MINUTE
from soc.triage.entities import MANY, canonical, generic, of_episode
from soc.triage.grouping import MAX_ALERTS


def pair(source, target, name, at=0, rule="sudo"):
    return episode(name, rule, at, {"source.ip": source, "destination.ip": target})


def test_alerts_without_anything_in_common_stay_apart():
    desk = Desk()
    desk.apply(pair("192.0.2.1", "192.0.2.2", "a"), pair("192.0.2.3", "192.0.2.4", "b"))
    assert desk.live() == {frozenset({"a"}), frozenset({"b"})}


def test_the_window_ends_at_exactly_its_length():
    desk = Desk(window=10 * MINUTE)
    desk.apply(episode("a", at=0, until=1, fields={"host.name": "web"}))
    desk.apply(episode("b", at=11, until=11, fields={"host.name": "web"}))
    desk.apply(episode("c", at=22, until=22, fields={"host.name": "db"}))
    desk.apply(episode("d", at=21.5, until=22, fields={"host.name": "web"}))
    assert desk.live() == {frozenset({"a", "b"}), frozenset({"c"}), frozenset({"d"})}


def test_a_declared_shared_address_never_joins():
    desk = Desk(shared=["192.0.2.9"])
    desk.apply(*(pair("192.0.2.9", f"198.51.100.{n}", f"a{n}", n) for n in range(4)))
    assert len(desk.live()) == 4


def test_a_declared_shared_address_does_not_keep_others_from_joining():
    desk = Desk(shared=["192.0.2.9"])
    desk.apply(pair("192.0.2.9", "198.51.100.1", "a"), pair("192.0.2.9", "198.51.100.1", "b", 1))
    assert desk.live() == {frozenset({"a", "b"})}
    assert {join.entity_value for join in desk.incident("a").joins} == {"198.51.100.1"}


def test_what_only_an_address_of_too_much_company_held_together_is_parted_again():
    desk = Desk(max_degree=3)
    for n in range(12):
        desk.apply(pair("192.0.2.9", f"198.51.100.{n}", f"a{n}", n))
    assert sorted(len(group) for group in desk.live()) == [1] * 12
    assert any("shared" in moment.detail for moment in desk.incident("a1").timeline)


def test_five_hundred_hosts_behind_one_address_leave_an_intrusion_among_them_its_own_incident():
    noise = [pair("192.0.2.9", f"198.51.100.{n % 250}", f"n{n}", n / 50) for n in range(500)]
    into = {"source.ip": ATTACKER, "host.name": "portal", "user.name": "lan.nt"}
    intrusion = [episode(f"i{n}", "guess", n, into | {"destination.ip": "192.0.2.9"}) for n in range(3)]
    for order in (noise + intrusion, intrusion + noise, noise[::2] + intrusion + noise[1::2]):
        desk = Desk()
        for start in range(0, len(order), 50):
            desk.apply(*order[start : start + 50])
        assert frozenset({"i0", "i1", "i2"}) in desk.live()


def test_what_a_person_has_touched_is_not_parted():
    desk = Desk(max_degree=2)
    desk.apply(*(pair("192.0.2.9", f"198.51.100.{n}", f"a{n}", n) for n in range(2)))
    desk.apply(act("acknowledge", "incident", desk.incident("a0")))
    desk.apply(*(pair("192.0.2.9", f"198.51.100.{n}", f"a{n}", n) for n in range(2, 6)))
    assert {"a0", "a1"} <= next(group for group in desk.live() if "a0" in group)


def test_what_was_learned_of_an_address_outlives_its_cases():
    desk = Desk(max_degree=1)
    for n in range(3):
        desk.apply(pair("192.0.2.9", f"198.51.100.{n}", f"a{n}", n))
    for incident in list(desk.incidents.values()):
        desk.apply(act("close", "incident", incident, verdict="benign_true_positive", reason="a proxy"))
    desk.apply(pair("192.0.2.9", "198.51.100.7", "b", 5), pair("192.0.2.9", "198.51.100.8", "c", 6))
    assert {frozenset({"b"}), frozenset({"c"})} <= desk.live()


def test_a_thousand_alerts_between_the_same_two_machines_are_no_company():
    desk = Desk(max_degree=2)
    desk.apply(*(pair("192.0.2.9", "198.51.100.1", f"a{n:04}", n / 100) for n in range(200)))
    assert len(desk.live()) == 1


def test_guessing_a_hundred_names_on_one_server_makes_it_no_gateway():
    desk = Desk(max_degree=3)
    bodies = ({"source.ip": ATTACKER, "host.name": "web", "user.name": f"u{n}"} for n in range(100))
    desk.apply(*(episode(f"a{n:03}", "sudo", n / 10, body) for n, body in enumerate(bodies)))
    assert len(desk.live()) == 1


def test_a_scan_does_not_weld_together_what_goes_on_at_the_addresses_it_touches():
    desk = Desk()
    targets = [f"198.51.100.{n}" for n in range(MANY + 1)]
    desk.apply(*(pair(f"192.0.2.{n}", target, f"a{n}") for n, target in enumerate(targets)))
    bodies = [{"source.ip": ATTACKER, "destination.ip": target} for target in targets]
    desk.apply(episode("scan", "scan", 1, bodies[0], group=[("source.ip", ATTACKER)], more=bodies[1:]))
    assert len(desk.live()) == len(targets) + 1


def test_what_a_rule_groups_by_joins_even_if_its_field_has_many_values():
    desk = Desk()
    bodies = [{"destination.ip": f"198.51.100.{n}"} for n in range(9)]
    desk.apply(episode("flood", "guess", 0, bodies[0], group=[("destination.ip", "198.51.100.0")], more=bodies[1:]))
    desk.apply(pair("192.0.2.1", "198.51.100.0", "a"), pair("192.0.2.2", "198.51.100.1", "b"))
    assert desk.live() == {frozenset({"flood", "a"}), frozenset({"b"})}


def test_names_that_exist_everywhere_join_nothing():
    desk = Desk()
    desk.apply(episode("a", fields={"user.name": "root"}), episode("b", fields={"user.name": "ROOT"}))
    assert len(desk.live()) == 2


def test_a_person_s_name_joins_across_hosts_in_any_case():
    desk = Desk()
    one, other = {"user.name": "lan.nt", "host.name": "x"}, {"user.name": "Lan.NT", "host.name": "y"}
    desk.apply(episode("a", fields=one), episode("b", fields=other))
    assert desk.live() == {frozenset({"a", "b"})}


def test_a_lesser_alert_opens_no_incident_but_comes_along_before_and_after():
    desk = Desk()
    desk.apply(episode("early", "low", 0, {"host.name": "web"}))
    assert desk.live() == set()
    assert desk.alert("early").incident_id == ""
    desk.apply(episode("grave", "transfer", 5, {"host.name": "web"}))
    desk.apply(episode("later", "low", 9, {"host.name": "web"}))
    assert desk.live() == {frozenset({"early", "grave", "later"})}


def test_a_lesser_alert_links_no_two_incidents():
    desk = Desk()
    desk.apply(episode("a", fields={"host.name": "web"}), episode("b", fields={"host.name": "db"}))
    desk.apply(episode("low", "low", 1, {"host.name": ["web", "db"]}))
    assert len(desk.live()) == 2


def test_one_alert_that_links_two_incidents_merges_the_younger_into_the_older():
    desk = Desk()
    desk.apply(episode("a", fields={"host.name": "web"}))
    desk.apply(episode("b", at=1, fields={"host.name": "db"}))
    older, younger = desk.incident("a"), desk.incident("b")
    desk.apply(episode("c", at=2, fields={"host.name": ["web", "db"]}))
    assert desk.live() == {frozenset({"a", "b", "c"})}
    gone = desk.incidents[younger.id]
    assert (gone.status, gone.merged_into) == ("merged", older.id)
    assert {(join.alert_id, join.entity_value) for join in desk.incident("a").joins} == {
        ("202611-c", "web"),
        ("202611-c", "db"),
    }


def test_a_merge_takes_the_earlier_clock_even_from_the_incident_that_goes():
    desk = Desk()
    desk.apply(episode("a", fields={"host.name": "web"}), now=1000 * MINUTE)
    desk.apply(episode("b", fields={"host.name": "db"}), now=2000 * MINUTE)
    desk.apply(act("note", "incident", desk.incident("b"), text="mine"), now=2001 * MINUTE)
    desk.apply(episode("c", at=1, fields={"host.name": ["web", "db"]}), now=3000 * MINUTE)
    assert desk.incident("c").id == desk.incident("b").id
    assert desk.incident("c").raised == 1000 * MINUTE


def test_the_incident_that_a_person_touched_survives_and_two_of_them_stay_apart():
    desk = Desk()
    desk.apply(episode("a", fields={"host.name": "web"}))
    desk.apply(episode("b", at=1, fields={"host.name": "db"}))
    desk.apply(act("note", "incident", desk.incident("b"), text="called the owner"))
    desk.apply(episode("c", at=2, fields={"host.name": ["web", "db"]}))
    assert desk.incident("a").notes[0].text == "called the owner"
    desk.apply(episode("d", at=3, fields={"host.name": "mail"}))
    desk.apply(act("acknowledge", "incident", desk.incident("d")))
    desk.apply(episode("e", at=4, fields={"host.name": ["mail", "db"]}))
    assert desk.live() == {frozenset({"a", "b", "c", "e"}), frozenset({"d"})}


def test_a_closed_incident_takes_nothing_in():
    desk = Desk()
    desk.apply(episode("a", fields={"host.name": "web"}))
    desk.apply(act("close", "incident", desk.incident("a"), verdict="true_positive", reason="done"))
    desk.apply(episode("b", at=1, fields={"host.name": "web"}))
    assert desk.live() == {frozenset({"a"}), frozenset({"b"})}


def test_an_alert_closed_as_false_draws_nothing_in():
    desk = Desk()
    desk.apply(episode("a", fields={"host.name": "web", "source.ip": "192.0.2.1"}))
    desk.apply(episode("b", fields={"host.name": "web", "source.ip": "192.0.2.2"}))
    desk.apply(act("close", "alert", desk.alert("b"), verdict="false_positive", reason="scanner of ours"))
    desk.apply(episode("c", at=1, fields={"source.ip": "192.0.2.2"}))
    assert desk.live() == {frozenset({"a", "b"}), frozenset({"c"})}


def test_a_full_incident_is_followed_by_another():
    desk = Desk()
    desk.apply(*(episode(f"a{n:04}", "sudo", n / 1000, {"host.name": "web"}) for n in range(MAX_ALERTS + 2)))
    assert sorted(len(group) for group in desk.live()) == [2, MAX_ALERTS]


def test_numbers_count_within_the_year_of_opening():
    desk = Desk()
    desk.apply(episode("a"), episode("b", at=1))
    desk.apply(episode("c", at=2), now=desk.alert("a").raised + 60 * 24 * 60 * MINUTE)
    numbers = sorted(incident.number for incident in desk.incidents.values())
    assert numbers == ["INC-2026-000001", "INC-2026-000002", "INC-2027-000001"]
    assert all(incident.id.startswith("202611-") for incident in desk.incidents.values())


def test_the_rule_says_which_entities_its_alerts_are_about():
    found = of_episode(episode("a", fields={"url.domain": "evil.example", "source.ip": ATTACKER}), ("url.domain",))
    assert found == (("url.domain", "evil.example"),)


@pytest.mark.parametrize(
    ("field", "written", "meant"),
    [
        ("source.ip", "::ffff:192.0.2.1", "192.0.2.1"),
        ("source.ip", "2001:DB8:0::1", "2001:db8::1"),
        ("source.ip", "127.0.0.1", ""),
        ("source.ip", "224.0.0.1", ""),
        ("source.ip", "not an address", ""),
        ("host.name", "Web-01.", "web-01"),
        ("user.name", " - ", ""),
        ("user.name", "Lan", "Lan"),
        ("user.name", "x" * 300, ""),
    ],
)
def test_one_thing_has_one_spelling(field, written, meant):
    assert canonical(field, written) == meant


@pytest.mark.parametrize("name", ["root", "corp\\administrator", "pc-7$", "nt authority\\system"])
def test_generic_accounts_are_known(name):
    assert generic(("user", name))
