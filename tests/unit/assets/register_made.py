"""Registers for tests: an invented province, and any register at all for property tests."""

import string
from collections.abc import Sequence

from hypothesis import strategies as st

from soc.assets.check import Checked
from soc.assets.entries import CRITICALITY, ROLES, Contact, Entries, Host, LogSource, System, Unit
from soc.assets.gaps import MAY_BE_NONE
from soc.assets.reading import read
from soc.assets.tables import TABLES

ZONE = "Asia/Ho_Chi_Minh"


def reading(*files: tuple[str, str], before: Entries | None = None) -> Checked:
    """Read texts as files."""
    return read([(name, text.encode()) for name, text in files], before or Entries(), timezone=ZONE)


def mistakes(*files: tuple[str, str], before: Entries | None = None) -> list[str]:
    """The mistakes of texts, one line each; nothing was taken if there are any."""
    found = reading(*files, before=before)
    assert (found.entries is None) == bool(found.mistakes)
    return [str(one) for one in found.mistakes]


def entries(*files: tuple[str, str], before: Entries | None = None) -> Entries:
    """What texts without mistakes say."""
    found = reading(*files, before=before)
    assert found.mistakes == ()
    assert found.entries is not None
    return found.entries


_letters = st.sampled_from("abcđeghikxyZÂĐ019 .,:/&()'\"=-+@#–“”\n")
_text = st.text(_letters, min_size=1, max_size=14).map(str.strip).filter(lambda t: t and t not in {"-", "–", "—", "?"})
_word = st.text(string.ascii_lowercase, min_size=1, max_size=6)
_item = _text.map(lambda t: t.replace("\n", " "))
_ipv4 = st.ip_addresses(v=4, network="10.0.0.0/8").map(str)
_ipv6 = st.ip_addresses(v=6, network="2001:db8::/32").map(str)
_day = st.dates().map(lambda d: d.isoformat()).filter(lambda d: len(d) == 10)
_domain = st.lists(_word, min_size=2, max_size=3).map(".".join)


def _many(items: st.SearchStrategy[str], most: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(items, max_size=most, unique=True).map(tuple)


@st.composite
def registers(draw: st.DrawFn) -> Entries:
    """Any register without mistakes."""
    unit_keys = draw(st.lists(_word, max_size=4, unique=True))
    units: list[Unit] = []
    for number, key in enumerate(f"u-{key}" for key in unit_keys):
        begin, end = sorted((draw(_day), draw(_day)))
        later = [f"u-{key}" for key in unit_keys[number + 1 :]]
        successors = draw(st.lists(st.sampled_from(later), unique=True).map(tuple)) if later else ()
        parent = units[draw(st.integers(0, number - 1))].key if number and draw(st.booleans()) else ""
        units.append(Unit(key, draw(_text), parent, draw(_many(_item)), begin, end if successors else "", successors))
    names = [unit.key for unit in units]
    chosen = draw(st.lists(_word, max_size=3, unique=True))
    systems = [_system(draw, number, key, names) for number, key in enumerate(chosen)]
    keys = [system.key for system in systems]
    if not keys:
        return Entries(tuple(units), timezone=ZONE)
    addresses = draw(st.lists(st.one_of(_ipv4, _ipv6), max_size=6, unique=True))
    hosts = [
        Host(
            name,
            draw(st.lists(st.sampled_from(keys), min_size=1, unique=True).map(tuple)),
            tuple(addresses[number::3]),
            draw(st.one_of(st.just(""), _text)),
            draw(_many(_item)),
            draw(_many(st.sampled_from(ROLES))),
            draw(st.one_of(st.just(""), _text)),
        )
        for number, name in enumerate(draw(st.lists(_word, max_size=3, unique=True)))
    ]
    sources = [
        LogSource(draw(st.sampled_from(keys)), source, draw(st.one_of(st.just(""), _text)), draw(st.integers(0, 10**6)))
        for source in draw(st.lists(_item, max_size=3, unique=True))
    ]
    contacts = [
        Contact(
            draw(st.sampled_from([*keys, *(unit.key for unit in units)])),
            draw(_text),
            draw(_text),
            phone="+84 276 000 000",
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    return Entries(tuple(units), tuple(systems), tuple(hosts), tuple(sources), tuple(contacts), ZONE)


def _system(draw: st.DrawFn, number: int, key: str, units: Sequence[str]) -> System:
    without = draw(st.sets(st.sampled_from(sorted(MAY_BE_NONE))))
    owner = st.sampled_from(["", *units])
    values = {
        "level": draw(st.integers(0, 5)),
        "purpose": draw(st.one_of(st.just(""), _text)),
        "owner": draw(owner),
        "operator": draw(owner),
        "criticality": draw(st.sampled_from(CRITICALITY)),
        "hosting_provider": draw(st.one_of(st.just(""), _text)),
        "public_addresses": draw(_many(st.one_of(_ipv4, _ipv6))),
        "domains": draw(_many(_domain)),
        "networks": draw(st.sampled_from([(), (f"172.16.{number}.0/24",)])),
        "operating_systems": draw(_many(_item)),
        "services": draw(_many(_item)),
        "accounts": draw(_many(_word)),
        "note": draw(st.one_of(st.just(""), _text)),
    }
    known = {name: value for name, value in values.items() if name not in without}
    return System(key, draw(_text), **known, without=tuple(name for name in TABLES["systems"] if name in without))
