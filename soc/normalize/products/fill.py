"""A product's table of native names → the ECS fields beside them, each value checked and in ECS's type.

A row is (writer, ECS name); a writer takes (fields, value as it came, ECS name) and writes nothing for a value that does not fit.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from soc.normalize.addresses import is_ip, put
from soc.normalize.addresses import mac as written
from soc.normalize.products.product import Fields
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import iso, iso_text

Writer = Callable[[Fields, Any, str], None]
Table = Mapping[str, tuple[Writer, str]]

NONE: Final = frozenset(("", "-", "(empty)", "null", "None"))
"""What products write for "nothing"."""

_LARGEST = 2**63


def fill(fields: Fields, table: Table) -> None:
    """Write what the fields that are there mean; the table's order does not matter, where two rows give one name the fields' does."""
    for name in [name for name in fields if name in table]:
        writer, ecs = table[name]
        writer(fields, fields[name], ecs)


def text(fields: Fields, value: Any, ecs: str) -> None:
    """A text, or a number as text."""
    if value.__class__ is str:
        if value not in NONE:
            fields[ecs] = value
    elif value.__class__ is int:
        fields[ecs] = str(value)


def lower(fields: Fields, value: Any, ecs: str) -> None:
    """A text in lower case, as ECS wants protocols and hashes."""
    if value.__class__ is str and value not in NONE:
        fields[ecs] = value.lower()


def whole(value: Any) -> int | None:
    """A count that fits 63 bits, from a number or its text; None for anything else."""
    if value.__class__ is int:
        return value if 0 <= value < _LARGEST else None
    if value.__class__ is str and 0 < len(value) <= 18 and value.isascii() and value.isdecimal():
        return int(value)
    return None


def number(fields: Fields, value: Any, ecs: str) -> None:
    """A count."""
    found = whole(value)
    if found is not None:
        fields[ecs] = found


def port(fields: Fields, value: Any, ecs: str) -> None:
    """A port."""
    found = whole(value)
    if found is not None and found <= 65535:
        fields[ecs] = found


def address(fields: Fields, value: Any, ecs: str) -> None:
    """``ecs`` is the side: its ``.ip`` if the value is an address, else its ``.address`` and ``.domain``."""
    if value.__class__ is str and value not in NONE and len(value) <= 255:
        put(fields, ecs, value.removeprefix("::ffff:"))


def ip(fields: Fields, value: Any, ecs: str) -> None:
    """An address and nothing else."""
    if value.__class__ is str and is_ip(value):
        fields[ecs] = value


def flag(fields: Fields, value: Any, ecs: str) -> None:
    """A boolean, also as ``T`` and ``F``."""
    if value.__class__ is bool:
        fields[ecs] = value
    elif value in ("T", "true"):
        fields[ecs] = True
    elif value in ("F", "false"):
        fields[ecs] = False


def seconds(fields: Fields, value: Any, ecs: str) -> None:
    """Seconds with a fraction → nanoseconds."""
    try:
        found = float(value) if value.__class__ in (str, int, float) else -1.0
    except (ValueError, OverflowError):
        return
    if 0 <= found < 1e9:
        fields[ecs] = round(found * 1_000_000_000)


def milliseconds(fields: Fields, value: Any, ecs: str) -> None:
    """Milliseconds → nanoseconds."""
    try:
        found = float(value) if value.__class__ in (str, int, float) else -1.0
    except (ValueError, OverflowError):
        return
    if 0 <= found < 1e12:
        fields[ecs] = round(found * 1_000_000)


def first(fields: Fields, value: Any, ecs: str) -> None:
    """The first of several texts."""
    if value.__class__ is list and value:
        value = value[0]
    text(fields, value, ecs)


def texts(fields: Fields, value: Any, ecs: str) -> None:
    """One or several texts as a list."""
    items = cast("list[Any]", value) if isinstance(value, list) else [value]
    found = [item for item in items if isinstance(item, str) and item not in NONE]
    if found:
        fields[ecs] = found


def mac(fields: Fields, value: Any, ecs: str) -> None:
    """A hardware address as ECS has it."""
    if value.__class__ is str and value not in NONE:
        fields[ecs] = written(value)


def target(fields: Fields, value: Any, ecs: str) -> None:  # noqa: ARG001 - one signature for all
    """The target of a request → ``url.*``."""
    if value.__class__ is str and value not in NONE:
        put_url(fields, value)


def status(fields: Fields, value: Any, ecs: str) -> None:
    """A status of HTTP, and the outcome: below 400 a success."""
    found = whole(value)
    if found is not None and 100 <= found <= 999:
        fields[ecs] = found
        fields["event.outcome"] = "success" if found < 400 else "failure"


def http_version(fields: Fields, value: Any, ecs: str) -> None:
    """``HTTP/1.1`` → ``1.1``."""
    if value.__class__ is str and value not in NONE:
        fields[ecs] = value.rpartition("/")[2]


_UTC = ZoneInfo("UTC")


def moment(fields: Fields, value: Any, ecs: str) -> None:
    """A stamp with its zone → RFC 3339 in UTC."""
    found = iso(value, _UTC) if value.__class__ is str else None
    if found is not None:
        fields[ecs] = iso_text(found[0])


_COMMON = re.compile(r"(?:^|[,/] ?)CN=((?:[^,\\]|\\.){1,255})")
_LONGEST_NAME: Final = 2000


def subject(fields: Fields, value: Any, ecs: str) -> None:
    """A distinguished name, whole and its common name; ``tls.server`` and ``tls.server.issuer`` keep the whole beside ``x509``."""
    if value.__class__ is not str or value in NONE:
        return
    base = ecs
    if ecs == "tls.server":
        fields["tls.server.subject"] = value
        base = "tls.server.x509.subject"
    elif ecs == "tls.server.issuer":
        fields[ecs] = value
        base = "tls.server.x509.issuer"
    fields[base + ".distinguished_name"] = value
    name = _COMMON.search(value[:_LONGEST_NAME])
    if name is not None:
        fields[base + ".common_name"] = name[1]


def total(fields: Fields) -> None:
    """``network.bytes`` and ``network.packets``, where both directions are known."""
    for what in ("bytes", "packets"):
        sent, received = fields.get("source." + what), fields.get("destination." + what)
        if isinstance(sent, int) and isinstance(received, int):
            fields["network." + what] = sent + received


def tls_version(value: str, fields: Fields) -> None:
    """``TLSv1.2`` → ECS's two: the protocol in lower case, and the digits."""
    protocol, digits = value[:3].lower(), value[3:].lstrip("v")
    if protocol in ("tls", "ssl") and digits[:1].isdigit() and len(digits) <= 8:
        fields["tls.version_protocol"] = protocol
        fields["tls.version"] = digits if "." in digits or protocol == "ssl" else digits + ".0"
