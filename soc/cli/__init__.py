"""The commands: parse arguments, call, print. ``stdout`` is data, ``stderr`` is words and progress."""

import click

from soc import __version__
from soc.cli import (
    archive,
    assets,
    audit,
    cases,
    content,
    data,
    deadletter,
    dossier,
    evidence,
    forward,
    intel,
    migrate,
    notify,
    operate,
    package,
    receipts,
    reconcile,
    report,
    run,
    share,
    users,
    work,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="soc %(version)s")
def soc() -> None:
    """The log-correlation engine of a security operations centre.

    Exit codes: 0 fine, 1 findings, 2 wrong usage or settings, 3 something needed is unavailable.
    """


for _command in (*receipts.COMMANDS, *dossier.COMMANDS, *package.COMMANDS):
    report.report.add_command(_command)

for _command in (
    *run.COMMANDS,
    *data.COMMANDS,
    *content.COMMANDS,
    *cases.COMMANDS,
    *work.COMMANDS,
    *deadletter.COMMANDS,
    *forward.COMMANDS,
    *intel.COMMANDS,
    *report.COMMANDS,
    *operate.COMMANDS,
    *audit.COMMANDS,
    *users.COMMANDS,
    *reconcile.COMMANDS,
    *migrate.COMMANDS,
    *notify.COMMANDS,
    *share.COMMANDS,
    *archive.COMMANDS,
    *evidence.COMMANDS,
    *assets.COMMANDS,
):
    soc.add_command(_command)
