"""The field list of the FortiOS Log Message Reference (5.6 to 7.6) as data: native name → the ECS name its value is written to."""

TEXT = {
    "action": "event.action",
    "logid": "event.code",
    "level": "log.level",
    "msg": "message",
    "reason": "event.reason",
    "devname": "observer.name",
    "devid": "observer.serial_number",
    "srcintf": "observer.ingress.interface.name",
    "dstintf": "observer.egress.interface.name",
    "src_int": "observer.ingress.interface.name",
    "dst_int": "observer.egress.interface.name",
    "outintf": "observer.egress.interface.name",
    "srcintfrole": "observer.ingress.zone",
    "dstintfrole": "observer.egress.zone",
    "policyid": "rule.id",
    "policyname": "rule.name",
    "poluuid": "rule.uuid",
    "policytype": "rule.ruleset",
    "comment": "rule.description",
    "appcat": "rule.category",
    "catdesc": "rule.category",
    "user": "user.name",
    "group": "user.group.name",
    "dstuser": "destination.user.name",
    "dstunauthuser": "destination.user.name",
    "app": "network.application",
    "proto": "network.iana_number",
    "agent": "user_agent.original",
    "httpmethod": "http.request.method",
    "referralurl": "http.request.referrer",
    "contenttype": "http.response.mime_type",
    "filename": "file.name",
    "infectedfilename": "file.name",
    "matchedfilename": "file.name",
    "filetype": "file.extension",
    "infectedfiletype": "file.extension",
    "matchedfiletype": "file.extension",
    "srcname": "source.domain",
    "dstname": "destination.domain",
    "dst_host": "destination.domain",
    "srccountry": "source.geo.country_name",
    "dstcountry": "destination.geo.country_name",
    "srcregion": "source.geo.region_name",
    "dstregion": "destination.geo.region_name",
    "srccity": "source.geo.city_name",
    "dstcity": "destination.geo.city_name",
    "qname": "dns.question.name",
    "qtype": "dns.question.type",
    "qclass": "dns.question.class",
    "xid": "dns.id",
    "rcode": "dns.response_code",
    "attack": "threat.indicator.name",
    "virus": "threat.software.name",
    "ref": "event.reference",
    "from": "email.from.address",
    "to": "email.to.address",
    "cc": "email.cc.address",
    "sender": "email.sender.address",
    "recipient": "email.to.address",
    "subject": "email.subject",
    "sni": "tls.client.server_name",
    "scertcname": "tls.server.x509.subject.common_name",
    "scertissuer": "tls.server.x509.issuer.common_name",
    "ccertissuer": "tls.client.x509.issuer.common_name",
    "cipher": "tls.cipher",
    "kxcurve": "tls.curve",
    "certhash": "tls.server.hash.sha1",
    "keyalgo": "tls.server.x509.public_key_algorithm",
    "srcthreatfeed": "threat.feed.name",
    "cveid": "vulnerability.id",
    "tz": "event.timezone",
}
"""As it came."""

NUMBERS = {
    "srcport": "source.port",
    "dstport": "destination.port",
    "src_port": "source.port",
    "dst_port": "destination.port",
    "transport": "source.nat.port",
    "tranport": "destination.nat.port",
    "remport": "source.port",
    "locport": "destination.port",
    "sentbyte": "source.bytes",
    "rcvdbyte": "destination.bytes",
    "sentpkt": "source.packets",
    "rcvdpkt": "destination.packets",
    "filesize": "file.size",
    "infectedfilesize": "file.size",
    "crscore": "event.risk_score",
    "pid": "process.pid",
    "httpcode": "http.response.status_code",
}
"""As an integer."""

ADDRESSES = {
    "srcip": "source",
    "dstip": "destination",
    "transip": "source.nat",
    "tranip": "destination.nat",
    "remip": "source",
    "locip": "destination",
    "ip": "source",
}
"""The side whose address it is; remip and locip are a tunnel's ends, ip that of the device an event is about."""

