"""Settings of alert sharing: to whom, by which wire, which alerts, how often, and how much may wait on disk."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from soc.section import Section

LEVELS = ("informational", "low", "medium", "high", "critical")
"""Severities of rules, the least first."""

LOOPBACK = ("http://127.0.0.1", "http://[::1]", "http://localhost")

Level = Literal["informational", "low", "medium", "high", "critical"]


class SharingReceiver(Section):
    """Where summaries of alerts go."""

    name: str = Field(default="national", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$")
    binding: Literal["syslog-tls", "https-json", "taxii21"] = Field(default="https-json", description="the wire")
    url: str = Field(
        min_length=1,
        description="syslog-tls: host:port, 6514 is usual; https-json: its endpoint; taxii21: its API root",
    )
    collection: str = Field(default="", description="taxii21: id of the collection that takes summaries")
    ca_file: str = Field(default="", description="the CA that signs the receiver's certificate; empty = the system's")
    certificate_file: str = Field(default="", description="PEM of our own certificate, if the receiver asks for one")
    key_file: str = ""
    token: str = Field(default="", repr=False)
    username: str = Field(default="", description="for basic authentication, in the place of a token")
    password: str = Field(default="", repr=False)
    timeout_seconds: float = Field(default=20, gt=0, le=300)
    retry_min_seconds: float = Field(default=2, gt=0)
    retry_max_seconds: float = Field(default=300, gt=0)
    readable: bool = Field(default=True, description="taxii21: the collection can be read, so a repeat can be told")
    profile: str = Field(
        default="national", description="what may leave: a file of deploy/policy/recipients, or the path of your own"
    )
    min_level: Level = Field(default="medium", description="alerts of a lower severity are not shared")
    batch: int = Field(default=50, ge=1, le=1000, description="summaries in one request")
    backlog_bytes: int = Field(
        default=32 * 1024**2,
        ge=64 * 1024,
        description="of sealed summaries that wait; beyond it windows grow longer, and nothing is lost",
    )
    structured_data_id: str = Field(
        default="soc@32473",
        pattern=r"^[!-~]{1,32}$",
        description="syslog-tls: name@number of the structured data; 32473 is the number for examples (RFC 5612)",
    )

    @model_validator(mode="after")
    def _check(self) -> "SharingReceiver":
        if self.binding == "syslog-tls":
            host, _, port = self.url.rpartition(":")
            if not (host and port.isdecimal() and 0 < int(port) < 65_536) or "/" in self.url:
                raise ValueError(f"url {self.url!r}: syslog-tls needs host:port, such as soc.example.vn:6514")
        elif not self.url.startswith(("https://", *LOOPBACK)) or not urlsplit(self.url).hostname:
            raise ValueError(f"url {self.url!r}: alert data leaves encrypted only; write https://")
        if self.binding == "taxii21" and not self.collection:
            raise ValueError("collection is empty: taxii21 needs the id of the collection that takes summaries")
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("certificate_file and key_file belong together; one of them is empty")
        if self.retry_min_seconds > self.retry_max_seconds:
            raise ValueError("retry_min_seconds is larger than retry_max_seconds")
        if any(sign in self.structured_data_id for sign in '= ]"'):
            raise ValueError('structured_data_id: no "=", "]", quote or space (RFC 5424 section 6.3.2)')
        return self


class SharingSettings(Section):
    """Alert sharing, the standing duty beside reports; off until a receiver is agreed with."""

    enabled: bool = False
    window_seconds: float = Field(default=300, ge=1, le=86_400, description="what came within it is one summary")
    max_rows: int = Field(default=500, ge=1, le=5000, description="rows of one summary; more make another one")
    remember_days: float = Field(
        default=30, gt=0, le=366, description="an alert without change for so long is not counted on any more"
    )
    keep_days: int = Field(default=800, ge=31, le=3700, description="how long each day's count is kept")
    receivers: tuple[SharingReceiver, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "SharingSettings":
        names = [receiver.name for receiver in self.receivers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"these receivers have the same name: {', '.join(twice)}")
        if self.enabled and not self.receivers:
            raise ValueError("enabled, and no [[sharing.receivers]] says to whom")
        return self
