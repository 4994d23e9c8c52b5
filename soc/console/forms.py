"""A request's body in, its fields as text out: a form, or a JSON object from an API client; anything else is refused."""

from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from multidict import MultiDict

_FORM = web.RequestKey[MultiDict[str]]("form", MultiDict)
_MAX_FIELDS = 100


async def form_of(request: web.Request) -> MultiDict[str]:
    """The fields, read once. Bytes that are no UTF-8 are replaced; lists give a field several times.

    Raises:
        web.HTTPBadRequest: neither a form nor a JSON object.
    """
    if _FORM in request:
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
