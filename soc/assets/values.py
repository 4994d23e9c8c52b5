"""One cell's text in, the value it means out; a ``ValueError`` says what is wrong and what to write instead."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from ipaddress import ip_address, ip_network
from typing import Any

from soc.assets.entries import CRITICALITY, ROLES
from soc.assets.mistakes import quoted

MAX_TEXT = 2000
MAX_KEY = 64

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_LEVEL = re.compile(r"(?:cap do|cap|level|cd)?\s*([0-9]+|i{1,3}|iv|v)(?:\.0+)?\Z")
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5}
_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?: 00:00(?::00)?)?\Z")
_ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00)?)?\Z")
_SPAN = re.compile(r"(\d+)\s*([a-z]*)\Z")
_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds", "giay"), 1),
    **dict.fromkeys(("", "m", "min", "minute", "minutes", "p", "ph", "phut"), 60),
    **dict.fromkeys(("h", "hour", "hours", "g", "gio"), 3600),
    **dict.fromkeys(("d", "day", "days", "ngay"), 86400),
}
MAX_SPAN = 366 * 86400

_CRITICALITY = {
    **{name: name for name in CRITICALITY if name},
    **dict.fromkeys(("thap",), "low"),
    **dict.fromkeys(("trung binh", "vua", "normal"), "medium"),
    **dict.fromkeys(("cao", "quan trong"), "high"),
    **dict.fromkeys(("rat cao", "toi quan trong", "dac biet quan trong", "nghiem trong"), "critical"),
}
_ROLES = {
    **{name.replace("_", " "): name for name in ROLES},
    **dict.fromkeys(("app", "ung dung", "may chu ung dung", "application server"), "application"),
    **dict.fromkeys(("db", "csdl", "co so du lieu", "may chu csdl", "database server"), "database"),
    **dict.fromkeys(("ad", "dc", "active directory", "quan ly mien"), "domain_controller"),
    **dict.fromkeys(("tuong lua", "waf"), "firewall"),
    **dict.fromkeys(("vpn", "api gateway", "cong", "cong ket noi"), "gateway"),
    **dict.fromkeys(("lb", "balancer", "can bang tai", "reverse proxy"), "load_balancer"),
    **dict.fromkeys(("may chu thu", "thu dien tu", "mail server"), "mail"),
    **dict.fromkeys(("switch", "router", "thiet bi mang"), "network"),
    **dict.fromkeys(("may chu",), "server"),
    **dict.fromkeys(("ao hoa", "esxi", "may chu ao hoa"), "hypervisor"),
    **dict.fromkeys(("luu tru", "nas", "san"), "storage"),
    **dict.fromkeys(("may chu web", "web server"), "web"),
    **dict.fromkeys(("may tram", "pc", "may tinh"), "workstation"),
}
NONE_WORDS = frozenset({"none", "n/a", "na", "khong", "khong co", "khong ap dung"})
"""That something does not exist, as opposed to an empty cell."""


def plain(text: str) -> str:
    """A word as it is compared: no case, no diacritics (đ too), single spaces for ``_`` and ``-``."""
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(bare.replace("_", " ").replace("-", " ").split())


def cleaned(text: str) -> str:
    """A cell as it is kept: composed (NFC), without what spreadsheets add around it."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text.replace("\u00a0", " ").replace("\u200b", "").replace("\ufeff", "").strip()


