"""An incident in, what a report says in each field out: one dictionary of the fields of all forms, and where each comes from.

Items ``03/…`` and ``04/…`` are those of forms 03 (first report) and 04 (closing report) of Circular 20/2017/TT-BTTTT as a reporting
portal shows them (research/national.md §2.2); the annex itself was not read. A field that a person typed on the incident
(``Incident.particulars``) always wins. Nothing is redacted here: that is ``soc.forward``'s.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from soc.clock import Micros, to_datetime
from soc.model import Incident, SystemHit

Source = Literal["installation", "register", "incident", "person"]
"""``installation``: the same in every report, from the settings. ``register``: of the systems hit. ``incident``: what the product
knows itself. ``person``: typed on the incident."""

FORMAT = "%d/%m/%Y %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a report.

    Attributes:
        vi, en: its label.
        form: items of the forms it answers.
        personal: it names a person: the one kind of personal data that a report may carry is its contact.
        free: free text, so that a redactor must look into it.
    """

    name: str
    vi: str
    en: str
    source: Source
    form: str = ""
    personal: bool = False
    free: bool = False


def _fields(source: Source, rows: Iterable[tuple[str, str, str, str]], **marks: bool) -> dict[str, Field]:
    return {name: Field(name, vi, en, source, form, **marks) for name, vi, en, form in rows}


