"""A message and an address in, the exit code of a program out, such as one that drives a modem."""

import asyncio
import os
import signal
from contextlib import suppress

from soc.calling import CommandSettings
from soc.model import Notice
from soc.notify.attempts import Outcome


class Command:
    """One program: its arguments are given as they are, no shell reads them; the text is on standard input.

    It gets the environment without this product's own variables: those may hold secrets.
    """

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings

    async def send(self, notice: Notice, address: str) -> Outcome:
        """See ``Sender``; ``SOC_NOTICE_ID`` tells a repeat."""
        argv = [argument.replace("{address}", address) for argument in self._settings.argv]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SOC_")}
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={**environment, "SOC_NOTICE_ID": notice.id},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return Outcome("failed", f"the program cannot be started: {getattr(error, 'strerror', None) or error}")
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                await process.communicate(notice.text.encode())
        except TimeoutError:
            return Outcome("uncertain", f"the program did not end within {self._settings.timeout_seconds:g} s")
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            return Outcome("failed", f"the program ended with {process.returncode}")
        return Outcome("sent")

    async def close(self) -> None:
        """See ``Sender``."""
