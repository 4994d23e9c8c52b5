"""Plain text in; what has a shape of its own out: mail addresses, plates, tokens, query strings, coordinates."""

import re
from collections.abc import Iterator

from soc.privacy.found import Found

_LOCAL = re.compile(r"""[^•\s"'<>()\[\],;:@/\\=|{}?&]{1,64}\Z""")
_DOMAIN = re.compile(
    r"\s?(?:[^\W_](?:[\w-]{0,62}\w)?\.){1,8}(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,30})|\[?\d{1,3}(?:\.\d{1,3}){3}\]?"
)
_SPACED = re.compile(r"[\w.+-]{1,64}\s{1,2}\Z")

_PLATE = re.compile(
    r"[1-9]\d(?<![\w.]\d\d)(?:"
    r"\s?[-.]?\s?(?:[A-HK-NPS-VXYZĐ]\d?|[A-HK-NPS-VXYZĐ]{2}\d?|MĐ\d?|MK\d?|LD|DA|KT|CD|HC|TĐ|RM)\s?[-. ]?\s?(?:\d{3}[. ]?\d{2}|\d{4,5})(?![\w]|[.-]\d)"
    r"|(?<!-\d\d)[a-hk-npst-vxyzđ]\d?-(?:\d{3}\.\d{2}|\d{5})(?![\w]|[.-]\d)"
    r"|\s?-?\s?(?:\d{3}\s?-?\s?(?:NG|NN|QT|CV)\s?-?\s?\d{2}|(?:NG|NN|QT|CV)\s?\d?[-. ]?\d{3}[-. ]\d{2})(?!\w))"
)
"""Civil plates (Circular 79/2024/TT-BCA), in small letters, and of diplomats."""
_MILITARY = re.compile(
    r"[ABHKPQTV](?<![\w-][A-Z])(?:(?<=A)[ABCDMNPTV]|(?<=B)[BCHKLPSTZ]|(?<=H)[ABCDEHINQST]|(?<=K)[ABCDGKPTVX]|(?<=P)[AGKMPQTX]|(?<=Q)[ABHKPTV]|(?<=T)[CGHKLMNTVW]|(?<=V)[BCTKSE])[- ]\d\d[-. ]\d\d(?![\w-])"
)

_JWT = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*){1,4}")
KEYED = re.compile(
    r"(?:(?:AKIA|ASIA|AROA)[0-9A-Z]{12,20}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}"
    r"|(?:sk|pk|rk)[-_](?:live|test|proj|ant)[\w-]{10,}|sk-[A-Za-z0-9]{20,}|AIza[\w-]{30,}|ya29\.[\w-]{10,}|hvs\.[\w-]{16,}"
    r"|npm_\w{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|\$(?:2[aby]|[1567y])\$[\w./$,=]{16,}|\d{8,10}:AA[\w-]{30,})"
)
_PEM = re.compile(r"-----BEGIN [A-Z ]{3,40}-----[\s\S]{0,8000}?(?:-----END [A-Z ]{3,40}-----|\Z)")
_DENSE = re.compile(r"[A-Za-z0-9_+/-](?<![\w/+=.-]{2})[A-Za-z0-9_+/-]{31,}={0,2}(?![\w/+=-])")
_QUERY = re.compile(r"\?(?=[^\s\"'<>]{0,80}=)[^\s\"'<>]+|\?(?=[A-Za-z0-9+/%_-]{12})[^\s\"'<>]+")
_CREDENTIALS = re.compile(r"(?<=://)(?!\[)[^\s/@\"'<>]{1,128}(?=@)")
_CREDENTIALS_BEFORE = re.compile(r"://[^\s/@\"'<>]{1,128}\Z")
_POINT = re.compile(r"(\d{1,3})[.,]\d{3,10}\s?°?\s?[NBEĐ]?\s?[,;/ ]\s?(\d{1,3})[.,]\d{3,10}(?!\.?\d)\s?°?")
_DEGREES = re.compile(r"\d{1,3}\s?[°º]\s?\d{1,2}\s?['’′]\s?(?:\d{1,2}(?:[.,]\d{1,6})?\s?[\"”″]?)?\s?[NSBEĐWT]?")


def shapes(text: str) -> Iterator[Found]:
    """What is known by its shape alone."""
    yield from _mails(text)
    for pattern in (_PLATE, _MILITARY):
        yield from (Found(match.start(), match.end(), "plate") for match in pattern.finditer(text))
    yield from _tokens(text)
    if "?" in text:
        yield from (Found(match.start(), match.end(), "query") for match in _QUERY.finditer(text))
    if "://" in text and "@" in text:
        yield from (Found(match.start(), match.end(), "password") for match in _CREDENTIALS.finditer(text))
    for match in _POINT.finditer(text):
        one, other = sorted((int(match.group(1)), int(match.group(2))))
        if (
            8 <= one <= 23
            and 102 <= other <= 117
            and not text[max(0, match.start() - 2) : match.start()].rstrip().isdigit()
        ):
            yield Found(match.start(), match.end(), "coordinates")
    if "°" in text or "º" in text:
        yield from (Found(match.start(), match.end(), "coordinates") for match in _DEGREES.finditer(text))


def _mails(text: str) -> Iterator[Found]:
    """Around each ``@``: what may stand before it and a domain after it."""
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        if domain:
            local = _LOCAL.search(text, max(0, at - 64), at) or _SPACED.search(text, max(0, at - 68), at)
            if local and not _CREDENTIALS_BEFORE.search(text, max(0, at - 140), at):
                yield Found(local.start(), domain.end(), "mail")
        at = text.find("@", at + 1)


def _tokens(text: str) -> Iterator[Found]:
    if "eyJ" in text:
        yield from (Found(match.start(), match.end(), "token") for match in _JWT.finditer(text))
    if "-----BEGIN" in text:
        yield from (Found(match.start(), match.end(), "token") for match in _PEM.finditer(text))
    for match in _DENSE.finditer(text):
        word = match.group()
        if (
            word != word.lower()
            and word != word.upper()
            and sum(map(str.isdigit, word)) >= 3
            and word.count("/") * 12 <= len(word)
            and word.count("-") * 8 <= len(word)
        ):
            yield Found(match.start(), match.end(), "token")
