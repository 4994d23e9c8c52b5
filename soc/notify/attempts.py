"""What the core of calling people knows of the outside: channels that are set up, what came of an attempt, how calling is done."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from soc.clock import Micros
from soc.notify.allowance import Limits


class Channel(NamedTuple):
    """A channel that is set up, as the core sees it.

    Attributes:
        tells: what its messages may tell.
        short: its messages are short ones in the basic alphabet.
        timeout: how long one attempt may take.
    """

    tells: tuple[str, ...]
    short: bool
    timeout: Micros


class Outcome(NamedTuple):
    """What came of one attempt.

    Attributes:
        kind: ``sent``: the channel took it. ``failed``: certainly not taken, may be later. ``refused``: never will be.
            ``uncertain``: it may have been taken and nobody can tell.
        detail: one clause; never a secret, never an address.
    """

    kind: Literal["sent", "failed", "refused", "uncertain"]
    detail: str = ""


class Settings(NamedTuple):
    """How calling is done.

    Attributes:
        name, link: as messages say them.
        attempts: on one channel before the next one is tried.
        retry_min, retry_max: between them lies the wait after a failed attempt; it doubles.
        parallel: messages under way at once on one channel.
    """

    name: str
    link: str
    limits: Limits
    attempts: int
    retry_min: Micros
    retry_max: Micros
    parallel: int
    channels: Mapping[str, Channel]
