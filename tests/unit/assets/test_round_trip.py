"""What is exported and imported again is the same register; a publication too."""

from hypothesis import given, settings
from register_made import ZONE, registers

from soc.assets.entries import Entries
from soc.assets.export import to_csv, to_yaml
from soc.assets.reading import read
from soc.assets.register import Register


@given(registers())
@settings(max_examples=150, deadline=None)
def test_a_register_exported_as_yaml_is_imported_as_itself(register: Entries):
    found = read([("register.yaml", to_yaml(register).encode())], Entries(), timezone=ZONE)
    assert found.mistakes == ()
    assert found.entries == register


@given(registers())
@settings(max_examples=150, deadline=None)
def test_a_register_exported_as_csv_is_imported_as_itself(register: Entries):
    files = [(name, text.encode()) for name, text in to_csv(register).items()]
    found = read(files, Entries(), timezone=ZONE)
    assert found.mistakes == ()
    assert found.entries == register


@given(registers())
@settings(max_examples=50, deadline=None)
def test_a_register_published_is_read_as_itself(register: Entries):
    assert Register.decode(Register(register).encode()).entries == register