MACS = {"srcmac": "source.mac", "dstmac": "destination.mac", "mac": "source.mac", "stamac": "source.mac"}
"""Hardware addresses, which ECS writes as RFC 7042 does: 00-00-5E-00-53-23."""

_DERIVED = {
    "type": "event.dataset, event.category",
    "subtype": "event.category",
    "eventtype": "event.type, dns.type",
    "eventtime": "@timestamp",
    "date": "@timestamp",
    "time": "@timestamp",
    "itime": "@timestamp",
    "timestamp": "@timestamp",
    "service": "network.protocol",
    "direction": "network.direction",
    "dir": "network.direction",
    "status": "event.outcome",
    "result": "event.outcome",
    "utmaction": "event.outcome, event.type",
    "duration": "event.duration, event.start",
    "unauthuser": "source.user.name, user.name",
    "xauthuser": "user.name",
    "eapuser": "user.name",
    "hostname": "url.domain, destination.domain, source.domain",
    "url": "url.original, url.full, url.scheme, url.path, url.query",
    "ui": "source.ip, network.protocol",
    "filehash": "file.hash.sha256, file.hash.sha1, file.hash.md5",
    "analyticscksum": "file.hash.sha256",
    "hash": "file.hash.sha256, file.hash.sha1, file.hash.md5",
    "ipaddr": "dns.resolved_ip",
    "attackid": "rule.id",
    "attackname": "rule.name",
    "severity": "",
    "profile": "rule.ruleset",
    "applist": "rule.ruleset",
    "tlsver": "tls.version, tls.version_protocol",
    "logdesc": "message",
    "interface": "observer.ingress.interface.name",
    "intf": "observer.ingress.interface.name",
    "cfgpath": "event.category",
    "srcdomain": "source.domain",
    "dhcp_msg": "event.action",
}

