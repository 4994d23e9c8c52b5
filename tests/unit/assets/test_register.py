"""Lookups: by address, host, user and domain; what is shared; who may see what."""

import pytest
from register_made import entries

from soc.assets.register import Register
from soc.clock import to_micros
from soc.errors import RecordError

PROVINCE = """
units:
  - {key: tinh-cu, name: Tỉnh cũ, valid_to: 30/06/2025, successors: tinh}
  - {key: huyen, name: Huyện A, parent: tinh-cu, valid_to: 2025-06-30, successors: [xa-1, xa-2]}
  - {key: tinh, name: Tỉnh mới, valid_from: 01/07/2025}
  - {key: so, name: Sở B, parent: tinh, aliases: Sở B cũ}
  - {key: xa-1, name: Xã 1, parent: tinh}
  - {key: xa-2, name: Xã 2, parent: tinh}
systems:
  - key: portal
    name: Cổng
    level: 3
    criticality: critical
    owner: Sở B cũ
    public_addresses: 198.51.100.20
    domains: dichvu.tayninh.example
    networks: [10.20.0.0/16, 2001:db8:20::/48]
    accounts: svc-portal
    hosts:
      - {name: web01.tayninh.example, addresses: 10.30.0.5, os: Debian 13}
      - {name: gw, addresses: 10.20.0.1, role: NAT}
  - {key: mail, name: Thư, owner: tinh-cu, public_addresses: 198.51.100.20, networks: 10.20.30.0/24}
"""


@pytest.fixture(scope="module")
def register() -> Register:
    return Register(entries(("register.yaml", PROVINCE)))


def keys(register: Register, field: str, value: str) -> list[str]:
    return [hit.key for hit in register.find([(field, value)])]


def test_an_address_belongs_to_its_host_then_to_the_longest_network(register: Register):
    assert keys(register, "source.ip", "10.30.0.5") == ["portal"]
    assert keys(register, "source.ip", "10.20.30.9") == ["mail"]
    assert keys(register, "destination.ip", "10.20.31.9") == ["portal"]
    assert keys(register, "source.ip", "::ffff:10.20.31.9") == ["portal"]
    assert keys(register, "source.ip", "2001:db8:20::1") == ["portal"]
    assert keys(register, "source.ip", "203.0.113.9") == []


def test_a_host_is_found_by_its_full_and_its_short_name_and_as_a_machine_account(register: Register):
    assert keys(register, "host.name", "WEB01.tayninh.example.") == ["portal"]
    assert keys(register, "host.name", "web01") == ["portal"]
    assert keys(register, "user.name", "TN\\WEB01$") == ["portal"]
    assert keys(register, "host.name", "web02") == []


def test_a_domain_stands_for_what_is_below_it_and_a_service_account_for_its_system(register: Register):
    assert keys(register, "url.domain", "www.dichvu.tayninh.example") == ["portal"]
    assert keys(register, "url.domain", "tayninh.example") == []
    assert keys(register, "url.domain", "gw.elsewhere.example") == []
    assert keys(register, "user.name", "TN\\svc-portal") == ["portal"]


def test_several_values_give_each_system_once_with_what_found_it_the_most_critical_first(register: Register):
    values = [("source.ip", "10.20.30.9"), ("host.name", "web01"), ("source.ip", "10.30.0.5")]
    assert [(hit.key, hit.found_by) for hit in register.find(values)] == [
        ("portal", ("web01", "10.30.0.5")),
        ("mail", ("10.20.30.9",)),
    ]


def test_what_a_report_lacks_is_said_and_a_hosts_operating_system_counts(register: Register):
    hit = register.find([("host.name", "web01")])[0]
    assert hit.operating_systems == ("Debian 13",)
    assert {"purpose", "operator", "contacts"} <= set(hit.missing)
    assert not {"level", "owner", "domains", "operating_systems"} & set(hit.missing)


def test_a_declared_gateway_and_an_address_of_two_systems_are_shared(register: Register):
    assert register.is_shared("10.20.0.1")
    assert register.is_shared("GW")
    assert register.is_shared("198.51.100.20")
    assert not register.is_shared("10.30.0.5")
    assert not register.is_shared("203.0.113.9")


def test_the_owner_is_who_answers_at_that_time(register: Register):
    def owner(day: int) -> tuple[str, str]:
        from datetime import UTC, datetime

        hit = register.find([("source.ip", "10.20.30.9")], to_micros(datetime(2025, 6, day, 17, tzinfo=UTC)))[0]
        return hit.unit, hit.owner

    assert owner(29) == ("tinh-cu", "Tỉnh cũ")
    assert owner(30) == ("tinh", "Tỉnh mới")  # 17:00 UTC is midnight in the province


def test_who_succeeds_sees_what_was_not_handed_over_but_a_part_of_a_split_does_not(register: Register):
    assert register.under("tinh") >= {"tinh", "so", "xa-1", "xa-2", "tinh-cu", "huyen"}
    assert register.under("xa-1") == {"xa-1"}
    assert register.under("huyen") == {"huyen", "xa-1", "xa-2"}
    assert register.under("nobody") == {"nobody"}


def test_bytes_that_are_no_register_are_refused():
    with pytest.raises(RecordError):
        Register.decode(b"no register")
    with pytest.raises(RecordError):
        Register.decode(Register(entries(("r.yaml", PROVINCE))).encode()[:-9])
