"""The settings of inputs: one class for each kind, told apart by ``type``."""

from typing import Annotated, Literal

from pydantic import Field

from soc.section import Section


class SyslogListener(Section):
    """A syslog port. TCP takes octet counting and LF framing on one port, told apart per connection."""

    type: Literal["syslog-udp", "syslog-tcp"]
    name: str
    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    profile: str = ""
    source: str = ""
    max_bytes: int = Field(default=65536, ge=480, le=16 * 1024 * 1024)
    receive_buffer: int = Field(default=16 * 1024 * 1024, ge=4096)


class HttpListener(Section):
    """HTTP POST of NDJSON or a JSON array to ``/ingest``, with a bearer token and an optional ``Idempotency-Key``."""

    type: Literal["http"]
    name: str
    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    token: str = Field(default="", description="empty = the one generated in <data_dir>/ingest-token")
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
    profile: str = ""
    source: str = ""
    max_bytes: int = Field(default=1024 * 1024, ge=480)


Listener = Annotated[SyslogListener | HttpListener | FileListener, Field(discriminator="type")]

DEFAULT_LISTENERS: tuple[Listener, ...] = (
    SyslogListener(type="syslog-udp", name="syslog-udp", port=5514),
    SyslogListener(type="syslog-tcp", name="syslog-tcp", port=5514),
    HttpListener(type="http", name="http", port=5580),
)
"""What listens when nothing is configured: loopback only, no privileged port."""
