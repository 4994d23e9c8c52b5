"""Canaries: identifiers, secrets and internal names made up from a seed, each in prose and in some disguise.

``canaries(count, seed)`` gives (text, values): the values are what must not leave in any spelling, the text is what a person or a
device wrote around them.
"""

import base64
import random
import unicodedata
from typing import NamedTuple
from urllib.parse import quote


def words(text):
    return text.split()


FAMILY = words(
    "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đinh Trương Lương Mai Đoàn Trịnh"
)
MIDDLE = words("Văn Thị Ngọc Minh Hữu Đức Quốc Thanh Kim Bích Hồng Gia Xuân Công Thế")
GIVEN = words(
    "An Bình Châu Dũng Giang Hạnh Hùng Khánh Lan Linh Mai Nam Ngân Phúc Quân Sơn Tâm Thảo Trang Tuấn Uyên Vinh Yến Đạt Huyền"
)
PROVINCES = (
    "001",
    "024",
    "031",
    "048",
    "056",
    "068",
    "070",
    "072",
    "074",
    "075",
    "077",
    "079",
    "080",
    "082",
    "092",
    "096",
)
SERVERS = (
    "mc-web-01",
    "dc01",
    "srv-dvc-db02",
    "fw-core-1",
    "esxi-07",
    "WIN-4F7K2Q9",
    "DESKTOP-8H2KLM1",
    "nas-backup-03",
    "tn-app-12",
)


class Canary(NamedTuple):
    """One planted text.

    Attributes:
        kind: of what is planted.
        values: none of these may be in what leaves.
    """

    kind: str
    text: str
    values: tuple[str, ...]


def digits(rng, count):
    return "".join(rng.choice("0123456789") for _ in range(count))


def name(rng):
    return " ".join((rng.choice(FAMILY), rng.choice(MIDDLE), *rng.sample(GIVEN, rng.choice((1, 1, 2)))))


def plain_name(full):
    kept = "".join(c for c in unicodedata.normalize("NFD", full) if not unicodedata.combining(c))
    return kept.replace("đ", "d").replace("Đ", "D")


def citizen(rng):
    return f"{rng.choice(PROVINCES)}{rng.choice('0123')}{digits(rng, 2)}{digits(rng, 6)}"


def phone(rng):
    own = f"{rng.choice('35789')}{digits(rng, 8)}"
    return rng.choice([
        f"0{own}", f"+84{own}", f"84{own}", f"0{own[:2]} {own[2:5]} {own[5:]}", f"0{own[:3]}.{own[3:6]}.{own[6:]}", f"(+84) {own[:2]} {own[2:5]} {own[5:]}",
        f"0{own[:3]}-{own[3:6]}-{own[6:]}", f"0276 3{digits(rng, 6)}", f"(0276) 3{digits(rng, 3)} {digits(rng, 3)}",
    ])  # fmt: skip


def mail(rng):
    words = plain_name(name(rng)).lower().split()
    local = rng.choice(
        [f"{words[-1]}.{words[0][0]}{words[1][0]}", "".join(words) + digits(rng, 2), f"{words[-1]}_{words[0]}"]
    )
    return f"{local}@{rng.choice(['gmail.com', 'tayninh.example', 'mail.example.vn', 'yahoo.com.vn'])}"


def plate(rng):
    place = rng.choice(("70", "51", "30", "62", "29", "43", "72", "65"))
    letter = rng.choice("ABCDEFGHKLM")
    five = digits(rng, 5)
    return rng.choice(
        [
            f"{place}{letter}-{five[:3]}.{five[3:]}",
            f"{place}{letter}1-{five[:3]}.{five[3:]}",
            f"{place}{letter} {five}",
            f"{place}{letter}-{five}",
        ]
    )


def token(rng):
    def run(size):
        return "".join(
            rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") for _ in range(size)
        )

    return rng.choice(
        [
            f"eyJ{run(20)}.eyJ{run(30)}.{run(43)}",
            f"AKIA{run(16).upper()}",
            f"ghp_{run(36)}",
            f"{run(12)}a1B2c3{run(30)}",
        ]
    )


def address(rng):
    a, b, c = (rng.randrange(1, 255) for _ in range(3))
    return rng.choice(
        [f"10.{a}.{b}.{c}", f"192.168.{a}.{b}", f"172.{16 + a % 16}.{b}.{c}", f"100.{64 + a % 64}.{b}.{c}"]
    )


def address6(rng):
    return rng.choice(
        [
            f"fd{digits(rng, 2)}:{digits(rng, 4)}::{rng.randrange(1, 9999)}",
            f"fe80::{rng.randrange(1, 9999):x}:{rng.randrange(1, 9999):x}",
            f"::ffff:10.{rng.randrange(255)}.3.4",
        ]
    )


