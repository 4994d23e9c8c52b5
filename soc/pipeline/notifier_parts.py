"""The settings in, what the notifier is made of out: how calling is done, and the channels that are set up."""

from collections.abc import Mapping

from soc.clock import SECOND, Clock
from soc.notify.allowance import Limits
from soc.notify.caller import Channel, Settings
from soc.notify.channels.base import Sender
from soc.notify.channels.command import Command
from soc.notify.channels.smtp import Smtp
from soc.notify.channels.webhook import Webhook
from soc.notify.settings import CallingSettings

SPARE_SECONDS = 1.0
"""Beyond its time-out an attempt is certainly over."""


def calling(settings: CallingSettings) -> Settings:
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


def senders(settings: CallingSettings, clock: Clock) -> Mapping[str, Sender]:
    """The channels that are set up."""
    made: dict[str, Sender] = {}
    if "smtp" in settings.channels:
        made["smtp"] = Smtp(settings.smtp, settings.parallel)
    if "webhook" in settings.channels:
        made["webhook"] = Webhook(settings.webhook, clock)
    if "command" in settings.channels:
        made["command"] = Command(settings.command)
    return made


def _micros(seconds: float) -> int:
    return round(seconds * SECOND)
