"""Settings: ``soc.toml``, overridden by ``SOC_<SECTION>__<KEY>`` variables, checked whole, frozen; an unknown key is an error."""

import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, Field, ValidationError, field_validator, model_validator

from soc.calling import NotifySettings
from soc.desk import AuditSettings, IntelSettings, PolicySettings, PrivacySettings
from soc.errors import SettingsError
from soc.listeners import DEFAULT_LISTENERS, Listener
from soc.receiver import ForwardSettings
from soc.section import Section
from soc.sharing_receiver import SharingSettings

Role = Literal["collect", "engine", "correlate", "triage", "index", "forward", "notify", "console", "archive", "share"]

_LARGEST_OFFSET = 20 * 366 * 86400.0
"""A device whose clock was never set may be that far off."""

VIETNAMESE = ("tcvn3", "vni", "windows-1258")
"""Encodings that a profile may name beside those Python knows (``soc.normalize.vietnamese``)."""


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{value!r} is no IANA time zone; write one like Asia/Ho_Chi_Minh") from error
    return value


class LogSourceSettings(Section):
    """A Sigma logsource."""

    product: str = ""
    category: str = ""
    service: str = ""


class ClockVersion(Section):
    """How the clock of a source stands from a moment on; what was received before keeps what held then, also when it is replayed."""

    since: AwareDatetime = Field(description="receive time from which it holds, with its zone: 2026-11-23T08:00:00Z")
    clock_offset_seconds: float = Field(default=0, ge=-_LARGEST_OFFSET, le=_LARGEST_OFFSET)
    timezone: str = Field(default="", description="as the profile's; empty = the profile's")

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        return _zone(value) if value else value


class SourceProfile(Section):
    """What is known of a source beforehand: which product it is, in which zone its clock stands.

    A listener may name a profile; else the first profile in order whose every given criterion holds is used; else the
    product is recognized from the line (``auto``).
    """

    name: str
    product: str = Field(default="auto", description="see `soc normalize --list`")
    listeners: tuple[str, ...] = ()
    addresses: tuple[str, ...] = Field(default=(), description="addresses or networks of the sender, IPv4 or IPv6")
    pattern: str = Field(default="", description="regular expression found in the line")
    timezone: str = Field(default="", description="IANA zone of stamps without one; empty = the installation's")
    clock_offset_seconds: float = Field(
        default=0,
        ge=-_LARGEST_OFFSET,
        le=_LARGEST_OFFSET,
        description="how far its clock is ahead (negative: behind); taken off its stamps; see `soc sources`",
    )
    clock: tuple[ClockVersion, ...] = Field(
        default=(),
        description="versions of zone and offset, each from a receive time on; before the first the profile's own hold",
    )
    encoding: str = Field(default="utf-8", description="how bytes that are not UTF-8 are decoded")
    logsource: LogSourceSettings | None = Field(default=None, description="overrides what the product declares")
    live: bool = Field(default=True, description="false for imported old files: their stamps are taken as they are")
    discard: str = Field(
        default="", description="regular expression: matching lines are discarded and counted under this profile"
    )
    multiline: str = Field(
        default="",
        description="lines that make one event: indented (a stack trace), or a regular expression found in each first line",
    )
    shards: int = Field(
        default=1, ge=1, le=1024, description="partitions of the cluster that one heavy source is spread over"
    )

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        return _zone(value) if value else value

    @field_validator("clock")
    @classmethod
    def _check_order(cls, value: tuple[ClockVersion, ...]) -> tuple[ClockVersion, ...]:
        if any(later.since <= earlier.since for earlier, later in pairwise(value)):
            raise ValueError("each version begins after the one before it")
        return value

    @field_validator("addresses")
    @classmethod
    def _check_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            ip_network(item, strict=False)
        return value

    @field_validator("pattern", "discard", "multiline")
    @classmethod
    def _check_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _check_shards(self) -> "SourceProfile":
        if self.shards > 1 and (self.multiline or self.product in ("auditd", "modsecurity")):
            what = "multiline" if self.multiline else self.product
            raise ValueError(f"shards = {self.shards} would part the lines of one event: with {what} it must be 1")
        return self

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: str) -> str:
        if value.lower().replace("_", "-") in VIETNAMESE:
            return value
        try:
            b"x".decode(value, "replace")
        except LookupError as error:
            raise ValueError(f"{value!r} is no codec; besides Python's there are {', '.join(VIETNAMESE)}") from error
        return value


