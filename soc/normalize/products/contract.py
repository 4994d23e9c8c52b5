"""A line under the log contract (docs/reference/log-contract.md) → who did what on which record, with ECS names.

The contract is what a supplier of a rented or local system can be asked to write: one JSON object a line, marked by
``log_contract``. Its JSON Schema is made from the model here, so that what is asked for and what is read are one thing.
"""

from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, IPvAnyAddress

from soc.model.event import LogSource
from soc.normalize.addresses import number, put
from soc.normalize.formats import json, syslog
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import Stamp, epoch, iso

MARK = "log_contract"

Action = Literal[
    "login",
    "logout",
    "create",
    "read",
    "update",
    "delete",
    "search",
    "export",
    "import",
    "print",
    "sign",
    "approve",
    "reject",
    "grant",
    "revoke",
    "configure",
    "start",
    "stop",
    "other",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow")


class Who(_Part):
    """The person or program that acted."""

    id: str = Field(description="account, unchanging")
    name: str | None = Field(default=None, description="as shown to people")
    roles: list[str] | None = None
    organization: str | None = Field(default=None, description="the unit that the account belongs to")


class Target(_Part):
    """The record that was acted on."""

    type: str = Field(description="kind of record: dossier, citizen, account, setting ...")
    id: str = Field(description="number of the record")
    name: str | None = None
    count: int | None = Field(default=None, ge=0, description="how many records, for search, export, print")


class Origin(_Part):
    """Where the act came from."""

    ip: IPvAnyAddress = Field(description="of the client itself, behind every proxy")
    port: int | None = Field(default=None, ge=0, le=65535)
    user_agent: str | None = None
    device: str | None = None


class Contract(BaseModel):
    """One line under the log contract, version 1."""

    model_config = ConfigDict(extra="allow", title="Log contract, version 1")

    log_contract: Literal["1"] = Field(description="the mark, and the version")
    when: AwareDatetime = Field(description="RFC 3339 with offset, to the millisecond")
    system: str = Field(description="name of the system that writes, the same in every line")
    who: Who
    action: Action
    action_detail: str | None = Field(default=None, description="the system's own word for the act")
    on: Target | None = None
    outcome: Literal["success", "failure"]
    reason: str | None = Field(default=None, description="why it failed")
    origin: Origin = Field(alias="from", description="where the act came from")
    session: str | None = None
    request: str | None = Field(default=None, description="number of the request, to find it in other logs")
    message: str | None = Field(default=None, description="one sentence for people")


def json_schema() -> dict[str, Any]:
    """The JSON Schema that a supplier is given."""
    return Contract.model_json_schema(by_alias=True)


FIELDS: dict[str, str] = {
    "log_contract": "",
    "when": "@timestamp",
    "system": "service.name",
    "who.id": "user.name",
    "who.name": "user.full_name",
    "who.roles": "user.roles",
    "who.organization": "user.group.name",
    "action": "event.action",
    "action_detail": "event.code",
    "on.type": "event.dataset",
    "on.id": "event.reference",
    "on.name": "",
    "on.count": "",
    "outcome": "event.outcome",
    "reason": "event.reason",
    "from.ip": "source.ip",
    "from.port": "source.port",
    "from.user_agent": "user_agent.original",
    "from.device": "source.domain",
    "session": "",
    "request": "http.request.id",
    "message": "message",
}
"""Every field of the contract → ECS; ``on.type`` is the end of ``event.dataset``."""

_TEXT = {
    name: ecs
    for name, ecs in FIELDS.items()
    if ecs and name not in ("when", "on.type", "outcome", "from.ip", "from.port")
}
_KINDS: dict[str, tuple[list[str], list[str]]] = {
    "login": (["authentication"], ["start"]),
    "logout": (["authentication", "session"], ["end"]),
    "create": (["web"], ["creation"]),
    "read": (["web"], ["access"]),
    "update": (["web"], ["change"]),
    "delete": (["web"], ["deletion"]),
    "search": (["web"], ["access"]),
    "export": (["web", "file"], ["access"]),
    "import": (["web"], ["creation"]),
    "print": (["web"], ["access"]),
    "sign": (["web"], ["change"]),
    "approve": (["web"], ["change"]),
    "reject": (["web"], ["change"]),
    "grant": (["iam"], ["change"]),
    "revoke": (["iam"], ["change"]),
    "configure": (["configuration"], ["change"]),
    "start": (["process"], ["start"]),
    "stop": (["process"], ["end"]),
}
_OTHER = (["web"], ["info"])


def read(event: dict[str, Any], fields: Fields, zone: ZoneInfo) -> Reading | None:
    """One decoded object; None where the mark has another version or is no text."""
    if event.get(MARK) not in ("1", 1):
        return None
    native = json.flatten(event)
    fields.update(native)
    for name, ecs in _TEXT.items():
        value = native.get(name)
        if value not in (None, ""):
            fields[ecs] = value if isinstance(value, list) else str(value)
    address = native.get("from.ip")
    if isinstance(address, str):
        put(fields, "source", address)
    port = number(str(native.get("from.port", "")))
    if port is not None:
        fields["source.port"] = port
    action = native.get("action")
    fields["event.category"], fields["event.type"] = _KINDS.get(action, _OTHER) if isinstance(action, str) else _OTHER
    outcome = native.get("outcome")
    fields["event.outcome"] = outcome if outcome in ("success", "failure") else "unknown"
    kind = native.get("on.type")
    fields["event.kind"] = "event"
    fields["event.module"] = "contract"
    fields["event.dataset"] = f"contract.{kind}" if isinstance(kind, str) and kind else "contract.log"
    return _sources(native.get("system"), action), _stamp(native.get("when"), zone)


def _sources(system: Any, action: Any) -> tuple[LogSource, ...]:
    product = system.lower() if isinstance(system, str) and 0 < len(system) <= 64 else "contract"
    source = LogSource(product, "application", "contract")
    return (source, LogSource(product, "authentication", "contract")) if action in ("login", "logout") else (source,)


def _stamp(when: Any, zone: ZoneInfo) -> Stamp | None:
    if isinstance(when, str):
        return iso(when, zone)
    return epoch(str(when)) if isinstance(when, int) else None


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line: the object alone or as the message of a syslog line."""
    found = syslog.json_object(text, fields, zone, day)
    reading = None if found is None else read(found[0], fields, zone)
    if found is None or reading is None:
        raise refuse('contract: no JSON object with "log_contract": "1"')
    return reading[0], reading[1] or found[2]


PRODUCT = Product(
    "contract", "a system that keeps the log contract: who, what, on which record, from where", parse, fields=FIELDS
)
