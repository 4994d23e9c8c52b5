"""A form in, its PDF out: A4 in the layout of Vietnamese administrative documents. The same form has the same bytes."""

import io
import unicodedata
from collections.abc import Iterator
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, black, lightgrey
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import cm, mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    HRFlowable,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from soc.errors import UnavailableError
from soc.forward.package.fonts import Faces
from soc.forward.package.form import MOTTO, NATION, Form, Line
from soc.forward.package.form import Table as FormTable

LEFT, RIGHT, TOP, BOTTOM = 3 * cm, 2 * cm, 2 * cm, 2 * cm
"""Margins by Decree 30/2020/NĐ-CP, annex I: 30–35, 15–20, 20–25 and 20–25 mm."""
_FAINT = Color(0.9, 0.9, 0.9)
_WIDTH = A4[0] - LEFT - RIGHT
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV")


def pdf(form: Form, faces: Faces) -> bytes:
    """The printed form.

    Raises:
        UnavailableError: a font's file cannot be used.
    """
    names = _registered(faces)
    styles = _Styles(names)
    stream = io.BytesIO()
    document = BaseDocTemplate(
        stream, pagesize=A4, leftMargin=LEFT, rightMargin=RIGHT, topMargin=TOP, bottomMargin=BOTTOM,
        title=f"{form.kind} {form.about}", author=form.organization, subject=form.about, lang="vi", invariant=1,
    )  # fmt: skip
    frame = Frame(LEFT, BOTTOM, _WIDTH, A4[1] - TOP - BOTTOM, 0, 0, 0, 0)

    def decorate(canvas: Canvas, page: BaseDocTemplate) -> None:
        _decorate(canvas, page.page, form, styles)

    document.addPageTemplates([PageTemplate("page", [frame], onPage=decorate)])
    document.build(list(_story(form, styles)))
    return stream.getvalue()


def _registered(faces: Faces) -> tuple[str, str, str, str]:
    """The font under names of its own, known to the library once."""
    names: list[str] = []
    for role, path in zip(("", "-B", "-I", "-BI"), faces, strict=True):
        name = f"{faces.regular.stem}{role}"
        if name not in pdfmetrics.getRegisteredFontNames():
            try:
                pdfmetrics.registerFont(TTFont(name, str(path)))  # pyright: ignore[reportUnknownMemberType] - its stub has no types here
            except (OSError, TTFError) as error:
                raise UnavailableError(f"{path}: this font cannot be used: {error}") from error
        names.append(name)
    return names[0], names[1], names[2], names[3]


class _Styles:
    """Paragraphs by Decree 30/2020/NĐ-CP: sizes 11 to 14, lines justified."""

    def __init__(self, names: tuple[str, str, str, str]) -> None:
        self.regular, self.bold, self.italic, bold_italic = names
        self.body = ParagraphStyle("body", fontName=self.regular, fontSize=13, leading=17, alignment=TA_JUSTIFY)
        self.item = ParagraphStyle("item", self.body, spaceAfter=3, splitLongWords=1)
        self.part = ParagraphStyle("part", self.body, fontName=self.bold, spaceBefore=8, spaceAfter=3, alignment=0)
        self.centre = ParagraphStyle("centre", self.body, alignment=TA_CENTER)
        self.office = ParagraphStyle("office", self.centre, fontSize=12, leading=15)
        self.strong = ParagraphStyle("strong", self.office, fontName=self.bold)
        self.nation = ParagraphStyle("nation", self.strong, fontSize=12)
        self.motto = ParagraphStyle("motto", self.strong, fontSize=13)
        self.dated = ParagraphStyle("dated", self.centre, fontName=self.italic, leading=16)
        self.kind = ParagraphStyle("kind", self.centre, fontName=self.bold, fontSize=14, leading=19)
        self.about = ParagraphStyle("about", self.kind, fontSize=13, leading=17)
        self.cell = ParagraphStyle("cell", fontName=self.regular, fontSize=11, leading=13.5, splitLongWords=1)
        self.head = ParagraphStyle("head", self.cell, fontName=self.bold, alignment=TA_CENTER)
        self.to = ParagraphStyle("to", self.cell, fontName=bold_italic, fontSize=12, leading=15)
        self.foot = ParagraphStyle("foot", self.cell, fontSize=8, leading=10, spaceBefore=1)
        self.mark = ParagraphStyle(
            "mark", self.strong, borderWidth=1, borderColor=black, borderPadding=4, spaceAfter=10, fontSize=13
        )


def _words(text: str) -> str:
    """Text as a paragraph may hold it: composed, without control characters, lines kept."""
    kept = "".join(
        one if one == "\n" or unicodedata.category(one) not in {"Cc", "Cs", "Co", "Cn"} else " " for one in text
    )
    return escape(unicodedata.normalize("NFC", kept)).replace("\n", "<br/>")


