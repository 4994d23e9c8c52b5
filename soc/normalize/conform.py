"""Fields in which a sender used ECS names itself → the same with what ECS allows under them: words, numbers, addresses.

Rules and correlations count on that. What does not fit is in ``event.original`` still, and a rule on the sender's own words names the
sender's own fields.
"""

from collections.abc import Mapping
from typing import Any, cast

from soc.normalize import ecs
from soc.normalize.addresses import is_ip, number

_WORDS: Mapping[str, tuple[frozenset[str], bool]] = {
    "event.kind": (ecs.KINDS, False),
    "event.category": (ecs.CATEGORIES, True),
    "event.type": (ecs.TYPES, True),
    "event.outcome": (ecs.OUTCOMES, False),
    "network.direction": (ecs.DIRECTIONS, False),
}
"""Name → the words it may hold, and whether it is a list."""

_CHECKED = frozenset(_WORDS) | ecs.INTEGER_FIELDS | ecs.IP_FIELDS
_LARGEST = 2**63 - 1


def conform(fields: dict[str, Any]) -> None:
    """Correct ``fields`` in place; what cannot be corrected is taken out."""
    for name in _CHECKED.intersection(fields):
        value = fields[name]
        if name in _WORDS:
            allowed, several = _WORDS[name]
            known = _words(value, allowed)
            found: Any = known if several else (known[0] if known else None)
        elif name in ecs.INTEGER_FIELDS:
            found = _whole(value)
        else:
            found = _addresses(value)
        if found is None or found == []:
            del fields[name]
        elif found is not value:
            fields[name] = found


def _words(value: Any, allowed: frozenset[str]) -> list[str]:
    items = cast("list[Any]", value) if isinstance(value, list) else [value]
    texts = (item.strip().lower() for item in items if isinstance(item, str))
    return list(dict.fromkeys(text for text in texts if text in allowed))


def _whole(value: Any) -> int | None:
    """A whole number, also written as text; a list's first."""
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return _whole(items[0]) if items and not isinstance(items[0], list) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= _LARGEST else None
    return number(value) if isinstance(value, str) else None


def _addresses(value: Any) -> Any:
    if isinstance(value, list):
        return [item for item in cast("list[Any]", value) if isinstance(item, str) and is_ip(item)]
    return value if isinstance(value, str) and is_ip(value) else None
