"""The settings of inputs: one class for each kind, told apart by ``type``."""

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from soc.section import Section


class TlsSettings(Section):
    """The certificate of a listener, and whose certificates it believes. Files may be replaced while it runs."""

    certificate_file: str = Field(min_length=1, description="PEM: the certificate, its chain behind it")
    key_file: str = Field(min_length=1, description="PEM, without a password")
    client_ca_file: str = Field(
        default="", description="PEM of the authorities of senders' certificates; empty = senders are not asked for one"
    )
    client_certificate: Literal["required", "optional"] = Field(
        default="required", description="with client_ca_file: whether a sender without one is refused"
    )


class _Port(Section):
    """What every socket has."""

    name: str
    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    profile: str = ""
    source: str = ""


class _DatagramPort(_Port):
    """What UDP ports have."""

    receive_buffer: int = Field(default=16 * 1024 * 1024, ge=4096, description="bytes asked of the kernel, a socket")
    sockets: int = Field(default=1, ge=1, le=64, description="how many share the port, each with a buffer of its own")


class _StreamPort(_Port):
    """What TCP ports have."""

    max_connections: int = Field(default=1024, ge=1, le=65536)
    proxy_from: tuple[str, ...] = Field(
        default=(), description="addresses and networks of proxies whose PROXY header is required and believed"
    )

    @field_validator("proxy_from")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong: list[str] = []
        for text in value:
            try:
                ip_network(text, strict=False)
            except ValueError:
                wrong.append(repr(text))
        if wrong:
            raise ValueError(
                f"no address or network: {', '.join(wrong)}; write one like 198.51.100.7 or 198.51.100.0/24"
            )
        return value


class SyslogUdpListener(_DatagramPort):
    """Syslog over UDP."""

    type: Literal["syslog-udp"]
    max_bytes: int = Field(default=65536, ge=480, le=16 * 1024 * 1024)


class SyslogTcpListener(_StreamPort):
    """Syslog over TCP: octet counting and LF framing on one port, told apart per connection."""

    type: Literal["syslog-tcp"]
    max_bytes: int = Field(default=65536, ge=480, le=16 * 1024 * 1024)


class SyslogTlsListener(_StreamPort):
    """Syslog over TLS (RFC 5425), framed as over TCP."""

    type: Literal["syslog-tls"]
    tls: TlsSettings
    max_bytes: int = Field(default=65536, ge=480, le=16 * 1024 * 1024)


class RelpListener(_StreamPort):
    """RELP: a message is acknowledged when it is durable."""

    type: Literal["relp"]
    tls: TlsSettings | None = None
    max_bytes: int = Field(default=65536, ge=480, le=16 * 1024 * 1024)


class GelfUdpListener(_DatagramPort):
    """GELF over UDP, in chunks and compressed."""

    type: Literal["gelf-udp"]
    max_bytes: int = Field(default=1024 * 1024, ge=480, le=16 * 1024 * 1024, description="of a message, decompressed")


class GelfTcpListener(_StreamPort):
    """GELF over TCP or TLS, messages that end with a NUL."""

    type: Literal["gelf-tcp"]
    tls: TlsSettings | None = None
    max_bytes: int = Field(default=1024 * 1024, ge=480, le=16 * 1024 * 1024)


class HttpListener(Section):
    """One port for NDJSON (``/ingest``), GELF, Elasticsearch's bulk API and Splunk's HTTP Event Collector, with a token."""

    type: Literal["http"]
    name: str
    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    token: str = Field(default="", description="empty = the one generated in <data_dir>/ingest-token")
    tls: TlsSettings | None = None
    profile: str = ""
    source: str = ""
    max_body: int = Field(default=16 * 1024 * 1024, ge=1024)
    max_bytes: int = Field(default=1024 * 1024, ge=480)


