"""A report's sealed bytes in; the Vietnamese form as titles, lines and tables out, to be printed. Pure: it knows no more than the bytes say.

The order is that of forms 03 and 04 of Circular 20/2017/TT-BTTTT (research/national.md §2.2), the frame that of Decree 30/2020/NĐ-CP:
country and motto, office, number and symbol, place and date, type and subject, addressee, body, recipients, signature. Number and day are
blanks: the office's clerk gives them when a person has signed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from soc.duties.fields import FIELDS
from soc.receiver import Paper

NATION, MOTTO = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"
DOTS = "........"
MAX_ROWS = 60
"""Rows of a table; the rest is counted: the sealed bytes beside the form have them all."""

TYPES: Mapping[str, tuple[str, str, str]] = {
    "notice_immediate": ("TB", "THÔNG BÁO", "Thông báo ngay về sự cố an ninh mạng"),
    "notice_initial": ("TB", "THÔNG BÁO", "Thông báo ban đầu về sự cố an ninh mạng"),
    "report_72h": ("BC", "BÁO CÁO", "Báo cáo sự cố an ninh mạng"),
    "update": ("BC", "BÁO CÁO", "Báo cáo diễn biến sự cố an ninh mạng"),
    "response_plan": ("PA", "PHƯƠNG ÁN", "Phương án ứng cứu sự cố an ninh mạng"),
    "support_request": ("ĐN", "ĐỀ NGHỊ", "Đề nghị hỗ trợ, phối hợp ứng cứu sự cố an ninh mạng"),
    "closing": ("BC", "BÁO CÁO", "Báo cáo kết thúc ứng phó sự cố an ninh mạng"),
    "correction": ("BC", "BÁO CÁO", "Đính chính báo cáo sự cố an ninh mạng"),
    "pdp_notice": ("TB", "THÔNG BÁO", "Thông báo vi phạm quy định bảo vệ dữ liệu cá nhân"),
}
"""Kind → abbreviation in the symbol, type of document, subject."""
_OTHER = ("BC", "BÁO CÁO", "Báo cáo sự cố an ninh mạng")

_SEVERITY = {"serious": "Nghiêm trọng", "normal": "Thông thường"}
_TYPE = {"event": "Sự kiện (chưa gây ảnh hưởng)", "incident": "Sự cố đã xác nhận"}
_LEVEL = {
    "informational": "Thông tin",
    "low": "Thấp",
    "medium": "Trung bình",
    "high": "Cao",
    "critical": "Nghiêm trọng",
}
_FLAGS = {
    "national_security": "dấu hiệu xâm phạm an ninh quốc gia",
    "public_order": "dấu hiệu xâm phạm trật tự, an toàn xã hội",
    "serious_disruption": "gây gián đoạn nghiêm trọng",
    "beyond_capability": "vượt khả năng tự xử lý",
    "state_secret_risk": "nguy cơ lộ bí mật nhà nước",
    "personal_data": "liên quan dữ liệu cá nhân",
}
_VERDICT = {
    "true_positive": "Tấn công thật",
    "benign_true_positive": "Hoạt động hợp lệ",
    "false_positive": "Báo động sai",
}
_ENTITIES = {
    "source.ip": "Địa chỉ IP nguồn",
    "destination.ip": "Địa chỉ IP đích",
    "host.name": "Máy",
    "process.name": "Tiến trình",
    "file.name": "Tệp",
    "url.full": "Đường dẫn",
    "dns.question.name": "Tên miền truy vấn",
}


class Issued(NamedTuple):
    """What the clerk gives a document when it is issued: its number without symbol, and its day."""

    number: str
    day: date


class Line(NamedTuple):
    """One item of the form."""

    label: str
    text: str


class Table(NamedTuple):
    """A table; ``shares`` of its width sum to 1. ``more``: rows that are not shown."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]
    more: int = 0


class Part(NamedTuple):
    """A numbered part of the body."""

    title: str
    lines: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()


class Form(NamedTuple):
    """A document as it is printed.

    Attributes:
        number: with blanks for what the clerk fills in. ``dated``: place and date, with blanks too.
        kind: type of document in capitals. ``about``: its subject (trích yếu).
        mark: across every page: an exercise; "" on a real one.
        foot: what ties the paper to the sealed bytes.
    """

    superior: str
    organization: str
    number: str
    dated: str
    kind: str
    about: str
    addressee: str
    parts: tuple[Part, ...]
    recipients: tuple[str, ...]
    signer_title: str
    signer_name: str
    mark: str
    tlp: str
    foot: tuple[str, ...]


