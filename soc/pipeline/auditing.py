"""Verification of the audit chains: ``soc.audit`` read from the bus, compared with the heads its writers committed."""

from pathlib import Path

import msgspec

from soc.audit.chain import Head, verify
from soc.bus.base import Bus
from soc.errors import SettingsError
from soc.forward.ledger import Counters as ForwardCounters
from soc.model import decode
from soc.pipeline.letters import CHAIN, HEAD
from soc.pipeline.table import AUDIT, REPLAY, RETRYING
from soc.triage.documents import Counters as TriageCounters


class Verified(msgspec.Struct, frozen=True):
    """One chain: how many lines it has, its head (to be kept off the host), and where it first fails ("" nowhere)."""

    chain: str
    lines: int
    head: Head
    fault: str


async def verify_audit(bus: Bus, expected: dict[str, Head] | None = None) -> list[Verified]:
    """Verify every chain against the committed heads and, where given, against heads kept elsewhere.

    A head kept elsewhere may be older than the chain: it must be one that the chain went through.
    """
    lines = await _lines(bus)
    results: list[Verified] = []
    for chain, head in (await committed_heads(bus)).items():
        own = lines.get(chain, [])
        found = verify(own, head)
        kept = (expected or {}).get(chain)
        if found is None and kept is not None:
            found = verify(own[: kept.seq], kept)
        results.append(Verified(chain, len(own), head, f"line {found.seq}: {found.reason}" if found else ""))
    return results


async def committed_heads(bus: Bus) -> dict[str, Head]:
    """The end of each chain as its writer committed it together with the last line."""
    heads = {"triage": Head("triage"), "forward": Head("forward")}
    async for _, state in bus.states("triage"):
        if b"c" in state:
            heads["triage"] = decode(state[b"c"], TriageCounters).audit
    async for _, state in bus.states("forward"):
        if b"c" in state:
            heads["forward"] = decode(state[b"c"], ForwardCounters).audit
    for stage, chain in ((RETRYING, CHAIN), (REPLAY, REPLAY)):
        async for _, state in bus.states(stage):
            if HEAD in state:
                heads[chain] = decode(state[HEAD], Head)
    return heads


async def _lines(bus: Bus) -> dict[str, list[bytes]]:
    reader = bus.reader([AUDIT])
    chains: dict[str, list[bytes]] = {}
    try:
        while records := await reader.fetch(1000, 0.0):
            for record in records:
                chains.setdefault(record.key.decode("utf-8", "replace"), []).append(record.value)
    finally:
        await reader.close()
    return chains


def read_heads(path: Path) -> dict[str, Head]:
    """Heads as ``soc audit verify`` printed them before.

    Raises:
        SettingsError: the file holds no heads.
    """
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=list[Verified])
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError([f"{path}: no heads as `soc audit verify` prints them: {error}"]) from error
    return {item.chain: item.head for item in kept}
