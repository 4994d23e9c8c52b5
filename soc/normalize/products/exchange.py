"""Exchange's message tracking log (CSV, ``#Fields``) → who sent what to whom through which server, the log's own names beside ECS."""

import re
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.formats import csv
from soc.normalize.products.fill import Table, address, fill, number, text
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import iso

_SOURCES = (LogSource("windows", "", "exchange-messagetracking"),)
_COLUMNS = """
date-time client-ip client-hostname server-ip server-hostname source-context connector-id source event-id internal-message-id
message-id network-message-id recipient-address recipient-status total-bytes recipient-count related-recipient-address
reference message-subject sender-address return-path message-info directionality tenant-id original-client-ip
original-server-ip custom-data transport-traffic-type log-id schema-version
"""
COLUMNS: Final = tuple(_COLUMNS.split())
"""Microsoft, "Message tracking": the order of Exchange 2016 and 2019; older versions end sooner."""
_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z,", re.ASCII)
_TABLE: Final[Table] = {
    "client-ip": (address, "source"),
    "original-client-ip": (address, "source"),
    "client-hostname": (text, "source.domain"),
    "server-ip": (address, "destination"),
    "server-hostname": (text, "host.name"),
    "event-id": (text, "event.action"),
    "internal-message-id": (text, "email.local_id"),
    "message-subject": (text, "email.subject"),
    "total-bytes": (number, "email.size"),
    "recipient-status": (text, "event.reason"),
    "source": (text, "event.provider"),
}
_EVENTS: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(("RECEIVE", "HARECEIVE", "SUBMIT", "NOTIFYMAPI"), ("info start", "success")),
    **dict.fromkeys(("SEND", "DELIVER", "SENDEXTERNAL", "DUPLICATEDELIVER"), ("info end", "success")),
    **dict.fromkeys(("FAIL", "POISONMESSAGE", "BADMAIL", "SUBMITFAIL"), ("error", "failure")),
    **dict.fromkeys(("DEFER", "SUBMITDEFER", "SUPPRESSED"), ("error", "failure")),
    **dict.fromkeys(
        ("AGENTINFO", "EXPAND", "DSN", "RESOLVE", "REDIRECT", "TRANSFER", "HADISCARD", "HAREDIRECT", "PROCESS", "DROP"),
        ("info", ""),
    ),
    **dict.fromkeys(("HAREDIRECTFAIL", "DELIVERFAIL"), ("error", "failure")),
    **dict.fromkeys(
        (
            "INITMESSAGECREATED",
            "LOAD",
            "MODERATIONEXPIRE",
            "MODERATORAPPROVE",
            "MODERATORREJECT",
            "PROCESSMEETINGMESSAGE",
        ),
        ("info", ""),
    ),
    **dict.fromkeys(
        ("THROTTLE", "RESUBMIT", "RESUBMITDEFER", "RESUBMITFAIL", "SUBMITCLOUD", "JOURNALREPORT", "MEETINGMESSAGE"),
        ("info", ""),
    ),
}
_DIRECTIONS: Final = {"Incoming": "inbound", "Originating": "outbound"}


@lru_cache(maxsize=64)
def _head(head: str) -> tuple[str, ...]:
    for directive in head.split("\n"):
        if directive.lower().startswith("#fields:"):
            return tuple(name.strip().lower() for name in directive[8:].split(","))
    return ()


def line(text_: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001 - one signature for all
    """A row, with or without its head; None if it is of another log."""
    names = COLUMNS
    if text_.startswith("#"):
        head, _, text_ = text_.rpartition("\n")
        names = _head(head)
        if "event-id" not in names or "message-subject" not in names:
            return None
    if _SHAPE.match(text_) is None or text_.count(",") < 17:
        return None
    values = csv.read(text_, most=len(names))
    row = dict(zip(names, values, strict=False))
    if row.get("event-id", "").upper() not in _EVENTS:
        return None
    fields.update({name: value for name, value in row.items() if value})
    fill(fields, _TABLE)
    fields["event.kind"], fields["event.category"] = "event", ["email"]
    fields["event.module"], fields["event.dataset"] = "exchange", "exchange.messagetracking"
    types, outcome = _EVENTS[row["event-id"].upper()]
    fields["event.type"] = types.split()
    if outcome:
        fields["event.outcome"] = outcome
    if sender := row.get("sender-address"):
        fields["email.from.address"] = [sender]
    if message := row.get("message-id"):
        fields["email.message_id"] = message.strip("<>")
    if to := row.get("recipient-address"):
        fields["email.to.address"] = [item for item in to.split(";") if item][:256]
    if (direction := _DIRECTIONS.get(row.get("directionality", ""))) is not None:
        fields["network.direction"] = direction
    return _SOURCES, iso(row.get("date-time", ""), zone)


def parse(text_: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One row."""
    reading = line(text_, fields, zone, day)
    if reading is None:
        raise refuse("exchange: no row of the message tracking log")
    return reading


PRODUCT = Product(
    "exchange",
    "Exchange message tracking (CSV with #Fields, or in the default order)",
    parse,
    headed=True,
    fields={
        **dict.fromkeys(COLUMNS, ""),
        **{
            name: {"source": "source.ip", "destination": "destination.ip"}.get(ecs, ecs)
            for name, (_, ecs) in _TABLE.items()
        },
        "sender-address": "email.from.address",
        "recipient-address": "email.to.address",
        "message-id": "email.message_id",
        "directionality": "network.direction",
        "date-time": "@timestamp",
    },
)