def _story(form: Form, styles: _Styles) -> Iterator[Flowable]:
    yield _heading(form, styles)
    yield Spacer(1, 14)
    if form.mark:
        yield Paragraph(f"{_words(form.mark)} - KHÔNG PHẢI SỰ CỐ THẬT", styles.mark)
    yield Paragraph(_words(form.kind), styles.kind)
    yield Paragraph(_words(form.about), styles.about)
    yield HRFlowable(width="35%", thickness=0.7, color=black, spaceBefore=3, spaceAfter=12)
    yield Paragraph(f"Kính gửi: {_words(form.addressee)}", styles.centre)
    yield Spacer(1, 8)
    for number, part in enumerate(form.parts):
        yield CondPageBreak(2.5 * cm)
        yield Paragraph(f"{_ROMAN[number] if number < len(_ROMAN) else number + 1}. {_words(part.title)}", styles.part)
        for place, line in enumerate(part.lines, 1):
            yield _item(place, line, styles)
        for table in part.tables:
            yield from _table(table, styles)
    yield KeepTogether([Spacer(1, 14), _signature(form, styles)])
    yield Spacer(1, 10)
    yield HRFlowable(width="100%", thickness=0.4, color=lightgrey, spaceAfter=2)
    for line in form.foot:
        yield Paragraph(_words(line), styles.foot)


def _item(place: int, line: Line, styles: _Styles) -> Flowable:
    return Paragraph(f"{place}. {_words(line.label)}: {_words(line.text)}", styles.item)


def _heading(form: Form, styles: _Styles) -> Flowable:
    left: list[Flowable] = [Paragraph(_words(form.superior), styles.office)] if form.superior else []
    left += [Paragraph(_words(form.organization), styles.strong), _rule("40%"), Paragraph(form.number, styles.centre)]
    right: list[Flowable] = [
        Paragraph(NATION, styles.nation),
        Paragraph(MOTTO, styles.motto),
        _rule("62%"),
        Paragraph(_words(form.dated), styles.dated),
    ]
    table = Table([[left, right]], colWidths=[_WIDTH * 0.42, _WIDTH * 0.58])
    table.setStyle(
        TableStyle(
            [("VALIGN", (0, 0), (-1, -1), "TOP"), ("ALIGN", (0, 0), (-1, -1), "CENTER"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]
        )
    )  # fmt: skip
    return table


def _rule(width: str) -> Flowable:
    return HRFlowable(width=width, thickness=0.7, color=black, spaceBefore=2, spaceAfter=5)


def _table(table: FormTable, styles: _Styles) -> Iterator[Flowable]:
    rows = [[Paragraph(_words(cell), styles.head) for cell in table.header]]
    rows += [[Paragraph(_words(cell), styles.cell) for cell in row] for row in table.rows]
    made = Table(rows, colWidths=[_WIDTH * share for share in table.shares], repeatRows=1)
    made.setStyle(TableStyle([("GRID", (0, 0), (-1, -1), 0.5, black), ("VALIGN", (0, 0), (-1, -1), "TOP")]))
    yield made
    if table.more:
        yield Paragraph(f"Còn {table.more} dòng; nội dung niêm phong kèm theo có đầy đủ.", styles.cell)
    yield Spacer(1, 8)


def _signature(form: Form, styles: _Styles) -> Flowable:
    left: list[Flowable] = [Paragraph("Nơi nhận:", styles.to)]
    left += [Paragraph(f"- {_words(one)}", styles.cell) for one in form.recipients]
    right: list[Flowable] = [
        Paragraph(_words(form.signer_title.upper()), styles.about),
        Paragraph("(Ký tên, đóng dấu)", styles.dated),
        Spacer(1, 2.4 * cm),
    ]
    right += [Paragraph(_words(form.signer_name), styles.about)] if form.signer_name else []
    table = Table([[left, right]], colWidths=[_WIDTH * 0.5, _WIDTH * 0.5])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return table


def _decorate(canvas: Canvas, page: int, form: Form, styles: _Styles) -> None:
    """The page's number at the top centre from the second page on, how far it may travel, and what an exercise says of itself."""
    canvas.saveState()
    canvas.setFont(styles.regular, 13)
    if page > 1:
        canvas.drawCentredString(A4[0] / 2, A4[1] - 12 * mm, str(page))
    canvas.setFont(styles.bold, 9)
    canvas.drawRightString(A4[0] - RIGHT, A4[1] - 12 * mm, form.tlp)
    if form.mark:
        canvas.setFillColor(_FAINT)
        canvas.setFont(styles.bold, 90)
        canvas.translate(A4[0] / 2, A4[1] / 2)
        canvas.rotate(45)
        canvas.drawCentredString(0, 0, form.mark)
    canvas.restoreState()
