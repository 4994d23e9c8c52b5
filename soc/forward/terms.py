"""Whom reports go to and by what they are made, beside the incident; who gets a report of one kind, and why somebody gets none, out.

The console previews and the forwarder seals by the same terms, so that both make the same bytes.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from soc.forward.outbox import OVERTAKING
from soc.forward.payload import refused
from soc.forward.profile import DEFAULT, Profile
from soc.model import Approval, Incident
from soc.privacy.inside import NOTHING, Inside
from soc.receiver import Receiver


class Recipient(NamedTuple):
    """Whom reports are sealed for.

    Attributes:
        name: of the receiver, part of a report's id.
        wire: by which wire its reports leave (``soc.forward.wire``).
        accepts_exercises: it takes reports of drills.
        profile: what may leave to it.
    """

    name: str
    wire: str = "https-json"
    accepts_exercises: bool = False
    profile: Profile = DEFAULT


def recipient_of(receiver: Receiver, profile: Profile = DEFAULT) -> Recipient:
    """The recipient that a receiver's settings describe."""
    return Recipient(receiver.name, receiver.binding, receiver.accepts_exercises, profile)


@dataclass(frozen=True, slots=True)
class Terms:
    """By what reports are made: from the policy, the settings and the register.

    Attributes:
        standing: contact fields that are the same in every report.
        second_person: kinds that two people must approve; until the second did, nothing is sealed.
        overtaking: kinds that go past whatever is stuck before them.
        addressees: kind → whom the policy names for it; a kind that is not here may go to anybody.
        inside: what the register says is ours, asked each time.
    """

    standing: Mapping[str, str] = field(default_factory=dict[str, str])
    second_person: Collection[str] = frozenset()
    overtaking: Collection[str] = OVERTAKING
    addressees: Mapping[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])
    inside: Callable[[], Inside] = lambda: NOTHING


def addressees(kind: str, recipients: Sequence[Recipient], terms: Terms) -> tuple[Recipient, ...]:
    """Who may get a kind of report by an automatic channel, in the order of the settings.

    A receiver that the policy knows gets what the policy says; one that it does not know (a mirror, a test) may get everything.
    """
    meant = terms.addressees.get(kind)
    known = set[str]().union(*terms.addressees.values())
    return tuple(one for one in recipients if meant is None or one.name in meant or one.name not in known)


def named(approval: Approval, recipients: Sequence[Recipient], terms: Terms) -> str:
    """Whom an approval means; where it names nobody, the first who may get the kind."""
    return approval.recipient or usual(approval.report_kind, recipients, terms)


def usual(kind: str, recipients: Sequence[Recipient], terms: Terms) -> str:
    """Whom an approval of a kind means that names nobody."""
    return (addressees(kind, recipients, terms) or recipients)[0].name


def refusal(incident: Incident, kind: str, name: str, recipients: Sequence[Recipient], terms: Terms) -> str:
    """Why this recipient gets no report of this kind of this incident, whatever was approved; "" if it may."""
    recipient = next((one for one in recipients if one.name == name), None)
    if recipient is None:
        return f"no receiver is called {name}"
    if recipient not in addressees(kind, recipients, terms):
        meant = ", ".join(terms.addressees.get(kind, ())) or "nobody"
        return f"the policy addresses {kind} to {meant}, not to {name}: deliver it another way and record its number"
    if incident.exercise and not recipient.accepts_exercises:
        return f"the incident is an exercise, and {name} does not accept exercises"
    return refused(incident, recipient.profile)
