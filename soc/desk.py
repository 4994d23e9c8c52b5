"""Settings of what surrounds triage: what is kept secret, what must be reported, what is proven afterwards."""

from datetime import date
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from soc.section import Section

MASKED = ("cccd", "cmnd", "passport", "phone", "mail", "plate", "card", "bank_account", "password")
"""Kinds of identifiers that point at a person, and the secret that lets one act as him."""


class AuditSettings(Section):
    """The audit chains' heads: signed, and sent off this host, so that nobody on it can change the past unseen.

    Attributes:
        directory: where a file is written for each sending; mounted from elsewhere. "" = not.
        url: https address that is sent each file by POST; "" = not.
        token: bearer token for it.
        ca_file: the CA of its certificate; "" = the system's.
        syslog: ``host:port`` that is sent one line by UDP; "" = not.
        interval_seconds: between two sendings.
        timeout_seconds: of one sending.
    """

    directory: str = ""
    url: str = ""
    token: str = ""
    ca_file: str = ""
    syslog: str = ""
    interval_seconds: float = Field(default=3600, gt=0)
    timeout_seconds: float = Field(default=20, gt=0)

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError("must begin with https:// (http:// only to this host itself)")
        return value

    @field_validator("syslog")
    @classmethod
    def _check_syslog(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and not (host and port.isdecimal() and 0 < int(port) < 65_536):
            raise ValueError("must be host:port, such as log2.example:514")
        return value


class FeedSettings(Section):
    """One source of indicators that is asked by itself.

    Attributes:
        enabled: it is asked.
        name: by which hits call it.
        kind: ``csv`` a table or a bare list, ``stix`` a STIX 2.1 bundle, ``misp`` a MISP feed, ``taxii`` a TAXII 2.1 server.
        url: address, or path of a file (of a folder for ``misp``); of ``taxii`` discovery, API root or collection.
        collection: of ``taxii``: id or title; empty = the only one that can be read.
        every_hours: between two pulls.
        tlp: of indicators that carry no marking: CLEAR, GREEN, AMBER, AMBER+STRICT, RED.
        confidence: 0 to 100, of indicators that say none.
        expiry_days: an indicator without an end of its own is no hit any more so long after it was last said; 0 = for ever.
        level: highest confidence that its hits may have: Low, Medium, High.
        username, password, token: for basic or bearer authentication; ``secret_file`` holds the password, or without a
            user name the token.
        ca_file: the CA of its certificate; "" = the system's.
        timeout_seconds: of one request.
    """

    enabled: bool = True
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    kind: Literal["csv", "stix", "misp", "taxii"]
    url: str = Field(min_length=1)
    collection: str = ""
    every_hours: float = Field(default=6, gt=0)
    tlp: Literal["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"] = "AMBER"
    confidence: int = Field(default=50, ge=0, le=100)
    expiry_days: float = Field(default=180, ge=0)
    level: Literal["Low", "Medium", "High"] = "High"
    username: str = ""
    password: str = Field(default="", repr=False)
    token: str = Field(default="", repr=False)
    secret_file: str = ""
    ca_file: str = ""
    timeout_seconds: float = Field(default=60, gt=0)

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        if "://" in value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("must be http:// or https://, or a path")
        return value

    @model_validator(mode="after")
    def _check_kind(self) -> "FeedSettings":
        if self.kind == "taxii" and "://" not in self.url:
            raise ValueError("url: a TAXII server has an address, https://…")
        return self


class IntelSettings(Section):
    """Threat intelligence: what is known to be bad, and where it comes from.

    Attributes:
        feeds: pulled by the role triage.
        own: own networks, addresses and names beside those of the register: never an indicator, and what a hit is inside of.
        allow: paths of lists (one value a line, or CSV) that are never an indicator: names that everybody uses.
        max_indicators: of all feeds together; what would make more is refused.
        hunt_days: new indicators are looked for in the lines of so many days before; 0 = only when somebody asks.
        hunt_every_hours: at least so long between two such hunts.
        hunt_max_hours: so long one takes at most; it looks at the newest days first.
    """

    feeds: tuple[FeedSettings, ...] = ()
    own: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    max_indicators: int = Field(default=500_000, ge=1, le=2_000_000)
    hunt_days: float = Field(default=7, ge=0, le=400)
    hunt_every_hours: float = Field(default=6, gt=0)
    hunt_max_hours: float = Field(default=2, gt=0)

    @field_validator("feeds")
    @classmethod
    def _check_names(cls, value: tuple[FeedSettings, ...]) -> tuple[FeedSettings, ...]:
        names = [feed.name for feed in value]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two feeds are called {', '.join(sorted(twice))}")
        return value


class PolicySettings(Section):
    """Duties to report: which policy is in force, and what is the same in every report.

    Attributes:
        file: path of a policy, or the name of one that ships with soc (``vn-2026``, ``vn-2017``).
        since: periodic reports of periods that ended before this day are not this installation's; None = those missed so far
            are not shown.
        particulars: field of a report → text: ``reporter_name``, ``contact_phone`` … (``docs/explanation/duties.md``).
    """

    file: str = "vn-2026"
    since: date | None = None
    particulars: dict[str, str] = Field(default_factory=dict[str, str])


class PrivacySettings(Section):
    """Who sees citizens' identifiers.

    Attributes:
        masked: kinds (``soc.privacy.identifiers``) that pages, search, the API and exports show only the ends of.
        seen_by: role → kinds it sees without giving a reason. What is so seen is audited too.
        unmask_minutes: how long one document stays readable for the person who gave a reason.
        break_glass_minutes: how long an emergency sign-in lasts.
    """

    masked: tuple[str, ...] = MASKED
    seen_by: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    unmask_minutes: float = Field(default=15, gt=0, le=480)
    break_glass_minutes: float = Field(default=60, gt=0, le=480)
