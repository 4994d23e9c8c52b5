"""What people order of alert sharing, published as ``soc.context`` under ``sharing``: the data in force in, a new one out. Pure."""

import msgspec

from soc.clock import Micros
from soc.model import decode, encode


class Counted(msgspec.Struct, frozen=True):
    """How many summaries of a day a receiver says that it has, as a person was told."""

    receiver: str
    day: str
    count: int
    by: str
    at: Micros


class Orders(msgspec.Struct, frozen=True):
    """Everything that was ordered.

    Attributes:
        retry: receiver → when somebody last asked to try at once, refused records included.
        counted: what receivers said, the latest last.
    """

    retry: dict[str, Micros] = {}
    counted: tuple[Counted, ...] = ()


NONE = Orders()

MOST_COUNTED = 2000
"""So many are kept; each is in the audit too."""


def parse(data: bytes) -> Orders:
    """Orders as they were published.

    Raises:
        RecordError: they are none.
    """
    return decode(data, Orders)


def with_retry(data: bytes | None, receivers: list[str], at: Micros) -> bytes:
    """The orders with one more to try at once."""
    orders = parse(data) if data else NONE
    return encode(msgspec.structs.replace(orders, retry=orders.retry | dict.fromkeys(receivers, at)))


def with_count(data: bytes | None, counted: Counted) -> bytes:
    """The orders with what a receiver said of a day."""
    orders = parse(data) if data else NONE
    return encode(msgspec.structs.replace(orders, counted=(*orders.counted, counted)[-MOST_COUNTED:]))
