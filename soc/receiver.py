"""Settings of the receivers of reports: where, by which wire, as whom, and what they accept."""

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from soc.section import Section


class Paper(Section):
    """How this installation writes documents to a receiver whose reports people deliver (binding ``file``; Decree 30/2020/NĐ-CP)."""

    superior: str = Field(default="", description="the office above ours, as it stands over our name: UBND TỈNH …")
    office: str = Field(default="TTGS", description="our abbreviation in the symbol of a document")
    number: str = Field(
        default="{number}/{type}-{office}", description="number and symbol; {type} is TB, BC …, {number} a blank"
    )
    place: str = Field(default="", description="before the date: Tây Ninh")
    addressee: str = Field(default="", description="Kính gửi: …; empty = the receiver's name")
    copies: tuple[str, ...] = Field(default=(), description="more recipients under Nơi nhận")
    signer_title: str = "THỦ TRƯỞNG ĐƠN VỊ"
    signer_name: str = ""
    subject_mark: str = Field(default="[TBSC]", description="the subject of a mail begins with it")
    timezone: str = "Asia/Ho_Chi_Minh"
    fonts: str = Field(
        default="", description="directory of a serif font with Vietnamese letters; empty = the system's"
    )

    @model_validator(mode="after")
    def _check_paper(self) -> "Paper":
        if "{number}" not in self.number:
            raise ValueError("number has no {number}: nobody could fill it in")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"timezone {self.timezone!r} is not known") from error
        return self


class Receiver(Section):
    """Where reports go."""

    name: str = Field(default="national", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$")
    binding: Literal["https-json", "taxii21", "file"] = Field(default="https-json", description="the wire")
    url: str = Field(
        default="", description="https-json: its endpoint; taxii21: its API root; empty = reports wait in the outbox"
    )
    collection: str = Field(default="", description="taxii21: id of the collection that takes reports")
    directory: str = Field(
        default="", description="file: packages are written below it for people to deliver; empty = reports wait"
    )
    paper: Paper = Paper()
    ca_file: str = Field(default="", description="the CA that signs the receiver's certificate; empty = the system's")
    certificate_file: str = Field(default="", description="PEM of our own certificate, if the receiver asks for one")
    key_file: str = ""
    token: str = Field(default="", repr=False)
    signing_key_file: str = Field(
        default="",
        description="https-json: PEM of the key (Ed25519 or P-256) that signs each report; empty = not signed",
    )
    signing_key_id: str = Field(
        default="", description="what the receiver calls it; empty = the hash of the public key"
    )
    username: str = Field(default="", description="for basic authentication, in the place of a token")
    password: str = Field(default="", repr=False)
    timeout_seconds: float = Field(default=20, gt=0, le=300)
    retry_min_seconds: float = Field(default=2, gt=0)
    retry_max_seconds: float = Field(default=900, gt=0)
    readable: bool = Field(default=True, description="it can be asked whether it has a report")
    recognizes_repeats: bool = Field(default=True, description="it takes a report that it has for the same report")
    accepts_exercises: bool = Field(default=False, description="reports of drills may go there")
    profile: str = Field(default="national", description="what may leave to it: a file of deploy/policy/recipients")

    @model_validator(mode="after")
    def _check(self) -> "Receiver":
        if self.url and not self.url.startswith(("https://", "http://127.0.0.1", "http://[::1]", "http://localhost")):
            raise ValueError(f"url {self.url!r}: reports leave encrypted only; write https://")
        if self.binding == "taxii21" and self.url and not self.collection:
            raise ValueError("collection is empty: taxii21 needs the id of the collection that takes reports")
        if self.directory and self.binding != "file":
            raise ValueError(f"directory belongs to the binding file, not to {self.binding}")
        if self.url and self.binding == "file":
            raise ValueError("url belongs to the other bindings; file writes below directory")
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("certificate_file and key_file belong together; one of them is empty")
        if self.retry_min_seconds > self.retry_max_seconds:
            raise ValueError("retry_min_seconds is larger than retry_max_seconds")
        return self


class ForwardSettings(Section):
    """Reports."""

    organization: str = "SOC"
    receiver: Receiver = Receiver()
    receivers: tuple[Receiver, ...] = Field(default=(), description="more of them, beside `receiver`")

    @property
    def all_receivers(self) -> tuple[Receiver, ...]:
        """Every receiver; the first is meant where nobody says which."""
        return (self.receiver, *self.receivers)

    @model_validator(mode="after")
    def _check_names(self) -> "ForwardSettings":
        names = [receiver.name for receiver in self.all_receivers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"these receivers have the same name: {', '.join(twice)}")
        return self
