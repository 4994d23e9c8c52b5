"""A place in plain text in; the end of a Vietnamese person's name that begins there out, by family name and the shape of syllables."""

import re
import unicodedata
from collections.abc import Iterator


def _set(words: str, between: str = " ") -> frozenset[str]:
    return frozenset(words.split(between))


FAMILIES = _set(
    "nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý đinh đoàn trương trịnh lương mai đào tô tạ hà cao châu "
    "lâm lưu phùng quách thái thạch tống triệu từ văn vương vi viên ung tăng tôn thân la kiều khổng khuất khương kim hứa giang giáp "
    "doãn diệp đồng đàm đậu đường cù cung chu bạch âu an ninh nông ma mạc nghiêm phí quang sơn sầm thi tiêu trà triệu ngụy danh "
    "lường lò vàng giàng sùng thào hạ hoa bế bàn chử cấn lục lại lã phó nhan tào tất tiết trầm trình vòng ngọ nhữ"
)
"""Family names in use, in lower case."""

_SURE = _set("nguyễn trần phạm huỳnh đặng bùi ngô đoàn trương trịnh võ vũ phan hoàng lê đỗ dương đinh")
_KHMER = frozenset({"thạch", "danh"})
_SURE_PLAIN = _set(
    "nguyen tran pham huynh hoang phan dang bui ngo duong truong trinh dinh doan luong vo vu le do ho ly"
)
_SHORT_PLAIN = _set("vo vu le do ho ly")
_SMALL_MIDDLE = _set("văn thị đình van thi")
_MIDDLE = _set(
    "văn thị ngọc minh thanh hữu đức quốc hoàng thế xuân thu kim bích hồng anh công đình gia bảo quang tuấn như phương thùy thúy diệu "
    "mỹ hải trọng duy tấn phước nhật khánh trung thành chí nguyên mạnh hùng việt tiến vĩnh cẩm tuyết ánh lan hoài phúc đăng thiên trúc "
    "van thi ngoc thanh huu duc quoc the xuan bich hong cong dinh quang tuan nhu phuong thuy dieu my hai trong tan phuoc nhat khanh "
    "manh hung viet tien vinh tuyet anh hoai phuc dang thien truc"
)
_GIVEN = _set(
    "an anh ánh ân bảo bích bình ca cẩm cảnh châu chi chí chiến chinh công cúc cường danh dân diễm diệp diệu dung dũng duy duyên dương đạt "
    "đào đăng điền điệp định đoan đông đức gấm gia giang giàu hà hạ hải hân hạnh hào hảo hằng hậu hiền hiển hiếu hiệp hoa hòa hoài hoan hoàng "
    "hồng huệ hùng huy huyền hưng hương hường hữu khải khang khanh khánh khoa khôi khuê kiên kiều kiệt kim lam lan lâm lân lập lệ liên liễu linh "
    "loan long lộc lợi luân lương ly mai mạnh mẫn mến mi minh mơ my mỹ nam nga ngà ngân nghĩa nghị ngọc nguyên nguyệt nhã nhàn nhân nhật nhi nhiên "
    "nhung như nhựt ninh nở oanh phát phi phong phú phúc phước phụng phương phượng quang quân quế quí quý quốc quyên quyền quyết quỳnh sa sang sáng sen sinh "
    "sơn sương tài tâm tân tấn tây thạch thái thanh thành thảo thắm thắng thi thiện thiên thiết thịnh thoa thông thơ thơm thu thuận thục thủy thuỷ thùy "
    "thúy thư thương tiên tiến tín tình toàn toán tố trà trâm trân trang trí triết triều trinh trọng trúc trung trường tú tuân tuấn tùng tuyền tuyến tuyết tư "
    "tường uyên vân văn vi việt vinh vĩnh vũ vương vy xuân xuyến yên yến ý"
)
_NOT_GIVEN = _set(
    "do sơ vi trình đồng phần phòng hệ sở tỉnh huyện xã phường thành thống lý luật nghị bộ ban số mục khai nội bình ninh"
)
_PLACE_WORDS = _set("thành bình ninh")
PLACES = _set(
    "đen|hồ chí minh|hà nội|hà tĩnh|hà giang|hà nam|cao bằng|lâm đồng|thái nguyên|thái bình|an giang|dương minh châu|châu thành|"
    "ninh bình|ninh thuận|kiên giang|long an|tây ninh|văn phòng|văn bản|lý do|hồ sơ|phạm vi|ninh kiều|an ninh|an toàn|kim môn|từ sơn|"
    "châu đốc|vi phạm|hoa kỳ|hà lan|đồng nai|đồng tháp|đồng chí|đồng thời|đường dây|thân nhân|quang ngãi|sơn la|hoàng sa|trường sa|"
    "hồ tràm|cao điểm|cao nhất|thái lan|tiền giang|hậu giang|trà vinh|an nhơn|kim chi|la gi|từ ngày|từ chối|la liga|"
    "trần đại nghĩa|thi hành|thi đua|tôn giáo|lưu lượng|lưu trữ|lưu ý|tăng cường|hạ tầng|hạ tải|kim loại|đào tạo|giang mai|"
    "công an|công dân|công ty|văn thư|văn hóa|văn hoá|đường truyền|đồng bộ|thành phố|"
    "ha noi|ho chi minh|ho so|ly do|pham vi|le van|vu khi|do luong|tay ninh|bui nhui|"
    "phan mem|phan quyen|phan loai|phan tich|phan hoi|hoang sa|truong hop|truong phong|do not|le mans|dang ky|dang nhap|dang xuat|dang tai|"
    "trinh duyet|trinh tu|dinh danh|dinh ky|doan mang|luong du|luong truy|ho tro|ngo do",
    "|",
)
"""What begins like a name and is a place or a usual word."""

