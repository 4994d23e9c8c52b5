"""A feed as it is set up in; what it gives now out: read from a file, a folder, an address or a TAXII 2.1 server, within bounds."""

import asyncio
import hashlib
import ssl
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit, urlunsplit

import aiohttp
import msgspec
from yarl import URL

from soc.clock import DAY, Micros
from soc.desk import FeedSettings
from soc.errors import RecordError, SettingsError, UnavailableError
from soc.intel.csv_list import parse_csv
from soc.intel.indicator import Defaults, Parsed, line
from soc.intel.misp import parse_event, parse_manifest
from soc.intel.stix import parse_stix

MOST_BYTES: Final = 128 * 1024 * 1024
"""Of one file or answer, unpacked: a feed is no reason to run out of memory."""
PAGES: Final = 2_000
PAGE: Final = 1_000
"""Objects asked of a TAXII server at once."""
TAXII: Final = "application/taxii+json;version=2.1"
_GZIP: Final = b"\x1f\x8b"
_CHUNK: Final = 1 << 20


class Fetched(NamedTuple):
    """What a feed gave.

    Attributes:
        pages: in order.
        whole: they are all that the feed has.
        cursor: what the next pull begins with.
        origin: where from, without secrets.
        unchanged: it is what it was; there are no pages.
    """

    pages: tuple[Parsed, ...]
    whole: bool
    cursor: str
    origin: str
    unchanged: bool = False


def defaults_of(feed: FeedSettings, now: Micros) -> Defaults:
    """What holds for indicators of a feed that do not say otherwise."""
    return Defaults(now, feed.tlp, feed.confidence, round(feed.expiry_days * DAY))


async def fetch(feed: FeedSettings, cursor: str, now: Micros, *, zone: str = "UTC") -> Fetched:
    """Ask a feed.

    Args:
        feed: which.
        cursor: what the last pull gave; "" at first.
        now: the time.
        zone: of times in tables that name none.

    Raises:
        UnavailableError: it does not answer, or refuses.
        RecordError: what it answers is nothing of its kind.
        SettingsError: a file that the settings name is not there.
    """
    defaults = defaults_of(feed, now)
    if "://" not in feed.url:
        return await asyncio.to_thread(_from_disk, feed, defaults, zone)
    async with _session(feed) as session:
        if feed.kind == "taxii":
            return await _taxii(session, feed, cursor, defaults)
        if feed.kind == "misp":
            return await _misp(session, feed, cursor, defaults)
        data = await _get(session, feed.url)
        return await asyncio.to_thread(_of_body, feed, data, cursor, defaults, zone)


