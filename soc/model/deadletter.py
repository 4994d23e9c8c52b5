"""``soc.deadletter``: what could not be processed, with its bytes, so that it can be retried."""

import msgspec

from soc.clock import Micros


class DeadLetter(msgspec.Struct, frozen=True):
    """One record that a stage could not process.

    Attributes:
        id: the raw id (or the address of the record of a later stage).
        stage: ``normalize``, ``detect``, ``correlate``, ``index`` ...
        reason: one clause; equal failures have equal reasons.
        data: the bytes.
        source: as in the raw record.
        listener: as in the raw record.
        peer: as in the raw record.
        received: as in the raw record: kept through a retry.
        profile: the source profile that was tried, "" if none was found.
    """

    id: str
    stage: str
    reason: str
    data: bytes
    source: str
    listener: str
    peer: str
    received: Micros
    profile: str = ""
