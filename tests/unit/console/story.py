"""A console over a store that holds the demo story: a scan, password guessing, a log-on, sudo, a large outbound transfer."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from soc.audit.chain import Entry
from soc.clock import MINUTE, SECOND, Micros, to_iso
from soc.console.app import create_app
from soc.console.auth import Users
from soc.errors import RuleError
from soc.model import (
    Action,
    Alert,
    Answer,
    DeadLetter,
    Event,
    Incident,
    Join,
    Member,
    Receipt,
    Report,
    RuleInfo,
)  # fmt: skip
from soc.model.alert import Note
from soc.model.incident import AlertSummary
from soc.store.base import Document
from soc.store.documents import (
    alert_document,
    audit_document,
    deadletter_document,
    event_document,
    incident_document,
    report_document,
)  # fmt: skip
from soc.store.embedded import EmbeddedStore

T0: Micros = 1_795_312_800_000_000  # 2026-11-22T02:00:00Z, 09:00 in Tây Ninh
NOW: Micros = T0 + 40 * MINUTE
ATTACKER, VICTIM = "203.0.113.66", "mc-dvc01"
PASSWORD = "a long enough password"
INCIDENT = "202611-inc0001"

YAML = """title: Repeated failed SSH log-ons from one address
id: 7b0c3a52-6a3e-4a0e-9b8e-2f6f0f6b7b11
status: test
description: Many failed SSH log-ons from one source within five minutes.
correlation:
    type: event_count
    rules:
        - ssh_failed_logon
    group-by:
        - source.ip
        - host.name
    timespan: 5m
    condition:
        gte: 10
level: high
tags:
    - attack.credential-access
    - attack.t1110.001
