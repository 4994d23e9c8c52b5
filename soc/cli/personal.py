"""What the store holds as the operator of a host may see it: masked, or unmasked with a reason that is in the audit first."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from soc.cli.output import actor, run_async
from soc.clock import now
from soc.errors import SettingsError
from soc.settings import Settings
from soc.store.base import Document

F = TypeVar("F", bound=Callable[..., Any])
MIN_REASON = 5


def unmask_option(command: F) -> F:
    """``--unmask``: show citizens' identifiers, for a reason."""
    return click.option(
        "--unmask", "unmask", metavar="REASON", help="Show citizens' identifiers; the reason goes into the audit."
    )(command)


def shown(settings: Settings, documents: Sequence[Document], unmask: str | None, what: str) -> list[Document]:
    """The documents as they may be printed.

    Args:
        settings: [privacy] says what is masked.
        documents: as the store holds them.
        unmask: the reason, if there is one.
        what: for the audit: ``alert/<id>``, ``alerts level:high``.

    Raises:
        SettingsError: the reason is none.
        UnavailableError: it cannot be recorded, so nothing is shown.
    """
    from soc.app import open_bus
    from soc.audit.chain import Entry
    from soc.console.masking import Masker
    from soc.pipeline.audit_record import record

    if unmask is None:
        masker = Masker(frozenset(settings.privacy.masked))
        return [masker.document(document) for document in documents]
    reason = " ".join(unmask.split())
    if len(reason) < MIN_REASON:
        raise SettingsError([f"--unmask: a reason of at least {MIN_REASON} characters is needed"])

    async def told() -> None:
        bus = open_bus(settings)
        try:
            await record(bus, Entry(now(), actor(), "unmask", what, reason))
        finally:
            await bus.close()

    run_async(told())
    return list(documents)
