"""WatchGuard Firebox (``msg_id="3000-0148" Allow ...``, Fireware OS Log Catalog) → traffic by position, proxies, log-ons."""

import re
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip, mac, number, port, put
from soc.normalize.formats import kv, rfc3164, rfc5424
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.table import Table
from soc.normalize.products.url_parts import put_url
from soc.normalize.time import Stamp, iso
from soc.normalize.transports import put_transport
from soc.normalize.words import OUTCOMES, verdict

MARK = 'msg_id="'

TABLE = Table(
    text={
        "msg_id": "event.code",
        "msg": "message",
        "app_name": "network.application",
        "app_cat_name": "rule.category",
        "cats": "rule.category",
        "proxy_act": "rule.ruleset",
        "signature_id": "rule.id",
        "signature_name": "threat.indicator.name",
        "signature_cat": "rule.category",
        "virus": "threat.software.name",
        "geo_src": "source.geo.country_iso_code",
        "geo_dst": "destination.geo.country_iso_code",
        "op": "http.request.method",
        "method": "http.request.method",
        "rule_name": "rule.name",
        "referer": "http.request.referrer",
        "filename": "file.name",
        "file_name": "file.name",
        "sender": "email.from.address",
        "recipients": "email.to.address",
        "question": "dns.question.name",
        "record_type": "dns.question.type",
        "dns_query": "dns.question.name",
        "sni": "tls.client.server_name",
        "tls_version": "tls.version",
        "reason": "event.reason",
    },
    numbers={
        "sent_bytes": "source.bytes",
        "rcvd_bytes": "destination.bytes",
        "sent_pkts": "source.packets",
        "rcvd_pkts": "destination.packets",
    },
    ports={"src_port_nat": "source.nat.port", "dst_port_nat": "destination.nat.port"},
    addresses={"src_ip_nat": "source.nat", "dst_ip_nat": "destination.nat"},
    hashes=("md5", "sha1", "sha256"),
    derived={
        "disp": "event.action, event.outcome",
        "in_if": "observer.ingress.interface.name",
        "out_if": "observer.egress.interface.name",
        "pckt_len": "",
        "protocol": "network.transport, network.iana_number",
        "src_ip": "source.ip",
        "dst_ip": "destination.ip",
        "src_port": "source.port",
        "dst_port": "destination.port",
        "policy": "rule.name",
        "src_user": "user.name, user.domain",
        "dst_user": "destination.user.name",
        "dstname": "url.domain, destination.domain",
        "host": "url.domain, destination.domain",
        "path": "url.original, url.full, url.path, url.query",
        "arg": "url.original, url.full, url.path, url.query",
        "elapsed_time": "event.duration",
        "duration": "event.duration",
        "severity": "event.severity",
    },
    kept="""
    proc_id rc tcp_info flags offset win id seq ip_pkt_len iphdr_len ttl app_id app_cat_id app_beh_id app_beh_name
    app_ctl_disp sig_vers fqdn_src_match fqdn_dst_match dst_user redirect_action reputation action content_type
    query_type query_opcode ssl_offload icmp_type icmp_code route_type rule_action headers path_match
    line_length header_line channel codec from to source destination tls_profile server_cn server_issuer cert_issuer
    cert_subject server_ssl client_ssl keyword details response rbl_provider spam_action spam_type
    """,
)
_ID = re.compile(r'msg_id="([0-9A-Fa-f]{4}-[0-9A-Fa-f]{4})" ?', re.ASCII)
_START = re.compile(
    r'(?:(?!: )[^="\[]){0,200}(?:\[\d{1,10}\])?(?:: |(?<![\w]))msg_id="[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}"', re.ASCII
)
_UTC = re.compile(r"\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)", re.ASCII)
"""The time in UTC, which the device adds if it is told to."""

_WORD = re.compile(r"\S+")
_POLICY = re.compile(r"\(([^()]{1,128}(?:\([^()]{0,64}\)[^()]{0,64})?)\)\s*$")
_SECONDS = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)
_LOGIN = re.compile(
    r"\b[Uu]ser \[?([^\s\[\]]{1,128})\]? ?(?:at|from) \[?([0-9A-Fa-f.:]{2,45})\]? (?:\S+ ){0,3}?"
    r"(logged in|logged out|log in|was accepted|was rejected|failed|rejected|accepted|log out)",
    re.ASCII,
)
_DETAILS = re.compile(
    r"Policy Name: (\S{1,128}) Reason: (.{1,128}?) (?:Message: .{1,200}? )?Task_UUID: \S{1,64} (?:MD5: ([0-9A-Fa-f]{32}) )?"
    r"Source IP: (\S{1,45}) Source Port: (\d{1,5}) Destination IP: (\S{1,45}) Destination Port: (\d{1,5})"
    r"(?: Proxy Type: (.{1,32}?) Host: (\S{1,255}) Path: (/[^\s']{0,400}))?",
    re.ASCII,
)
"""What an event of the sandbox (APT Blocker) says of the file's way."""

