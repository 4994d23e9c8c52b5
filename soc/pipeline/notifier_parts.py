"""The settings in, what the notifier is made of out: how calling is done, and the channels that are set up."""

from collections.abc import Mapping

from soc.calling import NotifySettings
from soc.clock import SECOND, Clock
from soc.errors import SettingsError
from soc.notify.allowance import Limits
from soc.notify.attempts import Channel, Settings
from soc.notify.channels.base import Sender
from soc.notify.channels.command import Command
from soc.notify.channels.smtp import Smtp
from soc.notify.channels.webhook import Webhook
from soc.notify.watching import Patience

SPARE_SECONDS = 1.0
"""Beyond its time-out an attempt is certainly over."""


def calling(settings: NotifySettings) -> Settings:
    """How calling is done."""
    known = {
        "smtp": Channel(settings.smtp.tells, False, _micros(settings.smtp.timeout_seconds + SPARE_SECONDS)),
        "webhook": Channel(settings.webhook.tells, False, _micros(settings.webhook.timeout_seconds + SPARE_SECONDS)),
        "command": Channel(
            settings.command.tells, settings.command.gsm, _micros(settings.command.timeout_seconds + SPARE_SECONDS)
        ),
    }
    return Settings(
        settings.name,
        settings.link,
        Limits(settings.max_messages, _micros(settings.window_seconds), _micros(settings.digest_seconds)),
        settings.attempts,
        _micros(settings.retry_min_seconds),
        _micros(settings.retry_max_seconds),
        settings.parallel,
        {name: channel for name, channel in known.items() if name in settings.channels},
    )


def senders(settings: NotifySettings, clock: Clock) -> Mapping[str, Sender]:
    """The channels that are set up.

    Raises:
        SettingsError: the file of an authority cannot be read.
    """
    made: dict[str, Sender] = {}
    try:
        if "smtp" in settings.channels:
            made["smtp"] = Smtp(settings.smtp, settings.parallel)
        if "webhook" in settings.channels:
            made["webhook"] = Webhook(settings.webhook, clock)
    except OSError as error:
        raise SettingsError([f"[notify] a ca_file of a channel cannot be read: {error.strerror or error}"]) from error
    if "command" in settings.channels:
        made["command"] = Command(settings.command)
    return made


def patience(settings: NotifySettings) -> Patience:
    """How long what is not over by itself may last."""
    return Patience(_micros(settings.uncertain_minutes * 60), _micros(settings.countersign_hours * 3600))


def _micros(seconds: float) -> int:
    return round(seconds * SECOND)
