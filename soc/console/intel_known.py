"""What pages show of threat intelligence: what is in force, how feeds are, what was hunted for; and which of it somebody may see."""

from collections.abc import Callable
from typing import NamedTuple

from soc.console.auth import User
from soc.desk import FeedSettings
from soc.intel.hunting import Hunts
from soc.intel.indicator import Attempts, Tlp
from soc.intel.matcher import NO_INDICATORS, Indicators
from soc.triage.roles import may


class IntelKnown(NamedTuple):
    """What is known now.

    Attributes:
        listed: what is in force.
        attempts: when feeds were last asked. ``feeds``: those of the settings.
        hunts: what was looked for in the past.
        hunt_days: how far back the installation hunts by itself; 0 = it does not.
    """

    listed: Indicators = NO_INDICATORS
    attempts: Attempts = Attempts()
    hunts: Hunts = Hunts()
    feeds: tuple[FeedSettings, ...] = ()
    hunt_days: float = 0


IntelCall = Callable[[], IntelKnown]


def may_see(user: User | None, tlp: Tlp) -> bool:
    """Whether what a marking protects is shown to somebody of the SOC.

    TLP 2.0: RED is for the persons that its source named, which here are those who answer for intelligence; AMBER+STRICT for those of
    the organization who need it, which here are the people on shift beside them. The rest is for everybody who is signed in.
    """
    if user is None:
        return False
    answers = any(may(role, "import_intelligence") for role in user.roles)
    if tlp == "RED":
        return answers
    return tlp != "AMBER+STRICT" or answers or any(may(role, "note") for role in user.roles)
