"""Plain text in; what a word before it gives away out: passwords, sessions, accounts, documents, and people by their family name.

One automaton finds every opening word in one pass; what follows each is judged where it stands.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, cast

import ahocorasick

from soc.privacy.found import Found, Kind
from soc.privacy.names import announced, people, titled
from soc.privacy.numbers import LABELS, Labels
from soc.privacy.shapes import KEYED

_Opens = Literal[
    "secret", "header", "cookie", "account", "position", "passport", "bearer", "client", "name", "title", "keyed"
]

_OPENERS: tuple[tuple[_Opens, str], ...] = (
    (
        "secret",
        (
            "password, passwd, passphrase, passcode, pwd, pass, mật khẩu, mat khau, mật_khẩu, matkhau, mk, secret, token, api_key, apikey, "
            "api-key, api key, access_key, accesskey, access-key, access key, secret_key, client_secret, private_key, credential, otp, "
            "mã otp, mã xác thực, mã pin, pin, signature, sig, x-api-key, x-auth-token, refresh_token, access_token, id_token, csrf, xsrf, "
            "ticket, khóa bí mật, khoá bí mật, auth_key, authkey, psk"
        ),
    ),
    ("header", "authorization"),
    (
        "cookie",
        (
            "cookie, cookies, phpsessid, jsessionid, asp.net_sessionid, sessionid, session_id, session-id, session id, sessid, sess_id, "
            "connect.sid, sid, session, aspsessionid, cftoken, laravel_session, remember_token, .aspxauth, mã phiên, ma phien, "
            "phiên làm việc, phiên"
        ),
    ),
    (
        "account",
        (
            "user, username, user_name, user-name, user name, uname, usr, login, logon, account, acct, uid, userid, user_id, suser, duser, "
            "subjectusername, targetusername, accountname, account name, samaccountname, tài khoản, tai khoan, taikhoan, tên đăng nhập, "
            "ten dang nhap, người dùng, nguoi dung, ruser, euser, srcuser, dstuser, principal, upn"
        ),
    ),
    (
        "position",
        "for user, invalid user, password for, illegal user, publickey for, pam for, net user, su -, sudo:, su:",
    ),
    ("passport", "hộ chiếu, ho chieu, passport, số hc"),
    ("bearer", "bearer, basic"),
    ("client", "mysql, mysqldump, sshpass"),
    (
        "name",
        (
            "họ tên, họ và tên, ho ten, ho va ten, hoten, hovaten, ho_ten, tên công dân, fullname, full_name, full name, displayname, "
            "display name, chủ hộ, chủ xe, chủ tài khoản, người nộp, nguoi nop, người gửi, người liên hệ, nguoi lien he, người phản ánh"
        ),
    ),
    (
        "title",
        (
            "ông, bà, anh, chị, ong, ba, đồng chí, đ/c, dong chi, công dân, cong dan, cán bộ, can bo, chuyên viên, bác sĩ, cụ, mr, mrs, ms, "
            "mr., ms., bệnh nhân, thí sinh, em, cháu, thầy, cô"
        ),
    ),
    (
        "keyed",
        (
            "akia, asia, aroa, ghp_, gho_, ghu_, ghs_, ghr_, github_pat_, glpat-, xoxa, xoxb, xoxe, xoxo, xoxp, xoxr, xoxs, sk-, sk_, pk-, pk_, "
            "rk_, aiza, ya29., hvs., npm_, sg., $2a$, $2b$, $2y$, $1$, $5$, $6$, $7$, $y$"
        ),
    ),
)
_SEPARATOR = r"""(?:["'\]\\]{0,3}\s{0,3}(?:=>|:=|[:=])\s{0,3}|\s{1,2}(?:là|la|is|was)\s{1,2}[:]?)"""
_VALUE = r"""(?:\\?"[^"\n\\]{1,400}|\\?'[^'\n\\]{1,400}|[“«‘][^”»’\n]{1,400}|[^\s"',;&<>(){}\[\]|]{1,400})"""
_KEY_TAIL = r"[\w.-]{0,24}"
_SECRET = re.compile(rf"{_KEY_TAIL}(?:\s(?:mới|cũ|mặc định|của hệ thống|tạm))?{_SEPARATOR}({_VALUE})")
SHORT = 4
"""An opening word of so few letters is no beginning of a longer one: ``pinned:``, ``sign-in:``."""

_CODE = re.compile(r"\s{1,2}(\d{4,8})(?!\d)")
_OPTION = re.compile(r"[\w-]{0,24}[ =]{1,2}[\"']?([^\s\"'\[-][^\s\"']{2,200})")
_CLIENT = re.compile(r"[^\n|;]{0,120}?\s-p\s?[\"']?([^\s\"'\[-][^\s\"']{1,128})")
_UID = re.compile(r"\s?[:=]\s?\d{1,10}\(([\w.$-]{1,64})\)")
_SAID = re.compile(r"\s(?:là|la|is|was)\s{1,2}[:\"'“«‘\\]{0,2}\Z")
_HEADER = re.compile(
    r"""[\w-]{0,12}["'\\]{0,3}\s{0,3}[:=]\s{0,3}["'\\]{0,2}((?:(?:basic|bearer|digest|negotiate|ntlm|token|apikey|aws4\S{0,20})\s{1,2})?[^\s"']{1,4000})""",
    re.IGNORECASE,
)
_COOKIES = re.compile(
    r"""["'\\]{0,3}\s{0,3}[:=]\s{0,3}["'\\]{0,2}([^\s"';]{1,400}(?:;\s{0,2}[\w.$-]{1,64}(?:=[^\s"';]{0,400})?){0,40})"""
)
_SESSION = re.compile(rf"""[\w.]{{0,24}}["'\\]{{0,3}}\s{{0,3}}[:=]\s{{0,3}}({_VALUE})""")
_SESSION_BARE = re.compile(r"\s{1,2}(?:là |is )?(?=[\w-]{0,80}?\d)([A-Za-z0-9_-]{8,128})(?![\w-])")
_BEARER = re.compile(r"\s{1,3}(?=[\w.~+/-]{0,400}?[\d_=/+~]|[A-Za-z.-]{24})([\w.~+/-]{8,4000}={0,2})")
_ACCOUNT = re.compile(rf"""(?:[\w.]{{0,12}}["'\]\\]{{0,3}}\s{{0,2}}[:=]\s{{0,2}})({_VALUE})""")
_ACCOUNT_SPOKEN = re.compile(
    r"""\s{1,2}(?:của |is |là |tên |name |named |số )?(?:["'“‘«](?!\[)([^"'”’»\n]{1,64})["'”’»]|"""
    r"""((?=[\w.@$\\-]{0,63}?[\d._@$\\])[A-Za-z_][\w.@$\\-]{1,62}[\w$]))"""
)
_POSITION = re.compile(
    r"\s{1,2}([A-Za-z_][\w.@$\\-]{0,63})(?=\s{1,2}(?:from|port|by|on|tại|từ|ssh2)\b|\s{0,3}[\[(/:]|\s{0,3}\Z)"
)

_DOMAIN_USER = re.compile(r"(?<![\w\\/:.%-])([A-Z][A-Z0-9-]{1,14})\\{1,2}(?!\\)([A-Za-z][\w.$-]{1,40})(?![\w\\])")
_HOME = re.compile(
    r"(?:/(?:home|Users)/|[A-Za-z]:\\{1,2}(?:Users|Documents and Settings)\\{1,2})([^\s/\\\"'<>:;,]{1,64})"
)
_PASSPORT = re.compile(r"\D{0,20}?(?<!\w)([A-Za-z]{1,2}\s?\d{6,8})(?!\w)")
_NAME = re.compile(r"""["'\\]{0,3}\s{0,3}(?:[:=]|là|của)?\s{0,3}["'\\]{0,3}(?:(?:ông|bà|anh|chị)\s)?""")
_TITLE = re.compile(r"[.:]?\s{1,3}")
LONGEST_ABBREVIATION = 4
"""Letters of a title that may be followed by a full stop and a name: ``Mrs. Lan``, ``Ths. Bình``."""
_AFTER_NAME = re.compile(r"[^\w\n]{1,6}(?:(?:số|so|id|cmnd|cccd)\W{0,3})?(\d{9}|\d{12})(?!\w)", re.IGNORECASE)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_GENERIC = _set("root admin administrator guest system public default nobody anonymous user all_users")
_NO_DOMAIN = _set("BUILTIN HKLM HKCU HKCR HKU HKEY_LOCAL_MACHINE AUTHORITY")
_WORDS_THAT_FOLLOW = _set(
    "bị đã được đang không và của các để là sai quá từ có mới này the is was has not for and or by in on with expired invalid required "
    "true false null none yes no"
)


class _Word(NamedTuple):
    """An opening word: its length, what it opens, what it says that digits after it are."""

    length: int
    opens: tuple[_Opens, ...]
    labels: tuple[tuple[Kind, frozenset[int]], ...]


def _automaton() -> Any:
    opens: dict[str, list[_Opens]] = {}
    labels: dict[str, list[tuple[Kind, frozenset[int]]]] = {}
    for opening, listed in _OPENERS:
        for word in listed.split(", "):
            opens.setdefault(word, []).append(opening)
    for label, listed, sizes in LABELS:
        for word in listed.split(", "):
            labels.setdefault(word, []).append((label, sizes))
    made = cast("Any", ahocorasick).Automaton()
    for word in {**opens, **labels}:
        made.add_word(word, _Word(len(word), tuple(opens.get(word, ())), tuple(labels.get(word, ()))))
    made.make_automaton()
    return made


_AUTOMATON = _automaton()


def words(text: str, folded: str) -> tuple[list[Found], Labels]:
    """What an opening word gives away, and the labels of numbers.

    Args:
        text: plain text (``soc.privacy.plain``).
        folded: the same in lower case, of the same length.
    """
    found: list[Found] = []
    labels: list[tuple[int, Kind, frozenset[int]]] = []
    for last, (length, kinds, told) in cast("Iterator[tuple[int, _Word]]", _AUTOMATON.iter(folded)):
        start, end = last - length + 1, last + 1
        if start and folded[start - 1].isalpha() and not (text[start].isupper() and text[start - 1].islower()):
            continue
        found.extend(given for kind in kinds if (given := _AFTER[kind](text, start, end)))
        if end == len(text) or not folded[end].isalpha():
            labels.extend((end, kind, sizes) for kind, sizes in told)
    found.extend(_accounts(text))
    for start, end in people(text, folded):
        found.append(Found(start, end, "person"))
        number = _AFTER_NAME.match(text, end)
        if number:
            found.append(Found(number.start(1), number.end(1), "cccd" if len(number.group(1)) == 12 else "cmnd"))
    return found, sorted(labels)


def _accounts(text: str) -> Iterator[Found]:
    """Accounts by where they stand: after a domain and a backslash, and the owner of a home folder."""
    if "\\" in text:
        for match in _DOMAIN_USER.finditer(text):
            if match.group(1) not in _NO_DOMAIN and match.group(2).lower() not in _GENERIC:
                yield Found(match.start(), match.end(), "account")
    if "sers" in text or "/home/" in text or "Settings" in text:
        for match in _HOME.finditer(text):
            if match.group(1).lower() not in _GENERIC:
                yield Found(match.start(1), match.end(1), "account")


def _valued(pattern: re.Pattern[str], text: str, end: int, kind: Kind) -> Found | None:
    match = pattern.match(text, end)
    if not match:
        return None
    start, stop = match.span(1)
    while start < stop and text[start] in "\\\"'“«‘":
        start += 1
    while stop > start and text[stop - 1] in ".,:\\":
        stop -= 1
    value = text[start:stop].lower()
    if (
        not value
        or value.startswith("s-1-")
        or value in _WORDS_THAT_FOLLOW
        or set(value) <= {"*", "•", "-", "x", "."}
        or value[0] == "["
    ):
        return None
    return Found(start, stop, kind)


def _secret(text: str, start: int, end: int) -> Found | None:
    word = text[start:end].lower()
    if len(word) <= SHORT and text[end : end + 1].isalpha():
        return None
    if word.endswith(("otp", "pin")) and (code := _CODE.match(text, end)):
        return Found(code.start(1), code.end(1), "password")
    if text[max(0, start - 2) : start] == "--" and (option := _OPTION.match(text, end)):
        return Found(option.start(1), option.end(1), "password")
    found = _valued(_SECRET, text, end, "password" if text[start].lower() in "pm" else "token")
    if found and _SAID.search(text, end, found.start):
        value = text[found.start : found.end]
        return found if _coded(value) or text[found.start - 1] in "\"'“«‘" else None
    return found


def _coded(value: str) -> bool:
    """Whether a word looks made up rather than said: a digit, a sign or a change of case in it."""
    return any(not c.isalpha() for c in value) or (value != value.lower() and not value.istitle())


def _header(text: str, _start: int, end: int) -> Found | None:
    return _valued(_HEADER, text, end, "token")


def _cookie(text: str, start: int, end: int) -> Found | None:
    word = text[start:end].lower()
    if word in {"cookie", "cookies"}:
        return _valued(_COOKIES, text, end, "cookie")
    found = _valued(_SESSION, text, end, "cookie")
    if found is None and ("id" in word or word in {"phiên", "session", "mã phiên", "ma phien"}):
        found = _valued(_SESSION_BARE, text, end, "cookie")
    if found and not _coded(text[found.start : found.end]):
        return None
    return found


def _account(text: str, _start: int, end: int) -> Found | None:
    numbered = _UID.match(text, end)
    if numbered and numbered.group(1).lower() not in _GENERIC:
        return Found(numbered.start(1), numbered.end(1), "account")
    found = _valued(_ACCOUNT, text, end, "account")
    if found:
        return found if text[found.start : found.end].lower() not in _GENERIC and text[found.start].isalnum() else None
    match = _ACCOUNT_SPOKEN.match(text, end)
    if not match:
        return None
    low, high = match.span(1) if match.group(1) is not None else match.span(2)
    return Found(low, high, "account") if text[low:high].lower() not in _GENERIC else None


def _position(text: str, _start: int, end: int) -> Found | None:
    found = _valued(_POSITION, text, end, "account")
    return found if found and text[found.start : found.end].lower() not in _GENERIC else None


def _passport(text: str, _start: int, end: int) -> Found | None:
    return _valued(_PASSPORT, text, end, "passport")


def _bearer(text: str, _start: int, end: int) -> Found | None:
    return _valued(_BEARER, text, end, "token")


def _client(text: str, _start: int, end: int) -> Found | None:
    return _valued(_CLIENT, text, end, "password")


def _keyed(text: str, start: int, end: int) -> Found | None:
    match = KEYED.match(text, start)
    return Found(start, match.end(), "token") if match and match.end() > end else None


def _name(text: str, _start: int, end: int) -> Found | None:
    gap = _NAME.match(text, end)
    low = gap.end() if gap else end
    high = announced(text, low)
    return Found(low, high, "person") if high > low else None


def _title(text: str, start: int, end: int) -> Found | None:
    gap = _TITLE.match(text, end)
    if not gap or ("." in gap.group() and end - start > LONGEST_ABBREVIATION):
        return None  # "… một cán bộ. Chưa phát hiện …": a sentence ends there
    high = titled(text, gap.end())
    return Found(gap.end(), high, "person") if high > gap.end() else None


_AFTER = {
    "secret": _secret,
    "header": _header,
    "cookie": _cookie,
    "account": _account,
    "position": _position,
    "passport": _passport,
    "bearer": _bearer,
    "client": _client,
    "name": _name,
    "title": _title,
    "keyed": _keyed,
}
