"""The settings and the policy in; by what reports are made, whom they go to and what each may get, out: read once at start."""

from collections.abc import Callable
from pathlib import Path

from soc.assets.register import EMPTY, Register
from soc.bus.base import Bus
from soc.duties.policy import Policy
from soc.errors import SettingsError
from soc.forward.inside import inside_of
from soc.forward.profile import Profile
from soc.forward.terms import Recipient, Terms, recipient_of
from soc.pipeline.context import Contexts, Known
from soc.pipeline.policy import load_policy
from soc.privacy.inside import NOTHING, Inside
from soc.receiver import Receiver
from soc.settings import Settings, content_dir


def profile_path(receiver: Receiver) -> Path:
    """Where a receiver's profile is: a name without a folder is one that ships with soc, unless there is such a file here."""
    chosen = Path(receiver.profile)
    shipped = content_dir("deploy") / "policy" / "recipients" / f"{chosen.name}.yaml"
    return shipped if len(chosen.parts) == 1 and not chosen.is_file() and not chosen.suffix else chosen


def load_profile(receiver: Receiver) -> Profile:
    """What may leave to a receiver.

    Raises:
        SettingsError: there is no such profile, or every mistake in it.
    """
    path = profile_path(receiver)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = sorted(file.stem for file in (content_dir("deploy") / "policy" / "recipients").glob("*.yaml"))
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        missing = f"receiver {receiver.name}: profile {receiver.profile!r}: {path} cannot be read: {reason}"
        advice = f"without a profile nothing may leave to it. Shipped: {', '.join(known)}; or the path of your own"
        raise SettingsError([f"{missing}; {advice}"]) from error
    return Profile.parse(text, str(path))


def load_profiles(settings: Settings) -> dict[str, Profile]:
    """Receiver → what may leave to it.

    Raises:
        SettingsError: the mistakes of all of them.
    """
    found: dict[str, Profile] = {}
    mistakes: list[str] = []
    for receiver in settings.forward.all_receivers:
        try:
            found[receiver.name] = load_profile(receiver)
        except SettingsError as error:
            mistakes += error.mistakes
    if mistakes:
        raise SettingsError(mistakes)
    return found


def load_recipients(settings: Settings) -> list[Recipient]:
    """Every receiver as reports are made for it, in the order of the settings.

    Raises:
        SettingsError: a profile cannot be used.
    """
    profiles = load_profiles(settings)
    return [recipient_of(receiver, profiles[receiver.name]) for receiver in settings.forward.all_receivers]


async def terms_now(settings: Settings, bus: Bus) -> Terms:
    """By what reports are made, with the register as it is published now.

    Raises:
        SettingsError: the policy cannot be used.
        UnavailableError: the brokers are away.
    """
    contexts = Contexts(bus)
    await contexts.catch_up()
    return terms_of(settings, load_policy(settings), Known(contexts, "register", Register.decode, EMPTY))


def terms_of(settings: Settings, policy: Policy, register: Callable[[], Register]) -> Terms:
    """By what reports are made.

    Args:
        settings: of the installation.
        policy: in force.
        register: gives the one in force.
    """
    kinds = policy.kinds()
    return Terms(
        standing=settings.policy.particulars,
        second_person=frozenset(kind for kind in kinds if policy.second_person(kind)),
        overtaking=frozenset(kind for kind in kinds if policy.overtakes(kind)),
        addressees={kind: policy.recipients_of(kind) for kind in kinds},
        inside=_Inside(register),
    )


class _Inside:
    """What the register in force says is ours, worked out once a register."""

    def __init__(self, register: Callable[[], Register]) -> None:
        self._register = register
        self._of: Register | None = None
        self._inside = NOTHING

    def __call__(self) -> Inside:
        register = self._register()
        if register is not self._of:
            self._of, self._inside = register, inside_of(register)
        return self._inside
