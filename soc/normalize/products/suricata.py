"""Suricata's EVE events (JSON) → EVE's own names flattened with dots, ECS beside them."""

from functools import lru_cache
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip
from soc.normalize.formats import json, syslog
from soc.normalize.products.fill import (
    Table,
    address,
    fill,
    first,
    http_version,
    lower,
    mac,
    moment,
    number,
    port,
    seconds,
    status,
    subject,
    target,
    text,
    texts,
    total,
)
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import iso

_TABLE: Final[Table] = {
    "src_ip": (address, "source"),
    "src_port": (port, "source.port"),
    "dest_ip": (address, "destination"),
    "dest_port": (port, "destination.port"),
    "proto": (lower, "network.transport"),
    "app_proto": (lower, "network.protocol"),
    "community_id": (text, "network.community_id"),
    "in_iface": (text, "observer.ingress.interface.name"),
    "out_iface": (text, "observer.egress.interface.name"),
    "host": (text, "observer.name"),
    "direction": (text, "suricata.direction"),
    "flow.bytes_toserver": (number, "source.bytes"),
    "flow.bytes_toclient": (number, "destination.bytes"),
    "flow.pkts_toserver": (number, "source.packets"),
    "flow.pkts_toclient": (number, "destination.packets"),
    "flow.age": (seconds, "event.duration"),
    "flow.start": (moment, "event.start"),
    "flow.end": (moment, "event.end"),
    "flow.reason": (text, "event.reason"),
    "netflow.bytes": (number, "source.bytes"),
    "netflow.pkts": (number, "source.packets"),
    "netflow.age": (seconds, "event.duration"),
    "netflow.start": (moment, "event.start"),
    "netflow.end": (moment, "event.end"),
    "drop.len": (number, "network.bytes"),
    "alert.signature": (text, "rule.name"),
    "alert.signature_id": (text, "rule.id"),
    "alert.rev": (text, "rule.version"),
    "alert.category": (text, "rule.category"),
    "alert.severity": (number, "event.severity"),
    "alert.action": (text, "event.action"),
    "drop.reason": (text, "event.reason"),
    "http.hostname": (text, "url.domain"),
    "http.url": (target, "url.original"),
    "http.http_method": (text, "http.request.method"),
    "http.http_user_agent": (text, "user_agent.original"),
    "http.http_refer": (text, "http.request.referrer"),
    "http.http_content_type": (text, "http.response.mime_type"),
    "http.protocol": (http_version, "http.version"),
    "http.status": (status, "http.response.status_code"),
    "http.length": (number, "http.response.body.bytes"),
    "http.xff": (address, "client"),
    "dns.rrname": (text, "dns.question.name"),
    "dns.rrtype": (text, "dns.question.type"),
    "dns.rcode": (text, "dns.response_code"),
    "dns.queries.rrname": (first, "dns.question.name"),
    "dns.queries.rrtype": (first, "dns.question.type"),
    "tls.sni": (text, "tls.client.server_name"),
    "tls.subject": (subject, "tls.server"),
    "tls.issuerdn": (subject, "tls.server.issuer"),
    "tls.notbefore": (moment, "tls.server.not_before"),
    "tls.notafter": (moment, "tls.server.not_after"),
    "tls.ja3.hash": (text, "tls.client.ja3"),
    "tls.ja3s.hash": (text, "tls.server.ja3s"),
    "fileinfo.filename": (text, "file.path"),
    "fileinfo.size": (number, "file.size"),
    "fileinfo.magic": (text, "file.type"),
    "fileinfo.mimetype": (text, "file.mime_type"),
    "fileinfo.md5": (lower, "file.hash.md5"),
    "fileinfo.sha1": (lower, "file.hash.sha1"),
    "fileinfo.sha256": (lower, "file.hash.sha256"),
    "smtp.mail_from": (texts, "email.from.address"),
    "smtp.rcpt_to": (texts, "email.to.address"),
    "email.subject": (text, "email.subject"),
    "ssh.client.software_version": (text, "user_agent.original"),
    "anomaly.event": (text, "event.action"),
    "ftp.command": (text, "event.action"),
    "smb.command": (text, "event.action"),
    "smb.filename": (text, "file.path"),
    "krb5.cname": (text, "user.name"),
    "krb5.sname": (text, "service.name"),
    "krb5.realm": (text, "user.domain"),
    "krb5.msg_type": (text, "event.action"),
    "krb5.error_code": (text, "event.reason"),
    "quic.sni": (text, "tls.client.server_name"),
    "quic.ja3.hash": (text, "tls.client.ja3"),
    "sip.method": (text, "event.action"),
    "sip.uri": (text, "url.original"),
    "rdp.cookie": (text, "user.name"),
    "ntlmssp.user": (text, "user.name"),
    "smb.ntlmssp.user": (text, "user.name"),
    "smb.ntlmssp.domain": (text, "user.domain"),
    "smb.status": (text, "event.reason"),
    "nfs.filename": (text, "file.path"),
    "tftp.file": (text, "file.path"),
    "snmp.pdu_type": (text, "event.action"),
    "dhcp.client_mac": (mac, "source.mac"),
    "dhcp.assigned_ip": (address, "client"),
    "dhcp.dhcp_type": (text, "event.action"),
    "dhcp.hostname": (text, "source.domain"),
    "ether.src_mac": (mac, "source.mac"),
    "ether.dest_mac": (mac, "destination.mac"),
}
_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "alert": ("intrusion_detection network", "info"),
    "drop": ("network", "connection denied"),
    "flow": ("network", "connection end"),
    "netflow": ("network", "connection"),
    "http": ("network web", "access protocol"),
    "http2": ("network web", "access protocol"),
    "fileinfo": ("file network", "info"),
    "smtp": ("email network", "info protocol"),
    "ssh": ("network", "connection protocol"),
    "rdp": ("network", "connection protocol"),
    "krb5": ("authentication network", "info protocol"),
    "anomaly": ("network", "info"),
    "nfs": ("file network", "access protocol"),
    "smb": ("file network", "access protocol"),
    "stats": ("host", "info"),
}
_OTHER: Final = ("network", "info protocol")


