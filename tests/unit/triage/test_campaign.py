"""The same attack on many systems links incidents, with the reason, and merges none."""

from triage_made import ATTACKER, Desk, act, episode

from soc.clock import HOUR
from soc.model import IndicatorHit
from soc.triage.campaign import MAX_LINKS
from soc.triage.surroundings import Surroundings

FAR = 180
"""Minutes: further apart than alerts that join."""


def guess(k, at, *, rule="guess", attacker=ATTACKER, host=None):
    return episode(f"g{k}", rule, at, {"source.ip": attacker, "host.name": host or f"web-{k}"})


def attacked(number=3, **options):
    desk = Desk(**options)
    for k in range(number):
        desk.apply(guess(k, k * FAR))
    return desk


def linked(desk, one, other):
    return desk.incident(other).id in {link.incident_id for link in desk.incident(one).links}


def test_one_attack_on_three_systems_is_three_incidents_of_one_campaign_with_the_reason_on_each():
    desk = attacked()
    incidents = [desk.incident(f"g{k}") for k in range(3)]
    assert len({incident.id for incident in incidents}) == 3
    assert len({incident.campaign for incident in incidents}) == 1
    assert incidents[0].campaign
    first = incidents[0]
    for other in incidents[1:]:
        reason = f"Password guessing (T1110): {ATTACKER}"
        assert [(link.number, link.reason) for link in other.links] == [(first.number, reason)]
        assert [moment.detail for moment in other.timeline] == [f"{first.number}: {reason}"]
        assert linked(desk, "g0", f"g{other.alerts[0][-1]}")
    assert {incident.revision for incident in incidents} == {0}
    assert sum(b'"act":"link"' in line for line in desk.audit) == 2


def test_an_address_that_hits_so_many_hosts_that_it_no_longer_joins_is_a_campaign():
    desk = Desk(max_degree=5)
    for k in range(80):
        desk.apply(guess(k, k / 2))
    incidents = [incident for incident in desk.incidents.values() if incident.status != "merged"]
    assert len(incidents) == 80
    assert len({incident.campaign for incident in incidents}) == 1
    assert max(len(incident.links) for incident in incidents) == MAX_LINKS


def test_another_rule_or_another_address_is_another_attack():
    desk = Desk()
    desk.apply(guess(0, 0), guess(1, FAR, rule="transfer"), guess(2, 2 * FAR, attacker="203.0.113.78"))
    assert not any(incident.links or incident.campaign for incident in desk.incidents.values())


def test_the_same_machine_hit_again_is_no_campaign():
    desk = Desk()
    desk.apply(guess(0, 0, host="web"), guess(1, FAR, host="web"))
    assert len(desk.live()) == 2
    assert not linked(desk, "g0", "g1")


def test_an_address_of_ours_or_a_declared_one_is_nobodys_mark():
    for attacker, shared in (("10.0.0.9", ()), ("198.51.100.1", ("198.51.100.1",))):
        desk = Desk(shared=shared)
        desk.apply(guess(0, 0, attacker=attacker), guess(1, FAR, attacker=attacker))
        assert not linked(desk, "g0", "g1")


def test_what_intelligence_lists_links_incidents_that_share_nothing_else():
    class Listed:
        def hits(self, pairs, at):
            del at
            return tuple(IndicatorHit(f, v, "feed", "GREEN") for f, v in pairs if v == "evil.example")[:1]

    around = Surroundings(indicators=Listed())
    desk = Desk(surroundings=lambda: around)
    for k in range(2):
        desk.apply(episode(f"g{k}", "sudo", k, {"host.name": f"web-{k}", "url.domain": "evil.example"}))
    assert len(desk.live()) == 2
    assert linked(desk, "g1", "g0")
    assert desk.incident("g1").links[0].reason == "Sudo to root: evil.example"


def test_a_day_after_its_last_alert_the_same_is_another_campaign():
    desk = attacked(2)
    later = 2 * FAR + 25 * 60
    desk.apply(guess(2, later), guess(3, later + FAR))
    assert not linked(desk, "g2", "g0")
    assert linked(desk, "g3", "g2")
    assert desk.incident("g3").campaign not in {"", desk.incident("g0").campaign}


def test_what_a_person_unlinked_the_machine_does_not_link_again():
    desk = attacked(2)
    desk.apply(act("unlink", "incident", desk.incident("g1"), to=desk.incident("g0").id))
    desk.apply(episode("more", "guess", FAR + 2, {"source.ip": ATTACKER, "host.name": "web-1", "user.name": "b"}))
    assert desk.alert("more").incident_id == desk.incident("g1").id
    assert not linked(desk, "g1", "g0")
    desk.apply(act("link", "incident", desk.incident("g1"), to=desk.incident("g0").id, reason="it is one after all"))
    assert linked(desk, "g0", "g1")


def test_a_drill_and_what_is_real_are_never_one_campaign():
    desk = attacked(1)
    desk.apply(act("exercise", "incident", desk.incident("g0"), role="lead", exercise=True, reason="drill of June"))
    desk.apply(guess(1, FAR))
    assert not linked(desk, "g0", "g1")


def test_a_closed_incident_is_still_the_first_of_its_campaign_and_stays_closed():
    desk = attacked(1)
    desk.apply(act("close", "incident", desk.incident("g0"), verdict="true_positive", reason="blocked"))
    desk.apply(guess(1, FAR))
    assert linked(desk, "g1", "g0")
    assert (desk.incident("g0").status, desk.incident("g0").revision) == ("closed", 1)


def test_an_incident_that_takes_another_in_takes_its_links():
    desk = attacked(3)
    desk.apply(guess(9, 3 * FAR + 10, rule="sudo", attacker="203.0.113.99", host="other"))
    desk.apply(act("merge", "incident", desk.incident("g1"), into=desk.incident("g9").id))
    survivor = desk.incident("g9")
    assert survivor.campaign == desk.incident("g0").campaign
    assert {link.incident_id for link in survivor.links} == {desk.incident("g0").id}


def test_attacks_of_long_ago_are_forgotten():
    desk = attacked(2)
    desk.apply(episode("x", fields={"host.name": "x"}, at=99), now=desk.alert("g0").raised + 24 * 30 * HOUR)
    assert not [name for name, value in desk.state.items() if name.startswith(b"m/") and value is not None]
