"""The register in; what of it must not leave, for the redactor and the scan, out."""

from ipaddress import ip_address, ip_network

from soc.assets.register import Register
from soc.privacy.inside import Address, Inside, Network

PLAIN_WORD = 8
"""From so many letters on a host's name without digits or signs is taken for a name."""


def inside_of(register: Register) -> Inside:
    """What the register says is ours and not shown to the world.

    Hosts' names and addresses and systems' internal networks are inside; a public address or domain is not, even where a host has it.
    A host called by a short plain word (``mail``) is not looked for in texts: there it is the text's word.
    """
    public: set[Address] = set()
    networks: list[tuple[Network, str]] = []
    domains: set[str] = set()
    for system in register.entries.systems:
        public.update(
            net[0] for text in system.public_addresses if (net := ip_network(text, strict=False)).num_addresses == 1
        )
        networks += [(ip_network(text, strict=False), system.key) for text in system.networks]
        domains.update(domain.casefold().strip(".") for domain in system.domains)
    hosts: dict[str, str] = {}
    addresses: dict[Address, str] = {}
    for host in register.entries.hosts:
        key = host.systems[0] if len(host.systems) == 1 else ""
        name = host.name.casefold().rstrip(".")
        short = name.partition(".")[0]
        if name not in domains:
            hosts.update({each: key for each in (name, short) if not each.isalpha() or len(each) >= PLAIN_WORD})
        for text in host.addresses:
            address = ip_address(text)
            if address not in public:
                addresses[address] = key
    return Inside(tuple(networks), hosts, addresses, frozenset(), frozenset(public))
