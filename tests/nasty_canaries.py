"""Canaries of another kind than ``privacy_canaries``: each value in every clothing that somebody might try, combined at random."""

import base64
import html
import json
import random
import string
import unicodedata
from urllib.parse import quote, quote_plus

WIDE = {ord(c): ord(c) + 0xFEE0 for c in string.digits + string.ascii_letters + "@."}
PEOPLE = (
    "Huỳnh Thị Cẩm Tú", "NGUYỄN HỮU NGHĨA", "Lê Thị Mỹ Duyên", "Tran Quoc Bao", "Thạch Sa Rương", "Võ Nguyễn Hoài Thương", "Cao Thị Nở",
    "Phan Đình Phùng", "Kim Ngọc Yến", "Đoàn Minh Triết", "Lâm Chí Dũng", "nguyễn thị hòa", "Tô Hoài An", "Mai Phương Thúy", "Hà Anh Tuấn",
    "Nguyen Thi Hong Nhung", "Bùi Xuân Huấn", "Châu Gia Kiệt", "Trịnh Công Sơn", "Quách Thị Trang", "Ngô Bảo Châu", "Dương Cẩm Lynh",
)  # fmt: skip


def grouped(digits, sizes, sep):
    out, at = [], 0
    for size in sizes:
        out.append(digits[at : at + size])
        at += size
    return sep.join(part for part in (*out, digits[at:]) if part)


def values(rng):
    """One of each kind: (kind, value, the words around it)."""
    n = lambda k: "".join(rng.choice("0123456789") for _ in range(k))  # noqa: E731
    word = lambda k: "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(k))  # noqa: E731
    cccd = "072" + rng.choice("0123") + n(8)
    mobile = "0" + rng.choice("35789") + n(8)
    return [
        ("cccd", grouped(cccd, (3, 3, 3), rng.choice((" ", ".", "-", " - ", "  "))), ("thẻ {} đã hết hạn", "({})", "số CCCD/CMND: {}", "[{}]", "{};")),
        ("cccd", cccd, ("cccd:{}", "CCCD số {}", "{}|1990|Nam", "<id>{}</id>", "'{}'", '"so_cccd":"{}"', "dân cư {}.", "x={}&y=2", "{},{}")),
        ("cmnd", "29" + n(7), ("CMND {}", "chứng minh nhân dân số {}", "cmnd={}", "Nguyễn Văn An ({})", "số giấy tờ: {}")),
        ("phone", grouped(mobile, rng.choice(((4, 3), (3, 3), (2, 2, 2, 2), (5,), (4, 2, 2))), rng.choice((" ", ".", "-", " . "))), ("gọi {}", "SĐT:{}", "{} (zalo)", "sdt{}", "0k {}")),
        ("phone", "+84" + rng.choice(("", " ", "-", ".", "(0)")) + grouped(mobile[1:], (2, 3), rng.choice(("", " ", "-"))), ("tel:{}", "số {}", "<tel>{}</tel>")),
        ("phone", rng.choice(("0243", "0283", "0276 ", "(028) 3", "0276-")) + n(4) + n(3), ("điện thoại {}", "ĐT: {}")),
        ("phone", "0084" + mobile[1:], ("số {}", "{}")),
        ("mail", rng.choice(("le.van.b", "an_nguyen", "tuan-92", "h+test", "ng.thi.c2")) + rng.choice(("@gmail.com", "@Tayninh.Example", "@mail.tn.example.vn", " @ yahoo.com", "[at]gmail.com", "@gmail[.]com", "(at)outlook.com")), ("thư {}", "<{}>", "mailto:{}", '"{}"', "Từ:{};", "{}>")),
        ("mail", "nguyễn.an@bưu-điện.example", ("gửi {}",)),
        ("plate", rng.choice((f"70A-{n(3)}.{n(2)}", f"70-A1 {n(3)}.{n(2)}", f"70a-{n(5)}", f"51F-{n(5)}", f"29MĐ1-{n(3)}.{n(2)}", f"80-{n(3)}-NG-{n(2)}", f"AA-{n(2)}-{n(2)}", f"70H1-{n(4)}", f"30E{n(5)}", f"70LD-{n(3)}.{n(2)}", f"70A.{n(5)}", f"80A-{n(3)}.{n(2)}")), ("xe {}", "BKS {}", "biển {}, màu trắng", "ô tô({})", "plate={}")),
        ("card", "4111111111111111", ("thẻ {}", "card={}", "pan:{}")),
        ("card", "9704 1500 0000 0006", ("số thẻ ngân hàng, tài khoản {}",)),
        ("bank", n(13), ("STK {} Vietcombank", "số tài khoản: {}", "chuyển khoản vào {}")),
        ("tax", "39" + n(8), ("MST {}", "mã số thuế: {}")),
        ("passport", rng.choice("BCPK") + n(7), ("hộ chiếu {}", "Passport No. {}", "hộ chiếu số: {}")),
        ("token", word(40) + "a1B2", ("Bearer {}", "X-Api-Key: {}", "api_key={}", '"access_token": "{}"', "token {}", "secret: {}")),
        ("token", "eyJ" + word(18) + "." + "eyJ" + word(30) + "." + word(30), ("jwt {}", "{}", "id_token={}")),
        ("token", "".join(rng.choice("0123456789abcdef") for _ in range(32)), ("api_key={}", "secret={}", "csrf_token={}", "session_id={}", "sessionid: {}")),
        ("password", "Tn" + rng.choice("@#!") + n(4) + "z", ("mật khẩu: {}", "pass={}", "matkhau={}", "pwd '{}'".replace("pwd ", "pwd="), "password is {}", "MK: {}", "mysql -u x --password={}", "Mật khẩu mới là {}")),
        ("cookie", word(26), ("Cookie: a=1; JSESSIONID={}", "ASP.NET_SessionId={}", "Set-Cookie: sid={}; HttpOnly", "connect.sid={}", "cookie={}", '"cookie": "SESSION={}"')),
        ("account", rng.choice(("hoa.tt", "lan_nt2", "nvan.an", "tnadmin3")), ("user={}", "username: {}", 'tài khoản "{}"', "account name: {}", "su: pam_unix(su:session): session opened for user {} by x", "uid={}", "login={}", "TAYNINH\\{}", "for invalid user {} from 203.0.113.1", "/home/{}/.ssh/id_rsa", "C:\\Users\\{}\\a.exe")),
        ("internal", rng.choice(("10.20.30.40", "192.168.1.250", "172.20.9.1", "100.100.4.5", "010.020.030.040", "10[.]20[.]30[.]41")), ("từ {}", "[{}]", "{}:8080", "http://{}/admin", "{}/24", "ip-{}", "src_ip={}", "({})", "\\\\{}\\share")),
        ("internal", rng.choice(("10-20-30-40", "fd00:1234::99", "FE80::ABCD:1", "::ffff:192.168.7.7", "fd12:3456:789a:1::1")), ("máy {}", "addr={}", "[{}]:443")),
        ("internal", rng.choice(("srv-motcua-01", "DC02.tayninh.local", "db-dvc.internal", "pc-ketoan-07", "WIN-7QK2L9ABCDE", "tn-lgsp-app3", "esxi03.dc.lan", "FW-TAYNINH-01", "camera-nvr-04", "web01.noibo")), ("máy {}", "host={}", "{}:443", '"host":"{}"', "https://{}/login", "từ {} sang")),
        ("query", "id" + n(6) + "k", ("/x?ref={}", "https://a.example/p?u=1&t={}", "GET /p?{}=1 HTTP/1.1", "url=/tim?q={}")),
        ("coordinates", f"11.{n(5)}, 106.{n(5)}", ("tại {}", "tọa độ ({})")),
        *(("person", person, ("anh {} báo", "{} - chuyên viên", "người nộp: {}", "({})", "HỌ TÊN:{}", "{}, sinh năm 1990", "của {}.")) for person in rng.sample(PEOPLE, 3)),
    ]  # fmt: skip


