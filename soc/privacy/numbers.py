"""Plain text in; identifiers made of digits out: citizens' numbers, telephones, cards, and what a word before says they are."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from soc.privacy.found import Found, Kind

_CLUSTER = re.compile(r"\d(?:\d|[ ._()+-]{1,3}(?=\d)){4,}\d")
_GROUP = re.compile(r"\d+")
_WORD_BEFORE = re.compile(r"[A-Za-z0-9-]{0,40}\Z")
_WORD_AFTER = re.compile(r"[A-Za-z0-9-]{0,40}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_HEX_WORD = re.compile(r"(?=[0-9-]*[A-Fa-f])[0-9A-Fa-f-]{16,}")
_DIGIT = re.compile(r"\d")

_UNIT = re.compile(
    r"\s{0,2}(?:đồng|dong\b|vnđ|vnd|đ\b|usd|\$|%|bytes?\b|byte\b|[kmgt]i?b\b|b/s|gói|packets?\b|pkts?\b|ms\b|µs|us\b|ns\b|giây|"
    r"triệu|tỷ|tỉ\b|lượt|bản ghi|records?\b|rows?\b|dòng|hồ sơ|events?\b|sự kiện|lines?\b)",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"(?:bytes?|size|sent|rcvd|offset|inode|seq|time|epoch|ts|port|cve-?|bytes in|bytes out|dung lượng|số tiền|tổng|version|build|"
    r"kb|phiên bản|duration|count)\W{0,3}\Z"
)
_STAMP = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?")
_DATE = re.compile(
    r"(?:0?[1-9]|[12]\d|3[01])[-. _](?:0?[1-9]|1[0-2])[-. _](?:19|20)\d\d(?!\d)|(?:19|20)\d\d[-._]\d\d[-._]\d\d"
)
_MONEY = re.compile(r"[1-9]\d{0,2}(?:([. ])\d{3})(?:\1\d{3})*")

PROVINCES = frozenset(
    f"{n:03d}"
    for n in (
        *(
            1,
            2,
            4,
            6,
            8,
            10,
            11,
            12,
            14,
            15,
            17,
            19,
            20,
            22,
            24,
            25,
            26,
            27,
            30,
            31,
            33,
            34,
            35,
            36,
            37,
            38,
            40,
            42,
            44,
        ),
        *(45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77, 79, 80, 82, 83, 84, 86, 87),
        *(89, 91, 92, 93, 94, 95, 96),
    )
)
"""Codes that a citizen's number begins with (Circular 59/2021/TT-BCA, annex; the codes of before the merger stay in use)."""

