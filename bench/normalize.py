"""Made-up lines of each product → lines per second on one core through the Normalizer, as one JSON object a product.

    python bench/normalize.py [--seconds 2] [--product NAME]

Every line differs (time, address, port, number), receive times advance, and each event is also encoded as the bus does.
"""

import argparse
import gc
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soc.model import codec
from soc.model.record import RawRecord
from soc.normalize.normalizer import Normalizer
from soc.normalize.time import iso_text
from soc.settings import SourceProfile

START = 1_795_334_400_000_000  # 2026-11-22T08:00:00Z
LINES = 20_000
AIMS = {"fortigate": 40_000, "cisco-asa": 120_000, "rfc5424": 70_000, "nginx": 100_000, "windows-json": 80_000}


def _ip(r: random.Random) -> str:
    return f"{r.choice(('192.0.2', '198.51.100', '203.0.113'))}.{r.randrange(1, 255)}"


def fortigate(r: random.Random, at: int) -> str:
    return (
        f'<189>date=2026-11-22 time=15:00:00 devname="FG-BENCH" devid="FGT60F0000000001" eventtime={at}000 tz="+0700" '
        f'logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip={_ip(r)} '
        f'srcport={r.randrange(1024, 65536)} srcintf="wan1" srcintfrole="wan" dstip={_ip(r)} dstport=443 dstintf="dmz" '
        f'dstintfrole="dmz" srccountry="Reserved" dstcountry="Reserved" sessionid={r.randrange(10**9)} proto=6 '
        f'action="close" policyid={r.randrange(40)} policytype="policy" service="HTTPS" trandisp="noop" '
        f'duration={r.randrange(900)} sentbyte={r.randrange(10**6)} rcvdbyte={r.randrange(10**7)} sentpkt=12 rcvdpkt=15 appcat="unscanned"'
    )


def cisco_asa(r: random.Random, at: int) -> str:
    head = f"<166>Nov 22 2026 {iso_text(at)[11:19]} fw1 : "
    which = r.randrange(3)
    a, b = f"{_ip(r)}/{r.randrange(1024, 65536)}", f"{_ip(r)}/{r.choice((22, 53, 443))}"
    if which == 0:
        return f"{head}%ASA-6-302013: Built inbound TCP connection {r.randrange(10**9)} for outside:{a} ({a}) to dmz:{b} ({b})"
    if which == 1:
        return f"{head}%ASA-6-302014: Teardown TCP connection {r.randrange(10**9)} for outside:{a} to dmz:{b} duration 0:01:20 bytes {r.randrange(10**6)} TCP FINs"
    return f'{head}%ASA-4-106023: Deny tcp src outside:{a} dst dmz:{b} by access-group "outside_in" [0x0, 0x0]'


def paloalto(r: random.Random, at: int) -> str:
    when = iso_text(at)[:19].replace("T", " ").replace("-", "/")
    return (
        f"<14>Nov 22 {when[11:]} PA-BENCH 1,{when},012801000001,TRAFFIC,end,2561,{when},{_ip(r)},{_ip(r)},203.0.113.1,198.51.100.7,"
        f"out-{r.randrange(40)},EXAMPLE\\u{r.randrange(500)},,web-browsing,vsys1,trust,untrust,ethernet1/2,ethernet1/1,to-soc,{when},"
        f"{r.randrange(10**6)},1,{r.randrange(1024, 65536)},443,{r.randrange(1024, 65536)},443,0x400053,tcp,allow,{r.randrange(10**6)},"
        f"{r.randrange(10**5)},{r.randrange(10**6)},36,{when},{r.randrange(900)},computer-and-internet-info,0,{r.randrange(10**9)},0x0,"
        "192.0.2.0-192.0.2.255,Viet Nam,0,16,20,tcp-fin,0,0,0,0,,PA-BENCH,from-policy,,,0,,0,,N/A,0,0,0,0,"
        "11111111-2222-3333-4444-555555555555,0,0,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,," + iso_text(at)[:23] + "+00:00"
    )


def cisco_ios(r: random.Random, at: int) -> str:
    head = (
        f"<190>{r.randrange(10**6)}: sw{r.randrange(20)}: {r.randrange(10**6)}: Nov 22 2026 {iso_text(at)[11:23]} UTC: "
    )
    if r.randrange(2):
        return f"{head}%SEC-6-IPACCESSLOGP: list edge_in denied tcp {_ip(r)}({r.randrange(1024, 65536)}) -> {_ip(r)}(22), 1 packet"
    return f"{head}%SEC_LOGIN-5-LOGIN_SUCCESS: Login Success [user: u{r.randrange(99)}] [Source: {_ip(r)}] [localport: 22] at 08:00:00 UTC Sun Nov 22 2026"


def rfc5424(r: random.Random, at: int) -> str:
    return (
        f'<134>1 {iso_text(at)} app{r.randrange(20)}.example portal {r.randrange(9999)} ID47 [exampleSDID@32473 iut="3" '
        f'eventSource="Application" eventID="{r.randrange(9999)}"] request from {_ip(r)} served in {r.randrange(900)} ms'
    )


