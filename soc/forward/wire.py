"""A report's own JSON in, the bytes that leave over one wire out: what an approver previews and approves."""

from collections.abc import Callable, Mapping

from soc.forward.stix import bundle

WIRES: Mapping[str, Callable[[bytes], bytes]] = {
    "https-json": lambda payload: payload,
    "taxii21": bundle,
    "file": lambda payload: payload,
}
"""By the name of a binding (``soc.receiver.Receiver.binding``)."""


def rendered(wire: str, payload: bytes) -> bytes:
    """The bytes that leave over ``wire``."""
    return WIRES[wire](payload)
