"""Whether a task that sees ``CancelledError`` was cancelled, or only something a library of an adapter waited for."""

import asyncio


def asked_to_end() -> bool:
    """Whether the running task was really cancelled.

    aiokafka cancels futures of its own when it closes or loses a connection, and who waits for one of them sees the same
    CancelledError. A TaskGroup would let such a task end without a word, and its partition with it.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
