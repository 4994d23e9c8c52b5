r"""One native value of a Windows event → what it means in ECS: paths, registry keys, hashes, addresses, ids, DNS answers.

Each writer takes (fields, value as it came, ECS name or prefix) and writes nothing for a value that is not what it expects.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from soc.normalize.addresses import is_ip, port
from soc.normalize.columns import base
from soc.normalize.products.product import Fields
from soc.normalize.transports import TRANSPORTS

Writer = Callable[[Fields, Any, str], None]

_LONGEST = 1024
"""Longer texts are not remembered."""
_NO_ADDRESS: Final = frozenset(("-", "", "LOCAL", "::", "0.0.0.0"))  # noqa: S104 - not bound to, recognized as "no address"
_LARGEST_PID = 2**32


@lru_cache(maxsize=16384)
def _split(path: str) -> tuple[str, str, str]:
    directory, _, name = path.rpartition("\\" if "\\" in path else "/")
    stem, dot, extension = name.rpartition(".")
    return directory, name, extension if dot and stem and len(extension) <= 16 else ""


def file(fields: Fields, value: Any, ecs: str) -> None:
    """A path: ``.path``, ``.directory``, ``.name`` and ``.extension`` (none for a stream, ``x.exe:Zone.Identifier``)."""
    if value.__class__ is not str or value in ("-", "") or len(value) >= 32768:
        return
    directory, name, extension = _split(value) if len(value) < _LONGEST else ("", "", "")
    fields[ecs + ".path"] = value
    if name:
        fields[ecs + ".name"] = name
    if directory:
        fields[ecs + ".directory"] = directory
    if extension and ":" not in extension:
        fields[ecs + ".extension"] = extension


def library(fields: Fields, value: Any, ecs: str) -> None:
    """What was loaded: a file, and in ECS's own terms a library."""
    file(fields, value, ecs)
    if value.__class__ is str and value not in ("-", ""):
        fields["dll.path"], fields["dll.name"] = value, base(value)


def address(fields: Fields, value: Any, ecs: str) -> None:
    """``::ffff:192.0.2.1``, as Kerberos events write it, is the IPv4 address; a zone index is not part of one."""
    if value.__class__ is str:
        text = value.removeprefix("::ffff:").partition("%")[0] if ":" in value else value
        if text not in _NO_ADDRESS and is_ip(text):
            fields[ecs] = text


def number(fields: Fields, value: Any, ecs: str) -> None:
    """A port."""
    found = port(value) if value.__class__ is str else value
    if isinstance(found, int) and found.__class__ is int and 0 <= found <= 65535:
        fields[ecs] = found


@lru_cache(maxsize=16384)
def hexadecimal(text: str) -> int | None:
    """``0x1a4`` → 420."""
    try:
        return int(text, 16)
    except ValueError:
        return None


def pid(fields: Fields, value: Any, ecs: str) -> None:
    """Sysmon writes decimal, Security ``0x1a4``."""
    if value.__class__ is str:
        if len(value) > 12:
            return
        value = hexadecimal(value) if value.startswith("0x") else _decimal(value)
    if value.__class__ is int and 0 <= value < _LARGEST_PID:
        fields[ecs] = value