def dressed(rng, value, kind):
    """The value in some clothing; None in its own."""
    ways = [
        lambda v: v,
        lambda v: unicodedata.normalize("NFD", v),
        lambda v: v.translate(WIDE) if v.isascii() else v,
        lambda v: v[: len(v) // 2] + "\u200b" + v[len(v) // 2 :],
        lambda v: v[:3] + "\u00ad" + v[3:],
        lambda v: v.replace(" ", "\u00a0"),
        lambda v: quote(v, safe=""),
        lambda v: quote(quote(v, safe=""), safe=""),
        lambda v: "".join(f"&#{ord(c)};" for c in v),
        lambda v: "".join(f"&#x{ord(c):x};" for c in v),
        lambda v: "".join(f"\\u{ord(c):04x}" for c in v),
        lambda v: json.dumps(v)[1:-1],
        html.escape,
        quote_plus,
        lambda v: base64.b64encode(v.encode()).decode(),
        lambda v: base64.urlsafe_b64encode(v.encode()).decode().rstrip("=") if len(v) > 8 else v,
        lambda v: base64.b64encode(base64.b64encode(f"x {v} y".encode())).decode(),
        lambda v: base64.b64encode(f"lấy {v} về".encode("utf-16-le")).decode(),
        lambda v: v.encode().hex() if len(v) > 8 else v,
        lambda v: (
            v[:4] + "\n" + v[4:]
            if kind not in {"query", "account", "password", "cookie", "coordinates", "bank", "plate"}
            else v
        ),
    ]
    if kind in {"query", "account", "password", "cookie", "bank", "tax", "passport", "cmnd"}:
        ways = ways[:4] + ways[6:7]
    return rng.choice(ways)(value)


def nasty(count, seed=7):
    """So many (kind, text, spellings that must not leave)."""
    rng = random.Random(seed)
    made = 0
    while made < count:
        for kind, value, around in values(rng):
            if made == count:
                return
            worn = dressed(rng, value, kind)
            made += 1
            yield kind, rng.choice(around).replace("{}", worn), (value, worn)
