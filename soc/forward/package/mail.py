"""A form in, the text of the mail that a person sends with it out: subject with its mark first, then what is attached and how to check it."""

import hashlib
from collections.abc import Mapping

from soc.forward.package.form import Form

_WIDTH = 180
"""Characters of a subject: longer ones are cut by mail programs."""


def mail(form: Form, subject_mark: str, files: Mapping[str, bytes]) -> str:
    """Subject, a blank line, and the text.

    Args:
        form: what is attached.
        subject_mark: the receiver sorts mails by it.
        files: what is attached, name → bytes.
    """
    mark = f"[{form.mark}] " if form.mark else ""
    subject = f"{subject_mark} {mark}{form.about}".strip()[:_WIDTH]
    listed = [f"  - {name} (SHA-256 {hashlib.sha256(data).hexdigest()})" for name, data in sorted(files.items())]
    drill = [f"{form.mark}: KHÔNG PHẢI SỰ CỐ THẬT.", ""] if form.mark else []
    return "\n".join(
        [
            f"Tiêu đề: {subject}",
            "",
            *drill,
            f"Kính gửi: {form.addressee}",
            "",
            f"{form.organization} gửi: {form.about}.",
            f"Mức chia sẻ: {form.tlp}.",
            "",
            "Tệp kèm theo:",
            *listed,
            "",
            "Đề nghị cơ quan nhận xác nhận ngay sau khi nhận được.",
            "",
            *form.foot,
            "",
        ]
    )
