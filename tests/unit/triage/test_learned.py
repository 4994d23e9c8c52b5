"""What many stories pass through proves nothing, declared or not; what one attacker leaves behind is not torn apart."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from triage_made import ATTACKER, Desk, act, episode

from soc.clock import HOUR
from soc.triage.grouping import MAX_ALERTS
from soc.triage.learned import MAX_STORIES

SIX = range(6)


def over_address(k, gateway):
    """Guessing, log-on and what followed on one host, all the server ever sees of the outside is the gateway."""
    web = {"host.name": f"web-{k}", "user.name": f"staff{k}"}
    return [
        episode(f"guess{k}", "guess", k, {"source.ip": gateway, **web}, group=[("source.ip", gateway), ("host.name", f"web-{k}")]),
        episode(f"in{k}", "success", k + 5, {"source.ip": gateway, **web}),
        episode(f"sudo{k}", "sudo", k + 9, web),
    ]  # fmt: skip


def behind_proxy(k, proxy):
    """A person's machine reaches out through the proxy: one alert each, of the same rule."""
    return [
        episode(f"out{k}", "transfer", k, {"source.ip": proxy, "user.name": f"staff{k}", "destination.ip": f"198.51.100.{k}"})
    ]  # fmt: skip


def at_controller(k, controller):
    """Log-ons at one domain controller from many machines, and what the people did there."""
    body = {"host.name": controller, "user.name": f"staff{k}", "source.ip": f"10.9.0.{k + 1}"}
    return [episode(f"on{k}", "guess", k, body), episode(f"did{k}", "sudo", k + 2, body)]


def at_api_gateway(k, gateway):
    """Every request of every client is logged by the gateway; an attack on the application behind it is of two rules."""
    body = {"host.name": gateway, "destination.ip": "10.5.0.1", "source.ip": f"203.0.113.{k + 1}"}
    return [episode(f"odd{k}", "sudo", k, body), episode(f"much{k}", "transfer", k + 3, body)]


def behind_firewall(k, firewall):
    """Two names of one thing: the firewall's address translates, and its host name is in each of its lines."""
    outside = {"source.ip": f"203.0.113.{k + 1}", "destination.ip": "192.0.2.1", "host.name": firewall}
    return [episode(f"hit{k}", "sudo", k, outside), episode(f"again{k}", "transfer", k + 3, outside)]


SHAPES = {
    "one public source address": (over_address, "192.0.2.1"),
    "one internal source address": (over_address, "10.0.0.1"),
    "one proxy": (behind_proxy, "10.0.0.2"),
    "one domain controller": (at_controller, "dc-01"),
    "one API gateway": (at_api_gateway, "api-01"),
    "one firewall with an address and a name": (behind_firewall, "fw-01"),
}


def stories_of(shape):
    make, value = SHAPES[shape]
    return [make(k, value) for k in SIX], value


def expected(stories):
    return {frozenset(one.id.removeprefix("202611-") for one in story) for story in stories}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("declared", [False, True])
def test_six_stories_at_once_over_one_thing_stay_six_incidents(shape, declared):
    stories, value = stories_of(shape)
    work = [one for story in stories for one in story]
    for size in (1, 4, len(work)):
        for seed in range(4):
            order = random.Random(seed).sample(work, len(work))
            desk = Desk(shared=[value, "10.5.0.1", "192.0.2.1"] if declared else [])
            for start in range(0, len(order), size):
                desk.apply(*order[start : start + size])
            assert desk.live() == expected(stories)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_joined_before_it_was_learned_is_parted_and_says_why(shape):
    stories, value = stories_of(shape)
    desk = Desk()
    for story in stories:
        desk.apply(*story)
    told = [moment.detail for one in desk.incidents.values() for moment in one.timeline if moment.act == "part"]
    assert any(f"{value} is shared: it holds 5 independent stories together" in detail for detail in told)


def test_what_a_person_has_touched_stays_and_says_that_it_may_be_several():
    stories, _ = stories_of("one public source address")
    desk = Desk()
    desk.apply(*stories[0], *stories[1])
    desk.apply(act("acknowledge", "incident", desk.incident("in0")))
    for story in stories[2:]:
        desk.apply(*story)
    kept = desk.incident("in0")
    assert kept.revision == 1
    assert {"202611-in0", "202611-in1"} <= set(kept.alerts)
    assert any("a person has touched it" in moment.detail for moment in kept.timeline)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(18)), st.integers(1, 7))
def test_however_six_stories_are_woven_together_no_incident_has_two_of_them(order, size):
    stories, _ = stories_of("one public source address")
    work = [one for story in stories for one in story]
    desk = Desk()
    for start in range(0, len(work), size):
        desk.apply(*(work[n] for n in order[start : start + size]))
    for incident in desk.incidents.values():
        if incident.status != "merged":
            assert len({id_[-1] for id_ in incident.alerts}) == 1


