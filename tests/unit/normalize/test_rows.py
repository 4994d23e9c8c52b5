"""Rows of texts write what their groups hold in the event's terms, and every row of every table says only what ECS allows."""

from collections.abc import Iterable, Iterator

import pytest

from soc.normalize import ecs
from soc.normalize.products import (
    cisco_asa_messages,
    cisco_ios_messages,
    draytek,
    mikrotik,
    pfsense,
)
from soc.normalize.products.product import Fields
from soc.normalize.products.rows import Row, first, row

LOGIN = row(
    r"(\w{1,9}) from (\S{1,64}) port (\d{1,30}) over (\w{1,9})(?: as (\w{1,9}))?",
    "user.name source source.port network.transport user.effective.name",
    "login",
    "authentication network",
    "start",
    "success",
    event_kind="alert",
)


def test_addresses_numbers_and_transports_are_written_as_the_event_has_them_and_what_is_empty_is_no_field():
    fields: Fields = {}
    assert first([LOGIN], "lan from 192.0.2.5 port 22 over TCP", fields)
    assert fields == {
        "event.category": ["authentication", "network"],
        "event.type": ["start"],
        "event.action": "login",
        "event.outcome": "success",
        "event.kind": "alert",
        "user.name": "lan",
        "source.ip": "192.0.2.5",
        "source.port": 22,
        "network.transport": "tcp",
    }


def test_a_name_in_an_address_position_and_a_number_out_of_range_do_not_pose_as_an_address_and_a_port():
    fields: Fields = {}
    first([LOGIN], "lan from pc1 port 99999999999999999999 over udp", fields)
    assert "source.ip" not in fields
    assert fields["source.domain"] == "pc1"
    assert "source.port" not in fields


def test_nothing_is_written_where_no_row_fits():
    fields: Fields = {}
    assert not first([LOGIN], "something else", fields)
    assert fields == {}


def _rows(tables: Iterable[Iterable[Row]]) -> Iterator[Row]:
    for table in tables:
        yield from table


TABLES = {
    "cisco-ios": tuple(_rows((*cisco_ios_messages.NAMED.values(), *cisco_ios_messages.MESSAGES.values()))),
    "mikrotik": mikrotik.ROWS,
    "draytek": draytek.ROWS,
    "pfsense": (*pfsense.WEB, *pfsense.OPENVPN, *pfsense.CHARON),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_row_says_what_ecs_allows_and_names_each_of_its_groups(name: str):
    for found in TABLES[name]:
        assert found.pattern.groups == len(found.names), found.pattern.pattern
        assert set(found.fields["event.category"]) <= ecs.CATEGORIES
        assert set(found.fields["event.type"]) <= ecs.TYPES
        assert found.fields.get("event.outcome", "unknown") in ecs.OUTCOMES
        assert found.fields.get("event.kind", "event") in ecs.KINDS


def test_every_row_of_the_asa_names_each_of_its_groups():
    tables = (
        cisco_asa_messages.MESSAGES,
        cisco_asa_messages.OLDER,
        cisco_asa_messages.FAMILIES,
        cisco_asa_messages.OLDER_FAMILIES,
    )
    for table in tables:
        for code, found in table.items():
            assert found.pattern.groups == len(found.names), code
            assert set(found.fields["event.category"]) <= ecs.CATEGORIES
            assert set(found.fields["event.type"]) <= ecs.TYPES
