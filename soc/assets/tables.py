"""The tables of the register and their columns: what headings they are known by, what their cells hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from soc.assets.gaps import MAY_BE_NONE
from soc.assets.values import plain

Table = Literal["units", "systems", "hosts", "log_sources", "contacts"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: of the field, and the heading that exports write.
        kind: a key of ``soc.assets.values.READERS``.
        many: several values: a YAML list; in a cell they stand between ``;``, ``|`` or on lines of their own, addresses,
            networks and domains also between commas or spaces.
        refers: the cell names a unit, a system, or either, by key or name.
        headings: other headings it is known by, without diacritics.
    """

    name: str
    kind: str = "words"
    many: bool = False
    required: bool = False
    refers: Literal["", "unit", "system", "any"] = ""
    headings: tuple[str, ...] = ()
    may_be_none: bool = False

    def split(self, text: str) -> list[str]:
        """The values in one text."""
        if not self.many:
            return [text] if text else []
        pattern = _TEXTS if self.refers else _BETWEEN.get(self.kind, _TEXTS)
        return [part for part in (part.strip() for part in pattern.split(text)) if part]


_TEXTS = re.compile(r"[;|\n]")
_WORDS = re.compile(r"[;|,\s]")
_BETWEEN = {
    "address": _WORDS,
    "network": _WORDS,
    "public": _WORDS,
    "domain": _WORDS,
    "role": re.compile(r"[;|\n,/+]"),
}


def _none(column: Column) -> Column:
    return Column(
        column.name, column.kind, column.many, column.required, column.refers, column.headings, may_be_none=True
    )


def _columns(*columns: Column, optional: frozenset[str] = frozenset()) -> dict[str, Column]:
    return {one.name: _none(one) if one.name in optional else one for one in columns}


_UNITS = _columns(
    Column("key", "key", required=True, headings=("ma", "ma don vi", "unit key", "id")),
    Column("name", required=True, headings=("ten", "ten don vi", "unit", "don vi")),
    Column("parent", refers="unit", headings=("truc thuoc", "don vi cap tren", "cap tren", "parent unit")),
    Column("aliases", many=True, headings=("ten khac", "ten cu", "ten goi khac", "alias", "former names")),
    Column("valid_from", "day", headings=("tu ngay", "hieu luc tu", "from", "ngay thanh lap")),
    Column("valid_to", "day", headings=("den ngay", "hieu luc den", "to", "until", "ngay ket thuc")),
    Column(
        "successors", many=True, refers="unit", headings=("successor", "don vi ke thua", "ke thua", "don vi tiep nhan")
    ),
)
_SYSTEMS = _columns(
    Column("key", "key", required=True, headings=("ma", "ma he thong", "system key", "id")),
    Column("name", required=True, headings=("ten", "ten he thong", "system name", "ten he thong thong tin")),
    Column("level", "level", headings=("cap do", "cap do an toan", "cap do attt", "security level")),
    Column("purpose", headings=("muc dich", "muc dich su dung", "chuc nang", "mo ta")),
    Column("owner", refers="unit", headings=("chu quan", "don vi chu quan", "co quan chu quan", "owner unit")),
    Column("operator", refers="unit", headings=("van hanh", "don vi van hanh", "quan ly van hanh")),
    Column("criticality", "criticality", headings=("muc do quan trong", "do quan trong", "importance")),
    Column(
        "hosting_provider", headings=("hosting", "don vi cung cap hosting", "cung cap hosting", "nha cung cap hosting")
    ),
    Column(
        "connectivity_provider",
        headings=("connectivity", "isp", "nha cung cap ket noi", "don vi cung cap ket noi", "cung cap duong truyen"),
    ),
    Column(
        "security_provider",
        headings=("security", "nha cung cap attt", "don vi cung cap dich vu attt", "dich vu an toan thong tin"),
    ),
    Column(
        "public_addresses",
        "public",
        many=True,
        headings=(
            "public ip",
            "public ips",
            "public address",
            "ip public",
            "dia chi ip public",
            "dia chi ip cong khai",
        ),
    ),
    Column("domains", "domain", many=True, headings=("domain", "ten mien")),
    Column("networks", "network", many=True, headings=("network", "cidr", "mang", "dai mang", "vung mang", "subnet")),
    Column("operating_systems", many=True, headings=("os", "operating system", "he dieu hanh")),
    Column("services", many=True, headings=("service", "dich vu", "dich vu su dung")),
    Column("accounts", many=True, headings=("service accounts", "tai khoan dich vu", "account")),
    Column("note", headings=("ghi chu", "notes", "comment")),
    optional=MAY_BE_NONE,
)
_HOSTS = _columns(
    Column(
        "name",
        "host_name",
        required=True,
        headings=("host", "hostname", "host name", "ten may", "ten may chu", "may chu"),
    ),
    Column(
        "systems",
        "key",
        many=True,
        required=True,
        refers="system",
        headings=("system", "he thong", "ma he thong", "system key"),
    ),
    Column("addresses", "address", many=True, headings=("address", "ip", "ip address", "ips", "dia chi", "dia chi ip")),
    Column("operating_system", headings=("os", "he dieu hanh", "operating systems")),
    Column("services", many=True, headings=("service", "dich vu", "ung dung")),
    Column("roles", "role", many=True, headings=("role", "vai tro", "loai", "chuc nang")),
    Column("note", headings=("ghi chu", "notes", "comment")),
)
_LOG_SOURCES = _columns(
    Column(
        "system", "key", required=True, refers="system", headings=("he thong", "ma he thong", "systems", "system key")
    ),
    Column("source", required=True, headings=("nguon", "nguon log", "nguon nhat ky", "log source")),
    Column("kind", headings=("loai", "loai log", "loai nhat ky", "type")),
    Column("every", "span", headings=("nhip", "chu ky", "tan suat", "rhythm", "interval")),
)
_CONTACTS = _columns(
    Column("of", "key", required=True, refers="any", headings=("cua", "system", "unit", "he thong", "don vi", "ma")),
    Column("role", required=True, headings=("vai tro", "dau moi", "vai tro dau moi")),
    Column("name", headings=("ho ten", "ho va ten", "ten", "nguoi lien he", "contact")),
    Column("title", headings=("chuc vu", "chuc danh")),
    Column("phone", headings=("dien thoai", "so dien thoai", "telephone", "tel")),
    Column("email", "mail", headings=("e mail", "mail", "thu dien tu", "dia chi email")),
)

