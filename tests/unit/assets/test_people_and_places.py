"""The user directory and the geography: what is read of their files, and what is found in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.assets.directory import Directory
from soc.assets.geography import Geography, Range
from soc.assets.mistakes import MistakesError
from soc.assets.people import people
from soc.assets.places import geography

LDIF = """version: 1

# somebody
dn: CN=Lan,OU=So,DC=example
sAMAccountName: lan.tran
displayName:: VHLhuqduIFRo4buLIExhbg==
department: Phòng
  CNTT
userAccountControl: 514

dn: OU=So,DC=example
ou: So
"""


def reasons(call: object, *args: object) -> list[str]:
    with pytest.raises(MistakesError) as error:
        call(*args)
    return [str(one) for one in error.value.mistakes]


def test_an_ldif_is_read_with_its_encoded_and_folded_lines_and_folders_are_passed_over():
    (person,) = people("users.ldif", LDIF.encode())
    assert (person.user, person.name, person.unit, person.disabled) == ("lan.tran", "Trần Thị Lan", "Phòng CNTT", True)


def test_a_csv_is_read_by_its_headings_and_a_person_is_found_however_the_log_names_him():
    data = "STT;Tài khoản;Họ và tên;Đơn vị;Ghi chú\n1;lan;Lan;Sở B;x\n".encode()
    found = Directory.decode(Directory(people("users.csv", data)).encode())
    for user in ("lan", "LAN", "TN\\lan", "lan@example.vn"):
        person = found.person(user)
        assert person is not None
        assert person.unit == "Sở B"
    assert found.person("minh") is None


def test_a_second_account_of_a_name_and_an_empty_one_are_mistakes():
    assert reasons(people, "u.csv", b"user,name\nlan,A\n,B\nLAN,C\n") == [
        "u.csv:3: A (user): is empty",
        'u.csv:4: user: "LAN" is a second account of that name (first in u.csv:2)',
    ]
    assert "no column user" in reasons(people, "u.csv", b"first,last\nA,B\n")[0]


def test_an_address_is_found_in_either_shape_of_file():
    data = b"network,country,asn\n203.0.113.0/25,vn,AS64500\n203.0.113.128/25,VN,AS64500\n2001:db8::/32,JP\n"
    found = Geography.decode(geography("g.csv", data).encode())
    assert len(found.ranges) == 2
    assert found.place("203.0.113.200") == ("VN", "AS64500")
    assert found.place("::ffff:203.0.113.1") == ("VN", "AS64500")
    assert found.place("2001:db8::9") == ("JP", "")
    assert found.place("192.0.2.1") is None
    assert found.place("no address") is None
    assert geography("g.csv", b"192.0.2.0,192.0.2.9,SG\n").place("192.0.2.9") == ("SG", "")


def test_overlaps_and_rows_that_are_no_network_are_mistakes():
    assert reasons(
        geography, "g.csv", b"203.0.113.0/24,VN\n203.0.113.9/32,JP\n203.0.113.1/24,VN\nx,VN\n192.0.2.0/24,Viet\n"
    ) == [
        "g.csv:2: overlaps another row: an address has one place",
        "g.csv:3: 203.0.113.1/24 has host bits set",
        "g.csv:4: 'x' does not appear to be an IPv4 or IPv6 address",
        'g.csv:5: "VIET" is no country of two letters',
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from([4, 6]), st.integers(0, 2**32 - 1), st.sampled_from(["VN", ""])),
        unique_by=lambda r: r[:2],
    )
)
def test_a_geography_published_is_read_as_itself(starts: list[tuple[int, int, str]]):
    found = Geography(Range(version, first, first, country) for version, first, country in starts)
    assert Geography.decode(found.encode()).ranges == found.ranges
