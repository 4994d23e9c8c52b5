"""A digest in hexadecimal, of an unnamed algorithm → the ``file.hash.*`` field that its length tells."""

import re
from typing import Any

_FIELDS = {128: "file.hash.sha512", 64: "file.hash.sha256", 40: "file.hash.sha1", 32: "file.hash.md5"}
_HEX = re.compile(r"[0-9A-Fa-f]{32,128}", re.ASCII)


def put_hash(fields: dict[str, Any], text: str) -> None:
    """Write a digest; one of another length (FortiGate's antivirus gives a CRC-32) has no name in ECS and is not written."""
    name = _FIELDS.get(len(text))
    if name is not None and _HEX.fullmatch(text):
        fields[name] = text.lower()