_BLOCKING = re.compile(r"[Bb]locking host ([0-9A-Fa-f.:]{2,45})(?: \(reason = ([^)]{1,200})\))?", re.ASCII)
_SPOOFING = re.compile(r"(ARP spoofing attack) detected, ip=([0-9A-Fa-f.:]{2,45}), mac=([0-9A-Fa-f:]{17})", re.ASCII)
_LEASE = re.compile(
    r"(DHCP[A-Z]{3,12}) (?:(?:on|for|of) ([0-9A-Fa-f.:]{2,45}) )?(?:to|from) ([0-9A-Fa-f:]{17})(?: \(([^)\s]{1,255})\))?",
    re.ASCII,
)
_MOST_WORDS = 40
_SOURCES = (LogSource("watchguard", "firewall", ""),)
_PROXY_SOURCES = (*_SOURCES, LogSource("watchguard", "proxy", ""))


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line that has a Firebox's message id behind its syslog header."""
    return parse(text, fields, zone, day) if _START.match(text) else None


def _header(text: str, at: int, fields: Fields, zone: ZoneInfo, day: int) -> Stamp | None:
    """PRI, stamp, host, serial number, sometimes the host again, and the program's tag."""
    head = text[:at]
    found = rfc5424.read(head, fields, zone)
    if found is not None:
        fields["observer.name"] = fields.get("host.name", "")
        return found[2]
    start, stamp, _ = rfc3164.lead(head, fields, zone, day)
    words = head[start:].split()
    written = _UTC.fullmatch(words[-2]) if len(words) > 1 else None
    if written is not None:
        stamp = iso(written[1] + "Z", zone) or stamp
        del words[-2]
    if words and words[-1].endswith(":"):
        fields["process.name"] = words.pop()[:-1].partition("[")[0]
    if words:
        fields["host.name"] = fields["observer.name"] = words[0]
    if len(words) > 1:
        fields["observer.serial_number"] = words[1]
    return stamp


def _positions(text: str, fields: Fields) -> int:
    """``Allow in out length tcp 20 ttl source destination port port``; → where the pairs begin, 0 if there are no positions."""
    words: list[re.Match[str]] = []
    for word in _WORD.finditer(text):
        if len(words) >= _MOST_WORDS or "=" in word[0]:
            break
        words.append(word)
    values = [word[0] for word in words]
    first = next((i for i in range(2, len(values) - 1) if is_ip(values[i]) and is_ip(values[i + 1])), 0)
    if not first:
        return 0
    fields["source.ip"], fields["destination.ip"] = values[first], values[first + 1]
    fields["event.action"] = values[0]
    before = values[1:first]
    if len(before) >= 3 and before[-1].isdecimal() and before[-2].isdecimal():  # header length and TTL
        before = before[:-2]
    transport = before.pop() if before else ""
    put_transport(fields, transport.rpartition("/")[2])
    if "/" in transport:
        fields["network.protocol"] = transport.partition("/")[0].lower()
    if before and before[-1].isdecimal():
        before.pop()
    if len(before) > 1:  # names may hold blanks: the last word is then the second's
        fields["observer.egress.interface.name"] = before.pop()
    if before:
        fields["observer.ingress.interface.name"] = " ".join(before)
    end = first + 2
    numbers = [port(value) for value in values[end : end + 2]]
    if len(numbers) == 2 and None not in numbers:
        end += 2
        if fields.get("network.transport") in ("tcp", "udp", "sctp"):
            fields["source.port"], fields["destination.port"] = numbers
    return words[end - 1].end()


