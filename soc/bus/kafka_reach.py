"""Which brokers answer, and in plain words why one does not: settings in, a verdict for each configured server out.

One connection a server, through TLS and sign-in as the settings say, and one question that needs both; nothing is made or changed.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiokafka.conn import create_conn  # pyright: ignore[reportUnknownVariableType] - untyped library
from aiokafka.errors import (
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from soc.bus.kafka_wire import TopicsRequest, connection
from soc.settings import KafkaSettings

REACH_SECONDS = 5.0
FETCH, METADATA = 1, 3
METADATA_WITH_IDS = 12
"""Kafka 3.1 is the first that tells topic ids (KIP-516)."""
FETCH_SINCE_4 = 4
"""Kafka 4.0 took the first versions of the protocol away (KIP-896)."""


class Reached(NamedTuple):
    """One configured server.

    Attributes:
        problem: why it cannot be used, and what to do; "" if it can.
        version: what it speaks.
    """

    server: str
    problem: str
    version: str = ""


async def reach(settings: KafkaSettings, seconds: float = REACH_SECONDS) -> list[Reached]:
    """Ask every configured server, side by side.

    Raises:
        SettingsError: a certificate cannot be read.
    """
    arguments = connection(settings)
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(_reach(server, settings, arguments, seconds)) for server in settings.servers]
    return [task.result() for task in asked]


async def _reach(server: str, settings: KafkaSettings, arguments: Mapping[str, Any], seconds: float) -> Reached:
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit():
        return Reached(server, "is no host:port; write one like broker1.example:9092")
    given = {name: value for name, value in arguments.items() if name not in {"bootstrap_servers", "retry_backoff_ms"}}
    opened: Any = None
    try:
        async with asyncio.timeout(seconds):
            opened = await create_conn(host.strip("[]"), int(port), **given)
            versions: Mapping[int, tuple[int, int]] = opened._versions  # noqa: SLF001 - nothing public tells them
            if versions[METADATA][1] < METADATA_WITH_IDS:
                return Reached(server, "is older than Kafka 3.1: upgrade the brokers")
            version = "Kafka 4.0 or newer" if versions[FETCH][0] >= FETCH_SINCE_4 else "Kafka 3.1 to 3.9"
            await opened.send(TopicsRequest())  # a broker that wants a sign-in answers this only after one
            return Reached(server, "", version)
    except (KafkaError, OSError, TimeoutError, EOFError, AssertionError) as error:
        return Reached(server, in_plain_words(error, settings, seconds))
    finally:
        if opened is not None:
            opened.close()


def in_plain_words(error: BaseException, settings: KafkaSettings, seconds: float = REACH_SECONDS) -> str:
    """Why a broker cannot be used, and what to do about it."""
    match error:
        case socket.gaierror():
            return "its name is not known here: check the name and this host's DNS"
        case ssl.SSLCertVerificationError():
            advice = "set [kafka] ca_file to the CA that signed it, or name the server as its certificate does"
            return f"its certificate is not accepted ({error.verify_message}): {advice}"
        case ssl.SSLError() if "CERTIFICATE_REQUIRED" in str(error) or "HANDSHAKE_FAILURE" in str(error):
            return "it asks for a client certificate: set [kafka] certificate_file and key_file"
        case ssl.SSLError():
            return f"no TLS there ({error}): set [kafka] tls = false, or name its TLS port"
        case ConnectionRefusedError():
            return "nobody listens there: is the broker running, and is this the port for clients?"
        case TimeoutError():
            hint = "" if settings.tls else "; or it waits for TLS: set [kafka] tls = true"
            return f"no answer within {seconds:.0f} s: it hangs, or a firewall is in between{hint}"
        case UnsupportedSaslMechanismError():
            return f"it does not sign in by {settings.sasl_mechanism or 'nothing'}: {error}; set [kafka] sasl_mechanism"
        case SaslAuthenticationFailed():
            return (
                f"it refuses the user {settings.username!r}: check [kafka] username and password (SOC_KAFKA__PASSWORD)"
            )
        case OSError() if not isinstance(error, ConnectionError):
            return f"it cannot be reached: {error.strerror or error}"
        case _:
            return f"it hangs up, as it does on who comes otherwise than it expects; try {_otherwise(settings)}"


def _otherwise(settings: KafkaSettings) -> str:
    """What a broker that ends the connection without a word may want instead."""
    found = ["tls = false" if settings.tls else "tls = true"]
    if settings.sasl_mechanism:
        found.append('sasl_mechanism = ""')
    else:
        found.append("sasl_mechanism with username and password")
    if settings.tls and not settings.certificate_file:
        found.append("certificate_file and key_file")
    return ", ".join(found)
