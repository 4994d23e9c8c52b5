"""The store, a policy and a period in, a periodic report out: every figure is the count of one query, which it carries."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from soc.clock import Micros, to_iso
from soc.duties.calendar import period
from soc.duties.clocks import clocks
from soc.duties.figures import Figure, PeriodicReport, Section, Timely
from soc.duties.policy import Periodic, Policy
from soc.duties.schedule import steps_of
from soc.errors import SettingsError
from soc.forward.owed import handed_over, incidents_of, reports_of
from soc.store.base import Kind, Store
from soc.store.query import parse

TOP = 15
"""Values of a ranking."""
EXACT = 10_000
"""A search counts up to here; beyond, the values of a field that every document has are added up."""


class _Count(NamedTuple):
    id: str
    vi: str
    en: str
    kind: Kind
    query: str


class _Ranking(NamedTuple):
    id: str
    vi: str
    en: str
    kind: Kind
    query: str
    field: str
    only: str = ""
    """Values must begin so."""


_INCIDENTS = "NOT incident.status:merged NOT incident.exercise:true"
_SECTIONS: Sequence[tuple[str, str, str, Sequence[_Count]]] = (
    (
        "incidents",
        "Sự kiện, sự cố",
        "Events and incidents",
        (
            _Count("all", "Tổng số sự kiện, sự cố", "Events and incidents", "incident", _INCIDENTS),
            _Count(
                "incidents",
                "Sự cố đã xác nhận",
                "Confirmed incidents",
                "incident",
                f"{_INCIDENTS} incident.kind:incident",
            ),
            _Count("serious", "Sự cố nghiêm trọng", "Serious", "incident", f"{_INCIDENTS} incident.severity:serious"),
            _Count("normal", "Sự cố thông thường", "Normal", "incident", f"{_INCIDENTS} incident.severity:normal"),
            _Count(
                "false_positive",
                "Kết luận báo động sai",
                "Found to be false alarms",
                "incident",
                f"{_INCIDENTS} incident.verdict:false_positive",
            ),
            _Count("closed", "Đã xử lý xong", "Closed", "incident", f"{_INCIDENTS} incident.status:closed"),
            _Count("open", "Chưa xử lý xong", "Still open", "incident", f"{_INCIDENTS} NOT incident.status:closed"),
            _Count(
                "exercises",
                "Diễn tập (không tính ở trên)",
                "Exercises (not counted above)",
                "incident",
                "incident.exercise:true",
            ),
        ),
    ),
    (
        "alerts",
        "Cảnh báo",
        "Alerts",
        (
            _Count("alerts", "Tổng số cảnh báo", "Alerts", "alert", ""),
            *(
                _Count(f"alerts_{level}", f"Mức {vi}", f"Level {level}", "alert", f"alert.level:{level}")
                for level, vi in (
                    ("critical", "nghiêm trọng"),
                    ("high", "cao"),
                    ("medium", "trung bình"),
                    ("low", "thấp"),
                )
            ),
            _Count("alerts_silenced", "Trong thời gian tạm im", "While silenced", "alert", "alert.silenced:true"),
        ),
    ),
    (
        "reports",
        "Báo cáo đã lập",
        "Reports",
        (
            _Count("reports", "Tổng số báo cáo đã niêm phong", "Sealed reports", "report", ""),
            _Count(
                "reports_accepted",
                "Nơi nhận đã xác nhận",
                "Acknowledged by the receiver",
                "report",
                "report.state:accepted",
            ),
            _Count(
                "reports_other_way",
                "Gửi bằng đường khác",
                "Delivered another way",
                "report",
                "report.state:out_of_band",
            ),
            _Count("reports_rejected", "Bị từ chối", "Refused", "report", "report.state:rejected"),
        ),
    ),
    (
        "monitoring",
        "Hoạt động giám sát",
        "Monitoring",
        (
            _Count("silences", "Lệnh tạm im, bảo trì", "Silences and maintenance windows", "silence", ""),
            _Count("notices", "Tin báo cho người trực", "Messages to people on duty", "notice", ""),
            _Count("directives", "Chỉ đạo từ cấp trên", "Directives from above", "directive", ""),
            _Count("deadletters", "Bản ghi không đọc được", "Records that could not be read", "deadletter", ""),
        ),
    ),
)
_RANKINGS: Sequence[_Ranking] = (
    _Ranking("systems", "Đối tượng bị tấn công", "Systems hit", "incident", _INCIDENTS, "system.name"),
    _Ranking(
        "techniques",
        "Kỹ thuật tấn công (ATT&CK)",
        "Techniques (ATT&CK)",
        "incident",
        _INCIDENTS,
        "rule.tags",
        "attack.t",
    ),
    _Ranking("rules", "Luật phát hiện", "Rules that fired", "alert", "", "rule.name"),
    _Ranking("sources", "Nguồn tấn công (địa chỉ IP)", "Where from (addresses)", "alert", "", "source.ip"),
)
_TIME: Mapping[Kind, str] = {"incident": "incident.raised", "alert": "alert.raised"}
"""By which time a document is of a period; others by ``@timestamp``. What is raised late is of the period in which it became known: the
report on the one before has been made by then."""

OPEN_ENDS = (
    "Thời gian mất tín hiệu của từng nguồn nhật ký không được lưu lịch sử; trang Tình trạng hệ thống chỉ cho biết hiện tại.",
)


def ranged(kind: Kind, query: str, start: Micros, end: Micros) -> str:
    """A query with its period in it, so that it says all by itself."""
    name = _TIME.get(kind, "@timestamp")
    return f"{query} {name}>={to_iso(start)} {name}<{to_iso(end)}".strip()


async def count(store: Store, kind: Kind, query: str) -> int:
    """How many documents match, exactly."""
    parsed = parse(query)
    total = (await store.search(kind, parsed, limit=1)).total
    if total < EXACT:
        return total
    return sum(number for _, number in await store.counts(kind, parsed, "event.kind"))


def find(policy: Policy, report: str) -> Periodic:
    """A periodic report of the policy by its id, or by how long its period is.

    Raises:
        SettingsError: it has none.
    """
    wanted = {"weekly": "week"}.get(report, report)
    for one in policy.periodic:
        if report == one.id or wanted == one.every:
            return one
    known = ", ".join(one.id for one in policy.periodic)
    raise SettingsError([f"{policy.id} has no periodic report {report!r}; known: {known}"])


async def make(
    store: Store, policy: Policy, report: str, name: str, *, organization: str, now: Micros
) -> PeriodicReport:
    """One periodic report.

    Args:
        store: what is counted.
        policy: in force.
        report: its id.
        name: of the period: ``2026``, ``2026-H1``, ``2026-W47``.
        organization: who makes it.
        now: the time.

    Raises:
        SettingsError: there is no such report or period.
    """
    one = find(policy, report)
    try:
        covered = period(one.every, name, one.first_day, policy.zone)
    except ValueError as error:
        raise SettingsError([f"--period: {error}"]) from error
    sections = [await _section(store, row, covered.start, covered.end) for row in _SECTIONS]
    sections += [await _ranking(store, row, covered.start, covered.end) for row in _RANKINGS]
    query = ranged("incident", _INCIDENTS, covered.start, covered.end)
    timely = await _timely(store, policy, query, now)
    return PeriodicReport(
        one.id,
        covered.name,
        one.vi,
        one.en,
        organization,
        covered.start,
        covered.end,
        now,
        now < covered.end,
        str(policy.zone),
        one.legal_basis,
        one.verified,
        policy.id,
        policy.hash,
        tuple(sections),
        timely,
        query,
        steps_of(policy, one, covered, now, await handed_over(store)),
        OPEN_ENDS,
    )


async def _section(store: Store, row: tuple[str, str, str, Sequence[_Count]], start: Micros, end: Micros) -> Section:
    id_, vi, en, counts = row
    figures: list[Figure] = []
    for one in counts:
        query = ranged(one.kind, one.query, start, end)
        figures.append(Figure(one.id, one.vi, one.en, one.kind, query, await count(store, one.kind, query)))
    return Section(id_, vi, en, tuple(figures))


async def _ranking(store: Store, row: _Ranking, start: Micros, end: Micros) -> Section:
    query = ranged(row.kind, row.query, start, end)
    found = await store.counts(row.kind, parse(query), row.field, limit=10 * TOP)
    figures: list[Figure] = []
    for value, number in [pair for pair in found if pair[0].startswith(row.only)][:TOP]:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        name = value.removeprefix("attack.").upper() if row.only else value
        figures.append(Figure(row.id, name, name, row.kind, f'{query} {row.field}:"{escaped}"', number))
    return Section(row.id, row.vi, row.en, tuple(figures), ranked=True)


async def _timely(store: Store, policy: Policy, query: str, now: Micros) -> tuple[Timely, ...]:
    """Each duty of the period's incidents that was or is owed, in the incidents' order."""
    incidents = await incidents_of(store, parse(query))
    reports = await reports_of(store, incidents)
    return tuple(
        Timely(
            clock.incident_id,
            clock.number,
            clock.kind,
            clock.vi,
            clock.recipient,
            clock.recipient_vi,
            clock.t0,
            clock.due,
            clock.delivered,
            clock.state,
        )
        for incident in reversed(incidents)
        for clock in clocks(policy, incident, now, reports.get(incident.id, ()))
        if clock.state in {"met", "late", "overdue", "running"}
    )
