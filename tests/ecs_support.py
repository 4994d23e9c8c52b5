"""What the Elastic Common Schema allows, asked of the fields of any event."""

from typing import Any

from soc.normalize import ecs
from soc.normalize.addresses import is_ip


def hold_to_ecs(fields: dict[str, Any]) -> None:
    """Categorization, addresses and integers are what ECS allows."""
    assert fields["event.kind"] in ecs.KINDS
    assert set(fields.get("event.category", ())) <= ecs.CATEGORIES
    assert set(fields.get("event.type", ())) <= ecs.TYPES
    assert {fields["event.outcome"]} <= ecs.OUTCOMES if "event.outcome" in fields else True
    assert {fields["network.direction"]} <= ecs.DIRECTIONS if "network.direction" in fields else True
    for name in ecs.IP_FIELDS & fields.keys():
        values = fields[name] if isinstance(fields[name], list) else [fields[name]]
        assert all(is_ip(value) for value in values), name
    for name in ecs.INTEGER_FIELDS & fields.keys():
        assert isinstance(fields[name], int), name
