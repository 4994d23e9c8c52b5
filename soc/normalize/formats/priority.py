"""PRI (RFC 5424 §6.2.1) → the ``log.syslog.*`` fields of each of its 192 values, made once."""

from typing import Any

_FACILITIES = [
    "kernel",
    "user-level",
    "mail",
    "system",
    "security/authorization",
    "syslogd",
    "line-printer",
    "network-news",
    "uucp",
    "clock",
    "security/authorization-private",
    "ftp",
    "ntp",
    "log-audit",
    "log-alert",
    "clock-private",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
]
_SEVERITIES = ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"]


def _fields(value: int) -> dict[str, Any]:
    facility, severity = divmod(value, 8)
    return {
        "log.syslog.priority": value,
        "log.syslog.facility.code": facility,
        "log.syslog.facility.name": _FACILITIES[facility],
        "log.syslog.severity.code": severity,
        "log.syslog.severity.name": _SEVERITIES[severity],
    }


PRIORITIES: dict[str, dict[str, Any]] = {str(value): _fields(value) for value in range(192)}
"""By the digits between ``<`` and ``>``; what is not in it is no PRI."""
