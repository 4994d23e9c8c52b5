"""A periodic report in, text in the layout of Vietnamese administrative documents (Decree 30/2020/NĐ-CP) out: Markdown, or a page to print.

Number, place, date and signature are blanks: people fill them in, and the signed paper is the report.
"""

from collections.abc import Iterable, Sequence
from html import escape
from zoneinfo import ZoneInfo

from soc.clock import Micros, to_datetime
from soc.duties.figures import PeriodicReport, Section

_STATES = {"met": "đúng hạn", "late": "muộn", "overdue": "quá hạn, chưa gửi", "running": "chưa đến hạn"}
_NATION, _MOTTO = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"
_BLANKS = "Số: ......../BC-........", "................, ngày ...... tháng ...... năm ........"
_UNVERIFIED = "Căn cứ chưa được người có thẩm quyền đối chiếu với văn bản gốc."
_PRELIMINARY = "SỐ LIỆU TẠM TÍNH: kỳ báo cáo chưa kết thúc."
_QUERY = "Truy vấn để kiểm tra lại"
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_STYLE = """body{font:13pt/1.45 'Times New Roman',serif;max-width:19cm;margin:1.5cm auto;color:#000;background:#fff}
.head{display:flex;justify-content:space-between;text-align:center}.head p{margin:0}h1{font-size:14pt;text-align:center;margin:1.2em 0 0}
.about{text-align:center;margin:0 0 1em}h2{font-size:13pt;margin:1.1em 0 .3em}table{border-collapse:collapse;width:100%;font-size:11pt}
th,td{border:1px solid #000;padding:.15em .4em;text-align:left;vertical-align:top}td.n{text-align:right}td.q{font:8.5pt monospace;overflow-wrap:anywhere}
.warn{border:1px solid #000;padding:.3em .6em}.sign{display:flex;justify-content:space-between;margin-top:2em}.sign div{width:45%}.sign .right{text-align:center}
tr{break-inside:avoid}"""


def markdown(report: PeriodicReport) -> str:
    """The report as Markdown."""
    lines = [
        f"**{report.organization.upper()}** | **{_NATION}**",
        "--- | ---",
        f"{_BLANKS[0]} | **{_MOTTO}**",
        f" | *{_BLANKS[1]}*",
        "",
        "# BÁO CÁO",
        "",
        f"**{report.vi}, {_span(report)}**",
        "",
        *(f"> {line}\n" for line in _warnings(report)),
        f"Căn cứ: {report.legal_basis}",
        "",
        f"Kính gửi: {'; '.join(_recipients(report))}.",
        "",
    ]
    for number, (title, header, rows) in enumerate(_tables(report)):
        lines += [f"## {_ROMAN[number]}. {title}", ""]
        if rows:
            lines += [" | ".join(header), " | ".join("---" for _ in header)]
            lines += [" | ".join(_cell(cell, name) for name, cell in zip(header, row, strict=True)) for row in rows]
        else:
            lines.append("Không có.")
        lines.append("")
    lines += [
        *_closing(report),
        "",
        "Nơi nhận: như trên; lưu: VT. | **THỦ TRƯỞNG ĐƠN VỊ**",
        "--- | ---",
        " | *(Ký tên, đóng dấu)*",
        "",
    ]
    return "\n".join(lines)


def html(report: PeriodicReport) -> str:
    """The report as one page that prints on A4 and needs nothing else."""
    tables = "".join(
        f"<h2>{_ROMAN[number]}. {escape(title)}</h2>{_table(header, rows) if rows else '<p>Không có.</p>'}"
        for number, (title, header, rows) in enumerate(_tables(report))
    )
    warnings = "".join(f'<p class="warn"><strong>{escape(line)}</strong></p>' for line in _warnings(report))
    closing = "".join(f"<p>{escape(line)}</p>" for line in _closing(report))
    return (
        f'<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{escape(report.vi)} {escape(report.period)}</title>'
        f"<style>{_STYLE}</style></head><body>"
        f'<div class="head"><div><p><strong>{escape(report.organization.upper())}</strong></p><p>{_BLANKS[0]}</p></div>'
        f"<div><p><strong>{_NATION}</strong></p><p><strong>{_MOTTO}</strong></p><p><em>{_BLANKS[1]}</em></p></div></div>"
        f'<h1>BÁO CÁO</h1><p class="about"><strong>{escape(report.vi)}, {_span(report)}</strong></p>'
        f"{warnings}<p>Căn cứ: {escape(report.legal_basis)}</p><p>Kính gửi: {escape('; '.join(_recipients(report)))}.</p>"
        f"{tables}{closing}"
        '<div class="sign"><div><strong><em>Nơi nhận:</em></strong><br>- Như trên;<br>- Lưu: VT.</div>'
        '<div class="right"><strong>THỦ TRƯỞNG ĐƠN VỊ</strong><br><em>(Ký tên, đóng dấu)</em></div></div></body></html>\n'
    )


def _tables(report: PeriodicReport) -> Iterable[tuple[str, Sequence[str], list[tuple[str, ...]]]]:
    for section in report.sections:
        yield section.vi, _header(section), [(one.vi, _number(one.value), one.query) for one in section.figures]
    zone = ZoneInfo(report.zone)
    yield (
        "Thời hạn báo cáo sự cố",
        ("Sự cố", "Báo cáo", "Nơi nhận", "Mốc tính", "Hạn", "Đã gửi lúc", "Kết quả"),
        [
            (
                one.number,
                one.vi,
                one.recipient_vi,
                *(_at(at, zone) for at in (one.t0, one.due, one.delivered)),
                _STATES.get(one.state, one.state),
            )
            for one in report.timely
        ],
    )


def _header(section: Section) -> tuple[str, str, str]:
    return ("Nội dung" if section.ranked else "Chỉ tiêu", "Số lượng", _QUERY)


def _warnings(report: PeriodicReport) -> list[str]:
    return [*([_PRELIMINARY] if report.preliminary else []), *([] if report.verified else [_UNVERIFIED])]


def _closing(report: PeriodicReport) -> list[str]:
    made = _at(report.made, ZoneInfo(report.zone))
    by = f"{report.policy} (SHA-256 {report.policy_hash[:16]})"
    return [
        *report.open_ends,
        f"Số liệu lập lúc {made} theo chính sách {by}; sự cố và cảnh báo tính theo thời điểm phát hiện.",
    ]


def _recipients(report: PeriodicReport) -> list[str]:
    return list(dict.fromkeys(step.recipient_vi for step in report.steps))


def _span(report: PeriodicReport) -> str:
    zone = ZoneInfo(report.zone)
    first, last = (to_datetime(at).astimezone(zone).strftime("%d/%m/%Y") for at in (report.start, report.end - 1))
    return f"từ {first} đến {last}"


def _at(at: Micros | None, zone: ZoneInfo) -> str:
    return "–" if at is None else to_datetime(at).astimezone(zone).strftime("%d/%m/%Y %H:%M:%S")


def _number(value: int) -> str:
    return f"{value:,}".replace(",", ".")


def _cell(text: str, column: str) -> str:
    """A cell of a Markdown table; a query is code, so that it can be copied as it is."""
    if column == _QUERY:
        return f"``{text}``".replace("|", "\\|")
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    kinds = {"Số lượng": ' class="n"', _QUERY: ' class="q"'}
    marks = [kinds.get(name, "") for name in header]
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td{mark}>{escape(cell)}</td>" for mark, cell in zip(marks, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
