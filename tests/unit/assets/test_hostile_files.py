"""Whatever a file holds, it is read or its mistakes are listed; nothing is taken of a file with mistakes."""

from hypothesis import given, settings
from hypothesis import strategies as st
from register_made import ZONE, registers

from soc.assets.entries import Entries
from soc.assets.export import to_csv, to_yaml
from soc.assets.mistakes import MistakesError
from soc.assets.people import people
from soc.assets.places import geography
from soc.assets.reading import read

PIECES = (
    "systems",
    "hosts",
    "key",
    "name",
    "level",
    ":",
    "-",
    "\n",
    "  ",
    "[",
    "]",
    "{",
    "}",
    '"',
    ",",
    ";",
    "é",
    "7",
    "&a",
    "*a",
    "\0",
    "none",
    "!!int",
)


def judged(name: str, data: bytes) -> None:
    found = read([(name, data)], Entries(), timezone=ZONE)
    assert (found.entries is None) == bool(found.mistakes)


@given(
    st.sampled_from(["hosts.csv", "any.csv", "register.yaml"]),
    st.one_of(
        st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=60).map(lambda p: "".join(p).encode())
    ),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(name: str, data: bytes):
    judged(name, data)


@given(registers(), st.integers(0, 2000), st.sampled_from(PIECES))
@settings(max_examples=150, deadline=None)
def test_a_register_with_something_typed_into_it_is_read_or_refused(register: Entries, at: int, typed: str):
    for name, text in (("register.yaml", to_yaml(register)), *to_csv(register).items()):
        place = at % (len(text) + 1)
        judged(name, (text[:place] + typed + text[place:]).encode())


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_directory_and_a_geography_or_refused(data: bytes):
    for call, name in ((people, "users.ldif"), (people, "users.csv"), (geography, "networks.csv")):
        told: tuple[object, ...] = ("read",)
        try:
            call(name, data)
        except MistakesError as error:
            told = error.mistakes
        assert told
