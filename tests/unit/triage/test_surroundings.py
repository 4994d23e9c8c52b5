"""What the register knows reaches the incident: its systems as they were, and by which of its own values each was found."""

from triage_made import ATTACKER, Desk, episode

from soc.assets.entries import Entries, Host, System
from soc.assets.register import Register
from soc.triage.surroundings import Surroundings


def around(name="Portal"):
    portal = System("portal", name, networks=("10.5.0.0/24",))
    mail = System("mail", "Mail", networks=("10.6.0.0/24",))
    hosts = (Host("gw-01", ("portal",), addresses=("10.0.0.1",), roles=("nat",)),)
    return Surroundings(Register(Entries(systems=(portal, mail), hosts=hosts)))


def test_an_incident_names_its_systems_and_the_values_that_led_to_each():
    known = around()
    desk = Desk(surroundings=lambda: known)
    desk.apply(episode("a", "guess", 0, {"source.ip": ATTACKER, "destination.ip": "10.5.0.7"}))
    desk.apply(episode("b", "guess", 1, {"source.ip": ATTACKER, "destination.ip": "10.5.0.8"}))
    desk.apply(episode("c", "guess", 2, {"source.ip": ATTACKER, "destination.ip": "10.6.0.1"}))
    found = {hit.key: set(hit.found_by) for hit in desk.incident("a").systems}
    assert found == {"portal": {"10.5.0.7", "10.5.0.8"}, "mail": {"10.6.0.1"}}


def test_a_system_stays_as_it_was_when_the_incident_first_touched_it():
    now = [around()]
    desk = Desk(surroundings=lambda: now[0])
    desk.apply(episode("a", "guess", 0, {"source.ip": ATTACKER, "destination.ip": "10.5.0.7"}))
    now[0] = around("Portal, renamed")
    desk.apply(episode("b", "guess", 1, {"source.ip": ATTACKER, "destination.ip": "10.5.0.8"}))
    assert [(hit.name, len(hit.found_by)) for hit in desk.incident("a").systems] == [("Portal", 2)]


def test_a_gateway_of_the_register_joins_nothing():
    known = around()
    desk = Desk(surroundings=lambda: known)
    for n in range(3):
        desk.apply(episode(f"a{n}", "guess", n, {"source.ip": "10.0.0.1", "host.name": f"web-{n}"}))
    assert len(desk.live()) == 3


def test_a_gateway_that_is_declared_later_parts_what_it_joined():
    now = [Surroundings()]
    desk = Desk(surroundings=lambda: now[0])
    for n in range(3):
        desk.apply(episode(f"a{n}", "guess", n, {"source.ip": "10.0.0.1", "host.name": f"web-{n}"}))
    assert len(desk.live()) == 1
    now[0] = around()
    desk.apply(episode("a3", "guess", 3, {"source.ip": "10.0.0.1", "host.name": "web-3"}))
    assert len(desk.live()) == 4
