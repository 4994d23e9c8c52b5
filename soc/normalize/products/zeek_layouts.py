r"""Which log a tab-separated line of Zeek's without its head is of: by its number of columns and what some of them hold.

A log has the columns that Zeek writes by default; logs whose columns changed have their older rows here (Bro 2.5 to Zeek 4).
"""

import re
from functools import cache
from typing import Final, NamedTuple

from soc.normalize.products.zeek_logs import COLUMNS, ID

_FLAG = re.compile(r"[TF-]$")
_WHOLE = re.compile(r"\d{1,15}$|-$", re.ASCII)
_REAL = re.compile(r"\d{1,12}\.\d{1,9}$|-$", re.ASCII)
_PORT = re.compile(r"\d{1,5}$|-$", re.ASCII)
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}$|-$", re.ASCII)
_SOURCE = re.compile(r"[A-Z][A-Z0-9_]{1,30}$|-$", re.ASCII)

_FILE: Final = (
    "source depth analyzers mime_type filename duration local_orig is_orig seen_bytes total_bytes missing_bytes overflow_bytes "
    "timedout parent_fuid md5 sha1 sha256 extracted"
)
_CERTIFICATE: Final = (
    "certificate.version certificate.serial certificate.subject certificate.issuer certificate.not_valid_before "
    "certificate.not_valid_after certificate.key_alg certificate.sig_alg certificate.key_type certificate.key_length "
    "certificate.exponent certificate.curve san.dns san.uri san.email san.ip basic_constraints.ca basic_constraints.path_len"
)
_TLS: Final = (
    f"{ID} version cipher curve server_name resumed last_alert next_protocol established cert_chain_fuids "
    "client_cert_chain_fuids subject issuer client_subject client_issuer"
)
_NOTICE: Final = f"{ID} fuid file_mime_type file_desc proto note msg sub src dst p n peer_descr actions"
_PLACE: Final = "remote_location.country_code remote_location.region remote_location.city remote_location.latitude remote_location.longitude"


def _less(log: str, *without: str) -> str:
    return " ".join(name for name in COLUMNS[log] if name not in without)


_OTHERS: Final[tuple[tuple[str, str], ...]] = (
    ("conn", " ".join((*COLUMNS["conn"], "ip_proto"))),
    ("files", f"ts fuid tx_hosts rx_hosts conn_uids {_FILE} extracted_cutoff extracted_size"),
    ("files", f"ts fuid tx_hosts rx_hosts conn_uids {_FILE}"),
    ("http", _less("http", "origin")),
    ("notice", f"{_NOTICE} suppress_for {_PLACE}"),
    ("notice", f"{_NOTICE} suppress_for dropped {_PLACE}"),
    ("smtp", _less("smtp", "is_webmail")),
    ("ssl", _TLS),
    ("ssl", _TLS + " validation_status"),
    ("weird", _less("weird", "source")),
    ("x509", f"ts id {_CERTIFICATE}"),
)
_HOLDS: Final[dict[str, dict[str, re.Pattern[str]]]] = {
    "conn": {"proto": re.compile(r"(?:tcp|udp|icmp|unknown_transport)$")},
    "dce_rpc": {"rtt": _REAL},
    "dhcp": {
        "client_addr": _ADDRESS,
        "server_addr": _ADDRESS,
        "msg_types": re.compile(r"[A-Z]{3,16}(?:,[A-Z]{3,16}){0,31}$"),
    },
    "dns": {"proto": re.compile(r"(?:tcp|udp)$")},
    "files": {"source": _SOURCE, "depth": _WHOLE, "is_orig": _FLAG, "timedout": _FLAG},
    "ftp": {
        "command": re.compile(r"[A-Z]{3,4}$|<|-$"),
        "file_size": _WHOLE,
        "reply_code": _WHOLE,
        "data_channel.passive": _FLAG,
        "data_channel.orig_h": _ADDRESS,
    },
    "http": {"trans_depth": re.compile(r"\d{1,6}$", re.ASCII)},
    "intel": {"seen.indicator_type": re.compile(r"Intel::"), "seen.where": re.compile(r"[A-Za-z0-9_]{1,40}::")},
    "kerberos": {"request_type": re.compile(r"AS$|TGS$|-$")},
    "mysql": {"success": _FLAG, "rows": _WHOLE},
    "notice": {"note": re.compile(r"[A-Za-z0-9_]{1,60}::"), "suppress_for": _REAL},
    "ntlm": {"success": _FLAG},
    "radius": {"framed_addr": _ADDRESS, "result": re.compile(r"(?:success|failed|unknown|-)$"), "ttl": _REAL},
    "rdp": {"cert_count": _WHOLE, "cert_permanent": _FLAG, "desktop_width": _WHOLE},
    "sip": {"trans_depth": _WHOLE, "method": re.compile(r"[A-Z]{2,16}$|-$"), "status_code": _WHOLE},
    "smb_files": {"action": re.compile(r"SMB::|-$")},
    "smb_mapping": {"share_type": re.compile(r"(?:DISK|PIPE|PRINT|-)$")},
    "smtp": {"trans_depth": _WHOLE, "tls": _FLAG},
    "snmp": {"version": re.compile(r"(?:1|2c|2u|3|-)$"), "get_requests": _WHOLE, "set_requests": _WHOLE},
    "socks": {"version": re.compile(r"[45]$"), "request_p": _PORT, "bound_p": _PORT},
    "ssh": {"version": re.compile(r"[12-]$")},
    "ssl": {"version": re.compile(r"(?:TLSv|SSLv|DTLS|-)"), "established": _FLAG},
    "syslog": {"proto": re.compile(r"(?:tcp|udp)$"), "facility": re.compile(r"[A-Z0-9_]{2,16}$")},
    "tunnel": {"tunnel_type": re.compile(r"Tunnel::"), "action": re.compile(r"Tunnel::")},
    "weird": {"notice": re.compile(r"[TF]$")},
    "x509": {
        "certificate.version": _WHOLE,
        "certificate.not_valid_before": _REAL,
        "certificate.not_valid_after": _REAL,
    },
}
"""Log → what some of its columns hold; a log that is not here is known by its head alone."""


class Layout(NamedTuple):
    """The columns of one log, and those that tell it from another log with as many."""

    log: str
    names: tuple[str, ...]
    holds: tuple[tuple[int, re.Pattern[str]], ...]


def _layout(log: str, names: tuple[str, ...]) -> Layout:
    holds = {"id.orig_p": _PORT, "id.resp_p": _PORT, **_HOLDS[log]}
    return Layout(log, names, tuple((names.index(name), what) for name, what in holds.items() if name in names))


@cache
def _layouts() -> dict[int, tuple[Layout, ...]]:
    """The layouts by how many columns they have."""
    found: dict[int, tuple[Layout, ...]] = {}
    rows = [(log, COLUMNS[log]) for log in _HOLDS] + [(log, tuple(names.split())) for log, names in _OTHERS]
    for log, names in rows:
        found[len(names)] = (*found.get(len(names), ()), _layout(log, names))
    return found


def default(values: list[str]) -> Layout | None:
    """The layout that the values of a line without a head fit."""
    for layout in _layouts().get(len(values), ()):
        if all(pattern.match(values[at]) for at, pattern in layout.holds):
            return layout
    return None
