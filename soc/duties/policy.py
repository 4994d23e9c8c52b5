"""A policy file in, the duties it lays down out; every mistake in it is listed at once, with its line.

A policy is what the law and the house rules say about reporting, as data: nothing of it is in the code. Its schema is the one of
``_File`` below; ``deploy/policy/vn-2026.yaml`` is an example with comments.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal, Self, cast
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo

from soc.duties.calendar import Every, MonthDay, parse_before, parse_day
from soc.duties.fields import FIELDS
from soc.duties.kinds import Kind
from soc.duties.offset import Offset, parse_offset
from soc.duties.trigger import Trigger, parse_trigger
from soc.duties.written import Written, read
from soc.errors import SettingsError

Anchor = Literal["incident", "pdp_detected", "closed", "last_report", "outdated"]
"""From when a duty counts. ``incident``: the policy's T0. ``pdp_detected``: when the breach of personal data was found (a field that a
person types). ``closed``: when handling ended. ``last_report``: the last report that the recipient has. ``outdated``: when it
turned out that a report which was sent is no longer so."""

Figure = Literal["law", "house"]
"""Where the length of time comes from: from the text of a law, or it is the house's own and may be changed freely."""

_PERIODIC_STEPS = 4


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets reports.

    Attributes:
        automatic: a channel of the forwarder reaches it; else people deliver and write down the number.
        accepts_exercises: may get reports of drills.
    """

    id: str
    vi: str
    en: str
    automatic: bool
    accepts_exercises: bool


@dataclass(frozen=True, slots=True)
class Duty:
    """One duty to report one kind of thing to some recipients.

    Attributes:
        required: fields (``soc.duties.fields``) without which the report is incomplete. ``optional``: said where known.
        overtakes: it does not wait behind a report that is stuck.
        second_person: a second approver must agree.
        one_per_campaign: one report covers all incidents of a campaign.
        after: kinds that must have been taken by the recipient first, where they are due.
        form: the document it is: name or number of the official form.
        legal_basis: which rule says so, in the policy's own words.
        verified_by, verified_on: who compared it with the text of the law, and when; "" is nobody.
    """

    id: str
    kind: Kind
    vi: str
    en: str
    when: Trigger
    when_text: str
    counts_from: Anchor
    due: Offset
    due_text: str
    figure: Figure
    recipients: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    template: str
    form: str
    overtakes: bool
    second_person: bool
    one_per_campaign: bool
    after: tuple[Kind, ...]
    legal_basis: str
    verified_by: str
    verified_on: date | None

    @property
    def verified(self) -> bool:
        """Whether somebody with authority has compared it with the text."""
        return bool(self.verified_by and self.verified_on)


@dataclass(frozen=True, slots=True)
class Step:
    """One hand-over of a periodic report: who gives it to whom, and the last day."""

    sender: str
    recipient: str
    before: "MonthDay | Offset"
    before_text: str


@dataclass(frozen=True, slots=True)
class Periodic:
    """A report that is due by the calendar.

    Attributes:
        every: how long its period is.
        first_day: of the data, for half-years and years; weeks begin on Monday.
    """

    id: str
    every: Every
    vi: str
    en: str
    first_day: "MonthDay | None"
    steps: tuple[Step, ...]
    figure: Figure
    legal_basis: str
    verified_by: str
    verified_on: date | None

    @property
    def verified(self) -> bool:
        """Whether somebody with authority has compared it with the text."""
        return bool(self.verified_by and self.verified_on)


@dataclass(frozen=True, slots=True)
class Policy:
    """The duties in force.

    Attributes:
        id: its name, ``vn-2026``.
        hash: SHA-256 of its text: what a clock was computed by.
        strict: T0 is when the product raised the alarm, not when a person first saw it.
        late_discovery: longer between beginning and T0 is marked as found late.
        standing: fields that are the same in every report, from the settings.
    """

    id: str
    hash: str
    vi: str
    en: str
    zone: ZoneInfo
    strict: bool
    late_discovery: Offset
    recipients: Mapping[str, Recipient]
    duties: tuple[Duty, ...]
    periodic: tuple[Periodic, ...]
    standing: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def parse(cls, text: str, where: str, standing: Mapping[str, str] | None = None) -> Self:
        """The policy in a file.

        Args:
            text: of the file.
            where: its name, for messages.
            standing: the settings' ``[policy.particulars]``.

        Raises:
            SettingsError: every mistake, each with file and line.
        """
        written = read(text, where)
        known = {
            "recipients": _names(written.data.get("recipients")),
            "kinds": frozenset(str(row.get("kind")) for row in _rows(written.data.get("duties"))),
        }
        mistakes: list[str] = []
        made: _File | None = None
        try:
            made = _File.model_validate(written.data, context=known)
        except ValidationError as error:
            mistakes += [written.told(item["loc"], _said(item)) for item in error.errors()]
        mistakes += _twice(written, "duties") + _twice(written, "periodic")
        mistakes += [
            f"[policy.particulars] {name}: no field of a report is called so"
            for name in standing or ()
            if name not in FIELDS
        ]
        if made is None or mistakes:
            raise SettingsError(mistakes)
        return cls(
            made.policy,
            hashlib.sha256(text.encode()).hexdigest(),
            made.vi,
            made.en,
            ZoneInfo(made.zone),
            made.t0 == "alerted",
            parse_offset(made.late_discovery),
            {
                id_: Recipient(id_, row.vi, row.en, row.automatic, row.accepts_exercises)
                for id_, row in made.recipients.items()
            },
            tuple(_duty(row) for row in made.duties),
            tuple(_periodic(row) for row in made.periodic),
            dict(standing or {}),
        )

    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of reports there are duties for, in the policy's order."""
        return tuple(dict.fromkeys(duty.kind for duty in self.duties))

    def of_kind(self, kind: str) -> tuple[Duty, ...]:
        """The duties that a report of this kind answers."""
        return tuple(duty for duty in self.duties if duty.kind == kind)

    def recipients_of(self, kind: str) -> tuple[str, ...]:
        """Who may get a report of this kind."""
        return tuple(dict.fromkeys(id_ for duty in self.of_kind(kind) for id_ in duty.recipients))

    def overtakes(self, kind: str) -> bool:
        """Whether a report of this kind does not wait behind a stuck one."""
        return any(duty.overtakes for duty in self.of_kind(kind))

    def second_person(self, kind: str) -> bool:
        """Whether a second approver must agree to a report of this kind."""
        return any(duty.second_person for duty in self.of_kind(kind))

    def unverified(self) -> tuple[str, ...]:
        """Ids of duties that nobody with authority has compared with the text of the law."""
        return tuple(duty.id for duty in (*self.duties, *self.periodic) if not duty.verified)


