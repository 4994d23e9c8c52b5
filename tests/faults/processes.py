"""Processes for faults: started within milliseconds from one that has loaded the product, and sharing nothing with the tests."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path


@contextmanager
def prepared(*modules: str) -> Iterator[ForkServerContext]:
    """A context whose processes have loaded ``modules`` already, if it is the first one of this process."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), *([before] if before else [])])
    try:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(modules))
        forkserver.ensure_running()
        yield context
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