def sshd(r: random.Random, at: int) -> str:
    stamp = f"Nov 22 {iso_text(at)[11:19]}"
    return f"<86>{stamp} srv{r.randrange(20)} sshd[{r.randrange(99999)}]: Failed password for invalid user u{r.randrange(500)} from {_ip(r)} port {r.randrange(1024, 65536)} ssh2"


def netfilter(r: random.Random, at: int) -> str:
    return (
        f"<4>Nov 22 {iso_text(at)[11:19]} gw kernel: [123456.789012] [UFW BLOCK] IN=eth0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 "
        f"SRC={_ip(r)} DST={_ip(r)} LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID={r.randrange(65536)} DF PROTO=TCP SPT={r.randrange(1024, 65536)} DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0"
    )


def nginx(r: random.Random, at: int) -> str:
    return (
        f'{_ip(r)} - - [22/Nov/2026:{iso_text(at)[11:19]} +0000] "GET /portal/item/{r.randrange(9999)}?lang=vi&page={r.randrange(9)} HTTP/1.1" '
        f'{r.choice((200, 200, 304, 404))} {r.randrange(90000)} "https://portal.example/" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"'
    )


def windows(r: random.Random, at: int) -> str:
    when = iso_text(at)
    return json.dumps(
        {
            "EventID": 1,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Provider_Name": "Microsoft-Windows-Sysmon",
            "Computer": f"pc{r.randrange(50)}.example",
            "TimeCreated": when,
            "UtcTime": when[:23].replace("T", " "),
            "ProcessGuid": f"{{00000000-0000-0000-0000-{r.randrange(2**40):012x}}}",
            "ProcessId": str(r.randrange(9999)),
            "Image": "C:\\Windows\\System32\\cmd.exe",
            "CommandLine": f"cmd.exe /c echo {r.randrange(10**6)}",
            "CurrentDirectory": "C:\\Windows\\system32\\",
            "User": "EXAMPLE\\lan",
            "LogonId": hex(r.randrange(10**6)),
            "IntegrityLevel": "Medium",
            "Hashes": f"SHA256={r.randrange(2**200):064X}",
            "ParentImage": "C:\\Windows\\explorer.exe",
            "ParentCommandLine": "C:\\Windows\\Explorer.EXE",
            "ParentProcessId": "4321",
            "Task": "1",
            "Level": "4",
            "Keywords": "0x8000000000000000",
        }
    )


def auditd(r: random.Random, at: int) -> str:
    return (
        f"type=SYSCALL msg=audit({at // 1_000_000}.{at // 1000 % 1000:03}:{r.randrange(10**6)}): arch=c000003e syscall=59 success=yes exit=0 a0=55d0c1 "
        f"a1=55d0c2 a2=55d0c3 a3=8 items=2 ppid={r.randrange(9999)} pid={r.randrange(9999)} auid=1000 uid=1000 gid=1000 euid=1000 suid=1000 fsuid=1000 "
        'egid=1000 sgid=1000 fsgid=1000 tty=pts0 ses=3 comm="ls" exe="/usr/bin/ls" key="exec"'
    )


def iis(r: random.Random, at: int) -> str:
    return (
        f"2026-11-22 {iso_text(at)[11:19]} 192.0.2.10 GET /portal/item/{r.randrange(9999)} lang=vi 443 - {_ip(r)} "
        f"Mozilla/5.0+(Windows+NT+10.0;+Win64;+x64) https://portal.example/ {r.choice((200, 304, 404))} 0 0 {r.randrange(900)}"
    )


def bind(r: random.Random, at: int) -> str:
    return (
        f"22-Nov-2026 {iso_text(at)[11:19]}.123 queries: info: client @0x7f1c2c0a {_ip(r)}#{r.randrange(1024, 65536)} "
        f"(h{r.randrange(9999)}.example.com): query: h{r.randrange(9999)}.example.com IN A +E(0)K (192.0.2.53)"
    )


def squid(r: random.Random, at: int) -> str:
    return (
        f"{at // 1_000_000}.{at // 1000 % 1000:03} {r.randrange(900):6} {_ip(r)} TCP_MISS/200 {r.randrange(90000)} GET "
        f"http://h{r.randrange(99)}.example/x/{r.randrange(9999)}?y=1 lan HIER_DIRECT/198.51.100.7 text/html"
    )


def checkpoint(r: random.Random, at: int) -> str:
    return (
        f'<134>1 {iso_text(at)} gw1 CheckPoint 1930 - [action:"Accept"; flags:"444676"; ifdir:"outbound"; ifname:"eth0"; logid:"0"; '
        f'loguid:"{{0x{r.randrange(2**32):x},0x0,0x1,0x1}}"; origin:"192.0.2.100"; originsicname:"cn=gw1,o=mgmt..tmn8s8"; sequencenum:"2"; '
        f'version:"5"; dst:"{_ip(r)}"; inzone:"Local"; layer_name:"Network"; rule:"{r.randrange(90)}"; rule_action:"Accept"; '
        f'rule_name:"Out"; rule_uid:"1fde807b-6300-4b1a-914f-f1c1f3e2e7d2"; outzone:"External"; product:"VPN-1 & FireWall-1"; '
        f'proto:"6"; s_port:"{r.randrange(1024, 65536)}"; service:"443"; service_id:"https"; src:"{_ip(r)}"]'
    )


