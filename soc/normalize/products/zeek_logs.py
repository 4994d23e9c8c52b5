"""Zeek's logs as data: default columns of each log, what its names mean in ECS, what kind of event it is.

Names by Zeek's script reference ("Log Files"); a name that means different things in two logs has a row in the log's own table.
"""

from typing import Final

from soc.normalize.products.fill import (
    Table,
    address,
    first,
    flag,
    lower,
    mac,
    number,
    port,
    seconds,
    status,
    target,
    text,
    texts,
)

_ID: Final = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p"
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    log: tuple(names.split())
    for log, names in {
        "conn": f"{_ID} proto service duration orig_bytes resp_bytes conn_state local_orig local_resp missed_bytes history "
        "orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents",
        "dns": f"{_ID} proto trans_id rtt query qclass qclass_name qtype qtype_name rcode rcode_name AA TC RD RA Z answers TTLs rejected",
        "http": f"{_ID} trans_depth method host uri referrer version user_agent origin request_body_len response_body_len status_code "
        "status_msg info_code info_msg tags username password proxied orig_fuids orig_filenames orig_mime_types resp_fuids "
        "resp_filenames resp_mime_types",
        "ssl": f"{_ID} version cipher curve server_name resumed last_alert next_protocol established ssl_history cert_chain_fps "
        "client_cert_chain_fps sni_matches_cert",
        "ssh": f"{_ID} version auth_success auth_attempts direction client server cipher_alg mac_alg compression_alg kex_alg "
        "host_key_alg host_key",
        "files": "ts fuid uid id.orig_h id.orig_p id.resp_h id.resp_p source depth analyzers mime_type filename duration local_orig "
        "is_orig seen_bytes total_bytes missing_bytes overflow_bytes timedout parent_fuid md5 sha1 sha256 extracted "
        "extracted_cutoff extracted_size",
        "x509": "ts fingerprint certificate.version certificate.serial certificate.subject certificate.issuer "
        "certificate.not_valid_before certificate.not_valid_after certificate.key_alg certificate.sig_alg certificate.key_type "
        "certificate.key_length certificate.exponent certificate.curve san.dns san.uri san.email san.ip basic_constraints.ca "
        "basic_constraints.path_len host_cert client_cert",
        "smb_files": f"{_ID} fuid action path name size prev_name times.modified times.accessed times.created times.changed",
        "smb_mapping": f"{_ID} path service native_file_system share_type",
        "dce_rpc": f"{_ID} rtt named_pipe endpoint operation",
        "kerberos": f"{_ID} request_type client service success error_msg from till cipher forwardable renewable client_cert_subject "
        "client_cert_fuid server_cert_subject server_cert_fuid",
        "rdp": f"{_ID} cookie result security_protocol client_channels keyboard_layout client_build client_name client_dig_product_id "
        "desktop_width desktop_height requested_color_depth cert_type cert_count cert_permanent encryption_level encryption_method",
        "notice": f"{_ID} fuid file_mime_type file_desc proto note msg sub src dst p n peer_descr actions email_dest suppress_for "
        "remote_location.country_code remote_location.region remote_location.city remote_location.latitude "
        "remote_location.longitude",
        "weird": f"{_ID} name addl notice peer source",
        "ntlm": f"{_ID} username hostname domainname server_nb_computer_name server_dns_computer_name server_tree_name success",
        "smtp": f"{_ID} trans_depth helo mailfrom rcptto date from to cc reply_to msg_id in_reply_to subject x_originating_ip "
        "first_received second_received last_reply path user_agent tls fuids is_webmail",
        "ftp": f"{_ID} user password command arg mime_type file_size reply_code reply_msg data_channel.passive data_channel.orig_h "
        "data_channel.resp_h data_channel.resp_p fuid",
    }.items()
}
"""Log → the columns of its tab-separated form, as Zeek 5 to 7 write them by default; a log's own ``#fields`` holds before these."""

