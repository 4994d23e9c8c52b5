"""aiokafka's own log lines, each kind at most every so often: while brokers are away it writes some for every retry of every client.

What a reader needs is said by our own lines (``bus_unavailable``, ``workers_not_known``, ``not_shipped``), with growing pauses.
"""

import logging
import time

EVERY_SECONDS = 30.0
KINDS = 1000


class _Seldom(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._told: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this kind of line was not written lately."""
        kind, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._told.get(kind, float("-inf")) < EVERY_SECONDS:
            return False
        if len(self._told) > KINDS:
            self._told.clear()
        self._told[kind] = now
        return True


_SELDOM = _Seldom()


def quieten() -> None:
    """Do it for every logger that aiokafka has made by now; doing it again changes nothing."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "aiokafka":
            logging.getLogger(name).addFilter(_SELDOM)
