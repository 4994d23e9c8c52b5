"""What a device writes before its own mark (``<166>Nov 22 2026 15:00:00 fw1 : ``) → header fields and stamp, remembered.

Every line that a device writes within a second has the same header, so one reading serves them all.
"""

import re
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from soc.normalize.formats import rfc3164, rfc5424
from soc.normalize.time import Stamp

LONGEST = 400
"""What is longer is no header, and would only fill the memo."""

_SELECTOR = re.compile(r"[A-Z]{2,8}\d?\.[A-Z]{3,9}:?$", re.ASCII)
"""``LOCAL4.WARNING:``, which some collectors write for a PRI."""
_MOST_WORDS = 2
"""A host and a program stand between stamp and mark; more words are a text of something else."""


@lru_cache(maxsize=8192)
def read(head: str, zone: ZoneInfo, day: int) -> tuple[dict[str, Any], Stamp | None]:
    """Read what stands before the mark.

    Args:
        head: from the start of the line to the mark, at most ``LONGEST`` characters.
        zone: of stamps without one.
        day: of receipt, for stamps without a year.

    Returns:
        (fields, not to be changed by the caller: PRI and host; the stamp nearest to the mark, None if there is none). Of a
        line that a relay put its own header before, host and stamp are the device's.
    """
    fields: dict[str, Any] = {}
    if head.startswith("<"):
        found = rfc5424.read(head, fields, zone)
        if found is not None:
            rest, _, stamp = found
            inner = _lead(rest.lstrip("- "), fields, zone, day) if rest.strip("- :") else None
            return fields, inner or stamp
    return fields, _lead(head, fields, zone, day)


def _lead(head: str, fields: dict[str, Any], zone: ZoneInfo, day: int) -> Stamp | None:
    at, stamp, _ = rfc3164.lead(head, fields, zone, day)
    words = head[at:].split(None, 1)
    if stamp is not None and len(words) > 1:
        own = words[1].lstrip(": ")
        again, inner, _ = rfc3164.lead(own, fields, zone, day)
        if inner is not None:  # a relay's header, then the device's own
            _host(own[again:].replace(":", " ").split() or words[:1], fields)
            return inner
    if "host.name" not in fields:
        _host(head[at:].split(), fields)
    return stamp


def _host(words: list[str], fields: dict[str, Any]) -> None:
    """The first of at most two words (host, program) is the host, unless it is only punctuation or a placeholder."""
    named = [word for word in words if word.strip(":-") and not _SELECTOR.match(word)]
    if not 0 < len(named) <= _MOST_WORDS:
        return
    host = named[0].rstrip(":")
    if host[0] not in "%<{[\"'(" and "=" not in host:
        fields["host.name"] = host