class BusSettings(Section):
    """The embedded bus."""

    partitions: int = Field(
        default=2, ge=1, le=256, description="of soc.raw, soc.events, soc.detections; fixed at creation"
    )
    raw_max_age_days: float = Field(default=30, gt=0)
    raw_max_bytes: int = Field(default=20 * 1024**3, ge=1024**2)
    max_age_days: float = Field(default=7, gt=0, description="of the derived topics")
    deadletter_max_age_days: float = Field(
        default=90,
        gt=0,
        description="of dead letters, on the bus and in the store; their lines are in the archive for longer",
    )
    deadletter_max_bytes: int = Field(default=5 * 1024**3, ge=1024**2, description="of dead letters on the bus")
    free_bytes: int = Field(
        default=512 * 1024**2, ge=0, description="intake is pushed back when less than this is free"
    )


class KafkaSettings(Section):
    """Apache Kafka in the place of the embedded bus; without servers the bus is embedded."""

    servers: tuple[str, ...] = Field(default=(), description="host:port of some brokers; empty = the embedded bus")
    prefix: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]{0,100}$",
        description="before every topic, group and transactional id; one per installation where several share brokers",
    )
    instance: int = Field(
        default=0, ge=0, lt=256, description="number of this host in the installation; every host has another"
    )
    instances: int = Field(default=16, ge=1, le=256, description="how many hosts there can be; fixed at creation")
    partitions: int = Field(
        default=24, ge=1, le=1024, description="of soc.raw, soc.events, soc.detections; fixed at creation"
    )
    session_seconds: float = Field(
        default=20, ge=6, le=300, description="a worker silent for so long loses its partitions to the others"
    )
    replication: int = Field(default=0, ge=0, le=32, description="copies of each partition; 0 = three, or all brokers")
    compression: Literal["zstd", "none"] = Field(
        default="zstd", description="of what is written from now on; both are read whatever is set"
    )
    tls: bool = False
    ca_file: str = Field(default="", description="PEM; empty = the system's certificate authorities")
    certificate_file: str = Field(default="", description="PEM of a client certificate, if the brokers ask for one")
    key_file: str = ""
    sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    username: str = ""
    password: str = Field(default="", repr=False)

    @model_validator(mode="after")
    def _check_instance(self) -> "KafkaSettings":
        if self.instance >= self.instances:
            raise ValueError(
                f"instance {self.instance}: with instances = {self.instances} they go from 0 to {self.instances - 1}"
            )
        return self


class ElasticsearchSettings(Section):
    """Elasticsearch in the place of the embedded store; without addresses the store is embedded."""

    urls: tuple[str, ...] = Field(default=(), description="https://host:port of some nodes; empty = the embedded store")
    prefix: str = Field(
        default="soc",
        pattern=r"^[a-z0-9][a-z0-9_]{0,60}$",
        description="before every index; one per installation where several share a cluster",
    )
    api_key: str = Field(default="", repr=False, description="encoded; wins over the user")
    username: str = ""
    password: str = Field(default="", repr=False)
    ca_file: str = Field(default="", description="PEM; empty = the system's certificate authorities")
    event_shards: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="of each day's events; from the next day on; about one for each 200 lines/s",
    )

    @field_validator("urls")
    @classmethod
    def _check_urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or not parts.port:
                raise ValueError(f"{url!r} is no address; write one like https://es1.example:9200")
        return value


class StoreSettings(Section):
    """The store, a view: what is gone from it is still in the bus and the archive for as long as those keep it."""

    event_days: float = Field(default=30, gt=0, description="how long events can be searched")


