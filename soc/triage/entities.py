"""An episode in, the entities it is about out: addresses, hosts, users, as (field, value); and which values mean the same.

Two entities are the same thing when their **keys** are equal, whatever field they stood in: the address that guessed
passwords (``source.ip``) is the address the data went to (``destination.ip``).
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from soc.model import Episode

DEFAULT_ENTITIES = ("source.ip", "destination.ip", "host.name", "user.name")
"""What a rule's alerts are about when it does not say (``soc: {entities: …}``)."""

MAX_ENTITIES = 40
"""Of one alert. A scan touches thousands of addresses; the first ones are enough to find it by, and every one costs an index entry."""

MAX_VALUE = 256
"""Characters of a value; a longer one is no name of anything."""

MANY = 3
"""More values than this of one field in one alert, and none of them is what the alert is about."""

Entity = tuple[str, str]
"""(field, value): ``("source.ip", "192.0.2.7")``."""

Key = tuple[str, str]
"""(family, value): ``("ip", "192.0.2.7")``."""

_NOT_A_VALUE = frozenset({"", "-", "?", "n/a", "none", "null", "unknown", "(unknown)", "invalid user"})

GENERIC_USERS = frozenset(
    {
        *(
            "root",
            "admin",
            "administrator",
            "guest",
            "user",
            "test",
            "oper",
            "operator",
            "support",
            "service",
            "default",
        ),
        *("system", "localsystem", "local service", "localservice", "network service", "networkservice", "anonymous"),
        *(
            "anonymous logon",
            "nobody",
            "daemon",
            "www-data",
            "apache",
            "nginx",
            "postgres",
            "mysql",
            "oracle",
            "backup",
        ),
        *("ubuntu", "debian", "centos", "ec2-user", "pi", "git", "ftp", "sysadmin", "quantri", "sa"),
    }
)
"""Names that exist on most machines: the same one on two machines says nothing. They are shown and never join."""

GENERIC_HOSTS = frozenset({"localhost", "localhost.localdomain", "unknown", "host", "server"})


def of_episode(episode: Episode, fields: Sequence[str] = ()) -> tuple[Entity, ...]:
    """The entities of an episode: its group first, then its sampled members in time order; bounded, without repeats.

    Args:
        episode: the revision.
        fields: the rule's own list; () = ``DEFAULT_ENTITIES``.
    """
    wanted = tuple(fields) or DEFAULT_ENTITIES
    found: dict[Entity, None] = {}
    for field, value in episode.group:
        if field in wanted:
            _collect(field, value, found)
    for member in episode.sample:
        if member.fields:
            for field in wanted:
                _collect(field, member.fields.get(field), found)
        if len(found) >= MAX_ENTITIES:
            break
    return tuple(found)[:MAX_ENTITIES]


def _collect(field: str, value: Any, found: dict[Entity, None]) -> None:
    for item in _scalars(value):
        text = canonical(field, item)
        if text:
            found[field, text] = None


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, list | tuple):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _scalars(item)


def canonical(field: str, value: str) -> str:
    """One spelling per value; "" for what names nothing (a dash, a loopback address, an address that is none)."""
    text = value.strip()
    if len(text) > MAX_VALUE or text.casefold() in _NOT_A_VALUE:
        return ""
    if family(field) == "ip":
        return _canonical_address(text)
    if family(field) == "host":
        return text.casefold().rstrip(".")
    return text


@lru_cache(maxsize=50_000)
def _canonical_address(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    broadcast = str(address) == "255.255.255.255"
    if address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local or broadcast:
        return ""
    return str(address)


def family(field: str) -> str:
    """What kind of thing a field names: ``ip``, ``host``, ``user``, else the field itself."""
    if field.endswith(".ip"):
        return "ip"
    if field in {"host.name", "host.hostname"}:
        return "host"
    if field.startswith("user.") and field.endswith("name"):
        return "user"
    return field


def key(entity: Entity) -> Key:
    """What two entities are compared by."""
    field, value = entity
    kind = family(field)
    return kind, value.casefold() if kind == "user" else value


def generic(key: Key) -> bool:
    """Whether a value exists everywhere, so that sharing it proves nothing. Machine accounts (``PC-7$``) are hosts, not people."""
    kind, value = key
    if kind == "user":
        return value in GENERIC_USERS or value.rsplit("\\", 1)[-1] in GENERIC_USERS or value.endswith("$")
    return kind == "host" and value in GENERIC_HOSTS


@lru_cache(maxsize=20_000)
def about(entities: tuple[Entity, ...], group: tuple[Entity, ...]) -> frozenset[Key]:
    """The keys by which an alert may join others: not generic, and not one of many values of its field.

    A scan touches every address of the province: it is about the scanner, not about any of them. Without this each scan
    would weld together whatever else goes on at those addresses. What the rule groups by is always what it is about.
    """
    grouped = {key((field, canonical(field, value))) for field, value in group}
    by_field: dict[str, set[Key]] = {}
    for entity in entities:
        by_field.setdefault(entity[0], set()).add(key(entity))
    few = {item for keys in by_field.values() if len(keys) <= MANY for item in keys}
    every = {item for keys in by_field.values() for item in keys}
    return frozenset(item for item in few | (grouped & every) if not generic(item))


def partners(keys: Iterable[Key], of: Key) -> frozenset[Key]:
    """With which other machines ``of`` occurs in one alert: the unit in which its degree is counted.

    Users do not count: a hundred guessed names against one server are one pair of machines, not a hundred acquaintances.
    """
    return frozenset(other for other in keys if other != of and other[0] != "user")
