"""A sender's flat fields → the Sigma logsource that they say it is."""

from functools import lru_cache

from soc.model.event import UNKNOWN, LogSource
from soc.normalize.products.product import Fields

PRODUCTS = frozenset(
    [
        "apache",
        "aws",
        "azure",
        "bitbucket",
        "cisco",
        "citrix",
        "cisco_duo",
        "django",
        "eset",
        "fortigate",
        "fortios",
        "gcp",
        "github",
        "google_workspace",
        "huawei",
        "juniper",
        "jvm",
        "kubernetes",
        "linux",
        "m365",
        "macos",
        "modsecurity",
        "netfilter",
        "nginx",
        "nodejs",
        "okta",
        "onelogin",
        "opencanary",
        "paloalto",
        "python",
        "qualys",
        "rpc_firewall",
        "ruby_on_rails",
        "spring",
        "sql",
        "squid",
        "sshd",
        "suricata",
        "velocity",
        "windows",
        "zeek",
    ]
)
CATEGORIES = frozenset(
    [
        "antivirus",
        "application",
        "appliance",
        "authentication",
        "clipboard_capture",
        "create_remote_thread",
        "create_stream_hash",
        "database",
        "dns",
        "dns_query",
        "driver_load",
        "file_access",
        "file_change",
        "file_delete",
        "file_event",
        "file_rename",
        "firewall",
        "image_load",
        "network_connection",
        "pipe_created",
        "process_access",
        "process_creation",
        "process_tampering",
        "proxy",
        "ps_classic_start",
        "ps_module",
        "ps_script",
        "raw_access_thread",
        "registry_add",
        "registry_delete",
        "registry_event",
        "registry_rename",
        "registry_set",
        "webserver",
        "wmi_event",
    ]
)
"""Sigma's own words: only these make top-level ``product`` and ``category`` of a sender's object a hint at its logsource."""


NOTHING_SAID = LogSource(UNKNOWN, UNKNOWN, UNKNOWN)
"""The logsource of a sender that says nothing of itself."""


def hinted(fields: Fields, product: str = "") -> tuple[LogSource, ...]:
    """What the sender says it is: ``logsource.product`` …, or Sigma's words in ``product``, ``category``, ``service``.

    What it does not say is UNKNOWN; ``product``: where that is known.
    """
    product = product or _hint(fields, "logsource.product", "host.os.type")
    category = _hint(fields, "logsource.category")
    service = _hint(fields, "logsource.service")
    if not product and (named := _hint(fields, "product")) in PRODUCTS:
        product = named
    if not category and (named := _hint(fields, "category")) in CATEGORIES:
        category = named
    if not service and (product or category):
        service = _hint(fields, "service")
    return _source(product or UNKNOWN, category or UNKNOWN, service or UNKNOWN)


def _hint(fields: Fields, *names: str) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and 0 < len(value) <= 64:
            return value.lower()
    return ""


@lru_cache(maxsize=1024)
def _source(product: str, category: str, service: str) -> tuple[LogSource, ...]:
    """The same tuple for the same words: the detector knows it by its identity."""
    return (LogSource(product, category, service),)
