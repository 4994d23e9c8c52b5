"""A JSON object → a flat dictionary of scalars and lists of scalars, nested names joined with dots."""

import math
from typing import Annotated, Any, cast

import msgspec

DEEPEST = 24
"""Objects nested deeper are kept as their JSON text."""

_MOST = 2000
"""Names in one event; what goes beyond is kept in ``event.original`` only."""

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1

_Integer = Annotated[int, msgspec.Meta(ge=_SMALLEST, le=_LARGEST)]
_flat: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, str | bool | _Integer | float | None])  # type: ignore[assignment]
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def decode_flat(line: bytes) -> dict[str, Any] | None:
    """The object if every value of it is a scalar that bus and store can hold; None for anything else."""
    try:
        return _flat.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def decode_object(text: str) -> tuple[dict[str, Any], bool] | None:
    """The object and whether it is flat: every value a scalar that bus and store can hold.

    None if the text is no object (or is nested past what the decoder takes). The check is the decoder's and costs nothing.
    """
    try:
        return _flat.decode(text), True
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        pass
    try:
        value = _any.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return (cast("dict[str, Any]", value), False) if isinstance(value, dict) else None


def scalar(value: Any) -> Any:
    """The value itself, but an integer past 64 bits as text: no bus or store could hold it."""
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def flatten(value: dict[str, Any]) -> dict[str, Any]:
    """Nested objects as dotted names; a list of objects gives lists under the same names (as a search index sees them)."""
    out: dict[str, Any] = {}
    _object("", value, out, 0)
    return out


def _object(prefix: str, value: dict[str, Any], out: dict[str, Any], depth: int) -> None:
    for key, item in value.items():
        _item(prefix + key, item, out, depth)


def _item(name: str, item: Any, out: dict[str, Any], depth: int) -> None:
    if len(out) >= _MOST and name not in out:
        return
    kind = item.__class__
    if kind is dict:
        if depth >= DEEPEST:
            _add(name, msgspec.json.encode(item).decode(), out)
        else:
            _object(name + ".", item, out, depth + 1)
    elif kind is list:
        if depth >= DEEPEST:
            _add(name, msgspec.json.encode(item).decode(), out)
        elif all(element.__class__ is not dict and element.__class__ is not list for element in item):
            _extend(name, [scalar(element) for element in item], out)
        else:
            for element in item:
                _item(name, element, out, depth + 1)
    else:
        _add(name, scalar(item), out)


def _add(name: str, value: Any, out: dict[str, Any]) -> None:
    if name not in out:
        out[name] = value
    elif isinstance(out[name], list):
        out[name].append(value)
    else:
        out[name] = [out[name], value]


def _extend(name: str, values: list[Any], out: dict[str, Any]) -> None:
    if name not in out:
        out[name] = values
    elif isinstance(out[name], list):
        out[name].extend(values)
    else:
        out[name] = [out[name], *values]
