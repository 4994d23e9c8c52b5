"""Settings of telling people: how they are called, over which channels, and who notices when nobody calls any more."""

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from soc.section import Section

Told = Literal["title", "system", "time", "link", "entities"]
"""What a message may tell beside level and number."""
DEFAULT_TELLS: tuple[Told, ...] = ("title", "system", "time", "link")
"""Never what was seen in the lines (``entities``: addresses, hosts, users) unless the settings allow it for a channel."""
SECRET_LENGTH = 16
"""Characters of a secret that signs."""


def _check_url(value: str) -> None:
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError(f"{value!r} is no address; write one like https://bridge.example/soc")


class SmtpSettings(Section):
    """Messages by mail; without a host there is no such channel."""

    host: str = ""
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = Field(default="", repr=False)
    sender: str = Field(default="", description="address in From")
    ca_file: str = Field(default="", description="PEM of the authority of its certificate; empty = the system's")
    timeout_seconds: float = Field(default=20, gt=0, le=120)
    tells: tuple[Told, ...] = DEFAULT_TELLS

    @model_validator(mode="after")
    def _check(self) -> "SmtpSettings":
        if self.host and not re.fullmatch(r"[^\s<>@]+@[^\s<>@]+", self.sender):
            raise ValueError("sender must be a mail address: it is who the messages come from")
        if self.password and self.security == "none":
            raise ValueError(
                'a password is not sent over a connection that anybody can read: security = "starttls" or "tls"'
            )
        return self


class WebhookSettings(Section):
    """Messages as signed JSON to a bridge that hands them to a chat; without a url there is no such channel."""

    url: str = ""
    secret_key: str = Field(default="", repr=False, description="signs each request")
    ca_file: str = Field(default="", description="PEM of the authority of its certificate; empty = the system's")
    timeout_seconds: float = Field(default=10, gt=0, le=120)
    tells: tuple[Told, ...] = DEFAULT_TELLS

    @model_validator(mode="after")
    def _check(self) -> "WebhookSettings":
        _check_url(self.url)
        _check_secret(bool(self.url), self.secret_key)
        return self


class CommandSettings(Section):
    """Messages by a program, such as a modem's; without argv there is no such channel."""

    argv: tuple[str, ...] = Field(
        default=(), description="program and arguments, no shell; {address} is the person's; the text is on stdin"
    )
    gsm: bool = Field(default=True, description="at most 160 characters of the GSM alphabet, without diacritics")
    timeout_seconds: float = Field(default=30, gt=0, le=300)
    tells: tuple[Told, ...] = DEFAULT_TELLS

    @field_validator("argv")
    @classmethod
    def _check_argv(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value and not value[0].startswith("/"):
            raise ValueError(f"{value[0]!r}: write the whole path of the program")
        return value


class HeartbeatSettings(Section):
    """The sign of life that goes to a second host; without a url and a file there is none.

    Attributes:
        url: where it is sent by POST, signed: the second host's ``soc notify watch``.
        file: where it is written: a folder that the second host sees, such as a mount.
        secret_key: known to both hosts, signs it; a file is signed too.
        ca_file: the CA of its certificate; "" = the system's.
        interval_seconds: between two.
    """

    url: str = ""
    file: str = ""
    secret_key: str = Field(default="", repr=False)
    ca_file: str = ""
    interval_seconds: float = Field(default=30, gt=0, le=3600)
    timeout_seconds: float = Field(default=10, gt=0, le=120)

    @model_validator(mode="after")
    def _check(self) -> "HeartbeatSettings":
        _check_url(self.url)
        _check_secret(bool(self.url or self.file), self.secret_key)
        return self


class WatchSettings(Section):
    """What the second host does (``soc notify watch``): it hears the heartbeat and calls people when it stops.

    Attributes:
        host, port: where heartbeats are taken; port 0 = none is, the file is looked at.
        certificate_file, key_file: PEM, for https; "" = http, which only a tunnel or a proxy may carry.
        file: where the heartbeat is found, in the place of a listener.
        secret_key: the same as the first host's.
        roster: path of a roster of its own: who is called from here.
        silent_seconds: so long without a heartbeat, and people are called.
        queue_seconds: so old is a message that could not be sent, although the first host lives.
        lag_seconds: so far behind is the first host's reading.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    certificate_file: str = ""
    key_file: str = ""
    file: str = ""
    secret_key: str = Field(default="", repr=False)
    roster: str = ""
    silent_seconds: float = Field(default=180, gt=0, le=86400)
    queue_seconds: float = Field(default=900, gt=0, le=86400)
    lag_seconds: float = Field(default=600, gt=0, le=86400)

    @model_validator(mode="after")
    def _check(self) -> "WatchSettings":
        _check_secret(bool(self.port or self.file), self.secret_key)
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("certificate_file and key_file belong together; one of them is empty")
        return self


def _check_secret(needed: bool, secret: str) -> None:
    if needed and len(secret) < SECRET_LENGTH:
        raise ValueError(f"secret_key must have at least {SECRET_LENGTH} characters: the receiver knows us by it")


class NotifySettings(Section):
    """Messages to people; who they are is in the roster."""

    name: str = Field(default="SOC", max_length=20, description="how messages begin")
    link: str = Field(default="", description="the console's address as people reach it: https://soc.example")
    max_messages: int = Field(
        default=5, ge=5, le=100, description="of new matters in window_seconds; the rest is one digest"
    )
    window_seconds: float = Field(default=600, gt=0, le=86400)
    digest_seconds: float = Field(default=60, gt=0, le=3600, description="how long a digest gathers before it is sent")
    attempts: int = Field(default=3, ge=1, le=20, description="on one channel before the next one is tried")
    retry_min_seconds: float = Field(default=2, gt=0, le=600)
    retry_max_seconds: float = Field(default=60, gt=0, le=3600)
    parallel: int = Field(default=4, ge=1, le=64, description="messages under way at once on one channel")
    uncertain_minutes: float = Field(default=15, gt=0, description="a report that is uncertain for so long is told")
    countersign_hours: float = Field(
        default=24, gt=0, description="an approval by telephone that nobody countersigned for so long is told"
    )
    smtp: SmtpSettings = SmtpSettings()
    webhook: WebhookSettings = WebhookSettings()
    command: CommandSettings = CommandSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    watch: WatchSettings = WatchSettings()

    @field_validator("link")
    @classmethod
    def _check_link(cls, value: str) -> str:
        _check_url(value)
        return value.rstrip("/")

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that are set up."""
        there = {"smtp": bool(self.smtp.host), "webhook": bool(self.webhook.url), "command": bool(self.command.argv)}
        return tuple(name for name, is_there in there.items() if is_there)
