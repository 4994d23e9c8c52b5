"""The demo's story: an instant in; raw log lines with their delays, and what must come of them, out.

An outsider (203.0.113.66) scans the province's addresses, guesses the password of an account on the server of the
one-stop portal (một cửa điện tử), gets in, becomes root and takes data away. Around it is what a SOC sees all day: other
people's refused packets, citizens on the portal, a clerk who mistypes a password, and lines that nothing can parse.
All addresses are from RFC 5737 and RFC 3849, all names invented.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from soc.clock import SECOND, Micros
from soc.tooling.lines import render

Transport = Literal["udp", "tcp"]

OUTSIDER = "203.0.113.66"
PORTAL = "mc-dvc01"
PORTAL_ADDRESS = "192.0.2.21"
CLERK_ADDRESS = "192.0.2.40"

SPAN_SECONDS = 120
"""Event time that the story covers, up to ``now``: long before any stamp could be called late or from the future."""

PLAY_SECONDS = 16.0
"""How long telling it takes at normal speed."""

ALERTS: Mapping[str, str] = {
    "07e7e310-dc62-483f-896e-ab3cc60987a5": "net_firewall_port_scan",
    "c940ff77-f47f-4d3f-b7b0-d6d1319a7e9b": "lnx_sshd_password_guessing",
    "3e946085-f145-4820-9a2e-9fc263a5de00": "lnx_sshd_guessing_then_success",
    "c99122e9-fb00-48cb-8c1d-6df2150db735": "lnx_sudo_root_shell",
    "37b1a0f3-de36-4a40-83a8-e1ac50939f14": "fortigate_large_outbound_transfer",
}
"""The alerts it must lead to: rule id → the rule's name, in the order of the story."""


@dataclass(frozen=True, slots=True)
class Line:
    """One message to send.

    Attributes:
        delay: seconds after the start at normal speed, ascending over the story.
        transport: ``udp`` (the firewall) or ``tcp`` (the servers).
        data: the message, without framing.
    """

    delay: float
    transport: Transport
    data: bytes


@dataclass(frozen=True, slots=True)
class Story:
    """The lines, and what must come of them.

    Attributes:
        lines: in order of time.
        dead_letters: how many of the lines nothing can parse.
        alerts: rule id → how many alerts of it at least.
        incidents: how many incidents hold those alerts.
        receipts: how many reports are delivered: the first notice, the report within 72 hours and the closing report.
    """

    lines: tuple[Line, ...]
    dead_letters: int
    alerts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(ALERTS, 1))
    incidents: int = 1
    receipts: int = 3

    @property
    def events(self) -> int:
        """How many of the lines become events."""
        return len(self.lines) - self.dead_letters


@dataclass(frozen=True, slots=True)
class _Scene:
    """One template, told ``times`` times from second ``at`` on, ``every`` so many seconds of event time."""

    at: float
    transport: Transport
    template: str
    times: int = 1
    every: float = 1.0


_GATE = (
    '<189>date={date} time={clock} devname="FGT-TN-01" devid="FG100FTK00000000" eventtime={nanos} tz="{zone}" '
    'logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" '
)
_SSHD = "<86>{bsd} " + PORTAL + " sshd[{n+2210}]: "


def _denied(source: str, destination: str, port: str) -> str:
    return (
        f'{_GATE}srcip={source} srcport={{n+41000}} srcintf="wan1" srcintfrole="wan" dstip={destination} dstport={port} '
        f'dstintf="dmz" dstintfrole="dmz" proto=6 action="deny" policyid=0 policytype="policy" service="tcp/{port}" '
        'trandisp="noop" duration=0 sentbyte=0 rcvdbyte=0 sentpkt=0 rcvdpkt=0 crscore=30 craction=131072 crlevel="high"'
    )


def _passed(source: str, destination: str, *, sent: int, received: int, seconds: int) -> str:
    return (
        f'{_GATE}srcip={source} srcport={{n+50022}} srcintf="dmz" srcintfrole="dmz" dstip={destination} dstport=443 '
        f'dstintf="wan1" dstintfrole="wan" proto=6 action="close" policyid=12 policytype="policy" service="HTTPS" '
        f'trandisp="snat" transip=198.51.100.2 transport={{n+50022}} app="HTTPS" duration={seconds} '
        f"sentbyte={sent} rcvdbyte={received} sentpkt={sent // 1400 + 1} rcvdpkt={received // 1400 + 1}"
    )


def _request(
    client: str, path: str, status: int, size: int, agent: str = "Mozilla/5.0 (Windows NT 10.0; rv:128.0)"
) -> str:
    return (
        f"<190>{{bsd}} {PORTAL} nginx: {client} - - [{{clf}}] "
        f'"GET {path} HTTP/1.1" {status} {size} "https://dichvucong.tayninh.example/" "{agent}"'
    )


