"""The people of the organizations, from an export of the user directory; a user name as logged in, the person out."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from soc.assets.packing import pack, unpack
from soc.assets.register import bare_user


class Person(msgspec.Struct, frozen=True):
    """One account of the directory.

    Attributes:
        user: the name it signs in with, as logs have it.
        unit: the organization as the directory names it.
        mail, phone: of the office; shown to whom the privacy rules allow.
    """

    user: str
    name: str = ""
    unit: str = ""
    title: str = ""
    mail: str = ""
    phone: str = ""
    disabled: bool = False


class Directory:
    """Immutable; made once a publication."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.people: Sequence[Person] = tuple(people)
        self._by_user: Mapping[str, Person] = {bare_user(person.user): person for person in self.people}

    @classmethod
    def decode(cls, data: bytes) -> "Directory":
        """From a publication.

        Raises:
            RecordError: the bytes are no directory.
        """
        return cls(unpack("directory", data, tuple[Person, ...]))

    def encode(self) -> bytes:
        """For a publication: 20,000 people are about 600 kB."""
        return pack(self.people)

    def person(self, user: str) -> Person | None:
        """Who signs in with this name; a domain before or behind it does not matter."""
        return self._by_user.get(bare_user(user))


EMPTY = Directory(())
"""While nothing is published."""
