"""What one recipient may get, as a person wrote it, in; the part of a report that leaves for him out. Default deny.

A profile is ``deploy/policy/recipients/<id>.yaml``. A field that it does not list does not leave; one that nobody has ever heard of
is a mistake, and all mistakes are told at once.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from soc.duties.written import Written, read
from soc.errors import SettingsError
from soc.forward.schema import ALWAYS, CONTACT, PATHS, WHOLE

_TLP = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kind(_Frozen):
    """How a kind of report differs from the rest: what leaves beside, and what does not leave."""

    also: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


class Sharing(_Frozen):
    """What alert sharing tells: keys of each count (``soc.sharing.summary``)."""

    by: tuple[str, ...] = ()


class Profile(_Frozen):
    """What one recipient may get.

    Attributes:
        recipient: the receiver's name; ``*`` is for every receiver without a profile of his own.
        vi, en: who that is.
        max_tlp: nothing that may travel less far leaves.
        fields: paths (``incident.severity``) that leave in every report.
        contact: fields that may name the contact person, the one exception from redaction.
        kinds: kind of report → how it differs.
        sharing: what of alerts is shared, counted.
    """

    recipient: str
    vi: str = ""
    en: str = ""
    max_tlp: str = "AMBER+STRICT"
    fields: tuple[str, ...] = ()
    contact: tuple[str, ...] = ()
    kinds: Mapping[str, Kind] = Field(default_factory=dict[str, Kind])
    sharing: Sharing = Sharing()

    @classmethod
    def parse(cls, text: str, where: str) -> "Profile":
        """From a file's text.

        Raises:
            SettingsError: with every mistake, its file and line.
        """
        written = read(text, where)
        try:
            profile = cls.model_validate(written.data)
        except ValidationError as error:
            raise SettingsError([written.told(item["loc"], item["msg"]) for item in error.errors()]) from error
        mistakes = list(_mistakes(profile, written))
        if mistakes:
            raise SettingsError(mistakes)
        return profile

    def leaving(self, kind: str) -> frozenset[str]:
        """The paths that leave in a report of one kind."""
        own = self.kinds.get(kind, Kind())
        contact = {f"particulars.{name}" for name in self.contact}
        return frozenset({*WHOLE, *self.fields, *own.also, *contact} - {*own.without} | WHOLE)

    def of(self, tree: Mapping[str, Any], kind: str) -> dict[str, Any]:
        """The part of a content that leaves in a report of one kind; the envelope is not a part of it."""
        leaving = self.leaving(kind)
        shown: dict[str, Any] = {}
        for part, value in tree.items():
            if part in ALWAYS:
                continue
            names = {path.partition(".")[2] for path in leaving if path.partition(".")[0] == part}
            if isinstance(value, Mapping):
                chosen = _chosen(cast("Mapping[str, Any]", value), names)
            elif isinstance(value, list):
                chosen = [one for item in cast("list[Mapping[str, Any]]", value) if (one := _chosen(item, names))]
            else:
                chosen = value if part in leaving else None
            if chosen is not None and (chosen or names):
                shown[part] = chosen
        return shown

    def may_travel(self, tlp: str) -> bool:
        """Whether this recipient may get what is marked so."""
        return tlp in _TLP and _TLP.index(tlp) <= _TLP.index(self.max_tlp)


def _chosen(value: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name in names}


def _mistakes(profile: Profile, written: Written) -> Sequence[str]:
    found: list[str] = []
    if not profile.recipient.strip():
        found.append(written.told(("recipient",), "who gets it? '*' is for every receiver without a profile"))
    if profile.max_tlp not in _TLP:
        found.append(written.told(("max_tlp",), f"{profile.max_tlp!r} is none of {', '.join(_TLP)}; RED never leaves"))
    lists: list[tuple[tuple[str | int, ...], tuple[str, ...]]] = [(("fields",), profile.fields)]
    for kind, own in profile.kinds.items():
        lists += [(("kinds", kind, "also"), own.also), (("kinds", kind, "without"), own.without)]
    for path, names in lists:
        for place, name in enumerate(names):
            if name not in PATHS:
                found.append(written.told((*path, place), f"no report has a field {name!r}"))
            elif name.partition(".")[2] in CONTACT and name.startswith("particulars."):
                found.append(written.told((*path, place), f"{name!r} names a person: list it under contact"))
            elif name in names[:place]:
                found.append(written.told((*path, place), f"{name!r} is listed twice"))
            elif path[-1] == "without" and name in WHOLE:
                found.append(written.told((*path, place), f"a report without {name!r} is none"))
    for place, name in enumerate(profile.contact):
        if name not in CONTACT:
            found.append(written.told(("contact", place), f"{name!r} is no contact: {', '.join(sorted(CONTACT))}"))
    for place, name in enumerate(profile.sharing.by):
        if name not in SHARED:
            found.append(written.told(("sharing", "by", place), f"{name!r} is none of {', '.join(SHARED)}"))
    return found


SHARED = ("rule", "technique", "system", "attacker", "hour")
"""What alerts are counted by where they are shared."""

DEFAULT = Profile(
    recipient="*",
    vi="Mọi nơi nhận chưa có hồ sơ riêng",
    en="Every receiver without a profile of his own",
    fields=tuple(sorted(PATHS - WHOLE - {f"particulars.{name}" for name in CONTACT} - {"incident.campaign"})),
    kinds={},
    sharing=Sharing(by=SHARED),
)
"""Where no profile is configured: everything that is not a person's contact, redacted all the same."""
