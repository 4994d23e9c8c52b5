"""The register and what was heard of each source in; what a report would lack today and which logs do not come, out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from soc.assets.gaps import BESIDE
from soc.assets.register import Register
from soc.clock import SECOND, Micros, to_iso
from soc.pipeline.source_report import SourceReport

Kind = Literal[
    "no_register", "field_missing", "unit_ended", "no_log_source", "source_never", "source_silent", "not_found"
]


class Gap(msgspec.Struct, frozen=True):
    """One thing to put right.

    Attributes:
        system: key; "" for the register as a whole. ``name``: of the system, for people.
        what: ``field_missing``: a form of the report asks for it, and it is empty; ``not_found``: no address, host or domain leads
            to the system, so no alert finds it; ``unit_ended``: its owner or operator no longer exists.
        detail: the field, the log source, the unit; and what is known of it.
    """

    system: str
    name: str
    what: Kind
    detail: str


def gaps(register: Register, reports: Iterable[SourceReport], now: Micros) -> list[Gap]:
    """Everything that is missing, system by system, the most critical first.

    Args:
        register: as published.
        reports: of every source that was ever heard.
        now: the time.
    """
    if not register.entries.systems:
        return [Gap("", "", "no_register", "no system is registered: `soc assets import` publishes a register")]
    heard = {report.source: report for report in reports}
    found: list[Gap] = []
    for system in register.systems():
        hit = register.hit(system.key)
        fields = [*(hit.missing if hit is not None else ())]
        fields += [name for name in BESIDE if name not in system.without and not getattr(system, name)]
        found += [Gap(system.key, system.name, "field_missing", name) for name in fields]
        if not (system.networks or system.public_addresses or system.domains or register.hosts_of(system.key)):
            reason = "no network, public address, domain or host leads to it: no alert will name it"
            found.append(Gap(system.key, system.name, "not_found", reason))
        for role, key in (("owner", system.owner), ("operator", system.operator)):
            found += _ended(register, (system.key, system.name), role, key, now)
        found += _sources(register, system.key, system.name, heard, now)
    return found


def _ended(register: Register, system: tuple[str, str], role: str, key: str, now: Micros) -> Iterator[Gap]:
    unit = register.units.get(key)
    if unit is not None and unit.valid_to and not register.units.exists(key, now):
        after = ", ".join(unit.successors) or "nobody"
        yield Gap(*system, "unit_ended", f"{role} {key} ended on {unit.valid_to}; successor: {after}")


def _sources(register: Register, key: str, name: str, heard: Mapping[str, SourceReport], now: Micros) -> Iterator[Gap]:
    expected = register.sources_of(key)
    if not expected:
        yield Gap(key, name, "no_log_source", "no log source is expected of it: say which, and how often")
    for source in expected:
        report = heard.get(source.source)
        if report is None:
            yield Gap(key, name, "source_never", f"{source.source} was never heard")
            continue
        silent = (now - report.last) // SECOND
        # A minute is what its last line is known by. Without a rhythm of its own the learned one decides.
        late = silent > source.every + 60 if source.every else report.silent_seconds is not None
        if late:
            yield Gap(key, name, "source_silent", f"{source.source} last heard {to_iso(report.last)}, {silent} s ago")