_UPPER = "A-ZÀ-ÃÈ-ÊÌÍÒ-ÕÙÚÝĂĐĨŨƠƯẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒỔỖỘỚỜỞỠỢỤỦỨỪỬỮỰỲỴỶỸ"
_PAIR = re.compile(
    rf"[{_UPPER}](?<![^\W_][{_UPPER}])[^\W\d_]{{1,7}}(?=(?:[ \t]{{0,3}}\r?\n\s{{0,8}}|[ \t+_.-]{{1,3}})"
    rf"(?:(?:văn|thị|đình|van|thi)[ ]{{1,2}})?[{_UPPER}])"
)
_INITIALS = re.compile(rf"[ \t]{{1,2}}[{_UPPER}]\.(?:[ \t]?[{_UPPER}](?:\.|[^\W\d_]{{1,7}})){{0,3}}")
_CAPITALS = re.compile(rf"[{_UPPER}][^\W\d_]{{0,11}}(?:[ \t][{_UPPER}][^\W\d_]{{0,11}}){{1,5}}(?![^\W_]|•)")
_SMALL = re.compile(r"nguyễn|nguyen|huỳnh|(?:trần|lê|phạm|võ|đặng|bùi|phan|hoàng|đỗ|vũ|ngô|dương)(?= thị )")
_SYLLABLE = re.compile(r"[^\W\d_]{1,7}")
_GAP = re.compile(r"[ \t]{0,3}\r?\n\s{0,8}|[ \t+_]{1,3}|-(?=[^\W\d_])|\.(?=[^\W\d_])")
_SHAPE = re.compile(
    r"(?:ngh?|nh|ph|th|tr|ch|gh|gi|kh|qu|[bcdđghklmnpqrstvx])?[aăâeêioôơuưy]{1,3}(?:ng|nh|ch|[cmnpt])?", re.IGNORECASE
)


def _stripped(word: str) -> str:
    """A syllable without tone marks."""
    kept = "".join(c for c in unicodedata.normalize("NFD", word) if c not in "\u0300\u0301\u0303\u0309\u0323")
    return unicodedata.normalize("NFC", kept)


def _syllables(text: str, start: int, most: int) -> list[tuple[int, int, str]]:
    """Up to ``most`` syllables from ``start`` on that a Vietnamese name may consist of: start, end, spelling."""
    found: list[tuple[int, int, str]] = []
    at = start
    while len(found) < most:
        match = _SYLLABLE.match(text, at)
        if not match or (match.end() < len(text) and (text[match.end()].isalnum() or text[match.end()] in "•_")):
            break
        word = match.group()
        if not _SHAPE.fullmatch(_stripped(word)):
            break
        found.append((match.start(), match.end(), word))
        gap = _GAP.match(text, match.end())
        if not gap:
            break
        at = gap.end()
    return found


def people(text: str, folded: str) -> Iterator[tuple[int, int]]:
    """Start and end of every name in plain text that nothing announces; ``folded`` is the same in lower case."""
    for match in _PAIR.finditer(text):
        family = folded[match.start() : match.end()]
        end = person(text, match.start()) if family in FAMILIES or family in _SURE_PLAIN else match.start()
        if end == match.start() and family in _GIVEN:
            end = _turned(text, match.start())
        if end > match.start():
            yield match.start(), end
    for match in _SMALL.finditer(folded):
        start = match.start()
        if (start and text[start - 1].isalpha()) or text[start].isupper():
            continue
        if (end := person(text, start)) > start:
            yield start, end


