"""How a line of an unknown product shows whose it is: the tables that a new product adds its marks to.

A product's module is imported here and says nothing of recognition itself; this module imports no dispatcher (``recognize``,
``linux``, ``objects``, ``device``), which all read these tables.
"""

import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.products import (
    antivirus,
    api_gateways,
    auditd,
    checkpoint,
    contract,
    dns_servers,
    eset,
    exchange,
    f5_asm,
    f5_ltm,
    fortigate,
    fortiweb,
    freeradius,
    gelf,
    haproxy,
    juniper_srx,
    keycloak,
    linux_programs,
    logfmt,
    modsecurity,
    mssql,
    mysql,
    netfilter,
    network_devices,
    nsx,
    oracle,
    postfix,
    postgresql,
    snort,
    sonicwall,
    sophos,
    sophos_utm,
    squid,
    sshd,
    stormshield,
    su,
    sudo,
    suricata,
    veeam,
    vmware,
    w3c,
    watchguard,
    web,
    web_json,
    windows_snare,
    windows_xml,
    zeek,
    zimbra,
)
from soc.normalize.products.product import Body, DeviceReader, Fields, Line, ObjectReader, Reading

# A mark counts only where the vendor puts it, right behind the syslog header. Else whoever may choose a user name or a URL
# could make a log-on of sshd or a request look like a firewall's line. (`sshd[1]: ` holds "[" and ": ", headers do not.)
_FORTIGATE = re.compile(
    r'(?:<\d{1,3}>)?(?:(?:(?!: )[^=\["]){1,160} )?(?:date|time|timestamp|itime|eventtime|logver|devname|devid|logid|type)=',
    re.ASCII,
)


