"""A table of indicators (CSV with a header, or one value a line) in, indicators and every mistake with its row and column out.

Columns have the names that exports of MISP, OpenCTI, spreadsheets and the national feeds use; case and spaces do not matter, and
columns that mean nothing here are passed over.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, get_args
from zoneinfo import ZoneInfo

from soc.clock import Micros, to_micros
from soc.intel import value as values
from soc.intel.indicator import Defaults, Indicator, Kind, Parsed, Tlp, Unusable, line, tlp_of

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "value": (
        "value",
        "indicator",
        "ioc",
        "observable",
        "indicator_value",
        "ioc_value",
        "gia_tri",
        "giá trị",
        "chi_bao",
    ),
    "type": ("type", "kind", "indicator_type", "ioc_type", "observable_type", "loai", "loại"),
    "tlp": ("tlp", "marking", "tlp_marking", "object_marking"),
    "confidence": ("confidence", "score", "reliability", "do_tin_cay", "độ tin cậy"),
    "first": ("first", "first_seen", "valid_from", "date", "created", "tu_ngay", "từ ngày"),
    "last": ("last", "last_seen", "modified", "updated"),
    "expires": ("expires", "expiry", "valid_until", "expiration", "den_ngay", "đến ngày"),
    "note": ("note", "comment", "description", "threat", "malware", "ghi_chu", "ghi chú", "mo_ta", "mô tả"),
    "tags": ("tags", "labels", "tag"),
}
_NAMES: Final = {alias: column for column, aliases in COLUMNS.items() for alias in aliases}
_ADDRESS_TYPES: Final = "address ip ipv4 ipv6 ip-src ip-dst ipv4-addr ipv6-addr ip-address ip_address"
_TYPES: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(_ADDRESS_TYPES.split(), "address"),
    **dict.fromkeys(["network", "cidr", "subnet", "ip-range", "ip_range"], "network"),
    **dict.fromkeys(["domain", "hostname", "fqdn", "domain-name", "domain_name", "host"], "domain"),
    **dict.fromkeys(["url", "uri", "link"], "url"),
    **dict.fromkeys(["mail", "email", "email-addr", "email-src", "email-address", "email_address"], "mail"),
    **{kind: kind for kind in ("md5", "sha1", "sha256")},
    "sha-1": "sha1",
    "sha-256": "sha256",
}
_ANY_DIGEST: Final = frozenset(["hash", "file", "filehash", "file-hash", "digest"])
_WORDS: Final = {"none": 0, "low": 15, "medium": 50, "med": 50, "high": 85, "thap": 15, "thấp": 15, "cao": 85}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the start of a cell (OWASP, "CSV Injection")."""
_LONGEST_LINE: Final = 100_000


class _MistakeError(ValueError):
    """One cell that cannot be used."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


def parse_csv(text: str, where: str, defaults: Defaults, *, zone: str = "UTC") -> Parsed:
    """Indicators of a table.

    Args:
        text: the table; comma, semicolon, tab or bar between cells; lines that begin with # are comments.
        where: name of the file, for mistakes.
        defaults: of what a row does not say.
        zone: IANA zone of times that name none.
    """
    rows = _rows(text)
    first = next(rows, None)
    if first is None:
        return Parsed(mistakes=(Unusable(where, "", "it is empty"),))
    header = _header(first[1])
    found: list[Indicator] = []
    mistakes: list[Unusable] = []
    if header is None:
        rows = _with(first, rows)
        header = {"value": 0}
    for number, cells in rows:
        try:
            found.append(_indicator(_named(cells, header), defaults, zone))
        except _MistakeError as mistake:
            place = f"{where}:{number}: column {mistake.column}" if len(header) > 1 else f"{where}:{number}"
            mistakes.append(Unusable(place, line(_cell(cells, header.get(mistake.column, -1)), 80), str(mistake)))
        except csv.Error as error:
            mistakes.append(Unusable(f"{where}:{number}", "", str(error)))
    return Parsed(tuple(found), (), tuple(mistakes))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number of the line, cells), without comments and empty lines. A cell has no line feeds: a quote left open ends with its line."""
    lines = text.removeprefix("\ufeff").splitlines()
    delimiter = _delimiter(lines)
    for number, one in enumerate(lines, 1):
        stripped = one.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if delimiter is None:
            yield number, [stripped[:_LONGEST_LINE]]
        else:
            yield number, _split(one[:_LONGEST_LINE], delimiter)


