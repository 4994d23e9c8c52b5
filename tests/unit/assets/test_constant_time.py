"""A register of 5,000 hosts answers as fast as one of 50: the ratio of two in one run, so that no machine decides."""

import time

from soc.assets.entries import Entries, Host, System
from soc.assets.register import Register


def _register(hosts: int) -> Register:
    systems = tuple(
        System(f"s{n}", f"System {n}", networks=(f"10.{n}.0.0/16",), domains=(f"s{n}.example",)) for n in range(20)
    )
    some = tuple(
        Host(f"h{n}.internal.example", (f"s{n % 20}",), (f"10.{n % 20}.{n // 250}.{n % 250 + 1}",))
        for n in range(hosts)
    )
    return Register(Entries(systems=systems, hosts=some))


def _seconds(register: Register) -> float:
    entities = [
        ("source.ip", "10.3.0.4"),
        ("destination.ip", "203.0.113.9"),
        ("host.name", "h7"),
        ("url.domain", "www.s3.example"),
        ("user.name", "nobody"),
    ]
    best = float("inf")
    for _ in range(7):
        began = time.perf_counter()
        for _ in range(300):
            register.find(entities)
        best = min(best, time.perf_counter() - began)
    return best


def test_a_hundred_times_the_hosts_take_no_longer():
    small, large = _register(50), _register(5_000)
    assert len(large.entries.hosts) == 5_000
    assert _seconds(large) < 4 * _seconds(small)
