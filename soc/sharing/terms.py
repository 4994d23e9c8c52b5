"""The settings of one receiver of alert sharing in, what is agreed with it out: what it may get, by which wire, how much may wait."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from soc.clock import SECOND
from soc.errors import SettingsError
from soc.forward.outbox import Backoff
from soc.forward.profile import Profile
from soc.settings import content_dir
from soc.sharing.summary import TLP
from soc.sharing_receiver import LEVELS, SharingReceiver

ACKNOWLEDGES: Mapping[str, bool] = {"syslog-tls": False, "https-json": True, "taxii21": True}
"""Whether a wire knows acknowledgements. Syslog has none (RFC 5424, RFC 5425): there the daily count tells."""


class Terms(NamedTuple):
    """What is agreed with one receiver.

    Attributes:
        wire: by which its records leave.
        levels: severities that it gets.
        batch: summaries in one sending.
        backlog: bytes of sealed records that may wait; beyond it windows grow longer.
        data_id: of the structured data of syslog.
    """

    name: str
    wire: str
    profile: Profile
    levels: frozenset[str]
    batch: int
    backlog: int
    data_id: str
    backoff: Backoff

    @property
    def acknowledges(self) -> bool:
        """Whether it can say what it has."""
        return ACKNOWLEDGES[self.wire]


def terms_of(receiver: SharingReceiver, profile: Profile) -> Terms:
    """What the settings of a receiver say.

    Raises:
        SettingsError: its profile lets no alert data leave.
    """
    where = f"sharing.receivers {receiver.name!r}: profile {receiver.profile!r}"
    if not profile.sharing.by:
        raise SettingsError([f"{where} lists nothing under sharing.by: nothing may be shared with it"])
    if not profile.may_travel(TLP):
        raise SettingsError([f"{where} has max_tlp {profile.max_tlp}: summaries are TLP:{TLP}"])
    return Terms(
        receiver.name,
        receiver.binding,
        profile,
        frozenset(LEVELS[LEVELS.index(receiver.min_level) :]),
        receiver.batch,
        receiver.backlog_bytes,
        receiver.structured_data_id,
        Backoff(round(receiver.retry_min_seconds * SECOND), round(receiver.retry_max_seconds * SECOND)),
    )


def read_profile(name: str) -> Profile:
    """A profile that ships with soc, by its name, or the file at a path.

    Raises:
        SettingsError: there is none, or it has mistakes.
    """
    shipped = content_dir("deploy") / "policy" / "recipients" / f"{name}.yaml"
    path = Path(name) if "/" in name else shipped
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"sharing: profile {name!r}: {path} cannot be read: {error}"]) from error
    return Profile.parse(text, str(path))
