"""A system of the register as an incident shows it: a copy of what was known when it was hit."""

import msgspec


class SystemContact(msgspec.Struct, frozen=True):
    """Whom to reach, as a role: persons change, the desk stays. ``of``: key of the system or unit that named it."""

    of: str
    role: str
    name: str = ""
    title: str = ""
    phone: str = ""
    email: str = ""


class SystemHit(msgspec.Struct, frozen=True):
    """One information system that an incident touches, with what a report must say of it (TT 20/2017, form 03).

    Attributes:
        key: of the register. ``name``: for people.
        level: cấp độ 1 to 5; 0 is not known.
        unit: key of the organization that owns it; ``owner``, ``operator``: their names.
        public_addresses, domains: as seen from the Internet; internal addresses are never in here.
        missing: fields of the register that a report needs and that are empty.
        found_by: the entity values (addresses, hosts, domains) by which the register found it.
        contacts: whom to call, the system's own desk first; for people here, never in a report.
    """

    key: str
    name: str
    level: int = 0
    purpose: str = ""
    unit: str = ""
    owner: str = ""
    operator: str = ""
    criticality: str = ""
    public_addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    operating_systems: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    hosting_provider: str = ""
    connectivity_provider: str = ""
    security_provider: str = ""
    missing: tuple[str, ...] = ()
    found_by: tuple[str, ...] = ()
    contacts: tuple[SystemContact, ...] = ()
