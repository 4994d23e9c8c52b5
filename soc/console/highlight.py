"""A text and the values that made a rule match in, the text in pieces out, each marked as matched or not."""

import re
from collections.abc import Iterable
from functools import lru_cache

MAX_NEEDLES = 40
MAX_TEXT = 65536
"""Longer lines are shown unmarked: marking is a convenience."""


def segments(text: str, needles: Iterable[str]) -> list[tuple[str, bool]]:
    """The text cut into (piece, matched), which joined give the text again.

    A needle that begins or ends with a letter or digit matches whole words only, so that port 22 does not mark 2022.
    """
    wanted = tuple(sorted({needle for needle in needles if needle.strip()}, key=lambda n: (-len(n), n)))[:MAX_NEEDLES]
    if not wanted or len(text) > MAX_TEXT:
        return [(text, False)] if text else []
    out: list[tuple[str, bool]] = []
    end = 0
    for found in _pattern(wanted).finditer(text):
        if found.start() > end:
            out.append((text[end : found.start()], False))
        out.append((found.group(), True))
        end = found.end()
    if end < len(text):
        out.append((text[end:], False))
    return out


@lru_cache(maxsize=256)
def _pattern(needles: tuple[str, ...]) -> re.Pattern[str]:
    parts: list[str] = []
    for needle in needles:
        before = r"(?<![^\W_])" if needle[0].isalnum() else ""
        after = r"(?![^\W_])" if needle[-1].isalnum() else ""
        parts.append(f"{before}{re.escape(needle)}{after}")
    return re.compile("|".join(parts), re.IGNORECASE)
