"""A sealed record in, what leaves of it over one wire out; and several of them as the body of one sending. Pure, and frozen at sealing."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid5

from soc.forward.payload import NAMESPACE, canonical
from soc.sharing import stix, syslog


def rendered(wire: str, record: bytes, data_id: str) -> bytes:
    """What leaves of one record.

    Args:
        wire: ``syslog-tls``, ``https-json`` or ``taxii21``.
        record: its canonical JSON.
        data_id: of the structured data of syslog.
    """
    if wire == "syslog-tls":
        return syslog.frames(record, data_id)
    return stix.objects(record) if wire == "taxii21" else record


def key_of(ids: Sequence[str]) -> str:
    """The idempotency key of a sending: the same for the same records in the same order."""
    return str(uuid5(NAMESPACE, "batch|" + "|".join(ids)))


def body(wire: str, key: str, parts: Sequence[bytes]) -> bytes:
    """The body of one sending.

    Args:
        wire: as above.
        key: of ``key_of``.
        parts: of ``rendered``, in the order of their numbers.
    """
    if wire == "syslog-tls":
        return b"".join(parts)
    if wire == "https-json":
        return b'{"batch":"%s","records":[%s]}' % (key.encode(), b",".join(parts))
    seen: dict[str, Any] = {}
    last: list[Any] = []
    for part in parts:
        for item in json.loads(part)["objects"]:
            if item["type"] == "note":
                last.append(item)
            else:
                seen[item["id"]] = item
    return canonical({"objects": [*seen.values(), *last]})
