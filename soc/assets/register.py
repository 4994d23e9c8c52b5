"""The register as what is asked of it: an address, host, user or domain in, the systems it belongs to out, in constant time.

    register.yaml ──► Entries ──► Register.encode ──► soc.context ──► Register.decode ──► triage, console, engine

A value is looked up by what its field names: an address among hosts, then in the longest network that holds it; a host by its
name; a user among the service accounts; a domain among the domains and what is below them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

from soc.assets.entries import CRITICALITY, SHARED, Contact, Entries, Host, LogSource, System
from soc.assets.gaps import missing
from soc.assets.packing import pack, unpack
from soc.assets.units import Organizations
from soc.clock import Micros
from soc.model import SystemHit
from soc.model.system import SystemContact

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def address_of(text: str) -> Address | None:
    """An address as it is compared (an IPv4 one in IPv6 clothes is IPv4), None for what is none."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


class Networks:
    """Networks with what each stands for; asked for an address, the longest prefix answers."""

    def __init__(self, networks: Iterable[tuple[Network, str]]) -> None:
        self._by_length: dict[int, dict[int, dict[int, tuple[str, ...]]]] = {4: {}, 6: {}}
        for network, key in networks:
            shift = network.max_prefixlen - network.prefixlen
            known = self._by_length[network.version].setdefault(shift, {})
            number = int(network.network_address) >> shift
            known[number] = tuple(dict.fromkeys((*known.get(number, ()), key)))
        self._shifts = {version: sorted(found) for version, found in self._by_length.items()}

    def longest(self, address: Address) -> tuple[str, ...]:
        """What the longest network that holds the address stands for; at most one look per prefix length in use."""
        number, lengths = int(address), self._by_length[address.version]
        for shift in self._shifts[address.version]:
            if found := lengths[shift].get(number >> shift):
                return found
        return ()