def words(text: str) -> str:
    """Free text."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters")
    if any(unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in text):
        raise ValueError("holds control characters")
    return text


def key(text: str) -> str:
    """A key, in lower case."""
    lower = text.casefold()
    if len(lower) > MAX_KEY or not _KEY.match(lower):
        raise ValueError(f"{quoted(text)} is no key: at most {MAX_KEY} of a-z, 0-9, dot, hyphen, underscore")
    return lower


def level(text: str) -> int:
    """``3``, ``cấp độ 3``, ``Cấp III``."""
    match = _LEVEL.match(plain(text))
    number = match and (_ROMAN.get(match[1]) or int(match[1]) if not match[1].isdigit() else int(match[1][:6]))
    if not number or not 1 <= number <= 5:
        raise ValueError(f"{quoted(text)} is no level: write 1 to 5, or leave it empty while it is not known")
    return number


def criticality(text: str) -> str:
    """``high``, ``cao``."""
    if (found := _CRITICALITY.get(plain(text))) is None:
        raise ValueError(f"{quoted(text)} is none of low, medium, high, critical (thấp, trung bình, cao, rất cao)")
    return found


def role(text: str) -> str:
    """``proxy``, ``cân bằng tải``."""
    if (found := _ROLES.get(plain(text))) is None:
        raise ValueError(f"{quoted(text)} is no role; known are {', '.join(ROLES)}")
    return found


def address(text: str) -> str:
    """An IPv4 or IPv6 address in its usual spelling."""
    try:
        parsed = ip_address(text)
    except ValueError:
        raise ValueError(f"{quoted(text)} is no IP address") from None
    mapped = getattr(parsed, "ipv4_mapped", None)
    if "%" in text or parsed.is_unspecified or parsed.is_loopback or parsed.is_multicast:
        raise ValueError(f"{quoted(text)} is no address of one machine on a network")
    return str(mapped or parsed)


def network(text: str) -> str:
    """A network in CIDR notation; host bits are a mistake, because the author meant something else than what stands there."""
    try:
        loose = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{quoted(text)} is no network: write it as 10.0.0.0/24") from None
    address_part, slash, _ = text.partition("/")
    if slash and ip_address(address_part) != loose.network_address:
        raise ValueError(
            f"{quoted(text)} has host bits: the network is {loose}, the host is {address_part}/{loose.max_prefixlen}"
        )
    if loose.prefixlen == 0:
        raise ValueError(f"{quoted(text)} is every address there is")
    return str(loose)


def public(text: str) -> str:
    """A public address, or a range of them in CIDR notation."""
    return network(text) if "/" in text else address(text)


def domain(text: str) -> str:
    """A domain in lower case, international names as ``xn--``; what stands before and behind it in a link is dropped."""
    name = text.casefold().strip()
    name = name.split("://", 1)[-1].partition("/")[0].rstrip(".").removeprefix("*.")
    try:
        name = name.encode("idna").decode() if not name.isascii() else name
    except UnicodeError:
        raise ValueError(f"{quoted(text)} is no domain") from None
    labels = name.split(".")
    if len(name) > 253 or len(labels) < 2 or not all(_LABEL.match(label) for label in labels) or labels[-1].isdigit():
        raise ValueError(f"{quoted(text)} is no domain with at least two labels")
    return name


def host_name(text: str) -> str:
    """A machine's name, short or full, as logs have it."""
    name = text.rstrip(".")
    if not name or len(name) > 253 or any(char.isspace() for char in name) or not name.isprintable():
        raise ValueError(f"{quoted(text)} is no host name: no spaces, at most 253 characters")
    return name


def day(text: str) -> str:
    """``2025-07-01``, ``1/7/2025`` (day first), ``01.07.2025``."""
    iso, local = _ISO_DAY.match(text), _DAY.match(text)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3])).isoformat()
        if local:
            return date(int(local[3]), int(local[2]), int(local[1])).isoformat()
    except ValueError:
        raise ValueError(f"{quoted(text)} is no day of the calendar (the day stands before the month)") from None
    raise ValueError(f"{quoted(text)} is no day: write 2025-07-01 or 01/07/2025")


def span(text: str) -> int:
    """``5m``, ``90 s``, ``1h``, ``10 phút``; a bare number is minutes."""
    match = _SPAN.match(plain(text))
    seconds = int(match[1][:9]) * _UNITS.get(match[2], 0) if match else 0
    if not 0 < seconds <= MAX_SPAN:
        raise ValueError(f"{quoted(text)} is no rhythm: write 30s, 5m, 1h or 1d, at most a year")
    return seconds


def spelled_span(seconds: int) -> str:
    """A rhythm as ``span`` reads it, in its largest whole unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def mail(text: str) -> str:
    """An address of mail."""
    name, at, host = text.partition("@")
    if not name or not at or "@" in host or any(char.isspace() for char in text) or len(text) > 254:
        raise ValueError(f"{quoted(text)} is no address of mail")
    return words(text)


READERS: Mapping[str, Callable[[str], Any]] = {
    "words": words,
    "key": key,
    "level": level,
    "criticality": criticality,
    "role": role,
    "address": address,
    "network": network,
    "public": public,
    "domain": domain,
    "host_name": host_name,
    "day": day,
    "span": span,
    "mail": mail,
}
"""What a column's kind is read with."""
