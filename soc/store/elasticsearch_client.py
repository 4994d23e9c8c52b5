"""Requests in, answers out: the official client with bounded patience, and what is told when Elasticsearch has none for us.

A refusal for now (429, 502, 503, 504, no connection, no answer in time) is tried again after a growing pause, a bounded
number of times; then it is an ``UnavailableError`` that says which of red, slow and away it is.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from elasticsearch import ApiError, AsyncElasticsearch, ConnectionTimeout, TransportError

from soc.errors import UnavailableError, forget_frames
from soc.store.base import StoreHealth
from soc.telemetry import STORE_RETRIES

T = TypeVar("T")

TEMPORARY = frozenset({429, 502, 503, 504})
"""What an answer's status says of a state that passes: rejected for load, no primary yet, a proxy without its server."""
_WRONG = frozenset({400, 404, 409, 413})
_HEALTH_SECONDS = 5.0
_SLOW_SECONDS = 2.0
_MAX_PENDING = 50
"""Cluster tasks waiting for the elected node; a healthy cluster has none for long."""

_IF_RED = (
    "bring the node with that index's data back, or restore a snapshot; if the data are gone for good, delete the index and run"
    " `soc store rebuild`"
)
_IF_FULL = (
    "make room: lower [store] event_days, delete old indices or add a node; Elasticsearch takes writes again by itself below its"
    " high watermark, and nothing is lost meanwhile"
)
_IF_SLOW = "look at its CPU, disk and heap; searches over months and a full disk make it slow. Documents wait in the bus meanwhile"
_IF_AWAY = "start it, or mend [elasticsearch] urls or the account; documents wait in the bus meanwhile"
_IF_YELLOW = "add or restart a node, so that every index has its copy again"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try.

    Attributes:
        tries: of one writing request in all.
        read_tries: of one reading request: a person waits for it.
        first_pause, longest_pause: seconds; each pause is twice the one before, by chance up to half shorter.
        request_seconds: how long one request may take.
    """

    tries: int = 5
    read_tries: int = 3
    first_pause: float = 0.25
    longest_pause: float = 5.0
    request_seconds: float = 30.0

    def pause(self, attempt: int) -> float:
        """Seconds to wait after the ``attempt``-th failure (from 0)."""
        return min(self.longest_pause, self.first_pause * 2**attempt) * random.uniform(0.5, 1.0)


class Requests:
    """One client, for the views whose index names begin with ``prefix``."""

    def __init__(self, client: AsyncElasticsearch, prefix: str, patience: Patience) -> None:
        self.client = client.options(request_timeout=patience.request_seconds, max_retries=0, retry_on_timeout=False)
        self.patience = patience
        self._prefix = prefix

    async def send(self, request: Callable[[AsyncElasticsearch], Awaitable[T]], *, tries: int | None = None) -> T:
        """Do one request, again if need be; it must be one that may be repeated.

        Raises:
            UnavailableError: it was refused for good, or for now and too often.
        """
        try:
            return await self.attempt(request, tries=tries)
        except ApiError as error:
            raise UnavailableError(f"Elasticsearch refuses: {told(error)}") from error

    async def attempt(self, request: Callable[[AsyncElasticsearch], Awaitable[T]], *, tries: int | None = None) -> T:
        """As ``send``, for a caller who knows what to do about a wrong request.

        Raises:
            UnavailableError: as ``send``.
            ApiError: the request itself is wrong (400, 404, 409, 413).
        """
        tries = tries or self.patience.tries
        for number in range(tries):
            try:
                return await request(self.client)
            except ApiError as error:
                if error.status_code in _WRONG:
                    raise
                if error.status_code not in TEMPORARY:
                    raise UnavailableError(f"Elasticsearch refuses: {told(error)}") from error
                STORE_RETRIES.labels(error.status_code).inc()
                failure: ApiError | TransportError = error
            except TransportError as error:
                STORE_RETRIES.labels("timeout" if isinstance(error, ConnectionTimeout) else "connection").inc()
                failure = error
            forget_frames(failure)
            await self.rest(number, told(failure), failure, tries=tries)
        raise AssertionError("rest() raises after the last try")

    async def rest(
        self, attempt: int, reason: str, cause: Exception | None = None, *, tries: int | None = None
    ) -> None:
        """Wait after the ``attempt``-th failure (from 0).

        Raises:
            UnavailableError: it was the last.
        """
        tries = tries or self.patience.tries
        if attempt + 1 < tries:
            await asyncio.sleep(self.patience.pause(attempt))
            return
        health = await self.health()
        raise UnavailableError(
            f"Elasticsearch is {health.state} ({health.detail}); tried {tries} times: {reason}"
        ) from cause

    async def health(self) -> StoreHealth:
        """Ask once, for at most 5 seconds; never raises."""
        started = time.monotonic()
        client = self.client.options(request_timeout=_HEALTH_SECONDS)
        try:
            answer = await client.cluster.health(index=f"{self._prefix}-*", level="indices", timeout="2s")
            blocked = await client.indices.get_settings(
                index=f"{self._prefix}-*", name="index.blocks.*", filter_path="*.settings.index.blocks"
            )
        except ConnectionTimeout:
            return StoreHealth("slow", f"no answer within {_HEALTH_SECONDS:.0f} s", _IF_SLOW)
        except ApiError as error:
            if error.status_code in {408, 429}:
                return StoreHealth("slow", told(error), _IF_SLOW)
            return StoreHealth("away", told(error), _IF_AWAY)
        except TransportError as error:
            return StoreHealth("away", told(error), _IF_AWAY)
        health = judge(answer.body, time.monotonic() - started)
        names = sorted(
            name for name, found in blocked.body.items() if _is_blocked(found["settings"]["index"]["blocks"])
        )
        if names and health.state != "red":
            return StoreHealth("red", f"writes are refused by {_some(names)}: a disk of the cluster is full", _IF_FULL)
        return health


def judge(answer: Mapping[str, Any], seconds: float) -> StoreHealth:
    """The state that a cluster's own health and the time it took to tell it make."""
    indices = cast("Mapping[str, Mapping[str, Any]]", answer.get("indices") or {})
    red = sorted(name for name, index in indices.items() if index.get("status") == "red")
    if red or answer.get("status") == "red":
        return StoreHealth("red", f"no primary for {_some(red) if red else 'some index'}", _IF_RED)
    pending = int(answer.get("number_of_pending_tasks") or 0)
    if seconds > _SLOW_SECONDS or pending > _MAX_PENDING:
        return StoreHealth("slow", f"answered after {seconds:.1f} s with {pending} tasks waiting", _IF_SLOW)
    detail = f"{answer.get('number_of_nodes', '?')} nodes, answered in {seconds * 1000:.0f} ms"
    if answer.get("status") == "green":
        return StoreHealth("green", detail, "")
    return StoreHealth("yellow", f"copies are missing; {detail}", _IF_YELLOW)


