"""The bodies of HTTP ingest: compressed bytes in, the bytes of each record out; nothing is read but the framing."""

import zlib
from typing import NoReturn

import msgspec

NDJSON_TYPES = frozenset(
    {
        "",
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/octet-stream",
        "application/x-www-form-urlencoded",  # what curl --data-binary says when nobody tells it otherwise
        "text/plain",
    }
)
ARRAY_TYPE = "application/json"

_GZIP = 16 + zlib.MAX_WBITS
_array = msgspec.json.Decoder(list[msgspec.Raw])


class BodyError(Exception):
    """The body cannot be taken.

    Attributes:
        status: the HTTP status it means.
        what: what is wrong.
        advice: what to do.
    """

    def __init__(self, status: int, what: str, advice: str) -> None:
        super().__init__(what)
        self.status = status
        self.what = what
        self.advice = advice


def too_large(limit: int) -> NoReturn:
    """The one answer to a body over the limit, compressed or not.

    Raises:
        BodyError: 413.
    """
    raise BodyError(
        413,
        f"the body is larger than {limit} bytes (after decompression)",
        "send it in smaller parts, each with its own Idempotency-Key",
    )


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body as it was before its ``Content-Encoding``; never more than ``limit`` bytes are made.

    Raises:
        BodyError: 413 over the limit, 415 for an unknown encoding, 400 for bytes that are no gzip.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        if len(body) > limit:
            too_large(limit)
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise BodyError(415, f"Content-Encoding {encoding!r} is not supported", "use gzip or none")
    parts: list[bytes] = []
    made = 0
    rest = body
    try:
        while rest:  # a gzip file may have several members
            member = zlib.decompressobj(_GZIP)
            part = member.decompress(rest, limit - made + 1)
            made += len(part)
            if made > limit:
                too_large(limit)
            if not member.eof:
                raise BodyError(400, "the gzip body ends too early", "send it whole")
            parts.append(part)
            rest = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise BodyError(
            400, f"the body is no gzip: {error}", "compress it with gzip, or leave Content-Encoding out"
        ) from error
    return b"".join(parts)


def records_of(body: bytes, content_type: str) -> list[bytes]:
    """One item a record: the non-empty lines of NDJSON as they are, or the elements of a JSON array in their own bytes.

    Raises:
        BodyError: 415 for another content type, 400 for JSON that is no array.
    """
    if content_type == ARRAY_TYPE:
        try:
            return [bytes(element) for element in _array.decode(body)]
        except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
            raise BodyError(
                400,
                f"the body is no JSON array: {error}",
                "send [record, …], or one record a line with Content-Type: application/x-ndjson",
            ) from error
    if content_type not in NDJSON_TYPES:
        raise BodyError(
            415,
            f"Content-Type {content_type!r} is not supported",
            "use application/x-ndjson, text/plain or application/json (an array)",
        )
    lines = (line.rstrip(b"\r") for line in body.split(b"\n"))
    return [line for line in lines if line.strip(b" \t\r\0")]
