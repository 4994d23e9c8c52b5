"""Values of Zeek's logs that say more than one thing → the ECS fields of each: writers for the tables of ``zeek_logs``."""

import re
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from soc.normalize.addresses import is_ip, put
from soc.normalize.products.fill import NONE
from soc.normalize.products.product import Fields
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import Stamp, epoch, iso, iso_text

_COMMON = re.compile(r"(?:^|[,/] ?)CN=((?:[^,\\\\]|\\\\.){1,255})")
_UTC: Final = ZoneInfo("UTC")
_VIA = re.compile(r"SIP/2\.0/(UDP|TCP|TLS|SCTP)\b", re.IGNORECASE)
_INDICATORS: Final = {
    "Intel::URL": ("url", "threat.indicator.url.original"),
    "Intel::DOMAIN": ("domain-name", "threat.indicator.url.domain"),
    "Intel::EMAIL": ("email-addr", "threat.indicator.email.address"),
    "Intel::FILE_HASH": ("file", "threat.indicator.name"),
    "Intel::FILE_NAME": ("file", "threat.indicator.file.name"),
    "Intel::CERT_HASH": ("x509-certificate", "threat.indicator.name"),
    "Intel::USER_NAME": ("user-account", "threat.indicator.name"),
    "Intel::SOFTWARE": ("software", "threat.indicator.name"),
}
"""Zeek's kinds of indicator → ECS's type and the field that holds one."""


def transferred(fields: Fields, value: Any, ecs: str) -> None:  # noqa: ARG001 - one signature for all
    """What a command of FTP is about: a URL of the file, or its path."""
    if value.__class__ is not str or value in NONE:
        return
    path = value
    if value[:6].lower() == "ftp://":
        put_url(fields, value)
        path = fields.get("url.path", "")
    if path:
        fields["file.path"] = path
        name = path.rpartition("/")[2]
        if name:
            fields["file.name"] = name


def day(fields: Fields, value: Any, ecs: str) -> None:
    """A moment, as seconds since 1970 or written out → RFC 3339 in UTC."""
    found: Stamp | None = None
    if value.__class__ is str:
        found = iso(value, _UTC) or epoch(value)
    elif value.__class__ in (float, int) and 0 < value < 1e10:
        found = epoch(f"{value:.6f}")
    if found is not None:
        fields[ecs] = iso_text(found[0])


def via(fields: Fields, value: Any, ecs: str) -> None:  # noqa: ARG001 - one signature for all
    """The hops of a SIP message (RFC 3261 §20.42): the first says over what it came."""
    hops = cast("list[Any]", value) if isinstance(value, list) else [value]
    first = hops[0] if hops else None
    found = _VIA.match(first) if isinstance(first, str) else None
    if found is not None:
        transport = found[1].lower()
        fields.setdefault("network.transport", "tcp" if transport == "tls" else transport)


def result(fields: Fields, value: Any, ecs: str) -> None:  # noqa: ARG001 - one signature for all
    """What became of a RADIUS request."""
    if value in ("success", "failed"):
        fields["event.outcome"] = "success" if value == "success" else "failure"


def indicator(fields: Fields, value: Any, ecs: str) -> None:  # noqa: ARG001 - one signature for all
    """What the intelligence framework saw, by its kind."""
    if value.__class__ is not str or value in NONE:
        return
    kind = fields.get("seen.indicator_type")
    if kind in ("Intel::ADDR", "Intel::SUBNET"):
        if is_ip(value):
            put(fields, "threat.indicator", value)
            fields["threat.indicator.type"] = "ipv6-addr" if ":" in value else "ipv4-addr"
        else:
            fields["threat.indicator.name"] = value
        return
    named = _INDICATORS.get(kind) if isinstance(kind, str) else None
    if named is not None:
        fields["threat.indicator.type"], fields[named[1]] = named[0], value
