r"""Zeek's logs, as JSON or tab-separated → Zeek's own names (Sigma's zeek rules use them), ECS beside them.

Tab-separated lines need the log's ``#fields``: a head kept by the assembler stands before the line, parted from it by a line
feed. Without one the default columns of the log with as many columns are taken, where the values fit them.
"""

import re
from functools import lru_cache
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip
from soc.normalize.formats import json, syslog
from soc.normalize.products.fill import Table, fill, total
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.zeek_layouts import default
from soc.normalize.products.zeek_logs import COLUMNS, COMMON, KINDS, OTHER, PROTOCOLS, SIGNS, TABLES, TRANSPORTS
from soc.normalize.time import Stamp, epoch, iso

_SHAPE = re.compile(
    r"\d{9,10}\.\d{1,6}\t(?:[CF][A-Za-z0-9]{8,24}(?:,C[A-Za-z0-9]{8,24}){0,15}|-|[0-9a-f]{40,64})\t", re.ASCII
)
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,9})?$", re.ASCII)
_LISTS: Final = frozenset(
    ["answers", "TTLs", "tunnel_parents", "rcptto", "to", "cc", "tags", "resp_mime_types", "orig_mime_types"]
) | {
    *(
        "analyzers",
        "tx_hosts",
        "rx_hosts",
        "conn_uids",
        "actions",
        "san.dns",
        "cert_chain_fps",
        "cert_chain_fuids",
        "proxied",
    ),
    *("request_path", "response_path", "msg_types", "uids", "matched", "sources", "client_cert_chain_fuids"),
    *("orig_fuids", "resp_fuids", "orig_filenames", "resp_filenames", "fuids", "path_list"),
    *("client_cert_chain_fps", "client_channels", "email_dest", "san.email", "san.ip", "san.uri"),
}
_LOG = re.compile(r"[a-z][a-z0-9_]{0,40}$")
_MERGED: dict[str, Table] = {log: {**COMMON, **table} for log, table in TABLES.items()}
_ALERTS: Final = frozenset(["notice", "intel", "signatures"])
_FLAGS: Final = ("AA", "TC", "RD", "RA")
_DENIED: Final = frozenset(["REJ", "RSTOS0", "RSTRH"])


@lru_cache(maxsize=256)
def _sources(log: str) -> tuple[LogSource, ...]:
    return (LogSource("zeek", "dns" if log == "dns" else "", log),)


def _stamp(fields: Fields, zone: ZoneInfo) -> Stamp | None:
    when = fields.get("ts", fields.get("_write_ts"))
    if isinstance(when, float | int):
        return epoch(f"{when:.6f}") if 0 < when < 1e12 else None
    if isinstance(when, str):
        return iso(when, zone) or epoch(when)
    return None


def log_of(fields: Fields) -> str:
    """The log an object is of: as it says (``_path``, Corelight's and streaming's), or by its names; "" if that cannot be said."""
    path = fields.get("_path")
    if isinstance(path, str) and _LOG.match(path):
        return path
    for log, names in SIGNS:
        if all(name in fields for name in names):
            return log
    return ""


def _event(log: str, fields: Fields) -> None:
    """ECS beside the native names that ``fields`` hold."""
    fill(fields, _MERGED.get(log, COMMON))
    categories, types = KINDS.get(log, OTHER)
    fields["event.kind"] = "alert" if log in _ALERTS else "event"
    fields["event.category"], fields["event.type"] = categories.split(), types.split()
    fields["event.module"], fields["event.dataset"] = "zeek", "zeek." + log
    success = fields.pop("zeek.success", None)
    if success is not None:
        fields["event.outcome"] = "success" if success else "failure"
        if log in ("ssh", "rdp"):
            fields["event.category"] = ["network", "authentication"]
    if log == "conn":
        _connection(fields)
    else:
        if "network.protocol" not in fields and log in PROTOCOLS:
            fields["network.protocol"] = PROTOCOLS[log]
        if "network.transport" not in fields and log in TRANSPORTS:
            fields["network.transport"] = TRANSPORTS[log]
    if log == "dns":
        _answers(fields)
    elif log == "ssl":
        version = fields.get("version")
        if isinstance(version, str) and version.startswith("TLSv"):
            fields["tls.version_protocol"] = "tls"
            fields["tls.version"] = f"{version[4]}.{version[5:]}" if len(version) == 6 else version[4:] + ".0"
    elif log == "kerberos":
        user = fields.get("user.name")
        if isinstance(user, str):
            name, _, realm = user.rpartition("/")
            fields["user.name"] = name or realm
            if name:
                fields["user.domain"] = realm
    elif log == "smb_files":
        where, name = fields.get("path"), fields.get("name")
        if isinstance(where, str) and isinstance(name, str) and where != "-":
            fields["file.path"] = where.rstrip("\\") + "\\" + name
    elif log == "sip":
        code = fields.get("status_code")
        if isinstance(code, int) and code >= 200:  # below, it is not yet decided (RFC 3261 §21)
            fields["event.outcome"] = "success" if code < 400 else "failure"
    _hosts(fields)


def _hosts(fields: Fields) -> None:
    """The two hosts of a file that went over several connections have no fields of a source and a destination."""
    for side in ("server", "client"):
        found = fields.get(side + ".address")
        if isinstance(found, str) and is_ip(found):
            fields[side + ".ip"] = found


