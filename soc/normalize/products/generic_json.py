"""A JSON object of any sender → its names flattened with dots; ECS names it used are kept, common others are added."""

from typing import Any
from zoneinfo import ZoneInfo

from soc.normalize.addresses import is_ip
from soc.normalize.conform import conform
from soc.normalize.formats import json, syslog
from soc.normalize.products import elastic_modules
from soc.normalize.products.hint import NOTHING_SAID, hinted
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.windows_ecs import add_native_names, agent_sources
from soc.normalize.time import Stamp, epoch, iso

TIMES = ("@timestamp", "timestamp", "time", "ts", "eventTime", "date")
"""Names a time is looked for under, in this order: text in ISO form, or a number since the epoch."""

ALIASES: dict[str, tuple[str, ...]] = {
    "source.ip": ("src_ip", "srcip", "source_ip", "client_ip", "clientip", "remote_addr", "id.orig_h"),
    "destination.ip": ("dst_ip", "dest_ip", "dstip", "destination_ip", "server_ip", "id.resp_h"),
    "host.name": ("hostname", "host"),
    "user.name": ("username", "user"),
    "message": ("msg",),
    "url.original": ("url.full", "url"),
    "log.level": ("level", "loglevel", "log_level"),
}
"""ECS name → what senders call it; the first that is there and fits is copied, and stays."""

SIGMA: dict[str, str] = {
    "Image": "process.executable",
    "CommandLine": "process.command_line",
    "ProcessId": "process.pid",
    "ParentImage": "process.parent.executable",
    "ParentCommandLine": "process.parent.command_line",
    "ParentProcessId": "process.parent.pid",
    "CurrentDirectory": "process.working_directory",
    "User": "user.name",
    "LogonId": "user.id",
    "USER": "user.effective.name",
    "TargetFilename": "file.path",
    "DestinationHostname": "destination.domain",
    "DestinationIp": "destination.ip",
    "SourceIp": "source.ip",
    "DestinationPort": "destination.port",
    "SourcePort": "source.port",
    "dst_port": "destination.port",
    "src_port": "source.port",
    "protocol": "network.transport",
    "action": "event.action",
    "app": "network.application",
    "username": "user.name",
    "src_ip": "source.ip",
    "dst_ip": "destination.ip",
    "message_id": "event.code",
    "Action": "event.action",
    "Filename": "file.path",
    "Signature": "threat.software.name",
    "query": "dns.question.name",
    "QueryName": "dns.question.name",
    "record_type": "dns.question.type",
    "answer": "dns.answers.data",
    "rcode": "dns.response_code",
    "parent_domain": "dns.question.registered_domain",
    "c-ip": "source.ip",
    "cs-ip": "source.ip",
    "s-ip": "destination.ip",
    "s-port": "destination.port",
    "c-uri": "url.original",
    "cs-uri": "url.original",
    "c-uri-extension": "url.extension",
    "cs-uri-extension": "url.extension",
    "c-uri-query": "url.query",
    "cs-uri-query": "url.query",
    "c-uri-stem": "url.path",
    "cs-uri-stem": "url.path",
    "cs-host": "url.domain",
    "r-dns": "url.domain",
    "c-useragent": "user_agent.original",
    "cs-user-agent": "user_agent.original",
    "cs-method": "http.request.method",
    "cs-bytes": "http.request.bytes",
    "cs-version": "http.version",
    "cs-cookie": "http.request.headers.cookie",
    "cs-username": "user.name",
    "cs-referer": "http.request.referrer",
    "cs-referrer": "http.request.referrer",
    "sc-bytes": "http.response.bytes",
    "sc-status": "http.response.status_code",
}
"""What Sigma's rules call a field → the ECS name that ``rules/pipelines`` has those rules look under. A sender that uses Sigma's
names has them kept, and their values under the ECS names as well, where it gives none itself."""

_IP_NAMES = ("source.ip", "destination.ip")
_LARGEST = 10**19


def _stamp(fields: Fields, zone: ZoneInfo) -> Stamp | None:
    for name in TIMES:
        value = fields.get(name)
        if isinstance(value, str):
            stamp = iso(value, zone) or epoch(value)
        elif isinstance(value, int | float):
            stamp = epoch(f"{value:.6f}" if isinstance(value, float) else str(value)) if 0 < value < _LARGEST else None
        else:
            continue
        if stamp is not None:
            return stamp
    return None


def read(event: dict[str, Any], fields: Fields, zone: ZoneInfo, *, flat: bool) -> Reading:
    """Read a decoded object; header fields already in ``fields`` give way to the sender's own."""
    fields.update(event if flat else json.flatten(event))
    module = elastic_modules.lift(fields)
    stamp = _stamp(fields, zone)
    for ecs, names in ALIASES.items():
        if ecs in fields:
            continue
        for name in names:
            value = fields.get(name)
            if isinstance(value, str) and value and (ecs not in _IP_NAMES or is_ip(value)):
                fields[ecs] = value
                break
    for name in [name for name in fields if name in SIGMA]:
        if SIGMA[name] not in fields:
            fields[SIGMA[name]] = fields[name]
    for ecs in _IP_NAMES:
        value = fields.get(ecs)
        if value is not None and not (isinstance(value, str) and is_ip(value)):
            fields[ecs.replace(".ip", ".address")] = fields.pop(ecs)
    if "url.original" not in fields and isinstance(fields.get("url.path"), str):  # W3C logs name its parts only
        query = fields.get("url.query")
        fields["url.original"] = f"{fields['url.path']}?{query}" if query not in (None, "", "-") else fields["url.path"]
    sources = hinted(fields)
    sources = module if module is not None and sources[0] == NOTHING_SAID else agent_sources(fields, sources)
    if sources[0].product == "windows":
        add_native_names(fields, sources)
    conform(fields)
    fields.setdefault("event.kind", "event")
    fields.setdefault("event.module", "json")
    fields.setdefault("event.dataset", "json.object")
    return sources, stamp


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line: the object, alone or as the message of a syslog line (with or without a ``@cee:`` cookie)."""
    found = syslog.json_object(text, fields, zone, day)
    if found is None:
        raise refuse("json: no JSON object")
    event, flat, header = found
    sources, stamp = read(event, fields, zone, flat=flat)
    return sources, stamp or header


PRODUCT = Product("json", "a JSON object of any sender: nested names joined with dots, ECS names kept", parse)
