"""A DNS name as servers log it, ``(3)www(7)example(3)com(0)`` or ``www.example.com.`` → ``www.example.com``."""

import re

_LABEL = re.compile(r"\(\d{1,3}\)")


def plain_name(text: str) -> str:
    """The name without lengths and without the root's dot; the root itself is ``.``."""
    if text.startswith("("):
        text = _LABEL.sub(".", text).strip(".")
    elif len(text) > 1:
        text = text.removesuffix(".")
    return text or "."