COMMON: Final[Table] = {
    "id.orig_h": (address, "source"),
    "id.orig_p": (port, "source.port"),
    "id.resp_h": (address, "destination"),
    "id.resp_p": (port, "destination.port"),
    "proto": (lower, "network.transport"),
    "community_id": (text, "network.community_id"),
    "uid": (text, "event.id"),
}
_CONN: Final[Table] = {
    "service": (lower, "network.protocol"),
    "duration": (seconds, "event.duration"),
    "orig_bytes": (number, "source.bytes"),
    "resp_bytes": (number, "destination.bytes"),
    "orig_ip_bytes": (number, "source.bytes"),
    "resp_ip_bytes": (number, "destination.bytes"),
    "orig_pkts": (number, "source.packets"),
    "resp_pkts": (number, "destination.packets"),
    "orig_l2_addr": (mac, "source.mac"),
    "resp_l2_addr": (mac, "destination.mac"),
    "vlan": (text, "network.vlan.id"),
}
TABLES: Final[dict[str, Table]] = {
    "conn": _CONN,
    "dns": {
        "trans_id": (text, "dns.id"),
        "rtt": (seconds, "event.duration"),
        "query": (text, "dns.question.name"),
        "qclass_name": (text, "dns.question.class"),
        "qtype_name": (text, "dns.question.type"),
        "rcode_name": (text, "dns.response_code"),
        "answers": (texts, "dns.answers.data"),
    },
    "http": {
        "method": (text, "http.request.method"),
        "host": (text, "url.domain"),
        "uri": (target, "url.original"),
        "referrer": (text, "http.request.referrer"),
        "version": (text, "http.version"),
        "user_agent": (text, "user_agent.original"),
        "request_body_len": (number, "http.request.body.bytes"),
        "response_body_len": (number, "http.response.body.bytes"),
        "status_code": (status, "http.response.status_code"),
        "username": (text, "user.name"),
        "resp_mime_types": (first, "http.response.mime_type"),
        "orig_mime_types": (first, "http.request.mime_type"),
    },
    "ssl": {
        "cipher": (text, "tls.cipher"),
        "curve": (text, "tls.curve"),
        "server_name": (text, "tls.client.server_name"),
        "resumed": (flag, "tls.resumed"),
        "next_protocol": (text, "tls.next_protocol"),
        "established": (flag, "tls.established"),
        "subject": (text, "tls.server.subject"),
        "issuer": (text, "tls.server.issuer"),
        "ja3": (text, "tls.client.ja3"),
        "ja3s": (text, "tls.server.ja3s"),
        "last_alert": (text, "event.reason"),
    },
    "ssh": {"auth_success": (flag, "zeek.success"), "client": (text, "user_agent.original")},
    "files": {
        "fuid": (text, "file.uid"),
        "source": (lower, "network.protocol"),
        "mime_type": (text, "file.mime_type"),
        "filename": (text, "file.name"),
        "duration": (seconds, "event.duration"),
        "total_bytes": (number, "file.size"),
        "tx_hosts": (first, "server.address"),
        "rx_hosts": (first, "client.address"),
        "md5": (lower, "file.hash.md5"),
        "sha1": (lower, "file.hash.sha1"),
        "sha256": (lower, "file.hash.sha256"),
    },
    "x509": {
        "fingerprint": (lower, "file.hash.sha256"),
        "certificate.serial": (text, "x509.serial_number"),
        "certificate.subject": (text, "x509.subject.distinguished_name"),
        "certificate.issuer": (text, "x509.issuer.distinguished_name"),
        "san.dns": (texts, "x509.alternative_names"),
    },
    "smb_files": {
        "action": (text, "event.action"),
        "name": (text, "file.name"),
        "size": (number, "file.size"),
        "fuid": (text, "file.uid"),
    },
    "smb_mapping": {"path": (text, "file.path")},
    "dce_rpc": {"operation": (text, "event.action"), "rtt": (seconds, "event.duration")},
    "kerberos": {
        "request_type": (text, "event.action"),
        "client": (text, "user.name"),
        "service": (text, "service.name"),
        "success": (flag, "zeek.success"),
        "error_msg": (text, "event.reason"),
        "cipher": (text, "tls.cipher"),
    },
    "rdp": {"cookie": (text, "user.name"), "client_name": (text, "source.domain"), "result": (text, "event.reason")},
    "notice": {
        "note": (text, "rule.name"),
        "msg": (text, "message"),
        "sub": (text, "event.reason"),
        "src": (address, "source"),
        "dst": (address, "destination"),
        "p": (port, "destination.port"),
    },
    "weird": {"name": (text, "rule.name"), "addl": (text, "event.reason")},
    "ntlm": {
        "username": (text, "user.name"),
        "domainname": (text, "user.domain"),
        "hostname": (text, "source.domain"),
        "success": (flag, "zeek.success"),
    },
    "smtp": {
        "mailfrom": (texts, "email.from.address"),
        "rcptto": (texts, "email.to.address"),
        "subject": (text, "email.subject"),
        "msg_id": (text, "email.message_id"),
        "user_agent": (text, "email.x_mailer"),
        "last_reply": (text, "event.reason"),
    },
    "ftp": {
        "user": (text, "user.name"),
        "command": (text, "event.action"),
        "arg": (text, "file.path"),
        "mime_type": (text, "file.mime_type"),
        "file_size": (number, "file.size"),
    },
    "dhcp": {
        "client_addr": (address, "source"),
        "assigned_addr": (address, "client"),
        "mac": (mac, "source.mac"),
        "host_name": (text, "source.domain"),
    },
}

KINDS: Final[dict[str, tuple[str, str]]] = {
    "conn": ("network", "connection"),
    "dns": ("network", "connection info protocol"),
    "http": ("network web", "connection info protocol"),
    "ssl": ("network", "connection protocol"),
    "ssh": ("network", "connection protocol"),
    "files": ("file network", "info"),
    "x509": ("network", "info"),
    "smb_files": ("file network", "access protocol"),
    "kerberos": ("authentication network", "start protocol"),
    "ntlm": ("authentication network", "start protocol"),
    "rdp": ("network", "connection protocol"),
    "notice": ("intrusion_detection network", "info"),
    "smtp": ("email network", "protocol info"),
}
OTHER: Final = ("network", "info protocol")

SIGNS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("conn", ("conn_state", "proto")),
    ("dns", ("trans_id", "proto")),
    ("dns", ("qtype_name", "query")),
    ("http", ("trans_depth", "method")),
    ("http", ("status_code", "uri")),
    ("smtp", ("trans_depth", "helo")),
    ("ssl", ("established", "version")),
    ("ssh", ("auth_attempts", "client")),
    ("kerberos", ("request_type", "id.orig_h")),
    ("dce_rpc", ("endpoint", "operation")),
    ("smb_files", ("action", "id.orig_h", "name")),
    ("smb_mapping", ("share_type", "path")),
    ("rdp", ("security_protocol", "id.orig_h")),
    ("ntlm", ("domainname", "id.orig_h")),
    ("notice", ("note", "msg")),
    ("weird", ("name", "notice", "peer")),
    ("x509", ("certificate.subject", "certificate.serial")),
    ("files", ("fuid", "analyzers", "seen_bytes")),
    ("ftp", ("command", "reply_code", "id.orig_h")),
)
"""A JSON object of Zeek does not always name its log: names that together stand in one log only."""