@lru_cache(maxsize=16384)
def _decimal(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


def transport(fields: Fields, value: Any, ecs: str) -> None:
    """The protocol by name (Sysmon) or by number (Security)."""
    text = str(value) if value.__class__ is int else value
    if text.__class__ is not str or text in ("-", "") or len(text) > 32:
        return
    if text.isdecimal():
        fields["network.iana_number"] = text
        text = TRANSPORTS.get(text, text)
    fields[ecs] = text.lower()


DIRECTIONS: Final = {
    "true": "egress",
    "false": "ingress",
    "%%14592": "ingress",
    "%%14593": "egress",
    "inbound": "ingress",
    "outbound": "egress",
}
"""Sysmon's Initiated, the filtering platform's Direction → as the host sees it."""


def direction(fields: Fields, value: Any, ecs: str) -> None:
    """Who opened the connection."""
    found = DIRECTIONS.get(str(value)[:16].lower())
    if found is not None:
        fields[ecs] = found


HASHES: Final = {"MD5": "hash.md5", "SHA1": "hash.sha1", "SHA256": "hash.sha256", "SHA512": "hash.sha512"}
_HASHES: Final = {
    owner: {**{kind: f"{owner}.{name}" for kind, name in HASHES.items()}, "IMPHASH": owner + ".pe.imphash"}
    for owner in ("process", "file")
}


def hashes(fields: Fields, value: Any, ecs: str) -> None:
    """``MD5=…,SHA256=…,IMPHASH=…``: ECS has them in lower case; an IMPHASH of zeros is none."""
    if value.__class__ is not str or len(value) > _LONGEST:
        return
    names = _HASHES[ecs]
    for item in value.split(","):
        kind, _, digest = item.partition("=")
        name = names.get(kind)
        if name is not None and digest and (kind != "IMPHASH" or digest.strip("0")):
            fields[name] = digest.lower()


def signed(fields: Fields, value: Any, ecs: str) -> None:
    """Sysmon's Signed."""
    text = str(value)[:8].lower()
    if text in ("true", "false"):
        fields[ecs] = text == "true"


_MACHINE, _USERS = "\\REGISTRY\\MACHINE", "\\REGISTRY\\USER"


def _key(path: str, fields: Fields) -> str:
    upper = path[:18].upper()
    if upper.startswith(_MACHINE):
        path = "HKLM" + path[len(_MACHINE) :]
    elif upper.startswith(_USERS):
        path = "HKU" + path[len(_USERS) :]
    hive, slash, key = path.partition("\\")
    fields["registry.path"] = path
    if slash:
        fields["registry.hive"] = hive
    return key


def registry_key(fields: Fields, value: Any, ecs: str) -> None:  # noqa: ARG001 - one signature for all
    """The path of a key: ``registry.path``, ``.hive``, ``.key``."""
    if value.__class__ is str and value not in ("-", ""):
        key = _key(value, fields)
        if key:
            fields["registry.key"] = key


def registry_value(fields: Fields, value: Any, ecs: str) -> None:  # noqa: ARG001 - one signature for all
    """The path of a value: its last part is ``registry.value``."""
    if value.__class__ is str and value not in ("-", ""):
        key, slash, name = _key(value, fields).rpartition("\\")
        if slash:
            fields["registry.key"], fields["registry.value"] = key, name


REGISTRY_TYPES: Final = {"DWORD (": "REG_DWORD", "QWORD (": "REG_QWORD", "Binary ": "REG_BINARY"}


def registry_data(fields: Fields, value: Any, ecs: str) -> None:
    """What Sysmon 13 says was written."""
    if value.__class__ is str and value:
        fields[ecs + ".strings"] = [value]
        kind = REGISTRY_TYPES.get(value[:7])
        if kind is not None:
            fields[ecs + ".type"] = kind


RESPONSES: Final = {
    "0": "NOERROR",
    "9001": "FORMERR",
    "9002": "SERVFAIL",
    "9003": "NXDOMAIN",
    "9004": "NOTIMP",
    "9005": "REFUSED",
}
"""Windows' DNS status (Sysmon 22, QueryStatus) → the response code of RFC 1035."""


def response(fields: Fields, value: Any, ecs: str) -> None:
    """QueryStatus."""
    found = RESPONSES.get(str(value)[:8])
    if found is not None:
        fields[ecs] = found


def answers(fields: Fields, value: Any, ecs: str) -> None:
    """``type:  5 name;::ffff:192.0.2.1;``: what the resolver gave, and the addresses among it."""
    if value.__class__ is not str or value in ("-", "") or len(value) > 16384:
        return
    data: list[str] = []
    addresses: list[str] = []
    for item in value.split(";"):
        text = item.strip()
        if text.startswith("type:"):
            text = text[5:].strip().partition(" ")[2].strip()
        text = text.removeprefix("::ffff:")
        if text:
            data.append(text)
            if is_ip(text):
                addresses.append(text)
    if data:
        fields[ecs] = data
    if addresses:
        fields["dns.resolved_ip"] = addresses


LEVELS: Final = {
    "0": "information",
    "1": "critical",
    "2": "error",
    "3": "warning",
    "4": "information",
    "5": "verbose",
    "info": "information",
    "information": "information",
    "warning": "warning",
    "error": "error",
    "critical": "critical",
    "verbose": "verbose",
}
"""Level as a number; 0 is "always", which Windows' own viewer shows as information."""


def level(fields: Fields, value: Any, ecs: str) -> None:
    """Level as a number or a word."""
    if value.__class__ is str:
        found = LEVELS.get(value) or LEVELS.get(value[:16].lower())
    else:
        found = LEVELS.get(str(value)) if value.__class__ is int else None
    if found is not None:
        fields[ecs] = found


_FILE_PREFIX = re.compile(r"(?:[a-z]{1,16}:_)?([^;>]{1,2048})", re.ASCII)


def threat(fields: Fields, value: Any, ecs: str) -> None:
    """What Defender calls a threat, where the other antivirus products' names stand as well."""
    if value.__class__ is str and value:
        fields[ecs] = fields["threat.software.name"] = value


def threat_file(fields: Fields, value: Any, ecs: str) -> None:
    r"""Defender's Path: ``file:_C:\x.exe; process:_pid:…``, of an archive ``containerfile:_C:\x.zip; file:_C:\x.zip->y``."""
    if value.__class__ is not str or value in ("-", ""):
        return
    at = value.find("file:_")
    found = _FILE_PREFIX.match(value, max(at, 0)) if len(value) < 32768 else None
    if found is not None:
        file(fields, found[1].removesuffix("-").strip(), ecs)


_APPLICATION = re.compile(r"Host ?Application ?= ?([^\r\n]{1,8192})")


def engine_text(fields: Fields, value: Any, ecs: str) -> None:
    """What PowerShell says of itself (4103 ContextInfo, 400 and 800 Data): the command line that started it."""
    texts: list[Any] = value if value.__class__ is list else [value]
    for text in texts[:8]:
        found = _APPLICATION.search(text[:32768]) if text.__class__ is str and "pplication" in text[:32768] else None
        if found is not None:
            fields[ecs] = found[1].strip()
            return