class FileListener(Section):
    """Files followed from their end or start, through rotation and truncation."""

    type: Literal["file"]
    name: str
    paths: tuple[str, ...] = Field(min_length=1, description="paths or globs")
    start: Literal["beginning", "end"] = "beginning"
    multiline: str = Field(
        default="",
        description="lines that make one record: indented (a stack trace), or a regular expression found in each first line",
    )
    multiline_max_lines: int = Field(default=500, ge=2, le=100_000, description="a record of more lines is ended there")
    multiline_idle_seconds: float = Field(
        default=2, gt=0, le=3600, description="a record that got no further line for so long is whole"
    )
    profile: str = ""
    source: str = ""
    max_bytes: int = Field(default=1024 * 1024, ge=480)

    @field_validator("multiline")
    @classmethod
    def _check_multiline(cls, value: str) -> str:
        try:
            re.compile(value.encode())
        except re.error as error:
            raise ValueError(f"neither indented nor a regular expression: {error}") from error
        return value


class JournalListener(Section):
    """The systemd journal of this machine, or of a directory, read through ``journalctl``."""

    type: Literal["journal"]
    name: str
    start: Literal["beginning", "end"] = "beginning"
    directory: str = Field(default="", description="of journal files; empty = this machine's own journal")
    matches: tuple[str, ...] = Field(default=(), description="FIELD=value each, as journalctl takes them; empty = all")
    profile: str = ""
    source: str = ""
    max_bytes: int = Field(default=1024 * 1024, ge=480, le=4 * 1024 * 1024)

    @field_validator("matches")
    @classmethod
    def _check_matches(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [repr(text) for text in value if text != "+" and re.match(r"[A-Z0-9_]{1,64}=", text) is None]
        if wrong:
            raise ValueError(f"no match of journalctl: {', '.join(wrong)}; write one like _SYSTEMD_UNIT=ssh.service")
        return value


class KafkaListener(Section):
    """Topics that others write to a Kafka cluster, which need not be the one of ``[kafka]``; needs the extra ``cluster``."""

    type: Literal["kafka"]
    name: str
    servers: tuple[str, ...] = Field(min_length=1, description="host:port of some brokers")
    topics: tuple[str, ...] = Field(min_length=1)
    start: Literal["beginning", "end"] = "beginning"
    source_header: str = Field(default="", description="header of a record that names its source")
    tls: bool = False
    ca_file: str = Field(default="", description="PEM; empty = the system's certificate authorities")
    certificate_file: str = Field(default="", description="PEM of a client certificate, if the brokers ask for one")
    key_file: str = ""
    sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    username: str = ""
    password: str = Field(default="", repr=False, validate_default=True)
    profile: str = ""
    source: str = ""
    max_bytes: int = Field(default=1024 * 1024, ge=480, le=16 * 1024 * 1024)

    @field_validator("servers")
    @classmethod
    def _check_servers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [repr(text) for text in value if re.fullmatch(r"\S+:\d{1,5}", text) is None]
        if wrong:
            raise ValueError(f"no host:port: {', '.join(wrong)}; write one like broker1.example:9092")
        return value

    @field_validator("topics")
    @classmethod
    def _check_topics(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [repr(text) for text in value if re.fullmatch(r"[A-Za-z0-9._-]{1,249}", text) is None]
        if wrong:
            raise ValueError(f"no name of a topic: {', '.join(wrong)}")
        return value

    @field_validator("password")
    @classmethod
    def _check_sign_in(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("sasl_mechanism") and not (value and info.data.get("username")):
            raise ValueError("sasl_mechanism needs username and password")
        return value


Listener = Annotated[
    SyslogUdpListener
    | SyslogTcpListener
    | SyslogTlsListener
    | RelpListener
    | GelfUdpListener
    | GelfTcpListener
    | HttpListener
    | FileListener
    | JournalListener
    | KafkaListener,
    Field(discriminator="type"),
]

DEFAULT_LISTENERS: tuple[Listener, ...] = (
    SyslogUdpListener(type="syslog-udp", name="syslog-udp", port=5514),
    SyslogTcpListener(type="syslog-tcp", name="syslog-tcp", port=5514),
    HttpListener(type="http", name="http", port=5580),
)
"""What listens when nothing is configured: loopback only, no privileged port."""