def _fortigate(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    if not _FORTIGATE.match(text):
        return None
    if fortiweb.MARK in text:  # newer FortiWebs begin as a FortiGate does
        reading = fortiweb.line(text, fields, zone, day)
        if reading is not None:
            return reading
        fields.clear()
    return fortigate.parse(text, fields, zone, day)


def _kernel(message: str, fields: Fields) -> tuple[LogSource, ...] | None:
    if message.startswith(juniper_srx.KERNEL_MARK) and (junos := juniper_srx.packet(message, fields)) is not None:
        return junos
    found = auditd.body(message, fields) if " audit(" in message else None
    return netfilter.read(message, fields) if found is None else found


MARKS: tuple[tuple[str, Line], ...] = (
    ("msg=audit(", auditd.lines),
    ("devid=", _fortigate),
    ("logid=", _fortigate),
    (checkpoint.MARK, checkpoint.line),
    ("|product=", checkpoint.line),
    (checkpoint.FIELDS_MARK, checkpoint.structured),
    (sophos.MARK, sophos.line),
    *((mark, sophos_utm.line) for mark in sophos_utm.MARKS),
    (fortiweb.MARK, fortiweb.line),
    (fortiweb.CLOUD, fortiweb.cloud),
    (f5_asm.MARK, f5_asm.line),
    (watchguard.MARK, watchguard.line),
    (stormshield.MARK, stormshield.line),
    (sonicwall.MARK, sonicwall.line),
    (windows_xml.MARK, windows_xml.line),
    (oracle.MARK, oracle.line),
    (keycloak.MARK, keycloak.line),
    (antivirus.MARK, antivirus.line),
    (windows_snare.MARK, windows_snare.line),
    (vmware.MARK, vmware.file),
    *network_devices.MARKS,
)
"""Text that stands in every line of a product → its reader, tried in this order. The text alone makes a line a candidate only:
the reader looks whether it stands where the vendor puts it."""

SHAPES: tuple[Line, ...] = (
    w3c.shape,
    squid.shape,
    sophos_utm.line,
    dns_servers.shape,
    linux_programs.vsftpd_file,
    snort.line,
    zeek.line,
    exchange.line,
    zimbra.line,
    postgresql.row,
    postgresql.line,
    mssql.line,
    mysql.shape,
    freeradius.line,
    haproxy.shape,
    api_gateways.shape,
    logfmt.shape,
)
"""Readers of lines without a syslog header and without a mark (a CSV row, a W3C log), in the order in which they are tried;
each must say None at the first character that does not fit."""

HEADED: tuple[Line, ...] = (w3c.line, zeek.line, exchange.line)
"""Readers of what begins with ``#``: a directive, or the directives that its source declared with one line after them."""

BODIES: Mapping[str, Body] = {
    **dict.fromkeys(sshd.PROGRAMS, sshd.read),
    **dict.fromkeys(su.PROGRAMS, su.read),
    "sudo": sudo.read,
    "kernel": _kernel,
    "ufw": netfilter.read,
    "ulogd": netfilter.read,
    **network_devices.BODIES,
    **dict.fromkeys(postfix.PROGRAMS, postfix.read),
    **dict.fromkeys(postfix.POLICY, postfix.read_policy),
    **dict.fromkeys(postfix.DOVECOT, postfix.read_dovecot),
    **dict.fromkeys(veeam.PROGRAMS, veeam.body),
    **dict.fromkeys(freeradius.PROGRAMS, freeradius.body),
    **dict.fromkeys(nsx.PROGRAMS, nsx.read),
    "snort": snort.read,
    "suricata": snort.read,
}
"""By program name of the syslog header, in lower case, without its path."""

LINES: Mapping[str, Line] = {
    "haproxy": haproxy.line,
    "squid": squid.line,
    "(squid-1)": squid.line,
    "named": dns_servers.bind,
    "unbound": dns_servers.unbound,
    "dnsmasq": dns_servers.dnsmasq,
    "dnsmasq-dhcp": dns_servers.dnsmasq,
    "pihole": dns_servers.dnsmasq,
    "pihole-ftl": dns_servers.dnsmasq,
    "nginx": web.syslog_line("nginx"),
    **dict.fromkeys(("apache2", "apache", "httpd"), web.syslog_line("apache")),
} | {
    "checkpoint": checkpoint.body,
    **dict.fromkeys(zimbra.PROGRAMS, zimbra.line),
    **vmware.lines(),
    **dict.fromkeys(api_gateways.WSO2_PROGRAMS, api_gateways.line),
    **dict.fromkeys(postgresql.PROGRAMS, postgresql.body),
    **dict.fromkeys(mysql.PROGRAMS, mysql.body),
}
"""As BODIES, for messages with a stamp or a zone of their own: the reader is given the message."""

OBJECTS: tuple[tuple[str, ObjectReader], ...] = (
    (modsecurity.MARK, modsecurity.read),
    (web_json.MARK, web_json.read),
    ("remote_ip", web_json.read_apache),
    (contract.MARK, contract.read),
    (gelf.MARK, gelf.read),
    (checkpoint.MARK, checkpoint.read_object),
    ("support_id", f5_asm.read_object),
    (f5_ltm.MARK, f5_ltm.read_object),
    ("event_type", suricata.read),
    ("occured", eset.read_object),
    ("loggerName", keycloak.read_object),
    ("realmId", keycloak.read_object),
    ("latencies", api_gateways.read_kong),
    ("pkt_num", snort.read_object),
    ("ts", zeek.read),
    ("error_severity", postgresql.read_object),
    ("audit_record", mysql.read_object),
    ("connection_id", mysql.read_object),
    ("DBUSERNAME", oracle.read_object),
)
"""Top-level name that stands in every JSON object of a product → its reader, tried in this order."""

DEVICES: Mapping[tuple[str, str], DeviceReader] = {
    ("fortinet", ""): fortigate.read_cef,
    ("kasperskylab", ""): antivirus.kaspersky,
    ("kaspersky", ""): antivirus.kaspersky,
    ("trend micro", ""): antivirus.trendmicro,
    ("check point", ""): checkpoint.read_device,
    **network_devices.DEVICES,
    ("f5", ""): f5_asm.read_cef,
}
"""(vendor, product) of a CEF or LEEF header, in lower case; product "" is any product of the vendor."""