def form(payload: bytes, paper: Paper, issued: Issued | None = None) -> Form:
    """The form of a report.

    Args:
        payload: its sealed bytes (``soc-report/2``).
        paper: how this installation writes documents.
        issued: number and day that the clerk gave it; None leaves them blank.

    Raises:
        ValueError: these are no report's bytes.
    """
    tree = _tree(payload)
    short, kind, subject = TYPES.get(str(tree.get("kind", "")), _OTHER)
    about = _of(tree, "incident")
    zone = ZoneInfo(paper.timezone)
    audit = _of(tree, "audit")
    sequence = tree.get("sequence", 1)
    day, month, year = ("......", "......", _year(str(about.get("as_of", "")), zone))
    if issued:
        day, month, year = f"{issued.day:%d}", f"{issued.day:%m}", f"{issued.day:%Y}"
    return Form(
        superior=paper.superior.upper(),
        organization=str(tree["organization"]).upper(),
        number=f"Số: {paper.number.replace('{number}', issued.number if issued else DOTS).replace('{type}', short).replace('{office}', paper.office)}",
        dated=f"{paper.place or DOTS * 2}, ngày {day} tháng {month} năm {year}",
        kind=kind,
        about=f"{subject} {about.get('number', '')}{f' (lần {sequence})' if isinstance(sequence, int) and sequence > 1 else ''}",
        addressee=paper.addressee or str(tree["recipient"]),
        parts=tuple(part for part in _parts(tree, zone) if part.lines or part.tables),
        recipients=("Như trên;", *(f"{one};" for one in paper.copies), "Lưu: VT."),
        signer_title=paper.signer_title,
        signer_name=paper.signer_name,
        mark="DIỄN TẬP" if tree.get("watermark") else "",
        tlp=f"TLP:{about.get('tlp', '')}",
        foot=(
            f"Mã báo cáo {tree['report_id']} · SHA-256 nội dung niêm phong {hashlib.sha256(payload).hexdigest()}",
            f"Nhật ký kiểm toán {audit.get('chain', '')} dòng {audit.get('line', '')}: {audit.get('sha256', '')}",
        ),
    )


def _tree(payload: bytes) -> dict[str, Any]:
    try:
        tree: Any = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ValueError("the sealed bytes are no JSON") from error
    if not isinstance(tree, dict):
        raise ValueError("the sealed bytes are no report")  # noqa: TRY004 - a wrong value, whatever its type
    found = cast("dict[str, Any]", tree)
    if lacking := [name for name in ("organization", "recipient", "report_id", "incident") if name not in found]:
        raise ValueError(f"the sealed bytes are no report: {', '.join(lacking)} missing")
    return found


def _parts(tree: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Part]:
    typed = {name: str(text) for name, text in _of(tree, "particulars").items() if str(text).strip()}

    def told(*names: str) -> tuple[Line, ...]:
        return tuple(Line(FIELDS[name].vi, typed[name]) for name in names if name in typed)

    yield Part(
        "Tổ chức, cá nhân báo cáo",
        told("reporter_name", "reporter_address", "reporter_phone", "reporter_email"),
    )
    yield Part("Người liên hệ", told("contact_name", "contact_title", "contact_phone", "contact_email"))
    systems = _list(tree, "systems")
    for number, system in enumerate(systems, 1):
        yield Part(f"Hệ thống thông tin bị sự cố{f' ({number})' if len(systems) > 1 else ''}", tuple(_system(system)))
    if not systems:
        yield Part("Hệ thống thông tin bị sự cố", told(*(name for name in FIELDS if name.startswith("system_"))))
    yield Part("Sự cố", tuple(_incident(_of(tree, "incident"), zone)))
    alerts = _list(tree, "alerts")
    how = () if "how_detected" in typed else tuple(_how(alerts))
    names = ("description", "current_state", "how_detected", "already_notified", "impact", "spread", "cause")
    yield Part("Diễn biến và ảnh hưởng", (*told(*names), *how, *told("change_since_last", "correction_reason")))
    names = ("protections", "measures_done", "measures_planned", "assisting_orgs", "response_plan", "result", "lessons")
    yield Part("Biện pháp xử lý", told(*names))
    yield Part("Dữ liệu cá nhân", told(*(name for name in FIELDS if name.startswith("pdp_"))))
    yield Part("Cảnh báo và dấu hiệu", (), tuple(_tables(alerts, _list(tree, "entities"), zone)))
    names = ("requests_to_national", "initial_report_number", "attachments", "late_reason")
    yield Part("Kiến nghị, tài liệu kèm theo", told(*names))


