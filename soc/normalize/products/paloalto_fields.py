"""The columns of each PAN-OS log type, in the vendor's order and under its names; no code.

Source: PAN-OS Administrator's Guide, "Syslog Field Descriptions", versions 8.1 to 11.2. A version only adds columns at the
end, so an older device's row is a shorter one. ``future_use`` columns hold nothing and are dropped.
"""

HEAD = ("future_use", "receive_time", "serial", "type", "subtype", "future_use", "time_generated")

_FLOW = (
    *("src", "dst", "natsrc", "natdst", "rule", "srcuser", "dstuser", "app", "vsys", "from", "to"),
    *("inbound_if", "outbound_if", "logset", "future_use", "sessionid", "repeatcnt", "sport", "dport"),
    *("natsport", "natdport", "flags", "proto", "action"),
)
_GROUPS = ("dg_hier_level_1", "dg_hier_level_2", "dg_hier_level_3", "dg_hier_level_4", "vsys_name", "device_name")
_SOURCE_DEVICE = (
    *("src_category", "src_profile", "src_model", "src_vendor", "src_osfamily", "src_osversion", "src_host", "src_mac"),
)
_DEVICES = (*_SOURCE_DEVICE, *(name.replace("src_", "dst_") for name in _SOURCE_DEVICE))
_PODS = ("container_id", "pod_namespace", "pod_name", "src_edl", "dst_edl")
_APPLICATION = (
    *("subcategory_of_app", "category_of_app", "technology_of_app", "risk_of_app", "characteristic_of_app"),
    *("container_of_app", "tunneled_app", "is_saas_of_app", "sanctioned_state_of_app"),
)
_COUNTED = ("seqno", "actionflags")