_KEPT = """
accessctrl accessproxy acct_stat acktime act activity addr addr_type addrgrp adgroup admin advpnsc age aiassistant alarmid alert
analyticssubmit ap apn app-type appact appid apprisk apscan apsn apstatus aptype assigned assignip attachment attackcontext
attackcontextid auditid auditreporttype auditscore audittime authalgo authgrp authid authproto authserver bandwidth
banned_rule banned_src banword bibandwidth bibandwidthavailable bibandwidthused botnetdomain botnetip bssid call_id carrier
carrier_ep cat category ccertissuer ccp_msg cdrcontent centralnatid cert cert-type cfgattr cfgcomment cfgobj cfgtid
cfgtxpower channel channeltype chassisid checksum chgheaders cldobjid client_addr clientcert clientdeviceems
clientdeviceid clientdevicemanageable clientdeviceowner clientdevicetags cloudaction clouddevice cloudgenai clouduser cn
collectedemail column command community configcountry connection_type conserve constraint contentdisarmed contentencoding
cookies count countapp countav countcasb countcifs countdlp countdns countemail countff counticap countips countsctpf
countssh countssl countvpatch countwaf countweb cpu craction created criticalcount crl crlevel daddr daemon datarange
dcreason ddnsserver deny_cause desc detectionmethod devcategory deviceid devintfname devtype dintf disk disklograte
dlpextra dns-domain docsource domainctrlauthstate domainctrlauthtype domainctrldomain domainctrlip domainctrlname
domainctrlprotocoltype domainctrlusername domainfilteridx domainfilterlist ds dstauthserver dstcollectedemail
dstdevcategory dstdevtype dstfamily dstgroup dsthwvendor dsthwversion dstinetsvc dstosname dstosversion dstowner
dstreputation dstserver dstssid dstswversion dstthreatfeed dstunauthusersource dstuuid dstvrf dtype duid duration_type
durationdelta eapolcnt eapoltype emsconnection emstag emstag2 encrypt encryption epoch error error_num errorcode espauth
esptransform event_id eventid eventsubtype exch exchange expectedsignature expiry fams_pause fazlograte fctemsname fctemssn
fctuid field fgtdevid file filefilter filehashsrc filtercat filteridx filtername filtertype fndraction fndrconfidence
fndrfileid fndrseverity fndrverdict fortiguardresp forwardedfor fqdn frametype freediskstorage from_vcluster fsaaction
fsafileid fsafiletype fsaseverity fsaverdict fwdsrv fwserver_name gatewayid gateway green groupid gtp ha-prio ha_group
ha_role handshake hbdn_reason healthcheck highcount host hseid iaid iccid icbaction icbconfidence icbfileid icbfiletype
icbseverity icbverdict icmpcode icmpid icmptype identifier imei imei-sv imsi in_spi inbandwidth inbandwidthavailable
inbandwidthused incidentserialno infected infectedfilelevel informationsource init initiator invalidmac ioc_type iptype
isolate issuer itype jitter keysize keyword kind lanin lanout latency lease license_limit limit limit_type line live local
localdevcount log log_id logsrc login logver lowcount malform_data malform_desc manuf masterdstmac mastersrcmac mediumcount
mem member meshmode message_type method metric mgmtcnt mgmtip mode module monitor-name monitor-type mos mpsk msg-type
msgproto msgtypename msisdn mtu name nai nat netid new_status new_value newchannel newchassisid newslot newvalue nextstat
nf_type noise notafter notbefore nsapi numpassmember old_status old_value oldchannel oldchassisid oldslot oldsn oldvalue
oldwprof onwire opercountry opertxpower osname osversion out_spi outbandwidth outbandwidthavailable outbandwidthused
packetloss passedcount passwd path peer peer_notif phase2_name phone phonenumber plan policy_id policymode polid poolname
port portbegin portend probeproto process processtime profile_vd profilegroup profiletype proxyapptype qtypeval quarskip
quotaexceeded quotamax quotatype quotaused radioband radioid radioidclosest radioiddetected rai rat-type rate rawdata
rawdataid rcvddelta rcvdpktdelta realserverid received receivedsignature red referer remote remotetunnelid remotewtptime
replydstintf replysrcintf reporttype reqlength reqtime reqtype request_name resplength resptime resptype role rsrp rsrq rssi
rsso_key ruledata ruletype saasapp saasname saddr sai san saasapp scanned scantime scope sdwanmemberid security
sensitivity sensor sentdelta sentpktdelta seq serial serialno server session_id sessionid setuprate shaperdroprcvdbyte
shaperdropsentbyte shaperperipdropbyte shaperperipname shaperrcvdname shapersentname shapingpolicyid shapingpolicyname
signal signalstrength sinr size slamap slatargetid slot slctdrmsni sn snclosest sndetected snetwork snmeshparent snr spi
srcauthserver srcfamily srcgroup srchwvendor srchwversion srcinetsvc srcosname srcowner srcreputation srcremote srcserver
srcssid srcswversion srcuser srcuuid srcvrf sscname ssid sslaction ssllocal sslremote stacount stage state stitch
stitchaction submodule subservice suspicious switchaclid switchautoipid switchl2capacity switchphysicalport switchproto
switchsysteminterface sync_status sync_type sysuptime tamac temperature threattype threadid to_vcluster total totalsession
trace_id trandisp transid translationid trigger trueclntip tunnelid tunnelip tunneltype type_id u-bytes uli unauthusersource
unit urlfilteridx urlfilterlist urlsource urltype used used_for_type user_data utmref utmsubtype vap vapmode vcluster
vcluster_member vcluster_state vd vdname vendor vendorurl version videocategoryid videocategoryname videochannelid
videodesc videoid videoinfosource videotitle vip virusid viruscat vlan vlanid voip_proto vpn vpntunnel vpntype vrf
vrrpgrpid vulncat vulnid vulncnt vulnname vulnresult vwlid vwlname vwlquality vwlservice vwpvlanid wanin wanoptapptype
wanout weakwepiv xauthgroup xid zone
"""

FIELDS: dict[str, str] = {
    **dict.fromkeys(_KEPT.split(), ""),
    **TEXT,
    **NUMBERS,
    **{name: f"{side}.ip" for name, side in ADDRESSES.items()},
    **MACS,
    **_DERIVED,
}
"""Every field of traffic, event and UTM logs."""