def _system(system: Mapping[str, Any]) -> Iterator[Line]:
    labels = {
        "name": "system_name",
        "owner": "system_owner",
        "operator": "system_operator",
        "level": "system_level",
        "purpose": "system_purpose",
        "domains": "system_domains",
        "public_addresses": "system_public_addresses",
        "operating_systems": "system_os",
        "services": "system_services",
        **{name: name for name in ("hosting_provider", "connectivity_provider", "security_provider")},
    }
    for name, field in labels.items():
        text = _text(system.get(name))
        if text:
            yield Line(FIELDS[field].vi, text)


def _incident(about: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Line]:
    flags = about.get("flags")
    known = [_FLAGS.get(str(flag), str(flag)) for flag in cast("list[Any]", flags or [])]
    linked = about.get("linked")
    techniques = [
        str(tag).removeprefix("attack.").upper()
        for tag in cast("list[Any]", about.get("techniques") or [])
        if str(tag).startswith("attack.t")
    ]
    rows: list[tuple[str, str]] = [
        (FIELDS["incident_number"].vi, _text(about.get("number"))),
        (FIELDS["title"].vi, _text(about.get("title_vi") or about.get("title"))),
        ("Phân loại", _TYPE.get(str(about.get("type")), "")),
        (FIELDS["severity"].vi, _SEVERITY.get(str(about.get("severity")), "")),
        ("Dấu hiệu, yếu tố", "; ".join(known)),
        (FIELDS["detected_at"].vi, _time(about.get("detected_at"), zone)),
        (FIELDS["occurred_from"].vi, _time(about.get("first_seen"), zone)),
        ("Hoạt động gần nhất", _time(about.get("last_seen"), zone)),
        ("Thời điểm xác nhận", _time(about.get("confirmed_at"), zone)),
        (FIELDS["contained_at"].vi, _time(about.get("contained_at"), zone)),
        (FIELDS["closed_at"].vi, _time(about.get("closed_at"), zone)),
        ("Kết luận", _VERDICT.get(str(about.get("verdict")), "")),
        (FIELDS["techniques"].vi, ", ".join(techniques)),
        ("Sự cố liên quan", _text(linked)),
        ("Lưu ý", "Một phần dữ liệu đến qua UDP, không xác thực được nguồn gửi." if about.get("unauthenticated") else ""),
        (FIELDS["keep_secret"].vi, {True: "Có", False: "Không"}.get(cast("bool", about.get("keep_secret")), "")),
        ("Số liệu tính đến", _time(about.get("as_of"), zone)),
    ]  # fmt: skip
    yield from (Line(label, text) for label, text in rows if text)


def _how(alerts: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    titles = dict.fromkeys(str(one.get("title_vi") or one.get("title") or "") for one in alerts[:5])
    if any(titles):
        yield Line(FIELDS["how_detected"].vi, f"Hệ thống giám sát cảnh báo: {'; '.join(filter(None, titles))}")


def _tables(
    alerts: Sequence[Mapping[str, Any]], entities: Sequence[Mapping[str, Any]], zone: ZoneInfo
) -> Iterator[Table]:
    if alerts:
        rows = tuple(
            (
                str(one.get("title_vi") or one.get("title") or one.get("rule_id") or ""),
                _LEVEL.get(str(one.get("level")), ""),
                _text(one.get("count")),
                _time(one.get("first_seen"), zone),
                _time(one.get("last_seen"), zone),
            )
            for one in alerts[:MAX_ROWS]
        )
        header = ("Cảnh báo", "Mức", "Số sự kiện", "Từ", "Đến")
        yield Table(header, rows, (0.36, 0.13, 0.13, 0.19, 0.19), max(0, len(alerts) - MAX_ROWS))
    if entities:
        rows = tuple(
            (
                _ENTITIES.get(str(one.get("kind")), str(one.get("kind", ""))),
                str(one.get("value", "")),
                "Nội bộ" if one.get("internal") else "Bên ngoài",
                _text(one.get("alerts")),
            )
            for one in entities[:MAX_ROWS]
        )
        header = ("Loại", "Giá trị", "Phạm vi", "Số cảnh báo")
        yield Table(header, rows, (0.26, 0.42, 0.16, 0.16), max(0, len(entities) - MAX_ROWS))


def _of(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _list(tree: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = tree.get(name)
    return [item for item in cast("list[Any]", found) if isinstance(item, Mapping)] if isinstance(found, list) else []


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in cast("list[Any]", value) if str(item).strip())
    return "" if value in (None, 0, "") else str(value)


def _time(value: Any, zone: ZoneInfo) -> str:
    if not isinstance(value, str) or not value:
        return ""
    try:
        return datetime.fromisoformat(value).astimezone(zone).strftime("%d/%m/%Y %H:%M:%S")
    except ValueError:
        return value


def _year(value: str, zone: ZoneInfo) -> str:
    try:
        return str(datetime.fromisoformat(value).astimezone(zone).year)
    except ValueError:
        return DOTS