def _put(fields: Fields, values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value and name.endswith(".ip"):
            put(fields, name.removesuffix(".ip"), value)
        elif value:
            fields[name] = value


def _incident(rest: str, fields: Fields) -> bool:
    """A sentence that says of which host it speaks: blocked, spoofing, leasing an address, sending a file."""
    details = _DETAILS.search(rest)
    if details is not None:
        policy, reason, md5, source, source_port, destination, destination_port, proxy, host, path = details.groups()
        _put(fields, {"rule.name": policy, "event.reason": reason, "file.hash.md5": md5})
        _put(fields, {"source.ip": source, "destination.ip": destination})
        fields["source.port"], fields["destination.port"] = port(source_port), port(destination_port)
        if path:
            fields["url.domain"] = host
            put_url(fields, path, host, proxy.lower())
        clean = "safe" in rest[:40]
        fields["event.kind"] = "event" if clean else "alert"
        fields["event.category"], fields["event.type"] = ["malware", "network"], ["info"]
        return True
    if (blocking := _BLOCKING.search(rest)) is not None:
        _put(
            fields,
            {
                "source.ip": blocking[1],
                "event.reason": blocking[2],
                "event.action": "block",
                "event.outcome": "success",
            },
        )
        fields["event.category"], fields["event.type"] = ["network"], ["connection", "denied"]
        return True
    if (spoofing := _SPOOFING.match(rest)) is not None:
        _put(fields, {"source.ip": spoofing[2], "source.mac": mac(spoofing[3]), "event.reason": spoofing[1]})
        fields["event.kind"] = "alert"
        fields["event.category"], fields["event.type"] = ["intrusion_detection", "network"], ["info"]
        return True
    if (lease := _LEASE.match(rest)) is not None:
        _put(
            fields,
            {"event.action": lease[1], "source.ip": lease[2], "source.mac": mac(lease[3]), "source.domain": lease[4]},
        )
        fields["network.protocol"] = "dhcp"
        fields["event.category"], fields["event.type"] = ["network"], ["connection", "info"]
        return True
    return False


def _event(rest: str, fields: Fields) -> tuple[LogSource, ...]:
    login = _LOGIN.search(rest)
    fields["event.kind"] = "event"
    if login is None:
        fields.setdefault("message", rest)
        if _incident(rest, fields):
            return (LogSource("watchguard", "firewall", "event"),)
        fields["event.category"], fields["event.type"] = ["host"], ["info"]
        return (LogSource("watchguard", "", "event"),)
    name, _, server = login[1].partition("@")
    fields["user.name"] = name
    if server:
        fields["user.domain"] = server
    if is_ip(login[2]):
        fields["source.ip"] = login[2]
    ended = "out" in login[3]
    failed = any(word in login[3] for word in ("reject", "fail")) or "failed" in rest or "rejected" in rest
    fields.setdefault("message", rest)
    fields["event.category"] = ["authentication", "session"] if ended else ["authentication"]
    fields["event.type"] = ["end" if ended else "start"]
    fields["event.outcome"] = "failure" if failed else "success"
    fields["event.action"] = login[3]
    return (LogSource("watchguard", "", "auth"),)


def _traffic(pairs: dict[str, str], rest: str, fields: Fields) -> tuple[LogSource, ...]:
    policy = _POLICY.search(rest[-260:])
    if policy is not None:
        fields.setdefault("rule.name", policy[1])
    said = verdict(fields["event.action"])
    category = ["network"]
    if "signature_id" in pairs or "signature_name" in pairs:
        category = ["intrusion_detection", "network"]
    elif "virus" in pairs:
        category = ["malware", "network"]
    fields["event.kind"] = "event" if category == ["network"] else "alert"
    host, path = pairs.get("dstname") or pairs.get("host", ""), pairs.get("arg") or pairs.get("path", "")
    web = bool(host) and bool(path) and path.startswith("/")
    if host and not is_ip(host):
        fields["destination.domain"] = host
    if web:
        fields["url.domain"] = host
        put_url(fields, path or "/", host, "https" if fields.get("destination.port") == 443 else "http")
        if category == ["network"]:
            category = ["web", "network"]
    fields["event.category"] = category
    types = ["connection"] if category == ["network"] else ["info"]
    if said:
        types.append(said)
        fields["event.outcome"] = OUTCOMES[said]
    fields["event.type"] = types
    return _PROXY_SOURCES if web else _SOURCES


def _user(pairs: dict[str, str], fields: Fields) -> None:
    user = pairs.get("src_user", "")
    server, mark, name = user.partition("\\")
    if not mark:
        name, _, server = user.partition("@")
    if name:
        fields["user.name"] = fields["source.user.name"] = name
    if server:
        fields["user.domain"] = server


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line, with or without a syslog header."""
    found = _ID.search(text, 0, 512)
    if found is None:
        raise refuse('watchguard: no msg_id="xxxx-xxxx"')
    stamp = _header(text, found.start(), fields, zone, day)
    rest = text[found.end() :]
    end = _positions(rest, fields)
    pairs = kv.pairs(rest[end:]) if end else {}
    pairs["msg_id"] = found[1]
    TABLE.write(pairs, fields)
    elapsed = _SECONDS.match(pairs.get("duration") or pairs.get("elapsed_time", ""))
    if elapsed is not None:
        fields["event.duration"] = int(elapsed[1]) * 1_000_000_000 + int((elapsed[2] or "").ljust(9, "0") or 0)
    severity = number(pairs.get("severity"))
    if severity is not None:
        fields["event.severity"] = severity
    _user(pairs, fields)
    fields["event.module"], fields["event.dataset"] = "watchguard", "watchguard.log"
    fields["observer.vendor"], fields["observer.product"], fields["observer.type"] = "WatchGuard", "Firebox", "firewall"
    sources = _traffic(pairs, rest, fields) if end else _event(rest, fields)
    return sources, stamp


PRODUCT = Product(
    "watchguard", "WatchGuard Firebox: traffic, proxies, intrusion prevention, log-ons", parse, fields=TABLE.fields
)