def read_file(path: Path) -> bytes:
    """A file, unpacked if it is gzip.

    Raises:
        SettingsError: it cannot be read.
        RecordError: it is too large, or damaged.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from error
    return unpacked(data)


def unpacked(data: bytes) -> bytes:
    """Gzip undone, within ``MOST_BYTES``.

    Raises:
        RecordError: it is too large, or damaged.
    """
    if data.startswith(_GZIP):
        unpacking = zlib.decompressobj(wbits=31)
        try:
            data = unpacking.decompress(data, MOST_BYTES + 1)
        except zlib.error as error:
            raise RecordError("intel", f"damaged gzip: {error}") from error
        if not unpacking.eof and len(data) <= MOST_BYTES:
            raise RecordError("intel", "damaged gzip: it ends too early")
    if len(data) > MOST_BYTES:
        raise RecordError("intel", f"larger than {MOST_BYTES >> 20} MiB")
    return data


def text_of(data: bytes) -> str:
    """A table's text: UTF-8, or with a mark UTF-16, as spreadsheets write.

    Raises:
        RecordError: it is neither.
    """
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError("intel", f"neither UTF-8 nor UTF-16: {error.reason} at byte {error.start}") from error


def parse(kind: str, data: bytes, where: str, defaults: Defaults, zone: str) -> Parsed:
    """One file of a kind."""
    if kind == "csv":
        return parse_csv(text_of(data), where, defaults, zone=zone)
    return parse_stix(data, where, defaults) if kind == "stix" else parse_event(data, where, defaults)


def whole_folder(folder: Path, defaults: Defaults) -> tuple[Parsed, ...]:
    """A MISP feed in a folder.

    Raises:
        SettingsError, RecordError: a file is missing, or is nothing of the kind.
    """
    manifest = _manifest(read_file(folder / "manifest.json"))
    return tuple(parse_event(read_file(folder / f"{name}.json"), f"{name}.json", defaults) for name in manifest)


def _manifest(data: bytes) -> dict[str, str]:
    try:
        return parse_manifest(data)
    except ValueError as error:
        raise RecordError("intel", str(error)) from error


def _from_disk(feed: FeedSettings, defaults: Defaults, zone: str) -> Fetched:
    path = Path(feed.url)
    if feed.kind == "misp":
        return Fetched(whole_folder(path, defaults), True, "", str(path))
    return Fetched((_sound(parse(feed.kind, read_file(path), path.name, defaults, zone)),), True, "", str(path))


def _of_body(feed: FeedSettings, data: bytes, cursor: str, defaults: Defaults, zone: str) -> Fetched:
    digest = hashlib.sha256(data).hexdigest()
    origin = shown(feed.url)
    if digest == cursor and not defaults.expire:
        return Fetched((), True, digest, origin, unchanged=True)
    name = urlsplit(feed.url).path.rpartition("/")[2] or feed.name
    return Fetched((_sound(parse(feed.kind, unpacked(data), name, defaults, zone)),), True, digest, origin)


def _sound(parsed: Parsed) -> Parsed:
    """What a feed gave, unless all of it is wrong: an error page must not empty a feed.

    Raises:
        RecordError: it has no indicator, and mistakes.
    """
    if parsed.mistakes and not parsed.indicators:
        first = parsed.mistakes[0]
        raise RecordError("intel", f"nothing in it can be used: {first.where}: {first.reason}")
    return parsed


def shown(url: str) -> str:
    """An address without user, password and query: it is shown on pages and in logs."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


