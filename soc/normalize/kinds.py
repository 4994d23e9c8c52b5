"""The kinds of events that most rules are about → what a detector can be made ready for before the first event comes."""

from collections.abc import Iterator
from typing import Any

from soc.model.event import LogSource
from soc.normalize.products.windows_logsource import CATEGORIES, SERVICES
from soc.normalize.products.windows_mapping import kind_of

Kind = tuple[tuple[LogSource, ...], dict[str, Any]]
"""(logsources, the fields that tell such events apart)."""


def expected() -> Iterator[Kind]:
    """Windows and Sysmon, three of four of SigmaHQ's rules: every category by channel and id, and every channel as a whole."""
    channels = {service: channel for channel, service in reversed(SERVICES.items())}
    for service, code in CATEGORIES:
        yield kind_of(channels[service], "", code, "")[0], {"EventID": code}
    for channel in channels.values():
        yield kind_of(channel, "", "", "")[0], {}
