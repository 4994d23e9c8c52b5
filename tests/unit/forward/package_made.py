"""Sealed reports for the tests of forms and packages."""

import hashlib

import msgspec
from forward_made import T0, incident, previewed, report

from soc.receiver import Paper, Receiver

PAPER = Paper(
    superior="UBND tỉnh Mẫu", place="Mẫu", addressee="Trung tâm An ninh mạng quốc gia", copies=("UBND tỉnh (để báo cáo)",)
)  # fmt: skip
PARTICULARS = {
    "description": "Dò mật khẩu từ bên ngoài, sau đó đăng nhập được; đã khóa tài khoản.\nKhông gián đoạn dịch vụ.",
    "current_state": "Đã khống chế, đang rà soát nhật ký",
    "cause": "Mật khẩu yếu & không có xác thực hai lớp <script>",
    "measures_done": "Chặn địa chỉ nguồn tại tường lửa",
    "requests_to_national": "Đề nghị chia sẻ thông tin về nguồn tấn công",
}


def sealed(kind="notice_initial", **changes):
    """A report whose bytes are those of the story's incident."""
    about = incident(**{"particulars": PARTICULARS, "severity": "serious", "acknowledged_at": T0, **changes})
    payload = previewed(about, kind)
    made = report("sending", payload, kind, about=about.id, attempts=1)
    return msgspec.structs.replace(made, payload_sha256=hashlib.sha256(payload).hexdigest())


def receiver(directory, **changes):
    return Receiver(binding="file", directory=str(directory), **{"paper": PAPER, **changes})