"""


class Step(NamedTuple):
    id: str
    title: str
    title_vi: str
    level: str
    type: str
    at: Micros
    lasts: Micros
    count: int
    group: tuple[tuple[str, str], ...]
    entities: tuple[tuple[str, str], ...]
    lines: tuple[str, ...]
    matched: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    status: str = "new"
    owner: str = ""


def _forti(seconds: int, port: int) -> str:
    return (
        f'<189>date=2026-11-22 time=09:01:{seconds:02} devname="FGT-TTDL-01" devid="FG100FTK00000001" type="traffic"'
        f' subtype="forward" level="notice" srcip={ATTACKER} srcport=51{port:03} dstip=198.51.100.20 dstport={port}'
        f' action="deny" policyid=12 service="tcp/{port}"'
    )  # fmt: skip


def _ssh(minute: int, seconds: int, user: str, result: str = "Failed") -> str:
    return (
        f"<86>Nov 22 09:{minute:02}:{seconds:02} {VICTIM} sshd[21{seconds:02}]: {result} password for"
        f" {user} from {ATTACKER} port 40{seconds:03} ssh2"
    )


STEPS = (
    Step("202611-a1", "Port scan against the data centre", "Quét cổng vào trung tâm dữ liệu", "medium", "value_count", T0 + MINUTE, 95 * SECOND, 214,
         (("source.ip", ATTACKER),), (("source.ip", ATTACKER), ("destination.ip", "198.51.100.20")),
         tuple(_forti(n, port) for n, port in enumerate((21, 22, 23, 80, 443, 445))), (("action", "deny"), ("srcip", ATTACKER)), ("attack.reconnaissance", "attack.t1595.001"), "acknowledged", "lan.nt"),
    Step("202611-a2", "Repeated failed SSH log-ons from one address", "Dò mật khẩu SSH từ một địa chỉ", "high", "event_count", T0 + 8 * MINUTE, 260 * SECOND, 48,
         (("source.ip", ATTACKER), ("host.name", VICTIM)), (("source.ip", ATTACKER), ("host.name", VICTIM), ("user.name", "quantri")),
         tuple(_ssh(8, n * 5, "quantri" if n % 2 else "invalid user oracle") for n in range(7)), (("event.outcome", "failure"), ("source.ip", ATTACKER)), ("attack.credential-access", "attack.t1110.001")),
    Step("202611-a3", "SSH log-on after password guessing", "Đăng nhập SSH thành công sau khi dò mật khẩu", "critical", "temporal_ordered", T0 + 8 * MINUTE, 5 * MINUTE, 49,
         (("source.ip", ATTACKER), ("host.name", VICTIM)), (("source.ip", ATTACKER), ("host.name", VICTIM), ("user.name", "quantri")),
         (_ssh(8, 55, "quantri"), _ssh(13, 2, "quantri", "Accepted")), (("event.outcome", "success"), ("user.name", "quantri")), ("attack.initial-access", "attack.t1078")),
    Step("202611-a4", "Root shell through sudo", "Lấy quyền root bằng sudo", "high", "event", T0 + 15 * MINUTE, 0, 1,
         (), (("host.name", VICTIM), ("user.name", "quantri")),
         (f"<85>Nov 22 09:15:10 {VICTIM} sudo:  quantri : TTY=pts/0 ; PWD=/home/quantri ; USER=root ; COMMAND=/bin/bash",), (("process.command_line", "/bin/bash"), ("user.name", "quantri")), ("attack.privilege-escalation", "attack.t1548.003")),
    Step("202611-a5", "Large outbound transfer", "Truyền khối dữ liệu lớn ra ngoài", "high", "event", T0 + 22 * MINUTE, 0, 1,
         (), (("source.ip", "198.51.100.20"), ("destination.ip", ATTACKER), ("host.name", VICTIM)),
         ('<189>date=2026-11-22 time=09:22:00 devname="FGT-TTDL-01" type="traffic" subtype="forward" srcip=198.51.100.20 dstip=203.0.113.66 dstport=443 action="accept" sentbyte=4831838208 rcvdbyte=91234 duration=611',), (("sentbyte", "4831838208"),), ("attack.exfiltration", "attack.t1048")),
)  # fmt: skip

OTHERS = (
    ("202611-b1", "Web scanner in the access log", "Công cụ quét web trong nhật ký truy cập", "low", -50, 31, "closed", "198.51.100.77", "web-cong01"),
    ("202611-b2", "Administrator log-on outside working hours", "Quản trị viên đăng nhập ngoài giờ làm việc", "medium", -38, 1, "acknowledged", "192.0.2.15", "dc-tn02"),
    ("202611-b3", "Configuration changed on the firewall", "Thay đổi cấu hình tường lửa", "informational", -25, 2, "new", "192.0.2.9", "FGT-TTDL-01"),
    ("202611-b4", "PowerShell with an encoded command", "PowerShell chạy lệnh mã hóa", "high", -12, 3, "new", "192.0.2.143", "pc-stttt-014"),
    ("202611-b5", "SQL injection attempts against the portal", "Thử chèn SQL vào cổng dịch vụ công", "medium", -4, 17, "new", "198.51.100.201", "web-dvc02"),
)  # fmt: skip


def _fields(step: Step, line: str, at: Micros) -> dict[str, Any]:
    host = dict(step.entities).get("host.name", "FGT-TTDL-01")
    own = dict((*step.entities, *step.matched))
    return {"@timestamp": to_iso(at), "event.created": to_iso(at), "event.original": line, "host.name": host, "event.dataset": "fortinet.fortigate" if "devname" in line else "linux.auth", "log.syslog.facility.code": 10, **own}  # fmt: skip


def alert_of(step: Step) -> Alert:
    gap = step.lasts // max(1, len(step.lines) - 1) if step.lasts else 0
    members = tuple(
        Member(f"log7f/0/{abs(hash(line)) % 10**6}", "ssh_failed_logon", dict(step.entities).get("host.name", "192.0.2.1"), step.at + n * gap,
               step.at + n * gap + SECOND, _fields(step, line, step.at + n * gap), step.matched)
        for n, line in enumerate(step.lines)
    )  # fmt: skip
    notes = (
        (Note(T0 + 5 * MINUTE, "lan.nt", "Địa chỉ này không thuộc đối tác nào; đã hỏi đơn vị vận hành."),)
        if step.owner
        else ()
    )
    return Alert(
        step.id, 3, 1 if step.owner else 0, "7b0c3a52-6a3e-4a0e-9b8e-2f6f0f6b7b11", step.title, step.title_vi, step.level,
        step.tags, step.type, "set1", 2, "live", "", step.group, step.at, step.at + step.lasts, step.count,
        tuple(m.event_id for m in members), members, float(step.count), False, step.entities, step.at + 2 * SECOND,
        step.status, step.owner, notes=notes, incident_id=INCIDENT,  # type: ignore[arg-type]
    )  # fmt: skip


def other_alerts() -> list[Alert]:
    out = []
    for id_, title, title_vi, level, minutes, count, status, address, host in OTHERS:
        at = T0 + minutes * MINUTE
        entities = (("source.ip", address), ("host.name", host))
        closed = {"verdict": "false_positive", "close_reason": "Lịch quét đã đăng ký", "closed_at": at + 9 * MINUTE, "owner": "lan.nt"} if status == "closed" else {}  # fmt: skip
        out.append(Alert(id_, 1, int(status != "new"), f"rule-{id_}", title, title_vi, level, ("attack.discovery",), "event", "set1", 1, "live", "", (), at, at, count, (f"log7f/1/{id_}",), (Member(f"log7f/1/{id_}", f"rule-{id_}", address, at, at, None),), 1.0, False, entities, at, status, **closed))  # fmt: skip
    return out


def incident() -> Incident:
    alerts = [alert_of(step) for step in STEPS]
    joins = (Join("202611-a1", T0, "", ""), Join("202611-a2", T0, "source.ip", ATTACKER), Join("202611-a3", T0, "source.ip", ATTACKER), Join("202611-a4", T0, "host.name", VICTIM), Join("202611-a5", T0, "ip", ATTACKER))  # fmt: skip
    summaries = tuple(AlertSummary(a.id, a.rule_id, a.title, a.title_vi, a.level, a.count, a.first_seen, a.last_seen, "live") for a in alerts)  # fmt: skip
    entities = (("source.ip", ATTACKER, 4), ("host.name", VICTIM, 4), ("user.name", "quantri", 3), ("destination.ip", "198.51.100.20", 1))  # fmt: skip
    return Incident(INCIDENT, "INC-2026-000012", 9, 2, STEPS[2].title, STEPS[2].title_vi, "critical", tuple(a.id for a in alerts), joins, entities, alerts[0].first_seen, alerts[-1].last_seen, T0 + MINUTE, tuple(t for s in STEPS for t in s.tags), "triage", "lan.nt", notes=(Note(T0 + 24 * MINUTE, "lan.nt", "Đã cô lập máy chủ mc-dvc01 khỏi mạng."),), summaries=summaries)  # fmt: skip


class FakePreview(NamedTuple):
    payload: bytes
    sha256: str
    withheld: tuple[tuple[str, str, int], ...]


def preview(shown: Incident, kind: str) -> FakePreview:
    tree = {"report_kind": kind, "incident": shown.number, "organization": "SOC Tây Ninh", "detected_at": to_iso(shown.raised), "level": shown.level, "title": shown.title_vi, "attackers": [ATTACKER], "alerts": [{"rule": s.title_vi, "count": s.count, "first_seen": to_iso(s.first_seen), "last_seen": to_iso(s.last_seen)} for s in shown.summaries], "techniques": [t for t in shown.tags if t.startswith("attack.t")]}  # fmt: skip
    payload = json.dumps(tree, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return FakePreview(payload, hashlib.sha256(payload).hexdigest(), (("user.name", "account_names", 1), ("host.name", "internal_hosts", 1), ("event.original", "raw_lines", 17)))  # fmt: skip


def report(state: str = "accepted") -> Report:
    made = preview(incident(), "initial")
    receipt = Receipt("NCSC-20261122-0417", to_iso(T0), 201, "https://receiver.example", 2, T0 + 31 * MINUTE) if state == "accepted" else None  # fmt: skip
    history = (("queued", T0 + 29 * MINUTE, ""), ("sending", T0 + 29 * MINUTE + SECOND, ""), ("retry_wait", T0 + 30 * MINUTE, "HTTP 503"), ("sending", T0 + 31 * MINUTE, ""), (state, T0 + 31 * MINUTE, ""))  # fmt: skip
    return Report("6d0fd0f2-0000-5000-8000-000000000001", 5, INCIDENT, "initial", "national", state, made.payload, made.sha256, T0 + 29 * MINUTE, "hoa.pv", 2, 0, "", receipt, history)  # fmt: skip


def rule_info(rule_set: str, rule_id: str) -> RuleInfo | None:
    return None if rule_id.startswith("rule-") else RuleInfo(rule_id, STEPS[1].title, "high", STEPS[1].title_vi, "Nhiều lần đăng nhập SSH thất bại từ một địa chỉ trong năm phút.", STEPS[1].tags, ("Máy quét lỗ hổng nội bộ đã đăng ký",), (), "SOC", YAML, "rules/correlation/ssh_guessing.yml", 1, "event_count")  # fmt: skip


class Listing(NamedTuple):
    hash: str = "0f3c5e7d9b1a24680f3c5e7d9b1a2468"
    infos: Any = None
    refused: Any = ()
    muted: Any = None


def rules() -> Listing:
    infos = {step.id: RuleInfo(step.id, step.title, step.level, step.title_vi, "", step.tags, yaml=YAML, path=f"rules/correlation/{step.id}.yml", type=step.type) for step in STEPS}  # fmt: skip
    infos["ssh_failed_logon"] = RuleInfo("ssh_failed_logon", "Failed SSH log-on", "low", "Đăng nhập SSH thất bại", yaml=YAML, path="rules/linux/ssh_failed_logon.yml")  # fmt: skip
    refused = (RuleError("rules/local/proxy.yml", 14, "the modifier 'expand' needs a placeholder list, which is not configured"),)  # fmt: skip
    return Listing(infos=infos, refused=refused, muted={"ssh_failed_logon": ("202611-a2", "202611-a3")})


async def health() -> dict[str, Any]:
    lags = [{"stage": s, "records": n, "seconds": n / 100} for s, n in (("engine", 12), ("correlate", 0), ("triage", 0), ("forward", 0), ("index", 31))]  # fmt: skip
    counters = {"syslog-udp": {"received": 184203, "kernel_dropped": 12}, "syslog-tcp": {"received": 90411, "cut": 0}}
    finding = {"level": "warning", "where": "syslog-udp", "id": "kernel_drops", "values": {"count": 12}}
    return {"ok": True, "at": to_iso(NOW), "lags": lags, "processes": [{"group": "engine", "pid": 4711, "ready": ["engine"], "counters": counters}], "findings": [finding], "silent_sources": ["192.0.2.31"], "rules": {"loaded": 18, "refused": 1, "muted": 1}}  # fmt: skip


def documents() -> list[Document]:
    alerts = [alert_of(step) for step in STEPS] + other_alerts()
    events = [
        event_document(Event(m.event_id, m.source, m.time, m.time, m.received, m.fields))
        for alert in alerts for m in alert.sample if m.fields
    ]  # fmt: skip
    letter = DeadLetter("log7f/0/9", "normalize", "no timestamp where RFC 3164 has one", b"\xff\xfe<34>garbage", "192.0.2.31", "syslog-udp", "192.0.2.31:514", T0)  # fmt: skip
    text = DeadLetter("log7f/0/10", "normalize", "unbalanced quote in key=value", b'date=2026-11-22 devname="FGT', "192.0.2.1", "syslog-udp", "192.0.2.1:514", T0 + MINUTE)  # fmt: skip
    entry = msgspec.json.encode({"act": "close", "actor": "lan.nt", "at": T0, "chain": "triage", "detail": "false_positive", "hash": "ab" * 32, "object": "alert/202611-b1", "prev": "0" * 64, "seq": 1})  # fmt: skip
    return [*map(alert_document, alerts), *events, incident_document(incident()), report_document(report()), deadletter_document(letter), deadletter_document(text), audit_document(entry)]  # fmt: skip


class Desk:
    """Stands in for triage: answers as it is told and remembers what it was asked."""

    def __init__(self, store: EmbeddedStore) -> None:
        self.store = store
        self.actions: list[Action] = []
        self.recorded: list[Entry] = []
        self.answer: Callable[[Action], Answer | None] = lambda a: Answer(a.id, "accepted", "", a.target, a.target_id, a.expected_revision)  # fmt: skip

    async def record(self, entry: Entry) -> None:
        self.recorded.append(entry)

    async def act(self, action: Action) -> Answer | None:
        self.actions.append(action)
        await asyncio.sleep(0)
        return self.answer(action)


def accounts(data_dir: Path) -> Users:
    users = Users(data_dir)
    if users.bootstrap():
        for name, roles in (("lan.nt", ["analyst"]), ("hoa.pv", ["approver"]), ("minh", ["viewer"]), ("kiem", ["auditor"]), ("quan", ["administrator"]), ("viet", ["rule_writer"])):  # fmt: skip
            users.add(name, roles)
            users.set_password(name, PASSWORD)
        users.set_password("admin", PASSWORD)
    return users


def make_app(data_dir: Path, store: EmbeddedStore, users: Users, desk: Desk, clock: Callable[[], Micros], **changes: Any) -> web.Application:  # fmt: skip
    parts: dict[str, Any] = {"store": store, "act": desk.act, "users": users, "info": rule_info, "preview": preview, "language": "vi", "clock": clock, "timezone": "Asia/Ho_Chi_Minh", "health": health, "session_hours": 12, "data_dir": data_dir, "rules": rules, "record": desk.record}  # fmt: skip
    return create_app(**{**parts, **changes})


class World(NamedTuple):
    client: TestClient
    store: EmbeddedStore
    desk: Desk
    users: Users
    app: web.Application


@asynccontextmanager
async def world(data_dir: Path, users_dir: Path, clock: Callable[[], Micros] = lambda: NOW, **changes: Any) -> AsyncIterator[World]:  # fmt: skip
    """A console on a port of its own; accounts are shared between tests because hashing passwords takes time."""
    store = EmbeddedStore(data_dir / "store.db")
    await store.write(documents())
    users, desk = accounts(users_dir), Desk(store)
    app = make_app(data_dir, store, users, desk, clock, **changes)
    async with TestClient(TestServer(app)) as client:
        yield World(client, store, desk, users, app)
    await store.close()