def cef(r: random.Random, at: int) -> str:
    return (
        f"<134>{'Nov 22 ' + iso_text(at)[11:19]} gw1 CEF:0|Example|Gate|2.1|100|Web attack|8|rt={at // 1000} src={_ip(r)} "
        f"spt={r.randrange(1024, 65536)} dst={_ip(r)} dpt=443 proto=TCP act=blocked suser=u{r.randrange(500)} "
        f"request=https://portal.example/a?x\\={r.randrange(9999)} cs1=Rule 7 cs1Label=Policy Name msg=request refused"
    )


def leef(r: random.Random, at: int) -> str:
    return (
        f"LEEF:2.0|Example|Gate|1.0|41|^|devTime={at // 1000}^src={_ip(r)}^dst={_ip(r)}^srcPort={r.randrange(1024, 65536)}"
        f"^dstPort=443^proto=TCP^usrName=u{r.randrange(500)}^sev=5^action=allow^url=https://portal.example/{r.randrange(9999)}"
    )


def sophos(r: random.Random, at: int) -> str:
    return (
        f'device_name="SFW" timestamp="{iso_text(at)[:19]}+0000" device_model="XGS" device_serial_id="C0" log_id="010101600001" '
        f'log_type="Firewall" log_component="Firewall Rule" log_subtype="Allowed" severity="Information" fw_rule_id="{r.randrange(90)}" '
        f'in_interface="Port1" out_interface="Port2" src_ip="{_ip(r)}" dst_ip="{_ip(r)}" protocol="TCP" src_port={r.randrange(1024, 65536)} '
        f'dst_port=443 bytes_sent={r.randrange(9999)} bytes_received={r.randrange(9999)} con_event="Stop"'
    )


def sonicwall(r: random.Random, at: int) -> str:
    return (
        f'<134>id=firewall sn=C0 time="{iso_text(at)[:19].replace("T", " ")} UTC" fw=198.51.100.2 pri=6 c=1024 m=537 msg="Connection Closed" '
        f"src={_ip(r)}:{r.randrange(1024, 65536)}:X0 dst={_ip(r)}:443:X1 proto=tcp/https sent={r.randrange(9999)} rcvd={r.randrange(9999)} n={r.randrange(9999)}"
    )


MAKERS: dict[str, tuple[str, Callable[[random.Random, int], str]]] = {
    "fortigate": ("fortigate", fortigate),
    "checkpoint": ("checkpoint", checkpoint),
    "cef": ("cef", cef),
    "leef": ("leef", leef),
    "sophos": ("sophos", sophos),
    "sonicwall": ("sonicwall", sonicwall),
    "cisco-asa": ("cisco-asa", cisco_asa),
    "cisco-ios": ("cisco-ios", cisco_ios),
    "paloalto": ("paloalto", paloalto),
    "rfc5424": ("syslog", rfc5424),
    "sshd": ("sshd", sshd),
    "netfilter": ("netfilter", netfilter),
    "nginx": ("nginx", nginx),
    "windows-json": ("windows-json", windows),
    "auditd": ("auditd", auditd),
    "iis": ("iis", iis),
    "bind": ("bind", bind),
    "squid": ("squid", squid),
}


def measure(name: str, seconds: float, *, auto: bool, encode: bool) -> dict[str, object]:
    """Lines per second of CPU time of one product."""
    product, make = MAKERS[name]
    r = random.Random(7)
    records = []
    for index in range(LINES):
        at = START + index * 1000
        records.append(
            RawRecord(
                make(r, at).encode(), at + 200, "bench", "192.0.2.1:514", "192.0.2.1", profile="" if auto else "p"
            )
        )
    profile = SourceProfile(name="p", product=product, timezone="UTC")
    normalizer = Normalizer((profile,), timezone="UTC", lateness=600_000_000, future_skew=5_000_000)
    gc.collect()
    gc.freeze()  # as a long-running stage has its rules and tables: what lives for ever is not looked at again
    lines, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        for index, record in enumerate(records):
            event = normalizer.normalize(record, "id", START + index // 500)  # a batch of 500 is processed at one time
            if encode:
                codec.encode(event)
        lines += len(records)
    rate = int(lines / spent)
    return {
        "product": name,
        "auto": auto,
        "encoded": encode,
        "lines_per_second": rate,
        "aim": AIMS.get(name),
        "bytes": len(records[0].data),
    }


def main() -> None:
    """Print one line of JSON a product."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=2.0)
    arguments.add_argument("--product", choices=sorted(MAKERS))
    arguments.add_argument("--auto", action="store_true", help="recognize the product instead of naming it")
    arguments.add_argument("--encode", action="store_true", help="also encode each event as the bus does")
    given = arguments.parse_args()
    for name in [given.product] if given.product else MAKERS:
        print(json.dumps(measure(name, given.seconds, auto=given.auto, encode=given.encode)))


if __name__ == "__main__":
    main()
