"""A listener's settings → the collector that they describe; the only module that names the collectors."""

import os
import secrets

from collectors.base import Collector
from collectors.file import FileTail
from collectors.http import HttpIngest
from collectors.intake import Intake
from collectors.syslog_tcp import SyslogTcp
from collectors.syslog_udp import SyslogUdp
from soc.clock import now
from soc.listeners import FileListener, HttpListener, Listener, SyslogListener
from soc.settings import Settings


def ingest_token(settings: Settings) -> str:
    """The generated token of HTTP listeners without one of their own, made at first use, mode 0600."""
    path = settings.data_dir / "ingest-token"
    if not path.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
    return path.read_text(encoding="ascii").strip()


def make_collector(listener: Listener, intake: Intake, settings: Settings) -> Collector:
    """The input that a listener's settings describe."""
    match listener:
        case FileListener():
            return FileTail(
                intake,
                name=listener.name,
                paths=listener.paths,
                start=listener.start,
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
                clock=now,
            )
        case SyslogListener(type="syslog-tcp"):
            return SyslogTcp(
                intake,
                name=listener.name,
                host=listener.host,
                port=listener.port,
                profile=listener.profile,
                source=listener.source,
                max_bytes=listener.max_bytes,
                clock=now,
            )
        case SyslogListener():
            return SyslogUdp(
                intake,
                name=listener.name,
                host=listener.host,
                port=listener.port,
                profile=listener.profile,
                source=listener.source,
                max_bytes=listener.max_bytes,
                receive_buffer=listener.receive_buffer,
                clock=now,
            )
