"""Linux netfilter's LOG target (iptables, nftables, ufw) in the kernel's log → connections allowed and denied."""

import re
from typing import Any

from soc.model.event import LogSource
from soc.normalize.addresses import number, put
from soc.normalize.products.product import Fields

_UPTIME = re.compile(r"\[ {0,12}\d{1,12}\.\d{1,9}\] ?", re.ASCII)
_WORD = re.compile(r"[A-Za-z]+")
_FLAGS = frozenset(("SYN", "ACK", "FIN", "RST", "PSH", "URG", "ECE", "CWR", "DF", "MF"))

_DENIED = frozenset(["block", "blocked", "drop", "dropped", "deny", "denied", "reject", "rejected", "bad", "banned"])
_ALLOWED = frozenset(["allow", "allowed", "accept", "accepted", "permit", "pass"])
_ENDS = {"SRC": "source", "DST": "destination"}
_NUMBERS = {"SPT": "source.port", "DPT": "destination.port", "LEN": "network.bytes"}
_TEXTS = {"IN": "observer.ingress.interface.name", "OUT": "observer.egress.interface.name"}
_PROTOCOLS = {
    "1": "icmp",
    "2": "igmp",
    "6": "tcp",
    "17": "udp",
    "47": "gre",
    "50": "esp",
    "58": "ipv6-icmp",
    "132": "sctp",
}

_LONGEST_KEY = 16
_SOURCES = (LogSource("linux", "firewall", "netfilter"), LogSource("netfilter", "firewall", "iptables"))
_STATIC: dict[str, Any] = {
    "event.module": "netfilter",
    "event.dataset": "netfilter.log",
    "event.kind": "event",
    "event.category": ["network"],
    "observer.type": "firewall",
    "observer.product": "netfilter",
}


def recognizes(message: str) -> bool:
    """Whether a kernel message is one of the LOG target."""
    return "SRC=" in message and "DST=" in message and ("IN=" in message or "OUT=" in message)


def read(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """Read the message of one line of the LOG target.

    The verdict is what the rule's prefix says (``[UFW BLOCK]``, ``IPTABLES-DROP:``); the kernel itself states none, so
    without such a word there is no outcome. The inner packet that an ICMP error quotes in brackets is left aside.
    """
    if not recognizes(message):
        return None
    uptime = _UPTIME.match(message)
    start = uptime.end() if uptime is not None else 0
    at = message.find("IN=", start)
    if at < 0 or at > message.find("SRC="):
        at = max(message.find("OUT=", start), start)
    prefix = message[start:at].strip(" :")
    body = message[at:]
    quoted = body.find(" [")
    kv, flags = _words(body if quoted < 0 else body[:quoted])
    fields.update(kv)
    fields.update(_STATIC)
    fields["message"] = message
    for native, value in kv.items():
        if not value:
            continue
        if native in _ENDS:
            put(fields, _ENDS[native], value)
        elif native in _NUMBERS:
            count = number(value)
            if count is not None:
                fields[_NUMBERS[native]] = count
        elif native in _TEXTS:
            fields[_TEXTS[native]] = value
    proto = kv.get("PROTO", "").lower()
    if proto:
        fields["network.transport"] = _PROTOCOLS.get(proto, "ipv6-icmp" if proto == "icmpv6" else proto)
    if flags:
        fields["netfilter.flags"] = flags
    if kv.get("IN") and not kv.get("OUT"):
        fields["network.direction"] = "ingress"
    elif kv.get("OUT") and not kv.get("IN"):
        fields["network.direction"] = "egress"
    _verdict(prefix, fields)
    return _SOURCES


def _words(body: str) -> tuple[dict[str, str], list[str]]:
    """KEY=value words, of a key that comes twice (LEN of UDP) the first; and the bare words that are flags."""
    kv: dict[str, str] = {}
    flags: list[str] = []
    for word in body.split():
        key, equals, value = word.partition("=")
        if not equals:
            if word in _FLAGS and word not in flags:
                flags.append(word)
        elif key not in kv and key.isalpha() and len(key) <= _LONGEST_KEY:
            kv[key] = value
    return kv, flags


def _verdict(prefix: str, fields: Fields) -> None:
    fields["event.type"] = ["connection"]
    if not prefix:
        return
    prefix = prefix[:128]
    fields["rule.name"] = prefix.strip("[] ")
    words = {word.lower() for word in _WORD.findall(prefix)}
    if words & _DENIED:
        fields["event.action"], fields["event.outcome"], fields["event.type"] = (
            "deny",
            "failure",
            ["connection", "denied"],
        )
    elif words & _ALLOWED:
        fields["event.action"], fields["event.outcome"], fields["event.type"] = (
            "allow",
            "success",
            ["connection", "allowed"],
        )
