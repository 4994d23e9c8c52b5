"""An export of the user directory (CSV or LDIF) as bytes in; its people, or every mistake, out."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath

from soc.assets.csv_text import letter, records, text_of, unguarded
from soc.assets.directory import Person
from soc.assets.mistakes import Mistake, MistakesError, quoted
from soc.assets.register import bare_user
from soc.assets.values import cleaned, plain, words

_NAMES: Mapping[str, str] = {
    **dict.fromkeys(
        ("user", "username", "login", "account", "samaccountname", "uid", "tai khoan", "ten dang nhap"), "user"
    ),
    **dict.fromkeys(("name", "display name", "displayname", "cn", "ho ten", "ho va ten", "ten"), "name"),
    **dict.fromkeys(("unit", "department", "ou", "organization", "don vi", "phong ban"), "unit"),
    **dict.fromkeys(("title", "chuc vu", "chuc danh"), "title"),
    **dict.fromkeys(("mail", "email", "e mail", "thu dien tu"), "mail"),
    **dict.fromkeys(("phone", "telephone", "telephonenumber", "dien thoai", "so dien thoai"), "phone"),
    "useraccountcontrol": "control",
}
"""Heading or attribute, without diacritics → field. An export has many more, which are passed over."""

_DISABLED = 0x2
"""ACCOUNTDISABLE of Active Directory's userAccountControl."""


def people(file: str, data: bytes) -> tuple[Person, ...]:
    """The accounts of an export; entries without a user name (groups, folders) are passed over in LDIF.

    Args:
        file: its name; ``.ldif`` says LDIF (RFC 2849), anything else CSV.
        data: its bytes.

    Raises:
        MistakesError: with every mistake.
    """
    mistakes: list[Mistake] = []
    entries = _ldif(file, data, mistakes) if PurePath(file).suffix.casefold() == ".ldif" else _csv(file, data, mistakes)
    found: dict[str, tuple[int, Person]] = {}
    for row, fields in entries:
        user = fields.get("user", "")
        known = found.get(bare_user(user))
        if known is not None:
            mistakes.append(
                Mistake(
                    file, row, "user", f"{quoted(user)} is a second account of that name (first in {file}:{known[0]})"
                )
            )
        else:
            found[bare_user(user)] = row, _person(file, row, fields, mistakes)
    if not found and not mistakes:
        mistakes.append(Mistake(file, 0, "", "holds no account"))
    if mistakes:
        raise MistakesError(mistakes)
    return tuple(person for _, person in found.values())


def _person(file: str, row: int, fields: Mapping[str, str], mistakes: list[Mistake]) -> Person:
    for name, text in fields.items():
        try:
            words(text)
        except ValueError as error:
            mistakes.append(Mistake(file, row, name, str(error)))
    control = fields.get("control", "")
    disabled = control.isdigit() and len(control) < 12 and bool(int(control) & _DISABLED)
    return Person(disabled=disabled, **{name: text for name, text in fields.items() if name != "control"})


def _csv(file: str, data: bytes, mistakes: list[Mistake]) -> Iterator[tuple[int, dict[str, str]]]:
    listed = records(file, text_of(file, data), mistakes)
    nothing: tuple[int, list[str]] = (0, [])
    row, heading = next(((row, cells) for row, cells in listed if any(map(str.strip, cells))), nothing)
    names = [_NAMES.get(plain(text), "") for text in map(cleaned, heading)]
    if "user" not in names:
        mistakes.append(Mistake(file, row, "", "has no column user (or: sAMAccountName, login, tài khoản)"))
        return
    for row, cells in listed:
        fields: dict[str, str] = {}
        for name, text in zip(names, cells, strict=False):
            if name and (value := unguarded(cleaned(text))):
                fields.setdefault(name, value)
        if fields.get("user"):
            yield row, fields
        elif fields:
            mistakes.append(Mistake(file, row, f"{letter(names.index('user'))} (user)", "is empty"))


def _ldif(file: str, data: bytes, mistakes: list[Mistake]) -> Iterator[tuple[int, dict[str, str]]]:
    for begin, lines in _blocks(text_of(file, data).splitlines()):
        fields: dict[str, str] = {}
        for row, line in lines:
            attribute, colon, value = line.partition(":")
            if not colon:
                mistakes.append(Mistake(file, row, "", f"{quoted(line)} is no attribute with a value"))
                continue
            name = _NAMES.get(attribute.partition(";")[0].casefold(), "")
            if not name:
                continue
            if value.startswith(":"):
                try:
                    value = base64.b64decode(value[1:].strip(), validate=True).decode()
                except (binascii.Error, UnicodeDecodeError):
                    mistakes.append(Mistake(file, row, attribute, "is no base64 of UTF-8"))
                    continue
            fields.setdefault(name, cleaned(value))
        if fields.get("user"):
            yield begin, fields


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, list[tuple[int, str]]]]:
    """Entries, parted by empty lines; a line that begins with a space goes on with the one before, comments are dropped."""
    block: list[tuple[int, str]] = []
    comment = False
    for row, line in enumerate([*lines, ""], 1):
        if not line.strip():
            if block:
                yield block[0][0], block
            block, comment = [], False
        elif line.startswith(" "):
            if block and not comment:
                block[-1] = block[-1][0], block[-1][1] + line[1:]
        elif not (comment := line.startswith("#")):
            block.append((row, line))