def _turned(text: str, start: int) -> int:
    """The end of a name in the other order (Lan Nguyễn): a usual given name, then a family name that little else is called."""
    words = _syllables(text, start, 2)
    return words[1][1] if len(words) == 2 and words[1][2][0].isupper() and words[1][2].lower() in _SURE else start


def titled(text: str, start: int) -> int:
    """The end of a name that a word before announced (họ tên:, ông …): one to six capitalised words; ``start`` if there is none."""
    end = start
    for _, high, word in _syllables(text, start, 6):
        if not word[0].isupper():
            break
        if _listed(text[start:high]):
            return start
        end = high
    return end


def announced(text: str, start: int) -> int:
    """The end of a value that says of itself that it is a name (``họ tên:`` …), in any case; ``start`` if there is none."""
    capitals = _CAPITALS.match(text, start)
    if capitals and not _listed(capitals.group()):
        return capitals.end()
    found = _syllables(text, start, 6)
    if not found:
        return start
    if found[0][2][0].isupper():
        return titled(text, start)
    return found[min(len(found), 4) - 1][1] if found[0][2].lower() in FAMILIES | _SURE_PLAIN else start


def _listed(words: str) -> bool:
    return re.sub(r"\s+", " ", words).lower() in PLACES


def person(text: str, start: int) -> int:
    """The end of the name whose family name begins at ``start``; ``start`` if it is no name.

    A family name with signs needs one or two more capitalised syllables; where it is a usual word too, the last one must be a usual
    given name. Without signs (Nguyen Van An) the middle or given name must be a usual one.
    """
    words = _syllables(text, start, 5)
    initials = _INITIALS.match(text, words[0][1]) if words and words[0][2].lower() in _SURE else None
    if initials:
        return initials.end()
    if len(words) < 2:
        return start
    family = words[0][2].lower()
    upper = words[0][2].isupper() and len(family) > 1
    if not words[0][2][0].isupper():
        return _small(words, start)
    taken = 1
    for place, (_, high, word) in enumerate(words[1:], 1):
        if word in _SMALL_MIDDLE and place == 1 and len(words) > 2 and words[2][2][0].isupper():
            taken += 1
            continue
        if not word[0].isupper() or (upper and not word.isupper()) or (not upper and len(word) > 1 and word.isupper()):
            break
        if _listed(text[start:high]):
            return start
        taken += 1
    rest = [word.lower() for _, _, word in words[1:taken]]
    if not rest or _listed(" ".join((family, rest[0]))):
        return start
    return words[taken - 1][1] if _believable(family, rest, upper=upper) else start


def _believable(family: str, rest: list[str], *, upper: bool) -> bool:
    plain = family.isascii()
    known = rest[-1] in _GIVEN or rest[-1] in _PLAIN_GIVEN
    if (
        rest[0] in _NOT_GIVEN
        and (len(rest) == 1 or not known)
        and not (known and family in _SURE and rest[0] in _PLACE_WORDS)
    ):
        return False
    if len(rest) >= 2 and rest[0] in _MIDDLE:
        return family not in _SHORT_PLAIN or known
    if family in _SURE and not plain:
        return (
            known
            or (len(rest) >= 2 and not upper)
            or (not upper and family in {"nguyễn", "huỳnh", "trần", "đặng", "bùi", "phạm"})
        )
    if family in _SURE_PLAIN or plain:
        return known and (len(rest) >= 2 or family in {"nguyen", "tran", "huynh", "pham"})
    return (known and (len(rest) >= 2 or not upper)) or (family in _KHMER and len(rest) >= 2 and not upper)


def _small(words: list[tuple[int, int, str]], start: int) -> int:
    """``nguyễn văn an`` in small letters: only with the family name that nothing else is spelled like, or with ``thị``."""
    family, second = words[0][2].lower(), words[1][2].lower()
    if family in {"nguyễn", "nguyen", "huỳnh"} and (second in _GIVEN or second in _MIDDLE or second in _PLAIN_GIVEN):
        end = 2
        if len(words) > 2 and (words[2][2].lower() in _GIVEN or words[2][2].lower() in _PLAIN_GIVEN):
            end = 3
            if len(words) > 3 and words[3][2].lower() in _GIVEN and second in {"thị", "thi"}:
                end = 4
        return words[end - 1][1]
    if family in _SURE and second in {"thị", "văn"} and len(words) > 2 and words[2][2].lower() in _GIVEN - {"bình"}:
        return words[2][1] if (family, second) != ("phạm", "văn") else start
    return start


def _without_signs(word: str) -> str:
    kept = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
    return kept.replace("đ", "d")


_PLAIN_GIVEN = frozenset(_without_signs(word) for word in _GIVEN)
