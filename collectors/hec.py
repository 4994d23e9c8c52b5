"""The body of Splunk's HTTP Event Collector: bytes in, the JSON object of each event out, in the sender's own bytes.

Objects stand one behind another, with or without white space between them (Splunk documentation, "Format events for HTTP Event
Collector"). Each must have ``event``, a text that is not empty or any other value.
"""

import json
from typing import Any, cast

MAX_EVENTS = 100_000


class HecError(Exception):
    """The body cannot be taken; nothing of it is written.

    Attributes:
        code: Splunk's code (Splunk documentation, "Troubleshoot HTTP Event Collector").
        text: Splunk's words for it.
        number: which event it was, from 0.
    """

    def __init__(self, code: int, text: str, number: int) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.number = number


_decoder = json.JSONDecoder(strict=False)
_BETWEEN = " \t\r\n"


def events(body: bytes) -> list[bytes]:
    """One item an event: the object as it came, with its metadata.

    Raises:
        HecError: 5 no data, 6 no JSON object, 12 no ``event``, 13 an empty ``event``.
    """
    text = body.decode("utf-8", "surrogateescape")
    found: list[bytes] = []
    at, end = 0, len(text)
    while True:
        while at < end and text[at] in _BETWEEN:
            at += 1
        if at == end:
            break
        try:
            value, stop = _decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise HecError(6, "Invalid data format", len(found)) from error
        if not isinstance(value, dict) or len(found) >= MAX_EVENTS:
            raise HecError(6, "Invalid data format", len(found))
        event = cast("dict[str, Any]", value).get("event")
        if event is None:
            raise HecError(12, "Event field is required", len(found))
        if event == "":
            raise HecError(13, "Event field cannot be blank", len(found))
        found.append(text[at:stop].encode("utf-8", "surrogateescape"))
        at = stop
    if not found:
        raise HecError(5, "No data", 0)
    return found
