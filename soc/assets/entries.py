"""What the register holds, as plain values: organizations, systems, hosts, expected log sources, contacts.

Empty text, 0 and an empty tuple mean *not known*. That something does not exist (a system without a public address) is
knowledge of its own: ``System.without``.
"""

from typing import Literal, get_args

import msgspec

Criticality = Literal["", "low", "medium", "high", "critical"]
CRITICALITY: tuple[Criticality, ...] = get_args(Criticality)
"""From not known to the gravest."""

Role = Literal[
    "application",
    "camera",
    "database",
    "dns",
    "domain_controller",
    "firewall",
    "gateway",
    "hypervisor",
    "load_balancer",
    "mail",
    "nat",
    "network",
    "proxy",
    "server",
    "storage",
    "web",
    "workstation",
]
ROLES: tuple[Role, ...] = get_args(Role)
SHARED: frozenset[str] = frozenset({"domain_controller", "gateway", "load_balancer", "nat", "proxy"})
"""What everybody's traffic passes through: that two alerts have such an address in common says nothing."""


class Unit(msgspec.Struct, frozen=True):
    """One organization, as it was called from a day on until another.

    Attributes:
        key: for files and links; never changes.
        parent: key of the unit it belongs to, "" at the top.
        aliases: other names that files and people use for it, also those of the past.
        valid_from, valid_to: first and last day of its existence as ``YYYY-MM-DD``; "" is open.
        successors: keys of the units that took over; several where it was split.
    """

    key: str
    name: str
    parent: str = ""
    aliases: tuple[str, ...] = ()
    valid_from: str = ""
    valid_to: str = ""
    successors: tuple[str, ...] = ()


class System(msgspec.Struct, frozen=True):
    """One information system, with what a report must say of it (TT 20/2017, form 03).

    Attributes:
        level: cấp độ 1 to 5; 0 is not known.
        owner, operator: keys of units: chủ quản, đơn vị vận hành.
        hosting_provider, connectivity_provider, security_provider: who supplies it, by name.
        public_addresses, domains: as seen from the Internet; a domain stands for what is below it too.
        networks: internal CIDR; an address belongs to the longest one that holds it.
        operating_systems, services: with versions; those of its hosts are added in reports.
        accounts: service accounts, by which a log line names the system.
        without: fields that do not apply: the form says *none*, and nobody is asked to fill them in.
    """

    key: str
    name: str
    level: int = 0
    purpose: str = ""
    owner: str = ""
    operator: str = ""
    criticality: Criticality = ""
    hosting_provider: str = ""
    connectivity_provider: str = ""
    security_provider: str = ""
    public_addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    operating_systems: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    note: str = ""
    without: tuple[str, ...] = ()


class Host(msgspec.Struct, frozen=True):
    """One machine or device.

    Attributes:
        name: unique in the register; a log's short name finds it by the first label too.
        systems: keys of the systems it serves; a hypervisor serves several.
        addresses: each belongs to one host only.
        operating_system, services: with versions.
        roles: what it is for; those in ``SHARED`` keep alerts from joining by it alone.
    """

    name: str
    systems: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    operating_system: str = ""
    services: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    note: str = ""


class LogSource(msgspec.Struct, frozen=True):
    """A log that a system is expected to send.

    Attributes:
        source: as `soc sources` lists it: the listener's source, else the sender's address.
        kind: what it is: ``firewall``, ``web``, ``auth`` …; for people.
        every: the longest silence that is in order, in seconds; 0: the rhythm that was learned decides.
    """

    system: str
    source: str
    kind: str = ""
    every: int = 0


class Contact(msgspec.Struct, frozen=True):
    """Whom to reach for a system or a unit, as a role: persons change, the desk stays.

    Attributes:
        of: key of a system or a unit.
        role: ``technical``, ``duty desk``, ``leader`` …; for people.
    """

    of: str
    role: str
    name: str = ""
    title: str = ""
    phone: str = ""
    email: str = ""


class Entries(msgspec.Struct, frozen=True):
    """The whole register.

    Attributes:
        timezone: IANA zone whose days ``valid_from`` and ``valid_to`` are.
    """

    units: tuple[Unit, ...] = ()
    systems: tuple[System, ...] = ()
    hosts: tuple[Host, ...] = ()
    log_sources: tuple[LogSource, ...] = ()
    contacts: tuple[Contact, ...] = ()
    timezone: str = "UTC"