# ── over HTTP ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _session(feed: FeedSettings) -> aiohttp.ClientSession:
    secret = feed.password or feed.token
    if feed.secret_file:
        try:
            secret = Path(feed.secret_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError([f"[intel] {feed.name}: secret_file {feed.secret_file}: {error.strerror}"]) from error
    headers = {"User-Agent": "soc", "Accept": TAXII if feed.kind == "taxii" else "*/*"}
    if feed.username:
        headers["Authorization"] = aiohttp.encode_basic_auth(feed.username, secret)
    elif secret:
        headers["Authorization"] = f"Bearer {secret}"
    context: ssl.SSLContext | bool = True
    if feed.ca_file:
        try:
            context = ssl.create_default_context(cafile=feed.ca_file)
        except OSError as error:
            raise SettingsError([f"[intel] {feed.name}: ca_file {feed.ca_file}: {error}"]) from error
    return aiohttp.ClientSession(
        headers=headers,
        connector=aiohttp.TCPConnector(ssl=context, limit=4),
        timeout=aiohttp.ClientTimeout(total=feed.timeout_seconds * 10, sock_connect=15, sock_read=feed.timeout_seconds),
    )


async def _get(
    session: aiohttp.ClientSession, url: str, told: Callable[[Mapping[str, str]], None] = lambda _: None
) -> bytes:
    """The body of an answer.

    Raises:
        UnavailableError: it does not come, or is no 200.
        RecordError: it is too large.
    """
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise UnavailableError(f"{shown(url)}: {_status(response)}")
            told(response.headers)
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > MOST_BYTES:
                    raise RecordError("intel", f"{shown(url)}: larger than {MOST_BYTES >> 20} MiB")
            return bytes(body)
    except TimeoutError as error:
        raise UnavailableError(f"{shown(url)}: no answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise UnavailableError(f"{shown(url)}: {line(error, 200)}") from error


def _status(response: aiohttp.ClientResponse) -> str:
    said = f"it answers {response.status} {line(response.reason or '', 60)}".rstrip()
    if response.status in (401, 403):
        return f"{said}: check username, password or token"
    if 300 <= response.status < 400:
        return f"{said}: it has moved to {shown(response.headers.get('Location', '?'))}; write that into the settings"
    if response.status in (429, 503) and (after := response.headers.get("Retry-After")):
        return f"{said}: not before {line(after, 40)}"
    return said


async def _misp(session: aiohttp.ClientSession, feed: FeedSettings, cursor: str, defaults: Defaults) -> Fetched:
    base = feed.url.removesuffix("manifest.json").rstrip("/") + "/"
    data = await _get(session, urljoin(base, "manifest.json"))
    digest = hashlib.sha256(data).hexdigest()
    if digest == cursor and not defaults.expire:
        return Fetched((), True, digest, shown(base), unchanged=True)
    pages: list[Parsed] = []
    for name in _manifest(unpacked(data)):
        body = unpacked(await _get(session, urljoin(base, f"{name}.json")))
        pages.append(await asyncio.to_thread(parse_event, body, f"{name}.json", defaults))
    return Fetched(tuple(pages), True, digest, shown(base))


class _Envelope(msgspec.Struct):
    more: bool = False
    next: str | int = ""


async def _taxii(session: aiohttp.ClientSession, feed: FeedSettings, cursor: str, defaults: Defaults) -> Fetched:
    """Every object that was added since ``cursor`` (the server's own stamp of the last one that was had)."""
    collection = await _collection(session, feed)
    added: list[str] = []
    pages: list[Parsed] = []
    query = {"limit": str(PAGE), "match[type]": "indicator,marking-definition"}
    if cursor:
        query["added_after"] = cursor
    size = 0
    for _ in range(PAGES):
        url = str(URL(urljoin(collection, "objects/")).update_query(query))
        data = await _get(session, url, lambda headers: added.append(headers.get("X-TAXII-Date-Added-Last", "")))
        size += len(data)
        if size > MOST_BYTES:
            raise RecordError("intel", f"{shown(collection)}: more than {MOST_BYTES >> 20} MiB in one pull")
        envelope = _decoded(data, _Envelope, collection)
        pages.append(await asyncio.to_thread(_page, data, shown(collection), defaults))
        if not envelope.more:
            return Fetched(tuple(pages), False, max([cursor, *added]), shown(collection))
        if not str(envelope.next):
            raise RecordError("intel", f"{shown(collection)}: it says that there is more, and not where")
        query["next"] = str(envelope.next)
    raise RecordError("intel", f"{shown(collection)}: more than {PAGES} pages")


def _page(data: bytes, where: str, defaults: Defaults) -> Parsed:
    """One envelope; an empty one is ``{}``."""
    tree = _decoded(data, dict[str, Any], where)
    return parse_stix(data, where, defaults) if tree.get("objects") else Parsed()


async def _collection(session: aiohttp.ClientSession, feed: FeedSettings) -> str:
    """The address of the collection, found as TAXII 2.1 §4 and §5 say."""
    url = feed.url.rstrip("/") + "/"
    if "/collections/" in url and not url.endswith("/collections/"):
        return url.removesuffix("objects/")
    root = url.removesuffix("collections/")
    if not url.endswith("/collections/"):
        about = _decoded(await _get(session, url), dict[str, Any], url)
        roots: Any = about.get("api_roots")
        if roots:
            root = urljoin(url, str(about.get("default") or roots[0]).rstrip("/") + "/")
    listed = _decoded(await _get(session, urljoin(root, "collections/")), dict[str, Any], root)
    known: list[dict[str, Any]] = listed.get("collections") or []
    readable = [one for one in known if one.get("can_read")]
    wanted = [one for one in readable if feed.collection in ("", one.get("id"), one.get("title"), one.get("alias"))]
    if len(wanted) != 1:
        names = ", ".join(line(one.get("title") or one.get("id"), 60) for one in readable) or "none"
        what = f"no collection {feed.collection!r}" if feed.collection else "several collections, or none"
        raise RecordError("intel", f"{shown(root)}: {what}; name one of: {names}")
    return urljoin(root, f"collections/{wanted[0].get('id')}/")


def _decoded(data: bytes, type_: Any, url: str) -> Any:
    try:
        return msgspec.json.decode(data, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError("intel", f"{shown(url)}: no TAXII 2.1: {line(error)}") from error