def _attack() -> tuple[_Scene, ...]:
    known, unknown = "Failed password for dvc", "Failed password for invalid user admin"
    return (
        # 1. The scan: 48 ports of two of the province's addresses, then one port of four more.
        _Scene(0, "udp", _denied(OUTSIDER, "198.51.100.20", "{n+20}"), times=24, every=0.4),
        _Scene(10, "udp", _denied(OUTSIDER, "198.51.100.21", "{n+8000}"), times=24, every=0.4),
        _Scene(20, "udp", _denied(OUTSIDER, "198.51.100.{n+22}", "3389"), times=4),
        # 2. The guessing: two names, 18 attempts.
        _Scene(32, "tcp", _SSHD + f"{unknown} from {OUTSIDER} port {{n+47000}} ssh2", times=4, every=1.5),
        _Scene(40, "tcp", _SSHD + f"{known} from {OUTSIDER} port {{n+47100}} ssh2", times=14, every=1.5),
        # 3. The success, 4. root, 5. the data leaves: 412 MB to where the guesses came from.
        _Scene(66, "tcp", f"{_SSHD}Accepted password for dvc from {OUTSIDER} port 47120 ssh2"),
        _Scene(67, "tcp", f"{_SSHD}pam_unix(sshd:session): session opened for user dvc(uid=1001) by dvc(uid=0)"),
        _Scene(
            76,
            "tcp",
            f"<85>{{bsd}} {PORTAL} sudo[2302]:      dvc : TTY=pts/0 ; PWD=/home/dvc ; USER=root ; COMMAND=/bin/bash",
        ),
        _Scene(108, "udp", _passed(PORTAL_ADDRESS, OUTSIDER, sent=412_316_860, received=96_120, seconds=29)),
    )


def _noise() -> tuple[_Scene, ...]:
    return (
        _Scene(1, "udp", _denied("203.0.113.150", "198.51.100.20", "23"), times=9, every=12),
        _Scene(4, "udp", _denied("203.0.113.201", "198.51.100.{n+30}", "445"), times=6, every=15),
        _Scene(
            3,
            "udp",
            _passed("192.0.2.22", "203.0.113.10", sent=48_211, received=912_004, seconds=12),
            times=10,
            every=11,
        ),
        _Scene(2, "tcp", _request("203.0.113.{n+100}", "/dich-vu-cong?trang={n}", 200, 18_204), times=30, every=3.7),
        _Scene(
            9, "tcp", _request("2001:db8:40::{n+10}", "/tra-cuu-ho-so?ma=TN-{n+1000}", 200, 6_120), times=12, every=8
        ),
        _Scene(15, "tcp", _request("203.0.113.{n+120}", "/favicon-cu.ico", 404, 153), times=5, every=20),
        _Scene(50, "tcp", f"{_SSHD}Failed password for ngoc.le from {CLERK_ADDRESS} port 51811 ssh2", times=2, every=4),
        _Scene(60, "tcp", f"{_SSHD}Accepted password for ngoc.le from {CLERK_ADDRESS} port 51815 ssh2"),
        _Scene(
            64,
            "tcp",
            f"<85>{{bsd}} {PORTAL} sudo[2280]:  ngoc.le : TTY=pts/1 ; PWD=/home/ngoc.le ; USER=root ; "
            "COMMAND=/usr/bin/systemctl reload nginx",
        ),
    )


_MALFORMED: tuple[tuple[float, Transport, bytes], ...] = (
    (28.0, "udp", b'date=2026-11-22 time=08:00:00 devname="FGT-TN-01" devid="FG100FTK00000000" logid="00000'),
    (57.0, "tcp", b'{"EventID": 4625, "Channel": "Security", "Computer": "dc01.tayninh.exam'),
    (95.0, "udp", b"\x00\x16\x03\x01\x02\xff\xfe\x80\x81 not a log line"),
)
"""A firewall line that was cut, an unfinished JSON object, the start of a TLS handshake on the wrong port."""


def story(now: Micros, *, timezone: str = "Asia/Ho_Chi_Minh") -> Story:
    """The story that ends at ``now``.

    Args:
        now: when it is told; its last stamp is not later.
        timezone: of the devices, which stamp local time.
    """
    zone = ZoneInfo(timezone)
    told = [*_told(_attack(), now, zone), *_told(_noise(), now, zone)]
    told += _MALFORMED
    told.sort(key=lambda item: item[0])
    pace = PLAY_SECONDS / SPAN_SECONDS
    return Story(tuple(Line(at * pace, transport, data) for at, transport, data in told), len(_MALFORMED))


def _told(scenes: tuple[_Scene, ...], now: Micros, zone: ZoneInfo) -> Iterator[tuple[float, Transport, bytes]]:
    begin = now - SPAN_SECONDS * SECOND
    for scene in scenes:
        for n in range(scene.times):
            at = scene.at + n * scene.every
            stamp = begin + round(at * SECOND)
            yield at, scene.transport, render(scene.template, stamp, zone, n).encode()