def _is_blocked(blocks: Mapping[str, Any]) -> bool:
    """Elasticsearch sets the first by itself when a node's disk is fuller than its flood stage."""
    return any(blocks.get(name) == "true" for name in ("read_only_allow_delete", "read_only", "write"))


def _some(names: Sequence[str]) -> str:
    return f"{', '.join(names[:5])}{' …' if len(names) > 5 else ''}"


def told(error: ApiError | TransportError) -> str:
    """One line of an error: its status and the innermost reason, or what the connection said."""
    if isinstance(error, ApiError):
        body: Any = error.body
        cause: Any = cast("dict[str, Any]", body).get("error") if isinstance(body, dict) else body
        return f"{error.status_code} {reason_of(cause or error.message)}"
    return f"{type(error).__name__}: {error.message}"[:300]


def reason_of(error: Any) -> str:
    """An ``error`` object of an answer as one line: type and reason, and the first cause where there is one."""
    if not isinstance(error, dict):
        return str(error)[:300]
    tree = cast("dict[str, Any]", error)
    causes: Sequence[Any] = tree.get("root_cause") or []
    inner: Any = tree.get("caused_by") or (causes[0] if causes else None)
    line = f"{tree.get('type')}: {tree.get('reason')}"
    if isinstance(inner, dict) and cast("dict[str, Any]", inner).get("reason") != tree.get("reason"):
        line += f" ({cast('dict[str, Any]', inner).get('reason')})"
    return line[:500]
