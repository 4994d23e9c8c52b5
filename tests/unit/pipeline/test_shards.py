"""Shards of a heavy source: spread over different partitions, the same on every host, nothing to pay where none is wanted."""

from collections import Counter

import pytest

from soc.bus.base import partition_of
from soc.clock import SECOND
from soc.model import RawRecord
from soc.normalize.normalizer import Normalizer
from soc.pipeline.shards import Shards, shard_keys
from soc.settings import SourceProfile

HEAVY = SourceProfile(name="heavy", shards=3)
BY_ADDRESS = SourceProfile(name="by-address", addresses=("192.0.2.0/24",), shards=2)
PLAIN = SourceProfile(name="plain")


def shards(*profiles: SourceProfile, partitions: int = 8) -> Shards:
    normalizer = Normalizer(profiles, timezone="UTC", lateness=600 * SECOND, future_skew=5 * SECOND)
    return Shards(normalizer.profile_for, partitions)


def raw(source: str, profile: str = "", data: bytes = b"x") -> RawRecord:
    return RawRecord(data, 0, "syslog-udp", f"{source}:514", source, "", profile)


@pytest.mark.parametrize(("count", "partitions"), [(2, 2), (3, 4), (7, 7), (24, 24), (5, 24), (256, 256), (300, 1024)])
def test_as_many_shards_as_there_are_partitions_collide_nowhere(count, partitions):
    for source in ("192.0.2.7", "[2001:db8::1]", "tường-lửa", "/var/log/fw.log"):
        keys = shard_keys(source, count, partitions)
        assert len(keys) == len({partition_of(key, partitions) for key in keys}) == count


def test_more_shards_than_partitions_fill_each_partition_alike():
    held = Counter(partition_of(key, 4) for key in shard_keys("fw", 8, 4))
    assert held == dict.fromkeys(range(4), 2)


def test_keys_are_the_source_and_a_number_and_never_change():
    assert shard_keys("fw", 3, 4) == shard_keys("fw", 3, 4)
    assert all(key.startswith(b"fw#") and key[3:].isdigit() for key in shard_keys("fw", 3, 4))


def test_a_source_whose_profile_is_named_goes_round_its_shards():
    spread = shards(HEAVY, PLAIN)
    keys = [spread.key(raw("fw", "heavy"), b"fw") for _ in range(9)]
    assert Counter(keys) == dict.fromkeys(shard_keys("fw", 3, 8), 3)


def test_without_a_named_profile_the_normalizers_choice_decides():
    spread = shards(BY_ADDRESS)
    assert spread.key(raw("192.0.2.7"), b"192.0.2.7") in shard_keys("192.0.2.7", 2, 8)
    assert spread.key(raw("198.51.100.7"), b"198.51.100.7") == b"198.51.100.7"


def test_two_sources_of_one_profile_have_their_own_shards():
    spread = shards(HEAVY)
    first, second = (spread.key(raw(name, "heavy"), name.encode()) for name in ("fw1", "fw2"))
    assert (first, second) == (shard_keys("fw1", 3, 8)[0], shard_keys("fw2", 3, 8)[0])


def test_no_record_is_looked_at_where_no_profile_has_shards():
    assert not Shards.wanted([PLAIN, SourceProfile(name="other")])
    assert Shards.wanted([PLAIN, HEAVY])