# What people write ---------------------------------------------------------------------------------------------------


def _trigger(text: str) -> str:
    parse_trigger(text)
    return text


def _length(text: str) -> str:
    parse_offset(text)
    return text


def _day(text: str) -> str:
    parse_day(text)
    return text


def _before(text: str) -> str:
    parse_before(text)
    return text


def _field(name: str) -> str:
    if name not in FIELDS:
        raise ValueError(f"{name!r} is no field of a report; see docs/explanation/duties.md")
    return name


def _context(info: ValidationInfo) -> Mapping[str, frozenset[str]]:
    return cast("Mapping[str, frozenset[str]]", info.context)


def _recipient(name: str, info: ValidationInfo) -> str:
    if name not in _context(info)["recipients"]:
        raise ValueError(f"{name!r} is not under `recipients`")
    return name


def _after(name: Kind, info: ValidationInfo) -> Kind:
    if name not in _context(info)["kinds"]:
        raise ValueError(f"no duty of this policy is of kind {name!r}")
    return name


def _some(names: tuple[str, ...]) -> tuple[str, ...]:
    """At least one; asked afterwards, so that a wrong name is told once and not as an empty list too."""
    if not names:
        raise ValueError("nobody would get it: name at least one recipient")
    return names


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no IANA time zone") from error
    return name