FIELDS: Mapping[str, Field] = {
    **_fields(
        "installation",
        [
            ("reporter_name", "Tổ chức, cá nhân báo cáo", "Reporter", "03/1 04/1"),
            ("reporter_address", "Địa chỉ đơn vị báo cáo", "Reporter's address", "03/1 04/1"),
            ("reporter_phone", "Điện thoại đơn vị báo cáo", "Reporter's telephone", "03/1 04/1"),
            ("reporter_email", "Thư điện tử đơn vị báo cáo", "Reporter's e-mail", "03/1 04/1"),
        ],
    ),
    **_fields(
        "installation",
        [
            ("contact_name", "Người liên hệ", "Contact person", "03/2"),
            ("contact_title", "Chức vụ người liên hệ", "Contact's title", "03/2"),
            ("contact_phone", "Điện thoại người liên hệ", "Contact's telephone", "03/2"),
            ("contact_email", "Thư điện tử người liên hệ", "Contact's e-mail", "03/2"),
        ],
        personal=True,
    ),
    **_fields(
        "register",
        [
            ("system_name", "Hệ thống thông tin bị sự cố", "Information system", "03/3 04/3"),
            ("system_operator", "Đơn vị vận hành", "Operator", "03/3 04/3"),
            ("system_owner", "Chủ quản hệ thống thông tin", "Owner", "03/3 04/3"),
            ("system_level", "Cấp độ an toàn hệ thống thông tin", "Security level (1 to 5)", "03/3 04/3"),
            ("system_purpose", "Mục đích sử dụng", "Purpose", "03/8"),
            ("system_domains", "Tên miền", "Domain names", "03/3 03/8"),
            ("system_public_addresses", "Địa chỉ IP sử dụng trên Internet", "Public IP addresses", "03/3 03/8"),
            ("system_os", "Hệ điều hành, phiên bản", "Operating systems", "03/8"),
            ("system_services", "Dịch vụ", "Services", "03/8"),
            ("hosting_provider", "Đơn vị cung cấp dịch vụ hosting", "Hosting provider", "03/4"),
            ("connectivity_provider", "Đơn vị cung cấp kết nối bên ngoài", "Connectivity provider", "03/4"),
            ("security_provider", "Đơn vị cung cấp dịch vụ an toàn thông tin", "Security provider", "03/4"),
        ],
    ),
    **_fields(
        "incident",
        [
            ("incident_number", "Số hiệu sự cố", "Incident number", "04/4"),
            ("title", "Tên sự cố", "Title", "03/5 04/4"),
            ("detected_at", "Thời điểm phát hiện", "Detected at", "03/6 04/4"),
            ("occurred_from", "Thời điểm bắt đầu", "Began at", "03/6"),
            ("severity", "Mức độ sự cố", "Severity", "03/5"),
            ("techniques", "Kỹ thuật tấn công (ATT&CK)", "Attack techniques (ATT&CK)", ""),
            ("how_detected", "Cách phát hiện", "How it was detected", "03/6"),
            ("contained_at", "Thời điểm khống chế", "Contained at", "04/5"),
            ("closed_at", "Thời điểm kết thúc xử lý", "Handling ended at", "04/5"),
            ("keep_secret", "Đề nghị giữ bí mật", "Keep secret", "03/10"),
            ("exercise", "Diễn tập", "Exercise", ""),
        ],
    ),
    **_fields(
        "person",
        [
            ("description", "Mô tả sơ bộ về sự cố", "Short description", "03/5 04/4"),
            ("current_state", "Hiện trạng sự cố", "Current state", "03/6"),
            ("already_notified", "Đã thông báo cho", "Already notified to", "03/6"),
            ("impact", "Ảnh hưởng, nguy cơ gián đoạn", "Effects and risk of disruption", "03/5"),
            ("spread", "Phạm vi, mức độ lây lan", "Scope and spread", "03/5"),
            ("cause", "Nguyên nhân", "Cause", ""),
            ("protections", "Biện pháp bảo vệ đang có", "Protections in place", "03/8"),
            ("measures_done", "Biện pháp đã triển khai", "Measures taken", ""),
            ("measures_planned", "Biện pháp dự kiến", "Measures planned", ""),
            ("assisting_orgs", "Đơn vị đang hỗ trợ", "Who assists", ""),
            ("result", "Kết quả xử lý", "Result of the handling", "04/5"),
            ("lessons", "Biện pháp phòng ngừa tái diễn", "Measures against a repeat", "04/5"),
            ("requests_to_national", "Kiến nghị, đề xuất", "Proposals and requests", "03/11"),
            ("response_plan", "Phương án ứng cứu", "Response plan", ""),
            ("attachments", "Tài liệu kèm theo", "Attachments", "03/9 04/6"),
            ("initial_report_number", "Số, ngày báo cáo ban đầu", "Number and date of the first report", "04/2"),
            ("change_since_last", "Diễn biến từ báo cáo trước", "What changed since the last report", ""),
            ("correction_reason", "Nội dung và lý do đính chính", "What is corrected and why", ""),
            ("late_reason", "Lý do phát hiện hoặc báo cáo muộn", "Why it was found or reported late", ""),
            ("pdp_detected_at", "Thời điểm phát hiện vi phạm dữ liệu cá nhân", "Personal-data breach found at", ""),
            ("pdp_kinds", "Loại dữ liệu cá nhân", "Kinds of personal data", ""),
            ("pdp_subjects", "Số chủ thể dữ liệu (ước tính)", "Data subjects (estimate)", ""),
            (
                "pdp_location_biometric",
                "Có dữ liệu vị trí hoặc sinh trắc học",
                "Location or biometric data among them",
                "",
            ),
            ("pdp_consequences", "Hậu quả có thể xảy ra", "Possible consequences", ""),
        ],
        free=True,
    ),
}
"""Every field that a policy may name."""

PAPER = "paper_"
"""Before a kind: the particular that holds the paper register's number and time of what left on paper (``12/M-SOC 23/11/2026 14:05``)."""


def known(name: str) -> bool:
    """Whether a particular has this name in some form, or for the paper register."""
    return name in FIELDS or name.startswith(PAPER)


@dataclass(frozen=True, slots=True)
class Gap:
    """A required field that is empty now.

    Attributes:
        systems: register keys of the systems whose entry lacks it; () where none is known or the register does not say it.
    """

    field: Field
    systems: tuple[str, ...] = ()


