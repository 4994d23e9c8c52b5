"""Running the command line inside the test process: arguments and standard input in, exit code and both outputs out."""

import io
import sys
from typing import NamedTuple
from unittest.mock import patch

from soc.__main__ import main


class Outcome(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: bytes
    err: str


def run_cli(*arguments: str, stdin: bytes = b"") -> Outcome:
    """Run ``soc ARGUMENTS``; anything but a SystemExit is let through, and fails the test."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    given = io.TextIOWrapper(io.BytesIO(stdin))
    with (
        patch.object(sys, "argv", ["soc", *arguments]),
        patch.object(sys, "stdin", given),
        patch.object(sys, "stdout", out),
        patch.object(sys, "stderr", err),
    ):
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code
        else:
            raise AssertionError("main() returned without exiting")
    out.flush()
    assert isinstance(code, int), code
    return Outcome(code, out.buffer.getvalue(), err.getvalue())  # type: ignore[attr-defined]
