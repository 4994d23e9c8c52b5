"""A sender's own ECS names hold what ECS allows, or are taken out."""

import pytest

from soc.normalize.conform import conform


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"event.category": "Authentication"}, {"event.category": ["authentication"]}),
        ({"event.category": ["web", "nonsense", "web"]}, {"event.category": ["web"]}),
        ({"event.type": "nonsense"}, {}),
        ({"event.outcome": "Success"}, {"event.outcome": "success"}),
        ({"event.outcome": ["failure"]}, {"event.outcome": "failure"}),
        ({"event.kind": 7}, {}),
        ({"source.port": "443"}, {"source.port": 443}),
        ({"source.port": 443}, {"source.port": 443}),
        ({"source.port": 443.0}, {"source.port": 443}),
        ({"source.port": [443, 80]}, {"source.port": 443}),
        ({"source.port": "https"}, {}),
        ({"source.port": True}, {}),
        ({"process.pid": "9" * 40}, {}),
        ({"client.ip": "192.0.2.1"}, {"client.ip": "192.0.2.1"}),
        ({"client.ip": "gate"}, {}),
        ({"host.ip": ["192.0.2.1", "x", 5]}, {"host.ip": ["192.0.2.1"]}),
        ({"network.direction": "Inbound", "other": "kept"}, {"network.direction": "inbound", "other": "kept"}),
    ],
)
def test_what_a_sender_wrote_under_an_ecs_name_becomes(given: dict[str, object], wanted: dict[str, object]):
    conform(given)
    assert given == wanted
