"""A system as it is registered in; the fields that a report must have and that nobody filled in, out.

Which fields: forms Mẫu 03 (initial) and Mẫu 04 (closing) of TT 20/2017, which ask for the system's name, level, owner,
operator, purpose, public addresses, domains, operating systems, services and the three kinds of suppliers, and whom to reach.
"""

from collections.abc import Sequence

from soc.assets.entries import Contact, Host, System

FIELDS = (
    "level",
    "purpose",
    "owner",
    "operator",
    "public_addresses",
    "domains",
    "operating_systems",
    "services",
    "hosting_provider",
    "connectivity_provider",
    "security_provider",
    "contacts",
)
"""What the forms ask of the register, in their order; ``SystemHit.missing`` names some of these."""

MAY_BE_NONE: frozenset[str] = frozenset(
    {
        "public_addresses",
        "domains",
        "networks",
        "operating_systems",
        "services",
        "hosting_provider",
        "connectivity_provider",
        "security_provider",
    }
)
"""Where *none* is an answer; every system has a level, a purpose, an owner and an operator."""

BESIDE = ("criticality", "networks")
"""What no form asks for, and without which an alert does not find the system or is not ordered."""


def missing(system: System, hosts: Sequence[Host], contacts: Sequence[Contact]) -> tuple[str, ...]:
    """Names of ``FIELDS`` that are empty.

    Args:
        system: as registered.
        hosts: its hosts, whose operating systems and services count for it.
        contacts: of the system, its operator and its owner; a telephone or an address of mail is needed.
    """
    known = {
        "operating_systems": bool(system.operating_systems) or any(host.operating_system for host in hosts),
        "services": bool(system.services) or any(host.services for host in hosts),
        "contacts": any(contact.phone or contact.email for contact in contacts),
    }
    return tuple(
        name
        for name in FIELDS
        if name not in system.without and not (known[name] if name in known else getattr(system, name))
    )
