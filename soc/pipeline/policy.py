"""The settings in, the policy in force out: read once at start by whoever needs it."""

from datetime import UTC, datetime
from pathlib import Path

from soc.clock import Micros, to_micros
from soc.duties.fields import FIELDS
from soc.duties.policy import Policy
from soc.errors import SettingsError
from soc.settings import Settings, content_dir


def policy_path(settings: Settings) -> Path:
    """Where the policy in force is: a name without a folder is one that ships with soc, unless there is such a file here."""
    chosen = Path(settings.policy.file)
    shipped = content_dir("deploy") / "policy" / f"{chosen.name}.yaml"
    return shipped if len(chosen.parts) == 1 and not chosen.is_file() and not chosen.suffix else chosen


def load_policy(settings: Settings) -> Policy:
    """The policy in force.

    Raises:
        SettingsError: it cannot be read, or every mistake in it.
    """
    path = policy_path(settings)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = sorted(file.stem for file in (content_dir("deploy") / "policy").glob("*.yaml"))
        raise SettingsError([f"[policy] file: {path} cannot be read: {error}; shipped: {', '.join(known)}"]) from error
    return Policy.parse(text, str(path), settings.policy.particulars)


def since_of(settings: Settings, policy: Policy) -> Micros | None:
    """The first moment of the day from which periodic reports are this installation's; None where nobody said."""
    day = settings.policy.since
    return (
        None if day is None else to_micros(datetime(day.year, day.month, day.day, tzinfo=policy.zone).astimezone(UTC))
    )


def readiness(settings: Settings, policy: Policy) -> list[str]:
    """What of the duties is not ready for use: a line each."""
    lines = [
        f"policy {policy.id}: {id_} was not compared with the law by anybody with authority"
        for id_ in policy.unverified()
    ]
    standing = [name for name, field in FIELDS.items() if field.source == "installation"]
    lines += [
        f"[policy.particulars] {name} is empty: every report asks for it"
        for name in standing
        if not policy.standing.get(name)
    ]
    receivers = {receiver.name: receiver for receiver in settings.forward.all_receivers}
    lines += [
        f"receiver {name!r} is no recipient of {policy.id}: what it takes answers no duty"
        for name in receivers
        if name not in policy.recipients
    ]
    lines += [
        f"{policy.id} counts on an automatic channel to {id_}, and no receiver has that name: name one {id_!r}"
        for id_, recipient in policy.recipients.items()
        if recipient.automatic and id_ not in receivers
    ]
    lines += [
        f"receiver {name!r} accepts exercises, and {policy.id} says that {name} does not"
        for name, receiver in receivers.items()
        if name in policy.recipients and receiver.accepts_exercises and not policy.recipients[name].accepts_exercises
    ]
    if settings.policy.since is None:
        lines.append("[policy] since is not set: periodic reports that were missed are not shown")
    return lines