def _connection(fields: Fields) -> None:
    if fields.get("proto") == "icmp":  # type and code stand where ports do
        for name in ("source.port", "destination.port"):
            fields.pop(name, None)
    if (state := fields.get("conn_state")) in _DENIED:
        fields["event.type"] = ["connection", "denied"] if state == "REJ" else ["connection", "end"]
        fields["event.outcome"] = "failure"
    elif state in ("SF", "S1", "S2", "S3"):
        fields["event.type"] = ["connection", "start"] if state == "S1" else ["connection", "start", "end"]
    elif state == "OTH":
        fields["event.type"] = ["connection", "info"]
    ours, theirs = fields.get("local_orig"), fields.get("local_resp")
    if isinstance(ours, bool) and isinstance(theirs, bool):
        fields["network.direction"] = (
            ("internal" if theirs else "outbound") if ours else "inbound" if theirs else "external"
        )
    total(fields)


def _answers(fields: Fields) -> None:
    found = fields.get("dns.answers.data")
    if isinstance(found, list):
        addresses = [value for value in cast("list[str]", found) if is_ip(value)]
        if addresses:
            fields["dns.resolved_ip"] = addresses
    code = fields.get("dns.response_code")
    if isinstance(code, str):
        fields["event.outcome"] = "success" if code == "NOERROR" else "failure"
    flags = [name for name in _FLAGS if fields.get(name) is True]
    if flags:
        fields["dns.header_flags"] = flags
    if fields.get("qclass_name") == "C_INTERNET":
        fields["dns.question.class"] = "IN"


def read(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """Read one object; None if it is of no log of Zeek's that shows itself."""
    flat = json.flatten(event)
    log = log_of(flat)
    if not log or ("uid" not in flat and "fuid" not in flat and "ts" not in flat):
        return None
    fields.update(flat)
    _event(log, fields)
    return _sources(log), _stamp(fields, zone)


def _value(name: str, value: str) -> Any:
    """A column's text in the type that the JSON form of the log has."""
    if name in _LISTS:
        return value.split(",")
    if value in ("T", "F"):
        return value == "T"
    if name not in (
        "ts",
        "uid",
        "query",
        "uri",
        "user_agent",
        "host",
        "username",
        "cookie",
        "client",
        "name",
        "msg",
        "version",
    ):
        if _NUMBER.match(value):
            return float(value) if "." in value else int(value)
    elif name == "version" and "." in value:
        return value
    return value


def _row(names: tuple[str, ...], values: list[str], log: str, fields: Fields, zone: ZoneInfo) -> Reading:
    for name, value in zip(names, values, strict=False):
        if value not in ("-", "(empty)"):
            fields[name] = _value(name, value)
    _event(log, fields)
    return _sources(log), _stamp(fields, zone)


@lru_cache(maxsize=512)
def _head(text: str) -> tuple[str, tuple[str, ...]]:
    log, names = "", ()
    for directive in text.split("\n"):
        word, _, rest = directive.partition("\t")
        if word == "#path":
            log = rest.strip()
        elif word == "#fields":
            names = tuple(rest.split("\t"))
    return (log if _LOG.match(log) else ""), names


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A tab-separated line, with or without its head; a head alone is an event of its own. None: not Zeek's."""
    if text.startswith("#"):
        head, _, row = text.rpartition("\n")
        if row.startswith("#") or not head:
            if not text.startswith(
                (
                    "#separator",
                    "#fields\t",
                    "#path\t",
                    "#set_separator",
                    "#empty_field",
                    "#unset_field",
                    "#open\t",
                    "#types\t",
                    "#close\t",
                )
            ):
                return None
            fields.update({"event.kind": "event", "event.category": ["process"], "event.type": ["info"]})
            fields["event.module"], fields["event.dataset"], fields["message"] = "zeek", "zeek.head", text
            return (LogSource("zeek", "", "head"),), None
        log, names = _head(head)
        values = row.split("\t")
        if not names or len(values) > len(names) or "\t" not in row:
            return None
        return _row(names, values, log or log_of(dict.fromkeys(names, "")) or "other", fields, zone)
    if _SHAPE.match(text) is None:
        return None
    values = text.split("\t", 64)
    layout = default(values)
    return _row(layout.names, values, layout.log, fields, zone) if layout is not None else None


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line: JSON, alone or behind a syslog header, or tab-separated."""
    reading = line(text, fields, zone, day)
    if reading is not None:
        return reading
    decoded = syslog.json_object(text, fields, zone, day)
    reading = read(decoded[0], fields, zone) if decoded is not None else None
    if reading is None:
        raise refuse("zeek: neither an object nor a line of a log that is known")
    return reading


_SIDES: Final = {
    "source": "source.ip",
    "destination": "destination.ip",
    "client": "client.ip",
    "tls.server": "tls.server.subject, tls.server.x509.subject.common_name",
    "tls.server.issuer": "tls.server.issuer, tls.server.x509.issuer.common_name",
    "file.x509.subject": "file.x509.subject.distinguished_name, file.x509.subject.common_name",
    "file.x509.issuer": "file.x509.issuer.distinguished_name, file.x509.issuer.common_name",
    "zeek.success": "event.outcome",
}


def _documented() -> dict[str, str]:
    """Each name of any log → the ECS names that it has in one log or another."""
    found: dict[str, dict[str, None]] = {}
    for log, names in COLUMNS.items():
        for name in dict.fromkeys((*names, *TABLES.get(log, {}))):
            ecs = _MERGED.get(log, COMMON).get(name, (None, ""))[1]
            found.setdefault(name, {})
            if ecs:
                found[name][_SIDES.get(ecs, ecs)] = None
    return {name: ", ".join(names) for name, names in sorted(found.items())}


PRODUCT = Product(
    "zeek",
    "Zeek logs: JSON (Zeek, Corelight) and tab-separated with their head",
    parse,
    headed=True,
    fields={**_documented(), "ts": "@timestamp"},
)