Text = Annotated[str, Field(min_length=1, max_length=2000)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_\-]{0,39}$")]
FieldName = Annotated[str, AfterValidator(_field)]
Length = Annotated[str, AfterValidator(_length)]
To = Annotated[str, AfterValidator(_recipient)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _RecipientRow(_Row):
    vi: Text
    en: Text
    automatic: bool
    accepts_exercises: bool = False


class _Checked(_Row):
    """What a person with authority has to look at."""

    figure: Figure
    legal_basis: Text
    verified_by: str = ""
    verified_on: date | None = None


class _DutyRow(_Checked):
    id: Id
    kind: Kind
    vi: Text
    en: Text
    when: Annotated[str, AfterValidator(_trigger)]
    counts_from: Anchor = "incident"
    due: Length
    recipients: Annotated[tuple[To, ...], AfterValidator(_some)]
    required: tuple[FieldName, ...] = ()
    optional: tuple[FieldName, ...] = ()
    template: Id
    form: str = ""
    overtakes: bool = False
    second_person: bool = False
    one_per_campaign: bool = False
    after: tuple[Annotated[Kind, AfterValidator(_after)], ...] = ()


class _StepRow(_Row):
    sender: To
    recipient: To
    before: Annotated[str, AfterValidator(_before)]


class _PeriodicRow(_Checked):
    id: Id
    every: Every
    vi: Text
    en: Text
    data_from: Annotated[str, AfterValidator(_day)] = ""
    steps: tuple[_StepRow, ...] = Field(min_length=1, max_length=_PERIODIC_STEPS)


class _File(_Row):
    policy: Id
    vi: Text
    en: Text
    zone: Annotated[str, AfterValidator(_zone)] = "Asia/Ho_Chi_Minh"
    t0: Literal["acknowledged", "alerted"] = "acknowledged"
    late_discovery: Length = "24 hours"
    recipients: dict[Id, _RecipientRow]
    duties: tuple[_DutyRow, ...] = Field(min_length=1)
    periodic: tuple[_PeriodicRow, ...] = ()


def _duty(row: _DutyRow) -> Duty:
    return Duty(
        row.id,
        row.kind,
        row.vi,
        row.en,
        parse_trigger(row.when),
        row.when,
        row.counts_from,
        parse_offset(row.due),
        row.due,
        row.figure,
        row.recipients,
        row.required,
        row.optional,
        row.template,
        row.form,
        row.overtakes,
        row.second_person,
        row.one_per_campaign,
        row.after,
        row.legal_basis,
        row.verified_by,
        row.verified_on,
    )


def _periodic(row: _PeriodicRow) -> Periodic:
    return Periodic(
        row.id,
        row.every,
        row.vi,
        row.en,
        parse_day(row.data_from) if row.data_from else None,
        tuple(Step(step.sender, step.recipient, parse_before(step.before), step.before) for step in row.steps),
        row.figure,
        row.legal_basis,
        row.verified_by,
        row.verified_on,
    )


def _said(item: Any) -> str:
    """A mistake as the person who writes the file would say it."""
    if item["type"] == "extra_forbidden":
        return "unknown key"
    if item["type"] == "missing":
        return "is missing"
    return str(item["msg"]).removeprefix("Value error, ")


def _names(tree: Any) -> frozenset[str]:
    return frozenset(map(str, cast("dict[Any, Any]", tree))) if isinstance(tree, dict) else frozenset()


def _rows(tree: Any) -> list[dict[str, Any]]:
    """The entries of a list as far as they are mappings; {} in the place of those that are not."""
    rows = cast("list[Any]", tree) if isinstance(tree, list) else []
    return [cast("dict[str, Any]", row) if isinstance(row, dict) else {} for row in rows]


def _twice(written: Written, part: str) -> list[str]:
    """Ids that two entries of a list share."""
    found: list[str] = []
    seen: set[str] = set()
    for place, row in enumerate(_rows(written.data.get(part))):
        id_ = str(row.get("id", ""))
        if id_ and id_ in seen:
            found.append(written.told((part, place, "id"), f"{id_!r} is the id of another entry too"))
        seen.add(id_)
    return found
