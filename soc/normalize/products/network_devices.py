"""How lines of routers and firewalls show whose they are: rows of the tables in ``marks`` for Cisco, Palo Alto, Juniper and others.

A mark counts only where the vendor puts it: behind a header, which has neither ``=`` nor quotes nor ``: `` of a message.
"""

import re
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.products import (
    cisco_asa,
    cisco_ios,
    draytek,
    juniper_srx,
    mikrotik,
    paloalto,
    paloalto_device,
    pfsense,
    sshd,
)
from soc.normalize.products.product import Body, DeviceReader, Fields, Line, Reading

_ASA = re.compile(r'[^=\["]{0,160}(?:\[\d{1,10}\]: )?%(?:ASA|FTD|FWSM|PIX)[-<]', re.ASCII)
_PALOALTO = re.compile(r'(?:(?:(?!: )[^=\[",]){1,200}[ >])?\d{0,20},20\d{2}[-/]', re.ASCII)
# a process of IOS XR stands in brackets before its mark; Junos writes such marks too, if told to write priorities
_IOS = re.compile(
    r'[^=\["%]{0,200}(?:\[\d{1,10}\]: )?%[A-Z][A-Z0-9_]{0,31}(?:[-/][A-Za-z0-9_]{1,31}){0,3}?-[0-7]-(?!RT_|UI_|SSHD_|IDP_)[A-Za-z][A-Za-z0-9_]{1,63}[ :]',
    re.ASCII,
)


def _asa(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    return cisco_asa.parse(text, fields, zone, day) if _ASA.match(text) else None


def _ios(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    return cisco_ios.read(text, fields, zone, day) if _IOS.match(text) else None


def _paloalto(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    return paloalto.read(text, fields, zone, day) if _PALOALTO.match(text) else None


MARKS: tuple[tuple[str, Line], ...] = (
    *((mark, _asa) for mark in ("%ASA-", "%FTD", "%FWSM-", "%PIX-")),
    (",20", _paloalto),
    (juniper_srx.MARK, juniper_srx.structured),
    (juniper_srx.FILTER_MARK, juniper_srx.filtered),
    *((mark, mikrotik.read) for mark in mikrotik.MARKS),
    *((mark, draytek.read) for mark in draytek.MARKS),
    ("%", _ios),
)
"""For ``marks.MARKS``, behind the marks that say more."""


def _sshd(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """OpenSSH's text, or the tagged one that Junos writes under the same name."""
    return juniper_srx.body(message, fields) if message.startswith("SSHD_LOGIN") else sshd.read(message, fields)


BODIES: dict[str, Body] = {
    **pfsense.BODIES,
    **dict.fromkeys(juniper_srx.PROGRAMS, juniper_srx.body),
    "sfims": cisco_asa.sfims,
    "sshd": _sshd,
}
"""For ``marks.BODIES``."""

DEVICES: dict[tuple[str, str], DeviceReader] = {("palo alto networks", ""): paloalto_device.read}
"""For ``marks.DEVICES``."""
