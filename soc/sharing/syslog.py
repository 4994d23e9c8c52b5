"""A record's JSON in, the same as syslog messages (RFC 5424) in octet-counted frames (RFC 5425) out.

A receiver need take no more than 2,048 octets in a message (RFC 5425 section 4.3.1), so each row of a summary is a message of its own:

    <107>1 2026-11-23T08:05:00.000Z tay-ninh soc - row [soc@32473 id="…" number="41" row="1" rows="3" rule="…" …] …
    <109>1 … summary [soc@32473 id="…" number="41" rows="3" alerts="7" events="912" …]      after its rows
    <109>1 … day [soc@32473 id="…" number="288" day="2026-11-23" due="287" …]

``id`` and ``row`` name a message: a receiver that has it drops the repeat.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, cast

FACILITY = 13
"""Log audit (RFC 5424 section 6.2.1)."""
SEVERITIES: Mapping[str, int] = {"critical": 2, "high": 3, "medium": 4, "low": 5, "informational": 6}
NOTICE = 5
MOST_OCTETS = 2048
MOST_VALUES = 12
"""Of a list so many are written out; how many there are is said."""

_UNPRINTABLE = re.compile(r"[^!-~]+")
_ESCAPED = re.compile(r'["\\\]]')
_BOM = "\ufeff"


def frames(record: bytes, data_id: str) -> bytes:
    """The frames of one record, in the order in which they are sent.

    Args:
        record: its canonical JSON (``soc.sharing.summary``).
        data_id: name@number of the structured data.
    """
    tree: dict[str, Any] = json.loads(record)
    return b"".join(_frame(message) for message in _messages(tree, data_id))


def _frame(message: str) -> bytes:
    data = message.encode("utf-8", "replace")
    return b"%d %s" % (len(data), data)


def _messages(tree: Mapping[str, Any], data_id: str) -> Iterator[str]:
    rows = cast("list[dict[str, Any]]", tree.get("rows", []))
    common = {name: tree[name] for name in ("id", "series", "number", "day", "tlp")}
    for place, row in enumerate(rows, 1):
        yield _message(tree, "row", {**common, "row": place, "rows": len(rows), **row}, data_id)
    whole = {name: value for name, value in tree.items() if name not in {"rows", "kind", "organization", *common}}
    count = {"rows": len(rows)} if tree["kind"] == "summary" else {}
    yield _message(tree, str(tree["kind"]), {**common, **count, **whole}, data_id)


def _message(tree: Mapping[str, Any], kind: str, values: Mapping[str, Any], data_id: str) -> str:
    words = str(values.get("title", ""))
    priority = FACILITY * 8 + SEVERITIES.get(str(values.get("level")), NOTICE)
    host = _UNPRINTABLE.sub("-", _plain(str(tree["organization"]))).strip("-")[:255] or "-"
    stamp = str(tree.get("to") or tree["series"])
    head, made = f"<{priority}>1 {stamp} {host} soc - {kind} ", ""
    for most in (MOST_VALUES, 3, 0):
        made = f"{head}[{data_id}{''.join(_params(values, most))}]"
        if len(made.encode()) <= MOST_OCTETS - len(words.encode()) - 4:
            break
    return f"{made} {_BOM}{words}" if words else made


def _plain(name: str) -> str:
    """A name without diacritics: a header of syslog is ASCII (RFC 5424 section 6)."""
    parts = unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D"))
    return "".join(char for char in parts if not unicodedata.combining(char))


def _params(values: Mapping[str, Any], most: int) -> Iterator[str]:
    for name, value in values.items():
        if name == "title":
            continue  # the message's own text
        if isinstance(value, list):
            listed = cast("list[Any]", value)
            yield f' {name}="{_escape(" ".join(str(item) for item in listed[:most]))}"'
            if len(listed) > most:
                yield f' {name}_listed="{most}" {name}_all="{len(listed)}"'
        else:
            yield f' {name}="{_escape(str(value))}"'


def _escape(value: str) -> str:
    """RFC 5424 section 6.3.3: a quote, a backslash and a closing bracket are escaped; a line break is none here."""
    return _ESCAPED.sub(r"\\\g<0>", " ".join(value.split()))