COLUMNS: dict[str, tuple[str, ...]] = {
    "TRAFFIC": (
        *_FLOW,
        *("bytes", "bytes_sent", "bytes_received", "packets", "start", "elapsed", "category", "future_use"),
        *_COUNTED,
        *("srcloc", "dstloc", "future_use", "pkts_sent", "pkts_received", "session_end_reason"),
        *_GROUPS,
        *("action_source", "src_uuid", "dst_uuid", "tunnelid", "monitortag", "parent_session_id"),
        *("parent_start_time", "tunnel", "assoc_id", "chunks", "chunks_sent", "chunks_received", "rule_uuid"),
        *("http2_connection", "link_change_count", "policy_id", "link_switches", "sdwan_cluster"),
        *("sdwan_device_type", "sdwan_cluster_type", "sdwan_site", "dynusergroup_name", "xff_ip"),
        *_DEVICES,
        *_PODS,
        *("hostid", "serialnumber", "src_dag", "dst_dag", "session_owner", "high_res_timestamp"),
        *("nsdsai_sst", "nsdsai_sd"),
        *_APPLICATION,
        *("offloaded", "flow_type", "cluster_name"),
    ),
    "THREAT": (
        *_FLOW,
        *("misc", "threatid", "category", "severity", "direction"),
        *_COUNTED,
        *("srcloc", "dstloc", "future_use", "contenttype", "pcap_id", "filedigest", "cloud", "url_idx"),
        *("user_agent", "filetype", "xff", "referer", "sender", "subject", "recipient", "reportid"),
        *_GROUPS,
        *("future_use", "src_uuid", "dst_uuid", "http_method", "tunnelid", "monitortag", "parent_session_id"),
        *("parent_start_time", "tunnel", "thr_category", "contentver", "future_use", "assoc_id", "ppid"),
        *("http_headers", "url_category_list", "rule_uuid", "http2_connection", "dynusergroup_name", "xff_ip"),
        *_DEVICES,
        *_PODS,
        *("hostid", "serialnumber", "domain_edl", "src_dag", "dst_dag", "partial_hash", "high_res_timestamp"),
        *("reason", "justification", "nssai_sst"),
        *_APPLICATION,
        *("cloud_reportid", "cluster_name", "flow_type"),
    ),
    "DECRYPTION": (
        *_FLOW,
        *("tunnel", "future_use", "future_use", "src_uuid", "dst_uuid", "rule_uuid", "hs_stage_c2f", "hs_stage_f2s"),
        *("tls_version", "tls_keyxchg", "tls_enc", "tls_auth", "policy_name", "ec_curve", "err_index"),
        *("root_status", "chain_status", "proxy_type", "cert_serial", "fingerprint", "notbefore", "notafter"),
        *("cert_ver", "cert_size", "cn_len", "issuer_len", "rootcn_len", "sni_len", "cert_flags"),
        *("cn", "issuer_cn", "root_cn", "sni", "error"),
        *_PODS,
        *("src_dag", "dst_dag", "high_res_timestamp"),
        *_DEVICES,
        *_COUNTED,
        *_GROUPS,
        "vsys_id",
        *_APPLICATION,
        "cluster_name",
    ),
    "SYSTEM": (
        *("vsys", "eventid", "object", "future_use", "future_use", "module", "severity", "opaque"),
        *_COUNTED,
        *_GROUPS,
        *("future_use", "future_use", "high_res_timestamp"),
    ),
    "CONFIG": (
        *("host", "vsys", "cmd", "admin", "client", "result", "path"),
        *_COUNTED,
        *_GROUPS,
        *("dg_id", "comment", "future_use", "high_res_timestamp", "before_change_detail", "after_change_detail"),
    ),
    "GLOBALPROTECT": (
        *("vsys", "eventid", "stage", "auth_method", "tunnel_type", "srcuser", "srcregion", "machinename"),
        *("public_ip", "public_ipv6", "private_ip", "private_ipv6", "hostid", "serialnumber", "client_ver"),
        *("client_os", "client_os_ver", "repeatcnt", "reason", "error", "opaque", "status", "location"),
        *("login_duration", "connect_method", "error_code", "portal"),
        *_COUNTED,
        *("high_res_timestamp", "selection_type", "response_time", "priority", "attempted_gateways", "gateway"),
        *_GROUPS,
        *("vsys_id", "cluster_name"),
    ),
    "USERID": (
        *("vsys", "ip", "user", "datasourcename", "eventid", "repeatcnt", "timeout", "beginport", "endport"),
        *("datasource", "datasourcetype"),
        *_COUNTED,
        *_GROUPS,
        *("vsys_id", "factortype", "factorcompletiontime", "factorno", "ugflags", "userbysource", "tag_name"),
        *("high_res_timestamp", "origindatasource", "future_use", "cluster_name"),
    ),
    "HIPMATCH": (
        *("srcuser", "vsys", "machinename", "os", "src", "matchname", "repeatcnt", "matchtype"),
        *("future_use", "future_use"),
        *_COUNTED,
        *_GROUPS,
        *("vsys_id", "srcipv6", "hostid", "serialnumber", "mac", "high_res_timestamp", "cluster_name"),
    ),
    "AUTHENTICATION": (
        *("vsys", "ip", "user", "normalize_user", "object", "authpolicy", "repeatcnt", "authid", "vendor"),
        *("logset", "serverprofile", "desc", "clienttype", "event", "factorno"),
        *_COUNTED,
        *_GROUPS,
        *("vsys_id", "authproto", "rule_uuid", "high_res_timestamp"),
        *_SOURCE_DEVICE,
        *("region", "future_use", "user_agent", "sessionid", "cluster_name"),
    ),
    "IPTAG": (
        *("vsys", "ip", "tag_name", "eventid", "repeatcnt", "timeout", "datasourcename", "datasource_type"),
        "datasource_subtype",
        *_COUNTED,
        *_GROUPS,
        *("vsys_id", "high_res_timestamp", "cluster_name"),
    ),
    "CORRELATION": (
        *("src", "srcuser", "vsys", "category", "severity"),
        *_GROUPS,
        *("vsys_id", "objectname", "object_id", "evidence"),
    ),
}
"""Log type → the columns behind ``HEAD``."""

COLUMNS["HIP-MATCH"] = COLUMNS["HIPMATCH"]

AUDIT = ("serial", "receive_time", "type", "future_use", "event_name", "admin", "cmd", "status")
"""A row of the administrators' audit log, whole: it has no ``HEAD``."""

OLD_CONFIG = ("before_change_detail", "after_change_detail")
"""Where a CONFIG row has no sequence number right behind ``path``, these two stand there (custom formats, old versions)."""

OLD_GLOBALPROTECT = (
    *(
        "future_use",
        "receive_time",
        "serial",
        "seqno",
        "actionflags",
        "type",
        "subtype",
        "future_use",
        "time_generated",
    ),
)
"""``HEAD`` of GLOBALPROTECT in PAN-OS 9.1.0 to 9.1.2; the columns behind it end with ``portal``."""
