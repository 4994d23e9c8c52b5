"""A request's body in, its fields as text out: a form, or a JSON object from an API client; anything else is refused."""

from typing import Any, Final, cast
from urllib.parse import parse_qsl

import msgspec
from aiohttp import BodyPartReader, web
from multidict import MultiDict

from soc.console.context import visitor_of

_FORM = web.RequestKey[MultiDict[str]]("form", MultiDict)
_FILES = web.RequestKey[list[tuple[str, bytes]]]("files", list)
_MAX_FIELDS = 100
UPLOADS: Final = frozenset({"/assets/check"})
"""Where files may be sent to."""
_MOST_FILES: Final = 10
_MOST_BYTES: Final = 8 * 1024 * 1024
"""Of all files of a form: a register of 50,000 hosts."""


async def form_of(request: web.Request) -> MultiDict[str]:
    """The fields, read once. Bytes that are no UTF-8 are replaced; lists give a field several times.

    Raises:
        web.HTTPBadRequest: neither a form nor a JSON object.
    """
    if _FORM in request:
        return request[_FORM]
    if request.content_type == "multipart/form-data":
        request[_FORM] = await _from_parts(request)
        return request[_FORM]
    body = await request.read()
    if request.content_type == "application/json":
        fields = _from_json(body)
    elif request.content_type == "application/x-www-form-urlencoded" or not body:
        try:
            pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
        except ValueError as error:
            raise web.HTTPBadRequest(text="too many fields") from error
        fields = MultiDict(pairs)
    else:
        raise web.HTTPBadRequest(text="neither a form nor JSON")
    request[_FORM] = fields
    return fields


def files_of(request: web.Request) -> list[tuple[str, bytes]]:
    """The files of a form that was read: (name as given, bytes)."""
    return request.get(_FILES, [])


async def _from_parts(request: web.Request) -> MultiDict[str]:
    """A form with files, within bounds; from nobody who is not signed in, and only where files are asked for.

    Raises:
        web.HTTPBadRequest, web.HTTPRequestEntityTooLarge: what else it is.
    """
    if request.path not in UPLOADS or visitor_of(request).user is None:
        raise web.HTTPBadRequest(text="no files are taken here")
    fields: MultiDict[str] = MultiDict()
    files: list[tuple[str, bytes]] = []
    left = _MOST_BYTES
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or len(fields) + len(files) >= _MOST_FILES:
                raise web.HTTPBadRequest(text="too many parts")
            data = bytearray()
            while chunk := await part.read_chunk():
                data += chunk
                left -= len(chunk)
                if left < 0:
                    raise web.HTTPRequestEntityTooLarge(_MOST_BYTES, _MOST_BYTES - left)
            if part.filename:
                files.append((part.filename[:255], bytes(data)))
            elif part.filename is None:
                fields.add(part.name or "", data.decode("utf-8", "replace"))
    except ValueError as error:
        raise web.HTTPBadRequest(text="a damaged form") from error
    request[_FILES] = files
    return fields


def _from_json(body: bytes) -> MultiDict[str]:
    try:
        tree = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise web.HTTPBadRequest(text=f"no JSON: {error}") from error
    if not isinstance(tree, dict):
        raise web.HTTPBadRequest(text="no JSON object")
    fields: MultiDict[str] = MultiDict()
    for key, value in cast("dict[str, Any]", tree).items():
        for item in cast("list[Any]", value) if isinstance(value, list) else [value]:
            fields.add(key, item if isinstance(item, str) else "" if item is None else str(item))
    return fields
