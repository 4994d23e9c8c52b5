"""Settings of what surrounds triage: whom to call, what is kept secret, what must be reported, what is proven afterwards."""

from soc.section import Section


class NotifySettings(Section):
    """Messages to people."""


class AuditSettings(Section):
    """The audit chains' heads."""


class IntelSettings(Section):
    """Threat intelligence."""


class PolicySettings(Section):
    """Duties to report."""


class PrivacySettings(Section):
    """Who sees citizens' identifiers."""