@lru_cache(maxsize=256)
def _sources(kind: str) -> tuple[LogSource, ...]:
    return (LogSource("suricata", "dns" if kind == "dns" else "", kind),)


def read(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """Read one EVE object; None if it has no ``event_type``, stamp and (but for statistics) flow."""
    kind = event.get("event_type")
    when = event.get("timestamp")
    if not isinstance(kind, str) or not isinstance(when, str) or not 0 < len(kind) <= 64:
        return None
    if kind != "stats" and "src_ip" not in event and "flow_id" not in event and "stream" not in event:
        return None
    flat = json.flatten(event)
    fields.update(flat)
    fill(fields, _TABLE)
    categories, types = _KINDS.get(kind, _OTHER)
    fields["event.kind"] = "alert" if kind == "alert" else "metric" if kind == "stats" else "event"
    fields["event.category"], fields["event.type"] = categories.split(), types.split()
    fields["event.module"], fields["event.dataset"] = "suricata", "suricata.eve"
    fields["observer.vendor"], fields["observer.product"], fields["observer.type"] = "OISF", "Suricata", "ids"
    if kind == "alert":
        _alert(fields)
    elif kind == "dns":
        _dns(event, fields)
    elif kind in ("fileinfo", "smb"):
        path = fields.get("file.path")
        if isinstance(path, str):
            fields["file.name"] = path.replace("\\", "/").rpartition("/")[2] or path
    if fields.get("network.protocol") in ("failed", "unknown"):
        del fields["network.protocol"]
    elif "network.protocol" not in fields and kind in _PROTOCOLS:
        fields["network.protocol"] = kind
    _judge(kind, fields)
    _tls(fields)
    total(fields)
    return _sources(kind.lower()), iso(when, zone)


_PROTOCOLS: Final = frozenset(
    [
        *(
            "http",
            "http2",
            "dns",
            "mdns",
            "tls",
            "ssh",
            "smtp",
            "imap",
            "pop3",
            "ftp",
            "ftp_data",
            "tftp",
            "smb",
            "nfs",
            "dcerpc",
        ),
        *(
            "rdp",
            "rfb",
            "krb5",
            "ldap",
            "dhcp",
            "sip",
            "snmp",
            "ike",
            "quic",
            "mqtt",
            "telnet",
            "pgsql",
            "websocket",
            "doh2",
        ),
        *("modbus", "dnp3", "enip", "bittorrent_dht"),
    ]
)
"""Kinds of event that are those of an application's protocol."""


def _judge(kind: str, fields: Fields) -> None:
    """What became of it, where the kind says so in its own way."""
    if kind == "drop" or (kind == "krb5" and fields.get("krb5.msg_type") == "KRB_ERROR"):
        fields["event.outcome"] = "failure"
    elif kind == "smb" and isinstance(status := fields.get("smb.status"), str):
        fields["event.outcome"] = "success" if status == "STATUS_SUCCESS" else "failure"
    elif (
        kind == "ftp"
        and fields.get("ftp.command") == "USER"
        and isinstance(name := fields.get("ftp.command_data"), str)
    ):
        fields["user.name"] = name
    elif kind == "dns" and (said := _TYPES.get(fields.get("dns.type", ""))) is not None:
        fields["dns.type"] = said


_TYPES: Final = {"request": "query", "response": "answer"}
"""Version 3 of DNS events has other words for what ECS's ``dns.type`` holds."""


def _alert(fields: Fields) -> None:
    action = fields.get("event.action")
    if action in ("allowed", "blocked"):
        fields["event.type"] = ["info", "allowed" if action == "allowed" else "denied"]
        fields["event.outcome"] = "success" if action == "allowed" else "failure"
    name = fields.get("rule.name")
    if isinstance(name, str):
        fields["message"] = name


def _dns(event: dict[str, Any], fields: Fields) -> None:
    """Version 1 has one record an event (``rdata``), 2 and 3 ``answers``, or ``grouped`` by type."""
    dns = event.get("dns")
    found: list[str] = []
    if isinstance(dns, dict):
        record = cast("dict[str, Any]", dns)
        if isinstance(record.get("rdata"), str):
            found.append(record["rdata"])
        answers = record.get("answers")
        for answer in cast("list[Any]", answers) if isinstance(answers, list) else ():
            data = cast("dict[str, Any]", answer).get("rdata") if isinstance(answer, dict) else None
            if isinstance(data, str) and data:
                found.append(data)
        grouped = record.get("grouped")
        if isinstance(grouped, dict) and not found:
            for values in cast("dict[str, Any]", grouped).values():
                found += (
                    [value for value in cast("list[Any]", values) if isinstance(value, str)]
                    if isinstance(values, list)
                    else []
                )
        answered = record.get("type") in ("answer", "response")
        fields["event.type"] = ["info", "protocol", "end" if answered else "start"]
        code = record.get("rcode")
        if isinstance(code, str):
            fields["event.outcome"] = "success" if code == "NOERROR" else "failure"
    if found:
        fields["dns.answers.data"] = found
        addresses = [value for value in found if is_ip(value)]
        if addresses:
            fields["dns.resolved_ip"] = addresses


def _tls(fields: Fields) -> None:
    """``TLS 1.2`` is 1.2 of tls in ECS, a fingerprint has no colons."""
    version = fields.get("tls.version")
    if isinstance(version, str) and " " in version:
        protocol, _, digits = version.partition(" ")
        fields["tls.version_protocol"] = protocol.lower()[:8]
        fields["tls.version"] = digits.removeprefix("v")
    elif isinstance(version, str) and version.startswith("TLSv"):
        fields["tls.version_protocol"], fields["tls.version"] = "tls", version[4:]
    elif version == "UNDETERMINED":
        del fields["tls.version"]
    name = fields.get("tls.client.server_name")
    if isinstance(name, str):
        fields["tls.client.server_name"] = name.rstrip(".")
    serial = fields.get("tls.serial")
    if isinstance(serial, str):
        fields["tls.server.x509.serial_number"] = serial.replace(":", "").upper()
    fingerprint = fields.get("tls.fingerprint")
    if isinstance(fingerprint, str) and len(fingerprint) == 59:
        fields["tls.server.hash.sha1"] = fingerprint.replace(":", "").upper()


def parse(line: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line: the object, alone or as the message of a syslog line."""
    decoded = syslog.json_object(line, fields, zone, day)
    reading = read(decoded[0], fields, zone) if decoded is not None else None
    if reading is None:
        raise refuse("suricata: no EVE object")
    return reading


_KEPT = (
    *(
        "timestamp",
        "flow_id",
        "event_type",
        "pkt_src",
        "vlan",
        "tx_id",
        "icmp_type",
        "icmp_code",
        "alert.gid",
        "alert.metadata",
    ),
    *(
        "flow.state",
        "flow.alerted",
        "tcp.tcp_flags",
        "tcp.state",
        "dns.type",
        "dns.id",
        "dns.tx_id",
        "dns.version",
        "dns.flags",
    ),
    *(
        "dns.ttl",
        "dns.qr",
        "dns.rd",
        "dns.ra",
        "dns.aa",
        "tls.serial",
        "tls.session_resumed",
        "tls.chain",
        "tls.certificate",
    ),
    *("ssh.client.proto_version", "ssh.server.proto_version", "ssh.server.software_version", "ssh.client.hassh.hash"),
    *(
        "fileinfo.state",
        "fileinfo.stored",
        "fileinfo.gaps",
        "fileinfo.file_id",
        "smtp.helo",
        "email.status",
        "email.from",
    ),
    *("email.to", "email.cc", "email.attachment", "anomaly.type", "anomaly.layer", "anomaly.code", "stats.uptime"),
    *("payload", "payload_printable", "packet", "packet_info.linktype", "metadata.flowbits", "metadata.flowints"),
    *(
        "dhcp.type",
        "dhcp.client_mac",
        "dhcp.assigned_ip",
        "dhcp.hostname",
        "krb5.realm",
        "krb5.msg_type",
        "krb5.error_code",
    ),
    *("smb.dialect", "smb.share", "smb.status", "rdp.event_type", "rdp.cookie", "ftp.reply", "ftp.completion_code"),
)
PRODUCT = Product(
    "suricata",
    "Suricata EVE JSON: alert, flow, http, dns, tls, fileinfo, ssh, smtp, anomaly, stats and the rest",
    parse,
    fields={
        **{
            name: {"source": "source.ip", "destination": "destination.ip", "client": "client.ip"}.get(ecs, ecs)
            for name, (_, ecs) in _TABLE.items()
        },
        **dict.fromkeys(_KEPT, ""),
        "dns.rdata": "dns.answers.data, dns.resolved_ip",
        "dns.answers.rdata": "dns.answers.data, dns.resolved_ip",
        "dns.grouped": "dns.answers.data, dns.resolved_ip",
        "tls.version": "tls.version, tls.version_protocol",
        "tls.fingerprint": "tls.server.hash.sha1",
        "tls.serial": "tls.server.x509.serial_number",
        "tls.subject": "tls.server.subject, tls.server.x509.subject.common_name",
        "tls.issuerdn": "tls.server.issuer, tls.server.x509.issuer.common_name",
    },
)
