"""What Cisco IOS, IOS XE, IOS XR and NX-OS write before ``%FACILITY-SEVERITY-MNEMONIC`` → host, sequence number and stamp.

In any order and number: a relay's stamp and host, a message counter, ``host:``, a sequence number, a node (``RP/0/RP0/CPU0:``),
the device's stamp with a clock mark, milliseconds, year and zone, or its uptime, a process.
"""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.clock import DAY, Micros
from soc.normalize.addresses import is_ip
from soc.normalize.formats.priority import PRIORITIES
from soc.normalize.time import Stamp, bsd, iso

_STAMP = re.compile(
    r"(?P<mark>[*.:]?)(?:"
    r"(?P<bsd>(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?: \d{4}(?=[: ]|$))?)"
    r"|(?P<year>\d{4}) (?P<rest>[A-Z][a-z]{2} {1,2}\d{1,2} \d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?)"
    r"|(?P<iso>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?)"
    r"|(?<![\w:.-])(?P<uptime>\d{1,3}y\d{1,2}w|\d{1,2}w\d{1,2}d|\d{1,3}d\d{1,2}h|\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)(?=: |:$)"
    r")(?: (?P<zone>UTC[+-]\d{1,2}(?::\d{2})?|[A-Za-z]{2,5}|[+-]\d{2}:?\d{2})(?=:|$))?:?",
    re.ASCII,
)
# what most devices write: counter, host, sequence number and a stamp that nobody doubts
_COMMON = re.compile(
    r"<(\d{1,3})>(?:(\d{1,10}): )?(?:([A-Za-z][\w.-]{0,63}): )?(?:(\d{1,10}): )?"
    r"([A-Z][a-z]{2} {1,2}\d{1,2} (?:2[01]\d{2} )?\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?: UTC)?): $",
    re.ASCII,
)
_PRI = re.compile(r"<(\d{1,3})>(?:1 )?", re.ASCII)
_NODE = re.compile(r"[A-Z]{1,4}\d{0,2}/[\w/]{1,24}$", re.ASCII)
_PROCESS = re.compile(r"([\w-]{1,64})\[(\d{1,10})\]$", re.ASCII)
_BOOT_YEARS = frozenset(("1970", "1993", "2002"))
"""Years at which clocks begin that were never set (IOS: 1 March 1993 or 2002, others: the epoch)."""
_BOOT_MONTH = "Mar"
_FAR: Micros = 31 * DAY


def _is_unset(match: re.Match[str], stamp: Stamp, day: int) -> bool:
    """Whether the clock was never set, so that the stamp is the uptime since 1 March.

    ``*`` and ``.`` alone say that nobody vouches for the clock (Cisco IOS System Message Guide: not authoritative, not
    synchronized); set by hand it is still the time. A stamp of March so marked, that is of the first or a month from receipt,
    is no time.
    """
    text = match["bsd"] or ""
    year = match["year"] or next((word for word in text.split() if len(word) == 4 and word.isdecimal()), "")
    if year:
        return year in _BOOT_YEARS
    if match["mark"] not in ("*", ".") or not text.startswith(_BOOT_MONTH):
        return False
    return text.split()[1] == "1" or abs(stamp[0] - (day * DAY + DAY // 2)) > _FAR


def _time(match: re.Match[str], zone: ZoneInfo, day: int) -> Stamp | None:
    """The moment of a stamp; None: an uptime or a clock that was never set."""
    if match["uptime"]:
        return None
    if match["iso"]:
        return iso(match["iso"], zone)
    text = match["bsd"] or f"{match['rest']} {match['year']}"
    name = match["zone"] or ""
    if name.upper().startswith(("UTC+", "UTC-")):
        hours, _, minutes = name[4:].partition(":")
        name = f"{name[3]}{int(hours):02d}:{minutes or '00'}"
    stamp = bsd(f"{text} {name}" if name else text, zone, day) or bsd(text, zone, day)
    return None if stamp is None or _is_unset(match, stamp, day) else stamp


def read(head: str, fields: dict[str, Any], zone: ZoneInfo, day: int) -> tuple[Stamp | None, int]:
    """Read a header.

    Args:
        head: from the start of the line to the mark (or further: see the second value).
        fields: written to.
        zone: of stamps without one.
        day: of receipt, for stamps without a year.

    Returns:
        (the stamp of the device itself, None if there is none or its clock was never set; where the last stamp ends,
        0 if there is none).
    """
    common = _COMMON.match(head)
    if common is not None and " 2002 " not in head:
        priority, counter, host, sequence, text = common.groups()
        stamp = bsd(text, zone, day)
        if stamp is not None and priority in PRIORITIES:
            fields.update(PRIORITIES[priority])
            if sequence or counter:
                fields["event.sequence"] = int(sequence or counter)
            if host is not None:
                fields["host.name"] = host
            return stamp, len(head)
    at = 0
    pri = _PRI.match(head)
    if pri is not None and pri[1] in PRIORITIES:
        fields.update(PRIORITIES[pri[1]])
        at = pri.end()
    stamps = list(_STAMP.finditer(head, at))
    before, after = head[at : stamps[-1].start()] if stamps else head[at:], head[stamps[-1].end() :] if stamps else ""
    for match in stamps[:-1]:
        before = before.replace(match[0], " ", 1)
    hosts: list[str] = []
    _words(before, fields, hosts)
    _words(after, fields, hosts)
    if hosts:
        fields["host.name"] = next((host for host in reversed(hosts) if not is_ip(host)), hosts[-1])
    if not stamps:
        return None, 0
    return _time(stamps[-1], zone, day), stamps[-1].end()


def _words(text: str, fields: dict[str, Any], hosts: list[str]) -> None:
    for word in text.split():
        bare = word.removesuffix(":")
        process = _PROCESS.match(bare)
        if process is not None:
            fields["process.name"], fields["process.pid"] = process[1], int(process[2])
        elif bare.isdecimal():
            if len(bare) <= 18:
                fields["event.sequence"] = int(bare)
        elif _NODE.match(bare):
            fields["cisco.ios.node"] = bare
        elif bare.strip(":*.-") and bare[0] not in "%<{[\"'(=$":
            hosts.append(bare)