class ArchiveSettings(Section):
    """Every raw line, kept compressed for as long as the law asks; on by default: what was not archived cannot be had later."""

    enabled: bool = True
    path: str = Field(default="", description="a folder; empty = `archive` in the data directory")
    url: str = Field(default="", description="s3://bucket/prefix in the place of a folder; needs the extra `s3`")
    days: float = Field(default=366, gt=0, description="how long segments are kept: twelve months")
    segment_bytes: int = Field(
        default=64 * 1024**2, ge=64 * 1024, description="compressed; one of this size is closed before its hour is over"
    )
    open_bytes: int = Field(
        default=128 * 1024**2,
        ge=64 * 1024,
        description="compressed, of all open segments of a partition: the largest are closed beyond this",
    )
    endpoint: str = Field(default="", description="http(s)://host:port of a server that speaks S3; empty = that of AWS")
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = Field(default="", repr=False, description="rather SOC_ARCHIVE__SECRET_KEY in the environment")
    timeout_seconds: float = Field(default=30, gt=0, le=600)

    @model_validator(mode="after")
    def _check_place(self) -> "ArchiveSettings":
        if self.path and self.url:
            raise ValueError("path and url are both set; an archive has one place")
        if self.url:
            parts = urlsplit(self.url)
            if parts.scheme != "s3" or not parts.hostname or parts.query or parts.fragment:
                raise ValueError(f"url {self.url!r} names no bucket; write one like s3://bucket/prefix")
        if self.endpoint and not (
            (end := urlsplit(self.endpoint)).scheme in {"http", "https"} and end.hostname and end.path in {"", "/"}
        ):
            raise ValueError(f"endpoint {self.endpoint!r} is no address; write one like https://s3.example:9000")
        if bool(self.access_key) != bool(self.secret_key):
            raise ValueError("access_key and secret_key belong together; one of them is empty")
        return self


class ProcessSettings(Section):
    """How many processes of each kind run on this host; what they do is shared out by partition."""

    engine: int = Field(default=1, ge=1, le=256)
    correlate: int = Field(default=1, ge=1, le=256, description="correlate and triage")
    index: int = Field(default=1, ge=1, le=256)
    archive: int = Field(default=1, ge=1, le=256)


class RuleSettings(Section):
    """Where rules come from."""

    paths: tuple[str, ...] = Field(default=(), description="directories or files; empty = the rules that ship with soc")
    extra_paths: tuple[str, ...] = Field(default=(), description="beside those")


class CorrelationSettings(Section):
    """Event time."""

    lateness_seconds: float = Field(default=600, ge=0, le=7 * 86400)
    future_skew_seconds: float = Field(
        default=5, ge=0, description="stamps later than receive time plus this are clamped"
    )
    idle_seconds: float = Field(default=60, gt=0, description="a source silent for so long holds no watermark back")
    max_groups: int = Field(default=100_000, ge=1)
    max_events_per_group: int = Field(default=10_000, ge=10)


class TriageSettings(Section):
    """Grouping of alerts into incidents."""

    window_seconds: float = Field(default=3600, gt=0, description="alerts that share an entity within this join")
    shared_entities: tuple[str, ...] = Field(
        default=(), description="values that never join alone: NAT, proxy, domain controller"
    )
    max_degree: int = Field(
        default=25, ge=2, description="an entity in more live alerts' incidents than this never joins alone"
    )
    repeat_seconds: float = Field(
        default=14400, gt=0, description="the same again within this is a repeat of the first"
    )
    risk_half_life_hours: float = Field(default=24, gt=0, description="in which the risk gathered by an entity halves")


