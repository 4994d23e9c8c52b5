"""VMware NSX's distributed and gateway firewalls through syslog ("Firewall Packet Logs", NSX Administration Guide) → connections.

``18472 INET match PASS domain-c7/1001 IN 60 TCP 192.0.2.5/45926->192.0.2.9/8140 S``
"""

import re

from soc.model.event import LogSource
from soc.normalize.addresses import put
from soc.normalize.products.product import Fields

PROGRAMS = ("dfwpktlogs", "firewall-pktlog", "nsx")
_PACKET = re.compile(
    r"(?:<[^<>]{1,64}>|[0-9a-f]{1,16}) INET6? (?:reason-)?(?P<reason>[\w-]{1,32}) (?:(?P<action>[A-Z]{3,8}) )?"
    r"(?:(?P<ruleset>[\w.-]{1,64})/)?(?P<rule>\d{1,10}) (?P<direction>IN|OUT) (?:(?P<length>\d{1,9}) )?"
    r"(?P<transport>[A-Z]{2,8})(?: (?P<detail>[A-Z]{2,10}|\d{1,10}))? "
    r"(?P<src>[0-9A-Fa-f.:]{2,45})(?:/(?P<spt>\d{1,5}))?->(?P<dst>[0-9A-Fa-f.:]{2,45})(?:/(?P<dpt>\d{1,5}))?"
    r"(?: (?P<in>\d{1,18})/(?P<out>\d{1,18}) (?P<bytes_in>\d{1,18})/(?P<bytes_out>\d{1,18}))?",
    re.ASCII,
)
_REFUSED = ("DROP", "REJECT")
_SOURCES = (LogSource("vmware", "firewall", "nsx"),)


def read(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    """One packet that a rule matched, or a connection that ended; None: another of NSX's messages."""
    match = _PACKET.match(message)
    if match is None:
        return None
    found = match.groupdict(default="")
    put(fields, "source", found["src"])
    put(fields, "destination", found["dst"])
    for side, port in (("source", found["spt"]), ("destination", found["dpt"])):
        if port and int(port) <= 0xFFFF:
            fields[side + ".port"] = int(port)
    fields["rule.id"] = found["rule"]
    if found["ruleset"]:
        fields["rule.ruleset"] = found["ruleset"]
    if found["transport"] == "PROTO":
        fields["network.iana_number"] = found["detail"]
    else:
        fields["network.transport"] = found["transport"].lower()
    fields["network.direction"] = "inbound" if found["direction"] == "IN" else "outbound"
    fields["event.reason"], fields["event.action"] = found["reason"], (found["action"] or found["reason"]).lower()
    ended, refused = found["reason"] == "TERM", found["action"] in _REFUSED
    fields["event.kind"], fields["event.category"] = "event", ["network"]
    fields["event.type"] = ["connection", "end" if ended else "denied" if refused else "allowed"]
    if not ended:
        fields["event.outcome"] = "failure" if refused else "success"
    if found["in"]:  # as the machine sees them: who opened the connection sent what came in, or what went out
        sides = ("source", "destination") if found["direction"] == "IN" else ("destination", "source")
        for side, way in zip(sides, ("in", "out"), strict=True):
            fields[side + ".packets"], fields[side + ".bytes"] = int(found[way]), int(found["bytes_" + way])
    elif found["length"]:
        fields["network.bytes"] = int(found["length"])
    fields["event.module"], fields["event.dataset"] = "vmware", "vmware.nsx_firewall"
    fields["observer.vendor"], fields["observer.product"], fields["observer.type"] = "VMware", "NSX", "firewall"
    fields["message"] = message
    return _SOURCES
