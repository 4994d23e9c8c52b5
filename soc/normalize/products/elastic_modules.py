"""An event that a module of Filebeat or Auditbeat shaped, or Zeek, Suricata or Kubernetes wrote → native names on top, its logsource.

The modules put a product's own fields under a prefix (``zeek.dns.query``); Sigma's rules ask for them as the product calls them.
"""

from functools import lru_cache
from typing import Any, Final

from soc.model.event import UNKNOWN, LogSource

_ZEEK_LOGS: Final = {"connection": "conn"}


def lift(fields: dict[str, Any]) -> tuple[LogSource, ...] | None:
    """Adds the native names; the logsource, or None where the event is of no module that is known here."""
    module = fields.get("event.module")
    if module == "zeek":
        log = str(fields.get("event.dataset", "")).removeprefix("zeek.")
        _strip(fields, f"zeek.{log}.")
        return _source("zeek", "", _ZEEK_LOGS.get(log, log))
    if module == "suricata":
        _strip(fields, "suricata.eve.")
        return _suricata(fields)
    if module == "auditd":
        _strip(fields, "auditd.data.")
        kind = fields.get("auditd.message_type")
        if isinstance(kind, str):
            fields.setdefault("type", kind.upper())
        return _source("linux", "", "auditd")
    if module == "fortinet":
        _strip(fields, "fortinet.firewall.")
        kind = fields.get("type")
        return _source("fortigate", "" if kind == "event" else "firewall", kind if isinstance(kind, str) else UNKNOWN)
    if module == "kubernetes":
        _strip(fields, "kubernetes.audit.")
    if fields.get("kind") == "Event" and str(fields.get("apiVersion")).startswith("audit.k8s.io/"):
        return _source("kubernetes", "application", "audit")
    path = fields.get("_path")
    if isinstance(path, str) and ("uid" in fields or "ts" in fields):
        return _source("zeek", "", path.lower())
    if isinstance(fields.get("event_type"), str) and "flow_id" in fields and "src_ip" in fields:
        return _suricata(fields)
    return None


def _suricata(fields: dict[str, Any]) -> tuple[LogSource, ...]:
    kind = fields.get("event_type")
    service = kind.lower() if isinstance(kind, str) else UNKNOWN
    return _source("suricata", "dns" if service == "dns" else "", service)


@lru_cache(maxsize=1024)
def _source(product: str, category: str, service: str) -> tuple[LogSource, ...]:
    """The same tuple for the same words: the detector knows it by its identity."""
    return (LogSource(product, category, service[:64]),)


def _strip(fields: dict[str, Any], prefix: str) -> None:
    for name in [name for name in fields if name.startswith(prefix)]:
        fields.setdefault(name[len(prefix) :], fields[name])