class ConsoleSettings(Section):
    """The web application."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    language: Literal["vi", "en"] = "vi"
    session_hours: float = Field(default=12, gt=0)


class MetricsSettings(Section):
    """``/metrics``, ``/healthz``, ``/readyz`` of the whole installation."""

    host: str = "127.0.0.1"
    port: int = Field(default=9464, ge=0, le=65535)


class LogSettings(Section):
    """The product's own log, on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Settings(Section):
    """Everything that can be set."""

    data_dir: Path = Path("soc-data")
    timezone: str = "Asia/Ho_Chi_Minh"
    listeners: tuple[Listener, ...] = DEFAULT_LISTENERS
    sources: tuple[SourceProfile, ...] = ()
    mappings: tuple[str, ...] = Field(default=(), description="mapping files (TOML), or folders of them")
    bus: BusSettings = BusSettings()
    kafka: KafkaSettings = KafkaSettings()
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    store: StoreSettings = StoreSettings()
    archive: ArchiveSettings = ArchiveSettings()
    processes: ProcessSettings = ProcessSettings()
    rules: RuleSettings = RuleSettings()
    correlation: CorrelationSettings = CorrelationSettings()
    triage: TriageSettings = TriageSettings()
    forward: ForwardSettings = ForwardSettings()
    sharing: SharingSettings = SharingSettings()
    notify: NotifySettings = NotifySettings()
    audit: AuditSettings = AuditSettings()
    intel: IntelSettings = IntelSettings()
    policy: PolicySettings = PolicySettings()
    privacy: PrivacySettings = PrivacySettings()
    console: ConsoleSettings = ConsoleSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()

    @property
    def partitions(self) -> int:
        """Partitions of raw lines, events and detections on the bus in use."""
        return self.kafka.partitions if self.kafka.servers else self.bus.partitions

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        return _zone(value)

    @model_validator(mode="after")
    def _check_names(self) -> "Settings":
        for what, names in (
            ("listeners", [x.name for x in self.listeners]),
            ("sources", [x.name for x in self.sources]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what}: these names are used twice: {', '.join(twice)}")
        known = {profile.name for profile in self.sources}
        for listener in self.listeners:
            if listener.profile and listener.profile not in known:
                raise ValueError(f"listener {listener.name!r}: no source profile is called {listener.profile!r}")
        return self


def parse(text: str, environment: Mapping[str, str], *, where: str = "soc.toml") -> Settings:
    """Settings from TOML text and the environment.

    Raises:
        SettingsError: listing every mistake with its key.
    """
    try:
        tree: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{where}: not valid TOML: {error}"]) from error
    for name, value in environment.items():
        if name.startswith("SOC_") and "__" in name:
            *sections, key = name[4:].lower().split("__")
            child = tree
            for section in sections:
                inner: Any = child.setdefault(section, {})
                if not isinstance(inner, dict):
                    raise SettingsError([f"{name}: {section} is a list; set it in {where}"])
                child = cast("dict[str, Any]", inner)
            child[key] = value
    if "SOC_DATA_DIR" in environment:
        tree["data_dir"] = environment["SOC_DATA_DIR"]
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        mistakes = [
            f"{where}: {'.'.join(map(str, item['loc'])) or 'settings'}: {_told(item['type'], item['msg'])}"
            for item in error.errors()
        ]
        raise SettingsError(mistakes) from error


def _told(kind: str, message: str) -> str:
    """A mistake as an operator would say it."""
    return "unknown key: see deploy/soc.example.toml" if kind == "extra_forbidden" else message


def load(path: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from a file (None: ``soc.toml`` in the working directory, if there is one, else the defaults).

    Raises:
        SettingsError: the file cannot be read, or what ``parse`` finds.
    """
    environment = os.environ if environment is None else environment
    chosen = path or Path("soc.toml")
    if path is None and not chosen.exists():
        return parse("", environment)
    try:
        text = chosen.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{chosen}: cannot be read: {error}"]) from error
    return parse(text, environment, where=str(chosen))


def content_dir(name: Literal["rules", "deploy"]) -> Path:
    """Where the content that ships with the product is: in the installed package, or beside it in a checkout."""
    here = Path(__file__).parent
    packaged = here / "content" / name
    return packaged if packaged.is_dir() else here.parent / name
