"""A rule and what an alert is about in; the digest out by which repeats of the same are recognised."""

import hashlib
from collections.abc import Iterable

from soc.triage.entities import MANY, Entity, Key, canonical, family, key

_DIGEST_BYTES = 12


def fingerprint(rule_id: str, kind: str, group: Iterable[Entity], entities: Iterable[Entity], source: str) -> str:
    """The digest of a rule and what its alert is about.

    A field with more than ``MANY`` values is not what the alert is about, unless the rule groups by it. Of a correlation the
    users do not count unless it groups by them: the same guesser at the same server is the same thing, whatever names he tries.

    Args:
        rule_id: of the rule.
        kind: ``event`` or the correlation's type.
        group: the group-by fields and their values.
        entities: (field, value) of the alert.
        source: the log source of its first event: what stands in for an alert that is about nothing.

    Returns:
        24 hexadecimal digits.
    """
    subject: set[tuple[str, str]] = {_grouped(field, value) for field, value in group}
    by_field: dict[str, set[Key]] = {}
    for entity in entities:
        by_field.setdefault(entity[0], set()).add(key(entity))
    for field, keys in by_field.items():
        if len(keys) <= MANY and (kind == "event" or family(field) != "user"):
            subject |= keys
    named = sorted(subject) or [("source", source)]
    digest = hashlib.blake2b(rule_id.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES)
    for part in (text for pair in named for text in pair):
        digest.update(b"\0" + part.encode("utf-8", "replace"))
    return digest.hexdigest()


def _grouped(field: str, value: str) -> Key:
    return key((field, canonical(field, value) or value))
