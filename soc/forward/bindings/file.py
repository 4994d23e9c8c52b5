"""A sealed report in, a package for people out: nothing is delivered until somebody says so and gives the document's number.

So ``send`` never ends in ``accepted``: the package is written and the report is ``held``, which a person settles as delivered
(``soc report package import``, or the form on the incident's page), or has written again, or takes back.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from soc.errors import RecordError, SettingsError, UnavailableError
from soc.forward.outbox import Happened
from soc.model import Report
from soc.receiver import Receiver

WRITTEN = "the package is written: {path}; deliver it and record its number (soc report package import)"


class FilePackage:
    """One receiver whose reports people deliver.

    Raises:
        SettingsError: no directory is named.
    """

    def __init__(self, receiver: Receiver) -> None:
        if not receiver.directory:
            raise SettingsError([f"forward.receiver {receiver.name}: the binding file needs a directory"])
        self._directory = Path(receiver.directory)
        self._paper = receiver.paper

    async def send(self, report: Report, may_leave: Callable[[], bool]) -> Happened:
        """Write the package, if it may still appear when it is complete."""
        try:
            path = await asyncio.to_thread(self._write, report, may_leave)
        except RecordError as error:
            return Happened("rejected", error.reason)
        except UnavailableError as error:
            return Happened("unavailable", str(error))
        if path is None:
            return Happened("unavailable", "not written: it took too long from the decision until it could appear")
        return Happened("unknowable", WRITTEN.format(path=path))

    def _write(self, report: Report, may_leave: Callable[[], bool]) -> Path | None:
        try:
            from soc.forward.package.writing import write  # noqa: PLC0415 - only who writes forms needs the library
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("soc"):
                raise
            raise UnavailableError("the binding file needs the library for forms: pip install 'soc[forms]'") from error
        return write(self._directory, report, self._paper, may_leave)

    async def verify(self, report: Report) -> Happened:
        """Look whether the package is there: a person may have delivered it."""
        return await asyncio.to_thread(self._look, report)

    def _look(self, report: Report) -> Happened:
        try:
            from soc.forward.package.writing import name_of, sealed_in  # noqa: PLC0415 - as above
        except ModuleNotFoundError as error:
            return Happened("unreachable", f"the binding file needs the library for forms: {error.name}")
        path = self._directory / name_of(report)
        try:
            if not self._directory.is_dir():
                return Happened("unreachable", f"{self._directory} is no directory: is it mounted?")
            there = sealed_in(path)
        except OSError as error:
            return Happened("unreachable", f"{path}: {error.strerror or error}")
        if there is None:
            return Happened("absent", "no package was written")
        if there != report.payload:
            return Happened("differs", f"{path} holds other bytes than were sealed")
        return Happened("unknowable", WRITTEN.format(path=path))

    async def close(self) -> None:
        """Nothing is held."""