_CARD_SHAPES: dict[int, frozenset[tuple[int, ...]]] = {
    size: frozenset({(size,), (4,) * (size // 4) + ((size % 4,) if size % 4 else ()), (4, 6, 5), (6, 13), (8, 8)})
    for size in range(13, 20)
}

LABELS: tuple[tuple[Kind, str, frozenset[int]], ...] = (
    (
        "cccd",
        "cccd, căn cước, can cuoc, định danh, dinh danh, cmnd, id card, idcard, citizen, national id, công dân, cong dan, đối tượng",
        frozenset({12}),
    ),
    (
        "cmnd",
        "cmnd, cmt, cmtnd, chứng minh, chung minh, giấy tờ, giay to, id card, idcard, cccd, căn cước, định danh, công dân",
        frozenset({9}),
    ),
    ("tax_code", "mst, mã số thuế, ma so thue, tax code, taxcode, tax id, tax_code", frozenset({10, 12, 13})),
    (
        "bank_account",
        (
            "stk, số tài khoản, so tai khoan, số tk, so tk, tài khoản, tk, bank account, bank_account, account no, account number, iban, "
            "vietcombank, agribank, bidv, vietinbank, techcombank, chuyển khoản"
        ),
        frozenset(range(6, 20)),
    ),
    (
        "cmnd",
        "bhxh, bhyt, bảo hiểm xã hội, bảo hiểm y tế, bao hiem xa hoi, gplx, bằng lái, giấy phép lái xe, hộ khẩu",
        frozenset(range(8, 16)),
    ),
    (
        "phone",
        (
            "sđt, sdt, số điện thoại, so dien thoai, điện thoại, dien thoai, di động, đt, tel, phone, mobile, zalo, fax, viber, whatsapp, "
            "liên hệ, số máy"
        ),
        frozenset(range(8, 14)),
    ),
)
"""What a word says that the digits after it are: kind, words in lower case, how many digits there may be."""

_REACH = 26
"""The farthest that digits stand from their label, without other digits between."""

Labels = Sequence[tuple[int, Kind, frozenset[int]]]
"""Where labels end, ascending, and what they say."""


def numbers(text: str, folded: str, labels: Labels) -> Iterator[Found]:
    """Identifiers made of digits.

    Args:
        text: plain text (``soc.privacy.plain``).
        folded: the same in lower case, of the same length.
        labels: words that say what digits are.
    """
    ends = [end for end, _, _ in labels]
    for match in _CLUSTER.finditer(text):
        start, end = match.span()
        low, high = bisect_left(ends, start - _REACH), bisect_right(ends, start)
        near = labels[low:high] if low < high and not _DIGIT.search(text, ends[low], start) else ()
        if (end - start < 9 and not near) or _in_hex(text, start, end):
            continue
        yield from _cluster(text, folded, match, near)


def _in_hex(text: str, start: int, end: int) -> bool:
    """Whether the digits are a part of a hash, of a UUID or of one of our own ids."""
    before = _WORD_BEFORE.search(text, max(0, start - 40), start)
    after = _WORD_AFTER.match(text, end)
    left, right = before.group() if before else "", after.group() if after else ""
    if not (left or right):
        inside = text[start:end]
        return bool(_UUID.fullmatch(inside))
    word = left + text[start:end] + right
    return bool(_UUID.search(word) or _HEX_WORD.fullmatch(word))


def _cluster(text: str, folded: str, match: re.Match[str], labels: Labels) -> Iterator[Found]:
    """The identifiers among groups of digits that stand together, each group used once."""
    base = match.start()
    groups = [(base + group.start(), base + group.end()) for group in _GROUP.finditer(match.group())]
    sizes = list(accumulate((end - start for start, end in groups), initial=0))
    first = 0
    while first < len(groups):
        taken = 0
        for last in range(min(len(groups), first + 20) - 1, first - 1, -1):
            size = sizes[last + 1] - sizes[first]
            if not 6 <= size <= 19:
                continue
            near = labels if first == 0 else ()
            kind = _kind(text, folded, groups[first : last + 1], near, alone=first == 0 and last == len(groups) - 1)
            if kind:
                yield Found(_plus(text, groups[first][0]), groups[last][1], kind)
                taken = last + 1 - first
                break
        first += taken or 1


def _plus(text: str, start: int) -> int:
    """Where a number begins that has a plus before it: ``+84`` or ``(+84``."""
    if text[max(0, start - 1) : start] == "+":
        return start - 1
    return start - 2 if text[max(0, start - 2) : start] == "+(" else start


def _kind(text: str, folded: str, groups: list[tuple[int, int]], labels: Labels, *, alone: bool) -> Kind | None:
    """What groups of digits are, taken together."""
    start, end = groups[0][0], groups[-1][1]
    digits = "".join(text[low:high] for low, high in groups)
    written = text[start:end]
    glued = start > 0 and (text[start - 1].isalpha() or text[start - 1] == ",") and text[end : end + 1].isalpha()
    for _, kind, sizes in labels:
        if len(digits) in sizes and not _DATE.search(written):
            return kind
    shape = tuple(high - low for low, high in groups)
    if (
        _phone(text, digits, shape, start)
        and not _DATE.search(written)
        and (text[start - 1 : start] == "+" or not _money(written, folded, end))
    ):
        return "phone"
    if len(shape) > 6 and set(shape) != {1}:
        return None
    if len(digits) == 12:
        return _citizen(folded, digits, shape, start=start, end=end, glued=glued)
    if _card(digits, shape) and not _UNIT.match(folded, end) and alone:
        return "card"
    return None


def _citizen(folded: str, digits: str, shape: tuple[int, ...], *, start: int, end: int, glued: bool) -> Kind | None:
    """A citizen's number by its structure (province, sex and century, year), or any twelve digits that are nothing else."""
    written, before = folded[start:end], folded[max(0, start - 48) : start]
    if _UNIT.match(folded, end) or _AMOUNT.search(before) or _DATE.search(written):
        return None
    if digits[:3] in PROVINCES and digits[3] in "0123" and (len(shape) == 1 or min(shape) >= 2 or set(shape) == {1}):
        return None if _is_address(written, shape) else "cccd"
    if len(shape) == 1 and not glued and not _STAMP.fullmatch(digits):
        return "cccd"
    return None


def _is_address(written: str, shape: tuple[int, ...]) -> bool:
    """Four groups of three with dots are an IPv4 address unless the first begins with 0."""
    return shape == (3, 3, 3, 3) and written.count(".") == 3 and written[0] != "0"


def _money(written: str, folded: str, end: int) -> bool:
    return bool(_MONEY.fullmatch(written)) or bool(_UNIT.match(folded, end) and written[0] != "0")


def _phone(text: str, digits: str, shape: tuple[int, ...], start: int) -> bool:
    """Vietnamese numbers as written at home and from abroad, and any number that is written with a plus."""
    plus = text[max(0, start - 2) : start].endswith(("+", "+("))
    home = digits
    if digits.startswith("0084"):
        home = "0" + digits[4:].removeprefix("0")
    elif digits.startswith("84") and (plus or len(digits) in {11, 12}) and (plus or digits[2] in "235789"):
        home = "0" + digits[2:].removeprefix("0")
    elif plus:
        return 9 <= len(digits) <= 15 and len(shape) <= 6
    if not plus and start > 0 and text[start - 1] in ".,:" and text[start - 2 : start - 1].isdigit():
        return False
    if len(shape) > 6 and set(shape) != {1}:
        return False
    if len(shape) > 1 and shape[0] == 1 and set(shape) != {1}:
        return False
    if len(home) == 10:
        return home[0] == "0" and home[1] in "235789"
    return len(home) == 11 and home.startswith(("02", "012", "016", "018", "019", "0868"))


def _card(digits: str, shape: tuple[int, ...]) -> bool:
    """A payment card: length, first digits of a scheme, and the check digit (Luhn)."""
    if not 13 <= len(digits) <= 19 or shape not in _CARD_SHAPES[len(digits)]:
        return False
    if digits.startswith("9704") and len(digits) in {16, 19}:
        return True  # cards of Vietnamese banks
    if digits[0] not in "23456":
        return False
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit)
        if position % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0 and len(set(digits)) > 1
