"""The ``soc`` command: turns what went wrong into a documented exit code and one clear message."""

import os
import sys

import click

from soc.cli import soc
from soc.errors import SettingsError, SocError, UnavailableError

EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 3
EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit: 0 fine, 1 findings, 2 wrong usage or settings, 3 something needed is unavailable."""
    try:
        code = _run()
    except* SettingsError as group:
        code = _say(group, EXIT_USAGE)
    except* UnavailableError as group:
        code = _say(group, EXIT_UNAVAILABLE)
    except* SocError as group:
        code = _say(group, EXIT_FINDINGS)
    sys.exit(code)


def _run() -> int:
    try:
        return soc.main(standalone_mode=False) or 0
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except BrokenPipeError:
        # Whoever read our output went away; the interpreter must not complain about it again while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _say(group: BaseExceptionGroup[SocError], code: int) -> int:
    for error in _leaves(group):
        for line in str(error).splitlines():
            click.echo(f"soc: {line}", err=True)
    return code


def _leaves(group: BaseExceptionGroup[SocError]) -> list[BaseException]:
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return leaves


if __name__ == "__main__":
    main()
