"""The settings of alert sharing in, what a sharer is made of out: the rules for all, and each receiver with its terms and wire."""

from zoneinfo import ZoneInfo

from soc.clock import DAY, SECOND
from soc.errors import SettingsError
from soc.forward.payload import canonical
from soc.privacy.inside import NOTHING
from soc.settings import Settings
from soc.sharing.bindings.base import Binding
from soc.sharing.bindings.https_json import HttpsJson
from soc.sharing.bindings.syslog_tls import SyslogTls
from soc.sharing.bindings.taxii21 import Taxii
from soc.sharing.sealer import Rules
from soc.sharing.sharer import Destination
from soc.sharing.summary import leaking
from soc.sharing.terms import Terms, read_profile, terms_of
from soc.sharing_receiver import SharingReceiver

SPARE_SECONDS = 1.0
"""Beyond its time-outs an attempt has certainly begun or never will."""


def rules_of(settings: Settings) -> Rules:
    """What holds for every receiver.

    Raises:
        SettingsError: the organization's name itself must not leave.
    """
    sharing, organization = settings.sharing, settings.forward.organization
    if hits := leaking(canonical({"organization": organization}), NOTHING):
        kinds = ", ".join(hit.kind for hit in hits)
        raise SettingsError([f"forward.organization: no summary may leave under this name: it looks like {kinds}"])
    return Rules(
        organization,
        round(sharing.window_seconds * SECOND),
        sharing.max_rows,
        round(sharing.remember_days * DAY),
        sharing.keep_days,
        ZoneInfo(settings.timezone).key,
    )


def all_terms(settings: Settings) -> dict[str, Terms]:
    """What is agreed with each receiver that the settings name.

    Raises:
        SettingsError: with every mistake in their profiles.
    """
    found: dict[str, Terms] = {}
    mistakes: list[str] = []
    for receiver in settings.sharing.receivers:
        try:
            found[receiver.name] = terms_of(receiver, read_profile(receiver.profile))
        except SettingsError as error:
            mistakes += error.mistakes
    if mistakes:
        raise SettingsError(mistakes)
    return found


def destinations(settings: Settings) -> list[Destination]:
    """Every receiver with its wire.

    Raises:
        SettingsError: with every mistake in their profiles.
    """
    terms = all_terms(settings)
    return [
        Destination(terms[receiver.name], open_binding(receiver), receiver.timeout_seconds + SPARE_SECONDS)
        for receiver in settings.sharing.receivers
    ]


def open_binding(receiver: SharingReceiver) -> Binding:
    """The wire that a receiver's settings name; nothing is connected yet."""
    match receiver.binding:
        case "syslog-tls":
            return SyslogTls(receiver)
        case "taxii21":
            return Taxii(receiver)
        case "https-json":
            return HttpsJson(receiver)
