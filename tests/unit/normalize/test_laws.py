"""Laws over any bytes: an event that JSON and the bus can hold, a discard or a RecordError; and no line costs its square."""

import time
import unicodedata

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.errors import RecordError
from soc.model import codec
from soc.model.event import Event
from soc.model.record import RawRecord
from soc.normalize.decode import decode, restore
from soc.normalize.normalizer import Discarded, Normalizer, products
from soc.settings import SourceProfile

RECEIVED = 1_795_334_400_000_000
NAMES = sorted(products())
NORMALIZER = Normalizer(
    [SourceProfile(name=name, product=name) for name in NAMES],
    timezone="Asia/Ho_Chi_Minh",
    lateness=600_000_000,
    future_skew=5_000_000,
)

SEEDS = [
    (
        b'type=SYSCALL msg=audit(1795334400.123:4): arch=c000003e syscall=59 success=yes pid=1 uid=0 comm="a" exe=2F62 key=(null)\x1dUID="x"\n'
        b'type=EXECVE msg=audit(1795334400.123:4): argc=2 a0="a" a1[0]=6263\ntype=SOCKADDR msg=audit(1795334400.123:4): saddr=020001BBCB007105'
    ),
    b"type=USER_AUTH msg=audit(1795334400.7:5): pid=1 uid=0 msg='op=PAM:x acct=\"a\" (hostname=192.0.2.5, addr=? terminal=ssh res=failed)'",
    b"#Software: IIS\n#Fields: date time c-ip cs-method sc-status\n2026-11-22 08:00:00 192.0.2.5 GET 404",
    b"2026-11-22 08:00:00 W3SVC1 192.0.2.1 GET /a b=1 443 D\\u 192.0.2.5 HTTP/1.1 x+y - - h.example 200 0 0 1 2 3 192.0.2.7",
    b'<134>Nov 22 15:00:00 l haproxy[1]: 192.0.2.5:1 [22/Nov/2026:15:00:00.1] f b/s 0/0/1/5/6 200 9 - - ---- 1/1/0/0/0 0/0 {a|b} "GET / HTTP/1.1"',
    b"1795334400.123    125 192.0.2.5 TCP_MISS/200 12 GET http://h:80/x?y u HIER_DIRECT/192.0.2.6 text/html",
    b"22-Nov-2026 15:00:00.1 queries: info: client @0x7f 192.0.2.5#1 (a.example): view v: query: a.example IN A +ET (192.0.2.53)",
    b"[1795334400] unbound[1:0] info: 192.0.2.5 a.example. A IN NOERROR 0.000100 0 56",
    b"<30>Nov 22 15:00:00 g dnsmasq[1]: 7 192.0.2.5/1 query[A] a.example from 192.0.2.5",
    b"11/22/2026 3:00:00 PM 0ECC PACKET  000001D2 UDP Rcv 192.0.2.5    1a2b R Q [8385 A DR NXDOMAIN] A      (1)a(7)example(0)",
    (
        b"--ab12-A--\n[22/Nov/2026:15:00:00 +0700] u 192.0.2.5 1 192.0.2.6 2\n--ab12-B--\nGET /x HTTP/1.1\nHost: h\n--ab12-F--\nHTTP/1.1 403 x\n"
        b'--ab12-H--\nMessage: Access denied with code 403 [id "1"] [msg "m"] [severity "2"]\n--ab12-Z--'
    ),
    b'{"transaction":{"client_ip":"192.0.2.5","request":{"uri":"/a"},"producer":{},"messages":[{"message":"m","details":{"ruleId":"1"}}]}}',
    b'{"remote_addr":"192.0.2.5","request":"GET /a HTTP/1.1","status":404,"request_time":"0.5","time_local":"22/Nov/2026:15:00:00 +0700"}',
    b'Sun Nov 22 15:00:00 2026 [pid 5] [u] OK UPLOAD: Client "192.0.2.5", "/x", 12 bytes, 3.2Kbyte/sec',
    b"<38>Nov 22 15:00:00 s useradd[5]: new user: name=a, UID=1, GID=1, home=/home/a, shell=/bin/sh",
    b'{"version":"1.1","host":"app01","short_message":"x","timestamp":1795334400.5,"level":3,"_src_ip":"192.0.2.5","_a":{"b":[1]}}',
    b'<134>1 2026-11-22T08:00:00.123Z app1 portal 812 ID47 [a@1 x="1"] hello',
    b"<86>Nov 22 15:00:00 srv1 sshd[812]: Failed password for invalid user x from 192.0.2.5 port 51514 ssh2",
    b"<86>Nov 22 15:00:00 srv1 sudo: lan : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
    b"<4>Nov 22 15:00:00 gw kernel: [1.2] [UFW BLOCK] IN=eth0 OUT= SRC=192.0.2.5 DST=192.0.2.9 LEN=60 PROTO=TCP SPT=1 DPT=2",
    b'<189>date=2026-11-22 time=15:00:00 devid="F" eventtime=1795334400 logid="1" type="traffic" srcip=192.0.2.5 msg="a \\"b\\""',
    b"<134>Nov 22 15:00:00 gw1 CEF:0|V\\|W|P|1|7|n|5|src=192.0.2.5 msg=a \\= b c=C:\\x cs1=y cs1Label=z rt=1795334400000",
    b"LEEF:2.0|V|P|1|7|^|src=192.0.2.5^devTime=22/11/2026 15:00^devTimeFormat=dd/MM/yyyy HH:mm^usrName=x",
    b'<189>date=2026-11-22,time=15:00:00,devid="F",logid="1",type="utm",subtype="webfilter",url="http://h:1/a?b#c",ui="ssh(192.0.2.1)"',
    b"Nov 22 15:00:00 f CEF:0|Fortinet|Fortigate|v7|1|utm:virus|3|cat=utm:virus src=192.0.2.5 FTNTFGTlogid=1 FTNTFGTattackid=5",
    b'<134>1 2026-11-22T08:00:00Z g CheckPoint 1 - [action:"Drop"; loguid:"{1}"; product:"IPS"; src:"192.0.2.5"; user:"A (b)"]',
    b"time=1795334400|hostname=g|product=IPS|action=Drop|loguid={1}|src=192.0.2.5|service=443|elapsed=5|",
    b'date=2026-11-22 time=15:00:00 log_id=1 device_id=FV1 type=attack timezone="(GMT+7:00)X" src=192.0.2.5 http_url="/a?b"',
    b'<134>Nov 22 15:00:00 b ASM:unit_hostname="b",support_id="1",ip_client="192.0.2.5",uri="/",request="GET / HTTP/1.1\\r\\nHost: h",x="a""b"',
    b'device="SFW" date=2026-11-22 time=15:00:00 timezone="+07" log_id=1 log_type="IDP" log_component="x" src_ip=192.0.2.5 duration=3',
    b'id=firewall sn=1 time="2026-11-22 15:00:00" fw=192.0.2.1 pri=6 m=97 src=192.0.2.5:1:X0:h dst=192.0.2.6:2:X1 proto=tcp/http arg=/a',
    b'id=firewall time="2026-11-22 15:00:00" fw="S" tz=+0700 src=192.0.2.5 duration=1.5 logtype="web" arg="/a" action=pass',
    b'<142>Nov 22 15:00:00 f S firewall: msg_id="3000-0148" Allow A B 52 tcp 20 127 192.0.2.5 192.0.2.6 1 2 duration="3" (P-00)',
    b'%ASA-4-106023: Deny tcp src outside:192.0.2.5/1 dst inside:192.0.2.9/22 by access-group "x" [0x0, 0x0]',
    b'192.0.2.5 - - [22/Nov/2026:15:00:00 +0700] "GET /x?y HTTP/1.1" 200 5 "-" "curl/8"',
    b'{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","ProcessId":"1","a":{"b":[1,{"c":2}]}}',
    b"[Sun Nov 22 15:00:00.1 2026] [core:error] [pid 1:tid 2] [client 192.0.2.5:1] AH00126: x",
    b"<13>Nov 22 15:00:00 pc1 <Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>1</EventID><Channel>Security</Channel></System><EventData><Data Name='A'>b &amp; c</Data></EventData></Event>",
    b"<13>Nov 22 15:00:00 pc1 MSWinEventLog\t1\tSecurity\t1\tSun Nov 22 15:00:00 2026\t4625\tS\tU\tN\tFailure Audit\tpc1\tLogon\t\tSubject:  Account Name:  x  Logon Type:  3\t1",
    b"<189>45: sw1: 46: *Nov 22 2026 08:00:00.123 UTC: %SEC-6-IPACCESSLOGP: list 1 denied tcp 192.0.2.5(1) -> 192.0.2.9(22), 1 packet",
    b"%FTD-1-430003: AccessControlRuleAction: Allow, SrcIP: 192.0.2.5, DstIP: 192.0.2.9, User: A\\b, URL: http://a/b?c",
    b'<14>1 2026-11-22T08:00:00Z s RT_FLOW - RT_FLOW_SESSION_CLOSE [junos@2636.1 source-address="192.0.2.5" reason="a \\"b\\""] x',
    b"<14>Nov 22 15:00:00 s RT_FLOW: RT_FLOW_SESSION_CREATE: session created 192.0.2.5/1->192.0.2.9/2 a 192.0.2.5/1->192.0.2.9/2 N N 6 p a b 7 u(r) i",
    b"<134>Nov 22 15:00:00 filterlog[1]: 5,,,1,em0,match,block,in,4,0x0,,52,1,0,DF,6,tcp,60,192.0.2.5,192.0.2.9,1,22,0,S,1,,2,,mss",
    b"firewall,info DROP input: in:ether1 out:(unknown 0), proto TCP (SYN), 192.0.2.5:1->192.0.2.9:2, NAT (192.0.2.5:1->192.0.2.6:1)->192.0.2.9:2, len 60",
    b"<134>Nov 22 15:00:00 v: [FILTER][Block][WAN->LAN, 1:2:3 ][@S:R=1:2, 192.0.2.5:1->192.0.2.9:2][TCP][HLen=20, TLen=44]",
    b'<14>Nov 22 15:00:02 PA 1,2026/11/22 15:00:02,0128,THREAT,url,1,2026/11/22 15:00:01,192.0.2.5,198.51.100.7,,,"a ""b""",x',
    b'{"timestamp":"2026-11-22T15:00:00.1+0700","flow_id":1,"event_type":"dns","src_ip":"192.0.2.5","dns":{"answers":[{"rdata":"192.0.2.1"}]}}',
    b"1795334400.123456\tCExample0000000001\t192.0.2.10\t5\t192.0.2.9\t443\ttcp\tssl\t1.5\t1\t2\tSF\tT\tF\t0\tS\t5\t3\t4\t4\t-",
    b"<22>Nov 22 15:00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[192.0.2.5]: 554 5.7.1 <x@y>: denied; from=<a@b> to=<x@y> proto=ESMTP helo=<p>",
    b"<22>Nov 22 15:00:00 mx1 dovecot: imap-login: Login: user=<lan>, method=PLAIN, rip=192.0.2.5, lip=192.0.2.25, mpid=1, session=<a>",
    b"2026-11-22T08:00:00.123Z,192.0.2.5,h,192.0.2.6,E,,c,SMTP,RECEIVE,1,<m@e>,u,a@b,,10,1,,,s,a@b,a@b,0I:,Incoming,,,,,Email,l,15",
    b"2026-11-22 15:00:00,123 WARN  [qtp1] [name=a@b;oip=192.0.2.5;] security - cmd=Auth; account=a@b; protocol=soap; error=x;",
    b'2026-11-22 15:00:00.123 +07 [812] lan@shop 192.0.2.5(1) FATAL:  password authentication failed for user "lan"',
    b"2026-11-22 15:00:00 12 [Warning] Access denied for user 'root'@'192.0.2.5' (using password: YES)",
    b"20261122 15:00:00,db1,lan,192.0.2.5,12,345,QUERY,shop,'select 1',0",
    b"2026-11-22 15:00:00.12 Logon       Login failed for user 'sa'. Reason: x. [CLIENT: 192.0.2.5]",
    b"<110>Nov 22 15:00:00 db1 Oracle Audit[8]: LENGTH : '160' ACTION :[7] 'CONNECT' DATABASE USER:[3] 'sys' STATUS:[1] '0'",
    b"<166>2026-11-22T08:00:00.1Z esx1 Hostd: info hostd[2] [Originator@6876 sub=x user=y] Event 12 : User root@192.0.2.5 logged in as z",
    b'<14>1 2026-11-22T08:00:00Z bk1 Veeam_MP - - [origin enterpriseId="1"] [categoryId=0 instanceId=190 JobResult="2" Description="x"]',
    b'<14>1 2026-11-22T08:00:00Z k KES|11 - X [event@23668 et="GNRL_EV_VIRUS_FOUND" p2="C:\\\\x" hip="192.0.2.7"] Name: y',
    b'{"event_type":"Threat_Event","occured":"22-Nov-2026 08:00:00","ipv4":"192.0.2.7","threat_name":"x","object_uri":"file:///C:/x"}',
    b"2026-11-22 15:00:00,123 WARN  [org.keycloak.events] (x) type=LOGIN_ERROR, realmId=p, ipAddress=192.0.2.5, error=x, username=lan",
    b"Sun Nov 22 15:00:00 2026 : Auth: (12) Login incorrect (x): [lan] (from client sw1 port 5 cli 02-00-00-00-00-01)",
    b"TID: [-1234] [] [2026-11-22 15:00:00,123]  INFO {AUDIT_LOG} - Initiator : lan | Action : Login | Target : x | Data : {} | Result : Success",
    b'{"request":{"uri":"/a?b","headers":{"host":"h"}},"response":{"status":200},"latencies":{"request":1},"client_ip":"192.0.2.5","tries":[{"ip":"192.0.2.1"}]}',
    b"11/22-15:00:00.123456  [**] [1:1:3] x [**] [Classification: y] [Priority: 2] {TCP} 192.0.2.5:5 -> 192.0.2.10:80",
    b'2026/11/22 15:00:00 [error] 1#1: *3 x, client: 192.0.2.5, server: x, request: "GET / HTTP/1.1"',
    b'{"__REALTIME_TIMESTAMP":"1795334400000000","_PID":"8","SYSLOG_IDENTIFIER":"sshd","MESSAGE":[70,97,255],"PRIORITY":"6","A":["b",[1]]}',
    b'{"time":1795334400,"host":"s","sourcetype":"x","event":"<13>Nov 22 15:00:00 srv1 su[7]: x","fields":{"a":{"b":1}}}',
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real line with a piece cut out and bytes put in."""
    line = draw(st.sampled_from(SEEDS))
    start = draw(st.integers(0, len(line)))
    end = draw(st.integers(start, min(len(line), start + 12)))
    return line[:start] + draw(st.binary(max_size=8)) + line[end:]


def _one(data: bytes, name: str) -> Event | Discarded | None:
    try:
        return NORMALIZER.normalize(RawRecord(data, RECEIVED, "l", "192.0.2.1:5", "s", profile=name), "id", RECEIVED)
    except RecordError as error:
        if error.stage != "normalize":
            raise
        return None


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), damaged()), st.sampled_from(["auto", *NAMES]))
def test_any_bytes_give_an_event_or_a_record_error(data: bytes, name: str):
    event = _one(data, name)
    if event is None:
        return
    assert isinstance(event, Event)
    assert codec.decode(codec.encode(event), Event) == event
    msgspec.json.encode(event.fields)
    assert event.fields["event.original"].encode()
    assert isinstance(event.time, int)


@settings(max_examples=100, deadline=None)
@given(damaged())
def test_the_same_record_gives_the_same_event_whatever_came_before(data: bytes):
    fresh = Normalizer((), timezone="UTC", lateness=600_000_000, future_skew=5_000_000)
    record = RawRecord(data, RECEIVED, "l", "192.0.2.1:5", "s")
    try:
        first = fresh.normalize(record, "id", RECEIVED)
    except RecordError:
        return
    _one(b"<13>Nov 22 15:00:00 other host: x", "auto")
    assert list(fresh.normalize(record, "id", RECEIVED).fields.items()) == list(first.fields.items())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100), st.sampled_from(["utf-8", "cp1258", "latin-1"]))
def test_no_byte_is_lost_in_decoding(data: bytes, encoding: str):
    text, escaped = decode(data, encoding)
    if escaped:
        assert restore(text) == data
    elif encoding == "cp1258" and data != text.encode():
        assert text == unicodedata.normalize("NFC", data.decode(encoding))
    else:
        assert data in (text.encode(), text.encode(encoding, "replace"))


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
        max_leaves=12,
    )
)
def test_any_json_object_becomes_scalars_and_lists_of_scalars(value: object):
    event = _one(msgspec.json.encode({"x": value}), "json")
    assert isinstance(event, Event)
    for item in event.fields.values():
        for scalar in item if isinstance(item, list) else [item]:
            assert scalar is None or isinstance(scalar, str | int | float | bool)
    codec.encode(event)


MIB = 1024 * 1024
RUNS = [
    b"\n",
    b"-A--\n",
    b' [id "',
    b"\n#Fields: a",
    b"(1)a",
    b"a1[0]=41 ",
    b'"',
    b"\\",
    b" ",
    b"=",
    b"1",
    b"a",
    b"[",
    b"(",
    b":",
    b"{",
    b"%ASA-",
    b'a="',
    b"a=\\",
    b'=\\"',
    b"from ",
    b" port ",
    b"<1>",
    b"a.",
    b", client: ",
    b" ; ",
    b"\xff",
    b"\0",
    b"IN= ",
    b"SRC=",
    b'[a b="c"]',
    b"\\x",
    b"user ",
    b"../",
    b" a=",
    b',a="',
    b',a=""',
    b'; a:"',
    b"|a=",
    b" \\=",
    b"^a=",
    b"(",
    b" 192.0.2.1",
]
HEADS = {
    "auto": b"",
    "fortigate": b"devid=F type=traffic logid=1 date=2026-11-22 time=15:00:00 x=",
    "cef": b"<134>Nov 22 15:00:00 gw1 CEF:0|V|P|1|7|n|5|msg=",
    "leef": b"LEEF:2.0|V|P|1|7|^|msg=",
    "checkpoint": b'<134>1 2026-11-22T08:00:00Z g CheckPoint 1 - [action:"Drop"; loguid:"{1}"; product:"IPS"; x:"',
    "fortiweb": b"date=2026-11-22 time=15:00:00 log_id=1 device_id=FV1 type=attack msg=",
    "f5-asm": b'ASM:unit_hostname="b",support_id="1",ip_client="192.0.2.5",request="',
    "sophos": b'device="SFW" log_id=1 log_type="IDP" log_component="x" message=',
    "sonicwall": b'id=firewall sn=1 time="2026-11-22 15:00:00" fw=192.0.2.1 m=1 msg=',
    "stormshield": b'time="2026-11-22 15:00:00" fw="S" logtype="web" msg=',
    "watchguard": b'f S firewall: msg_id="3000-0148" Allow A B tcp 192.0.2.5 192.0.2.6 1 2 (',
    "cisco-asa": b"%ASA-6-106100: access-list ",
    "cisco-ios": b"<189>45: sw1: *Mar  1 00:00:12: %SEC-6-IPACCESSLOGP: list ",
    "juniper-srx": b"<14>Nov 22 15:00:00 s RT_FLOW: RT_FLOW_SESSION_CLOSE: session closed a: ",
    "pfsense": b"<134>Nov 22 15:00:00 filterlog[1]: 5,,,1,em0,match,block,in,4,",
    "mikrotik": b"firewall,info input: in:ether1 out:bridge, proto ",
    "draytek": b"<134>Nov 22 15:00:00 v: [FILTER][Block][WAN->LAN, ",
    "paloalto": b"1,2026/11/22 15:00:02,0128,TRAFFIC,end,1,2026/11/22 15:00:01,192.0.2.5,",
    "auditd": b"type=SYSCALL msg=audit(1795334400.123:4): arch=c000003e comm=",
    "iis": b"#Fields: date time c-ip\n2026-11-22 08:00:00 192.0.2.5 GET /",
    "haproxy": b"192.0.2.5:1 [22/Nov/2026:15:00:00.1] f b/s 0/0/1/5/6 200 9 ",
    "squid": b"1795334400.123    125 192.0.2.5 TCP_MISS/200 12 GET ",
    "bind": b"22-Nov-2026 15:00:00.1 queries: info: client @0x7f 192.0.2.5#1 (a): ",
    "unbound": b"[1795334400] unbound[1:0] info: ",
    "dnsmasq": b"<30>Nov 22 15:00:00 g dnsmasq[1]: reply ",
    "windows-dns": b"11/22/2026 3:00:00 PM 0ECC PACKET  01 UDP Rcv 192.0.2.5 1a2b   Q [0001   D   NOERROR] A ",
    "modsecurity": b"--ab12-A--\n[22/Nov/2026:15:00:00 +0700] u 192.0.2.5 1 192.0.2.6 2\n--ab12-H--\nMessage: ",
    "vsftpd": b"Sun Nov 22 15:00:00 2026 [pid 5] [u] OK UPLOAD: Client ",
    "linux": b"<86>Nov 22 15:00:00 srv1 sshd[1]: Failed password for ",
    "sudo": b"<86>Nov 22 15:00:00 srv1 sudo: lan : ",
    "syslog": b"<134>1 2026-11-22T08:00:00Z a b c d [a@1 ",
    "netfilter": b"IN=eth0 OUT= SRC=1 DST=2 ",
    "nginx": b'192.0.2.5 - - [22/Nov/2026:15:00:00 +0700] "GET /',
    "apache": b"[Sun Nov 22 15:00:00.1 2026] [auth_basic:error] [pid 1:tid 2] [client 192.0.2.5:1] AH01618: user ",
    "json": b'{"a":"',
    "gelf": b'{"version":"1.1","host":"app01","_a":"b","short_message":"',
    "journal": b'{"__REALTIME_TIMESTAMP":"1","SYSLOG_IDENTIFIER":"sshd","MESSAGE":"',
    "hec": b'{"event":"',
    "windows-json": b'{"EventID":1,"Channel":"',
    "zeek": b"1795334400.123456\tCExample0000000001\t",
    "snort": b"11/22-15:00:00.123456  [**] [1:1:3] ",
    "suricata": b'{"event_type":"',
    "postfix": b"<22>Nov 22 15:00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[192.0.2.5]: 554 ",
    "exchange": b"2026-11-22T08:00:00.123Z,192.0.2.5,h,192.0.2.6,E,,c,SMTP,RECEIVE,1,",
    "zimbra": b"2026-11-22 15:00:00,123 WARN  [qtp1] [name=a@b;] security - cmd=Auth; account=",
    "postgresql": b"2026-11-22 15:00:00.123 +07 [812] ",
    "mysql": b"20261122 15:00:00,db1,lan,192.0.2.5,12,345,QUERY,shop,",
    "mssql": b"2026-11-22 15:00:00.12 Logon       Login failed for user '",
    "oracle": b"<110>Nov 22 15:00:00 db1 Oracle Audit[8]: LENGTH : '160' ACTION :[7] '",
    "vmware": b"<166>2026-11-22T08:00:00.1Z esx1 Hostd: info hostd[2] [Originator@6876 sub=x ",
    "veeam": b"<14>Nov 22 15:00:00 bk1 Veeam_MP: [categoryId=0 instanceId=190 ",
    "kaspersky": b'<14>1 2026-11-22T08:00:00Z k KES|11 - X [event@23668 et="GNRL_EV_VIRUS_FOUND"] Name: ',
    "trendmicro": b"CEF:0|Trend Micro|Apex Central|2019|AV:File cleaned|x|3|",
    "eset": b'{"event_type":"Threat_Event","occured":"22-Nov-2026 08:00:00","object_uri":"',
    "keycloak": b"2026-11-22 15:00:00,123 WARN  [org.keycloak.events] (x) type=LOGIN_ERROR, realmId=",
    "freeradius": b"Sun Nov 22 15:00:00 2026 : Auth: (12) Login incorrect (",
    "wso2": b"TID: [-1234] [] [2026-11-22 15:00:00,123]  INFO {AUDIT_LOG} - Initiator : ",
    "kong": b'{"request":{"uri":"',
    "windows-xml": b"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>",
    "windows-snare": b"<13>Nov 22 15:00:00 pc1 MSWinEventLog\t1\tSecurity\t1\tx\t4625\tS\tU\tN\tF\tpc1\tL\t\tSubject:  Account Name: ",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_long_line_of_anything_costs_no_square(name: str):
    size = MIB if name == "auto" else MIB // 4
    for run in RUNS:
        line = HEADS[name] + run * (size // len(run))
        start = time.process_time()
        _one(line, name)
        spent = time.process_time() - start
        assert spent < 2.0, f"{run!r}: {spent:.1f} s"