TABLES: Mapping[Table, Mapping[str, Column]] = {
    "units": _UNITS,
    "systems": _SYSTEMS,
    "hosts": _HOSTS,
    "log_sources": _LOG_SOURCES,
    "contacts": _CONTACTS,
}
"""Table → its columns, in the order exports write them."""

_NAMES: Mapping[str, Table] = {
    **{plain(table): table for table in TABLES},
    **dict.fromkeys(("unit", "organizations", "organisations", "don vi"), "units"),
    **dict.fromkeys(("system", "he thong"), "systems"),
    **dict.fromkeys(("host", "servers", "may chu", "thiet bi"), "hosts"),
    **dict.fromkeys(("sources", "log source", "nguon log", "nguon nhat ky"), "log_sources"),
    **dict.fromkeys(("contact", "dau moi", "lien he"), "contacts"),
}


def table_named(text: str) -> Table | None:
    """The table of a YAML key, or of a CSV file's name without its ending; None for none."""
    return _NAMES.get(plain(text))


def column_named(table: Table, heading: str) -> Column | None:
    """The column a heading means: its name or one of its other headings, whatever the case, the diacritics, ``*`` and ``(…)``."""
    return _HEADINGS[table].get(_heading(heading))


def _heading(text: str) -> str:
    return plain(re.sub(r"\([^)]*\)", " ", text).replace("*", " "))


_HEADINGS: Mapping[Table, Mapping[str, Column]] = {
    table: {
        **{heading: column for column in columns.values() for heading in column.headings},
        **{plain(column.name): column for column in columns.values()},
    }
    for table, columns in TABLES.items()
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place.

    Attributes:
        texts: the texts as typed, not split yet; a YAML list has several.
        row: line or row. column: as in ``Mistake``.
    """

    texts: tuple[str, ...]
    row: int
    column: str


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as it was typed: field → cell; an empty cell is not in it."""

    table: Table
    file: str
    row: int
    column: str = ""
    cells: Mapping[str, Cell] = field(default_factory=dict[str, Cell])