class Answers:
    """What an incident answers to each field.

    Args:
        incident: the incident.
        standing: field → text that is the same in every report, from the settings.
        detected_at: T0, which the forms ask for as the time of detection.
        zone: times are written in it.
    """

    def __init__(
        self, incident: Incident, standing: Mapping[str, str], detected_at: Micros | None, zone: ZoneInfo
    ) -> None:
        self._incident = incident
        self._standing = standing
        self._detected_at = detected_at
        self._zone = zone

    def text(self, name: str) -> str:
        """What a report says in a field, "" if nothing is known."""
        typed = self._incident.particulars.get(name, "").strip()
        if typed:
            return typed
        if name in _REGISTER:
            each = [(system, _of_register(name, system)) for system in self._incident.systems]
            if len(each) == 1:
                return each[0][1]
            return "; ".join(
                f"{system.name}: {text}" if name != "system_name" else text for system, text in each if text
            )
        if name in self._standing:
            return self._standing[name].strip()
        return self._own(name)

    def gap(self, name: str) -> Gap | None:
        """The gap where a required field should be, or None: a register's field must be known of every system hit."""
        field = FIELDS[name]
        if self._incident.particulars.get(name, "").strip():
            return None
        if name in _REGISTER:
            lacking = tuple(system.key for system in self._incident.systems if not _of_register(name, system))
            return Gap(field, lacking) if lacking or not self._incident.systems else None
        return None if self.text(name) else Gap(field)

    def _own(self, name: str) -> str:
        incident = self._incident
        match name:
            case "incident_number":
                return incident.number
            case "title":
                return incident.title_vi or incident.title
            case "detected_at":
                return self._time(self._detected_at)
            case "occurred_from":
                return self._time(incident.first_seen)
            case "contained_at":
                return self._time(incident.contained_at)
            case "closed_at":
                return self._time(incident.closed_at)
            case "severity":
                return "" if incident.severity == "none" else _SEVERITY[incident.severity]
            case "techniques":
                return ", ".join(
                    tag.removeprefix("attack.").upper() for tag in incident.tags if tag.startswith("attack.t")
                )
            case "how_detected":
                titles = dict.fromkeys(one.title_vi or one.title for one in incident.summaries[:5])
                return f"Hệ thống giám sát cảnh báo: {'; '.join(titles)}" if titles else ""
            case "keep_secret":
                return "Có" if incident.keep_secret else "Không"
            case "exercise":
                return "DIỄN TẬP" if incident.exercise else "Không"
            case _:
                return ""

    def _time(self, at: Micros | None) -> str:
        return "" if at is None else to_datetime(at).astimezone(self._zone).strftime(FORMAT)


_SEVERITY: Mapping[str, str] = {"normal": "Thông thường", "serious": "Nghiêm trọng"}

NONE = "Không có"
"""What a report says where the register says that there is none, as against: nobody filled it in."""

_MAY_BE_NONE: Mapping[str, str] = {
    "system_domains": "domains",
    "system_public_addresses": "public_addresses",
    "system_os": "operating_systems",
    "system_services": "services",
    "hosting_provider": "hosting_provider",
    "connectivity_provider": "connectivity_provider",
    "security_provider": "security_provider",
}
"""Field → its name in ``SystemHit.missing``, of those for which *none* is an answer."""


def _of_register(name: str, system: SystemHit) -> str:
    """A field of a system; "" if nobody filled it in."""
    text = _REGISTER[name](system)
    declared = name in _MAY_BE_NONE and _MAY_BE_NONE[name] not in system.missing
    return text or (NONE if declared else "")


_REGISTER: Mapping[str, Callable[[SystemHit], str]] = {
    "system_name": lambda system: system.name,
    "system_operator": lambda system: system.operator,
    "system_owner": lambda system: system.owner,
    "system_level": lambda system: str(system.level) if system.level else "",
    "system_purpose": lambda system: system.purpose,
    "system_domains": lambda system: ", ".join(system.domains),
    "system_public_addresses": lambda system: ", ".join(system.public_addresses),
    "system_os": lambda system: ", ".join(system.operating_systems),
    "system_services": lambda system: ", ".join(system.services),
    "hosting_provider": lambda system: system.hosting_provider,
    "connectivity_provider": lambda system: system.connectivity_provider,
    "security_provider": lambda system: system.security_provider,
}