def host(rng):
    own = rng.choice(SERVERS)
    return rng.choice([own, f"{own}.tayninh.local", f"{own}.soc.internal", f"{own.upper()}"])


def account(rng):
    words = plain_name(name(rng)).lower().split()
    return f"{words[-1]}.{words[0][0]}{words[1][0]}{digits(rng, 1)}"


def cookie(rng):
    return f"{digits(rng, 4)}abcdef{digits(rng, 8)}q{digits(rng, 4)}"


PROSE = {
    "person": ("Người dân {v} phản ánh không đăng nhập được", "cán bộ {v} báo lại", "Họ tên: {v}", "{v} đã nộp hồ sơ ngày 12/10/2026", "ông {v} gọi lúc 08:15"),
    "cccd": ("CCCD {v} bị lộ", "số định danh {v} trong bản ghi", "hồ sơ {v} bị sửa", "cccd={v} status=200", "lộ dữ liệu: {v}, và 12 bản ghi khác"),
    "phone": ("liên hệ {v} trước 17h", "sđt: {v}", "gọi {v} không nghe máy", "phone={v}", "số {v} nhận tin nhắn lừa đảo"),
    "mail": ("thư gửi tới {v} chứa mã độc", "from=<{v}> to=<x>", "hộp thư {v} bị chiếm", "mailto:{v}"),
    "plate": ("xe {v} qua trạm lúc 22:10", "biển số {v}", "camera ghi nhận {v}, ảnh không gửi"),
    "token": ("lộ khóa {v} trên trang", "token={v}", "Authorization: Bearer {v}", "khóa trong tệp cấu hình: {v}"),
    "cookie": ("Cookie: PHPSESSID={v}; lang=vi", "Set-Cookie: JSESSIONID={v}; Path=/", "session_id={v} bị dùng lại", "sid={v}"),
    "internal": ("máy {v} gọi ra ngoài", "from {v} port 4444", "đã cô lập {v} lúc 09:00", "src={v} dst=203.0.113.9", "kết nối tới {v}, sau đó tới 203.0.113.9"),
    "query": ("GET /tra-cuu?ma={v}&loai=1 HTTP/1.1", "https://dvc.example/ho-so?id={v}", "http://203.0.113.9/x.php?c={v}"),
    "account": ("Failed password for {v} from 203.0.113.9 port 22", "user={v} đăng nhập lúc 02:11", "for user {v} by root", "tài khoản {v} bị khóa", "tên đăng nhập: {v}"),
    "password": ("mật khẩu: {v}", "password={v}", '"pwd": "{v}"', "mật khẩu là {v}"),
}  # fmt: skip
MAKERS = {
    "person": name, "cccd": citizen, "phone": phone, "mail": mail, "plate": plate, "token": token, "cookie": cookie,
    "account": account, "query": lambda rng: f"{digits(rng, 3)}X{digits(rng, 5)}", "password": lambda rng: f"Tn@{digits(rng, 4)}xY",
    "internal": lambda rng: rng.choice((address, address, address6, host, host))(rng),
}  # fmt: skip
DISGUISES = ("as it is", "as it is", "NFD", "split", "url", "base64", "base64 of all")


def disguised(rng, kind, value, prose):
    """The text with the value in some disguise, and every spelling that must not leave."""
    text = prose.format(v=value)
    how = rng.choice(DISGUISES)
    if how == "NFD":
        return unicodedata.normalize("NFD", text), (value, unicodedata.normalize("NFD", value))
    if how == "split" and kind in {"cccd", "phone", "mail", "internal", "person", "token"} and len(value) > 6:
        at = rng.randrange(3, len(value) - 2)
        at += value[at] == " "
        broken = value[:at] + rng.choice(("\n", "\r\n", "\n  ")) + value[at:]
        return prose.format(v=broken), (value, broken)
    if how == "url":
        coded = quote(value, safe="") if rng.random() < 0.5 else "".join(f"%{byte:02X}" for byte in value.encode())
        return prose.format(v=coded), (value, coded)
    if how.startswith("base64") and kind not in {"query", "account", "password", "cookie"}:
        coded = base64.b64encode((value if how == "base64" else text).encode()).decode()
        return (prose.format(v=coded) if how == "base64" else f"dữ liệu: {coded}"), (value, coded)
    return text, (value,)


def canaries(count, seed=1):
    """So many canaries of every kind in turn."""
    rng = random.Random(seed)
    kinds = list(MAKERS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        value = MAKERS[kind](rng)
        text, spellings = disguised(rng, kind, value, rng.choice(PROSE[kind]))
        yield Canary(kind, text, tuple(spelling for spelling in spellings if len(spelling) > 3))
