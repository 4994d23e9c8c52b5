"""Acts in, lines of this stage's audit chain out: they commit together with the chain's end, so that no line is lost or doubled.

Every stage that acts keeps the end of its chain in its own state under ``HEAD``; that is how ``soc.pipeline.auditing`` finds all chains.
"""

from collections.abc import Mapping, Sequence

from soc.audit.chain import Entry, Head, append
from soc.bus.base import Bus, Message
from soc.model import decode, encode
from soc.pipeline.table import AUDIT, PUBLISHING

HEAD = b"audit"
"""Where a stage's state has the end of its chain."""
COMMANDS = "context"
"""The chain of what is done by command on a host; the stage of that name writes it."""
CLAIM_WAIT_SECONDS = 10.0
"""Two who record at once do so one after the other."""


def head_of(state: Mapping[bytes, bytes], chain: str) -> Head:
    """The end of a chain as a stage's state has it."""
    return decode(state[HEAD], Head) if HEAD in state else Head(chain)


def lines(head: Head, entries: Sequence[Entry]) -> tuple[list[Message], Head]:
    """The lines that follow ``head``, and the new end, to be committed together (``{HEAD: encode(head)}``)."""
    messages: list[Message] = []
    for entry in entries:
        line, head = append(head, entry)
        messages.append(Message(AUDIT, head.chain.encode(), line))
    return messages, head


async def record(bus: Bus, *entries: Entry) -> None:
    """Write what a command does or is about to do; durable when it returns.

    Raises:
        UnavailableError: the bus is away: nothing was written.
    """
    claim = await bus.claim(PUBLISHING, 0, wait=CLAIM_WAIT_SECONDS)
    try:
        messages, head = lines(head_of(claim.state, COMMANDS), entries)
        await claim.commit(messages, {HEAD: encode(head)})
    finally:
        await claim.release()