def test_once_learned_a_gateway_joins_nothing_that_comes_later():
    stories, _ = stories_of("one internal source address")
    desk = Desk()
    for story in stories:
        desk.apply(*story)
    late = {"source.ip": "10.0.0.1"}
    desk.apply(
        episode("x", "guess", 20, {**late, "host.name": "x"}), episode("y", "guess", 21, {**late, "host.name": "y"})
    )
    assert {frozenset({"x"}), frozenset({"y"})} <= desk.live()


def test_five_hundred_people_of_a_declared_address_at_one_portal_do_not_hide_an_intrusion():
    portal = {"source.ip": "192.0.2.9", "host.name": "portal"}
    noise = [episode(f"n{n}", "guess", n / 50, {**portal, "user.name": f"p{n}"}) for n in range(500)]
    body = {**portal, "user.name": "lan.nt"}
    intrusion = [episode(f"i{n}", rule, n, body) for n, rule in enumerate(("guess", "success", "sudo"))]
    for order in (noise + intrusion, intrusion + noise, noise[::2] + intrusion + noise[1::2]):
        desk = Desk(shared=["192.0.2.9"])
        for start in range(0, len(order), 50):
            desk.apply(*order[start : start + 50])
        assert frozenset({"i0", "i1", "i2"}) in desk.live()


@pytest.mark.parametrize("declared", [False, True])
def test_an_intruder_behind_the_address_that_five_hundred_hosts_share_is_an_incident_of_his_own(declared):
    nat = "192.0.2.9"
    noise = [
        episode(f"n{n}", "sudo", n / 50, {"source.ip": nat, "destination.ip": f"10.1.{n // 250}.{n % 250}"})
        for n in range(500)
    ]
    scans = [
        episode(f"s{n}", "guess", n, {"source.ip": f"203.0.113.{n + 1}", "destination.ip": nat}) for n in range(50)
    ]
    body = {"source.ip": nat, "host.name": "portal", "user.name": "lan.nt"}
    intrusion = [episode(f"i{n}", rule, n, body) for n, rule in enumerate(("guess", "success", "transfer"))]
    for order in (noise + scans + intrusion, intrusion + scans + noise, noise[::2] + intrusion + scans + noise[1::2]):
        desk = Desk(shared=[nat] if declared else [])
        for start in range(0, len(order), 50):
            desk.apply(*order[start : start + 50])
        assert frozenset({"i0", "i1", "i2"}) in desk.live()
        assert {join.entity_value for join in desk.incident("i0").joins} <= {"portal", "lan.nt"}


def test_one_attacker_who_tries_the_doors_of_twenty_hosts_is_one_incident():
    desk = Desk()
    for n in range(20):
        desk.apply(episode(f"a{n}", "guess", n, {"source.ip": ATTACKER, "host.name": f"web-{n}"}))
    assert len(desk.live()) == 1


def test_one_intruder_on_as_many_hosts_as_one_thread_may_have_is_one_incident():
    desk = Desk()
    for k in range(MAX_STORIES):
        desk.apply(*over_address(k, ATTACKER))
    assert len(desk.live()) == 1


def test_one_account_on_many_hosts_is_never_taken_for_a_gateway():
    desk = Desk()
    for n in range(8):
        body = {"user.name": "lan.nt", "host.name": f"web-{n}"}
        desk.apply(episode(f"a{n}", "sudo", n, body), episode(f"b{n}", "transfer", n + 1, body))
    assert len(desk.live()) == 1


def test_many_people_of_one_host_are_no_gateway():
    desk = Desk()
    for n in range(12):
        desk.apply(episode(f"a{n}", "sudo", n, {"host.name": "web", "user.name": f"staff{n}"}))
    assert len(desk.live()) == 1


def test_an_outside_address_is_forgotten_sooner_than_a_gateway_of_ours():
    outside, inside = Desk(), Desk()
    for desk, shape in ((outside, "one public source address"), (inside, "one internal source address")):
        for story in stories_of(shape)[0]:
            desk.apply(*story)
        gateway = {"source.ip": stories_of(shape)[1]}
        later = 30 * 60
        desk.apply(
            episode("x", "guess", later, {**gateway, "host.name": "x"}), now=desk.alert("in0").raised + 30 * HOUR
        )
        desk.apply(episode("y", "guess", later + 1, {**gateway, "host.name": "y"}))
    assert outside.alert("x").incident_id == outside.alert("y").incident_id
    assert inside.alert("x").incident_id != inside.alert("y").incident_id


def test_an_incident_of_many_alerts_is_still_looked_at_while_it_grows():
    desk = Desk()
    for n in range(MAX_ALERTS // 4):
        desk.apply(episode(f"a{n:03}", "sudo", n / 100, {"source.ip": "10.0.0.1", "host.name": "web"}))
    for story in stories_of("one internal source address")[0]:
        desk.apply(*story)
    homes = {desk.alert(f"in{k}").incident_id for k in SIX}
    assert len(homes) == len(SIX)
