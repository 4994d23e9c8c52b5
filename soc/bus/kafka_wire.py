"""How the bus speaks with brokers: settings in, arguments of aiokafka's clients out; names with the prefix; errors as ours; topic ids.

aiokafka 0.14 asks for metadata in a version that knows no topic ids (KIP-516), so the request that does is declared here on
its protocol classes. A topic id is new when a topic is made: a deleted and recreated topic has the same name and another id.
"""

import asyncio
import ssl
import uuid
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

from aiokafka.errors import ConsumerStoppedError, KafkaError, ProducerFenced
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from soc.bus.cancelled import asked_to_end
from soc.errors import FencedError, SettingsError, UnavailableError
from soc.settings import KafkaSettings

REQUEST_MILLISECONDS = 10_000
BACKOFF_MILLISECONDS = 20
"""aiokafka's 100 ms is what a transaction waits for the markers of the one before: it was its p99."""

MAX_RECORD_BYTES = 16 * 1024 * 1024
BATCH_BYTES = 4 * 1024 * 1024
"""Of one partition only one batch is on its way at a time, so a commit had better be one."""
FETCH_BYTES = 1024 * 1024
"""Of each partition read ahead, as compressed: about ten times as much is in it, and a claim reads a partition of each of its topics."""


class Names:
    """What topics, groups and transactional ids are called on the brokers."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def topic(self, topic: str) -> str:
        """The name of a topic of the topology."""
        return self.prefix + topic

    def state(self, stage: str) -> str:
        """The changelog of a stage."""
        return f"{self.prefix}soc.state.{stage}"

    @property
    def owners(self) -> str:
        """Where owners show that they live."""
        return f"{self.prefix}soc.owners"

    def group(self, stage: str) -> str:
        """The consumer group whose offsets show where a stage is."""
        return self.prefix + stage

    def workers(self, stage: str) -> str:
        """The group of a stage's workers; it holds no offsets."""
        return f"{self.prefix}{stage}.workers"

    def transactional(self, stage: str, partition: int) -> str:
        """One per (stage, partition): whoever starts with it fences whoever had it."""
        return f"{self.prefix}{stage}-{partition}"


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """What every client of aiokafka is given.

    Raises:
        SettingsError: a certificate or key cannot be read, or there are no servers.
    """
    if not settings.servers:
        raise SettingsError(["kafka.servers: name at least one broker as host:port"])
    context: ssl.SSLContext | None = None
    if settings.tls:
        try:
            context = ssl.create_default_context(cafile=settings.ca_file or None)
            if settings.certificate_file:
                context.load_cert_chain(settings.certificate_file, settings.key_file or None)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                [f"kafka: the certificates cannot be used: {error}; check ca_file, key_file"]
            ) from error
    found: dict[str, Any] = {
        "bootstrap_servers": list(settings.servers),
        "client_id": "soc",
        "request_timeout_ms": REQUEST_MILLISECONDS,
        "retry_backoff_ms": BACKOFF_MILLISECONDS,
        "security_protocol": ("SASL_" if settings.sasl_mechanism else "") + ("SSL" if settings.tls else "PLAINTEXT"),
        "ssl_context": context,
    }
    if settings.sasl_mechanism:
        found |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": settings.password,
        }
    return found


@contextmanager
def forgiven() -> Generator[None]:
    """For closing what may be broken: that it fails does not matter."""
    try:
        yield
    except (KafkaError, ConsumerStoppedError, OSError, TimeoutError, AssertionError):
        return
    except asyncio.CancelledError:
        if asked_to_end():
            raise


@contextmanager
def translated(what: str) -> Generator[None]:
    """Errors of aiokafka and time-outs as the port's; ``what`` was being done, on what."""
    try:
        yield
    except ProducerFenced as error:
        raise FencedError(f"{what}: another owner took over; stop") from error
    except TimeoutError as error:
        raise UnavailableError(f"{what}: the brokers did not answer in time; check that they run") from error
    except (
        KafkaError,
        ConsumerStoppedError,
        OSError,
        AssertionError,
    ) as error:  # its state machine asserts where a connection broke
        raise UnavailableError(f"{what}: {error!r}; check the brokers and [kafka] of the settings") from error
    except asyncio.CancelledError as error:
        if asked_to_end():
            raise
        raise UnavailableError(f"{what}: the connection was closed meanwhile; check the brokers") from error


_ANY = uuid.UUID(int=0)


class _Uuid(AbstractType[uuid.UUID]):
    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: Any) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


class _TopicsResponse(Response):
    API_KEY = 3  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType] - as aiokafka's own classes do
    API_VERSION = 12  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("topic_authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _TopicsRequestV12(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _TopicsResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicsRequest(Request[_TopicsRequestV12]):
    """Metadata of some topics, or of every one, with ids (brokers from 3.1)."""

    API_KEY = 3

    def __init__(self, names: Iterable[str] | None = None) -> None:
        self._topics: list[tuple[uuid.UUID, str, dict[int, bytes]]] | None = None
        if names is not None:
            self._topics = [(_ANY, name, {}) for name in names]

    def build(self, request_struct_class: type[_TopicsRequestV12]) -> _TopicsRequestV12:
        """The request as it goes over the wire."""
        return request_struct_class(self._topics, False, False, {})


def topic_ids(response: Any) -> tuple[int, Mapping[str, tuple[str, int]]]:
    """(number of brokers, topic → (id as hex, number of partitions))."""
    found: dict[str, tuple[str, int]] = {}
    for error, topic, topic_id, _, partitions, *_ in response.topics:
        if not error:
            found[topic] = (topic_id.hex, len(partitions))
    return len(response.brokers), found
