"""What is found in a text, where, and what stays when it is masked."""

import time
import unicodedata
from itertools import pairwise

import pytest
from harmless_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st
from privacy_canaries import canaries

from soc.privacy.identifiers import ALL, PERSONAL, find, masked


def found(text):
    return [(text[item.start : item.end], item.kind) for item in find(text)]


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("CCCD 072203001234 bị lộ", "072203001234", "cccd"),
        ("thẻ 072 203 001 234", "072 203 001 234", "cccd"),
        ("CMND: 290123456", "290123456", "cmnd"),
        ("gọi 0912 345 678 nhé", "0912 345 678", "phone"),
        ("gọi +84 (0) 912.345.678", "+84 (0) 912.345.678", "phone"),
        ("điện thoại (0276) 3822 222", "0276) 3822 222", "phone"),
        ("thư an.nguyen@gmail.com tới", "an.nguyen@gmail.com", "mail"),
        ("xe 70A-123.45 qua trạm", "70A-123.45", "plate"),
        ("xe 51F1-234.56", "51F1-234.56", "plate"),
        ("xe 30E 12345", "30E 12345", "plate"),
        ("xe ngoại giao 80-123-NG-45", "80-123-NG-45", "plate"),
        ("xe quân đội TM-12-34", "TM-12-34", "plate"),
        ("card 4111 1111 1111 1111", "4111 1111 1111 1111", "card"),
        ("MST 3900123456", "3900123456", "tax_code"),
        ("STK 0071001234567 Vietcombank", "0071001234567", "bank_account"),
        ("hộ chiếu số B1234567", "B1234567", "passport"),
        ("Authorization: Basic dXNlcjpwYXNz", "Basic dXNlcjpwYXNz", "token"),
        ("key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE", "token"),
        ("api_key=0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef", "token"),
        ("Cookie: PHPSESSID=abc123; lang=vi", "PHPSESSID=abc123; lang=vi", "cookie"),
        ("mật khẩu: Abc@123", "Abc@123", "password"),
        ("GET /tra-cuu?ma=1&loai=2 HTTP", "?ma=1&loai=2", "query"),
        ("for invalid user lan.nt from 203.0.113.1", "lan.nt", "account"),
        ("Ông Nguyễn Văn An nộp hồ sơ", "Nguyễn Văn An", "person"),
        ("TRẦN THỊ BÍCH NGỌC", "TRẦN THỊ BÍCH NGỌC", "person"),
        ("Nguyen Van An", "Nguyen Van An", "person"),
        ("tại 11.33541, 106.10992", "11.33541, 106.10992", "coordinates"),
    ],
)
def test_each_kind_is_found_where_it_stands(text, value, kind):
    assert found(text) == [(value, kind)]


@pytest.mark.parametrize(
    "text",
    [
        unicodedata.normalize("NFD", "Nguyễn Thị Hoa"), "０９１２３４５６７８", "0912\u200b345678", "0912\u00a0345\u00a0678", "09123\n45678",
        "09123\r\n   45678", "an%40gmail.com", "an%2540gmail.com", "an&#64;gmail.com", "an\\u0040gmail.com", "an[at]gmail[.]com",
        "MDkxMjM0NTY3OA==", "30393132333435363738", "an=40gmail.com", "Nguy%E1%BB%85n+V%C4%83n+An",
    ],
)  # fmt: skip
def test_a_disguise_hides_nothing(text):
    (item,) = find(text)
    assert (item.start, item.end) == (0, len(text))


@pytest.mark.parametrize(
    "text",
    [
        "1552/BTTTT-CATTT ngày 28/4/2020", "CVE-2024-12345", "08-11-2026 10:20", "ngày 09.11.2026 08 giờ", "3.500.000.000 đồng", "203.113.131.100",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "550e8400-e29b-41d4-a716-446655440000", "Hồ Chí Minh, Hà Nội",
        "202611231045", "sent=184467440737", "hotline 113, 1022", "Phạm vi ảnh hưởng", "mật khẩu là yếu", "OpenSSH 9.10.0.1.2", "2026-11-22T08:01:00.000Z",
    ],
)  # fmt: skip
def test_what_only_looks_alike_is_left(text):
    assert found(text) == []


def test_harmless_texts_lose_next_to_nothing():
    lost = sum(item.end - item.start for text in TEXTS for item in find(text))
    assert lost <= 0.02 * sum(map(len, TEXTS))
    assert lost <= 20, "it was none when this was written"


def test_masking_keeps_the_shape_that_tells_two_apart():
    text = "0912345678 và an@gmail.com và 70A-123.45 của Nguyễn Văn An"
    assert masked(text) == "••••••••78 và ••••••••@gmail.com và •••-•••.45 của N•••• V•••• A••••"


def test_masking_leaves_kinds_that_were_not_asked_for_and_looks_inside_of_them():
    assert masked("user=lan.nt, 0912345678", PERSONAL) == "user=lan.nt, ••••••••78"
    assert "072203001234" not in masked("GET /x?cccd=072203001234", PERSONAL)


def test_masking_twice_changes_nothing_more():
    for canary in canaries(1100, seed=3):
        once = masked(canary.text)
        assert masked(once) == once, canary.text


def test_no_canary_survives_masking():
    ours = [canary for canary in canaries(2200, seed=4) if canary.kind != "internal"]  # of the house, not of citizens
    assert [canary for canary in ours if any(value in masked(canary.text) for value in canary.values)] == []


@settings(max_examples=300)
@given(st.text(max_size=120))
def test_any_text_gives_ordered_spans_within_it_and_a_mask_that_stays(text):
    spans = find(text)
    assert all(0 <= item.start < item.end <= len(text) and item.kind in ALL for item in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert masked(masked(text)) == masked(text)


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(
            [
                "0912345678",
                "%40",
                "\n",
                "a@b.vn",
                "=",
                "Nguyễn ",
                "Văn ",
                "An",
                "?a=",
                "\u0301",
                "MDkx",
                " ",
                "\\u0030",
                "&#48;",
                "•",
                "[",
                "user=",
            ]
        ),
        max_size=25,
    ).map("".join)
)
def test_pieces_in_any_order_are_masked_for_good(text):
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize(
    "piece",
    [
        "0912 ",
        "a",
        "a-1",
        "%41",
        "password=",
        "@a.",
        "A1.",
        "Nguyễn ",
        "\u0301",
        "aB1/",
        "1.1.",
        "(",
        "&#49;",
        "?a=",
        "70A-",
        "\n1",
        "\\u0031",
        "::",
        "eyJ.",
    ],
)
def test_the_time_grows_with_the_length_and_no_faster(piece):
    def seconds(count):
        text = piece * count
        start = time.perf_counter()
        find(text)
        return time.perf_counter() - start

    size = 3000 // len(piece)
    seconds(size)
    short, long = min(seconds(size) for _ in range(3)), min(seconds(8 * size) for _ in range(2))
    assert long < 30 * short + 0.05


@pytest.mark.parametrize(
    "text",
    [
        "đăng nhập được bằng một tài khoản cán bộ. Chưa phát hiện dữ liệu bị lấy ra ngoài.",
        "báo cho công dân. Đã khóa tài khoản.",
    ],
)
def test_a_sentence_that_begins_after_a_title_is_no_name(text):
    assert find(text) == ()


@pytest.mark.parametrize("text", ["cán bộ Lan báo", "Mrs. Lan gọi", "cán bộ: Lan Anh"])
def test_a_name_after_a_title_is_one_with_an_abbreviation_too(text):
    assert [found.kind for found in find(text)] == ["person"]
