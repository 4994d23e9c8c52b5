"""The fields of Check Point's logs (sk144192, "List of fields in logs") as a table."""

from soc.normalize.products.table import Table

TABLE = Table(
    text={
        "action": "event.action",
        "logid": "event.code",
        "loguid": "event.id",
        "message": "message",
        "message_info": "message",
        "description": "message",
        "attack_info": "message",
        "sys_message": "message",
        "additional_info": "message",
        "subject": "message",
        "reason": "event.reason",
        "drop_reason": "event.reason",
        "tcp_packet_out_of_state": "event.reason",
        "reject_reason": "event.reason",
        "reject_category": "event.reason",
        "rule": "rule.id",
        "malware_rule_id": "rule.id",
        "app_rule_id": "rule.id",
        "rule_uid": "rule.uuid",
        "malware_rule_uid": "rule.uuid",
        "dlp_rule_uid": "rule.uuid",
        "rule_name": "rule.name",
        "malware_rule_name": "rule.name",
        "app_rule_name": "rule.name",
        "dlp_rule_name": "rule.name",
        "protection_name": "rule.name",
        "smartdefense_profile": "rule.ruleset",
        "policy": "rule.ruleset",
        "policy_name": "rule.ruleset",
        "layer_name": "rule.ruleset",
        "matched_category": "rule.category",
        "categories": "rule.category",
        "app_category": "rule.category",
        "protection_type": "rule.category",
        "malware_action": "rule.description",
        "attack": "threat.indicator.name",
        "malware_family": "threat.software.family",
        "industry_reference": "vulnerability.id",
        "src_machine_name": "source.domain",
        "dst_machine_name": "destination.domain",
        "destination_dns_hostname": "destination.domain",
        "src_user_group": "user.group.name",
        "user_group": "user.group.name",
        "src_user_dn": "user.distinguished_name",
        "domain": "user.domain",
        "src_user_name": "source.user.name",
        "dst_user_name": "destination.user.name",
        "src_country": "source.geo.country_name",
        "dst_country": "destination.geo.country_name",
        "inzone": "observer.ingress.zone",
        "security_inzone": "observer.ingress.zone",
        "outzone": "observer.egress.zone",
        "security_outzone": "observer.egress.zone",
        "client_inbound_interface": "observer.ingress.interface.name",
        "client_outbound_interface": "observer.egress.interface.name",
        "app_name": "network.application",
        "appi_name": "network.application",
        "service_id": "network.application",
        "method": "http.request.method",
        "referrer": "http.request.referrer",
        "user_agent": "user_agent.original",
        "web_client_type": "user_agent.name",
        "content_type": "http.response.mime_type",
        "file_name": "file.name",
        "dlp_file_name": "file.name",
        "file_type": "file.extension",
        "file_id": "file.inode",
        "process_name": "process.name",
        "process_md5": "process.hash.md5",
        "parent_process_name": "process.parent.name",
        "parent_process_md5": "process.parent.hash.md5",
        "from": "email.from.address",
        "mime_from": "email.from.address",
        "to": "email.to.address",
        "mime_to": "email.to.address",
        "cc": "email.cc.address",
        "bcc": "email.bcc.address",
        "email_subject": "email.subject",
        "email_message_id": "email.message_id",
        "domain_name": "dns.question.name",
        "dns_query": "dns.question.name",
        "dns_type": "dns.question.type",
        "tid": "dns.id",
        "os_name": "host.os.name",
        "os_version": "host.os.version",
        "vpn_user": "user.name",
    },
    lower={"protocol": "network.protocol", "service_name": "network.protocol", "dns_message_type": "dns.type"},
    numbers={
        "sequencenum": "event.sequence",
        "client_outbound_bytes": "source.bytes",
        "sent_bytes": "source.bytes",
        "sent_byte": "source.bytes",
        "server_outbound_bytes": "destination.bytes",
        "received_bytes": "destination.bytes",
        "client_outbound_packets": "source.packets",
        "sent_packets": "source.packets",
        "server_outbound_packets": "destination.packets",
        "received_packets": "destination.packets",
        "bytes": "network.bytes",
        "packets": "network.packets",
        "file_size": "file.size",
        "http_status": "http.response.status_code",
    },
    ports={
        "s_port": "source.port",
        "sport_svc": "source.port",
        "xlatesport": "source.nat.port",
        "xlatedport": "destination.nat.port",
    },
    addresses={
        "src": "source",
        "client_ip": "source",
        "dst": "destination",
        "server_ip": "destination",
        "xlatesrc": "source.nat",
        "xlatedst": "destination.nat",
        "origin_ip": "observer",
    },
    macs={
        "mac_source_address": "source.mac",
        "src_mac": "source.mac",
        "mac_destination_address": "destination.mac",
        "mac_address": "source.mac",
    },
    hashes=("file_md5", "file_sha1", "file_sha256", "md5"),
    transports=("proto",),
    directions=("ifdir", "i/f_dir"),
    derived={
        "time": "@timestamp",
        "service": "destination.port, network.protocol",
        "ifname": "observer.ingress.interface.name, observer.egress.interface.name",
        "i/f_name": "observer.ingress.interface.name, observer.egress.interface.name",
        "origin": "observer.ip, observer.name",
        "orig": "observer.ip, observer.name",
        "originsicname": "observer.name",
        "origin_sic_name": "observer.name",
        "hostname": "host.name",
        "product": "observer.product, event.category",
        "severity": "event.severity, log.level",
        "user": "user.name, user.full_name",
        "src_user_name": "user.name, user.full_name",
        "administrator": "user.name",
        "endpointuser": "user.name",
        "operation": "event.action, event.category",
        "audit_status": "event.outcome",
        "auth_status": "event.outcome",
        "status": "event.outcome",
        "resource": "url.original, url.full, url.domain, url.path, url.query",
        "url": "url.original, url.full, url.domain, url.path, url.query",
        "http_host": "url.domain",
        "elapsed": "event.duration",
    },
    kept="""
    __policy_id_tag __nsons __p_dport __pos a_app_name action_reason admin alert analyzed_on app_desc app_id app_properties
    app_repackaged app_rule_name app_risk app_sid_id app_sig_id app_version application arrival_time attachments_num
    attack_status auth_encryption auth_method auth_method2 authority_rule authentication_trial authorization base_dn
    blade_name browse_time c_bytes calc_geo_location calc_desc category certificate_resource certificate_validation chunk_type
    client_name client_type client_type_os client_version cloudguard_matched_rules comment community confidence_level
    conn_direction connection_count connection_uid connectivity_level connectivity_state conns_amount content_disposition
    content_length content_risk context_num contextnum contract_name cookie cp_component_name cvpn_category cvpn_resource
    dashboard_event_id dashboard_orig db_tag db_ver default_device_message delivery_time desktop_type destination_object
    detected_on developer_certificate_name device_identification device_name dlp_action_reason dlp_additional_action
    dlp_categories dlp_data_type_name dlp_data_type_uid dlp_fingerprint_files_number dlp_incident_uid dlp_recipients
    dlp_related_incident_uid dlp_rule_uid dlp_subject dlp_template_score dlp_transint dlp_type dlp_violation_description
    dlp_watermark_profile dlp_word_list drops_amount dropped_file_hash dropped_file_name dropped_file_type
    dropped_file_verdict dropped_incoming dropped_outgoing dropped_total dst_domain dst_phone_number dst_uo_icon
    dst_uo_name dst_user_dn dst_user_group dstkeyid duplicate email_address email_content email_control
    email_control_analysis email_headers email_id email_queue_id email_queue_name email_recipients_num email_session_id
    email_spam_category email_status email_subject emulated_on encryption_failure end_user_firewall_type
    endpoint_ip endpointname events extension_version extracted_file_hash extracted_file_names extracted_file_type
    extracted_file_uid extracted_file_verdict failure_impact failure_reason fieldschanges file_direction file_operation first_detection
    flags forensics_report fservice frequency ftp_user fw_subproduct global_flags gtp hardware_model hide_ip hit hll_key
    host_ip host_time host_type http_server icap_more_info icap_server_name icap_server_service icap_service_id icmp icmp_code
    icmp_type id identity_src identity_type ike ike_ids impacted_files incident_extension incident_time information
    inspection_category inspection_information inspection_item inspection_profile inspection_settings_log installed_products
    integrity_av_invoke_type internal_ca internal_error interface_name invalid_file_size ip_address ip_option ips_info
    isp_link jailbreak_message l4_port lastupdatetime last_detection last_hit_time last_rematch_time layer_uuid
    limit_applied limit_requested link_probing_status_update links_num log_delay log_id log_uid logid_name machine
    malware_rule_name match_id match_fk matched_application matched_file matched_file_percentage matched_file_text_segments
    mdm_id mgmt mirror_and_decrypt_type mitre_collection mitre_command_and_control mitre_credential_access
    mitre_defense_evasion mitre_discovery mitre_execution mitre_exfiltration mitre_impact mitre_initial_access
    mitre_lateral_movement mitre_persistence mitre_privilege_escalation monitor_reason more more_info more_than_size msgid name
    nat46 nat_addtnl_rulenum nat_exhausted_pool nat_rule_uid nat_rulenum needs_browse_time network_name next_hop_ip
    next_scheduled_scan_date next_update_desc nsons num_of_receivers number_of_errors objectname objecttable objecttype
    observable_comment observable_id observable_name operation_number operation_results operation_result_description orig_from
    orig_to origin_object osquery outgoing_url packet_amount packet_capture packet_capture_name packet_capture_time
    packet_capture_unique_id parent_file_hash parent_file_name parent_file_uid parent_process_username parent_rule
    peer_gateway peer_ip peer_ip_probing_status_update performance_impact phone_number policy_date policy_mgmt policy_time portal_message
    precise_error prefix_len process_username properties protection_id proxy_machine_name proxy_src_ip proxy_user_dn
    proxy_user_name query question_rdata reason_code reboot_reason recipients reference referrer_parent_uid
    referrer_self_uid registered_ip-phones reject_category reject_id reject_id_kid reload_time remediated_files reply_status
    risk rpc_prog rule_action rulebase_id scan_direction scan_hosts_day scan_hosts_hour scan_hosts_week scan_id
    scan_mail scan_results scan_save_location scan_type scheme scope scrub_activity scrub_download_time scrub_time
    scrub_total_time scrubbed_content scrubbed_uid sctp sctp_association_state sctp_error segment_time segment_number
    server_inbound_bytes server_inbound_interface server_inbound_packets client_inbound_bytes client_inbound_packets
    server_outbound_interface session_description session_id session_name session_time session_uid short_desc sig_id similar_communication
    similar_hashes similar_strings similiar_iocs sip_reason snid source_interface source_object source_os spam_category
    spyware_name spyware_status spyware_type src_phone_number src_uo_icon src_uo_name srckeyid start_time status_update
    stormagentaction stormagentname sub_policy_name sub_policy_uid subproduct subs_exp suppressed_logs suspicious_content
    sync system_application task task_name task_percent task_progress task_status taskid tcp_end_reason tcp_flags
    tcp_packet_out_of_state tcp_state te_verdict_determined_by termination_reason ticket_id tls_server_host_name total_attachments total_logs triggered_by
    trigger trusted_domain uid unique_detected_day unique_detected_hour unique_detected_week update_count update_service
    update_source update_status url_reputation usercheck usercheck_confirmation_level usercheck_incident_uid
    usercheck_interaction_name usercheck_scope user_status uuid vendor_list verdict version via virus_name virus_type
    voip_attach_action_info voip_call_dir voip_call_id voip_call_state voip_call_term_time voip_config voip_duration
    voip_est_codec voip_exp voip_from_user_type voip_log_type voip_media_codec voip_media_ipp voip_media_port voip_method
    voip_reason_info voip_reg_int voip_reg_ipp voip_reg_period voip_reg_port voip_reg_server voip_reg_user_type
    voip_reject_reason voip_to_user_type vpn_feature_name watermark web_server_type wifi_fingerprint_data win_day win_hour
    """,
)
