"""A bundle in, its rule set out, while this process goes on with its work: another process compiles it into the cache on disk.

Compiling every rule there is takes seconds of bytecode, which a thread of this process would take from detection; and a bundle on which
it fails, or runs out of memory, ends that other process and not this one.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from soc.errors import RecordError, RuleError
from soc.model import Bundle, decode, encode
from soc.pipeline.rule_cache import load_cached
from soc.sigma.ruleset import RuleSet

SECONDS: Final = 300.0
"""How long it may take: a hundred times what all of SigmaHQ takes."""
FEW: Final = 200
"""Rule files below which starting a process costs more than compiling."""
NICER: Final = 10
"""How much the other process steps back behind everything else on the machine."""


async def compile_aside(bundle: Bundle, directory: Path) -> RuleSet:
    """The rule set of a bundle.

    Args:
        bundle: the texts.
        directory: of the cache, this user's alone.

    Raises:
        RuleError: it cannot be compiled as a whole.
    """
    if len(bundle.files) >= FEW:
        await _fill_cache(bundle, directory)
    return await asyncio.to_thread(load_cached, bundle, directory)


async def _fill_cache(bundle: Bundle, directory: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "soc.pipeline.compile_aside",
        str(directory),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            _, said = await process.communicate(encode(bundle))
    except TimeoutError as error:
        raise RuleError("rules", 0, f"it was not compiled within {SECONDS:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        words = said.decode("utf-8", "replace").strip().splitlines()
        reason = f"compiling it ended with {process.returncode}"
        raise RuleError("rules", 0, f"{reason}: {words[-1]}" if words else reason)


def main() -> None:
    """Compile the bundle on standard input into the cache in the directory that is named."""
    os.nice(NICER)
    try:
        bundle = decode(sys.stdin.buffer.read(), Bundle)
    except RecordError as error:
        sys.exit(f"not a bundle: {error}")
    load_cached(bundle, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
