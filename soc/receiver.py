"""Settings of the receivers of reports: where, by which wire, as whom, and what they accept."""

from typing import Literal

from pydantic import Field, model_validator

from soc.section import Section


class Receiver(Section):
    """Where reports go."""

    name: str = Field(default="national", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$")
    binding: Literal["https-json", "taxii21"] = Field(default="https-json", description="the wire")
    url: str = Field(
        default="", description="https-json: its endpoint; taxii21: its API root; empty = reports wait in the outbox"
    )
    collection: str = Field(default="", description="taxii21: id of the collection that takes reports")
    ca_file: str = Field(default="", description="the CA that signs the receiver's certificate; empty = the system's")
    certificate_file: str = Field(default="", description="PEM of our own certificate, if the receiver asks for one")
    key_file: str = ""
    token: str = Field(default="", repr=False)
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
