"""What led to an error is let go of, also where frames and errors hold each other."""

import gc
import weakref
from collections.abc import Callable

from soc.errors import UnavailableError, forget_frames


class Body:
    """Stands for a request of megabytes."""


def refused(body: Body, innermost: bool) -> None:
    error = ConnectionError(f"{body!r} was not taken")
    kept = [error]  # as clients do: the frame holds the error that holds the frame
    if innermost:
        raise kept[0]
    try:
        refused(body, True)
    except ConnectionError as cause:
        raise UnavailableError("away") from cause


def failing(say: Callable[[weakref.ref[Body]], None], forget: bool) -> None:
    body = Body()
    say(weakref.ref(body))
    try:
        refused(body, False)
    except UnavailableError as error:
        if forget:
            forget_frames(error)


def left_after(*, forget: bool) -> bool:
    found: list[weakref.ref[Body]] = []
    gc.collect()
    gc.disable()
    try:
        failing(found.append, forget)
        return found[0]() is not None
    finally:
        gc.enable()


def test_a_frame_that_holds_its_own_error_keeps_nothing_once_it_is_forgotten():
    assert left_after(forget=False), "without it the collector has to come: else this test shows nothing"
    assert not left_after(forget=True)


def test_a_frame_that_still_runs_keeps_its_variables():
    body = Body()
    try:
        refused(body, True)
    except ConnectionError as error:
        forget_frames(error)
    assert isinstance(body, Body)
