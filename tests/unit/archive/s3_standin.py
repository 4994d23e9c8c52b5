"""A bucket in memory behind the part of the S3 protocol that the archive uses: a stand-in, made here, for tests.

It checks what a server would: the bucket, the access key, and the signature of every request (AWS Signature Version 4).
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

BUCKET, ACCESS, SECRET = "soc", "AKTEST", "secret of a test"
PAGE = 7
"""Keys in one answer, so that a listing has several."""


class Standin(ThreadingHTTPServer):
    """Objects by key; ``broken`` answers 503 to everything."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.broken = False

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def standin() -> Iterator[Standin]:
    """One that serves until the context is left."""
    server = Standin()
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def signature(method: str, target: str, headers: dict[str, str], *, signed: str, scope: str) -> str:
    """The signature that a request must have."""
    parts = urlsplit(target)
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(parts.query, True))
    lines = [method, parts.path, "&".join(f"{k}={v}" for k, v in pairs)]
    lines += [f"{name}:{headers[name].strip()}" for name in signed.split(";")]
    lines += ["", signed, headers["x-amz-content-sha256"]]
    request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, request])
    return hmac.new(key, text.encode(), "sha256").hexdigest()


class _Handler(BaseHTTPRequestHandler):
    server: Standin
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _allowed(self) -> bool:
        headers = {name.lower(): value for name, value in self.headers.items()}
        kind, _, rest = headers.get("authorization", "").partition(" ")
        fields = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        access, _, scope = fields.get("Credential", "").partition("/")
        if kind != "AWS4-HMAC-SHA256" or access != ACCESS:
            return False
        made = signature(self.command, self.path, headers, signed=fields["SignedHeaders"], scope=scope)
        return hmac.compare_digest(made, fields["Signature"])

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _key(self) -> str | None:
        """The key asked for, "" for the bucket; None when the request was refused and answered."""
        bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        if self.server.broken:
            self._answer(503)
        elif not self._allowed():
            self._answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        elif bucket != BUCKET:
            self._answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        else:
            return key
        return None

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if (key := self._key()) is not None:
            self.server.objects[key] = data
            self._answer(200, ETag='"1"')

    def do_POST(self) -> None:
        """Several objects are deleted at once: ``POST /bucket?delete``."""
        data = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self._key() is not None:
            keys = [unescape(key, {"&quot;": '"', "&apos;": "'"}) for key in re.findall("<Key>(.*?)</Key>", data)]
            for key in keys:
                self.server.objects.pop(key, None)
            rows = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
            self._answer(200, f"<DeleteResult>{rows}</DeleteResult>".encode(), Content_Type="application/xml")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        key = self._key()
        if key is None:
            return
        if not key:
            self._list(dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True)))
        elif key not in self.server.objects:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            data = self.server.objects[key]
            common = {"ETag": '"1"', "Last_Modified": "Mon, 01 Dec 2025 00:00:00 GMT"}
            if asked := self.headers["Range"]:
                first, last = (int(part) for part in asked.removeprefix("bytes=").split("-"))
                piece = data[first : last + 1]
                where = f"bytes {first}-{first + len(piece) - 1}/{len(data)}"
                self._answer(206, piece, Content_Range=where, **common)
            else:
                self._answer(200, data, Content_Length=str(len(data)), **common)

    def _list(self, asked: dict[str, str]) -> None:
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        found: list[tuple[str, bytes | None]] = []
        for key, data in sorted(self.server.objects.items()):
            if key.startswith(prefix):
                head, end, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
                item = (prefix + head + end, None) if end else (key, data)
                if item not in found:
                    found.append(item)
        start = int(asked.get("continuation-token", "0"))
        parts = [
            f"<CommonPrefixes><Prefix>{escape(key)}</Prefix></CommonPrefixes>"
            if data is None
            else f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><ETag>1</ETag>"
            "<LastModified>2025-12-01T00:00:00.000Z</LastModified></Contents>"
            for key, data in found[start : start + PAGE]
        ]
        more = start + PAGE < len(found)
        token = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if more else ""
        body = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{''.join(parts)}</ListBucketResult>"
        self._answer(200, body.encode(), Content_Type="application/xml")
