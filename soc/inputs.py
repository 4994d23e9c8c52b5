"""A listener's settings → the collector that they describe; the only module that names the collectors."""

import os
import secrets
import shutil
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from collectors.base import Collector
from collectors.datagrams import DatagramInput
from collectors.file import FileTail
from collectors.gelf_listeners import GelfTcp, GelfUdp
from collectors.http import HttpIngest
from collectors.intake import Intake
from collectors.journal import Journal
from collectors.kafka import Consumer, KafkaTopics
from collectors.multiline import joining
from collectors.relp_listener import Relp
from collectors.streams import StreamInput
from collectors.syslog_tcp import SyslogTcp
from collectors.syslog_udp import SyslogUdp
from collectors.tls import TlsFiles, tls_mistakes
from soc.clock import now
from soc.errors import SettingsError
from soc.listeners import (
    FileListener,
    GelfTcpListener,
    GelfUdpListener,
    HttpListener,
    JournalListener,
    KafkaListener,
    Listener,
    RelpListener,
    SyslogTcpListener,
    SyslogTlsListener,
    SyslogUdpListener,
    TlsSettings,
)
from soc.settings import KafkaSettings, Settings

_STREAMS: Mapping[str, type[StreamInput]] = {
    "syslog-tcp": SyslogTcp,
    "syslog-tls": SyslogTcp,
    "relp": Relp,
    "gelf-tcp": GelfTcp,
}


def ingest_token(settings: Settings) -> str:
    """The generated token of HTTP listeners without one of their own, made at first use, mode 0600."""
    path = settings.data_dir / "ingest-token"
    if not path.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
    return path.read_text(encoding="ascii").strip()


def tls_files(tls: TlsSettings | None) -> TlsFiles | None:
    """A listener's TLS settings as its collector takes them."""
    if tls is None:
        return None
    return TlsFiles(tls.certificate_file, tls.key_file, tls.client_ca_file, tls.client_certificate == "required")


def check_inputs(settings: Settings) -> None:
    """Look at what the listeners' settings point at on this host.

    Raises:
        SettingsError: every file, program or package that cannot be used, with its listener and what to do.
    """
    mistakes: list[str] = []
    for listener in settings.listeners:
        tls = getattr(listener, "tls", None)
        if isinstance(tls, TlsSettings) and (files := tls_files(tls)) is not None:
            mistakes += [f"listener {listener.name!r}: tls: {mistake}" for mistake in tls_mistakes(files)]
        elif isinstance(listener, KafkaListener):
            try:
                _kafka_connect(listener)
            except SettingsError as error:
                mistakes += error.mistakes
        elif isinstance(listener, JournalListener) and shutil.which("journalctl") is None:
            mistakes.append(f"listener {listener.name!r}: there is no journalctl here; it comes with systemd")
    if mistakes:
        raise SettingsError(mistakes)


def _kafka_connect(listener: KafkaListener) -> Callable[[], Awaitable[Consumer]]:
    """What connects to the brokers of a listener.

    Raises:
        SettingsError: the packages of the cluster are not installed, or a certificate cannot be used.
    """
    try:
        from collectors.kafka_consumer import connect  # noqa: PLC0415 - who reads no topics need not have its packages
        from soc.bus.kafka_wire import connection  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise SettingsError(
            [f"listener {listener.name!r}: kafka needs the packages of the cluster: pip install 'soc[cluster]'"]
        ) from error
    names = KafkaSettings.model_fields.keys() & KafkaListener.model_fields.keys()
    try:
        return partial(connect, connection(KafkaSettings(**{name: getattr(listener, name) for name in names})))
    except SettingsError as error:
        raise SettingsError([f"listener {listener.name!r}: {mistake}" for mistake in error.mistakes]) from error


def _kafka_input(listener: KafkaListener, intake: Intake) -> KafkaTopics:
    return KafkaTopics(
        intake,
        name=listener.name,
        topics=listener.topics,
        connect=_kafka_connect(listener),
        start=listener.start,
        source_header=listener.source_header,
        signed_in=bool(listener.sasl_mechanism or listener.certificate_file),
        profile=listener.profile,
        source=listener.source,
        max_bytes=listener.max_bytes,
        clock=now,
    )


def _datagram_input(listener: SyslogUdpListener | GelfUdpListener, intake: Intake) -> DatagramInput:
    kind = GelfUdp if isinstance(listener, GelfUdpListener) else SyslogUdp
    return kind(
        intake,
        name=listener.name,
        host=listener.host,
        port=listener.port,
        profile=listener.profile,
        source=listener.source,
        max_bytes=listener.max_bytes,
        receive_buffer=listener.receive_buffer,
        sockets=listener.sockets,
        clock=now,
    )


def _stream_input(
    listener: SyslogTcpListener | SyslogTlsListener | RelpListener | GelfTcpListener, intake: Intake
) -> StreamInput:
    return _STREAMS[listener.type](
        intake,
        name=listener.name,
        host=listener.host,
        port=listener.port,
        profile=listener.profile,
        source=listener.source,
        max_bytes=listener.max_bytes,
        max_connections=listener.max_connections,
        tls=tls_files(None if isinstance(listener, SyslogTcpListener) else listener.tls),
        proxy_from=listener.proxy_from,
        clock=now,
    )


def make_collector(listener: Listener, intake: Intake, settings: Settings) -> Collector:
    """The input that a listener's settings describe."""
    match listener:
        case FileListener():
            return FileTail(
                intake,
                name=listener.name,
                paths=listener.paths,
                start=listener.start,
                joining=joining(
                    listener.multiline, max_lines=listener.multiline_max_lines, idle=listener.multiline_idle_seconds
                ),
                profile=listener.profile,
                source=listener.source,
                max_bytes=listener.max_bytes,
                clock=now,
            )
        case HttpListener():
            return HttpIngest(
                intake,
                name=listener.name,
                host=listener.host,
                port=listener.port,
                token=listener.token or ingest_token(settings),
                profile=listener.profile,
                source=listener.source,
                max_body=listener.max_body,
                max_bytes=listener.max_bytes,
                tls=tls_files(listener.tls),
                clock=now,
            )
        case JournalListener():
            return Journal(
                intake,
                name=listener.name,
                start=listener.start,
                directory=listener.directory,
                matches=listener.matches,
                profile=listener.profile,
                source=listener.source,
                max_bytes=listener.max_bytes,
                clock=now,
            )
        case KafkaListener():
            return _kafka_input(listener, intake)
        case SyslogUdpListener() | GelfUdpListener():
            return _datagram_input(listener, intake)
        case SyslogTcpListener() | SyslogTlsListener() | RelpListener() | GelfTcpListener():
            return _stream_input(listener, intake)