def _delimiter(lines: Sequence[str]) -> str | None:
    """Of a table with a header; None of a bare list."""
    first = next((one for one in lines if one.strip() and not one.lstrip().startswith("#")), "")
    for delimiter in (",", ";", "\t", "|"):
        cells = _split(first, delimiter)
        if len(cells) > 1 and _header(cells) is not None:
            return delimiter
    return "," if _header([first]) is not None or '"' in first else None


def _split(text: str, delimiter: str) -> list[str]:
    return next(csv.reader([text], delimiter=delimiter), list[str]())


def _header(cells: Sequence[str]) -> dict[str, int] | None:
    """Column → its place; None if this is no header, because no cell names the column of values."""
    names = [_NAMES.get(cell.strip().strip('"').lower().replace(" ", "_"), "") for cell in cells]
    plain = [_NAMES.get(cell.strip().lower(), name) for cell, name in zip(cells, names, strict=True)]
    header: dict[str, int] = {}
    for place, name in enumerate(plain):
        if name:
            header.setdefault(name, place)
    return header if "value" in header else None


def _with(first: tuple[int, list[str]], rest: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rest


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place].strip() if 0 <= place < len(cells) else ""


def _named(cells: Sequence[str], header: Mapping[str, int]) -> dict[str, str]:
    return {name: _cell(cells, place) for name, place in header.items()}


def _indicator(row: Mapping[str, str], defaults: Defaults, zone: str) -> Indicator:
    try:
        kind, value = _value(row["value"], row.get("type", ""))
    except _MistakeError:
        raise
    except ValueError as error:
        raise _MistakeError("value", str(error)) from error
    last = _time(row, "last", zone)
    first = _time(row, "first", zone)
    expires = _time(row, "expires", zone)
    if not expires and defaults.expire:
        expires = (last or first or defaults.now) + defaults.expire
    return Indicator(
        kind,
        value,
        _tlp(row, defaults.tlp),
        _confidence(row, defaults.confidence),
        first,
        last or defaults.now,
        expires,
        line(row.get("note", "").lstrip("".join(_FORMULA))),
        tuple(line(tag, 60) for tag in row.get("tags", "").replace(";", ",").split(",") if tag.strip())[:20],
    )


def _value(text: str, type_: str) -> values.Canonical:
    if not text:
        raise _MistakeError("value", "empty")
    if text.startswith(_FORMULA):
        raise _MistakeError("value", "begins like a formula of a spreadsheet")
    word = type_.lower()
    if not word:
        return values.guess(text)
    if word in _ANY_DIGEST:
        return values.digest(text)
    kind = _TYPES.get(word)
    if kind is None:
        known = ", ".join(get_args(Kind))
        raise _MistakeError("type", f"{line(type_, 40)!r} is no type that is known here: {known}")
    return values.canonical(kind, text)


def _tlp(row: Mapping[str, str], default: Tlp) -> Tlp:
    text = row.get("tlp", "")
    found = tlp_of(text) if text else default
    if found is None:
        raise _MistakeError("tlp", f"{line(text, 40)!r} is no TLP: CLEAR, GREEN, AMBER, AMBER+STRICT or RED")
    return found


def _confidence(row: Mapping[str, str], default: int) -> int:
    text = row.get("confidence", "").lower().removesuffix("%").strip()
    if not text:
        return default
    if text in _WORDS:
        return _WORDS[text]
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 100:
        raise _MistakeError("confidence", f"{line(text, 40)!r} is neither 0 to 100 nor low, medium or high")
    return number


def _time(row: Mapping[str, str], column: str, zone: str) -> Micros:
    """A time; 0 where there is none."""
    text = row.get(column, "")
    return time_of(text, column, zone) if text else 0


def time_of(text: str, column: str, zone: str) -> Micros:
    """ISO 8601, or seconds since 1970.

    Raises:
        ValueError: it is neither.
    """
    if text.isascii() and text.isdecimal() and len(text) in (9, 10):
        return int(text) * 1_000_000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _MistakeError(
            column, f"{line(text, 40)!r} is no time such as 2026-11-23 or 2026-11-23T08:00:00Z"
        ) from error
    return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)))
