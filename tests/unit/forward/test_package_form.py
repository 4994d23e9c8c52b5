"""The Vietnamese form: what stands on it, in which layout, and that its text can be read back with every diacritic."""

import io
import json
from datetime import date
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from package_made import PAPER, PARTICULARS, sealed
from pypdf import PdfReader

from soc.duties.kinds import Kind
from soc.errors import UnavailableError
from soc.forward.package.fonts import LETTERS, find
from soc.forward.package.form import TYPES, Issued, form
from soc.forward.package.mail import mail
from soc.forward.package.pdf import pdf
from soc.receiver import Paper


def text_of(data):
    return [normalize("NFC", page.extract_text()) for page in PdfReader(io.BytesIO(data)).pages]


def printed(report, **changes):
    return text_of(pdf(form(report.payload, PAPER.model_copy(update=changes)), find()))


def test_the_printed_form_has_the_frame_of_an_administrative_document():
    first = printed(sealed())[0]
    for said in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "UBND TỈNH MẪU",
        "TRUNG TÂM GIÁM SÁT",
        "Số: ......../TB-TTGS",
        "Mẫu, ngày ...... tháng ...... năm 2026",
        "THÔNG BÁO",
        "Thông báo ban đầu về sự cố an ninh mạng INC-2026-000001",
        "Kính gửi: Trung tâm An ninh mạng quốc gia",
    ):
        assert said in first, said
    last = printed(sealed())[-1]
    for said in ("Nơi nhận:", "- Như trên;", "- UBND tỉnh (để báo cáo);", "- Lưu: VT.", "THỦ TRƯỞNG ĐƠN VỊ"):
        assert said in last, said


def test_what_people_typed_stands_on_it_word_by_word():
    whole = " ".join(" ".join(printed(sealed())).split())
    for text in PARTICULARS.values():
        assert " ".join(text.split()) in whole, text
    assert "22/11/2026 15:00:00" in whole  # 08:00 UTC


def test_reporter_and_contact_come_first_where_the_profile_lists_them():
    tree = json.loads(sealed().payload)
    tree["particulars"] |= {"reporter_name": "Trung tâm Giám sát", "contact_name": "Người Trực Ban"}
    made = form(json.dumps(tree).encode(), PAPER)
    assert [part.title for part in made.parts[:2]] == ["Tổ chức, cá nhân báo cáo", "Người liên hệ"]
    assert made.parts[1].lines == (("Người liên hệ", "Người Trực Ban"),)


def test_the_foot_ties_the_paper_to_the_sealed_bytes():
    report = sealed()
    last = "".join(printed(report)[-1].split())
    assert report.payload_sha256 in last
    assert report.id in last


def test_number_and_day_are_blank_until_the_clerk_gives_them():
    made = form(sealed().payload, PAPER, Issued("123", date(2026, 11, 4)))
    assert made.number == "Số: 123/TB-TTGS"
    assert made.dated == "Mẫu, ngày 04 tháng 11 năm 2026"


def test_an_exercise_says_so_at_the_top_and_across_every_page():
    pages = printed(sealed(exercise=True))
    assert "DIỄN TẬP - KHÔNG PHẢI SỰ CỐ THẬT" in pages[0]
    assert all("DIỄN TẬP" in page for page in pages)
    assert "DIỄN TẬP" not in " ".join(printed(sealed()))


@pytest.mark.parametrize("kind", Kind.__args__)
def test_every_kind_of_report_has_a_form_of_its_own_name(kind):
    made = form(sealed(kind).payload, PAPER)
    assert kind in TYPES
    assert made.kind == TYPES[kind][1]
    assert made.about.startswith(TYPES[kind][2])


def test_nothing_stands_on_it_that_the_sealed_bytes_do_not_say():
    report = sealed(particulars={"description": "Gọi 0912345678, máy 10.20.0.15, thư lan.nt@mau.example"})
    whole = "".join(printed(report))
    for hidden in ("0912345678", "10.20.0.15", "lan.nt"):
        assert hidden not in whole


def test_the_same_report_gives_the_same_bytes():
    report = sealed()
    assert pdf(form(report.payload, PAPER), find()) == pdf(form(report.payload, PAPER), find())


@given(st.text(st.characters(codec="utf-8"), max_size=300))
@settings(max_examples=40, deadline=None)
def test_whatever_people_type_can_be_printed(text):
    tree = json.loads(sealed().payload)
    tree["particulars"] = {"description": text, "cause": "<b>" + text}
    tree["incident"]["title_vi"] = text * 5
    data = pdf(form(json.dumps(tree).encode(), PAPER), find())
    assert PdfReader(io.BytesIO(data)).pages


def test_long_lists_are_cut_and_counted():
    tree = json.loads(sealed().payload)
    tree["entities"] = [
        {"kind": "source.ip", "value": f"203.0.113.{n}", "internal": False, "alerts": 1} for n in range(200)
    ]
    whole = " ".join(text_of(pdf(form(json.dumps(tree).encode(), PAPER), find())))
    assert "Còn 140 dòng" in whole
    assert "203.0.113.59" in whole


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"incident":{}}', b"\xff"])
def test_bytes_that_are_no_report_make_no_form(payload):
    with pytest.raises(ValueError, match="sealed bytes"):
        form(payload, PAPER)


def test_a_font_is_taken_only_if_it_has_every_vietnamese_letter(tmp_path):
    assert {"ạ", "Ễ", "đ", "ỹ"} <= LETTERS
    with pytest.raises(UnavailableError, match="install fonts-noto-core"):
        find(str(tmp_path))
    for name in ("Regular", "Bold", "Italic", "BoldItalic"):
        (tmp_path / f"LiberationSerif-{name}.ttf").write_bytes(b"no font")
    with pytest.raises(UnavailableError, match=r"LiberationSerif-Regular\.ttf has not all of them"):
        find(str(tmp_path))


def test_the_mail_has_its_mark_first_and_the_hash_of_each_attachment():
    report = sealed(exercise=True)
    text = mail(form(report.payload, PAPER), "[TBSC]", {"report.json": report.payload})
    assert text.startswith("Tiêu đề: [TBSC] [DIỄN TẬP] Thông báo ban đầu về sự cố an ninh mạng INC-2026-000001\n\n")
    assert f"report.json (SHA-256 {report.payload_sha256})" in text


def test_settings_that_give_no_usable_document_are_refused():
    with pytest.raises(ValueError, match="nobody could fill it in"):
        Paper(number="BC")
    with pytest.raises(ValueError, match="not known"):
        Paper(timezone="Asia/Nowhere")