class Register:
    """Immutable; made once a publication."""

    def __init__(self, entries: Entries) -> None:
        self.entries = entries
        self.units = Organizations(entries.units, entries.timezone)
        self._systems: Mapping[str, System] = {system.key: system for system in entries.systems}
        self._hosts_of: dict[str, list[Host]] = {}
        self._by_address: dict[Address, Host] = {}
        self._by_name: dict[str, Host | None] = {}
        self._sources_of: dict[str, list[LogSource]] = {}
        self._contacts_of: dict[str, list[Contact]] = {}
        for host in entries.hosts:
            for key in host.systems:
                self._hosts_of.setdefault(key, []).append(host)
            for text in host.addresses:
                if (address := address_of(text)) is not None:
                    self._by_address[address] = host
        for source in entries.log_sources:
            self._sources_of.setdefault(source.system, []).append(source)
        for contact in entries.contacts:
            self._contacts_of.setdefault(contact.of, []).append(contact)
        self._name_hosts()
        self._by_domain: dict[str, tuple[str, ...]] = {}
        self._by_account: dict[str, tuple[str, ...]] = {}
        self._public: dict[str, set[str]] = {}
        self._networks = Networks(self._every_network())
        self._hits: dict[str, SystemHit] = {system.key: self._hit(system) for system in entries.systems}
        self._order = {key: rank for rank, key in enumerate(sorted(self._systems, key=self._rank))}

    @classmethod
    def decode(cls, data: bytes) -> "Register":
        """From a publication.

        Raises:
            RecordError: the bytes are no register.
        """
        return cls(unpack("register", data, Entries))

    def encode(self) -> bytes:
        """For a publication: 5,000 hosts are about 100 kB."""
        return pack(self.entries)

    # --- what is asked by value

    def find(self, entities: Iterable[tuple[str, str]], at: Micros | None = None) -> tuple[SystemHit, ...]:
        """The systems that values belong to, the most critical first, each once.

        Args:
            entities: (field, value): ``("source.ip", "192.0.2.7")``. Fields that name no address, host, user or domain find nothing.
            at: when; the organizations are then those that answer at that time. None: as registered.
        """
        found: dict[str, dict[str, None]] = {}
        for field, value in entities:
            for key in self.keys_of(field, value):
                found.setdefault(key, {})[value] = None
        return tuple(
            msgspec.structs.replace(self._dated(self._hits[key], at), found_by=tuple(found[key])[:MAX_FOUND_BY])
            for key in sorted(found, key=self._order.__getitem__)
        )

    def keys_of(self, field: str, value: str) -> tuple[str, ...]:
        """Keys of the systems that one value belongs to.

        Args:
            field: ``….ip``, ``host.name``, ``user.name``, ``url.domain`` …; what it ends with decides.
            value: as logged.
        """
        if field.endswith((".ip", ".address")) and (address := address_of(value)) is not None:
            return self._known(self._keys_of_address(address))
        if field.endswith((".domain", ".question.name", ".registered_domain", ".fqdn")):
            return self._known(self._keys_of_domain(value))
        if field.startswith("host.") or field.endswith((".hostname", ".address")):
            host = self.host(value)
            return self._known(host.systems if host is not None else self._keys_of_domain(value))
        if field.startswith("user.") or ".user." in field:
            return self._known(self._keys_of_user(value))
        return ()

    def host(self, value: str) -> Host | None:
        """The host with this name (full, or the first label where only one has it) or address."""
        name = value.strip().rstrip(".").casefold()
        host = self._by_name.get(name) or self._by_name.get(name.partition(".")[0])
        if host is None and (address := address_of(value)) is not None:
            host = self._by_address.get(address)
        return host

    def is_shared(self, value: str) -> bool:
        """Whether everybody's traffic passes through this address or host.

        Declared: a host with a role in ``SHARED``. Known: a public address under which several systems are published.
        """
        address = address_of(value)
        host = self.host(value) if address is None else self._by_address.get(address)
        if host is not None and not SHARED.isdisjoint(host.roles):
            return True
        return address is not None and len(self._public.get(str(address), ())) > 1

    # --- what is asked by key

    def system(self, key: str) -> System | None:
        """A system."""
        return self._systems.get(key)

    def hit(self, key: str, at: Micros | None = None) -> SystemHit | None:
        """A system as an incident shows it."""
        return self._dated(self._hits[key], at) if key in self._hits else None

    def systems(self) -> tuple[System, ...]:
        """Every system, the most critical first."""
        return tuple(sorted(self.entries.systems, key=lambda system: self._order[system.key]))

    def hosts_of(self, key: str) -> Sequence[Host]:
        """The hosts that serve a system."""
        return self._hosts_of.get(key, ())

    def sources_of(self, key: str) -> Sequence[LogSource]:
        """The log sources that a system is expected to have."""
        return self._sources_of.get(key, ())

    def contacts_of(self, key: str) -> Sequence[Contact]:
        """Whom to reach: the system's own contacts, then its operator's, then its owner's; of a unit, its own."""
        system = self._systems.get(key)
        keys = dict.fromkeys((key, system.operator, system.owner) if system is not None else (key,))
        return [contact for one in keys for contact in self._contacts_of.get(one, ())]

    def units_of(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Keys of the units that own these systems, each once, in order."""
        owners = (self._systems[key].owner for key in keys if key in self._systems)
        return tuple(dict.fromkeys(owner for owner in owners if owner))

    def under(self, unit: str) -> frozenset[str]:
        """What a person scoped to this unit may see; see ``Organizations.under``."""
        return self.units.under(unit)

    def unit_name(self, key: str, at: Micros) -> str:
        """The name of who answers for a unit at a time; the key itself where the register has no such unit."""
        unit = self.units.at(key, at)
        return unit.name if unit is not None else key

    @cached_property
    def sources(self) -> Mapping[str, tuple[LogSource, ...]]:
        """Every expected log source by name, with the systems that expect it."""
        found: dict[str, tuple[LogSource, ...]] = {}
        for source in self.entries.log_sources:
            found[source.source] = (*found.get(source.source, ()), source)
        return found

    # --- how it is made

    def _name_hosts(self) -> None:
        for host in self.entries.hosts:
            self._by_name[host.name.casefold()] = host
        short: dict[str, Host | None] = {}
        for host in self.entries.hosts:
            label, dot, _ = host.name.casefold().partition(".")
            if dot:
                short[label] = None if label in short else host  # two hosts of one label: the label names neither
        for label, host in short.items():
            self._by_name.setdefault(label, host)

    def _every_network(self) -> Iterable[tuple[Network, str]]:
        for system in self.entries.systems:
            for text in (*system.networks, *system.public_addresses):
                try:
                    yield ip_network(text, strict=False), system.key
                except ValueError:
                    continue  # checked where it was typed; a publication by another version may hold more
            for text in system.public_addresses:
                self._public.setdefault(text, set()).add(system.key)
            for domain in system.domains:
                name = domain.casefold()
                self._by_domain[name] = (*self._by_domain.get(name, ()), system.key)
            for account in system.accounts:
                name = account.casefold()
                self._by_account[name] = (*self._by_account.get(name, ()), system.key)

    def _keys_of_address(self, address: Address) -> tuple[str, ...]:
        host = self._by_address.get(address)
        if host is None:
            return self._networks.longest(address)
        return (*host.systems, *(key for key in self._public.get(str(address), ()) if key not in host.systems))

    def _keys_of_domain(self, value: str) -> tuple[str, ...]:
        name = value.strip().rstrip(".").casefold()
        while "." in name:
            if found := self._by_domain.get(name):
                return found
            name = name.partition(".")[2]
        return ()

    def _keys_of_user(self, value: str) -> tuple[str, ...]:
        name = bare_user(value)
        if found := self._by_account.get(name):
            return found
        host = self.host(name[:-1]) if name.endswith("$") else None  # a machine account is its machine
        return host.systems if host is not None else ()

    def _known(self, keys: Iterable[str]) -> tuple[str, ...]:
        return tuple(key for key in keys if key in self._systems)

    def _rank(self, key: str) -> tuple[int, int, str]:
        system = self._systems[key]
        return -CRITICALITY.index(system.criticality), -system.level, key

    def _hit(self, system: System) -> SystemHit:
        hosts = self.hosts_of(system.key)
        systems = dict.fromkeys((*system.operating_systems, *(h.operating_system for h in hosts if h.operating_system)))
        services = dict.fromkeys((*system.services, *(service for host in hosts for service in host.services)))
        owner, operator = self.units.get(system.owner), self.units.get(system.operator)
        return SystemHit(
            key=system.key,
            name=system.name,
            level=system.level,
            purpose=system.purpose,
            unit=system.owner,
            owner=owner.name if owner is not None else system.owner,
            operator=operator.name if operator is not None else system.operator,
            criticality=system.criticality,
            public_addresses=system.public_addresses,
            domains=system.domains,
            operating_systems=tuple(systems)[:MAX_NAMED],
            services=tuple(services)[:MAX_NAMED],
            hosting_provider=system.hosting_provider,
            connectivity_provider=system.connectivity_provider,
            security_provider=system.security_provider,
            missing=missing(system, hosts, self.contacts_of(system.key)),
            contacts=tuple(
                SystemContact(one.of, one.role, one.name, one.title, one.phone, one.email)
                for one in self.contacts_of(system.key)[:MAX_CONTACTS]
            ),
        )

    def _dated(self, hit: SystemHit, at: Micros | None) -> SystemHit:
        if at is None or not hit.unit:
            return hit
        operator = self._systems[hit.key].operator
        owner = self.units.at(hit.unit, at)
        if owner is None:
            return hit
        return msgspec.structs.replace(
            hit, unit=owner.key, owner=owner.name, operator=self.unit_name(operator, at) if operator else hit.operator
        )


MAX_NAMED = 30
"""Operating systems or services that a report names of one system; the register's page has all."""


MAX_CONTACTS = 6
"""Of a system in an incident; the register's page has all."""

MAX_FOUND_BY = 50
"""Values that a hit names of those it was found by: a scan touches thousands."""


def bare_user(value: str) -> str:
    r"""A user's name without its domain: ``DC\lan``, ``lan@tayninh.example`` and ``LAN`` are ``lan``."""
    return value.strip().rpartition("\\")[2].partition("@")[0].casefold()


EMPTY = Register(Entries())
"""While nothing is published."""
